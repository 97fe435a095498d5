//! Wraps [`sealgate_fuzz::form_data`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::form_data(data));
