//! Carries netlink messages: what they mean is known to the caller alone.

use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, sendto, socket_with, sockopt,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base64;
use crate::error::{Context, Fail, Result};
use crate::wire::MAX_LEN;

#[derive(Deserialize)]
pub struct Request {
    protocol: u32,
    netns: Option<PathBuf>,
    messages: Vec<String>,
}

const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
/// What an answer can hold, base64 and JSON around it taken off.
const MAX_REPLY: usize = (MAX_LEN - 64 * 1024) / 4 * 3;
/// Room for the acknowledgements of a large batch.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// The kernel answers before the send returns; families that do not are waited for so long.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// One message of a datagram: its header, and its bytes.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    bytes: &'a [u8],
}

/// The messages that a datagram is made of; `None`: it is none.
fn split(mut datagram: &[u8]) -> Option<Vec<Message<'_>>> {
    let mut out = Vec::new();
    while let Some(head) = datagram.get(..HEADER) {
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length < HEADER {
            return None;
        }
        out.push(Message {
            kind: u16::from_ne_bytes([head[4], head[5]]),
            flags: u16::from_ne_bytes([head[6], head[7]]),
            sequence: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
            bytes: datagram.get(..length)?,
        });
        datagram = &datagram[length.next_multiple_of(4).min(datagram.len())..];
    }
    (datagram.is_empty() && !out.is_empty()).then_some(out)
}

/// Runs in a process of its own, whose network namespace it may change.
pub fn run(request: &Request) -> Result<Value> {
    let datagrams = request.messages.iter().map(|text| {
        let bytes = base64::decode(text).ok_or_else(|| Fail::invalid("messages: base64"))?;
        let Some(messages) = split(&bytes) else {
            return Err(Fail::invalid(
                "messages: each has to be whole netlink messages with headers that tell their lengths",
            ));
        };
        let asking = messages.iter().filter(|m| m.flags & NLM_F_ACK != 0 || m.flags & NLM_F_DUMP == NLM_F_DUMP);
        let waiting: Vec<u32> = asking.map(|m| m.sequence).collect();
        Ok((bytes, waiting))
    });
    let datagrams: Vec<(Vec<u8>, Vec<u32>)> = datagrams.collect::<Result<_>>()?;
    if let Some(path) = &request.netns {
        let namespace = crate::files::open_namespace(path)?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).step("setns net")?;
    }
    let protocol = NonZeroU32::new(request.protocol).map(Protocol::from_raw);
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol).step("netlink socket")?;
    sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).step("setsockopt")?;
    let mut room = MAX_REPLY;
    let mut replies = Vec::with_capacity(datagrams.len());
    for (bytes, waiting) in datagrams {
        sendto(&socket, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).step("send to netlink")?;
        replies.push(collect(&socket, waiting, &mut room)?);
    }
    Ok(json!({ "replies": replies }))
}

/// What comes back until every message that asked for an end of its answer has got it.
fn collect(socket: &OwnedFd, mut waiting: Vec<u32>, room: &mut usize) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let mut refused = false;
    let mut buffer = vec![0u8; 64 * 1024];
    while !waiting.is_empty() {
        let n = match rustix::net::recv(socket, &mut buffer[..], RecvFlags::TRUNC | RecvFlags::DONTWAIT) {
            Ok((n, whole)) if n == whole => n,
            Ok(_) => return Err(Fail::os(Errno::MSGSIZE, "receive from netlink")),
            // A batch that was refused gets no more answers.
            Err(Errno::AGAIN) if refused => break,
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(socket, PollFlags::IN)];
                if poll(&mut fds, Some(&PATIENCE)).step("poll")? == 0 {
                    return Err(Fail::os(Errno::TIMEDOUT, "receive from netlink"));
                }
                continue;
            }
            Err(errno) => return Err(Fail::os(errno, "receive from netlink")),
        };
        let messages =
            split(&buffer[..n]).ok_or_else(|| Fail::internal("netlink answered with a malformed message"))?;
        for message in messages {
            *room = room.checked_sub(message.bytes.len()).ok_or_else(|| {
                Fail::os(Errno::MSGSIZE, "the answers of netlink do not fit one frame: ask for less at once")
            })?;
            out.push(base64::encode(message.bytes));
            if message.kind == NLMSG_ERROR || message.kind == NLMSG_DONE {
                waiting.retain(|sequence| *sequence != message.sequence);
                refused |= message.kind == NLMSG_ERROR && message.bytes.get(HEADER..HEADER + 4) != Some(&[0; 4][..]);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::split;

    fn message(length: u32, total: usize) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.resize(total, 0);
        bytes
    }

    #[test]
    fn splits_and_refuses() {
        assert_eq!(split(&message(16, 16)).map(|m| m.len()), Some(1));
        let two = [message(17, 20), message(16, 16)].concat();
        assert_eq!(split(&two).map(|m| m.len()), Some(2));
        for bad in [message(0, 16), message(15, 16), message(17, 16), message(u32::MAX, 16), message(16, 17), vec![]] {
            assert!(split(&bad).is_none(), "{bad:?}");
        }
    }
}
