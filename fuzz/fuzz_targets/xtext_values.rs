//! Wraps [`sealgate_fuzz::xtext_values`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::xtext_values(data));
