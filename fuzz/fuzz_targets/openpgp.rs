//! Wraps [`sealgate_fuzz::openpgp`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::openpgp(data));
