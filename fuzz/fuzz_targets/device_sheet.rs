//! Wraps [`sealgate_fuzz::device_sheet`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::device_sheet(data));
