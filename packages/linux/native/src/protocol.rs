//! Everything that a client's bytes go through before anything is done, in one place: for the fuzzer and for the test that runs
//! the same over seeded noise.

use crate::conn::{self, body};
use crate::fs;
use crate::plan::{CreateRequest, ExecRequest};
use crate::setup::KeeperRequest;
use crate::wire::{Decoder, HEADER, MAX_LEN};

/// Parses a stream that comes in pieces of these sizes (cycled). Returns how many frames there were, and whether the stream
/// broke. It must neither panic nor hold more than a frame and a piece.
pub fn parse_stream(bytes: &[u8], pieces: &[usize]) -> (usize, bool) {
    let mut decoder = Decoder::default();
    let mut frames = 0;
    let mut rest = bytes;
    for size in pieces.iter().copied().cycle().map(|size| size.clamp(1, MAX_LEN)) {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some((kind, payload))) => {
                    frames += 1;
                    parse_request(kind, payload);
                }
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
        assert!(decoder.held() <= HEADER + MAX_LEN + size, "a decoder holds one frame and what came with its end");
    }
    (frames, false)
}

/// Parses one frame as whatever it may be.
pub fn parse_request(kind: u8, payload: &[u8]) {
    fs::parse(kind, payload);
    if conn::head(kind, payload).is_err() {
        return;
    }
    if let Ok(request) = body::<CreateRequest>(payload) {
        // A verdict of either kind is fine.
        let _ = request.check();
    }
    if let Ok(request) = body::<ExecRequest>(payload) {
        let _ = request.check();
    }
    if let Ok(request) = body::<KeeperRequest>(payload) {
        let _ = request.check();
    }
}
