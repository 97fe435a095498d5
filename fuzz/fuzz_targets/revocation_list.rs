//! Wraps [`sealgate_fuzz::revocation_list`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::revocation_list(data));
