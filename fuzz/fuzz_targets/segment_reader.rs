//! Wraps [`sealgate_fuzz::segment_reader`] for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sealgate_fuzz::segment_reader(data));
