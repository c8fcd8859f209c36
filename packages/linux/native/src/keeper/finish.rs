//! The end of a process: its last output, its record, and then everybody who waits for it.

use std::os::fd::AsFd;

use rustix::process::{WaitId, WaitIdOptions};
use serde_json::{Value, json};

use super::Keeper;
use super::attach::Until;
use super::process::{Exit, FIRST, Stage};
use crate::error::Fail;
use crate::setup::Namespace;
use crate::{clock, files};

/// An ended process's output is waited for so long after the last of it, in milliseconds, if somebody may still write.
const QUIET: u64 = 1000;

impl Keeper {
    /// Its pidfd is readable: it has ended.
    pub fn process_ended(&mut self, number: u32) {
        // What it said before comes first.
        self.channel_says(number);
        let Some(process) = self.processes.get_mut(&number) else { return };
        if process.status.is_some() {
            return;
        }
        let id = WaitId::PidFd(process.pidfd.as_fd());
        let (code, signal) = match rustix::process::waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => (code, None),
                (None, Some(signal)) => (128 + signal, Some(signal)),
                (None, None) => return,
            },
            Ok(None) => return,
            // Somebody else has waited for it, which no one but this process should be able to.
            Err(_) => (255, None),
        };
        self.poller.remove(&process.pidfd);
        process.status = Some((code, signal));
        if let Some(channel) = process.channel.take() {
            self.poller.remove(&channel);
        }
        if matches!(process.stage, Stage::Waiting | Stage::Creating) {
            self.never_created(number);
            return;
        }
        process.stage = Stage::Draining;
        let all_gone = number == FIRST && self.request.has(Namespace::Pid);
        if number == FIRST && !all_gone {
            // What it has left behind is the container's too, and nothing else ends it.
            crate::cgroup::kill_all(&self.request.cgroup.procs, self.request.cgroup.v2.as_deref());
        }
        for index in 0..2 {
            self.read_output(number, index, Until::Empty);
        }
        // A terminal passes on what was written to it in its own time, and says when that was all.
        let terminal =
            self.processes.get(&number).and_then(|p| p.streams.as_ref()).is_some_and(|streams| streams.terminal);
        if all_gone && !terminal {
            self.give_up_output(number);
        } else {
            self.check_end(number);
        }
    }

    /// A process that could not carry out its plan.
    fn never_created(&mut self, number: u32) {
        let Some(process) = self.processes.get_mut(&number) else { return };
        process.stage = Stage::Ended;
        if let Some(mut streams) = process.streams.take() {
            streams.close(&self.poller);
        }
        let fail =
            process.failure.take().unwrap_or_else(|| Fail::internal("the process ended while it was being set up"));
        let reply = process.reply.take();
        if number != FIRST {
            self.processes.remove(&number);
        }
        if let Some(reply) = reply {
            self.reply(reply.client, reply.request, Err(fail));
        }
        self.continue_deletion();
    }

    /// After output was read: whether that was the last of it.
    pub fn check_end(&mut self, number: u32) {
        let Some(process) = self.processes.get_mut(&number) else { return };
        let ended = process.streams.as_ref().is_none_or(super::streams::Streams::ended);
        if process.stage == Stage::Draining && !ended {
            process.deadline = Some(clock::monotonic_ms() + QUIET);
        }
        if !ended {
            return;
        }
        self.end_all(number);
        if self.processes.get(&number).is_some_and(|process| process.stage == Stage::Draining) {
            self.finish(number);
        }
    }

    /// Nobody is left who could write, or nobody does.
    pub fn give_up_output(&mut self, number: u32) {
        for index in 0..2 {
            self.read_output(number, index, Until::Empty);
            if number == FIRST {
                self.log.end(index);
            }
        }
        if let Some(streams) = self.processes.get_mut(&number).and_then(|process| process.streams.as_mut()) {
            streams.close(&self.poller);
        }
        self.check_end(number);
    }

    /// Records the end, and only then tells.
    fn finish(&mut self, number: u32) {
        let oom = self.oom.as_ref().map_or(0, super::OomWatch::count);
        let Some(process) = self.processes.get_mut(&number) else { return };
        let Some((code, signal)) = process.status else { return };
        let exit = Exit { code, signal, oom_killed: oom > process.oom_before, at: clock::now() };
        process.stage = Stage::Ended;
        process.deadline = None;
        process.streams = None;
        process.exit = Some(exit.clone());
        let exec_id = process.exec_id.clone();
        let reply = process.reply.take();
        let failure = process.failure.take();
        let path = match &exec_id {
            None => self.request.dir.join("exit.json"),
            Some(id) => self.exec_record(id),
        };
        if let Some(execs) = path.parent().filter(|_| exec_id.is_some()) {
            let _ = std::fs::create_dir(execs);
        }
        if let Err(e) = files::write_whole(&path, json!(exit).to_string().as_bytes()) {
            // Whoever asks this process still learns of it.
            eprintln!("gantry-keeper {}: {}: {e}", self.request.key, path.display());
        }
        if let Some(reply) = reply {
            let fail = failure.unwrap_or_else(|| Fail::gone("the process ended before it was started"));
            self.reply(reply.client, reply.request, Err(fail));
        }
        self.tell(&exit_event(exec_id.as_deref(), &exit));
        self.continue_deletion();
    }
}

pub fn exit_event(exec_id: Option<&str>, exit: &Exit) -> Value {
    match exec_id {
        None => json!({ "event": "exit", "exit": exit }),
        Some(id) => json!({ "event": "exec-exit", "execId": id, "exit": exit }),
    }
}
