//! Wraps [`sealgate_fuzz::scanner_answers`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::scanner_answers(data));
