//! Wraps [`sealgate_fuzz::story_log`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::story_log(data));
