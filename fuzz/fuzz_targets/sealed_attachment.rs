//! Wraps [`sealgate_fuzz::sealed_attachment`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::sealed_attachment(data));
