//! The client's end of a connection.
#![no_main]

use rzero_http2::connection::Role;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rzero_http2_fuzz::run(Role::Client, std::time::Instant::now(), input);
});
