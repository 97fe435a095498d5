//! Wraps [`sealgate_fuzz::mta_sts`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::mta_sts(data));
