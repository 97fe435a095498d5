//! Wraps [`sealgate_fuzz::key_file`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::key_file(data));
