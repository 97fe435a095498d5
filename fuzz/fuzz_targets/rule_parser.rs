//! Wraps [`sealgate_fuzz::rule_parser`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::rule_parser(data));
