//! Messages with descriptors between a keeper and the processes it starts, over a SEQPACKET pair.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg,
};

/// To the child: set your ids and go on (a new user namespace is mapped).
pub const GO: u8 = b'G';
/// To the child: the plan's memory, and its first descriptors. Then `FDS` with more of them.
pub const PLAN: u8 = b'P';
pub const FDS: u8 = b'F';
/// To the child: execute.
pub const START: u8 = b'S';
/// From the child: its namespaces are there.
pub const READY: u8 = b'R';
/// From the child: all but the exec is done; the terminal's master is with it if there is one.
pub const CREATED: u8 = b'C';
/// From the child: it failed before, and ends. JSON follows.
pub const FAILED: u8 = b'E';
/// From the child: the exec failed. The error's number follows.
pub const NO_EXEC: u8 = b'X';

/// Descriptors of one message; the kernel's limit is 253.
pub const MAX_FDS: usize = 200;
const CONTROL: usize = MAX_FDS * size_of::<i32>() + 64;

pub fn pair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Sends one message. Nobody is there: `EPIPE`.
pub fn send(channel: impl AsFd, kind: u8, text: &[u8], fds: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::TOOMANYREFS);
    }
    let head = [kind];
    let parts = [IoSlice::new(&head), IoSlice::new(text)];
    loop {
        match sendmsg(&channel, &parts, &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// One message: its kind, its text, its descriptors.
pub struct Message {
    pub kind: u8,
    pub text: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// Receives one message, blocking or not as `flags` say. `None`: the other side is gone.
pub fn receive(channel: impl AsFd, flags: RecvFlags) -> rustix::io::Result<Option<Message>> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut buffer = [0u8; 8192];
    let received = loop {
        match recvmsg(&channel, &mut [IoSliceMut::new(&mut buffer)], &mut control, flags | RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(None),
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    let Some((kind, text)) = buffer[..received.bytes.min(buffer.len())].split_first() else { return Ok(None) };
    Ok(Some(Message { kind: *kind, text: text.to_vec(), fds }))
}
