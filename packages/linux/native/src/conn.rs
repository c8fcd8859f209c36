//! A client's connection that never blocks, and the listening socket.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with,
};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Fail, Result};
use crate::poll::{EventFlags, Poller, READ, WRITE, Watch};
use crate::sys::net::peer_uid;
use crate::wire::{self, BadFrame, Decoder};

/// Control messages held for a client that does not read; one that is further behind is cut off.
const MAX_CONTROL: usize = 4 * 1024 * 1024;

pub struct Conn {
    fd: OwnedFd,
    pub decoder: Decoder,
    out: Vec<u8>,
    sent: usize,
    watch: Watch,
    /// Of no more use: to be dropped.
    pub dead: bool,
    /// The peer has said hello.
    pub greeted: bool,
    /// To be closed once everything has left.
    pub closing: bool,
}

impl Conn {
    pub fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            decoder: Decoder::default(),
            out: Vec::new(),
            sent: 0,
            watch: Watch::default(),
            dead: false,
            greeted: false,
            closing: false,
        }
    }

    /// Bytes that have not left yet.
    pub fn pending(&self) -> usize {
        self.out.len() - self.sent
    }

    /// One read. False: the peer has closed, or the connection is broken.
    pub fn fill(&mut self) -> bool {
        match self.decoder.fill(&self.fd) {
            Ok(0) => false,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// Sends one frame: as much as goes at once, the rest when `flush` is called.
    pub fn send(&mut self, kind: u8, payload: &[u8]) {
        if self.dead {
            return;
        }
        let Ok(head) = wire::header(kind, payload.len()) else {
            // No message of ours is that long, but for a reply that the kernel made too long: its sender has checked it.
            self.dead = true;
            return;
        };
        let mut skip = 0;
        if self.pending() == 0 {
            match rustix::io::writev(&self.fd, &[IoSlice::new(&head), IoSlice::new(payload)]) {
                Ok(n) => skip = n,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => {
                    self.dead = true;
                    return;
                }
            }
        }
        self.queue(&head, &mut skip);
        self.queue(payload, &mut skip);
    }

    fn queue(&mut self, bytes: &[u8], skip: &mut usize) {
        let from = bytes.len().min(*skip);
        *skip -= from;
        self.out.extend_from_slice(&bytes[from..]);
    }

    pub fn send_json(&mut self, value: &impl Serialize) {
        match serde_json::to_vec(value) {
            Ok(text) => self.send(wire::JSON, &text),
            Err(_) => self.dead = true,
        }
        if self.pending() > MAX_CONTROL {
            self.dead = true;
        }
    }

    pub fn answer(&mut self, id: u32, result: Result<serde_json::Value>) {
        match result {
            Ok(ok) => self.send_json(&serde_json::json!({ "id": id, "ok": ok })),
            Err(fail) => self.send_json(&serde_json::json!({ "id": id, "error": fail.to_json() })),
        }
    }

    pub fn flush(&mut self) {
        while self.pending() > 0 && !self.dead {
            match rustix::net::send(&self.fd, &self.out[self.sent..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(n) => self.sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => self.dead = true,
            }
        }
        if self.pending() == 0 {
            self.out.clear();
            self.sent = 0;
            if self.out.capacity() > 64 * 1024 {
                self.out.shrink_to(4 * 1024);
            }
        } else if self.sent > 256 * 1024 && self.sent > self.out.len() / 2 {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Registers for what is of interest now. `read: false` while the peer is to wait.
    pub fn watch(&mut self, poller: &Poller, token: u64, read: bool) {
        let mut want = EventFlags::empty();
        if read {
            want |= READ;
        }
        if self.pending() > 0 {
            want |= WRITE;
        }
        // Without any interest a hang-up would be told again and again.
        self.watch.set(poller, &self.fd, token, (!want.is_empty()).then_some(want));
    }

    /// Takes the connection out of the loop, to hand it to another process.
    pub fn into_parts(mut self, poller: &Poller) -> (OwnedFd, Decoder) {
        self.watch.set(poller, &self.fd, 0, None);
        (self.fd, self.decoder)
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Listens on `path` with mode 0600, replacing a stale socket.
pub fn listen_on(path: &Path) -> Result<OwnedFd> {
    let name = path.file_name().unwrap_or_default();
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}", rustix::process::getpid().as_raw_nonzero()));
    let temporary = path.with_file_name(temporary);
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)
            .step("socket")?;
    // The final name has to fit where clients connect; the temporary one is bound from here only.
    SocketAddrUnix::new(path).map_err(|_| Fail::invalid(format!("{} is too long for a socket", path.display())))?;
    let address = SocketAddrUnix::new(&temporary)
        .map_err(|_| Fail::invalid(format!("{} is too long for a socket", path.display())))?;
    let _ = rustix::fs::unlink(&temporary);
    let umask = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = bind(&socket, &address);
    rustix::process::umask(umask);
    bound.step_with(|| format!("bind {}", temporary.display()))?;
    listen(&socket, 128).step("listen")?;
    rustix::fs::rename(&temporary, path).step_with(|| format!("rename to {}", path.display()))?;
    Ok(socket)
}

/// The next client, if it is ours: same user as this process.
pub fn accept(listener: &OwnedFd) -> Option<OwnedFd> {
    loop {
        match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(fd) => {
                if peer_uid(fd.as_fd()) == Ok(rustix::process::geteuid().as_raw()) {
                    return Some(fd);
                }
            }
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                // The client stays in the queue, and would be told of again at once.
                std::thread::sleep(std::time::Duration::from_millis(5));
                return None;
            }
            Err(_) => return None,
        }
    }
}

/// Who this process is, to its clients.
#[derive(Clone)]
pub struct Identity {
    pub role: &'static str,
    pub build: String,
    pub instance: String,
}

pub const VERSION: u32 = 1;

#[derive(Deserialize)]
struct HelloFrame {
    hello: Hello,
}

#[derive(Deserialize)]
struct Hello {
    min: u32,
    max: u32,
    instance: String,
    #[serde(default)]
    quit: bool,
}

/// What a first frame was.
#[derive(Debug, PartialEq, Eq)]
pub enum Greeting {
    Accepted,
    /// Refused; the client was told, and the connection ends.
    Refused,
    /// Whatever its version: the process is to end when it has nothing left to do.
    Quit,
}

impl Identity {
    /// Answers a first frame.
    pub fn greet(&self, conn: &mut Conn, kind: u8, payload: &[u8]) -> Greeting {
        let hello = match (kind, serde_json::from_slice::<HelloFrame>(payload)) {
            (wire::JSON, Ok(frame)) => frame.hello,
            _ => return Self::refuse(conn, Fail::invalid("the first frame has to be a hello")),
        };
        if hello.instance != self.instance {
            return Self::refuse(conn, Fail::conflict(format!("this {} serves another instance", self.role)));
        }
        if hello.quit {
            conn.send_json(&serde_json::json!({ "hello": self.about() }));
            conn.closing = true;
            return Greeting::Quit;
        }
        if hello.min > VERSION || hello.max < VERSION {
            let message = format!("this {} speaks version {VERSION} only", self.role);
            return Self::refuse(conn, Fail::unsupported(message));
        }
        conn.greeted = true;
        conn.send_json(&serde_json::json!({ "hello": self.about() }));
        Greeting::Accepted
    }

    fn about(&self) -> serde_json::Value {
        serde_json::json!({
            "version": VERSION,
            "build": self.build,
            "instance": self.instance,
            "role": self.role,
            "pid": rustix::process::getpid().as_raw_nonzero(),
        })
    }

    fn refuse(conn: &mut Conn, fail: Fail) -> Greeting {
        conn.send_json(&serde_json::json!({ "error": fail.to_json() }));
        conn.closing = true;
        Greeting::Refused
    }
}

/// What every request has.
#[derive(Deserialize)]
pub struct Head {
    pub id: u32,
    pub op: String,
}

/// The head of a request frame.
pub fn head(kind: u8, payload: &[u8]) -> std::result::Result<Head, BadFrame> {
    if kind != wire::JSON {
        return Err(BadFrame);
    }
    serde_json::from_slice(payload).map_err(|_| BadFrame)
}

/// The body of a request, as its operation needs it.
pub fn body<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|e| Fail::invalid(format!("malformed request: {e}")))
}
