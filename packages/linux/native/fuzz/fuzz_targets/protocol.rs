//! `cargo +nightly fuzz run protocol` in `native/`.
#![no_main]

use gantry_native::protocol::parse_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<usize>)| {
    let (bytes, mut pieces) = input;
    pieces.push(4096);
    parse_stream(&bytes, &pieces);
});
