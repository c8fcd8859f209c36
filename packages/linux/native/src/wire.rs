//! Frames: `u32 big-endian length | u8 type | payload`, and connections that block.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

/// Greatest value of the length field: the type byte and the payload.
pub const MAX_LEN: usize = 1024 * 1024;
pub const HEADER: usize = 5;

pub const JSON: u8 = 0x00;
pub const STDIN: u8 = 0x01;
pub const STDOUT: u8 = 0x02;
pub const STDERR: u8 = 0x03;
pub const FS_BATCH: u8 = 0x10;
pub const BULK: u8 = 0x11;
pub const BULK_END: u8 = 0x12;

/// The peer sent what is no frame: the connection is to be closed.
#[derive(Debug, PartialEq, Eq)]
pub struct BadFrame;

impl From<BadFrame> for io::Error {
    fn from(_: BadFrame) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, "a frame of impossible length")
    }
}

/// Bytes in, frames out. Holds at most one frame and what was read beyond it.
#[derive(Default)]
pub struct Decoder {
    buf: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// How much a read should offer room for: the rest of the frame at hand, but no small piece.
    fn want(&self) -> usize {
        let have = self.buf.len() - self.start;
        let need = match self.buf.get(self.start..self.start + 4) {
            Some(head) => {
                let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
                (len.min(MAX_LEN) + 4).saturating_sub(have)
            }
            None => 0,
        };
        need.max(4096)
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.compact();
        self.buf.extend_from_slice(bytes);
    }

    fn compact(&mut self) {
        if self.start == self.buf.len() {
            self.buf.clear();
            self.start = 0;
            // One large frame must not cost its memory for ever.
            if self.buf.capacity() > 64 * 1024 {
                self.buf.shrink_to(16 * 1024);
            }
        } else if self.start > 0 {
            self.buf.drain(..self.start);
            self.start = 0;
        }
    }

    /// One read(2) into the buffer. `Ok(0)`: end of file.
    pub fn fill(&mut self, fd: impl AsFd) -> rustix::io::Result<usize> {
        let want = self.want();
        self.compact();
        self.buf.reserve(want);
        let spare = rustix::buffer::spare_capacity(&mut self.buf);
        rustix::io::read(fd, spare)
    }

    /// The next whole frame as `(type, payload)`, if there is one.
    pub fn next_frame(&mut self) -> Result<Option<(u8, &[u8])>, BadFrame> {
        let Some(len) = self.frame_len()? else { return Ok(None) };
        let begin = self.start + 4;
        self.start = begin + len;
        let frame = &self.buf[begin..begin + len];
        Ok(Some((frame[0], &frame[1..])))
    }

    /// Whether `next_frame` would yield a frame.
    pub fn has_frame(&self) -> Result<bool, BadFrame> {
        Ok(self.frame_len()?.is_some())
    }

    /// The length field of the frame at hand, if the frame is there as a whole.
    fn frame_len(&self) -> Result<Option<usize>, BadFrame> {
        let Some(head) = self.buf.get(self.start..self.start + 4) else { return Ok(None) };
        let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if len == 0 || len > MAX_LEN {
            return Err(BadFrame);
        }
        Ok((self.buf.len() >= self.start + 4 + len).then_some(len))
    }

    /// Bytes held: of the frame at hand, and what came after it.
    pub fn held(&self) -> usize {
        self.buf.len() - self.start
    }

    /// Whether no byte is held.
    pub fn is_empty(&self) -> bool {
        self.start == self.buf.len()
    }
}

/// A connection that blocks, for processes that serve one client only.
pub struct BlockingConn {
    fd: OwnedFd,
    decoder: Decoder,
}

impl BlockingConn {
    /// `decoder` may hold frames that the client sent ahead.
    pub fn new(fd: OwnedFd, decoder: Decoder) -> Self {
        Self { fd, decoder }
    }

    /// The next frame; `None` at the end of the connection. A connection that ends within a frame is `UnexpectedEof`.
    pub fn read_frame(&mut self) -> io::Result<Option<(u8, &[u8])>> {
        while !self.decoder.has_frame()? {
            match self.decoder.fill(&self.fd) {
                Ok(0) if self.decoder.is_empty() => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(self.decoder.next_frame()?)
    }

    /// Sends one frame made of `parts`; more than a frame holds is `InvalidInput`.
    pub fn write_frame(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        let head = header(kind, parts.iter().map(|p| p.len()).sum())?;
        let mut slices = Vec::with_capacity(parts.len() + 1);
        slices.push(IoSlice::new(&head));
        slices.extend(parts.iter().map(|p| IoSlice::new(p)));
        let mut left = &mut slices[..];
        while !left.is_empty() {
            match rustix::io::writev(&self.fd, left) {
                Ok(n) => IoSlice::advance_slices(&mut left, n),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    pub fn write_json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        self.write_frame(JSON, &[&serde_json::to_vec(value)?])
    }
}

impl AsFd for BlockingConn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The header of a frame with `payload` bytes behind it.
pub fn header(kind: u8, payload: usize) -> io::Result<[u8; HEADER]> {
    if payload >= MAX_LEN {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "more than a frame holds"));
    }
    let [a, b, c, d] = ((payload + 1) as u32).to_be_bytes();
    Ok([a, b, c, d, kind])
}
