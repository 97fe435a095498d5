//! Wraps [`sealgate_fuzz::cms`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::cms(data));
