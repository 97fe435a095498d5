//! Wraps [`sealgate_fuzz::tnef`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::tnef(data));
