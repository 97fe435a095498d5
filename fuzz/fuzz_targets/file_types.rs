//! Wraps [`sealgate_fuzz::file_types`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::file_types(data));
