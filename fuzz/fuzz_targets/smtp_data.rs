//! Wraps [`sealgate_fuzz::smtp_data`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::smtp_data(data));
