//! Wraps [`sealgate_fuzz::eas_query`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::eas_query(data));
