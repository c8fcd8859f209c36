//! Adding a process to a running container.

use std::os::fd::{AsFd, OwnedFd};

use rustix::thread::ThreadNameSpaceType;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Keeper;
use super::ops::Outcome;
use super::process::{FIRST, Process, Reply, Stage};
use super::spawn::{open_procs, open_read};
use super::streams::{Ends, Streams, max_processes};
use super::{CHANNEL, PIDFD};
use crate::channel;
use crate::conn::body;
use crate::error::{Context, Fail, Result};
use crate::init::exec::{Added, run};
use crate::plan::ExecRequest;
use crate::poll::READ;
use crate::sys::process::{Cloned, Fork, clone_into};

impl Keeper {
    pub fn exec(&mut self, reply: Reply, payload: &[u8]) -> Result<Outcome> {
        let request: ExecRequest = body(payload)?;
        request.check()?;
        let first = self.processes.get(&FIRST).filter(|first| first.stage == Stage::Running);
        let first = first.ok_or_else(|| Fail::conflict("the container is not running"))?;
        if self.processes.values().any(|process| process.exec_id.as_ref() == Some(&request.exec_id)) {
            return Err(Fail::conflict(format!("there is an exec {} already", request.exec_id)));
        }
        if self.processes.len() >= max_processes() {
            return Err(Fail::os(rustix::io::Errno::AGAIN, "add a process: forget finished ones first"));
        }
        let (streams, ends) = if request.io.terminal {
            (Streams::terminal(&request.io), None)
        } else {
            let (streams, ends) = Streams::pipes(&request.io)?;
            (streams, Some(ends))
        };
        if let Some(ends) = &ends {
            self.give_streams(ends, request.process.uid)?;
        }
        let (channel, theirs) = channel::pair().step("socketpair")?;
        let cloned = self.add(&request, first, ends.as_ref(), theirs)?;
        drop(ends);
        let number = self.number();
        let (pid, exec_id) = (cloned.pid.as_raw_nonzero().get(), Some(request.exec_id));
        let mut process = Process::new(exec_id, pid, cloned.pidfd, channel, Stage::Creating);
        process.streams = Some(streams);
        process.reply = Some(reply);
        let watched = self.poller.add(&process.pidfd, PIDFD | u64::from(number), READ).and_then(|()| {
            process.channel.as_ref().map_or(Ok(()), |fd| self.poller.add(fd, CHANNEL | u64::from(number), READ))
        });
        // On failure the process goes with its channel, and is waited for by whoever reaps it in the end.
        watched.step("epoll")?;
        self.processes.insert(number, process);
        self.hold(reply);
        Ok(Outcome::Later)
    }

    fn add(&self, request: &ExecRequest, first: &Process, ends: Option<&Ends>, channel: OwnedFd) -> Result<Cloned> {
        let files = ends.map(|ends| {
            let stdin = ends.stdin.as_ref().map_or(self.null.as_fd(), |stdin| stdin.as_fd());
            [stdin, ends.stdout.as_fd(), ends.stderr.as_fd()]
        });
        let foreign_user = self.request.foreign_user();
        let mut namespaces = ThreadNameSpaceType::from_bits_retain(
            (libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWCGROUP)
                as u32,
        );
        if foreign_user {
            namespaces |= ThreadNameSpaceType::from_bits_retain(libc::CLONE_NEWUSER as u32);
        }
        if self.request.join.contains_key(&crate::setup::Namespace::Time) {
            namespaces |= ThreadNameSpaceType::from_bits_retain(0x80);
        }
        let mut added = Added {
            process: &request.process,
            io: &request.io,
            container: first.pidfd.as_fd(),
            namespaces,
            foreign_user,
            procs: open_procs(&self.request, false)?,
            files,
            channel,
        };
        // This process's PID namespace for children is the container's.
        if let Some(dir) = &self.request.cgroup.v2 {
            let group = open_read(dir)?;
            match clone_into(0, Some(group.as_fd()), false) {
                Ok(Fork::Child) => run(&mut added),
                Ok(Fork::Parent(cloned)) => return Ok(cloned),
                Err(_) => added.procs = open_procs(&self.request, true)?,
            }
        }
        match clone_into(0, None, false).step("clone3")? {
            Fork::Child => run(&mut added),
            Fork::Parent(cloned) => Ok(cloned),
        }
    }

    pub fn forget(&mut self, r: &Forget) -> Result<Value> {
        let Ok(number) = self.find(Some(&r.exec_id)) else { return Ok(json!({})) };
        if self.processes.get(&number).is_some_and(|process| process.stage != Stage::Ended) {
            return Err(Fail::conflict(format!("exec {} has not ended", r.exec_id)));
        }
        self.processes.remove(&number);
        let _ = std::fs::remove_file(self.exec_record(&r.exec_id));
        Ok(json!({}))
    }

    /// Where the end of an added process is recorded.
    pub fn exec_record(&self, exec_id: &str) -> std::path::PathBuf {
        self.request.dir.join("execs").join(format!("{exec_id}.json"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forget {
    exec_id: String,
}
