//! Wraps [`sealgate_fuzz::autodiscover`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::autodiscover(data));
