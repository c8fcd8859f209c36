//! The role `zygote`: forks the others, and mounts for the daemon.

mod netlink;
pub mod ops;
mod reap;
mod start;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, WaitOptions, WaitStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::conn::{self, Conn, Greeting, Identity, accept, body, listen_on};
use crate::error::{Context, Fail, Result};
use crate::poll::{HANG_UP, Poller, READ};
use crate::seed::Seed;
use crate::setup::{KeeperRequest, Record};
use crate::sys::exec::close_all_but;
use crate::sys::process::{Fork, fork};
use crate::sys::signal;
use crate::wire::{BlockingConn, MAX_LEN};

pub use self::start::{DETACHED, start};

const LISTENER: u64 = 1;
const CHILDREN: u64 = 2;
/// Tokens of connections and of jobs: their number below these.
const CONN: u64 = 1 << 32;
const JOB: u64 = 2 << 32;

/// Keepers at most: beyond that something is wrong, and the machine is to stay usable.
const MAX_CHILDREN: usize = 10_000;

struct Client {
    conn: Conn,
    watching: bool,
}

/// A forked child that answers a request through a pipe.
struct Job {
    pipe: File,
    answer: Vec<u8>,
    client: u32,
    request: u32,
    /// Its process is a keeper and goes on.
    keeper: Option<i32>,
}

/// Where one is after the fork of a job.
enum Side {
    /// With the end of the pipe that the answer is written to.
    Child(OwnedFd),
    Parent {
        job: u32,
        pid: i32,
    },
}

enum Child {
    Keeper {
        record: Box<Record>,
        ready: bool,
    },
    /// Puts away what a keeper left.
    Burial {
        key: String,
        dir: String,
        status: i32,
    },
    Other,
}

struct Zygote {
    poller: Poller,
    identity: Identity,
    seed: Seed,
    socket: std::path::PathBuf,
    /// Gone once the zygote takes no more work.
    listener: Option<(OwnedFd, OwnedFd)>,
    signals: OwnedFd,
    clients: BTreeMap<u32, Client>,
    jobs: BTreeMap<u32, Job>,
    children: BTreeMap<i32, Child>,
    next: u32,
}

/// How long a zygote that nobody needs stays, in milliseconds: longer than a daemon takes to restart.
const IDLE_MS: u64 = 10_000;

/// The detached process.
pub fn serve(args: impl Iterator<Item = String>) -> i32 {
    let detached = match start::Detached::take_over(args) {
        Ok(detached) => detached,
        Err(code) => return code,
    };
    let made = Zygote::prepare(&detached.options);
    let outcome = made.as_ref().map(|_| ()).map_err(Clone::clone);
    let (options, lock) = detached.report(&outcome);
    match made {
        Ok((poller, seed, signals, listener)) => {
            let mut zygote = Zygote {
                poller,
                identity: Identity { role: "zygote", build: options.build, instance: options.instance },
                seed,
                socket: options.socket,
                listener: Some((listener, lock)),
                signals,
                clients: BTreeMap::new(),
                jobs: BTreeMap::new(),
                children: BTreeMap::new(),
                next: 0,
            };
            zygote.run()
        }
        Err(_) => 1,
    }
}

impl Zygote {
    fn prepare(options: &start::Options) -> Result<(Poller, Seed, OwnedFd, OwnedFd)> {
        let _ = rustix::thread::set_name(c"gantry-zygote");
        rustix::process::set_child_subreaper(Some(Pid::INIT)).step("become a subreaper")?;
        let seed = Seed::make()?;
        let signals = signal::child_fd().step("signalfd")?;
        let poller = Poller::new().step("epoll")?;
        let listener = listen_on(&options.socket)?;
        poller.add(&listener, LISTENER, READ).step("epoll")?;
        poller.add(&signals, CHILDREN, READ).step("epoll")?;
        Ok((poller, seed, signals, listener))
    }

    fn run(&mut self) -> i32 {
        while self.listener.is_some() || self.busy() {
            let events = match self.poller.wait(self.unneeded().then_some(IDLE_MS)) {
                Ok(events) if events.is_empty() && self.unneeded() => {
                    // Whoever comes at this very moment still finds somebody.
                    self.accept();
                    if self.unneeded() {
                        self.quit();
                    }
                    continue;
                }
                Ok(events) => events,
                Err(errno) => {
                    eprintln!("gantry-zygote: epoll: {errno}");
                    return 1;
                }
            };
            for (token, flags) in events {
                match token {
                    LISTENER => self.accept(),
                    CHILDREN => self.reap(),
                    token if token & JOB != 0 => self.job_says(token as u32),
                    token => self.client_says(token as u32, flags.intersects(READ | HANG_UP)),
                }
            }
        }
        0
    }

    /// Nobody is connected and nothing runs: an engine that comes back starts another one in milliseconds.
    fn unneeded(&self) -> bool {
        self.listener.is_some() && self.clients.is_empty() && self.children.is_empty() && self.jobs.is_empty()
    }

    /// A zygote that was told to end goes on while there are keepers, and until everybody has got their answer.
    fn busy(&self) -> bool {
        self.children.values().any(|child| !matches!(child, Child::Other))
            || !self.jobs.is_empty()
            || self.clients.values().any(|client| client.conn.pending() > 0)
    }

    fn accept(&mut self) {
        while let Some(fd) = self.listener.as_ref().and_then(|(listener, _)| accept(listener)) {
            let id = self.number();
            self.clients.insert(id, Client { conn: Conn::new(fd), watching: false });
            self.settle(id);
        }
    }

    fn number(&mut self) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.next
    }

    /// Drops a connection that is done with, and otherwise waits for what it needs next.
    fn settle(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.conn.dead || (client.conn.closing && client.conn.pending() == 0) {
            if let Some(client) = self.clients.remove(&id) {
                let _ = client.conn.into_parts(&self.poller);
            }
        } else {
            let read = !client.conn.closing;
            client.conn.watch(&self.poller, CONN | u64::from(id), read);
        }
    }

    fn client_says(&mut self, id: u32, readable: bool) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.conn.flush();
        if readable && !client.conn.closing && !client.conn.fill() {
            client.conn.dead = true;
        }
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return };
            if client.conn.dead || client.conn.closing {
                break;
            }
            let (kind, payload) = match client.conn.decoder.next_frame() {
                Ok(Some((kind, payload))) => (kind, payload.to_vec()),
                Ok(None) => break,
                Err(_) => {
                    client.conn.dead = true;
                    break;
                }
            };
            if !client.conn.greeted {
                if self.identity.greet(&mut client.conn, kind, &payload) == Greeting::Quit {
                    self.quit();
                }
                continue;
            }
            match conn::head(kind, &payload) {
                Ok(head) if head.op == "fs" => return self.fs(id, head.id, payload),
                Ok(head) => self.request(id, &head, &payload),
                Err(_) => client.conn.dead = true,
            }
        }
        self.settle(id);
    }

    fn request(&mut self, client: u32, head: &conn::Head, payload: &[u8]) {
        let result = match head.op.as_str() {
            "keeper" => self.keeper(client, head.id, payload).map(|()| None),
            "netlink" => self.netlink(client, head.id, payload).map(|()| None),
            "bury" => self.bury(client, head.id, payload).map(|()| None),
            "keepers" => Ok(Some(self.keepers())),
            "watch" => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.watching = true;
                }
                Ok(Some(json!({})))
            }
            "quit" => {
                self.quit();
                Ok(Some(json!({})))
            }
            op => ops::run(op, payload)
                .unwrap_or_else(|| Err(Fail::unsupported(format!("the zygote knows no operation {op}"))))
                .map(Some),
        };
        let result = match result {
            Ok(None) => return,
            Ok(Some(ok)) => Ok(ok),
            Err(fail) => Err(fail),
        };
        if let Some(client) = self.clients.get_mut(&client) {
            client.conn.answer(head.id, result);
        }
    }

    fn keepers(&self) -> Value {
        let list = self.children.iter().filter_map(|(pid, child)| match child {
            Child::Keeper { record, ready: true } => Some(json!({ "key": record.key, "pid": pid, "dir": record.dir })),
            _ => None,
        });
        json!({ "keepers": list.collect::<Vec<_>>() })
    }

    /// Takes no more work, and leaves its name to a successor.
    fn quit(&mut self) {
        let Some((listener, lock)) = self.listener.take() else { return };
        self.poller.remove(&listener);
        // The name may be a successor's already: only one's own socket is taken away, and the lock is held meanwhile.
        let _ = rustix::fs::unlink(&self.socket);
        drop(lock);
    }

    /// Forks a child whose answer comes through a pipe.
    fn fork_job(&mut self, client: u32, request: u32) -> Result<Side> {
        if self.children.len() >= MAX_CHILDREN {
            return Err(Fail::os(Errno::AGAIN, format!("there are {MAX_CHILDREN} processes already")));
        }
        let (mine, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("pipe")?;
        match fork().step("fork")? {
            Fork::Child => {
                // What is dropped later must not be closed before.
                drop(mine);
                self.become_child(&[theirs.as_raw_fd()]);
                Ok(Side::Child(theirs))
            }
            Fork::Parent(pid) => {
                drop(theirs);
                let pid = pid.as_raw_nonzero().get();
                self.children.insert(pid, Child::Other);
                rustix::io::ioctl_fionbio(&mine, true).step("ioctl")?;
                let job = self.number();
                self.poller.add(&mine, JOB | u64::from(job), READ).step("epoll")?;
                self.jobs.insert(job, Job { pipe: mine.into(), answer: Vec::new(), client, request, keeper: None });
                Ok(Side::Parent { job, pid })
            }
        }
    }

    fn keeper(&mut self, client: u32, id: u32, payload: &[u8]) -> Result<()> {
        let request: KeeperRequest = body(payload)?;
        request.check()?;
        // One without a socket has said goodbye, and only has not been waited for yet.
        let taken = |child: &Child| match child {
            Child::Keeper { record, ready } => record.key == request.key && (!ready || record.dir.join("s").exists()),
            _ => false,
        };
        if self.children.values().any(taken) {
            return Err(Fail::conflict(format!("there is a keeper {} already", request.key)));
        }
        match self.fork_job(client, id)? {
            Side::Child(pipe) => crate::keeper::run(request, &self.identity, &self.seed, pipe),
            Side::Parent { job, pid } => {
                let record = Box::new(Record::of_child(&request, pid, &self.identity.build));
                self.children.insert(pid, Child::Keeper { record, ready: false });
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.keeper = Some(pid);
                }
                Ok(())
            }
        }
    }

    fn netlink(&mut self, client: u32, id: u32, payload: &[u8]) -> Result<()> {
        let request: netlink::Request = body(payload)?;
        match self.fork_job(client, id)? {
            Side::Child(pipe) => finish(pipe, netlink::run(&request)),
            Side::Parent { .. } => Ok(()),
        }
    }

    fn bury(&mut self, client: u32, id: u32, payload: &[u8]) -> Result<()> {
        #[derive(Deserialize)]
        struct Bury {
            dir: std::path::PathBuf,
        }
        let request: Bury = body(payload)?;
        match self.fork_job(client, id)? {
            Side::Child(pipe) => finish(pipe, reap::bury_dir(&request.dir).map(|buried| json!({ "buried": buried }))),
            Side::Parent { .. } => Ok(()),
        }
    }

    /// Hands the connection to a child of its own.
    fn fs(&mut self, client: u32, id: u32, payload: Vec<u8>) {
        let Some(client) = self.clients.remove(&client) else { return };
        let (fd, decoder) = client.conn.into_parts(&self.poller);
        let forked = if self.children.len() >= MAX_CHILDREN { Err(Errno::AGAIN) } else { fork() };
        match forked {
            Ok(Fork::Child) => {
                self.become_child(&[fd.as_raw_fd()]);
                let _ = rustix::thread::set_name(c"gantry-fs");
                let ready = rustix::io::ioctl_fionbio(&fd, false);
                let mut conn = BlockingConn::new(fd, decoder);
                match (ready, serde_json::from_slice(&payload)) {
                    (Ok(()), Ok(request)) => crate::fs::run(id, request, conn),
                    _ => {
                        let fail = Fail::invalid("malformed request").to_json();
                        let told = conn.write_json(&json!({ "id": id, "error": fail }));
                        std::process::exit(i32::from(told.is_err()))
                    }
                }
            }
            Ok(Fork::Parent(pid)) => {
                self.children.insert(pid.as_raw_nonzero().get(), Child::Other);
            }
            Err(errno) => {
                let fail = Fail::os(errno, "fork").to_json();
                // The socket is empty: so short a message always fits.
                let _ = BlockingConn::new(fd, decoder).write_json(&json!({ "id": id, "error": fail }));
            }
        }
    }

    /// First thing in a forked child: only what it needs stays open, and signals are as a program expects them.
    fn become_child(&self, keep: &[i32]) {
        let mut keep = keep.to_vec();
        keep.extend(self.seed.fds());
        if let Err(errno) = close_all_but(&keep).and_then(|()| signal::unblock_all()) {
            eprintln!("gantry-zygote: prepare a child: {errno}");
            std::process::exit(1);
        }
    }

    /// Something came from a child's pipe, or it was closed.
    fn job_says(&mut self, number: u32) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        let mut buffer = [0u8; 16 * 1024];
        loop {
            match job.pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) if job.answer.len() + n <= MAX_LEN => job.answer.extend_from_slice(&buffer[..n]),
                Ok(_) => break,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        let Some(job) = self.jobs.remove(&number) else { return };
        self.poller.remove(&job.pipe);
        let answer = serde_json::from_slice(&job.answer)
            .unwrap_or_else(|_| json!({ "error": Fail::internal("the child ended without an answer").to_json() }));
        if let (Some(pid), Some(_)) = (job.keeper, answer.get("ok"))
            && let Some(Child::Keeper { ready, .. }) = self.children.get_mut(&pid)
        {
            *ready = true;
        }
        self.deliver(&job, answer);
    }

    fn deliver(&mut self, job: &Job, mut answer: Value) {
        answer["id"] = job.request.into();
        if let Some(client) = self.clients.get_mut(&job.client) {
            client.conn.send_json(&answer);
            self.settle(job.client);
        }
    }

    fn reap(&mut self) {
        // The content tells nothing that waitpid does not, and one signal may stand for many children.
        let _ = rustix::io::read(&self.signals, &mut [0u8; 1024][..]);
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            match self.children.remove(&pid.as_raw_nonzero().get()) {
                Some(Child::Keeper { record, .. }) => {
                    let status = exit_code(status);
                    // 0: it was told to end, or could not begin and has put everything away itself.
                    if status != 0 {
                        self.keeper_died(*record, status);
                    }
                }
                Some(Child::Burial { key, dir, status }) => {
                    self.tell(&json!({ "event": "keeper-exit", "key": key, "dir": dir, "status": status }));
                }
                // One that lost its parent, or whose answer the pipe tells.
                Some(Child::Other) | None => {}
            }
        }
    }

    fn keeper_died(&mut self, record: Record, status: i32) {
        let (key, dir) = (record.key.clone(), record.dir.to_string_lossy().into_owned());
        match fork() {
            Ok(Fork::Child) => {
                self.become_child(&[]);
                reap::bury(&record);
                std::process::exit(0)
            }
            Ok(Fork::Parent(pid)) => {
                self.children.insert(pid.as_raw_nonzero().get(), Child::Burial { key, dir, status });
            }
            Err(_) => {
                // No process to be had: better late than never.
                reap::bury(&record);
                self.tell(&json!({ "event": "keeper-exit", "key": key, "dir": dir, "status": status }));
            }
        }
    }

    fn tell(&mut self, event: &Value) {
        let watching: Vec<u32> = self.clients.iter().filter(|(_, c)| c.watching).map(|(id, _)| *id).collect();
        for id in watching {
            if let Some(client) = self.clients.get_mut(&id) {
                client.conn.send_json(event);
                self.settle(id);
            }
        }
    }
}

fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0))
}

/// Sends the one answer of a job's process and ends it.
fn finish(pipe: OwnedFd, result: Result<Value>) -> ! {
    answer(pipe, result);
    std::process::exit(0)
}

/// Answers the request that a process was forked for.
pub fn answer(pipe: OwnedFd, result: Result<Value>) {
    let answer = match result {
        Ok(ok) => json!({ "ok": ok }),
        Err(fail) => json!({ "error": fail.to_json() }),
    };
    // A zygote that is gone needs no answer.
    let _ = std::io::Write::write_all(&mut File::from(pipe), answer.to_string().as_bytes());
}
