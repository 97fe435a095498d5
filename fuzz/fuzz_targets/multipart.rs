//! Wraps [`sealgate_fuzz::multipart`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::multipart(data));
