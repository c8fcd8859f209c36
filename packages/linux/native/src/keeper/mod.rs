//! The role `keeper`: one for each container. It holds the streams, the log and the end of its processes, and outlives the
//! daemon.
//!
//! `spawn` and `tree` make the first process, `exec` further ones; `streams`, `attach` and `log` carry their output; `finish`
//! is their end, `delete` the keeper's own.

mod attach;
mod delete;
mod exec;
mod finish;
mod log;
mod oom;
mod ops;
mod process;
mod spawn;
mod streams;
mod tree;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::process::{Signal, WaitId, WaitIdOptions};
use serde_json::json;

use self::attach::Attach;
use self::delete::Deletion;
use self::log::Log;
use self::oom::OomWatch;
use self::process::{FIRST, Process, Stage};
use crate::conn::{self, Conn, Greeting, Identity, accept, listen_on};
use crate::error::{Context, Result};
use crate::poll::{HANG_UP, Poller, READ};
use crate::seed::Seed;
use crate::setup::{KeeperRequest, Record};
use crate::{cgroup, clock, files, zygote};

pub use self::tree::change;

const LISTENER: u64 = 1 << 32;
const CLIENT: u64 = 2 << 32;
const CHANNEL: u64 = 3 << 32;
const PIDFD: u64 = 4 << 32;
const INPUT: u64 = 5 << 32;
const OUTPUT: u64 = 6 << 32;
const ERROR: u64 = 7 << 32;
const OOM: u64 = 8 << 32;

/// One read of a process's output; the whole of a pipe.
const CHUNK: usize = 64 * 1024;

struct Client {
    conn: Conn,
    watching: bool,
    /// A request of it is under way: the next one has to wait.
    busy: bool,
    attach: Option<Attach>,
}

struct Keeper {
    request: KeeperRequest,
    identity: Identity,
    poller: Poller,
    listener: OwnedFd,
    clients: BTreeMap<u32, Client>,
    processes: BTreeMap<u32, Process>,
    next: u32,
    token: Option<String>,
    log: Log,
    oom: Option<OomWatch>,
    ooms: Vec<String>,
    null: OwnedFd,
    /// The program that decides on devices, in version 2.
    devices: Option<OwnedFd>,
    buffer: Vec<u8>,
    deletion: Option<Deletion>,
    done: bool,
}

/// The life of a keeper. `pipe`: where the zygote waits to hear that it listens.
pub fn run(request: KeeperRequest, zygote: &Identity, seed: &Seed, pipe: OwnedFd) -> ! {
    let _ = rustix::thread::set_name(c"gantry-keeper");
    let _ = rustix::process::setsid();
    let identity = Identity { role: "keeper", ..zygote.clone() };
    let mut keeper = match Keeper::open(request, identity, seed) {
        Ok(keeper) => keeper,
        Err(fail) => {
            zygote::answer(pipe, Err(fail));
            std::process::exit(0)
        }
    };
    zygote::answer(pipe, Ok(json!({ "pid": rustix::process::getpid().as_raw_nonzero() })));
    match keeper.serve() {
        Ok(()) => std::process::exit(0),
        Err(fail) => {
            eprintln!("gantry-keeper {}: {}", keeper.request.key, fail.message);
            std::process::exit(1)
        }
    }
}

impl Keeper {
    fn open(request: KeeperRequest, identity: Identity, seed: &Seed) -> Result<Self> {
        let made = Self::make(&request, &identity, seed);
        if made.is_err() {
            // The first process has ended with the channel that it waited at.
            let deadline = clock::monotonic_ms() + 1000;
            while !cgroup::remove_groups(&request.cgroup) && clock::monotonic_ms() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            for pin in request.pin.values() {
                let _ = zygote::ops::unpin(pin);
            }
            delete::remove_files(&request.dir);
        }
        let (poller, listener, first, oom, null) = made?;
        Ok(Self {
            request,
            identity,
            poller,
            listener,
            clients: BTreeMap::new(),
            processes: BTreeMap::from([(FIRST, first)]),
            next: 0,
            token: None,
            log: Log::default(),
            oom,
            ooms: Vec::new(),
            null,
            devices: None,
            buffer: Vec::new(),
            deletion: None,
            done: false,
        })
    }

    fn make(
        request: &KeeperRequest,
        identity: &Identity,
        seed: &Seed,
    ) -> Result<(Poller, OwnedFd, Process, Option<OomWatch>, OwnedFd)> {
        cgroup::make_all(&request.cgroup.mkdir)?;
        cgroup::write_all(&request.cgroup.write)?;
        let spawned = spawn::spawn(request, seed)?;
        let finished = Self::around(request, identity, &spawned);
        match finished {
            Ok((poller, listener, oom)) => {
                let pid = spawned.pid.as_raw_nonzero().get();
                let first = Process::new(None, pid, spawned.pidfd, spawned.channel, Stage::Waiting);
                Ok((poller, listener, first, oom, spawned.null.into()))
            }
            Err(fail) => {
                let _ = rustix::process::pidfd_send_signal(&spawned.pidfd, Signal::KILL);
                let _ = rustix::process::waitid(
                    WaitId::PidFd(std::os::fd::AsFd::as_fd(&spawned.pidfd)),
                    WaitIdOptions::EXITED,
                );
                Err(fail)
            }
        }
    }

    /// What can be done while the first process makes its namespaces.
    fn around(
        request: &KeeperRequest,
        identity: &Identity,
        spawned: &spawn::Spawned,
    ) -> Result<(Poller, OwnedFd, Option<OomWatch>)> {
        let record = Record::of_self(request, &identity.build);
        let text = json!(record).to_string();
        files::write_whole(&request.dir.join("keeper.json"), text.as_bytes())
            .map_err(|e| crate::error::Fail::internal(format!("write keeper.json: {e}")))?;
        let listener = listen_on(&request.dir.join("s"))?;
        let poller = Poller::new().step("epoll")?;
        poller.add(&listener, LISTENER, READ).step("epoll")?;
        poller.add(&spawned.pidfd, PIDFD | u64::from(FIRST), READ).step("epoll")?;
        let oom = request.oom.as_ref().map(OomWatch::open).transpose()?;
        if let Some(oom) = &oom {
            oom.register(&poller, OOM)?;
        }
        spawn::wait_ready(&spawned.channel)?;
        poller.add(&spawned.channel, CHANNEL | u64::from(FIRST), READ).step("epoll")?;
        for (namespace, path) in &request.pin {
            spawn::pin(spawned.pid, *namespace, path)?;
        }
        Ok((poller, listener, oom))
    }

    fn serve(&mut self) -> Result<()> {
        while !self.done {
            let timeout = self.next_deadline().map(|at| at.saturating_sub(clock::monotonic_ms()));
            for (token, flags) in self.poller.wait(timeout).step("epoll")? {
                let number = token as u32;
                match token & !0xffff_ffff {
                    LISTENER => self.accept(),
                    CLIENT => self.client_says(number, flags.intersects(READ | HANG_UP)),
                    CHANNEL => self.channel_says(number),
                    PIDFD => self.process_ended(number),
                    INPUT => self.input_ready(number),
                    OUTPUT => self.output_ready(number, 0, flags),
                    ERROR => self.output_ready(number, 1, flags),
                    _ => self.oom_happened(),
                }
            }
            self.deadlines();
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<u64> {
        let processes = self.processes.values().filter_map(|process| process.deadline);
        processes.chain(self.deletion.as_ref().and_then(Deletion::deadline)).min()
    }

    fn deadlines(&mut self) {
        let now = clock::monotonic_ms();
        let due = |process: &Process| process.deadline.is_some_and(|at| at <= now);
        let due: Vec<u32> = self.processes.iter().filter(|(_, p)| due(p)).map(|(n, _)| *n).collect();
        for number in due {
            self.give_up_output(number);
        }
        self.continue_deletion();
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn accept(&mut self) {
        while let Some(fd) = accept(&self.listener) {
            let id = self.number();
            let client = Client { conn: Conn::new(fd), watching: false, busy: false, attach: None };
            self.clients.insert(id, client);
            self.settle(id);
        }
    }

    /// Drops a connection that is done with; otherwise waits for what it needs next.
    fn settle(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.conn.dead || (client.conn.closing && client.conn.pending() == 0) {
            if let Some(client) = self.clients.remove(&id) {
                let _ = client.conn.into_parts(&self.poller);
                if let Some(attach) = client.attach {
                    self.detached(&attach);
                }
            }
            return;
        }
        let feeds = client.attach.as_ref().filter(|attach| attach.stdin).map(|attach| attach.process);
        let stalled = feeds.is_some_and(|process| self.input_full(process));
        let Some(client) = self.clients.get_mut(&id) else { return };
        let read = !client.busy && !client.conn.closing && !stalled;
        client.conn.watch(&self.poller, CLIENT | u64::from(id), read);
    }

    fn client_says(&mut self, id: u32, readable: bool) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.conn.flush();
        if readable && !client.busy && !client.conn.closing && !client.conn.fill() {
            client.conn.dead = true;
        }
        self.pump(id);
        // A client that has taken what it was sent may let its process go on.
        if let Some(process) =
            self.clients.get(&id).and_then(|client| client.attach.as_ref()).map(|attach| attach.process)
        {
            self.watch_streams(process);
        }
        self.settle(id);
    }

    /// Takes the frames that are there, as far as the client may go on.
    fn pump(&mut self, id: u32) {
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return };
            let stalled = client.attach.as_ref().map(|attach| attach.process);
            if client.busy || client.conn.closing || stalled.is_some_and(|process| self.input_full(process)) {
                return;
            }
            let Some(client) = self.clients.get_mut(&id) else { return };
            let (kind, payload) = match client.conn.decoder.next_frame() {
                Ok(Some((kind, payload))) => (kind, payload.to_vec()),
                Ok(None) => return,
                Err(_) => {
                    client.conn.dead = true;
                    return;
                }
            };
            if !client.conn.greeted {
                // A keeper ends by `delete` only: a greeting that asks it to quit is a client's mistake.
                if self.identity.greet(&mut client.conn, kind, &payload) != Greeting::Accepted {
                    client.conn.closing = true;
                }
            } else if client.attach.is_some() {
                self.attached_says(id, kind, &payload);
            } else {
                match conn::head(kind, &payload) {
                    Ok(head) => self.dispatch(id, &head, &payload),
                    Err(_) => client.conn.dead = true,
                }
            }
        }
    }

    /// Answers a request that was under way, and takes up what the client has sent meanwhile.
    fn reply(&mut self, client: u32, request: u32, result: Result<serde_json::Value>) {
        let Some(waiting) = self.clients.get_mut(&client) else { return };
        waiting.busy = false;
        waiting.conn.answer(request, result);
        self.pump(client);
        self.settle(client);
    }

    fn tell(&mut self, event: &serde_json::Value) {
        let watching: Vec<u32> = self.clients.iter().filter(|(_, c)| c.watching).map(|(id, _)| *id).collect();
        for id in watching {
            if let Some(client) = self.clients.get_mut(&id) {
                client.conn.send_json(event);
                self.settle(id);
            }
        }
    }

    fn oom_happened(&mut self) {
        let Some(oom) = &mut self.oom else { return };
        if oom.grew() {
            let at = clock::now();
            self.ooms.push(at.clone());
            // Someone who looks later needs no more than that it happened, and when it began.
            self.ooms.truncate(64);
            self.tell(&json!({ "event": "oom", "at": at }));
        }
    }
}
