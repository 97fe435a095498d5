//! Wraps [`sealgate_fuzz::auth_exchange`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::auth_exchange(data));
