//! Wraps [`sealgate_fuzz::wbxml_text`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::wbxml_text(data));
