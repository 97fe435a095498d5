//! Wraps [`sealgate_fuzz::sealed_records`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::sealed_records(data));
