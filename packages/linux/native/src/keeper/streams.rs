//! The streams of one process, seen from the keeper.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::Uid;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Resource, getrlimit};
use rustix::termios::Winsize;

use crate::error::{Context, Fail, Result};
use crate::plan::Io;
use crate::poll::{EventFlags, Poller, READ, WRITE, Watch};

/// Input that the process has not taken yet; beyond it, those who send it have to wait.
pub const STDIN_HIGH: usize = 256 * 1024;

/// The ends of pipes that the process gets.
pub struct Ends {
    pub stdin: Option<OwnedFd>,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

impl Ends {
    /// Gives them to a user whose namespace this process is not in, where the process itself could not take them.
    pub fn chown(&self, uid: u32) -> Result<()> {
        for fd in self.stdin.iter().chain([&self.stdout, &self.stderr]) {
            rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), None).step("chown the streams")?;
        }
        Ok(())
    }
}

struct Stream {
    fd: OwnedFd,
    watch: Watch,
}

impl Stream {
    fn new(fd: OwnedFd) -> Self {
        Self { fd, watch: Watch::default() }
    }
}

/// What came of a read.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Data(usize),
    Nothing,
    Ended,
}

pub struct Streams {
    pub terminal: bool,
    pub stdin_once: bool,
    /// Of a terminal: the master, for both ways.
    input: Option<Stream>,
    outputs: [Option<Stream>; 2],
    queue: Vec<u8>,
    sent: usize,
    /// To be closed once the queue is empty.
    ending: bool,
}

fn nonblocking(fd: &OwnedFd) -> Result<()> {
    rustix::io::ioctl_fionbio(fd, true).step("ioctl")
}

impl Streams {
    /// Of a process that gets no terminal; with the ends to give it.
    pub fn pipes(io: &Io) -> Result<(Self, Ends)> {
        let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("pipe");
        let (stdin, input) = if io.stdin {
            let (theirs, mine) = pipe()?;
            nonblocking(&mine)?;
            (Some(theirs), Some(Stream::new(mine)))
        } else {
            (None, None)
        };
        let ((out, stdout), (err, stderr)) = (pipe()?, pipe()?);
        nonblocking(&out)?;
        nonblocking(&err)?;
        let streams = Self {
            terminal: false,
            stdin_once: io.stdin_once,
            input,
            outputs: [Some(Stream::new(out)), Some(Stream::new(err))],
            queue: Vec::new(),
            sent: 0,
            ending: false,
        };
        Ok((streams, Ends { stdin, stdout, stderr }))
    }

    /// Of a process with a terminal, once its master is there.
    pub fn terminal(io: &Io) -> Self {
        Self {
            terminal: true,
            stdin_once: io.stdin_once,
            input: None,
            outputs: [None, None],
            queue: Vec::new(),
            sent: 0,
            ending: false,
        }
    }

    pub fn set_master(&mut self, master: OwnedFd) -> Result<()> {
        nonblocking(&master)?;
        self.outputs[0] = Some(Stream::new(master));
        Ok(())
    }

    pub fn resize(&self, rows: u16, cols: u16) -> Result<()> {
        match &self.outputs[0] {
            Some(master) if self.terminal => {
                let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
                rustix::termios::tcsetwinsize(&master.fd, size).step("set the terminal's size")
            }
            _ => Err(Fail::conflict("the process has no terminal")),
        }
    }

    pub fn has_input(&self) -> bool {
        if self.terminal { self.outputs[0].is_some() } else { self.input.is_some() && !self.ending }
    }

    pub fn ended(&self) -> bool {
        self.outputs.iter().all(Option::is_none)
    }

    /// Takes input; `write_input` passes it on. False: the process takes no more.
    pub fn queue_input(&mut self, data: &[u8]) -> bool {
        if !self.has_input() {
            return false;
        }
        self.queue.extend_from_slice(data);
        self.write_input()
    }

    /// The process gets end of file when it has read what is queued. A terminal has no such thing.
    pub fn end_input(&mut self, poller: &Poller) {
        if !self.terminal {
            self.ending = true;
            self.close_ended(poller);
        }
    }

    fn close_ended(&mut self, poller: &Poller) {
        if self.ending && self.pending_input() == 0 {
            self.close_input(poller);
        }
    }

    pub fn pending_input(&self) -> usize {
        self.queue.len() - self.sent
    }

    fn close_input(&mut self, poller: &Poller) {
        self.queue = Vec::new();
        self.sent = 0;
        if let Some(mut input) = self.input.take() {
            input.watch.set(poller, &input.fd, 0, None);
        }
    }

    /// False: the process takes no more.
    fn write_input(&mut self) -> bool {
        let input = if self.terminal { &self.outputs[0] } else { &self.input };
        let Some(input) = input else { return false };
        while self.sent < self.queue.len() {
            match rustix::io::write(&input.fd, &self.queue[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => return false,
            }
        }
        if self.sent == self.queue.len() {
            self.queue.clear();
            self.sent = 0;
            self.queue.shrink_to(STDIN_HIGH);
        } else if self.sent > STDIN_HIGH {
            self.queue.drain(..self.sent);
            self.sent = 0;
        }
        true
    }

    /// The process may take input again. False: it takes no more, ever.
    pub fn input_ready(&mut self, poller: &Poller) -> bool {
        let fine = self.write_input();
        if fine {
            self.close_ended(poller);
        } else {
            self.close_input(poller);
        }
        fine
    }

    /// Reads output once; an output that has ended is closed.
    pub fn read(&mut self, index: usize, buffer: &mut [u8], poller: &Poller) -> Read {
        let Some(stream) = &self.outputs[index] else { return Read::Ended };
        let read = loop {
            match rustix::io::read(&stream.fd, &mut *buffer) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        match read {
            Ok(n) if n > 0 => Read::Data(n),
            Err(Errno::AGAIN) => Read::Nothing,
            // EIO: nobody has the terminal open any more.
            _ => {
                self.close_output(index, poller);
                Read::Ended
            }
        }
    }

    fn close_output(&mut self, index: usize, poller: &Poller) {
        if let Some(mut stream) = self.outputs[index].take() {
            stream.watch.set(poller, &stream.fd, 0, None);
        }
    }

    /// Gives up what is still open.
    pub fn close(&mut self, poller: &Poller) {
        self.close_input(poller);
        for index in 0..2 {
            self.close_output(index, poller);
        }
    }

    /// Registers for what is of interest now. `paused`: of which output nothing is to be read.
    pub fn watch(&mut self, poller: &Poller, tokens: [u64; 3], paused: [bool; 2]) {
        let pending = self.pending_input() > 0;
        if let Some(input) = &mut self.input {
            input.watch.set(poller, input.fd.as_fd(), tokens[0], pending.then_some(WRITE));
        }
        for index in 0..2 {
            if let Some(stream) = &mut self.outputs[index] {
                let mut want = EventFlags::empty();
                if !paused[index] {
                    want |= READ;
                }
                if self.terminal && pending {
                    want |= WRITE;
                }
                stream.watch.set(poller, stream.fd.as_fd(), tokens[1 + index], (!want.is_empty()).then_some(want));
            }
        }
    }
}

/// How many processes' streams fit the descriptors that this process may have.
pub fn max_processes() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(1024);
    (files / 8).clamp(16, 4096) as usize
}
