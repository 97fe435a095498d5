//! Wraps [`sealgate_fuzz::mailauth`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::mailauth(data));
