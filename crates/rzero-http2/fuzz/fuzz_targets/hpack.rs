//! Header blocks: what is decoded survives encoding, and nothing costs more than its limit.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rzero_http2_fuzz::hpack(input));
