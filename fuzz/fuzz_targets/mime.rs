//! Wraps [`sealgate_fuzz::mime`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::mime(data));
