//! Wraps [`sealgate_fuzz::smtp_reply`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::smtp_reply(data));
