//! Wraps [`sealgate_fuzz::proxy_header`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::proxy_header(data));
