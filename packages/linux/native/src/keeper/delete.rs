//! The keeper's own end.

use std::path::Path;

use rustix::process::{Signal, pidfd_send_signal};
use serde::Deserialize;
use serde_json::json;

use super::Keeper;
use super::ops::Outcome;
use super::process::{FIRST, Reply, Stage};
use crate::error::{Fail, Result};
use crate::{cgroup, clock, zygote};

/// How long busy control groups are tried again, and how often, in milliseconds.
const PATIENCE: u64 = 2000;
const PAUSE: u64 = 2;
/// How long a client may take to take its answer.
const FAREWELL: u64 = 1000;

pub struct Deletion {
    reply: Reply,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Processes are ending.
    Killed,
    /// Control groups are being removed: until when, and when next.
    Groups { until: u64, next: u64 },
    /// The answer is on its way.
    Answered { until: u64 },
}

impl Deletion {
    pub fn deadline(&self) -> Option<u64> {
        match self.step {
            Step::Killed => None,
            Step::Groups { next, .. } => Some(next),
            // The answer leaves when it can; that is looked at again soon.
            Step::Answered { until } => Some(until.min(clock::monotonic_ms() + PAUSE)),
        }
    }
}

#[derive(Deserialize)]
pub struct DeleteRequest {
    #[serde(default)]
    force: bool,
}

impl Keeper {
    pub fn delete(&mut self, reply: Reply, r: &DeleteRequest) -> Result<Outcome> {
        if self.deletion.is_some() {
            return Err(Fail::conflict("it is being deleted"));
        }
        let stage = self.processes.get(&FIRST).map_or(Stage::Ended, |first| first.stage);
        if !r.force && !matches!(stage, Stage::Waiting | Stage::Ended) {
            return Err(Fail::conflict("the container has not stopped"));
        }
        for process in self.processes.values().filter(|process| process.alive()) {
            // One that has just ended needs none.
            let _ = pidfd_send_signal(&process.pidfd, Signal::KILL);
        }
        cgroup::kill_all(&self.request.cgroup.procs, self.request.cgroup.v2.as_deref());
        self.deletion = Some(Deletion { reply, step: Step::Killed });
        self.hold(reply);
        self.continue_deletion();
        Ok(Outcome::Later)
    }

    pub fn continue_deletion(&mut self) {
        let Some(deletion) = &self.deletion else { return };
        let now = clock::monotonic_ms();
        match deletion.step {
            Step::Killed => {
                if self.processes.values().all(|process| process.stage == Stage::Ended) {
                    if let Some(oom) = &self.oom {
                        oom.unregister(&self.poller);
                    }
                    self.remove_groups(now + PATIENCE);
                }
            }
            Step::Groups { until, next } if now >= next => self.remove_groups(until),
            Step::Groups { .. } => {}
            Step::Answered { until } => {
                let reply = deletion.reply;
                let left = self.clients.get(&reply.client).is_none_or(|client| client.conn.pending() == 0);
                self.done = left || now >= until;
            }
        }
    }

    fn remove_groups(&mut self, until: u64) {
        let removed = cgroup::remove_groups(&self.request.cgroup);
        let now = clock::monotonic_ms();
        let Some(deletion) = &mut self.deletion else { return };
        if !removed && now < until {
            cgroup::kill_all(&self.request.cgroup.procs, self.request.cgroup.v2.as_deref());
            deletion.step = Step::Groups { until, next: now + PAUSE };
            return;
        }
        deletion.step = Step::Answered { until: now + FAREWELL };
        let reply = deletion.reply;
        for pin in self.request.pin.values() {
            if let Err(fail) = zygote::ops::unpin(pin) {
                eprintln!("gantry-keeper {}: {}", self.request.key, fail.message);
            }
        }
        remove_files(&self.request.dir);
        let first = self.processes.get(&FIRST);
        let ran = first.filter(|first| first.started_at.is_some() || first.no_exec);
        let exit = ran.and_then(|first| first.exit.clone());
        let mut answer = json!({ "exit": exit });
        if !removed {
            answer["busy"] = true.into();
        }
        self.reply(reply.client, reply.request, Ok(answer));
        self.continue_deletion();
    }
}

/// What tells of a living keeper; exit.json and execs/ are the daemon's.
pub fn remove_files(dir: &Path) {
    for name in ["s", "keeper.json"] {
        let _ = std::fs::remove_file(dir.join(name));
    }
    // Used on old kernels only.
    let _ = std::fs::remove_dir(dir.join("m"));
}
