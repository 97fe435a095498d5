//! Wraps [`sealgate_fuzz::dns_texts`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::dns_texts(data));
