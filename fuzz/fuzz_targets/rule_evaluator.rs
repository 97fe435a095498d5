//! Wraps [`sealgate_fuzz::rule_evaluator`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::rule_evaluator(data));
