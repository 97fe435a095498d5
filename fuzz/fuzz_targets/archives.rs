//! Wraps [`sealgate_fuzz::archives`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::archives(data));
