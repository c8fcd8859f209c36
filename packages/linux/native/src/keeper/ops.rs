//! What a keeper is asked to do.

use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::{FIRST, Process, Reply, Stage};
use super::streams::{Ends, Streams};
use super::{Keeper, tree};
use crate::channel::{self, FDS, MAX_FDS, PLAN, START};
use crate::conn::{Head, VERSION, body};
use crate::error::{Context, Fail, Result};
use crate::plan::{CreateRequest, LogSink};
use crate::setup::Write;
use crate::sys::bpf;
use crate::sys::process::{kill, pidfd_signal};
use crate::{base64, cgroup, clock};

/// What an operation comes to at once.
pub enum Outcome {
    Done(Value),
    /// The answer comes later.
    Later,
}

impl Keeper {
    pub fn dispatch(&mut self, client: u32, head: &Head, payload: &[u8]) {
        let reply = Reply { client, request: head.id };
        let result = match head.op.as_str() {
            "create" => self.create(reply, payload),
            "start" => body(payload).and_then(|r: OfExec| self.start(reply, r.exec_id.as_deref())),
            "exec" => self.exec(reply, payload),
            "kill" => body(payload).and_then(|r| self.kill(&r)).map(Outcome::Done),
            "attach" => body(payload).and_then(|r| self.attach(reply, &r)),
            "resize" => body(payload).and_then(|r| self.resize(&r)).map(Outcome::Done),
            "setLog" => {
                body(payload).and_then(|r: SetLog| self.log.redirect(&r.log)).map(|()| Outcome::Done(json!({})))
            }
            "state" => Ok(Outcome::Done(self.state())),
            "watch" => {
                self.watch(reply);
                Ok(Outcome::Later)
            }
            "write" => {
                body(payload).and_then(|r: WriteFiles| cgroup::write_all(&r.write)).map(|()| Outcome::Done(json!({})))
            }
            "devices" => body(payload).and_then(|r| self.devices(&r)).map(Outcome::Done),
            "forget" => body(payload).and_then(|r| self.forget(&r)).map(Outcome::Done),
            "delete" => body(payload).and_then(|r| self.delete(reply, &r)),
            op => Err(Fail::unsupported(format!("the keeper knows no operation {op}"))),
        };
        let Some(asking) = self.clients.get_mut(&client) else { return };
        match result {
            Ok(Outcome::Done(ok)) => asking.conn.answer(head.id, Ok(ok)),
            Ok(Outcome::Later) => {}
            Err(fail) => asking.conn.answer(head.id, Err(fail)),
        }
    }

    /// The client's next request waits until this one is answered.
    pub fn hold(&mut self, reply: Reply) {
        if let Some(client) = self.clients.get_mut(&reply.client) {
            client.busy = true;
        }
    }

    /// The number of the process that a request is about.
    pub fn find(&self, exec_id: Option<&str>) -> Result<u32> {
        let Some(id) = exec_id else { return Ok(FIRST) };
        let found = self.processes.iter().find(|(_, process)| process.exec_id.as_deref() == Some(id));
        found.map(|(number, _)| *number).ok_or_else(|| Fail::not_found(format!("no exec {id}")))
    }

    fn first(&mut self) -> Result<&mut Process> {
        self.processes.get_mut(&FIRST).ok_or_else(|| Fail::internal("the first process is unknown"))
    }

    fn create(&mut self, reply: Reply, payload: &[u8]) -> Result<Outcome> {
        let request: CreateRequest = body(payload)?;
        request.check()?;
        let token = self.token.clone();
        let foreign_user = self.request.foreign_user();
        let scratch = self.request.dir.join("m");
        let first = self.first()?;
        match (&token, first.stage) {
            (None, Stage::Waiting) => {}
            (None, _) => return Err(Fail::gone("the namespaces' first process has ended")),
            (Some(token), _) if *token != request.token => {
                return Err(Fail::conflict("there is a container already, with another token"));
            }
            (Some(_), Stage::Creating) => return Err(Fail::conflict("the container is being created")),
            (Some(_), Stage::Ended) if first.exit.is_none() => {
                return Err(Fail::gone("the container could not be created; delete the keeper"));
            }
            (Some(_), _) => return Ok(Outcome::Done(json!({ "pid": first.pid }))),
        }
        let log = super::Log::open(request.log.as_ref())?;
        let (streams, ends) = if request.io.terminal {
            (Streams::terminal(&request.io), None)
        } else {
            let (streams, ends) = Streams::pipes(&request.io)?;
            (streams, Some(ends))
        };
        if let Some(ends) = &ends {
            self.give_streams(ends, request.plan.process.uid)?;
        }
        let mut fds = tree::descriptors(&request.plan, payload, &scratch, foreign_user)?;
        if let Some(ends) = ends {
            // Without standard input there has to be something in its place.
            let stdin = match ends.stdin {
                Some(stdin) => stdin,
                None => rustix::io::fcntl_dupfd_cloexec(&self.null, 3).step("dup")?,
            };
            fds.splice(2..2, [stdin, ends.stdout, ends.stderr]);
        }
        let first = self.first()?;
        let channel = first.channel.as_ref().ok_or_else(|| Fail::gone("the first process has ended"))?;
        let borrowed: Vec<_> = fds.iter().map(std::os::fd::AsFd::as_fd).collect();
        for (i, batch) in borrowed.chunks(MAX_FDS).enumerate() {
            let (kind, text) = if i == 0 { (PLAN, borrowed.len().to_string()) } else { (FDS, String::new()) };
            channel::send(channel, kind, text.as_bytes(), batch).step("hand over the plan")?;
        }
        first.streams = Some(streams);
        first.stage = Stage::Creating;
        first.reply = Some(reply);
        self.log = log;
        self.token = Some(request.token);
        self.hold(reply);
        Ok(Outcome::Later)
    }

    /// In another user namespace the process cannot make the streams its own.
    pub fn give_streams(&self, ends: &Ends, uid: u32) -> Result<()> {
        let Some(first) = self.processes.get(&FIRST).filter(|_| self.request.foreign_user()) else { return Ok(()) };
        let map = std::fs::read_to_string(format!("/proc/{}/uid_map", first.pid)).unwrap_or_default();
        let outside = map.lines().find_map(|line| map_id(line, uid));
        ends.chown(outside.ok_or_else(|| Fail::invalid(format!("user {uid} has no id outside the user namespace")))?)
    }

    fn start(&mut self, reply: Reply, exec_id: Option<&str>) -> Result<Outcome> {
        let number = self.find(exec_id)?;
        let oom_before = self.oom.as_ref().map_or(0, super::OomWatch::count);
        let Some(process) = self.processes.get_mut(&number) else { return Err(Fail::not_found("no such process")) };
        match (process.stage, &process.channel) {
            (Stage::Created, Some(channel)) => {
                channel::send(channel, START, &[], &[]).map_err(|_| Fail::gone("the process has ended"))?;
            }
            (Stage::Ended, _) => return Err(Fail::gone("it has ended")),
            _ => return Err(Fail::conflict(format!("it cannot be started: it is {}", process.status_name()))),
        }
        process.stage = Stage::Starting;
        process.oom_before = oom_before;
        process.reply = Some(reply);
        self.hold(reply);
        Ok(Outcome::Later)
    }

    fn kill(&mut self, r: &Kill) -> Result<Value> {
        let number = self.find(r.exec_id.as_deref())?;
        let Some(process) = self.processes.get(&number) else { return Err(Fail::not_found("no such process")) };
        if !(1..=64).contains(&r.signal) {
            return Err(Fail::invalid("signal: 1 to 64"));
        }
        let running = matches!(process.stage, Stage::Created | Stage::Starting | Stage::Running);
        if r.all && r.exec_id.is_none() {
            if !running {
                return Err(Fail::gone("nothing is running"));
            }
            return self.kill_all(r.signal).map(|()| json!({}));
        }
        if !running {
            return Err(Fail::gone("it is not running"));
        }
        match pidfd_signal(std::os::fd::AsFd::as_fd(&process.pidfd), r.signal) {
            Err(rustix::io::Errno::SRCH) => Err(Fail::gone("it has ended")),
            other => other.step("send the signal").map(|()| json!({})),
        }
    }

    /// Every process in the container's control groups; without any group, those that are known.
    fn kill_all(&self, signal: i32) -> Result<()> {
        let group = &self.request.cgroup;
        if signal == libc::SIGKILL
            && group.v2.as_ref().is_some_and(|dir| cgroup::put(&dir.join("cgroup.kill"), b"1").is_ok())
        {
            return Ok(());
        }
        let file = group.procs.first().cloned().or_else(|| group.v2.as_ref().map(|dir| dir.join("cgroup.procs")));
        let pids = match file {
            Some(file) => cgroup::pids(&file, 0),
            None => self.processes.values().filter(|process| process.alive()).map(|process| process.pid).collect(),
        };
        for pid in pids {
            match kill(pid, signal) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(errno) => return Err(Fail::os(errno, "send the signal")),
            }
        }
        Ok(())
    }

    /// Devices of a group of version 2 are the business of a program; version 1 has files.
    fn devices(&mut self, r: &Devices) -> Result<Value> {
        let Some(dir) = &self.request.cgroup.v2 else {
            return Err(Fail::invalid("devices: there is no group of version 2"));
        };
        let program = base64::decode(&r.program).ok_or_else(|| Fail::invalid("program: base64"))?;
        let program = bpf::load_device_program(&program).step("load the device program")?;
        let group = rustix::fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .step_with(|| format!("open {}", dir.display()))?;
        bpf::attach_device_program(group.as_fd(), program.as_fd(), self.devices.as_ref().map(AsFd::as_fd))
            .step("attach the device program")?;
        self.devices = Some(program);
        Ok(json!({}))
    }

    fn resize(&mut self, r: &Resize) -> Result<Value> {
        let number = self.find(r.exec_id.as_deref())?;
        let streams = self.processes.get(&number).and_then(|process| process.streams.as_ref());
        streams.ok_or_else(|| Fail::gone("it is not running"))?.resize(r.rows, r.cols)?;
        Ok(json!({}))
    }

    fn state(&self) -> Value {
        let execs: Vec<Value> =
            self.processes.values().filter(|p| p.exec_id.is_some()).map(Process::describe_exec).collect();
        let mut out = json!({
            "key": self.request.key,
            "execs": execs,
            "logDropped": self.log.dropped(),
            "version": VERSION,
            "build": self.identity.build,
            "status": "empty",
        });
        if let Some(token) = &self.token {
            out["token"] = token.as_str().into();
        }
        if let Some(first) = self.processes.get(&FIRST) {
            out["status"] = first.status_name().into();
            if first.alive() {
                out["pid"] = first.pid.into();
            }
            if let Some(at) = &first.started_at {
                out["startedAt"] = at.as_str().into();
            }
            if let Some(exit) = &first.exit {
                out["exit"] = json!(exit);
            }
        }
        out
    }

    /// Tells at once what has happened already.
    fn watch(&mut self, reply: Reply) {
        let mut events = Vec::new();
        for process in self.processes.values() {
            let id = process.exec_id.as_deref();
            if let Some(at) = &process.started_at {
                events.push(start_event(id, at));
            }
        }
        events.extend(self.ooms.iter().map(|at| json!({ "event": "oom", "at": at })));
        for process in self.processes.values() {
            if let Some(exit) = &process.exit {
                events.push(super::finish::exit_event(process.exec_id.as_deref(), exit));
            }
        }
        let Some(client) = self.clients.get_mut(&reply.client) else { return };
        client.conn.answer(reply.request, Ok(json!({})));
        client.watching = true;
        for event in events {
            client.conn.send_json(&event);
        }
    }

    /// A process says how far it has come.
    pub fn channel_says(&mut self, number: u32) {
        loop {
            let Some(process) = self.processes.get_mut(&number) else { return };
            let Some(channel) = &process.channel else { return };
            match channel::receive(channel, rustix::net::RecvFlags::DONTWAIT) {
                Err(_) => return,
                Ok(Some(message)) => match message.kind {
                    channel::CREATED => self.created(number, message.fds),
                    channel::FAILED => process.failure = Some(super::spawn::told_failure(&message.text)),
                    channel::NO_EXEC => {
                        process.no_exec = true;
                        let errno = String::from_utf8_lossy(&message.text).parse().unwrap_or(libc::EIO);
                        process.failure = Some(Fail::exec(rustix::io::Errno::from_raw_os_error(errno)));
                    }
                    _ => {}
                },
                Ok(None) => {
                    // Its side is closed: it has executed, or it is ending.
                    if let Some(channel) = process.channel.take() {
                        self.poller.remove(&channel);
                    }
                    if process.stage == Stage::Starting && process.failure.is_none() {
                        self.started(number);
                    }
                    return;
                }
            }
        }
    }

    fn created(&mut self, number: u32, fds: Vec<std::os::fd::OwnedFd>) {
        let Some(process) = self.processes.get_mut(&number) else { return };
        if let (Some(streams), Some(master)) = (&mut process.streams, fds.into_iter().next())
            && let Err(fail) = streams.set_master(master)
        {
            process.failure = Some(fail);
            return;
        }
        process.stage = Stage::Created;
        let pid = process.pid;
        if let Some(reply) = process.reply.take() {
            self.reply(reply.client, reply.request, Ok(json!({ "pid": pid })));
        }
        self.watch_streams(number);
    }

    fn started(&mut self, number: u32) {
        let Some(process) = self.processes.get_mut(&number) else { return };
        let at = clock::now();
        process.stage = Stage::Running;
        process.started_at = Some(at.clone());
        let answer = json!({ "pid": process.pid, "startedAt": at });
        let event = start_event(process.exec_id.as_deref(), &at);
        if let Some(reply) = process.reply.take() {
            self.reply(reply.client, reply.request, Ok(answer));
        }
        self.tell(&event);
    }
}

/// The id outside, if a line of uid_map (inside, outside, count) is about this one.
fn map_id(line: &str, id: u32) -> Option<u32> {
    let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
    let (inside, outside, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let offset = id.checked_sub(inside).filter(|offset| *offset < count)?;
    outside.checked_add(offset)
}

fn start_event(exec_id: Option<&str>, at: &str) -> Value {
    match exec_id {
        None => json!({ "event": "start", "at": at }),
        Some(id) => json!({ "event": "exec-start", "execId": id, "at": at }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfExec {
    pub exec_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kill {
    signal: i32,
    exec_id: Option<String>,
    #[serde(default)]
    all: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resize {
    exec_id: Option<String>,
    rows: u16,
    cols: u16,
}

#[derive(Deserialize)]
struct Devices {
    program: String,
}

#[derive(Deserialize)]
struct SetLog {
    log: LogSink,
}

#[derive(Deserialize)]
struct WriteFiles {
    write: Vec<Write>,
}

#[cfg(test)]
mod tests {
    use super::map_id;

    #[test]
    fn ids_outside() {
        assert_eq!(map_id("         0     100000      65536", 0), Some(100_000));
        assert_eq!(map_id("1000 5000 2", 1001), Some(5001));
        assert_eq!(map_id("1000 5000 2", 1002), None);
        assert_eq!(map_id("0 4294967295 4294967295", 1), None);
        assert_eq!(map_id("", 0), None);
    }
}
