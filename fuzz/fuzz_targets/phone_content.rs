//! Wraps [`sealgate_fuzz::phone_content`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::phone_content(data));
