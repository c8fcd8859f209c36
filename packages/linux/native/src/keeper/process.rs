//! One process of the container, as its keeper knows it.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde_json::{Value, json};

use super::streams::Streams;
use crate::error::Fail;

/// Number of the container's first process; processes that are added have others.
pub const FIRST: u32 = 0;

/// How a process ended; also what its record on disk holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    pub code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    pub oom_killed: bool,
    pub at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first process, with namespaces and without a plan.
    Waiting,
    /// It carries out its plan.
    Creating,
    Created,
    /// It was told to execute.
    Starting,
    Running,
    /// It has ended; its output may not have.
    Draining,
    /// All is known and told.
    Ended,
}

/// The request that waits for what the process does next.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub client: u32,
    pub request: u32,
}

pub struct Process {
    /// `None`: the container's first.
    pub exec_id: Option<String>,
    pub pid: i32,
    pub pidfd: OwnedFd,
    /// Until its exec.
    pub channel: Option<OwnedFd>,
    pub stage: Stage,
    pub streams: Option<Streams>,
    pub reply: Option<Reply>,
    pub started_at: Option<String>,
    /// What it said when it could not go on.
    pub failure: Option<Fail>,
    /// It could not be executed.
    pub no_exec: bool,
    /// Code and signal, once it was waited for.
    pub status: Option<(i32, Option<i32>)>,
    pub exit: Option<Exit>,
    /// Until when output is waited for that nobody may write any more, in milliseconds of the monotonic clock.
    pub deadline: Option<u64>,
    /// Kills for want of memory before it started.
    pub oom_before: u64,
}

impl Process {
    pub fn new(exec_id: Option<String>, pid: i32, pidfd: OwnedFd, channel: OwnedFd, stage: Stage) -> Self {
        Self {
            exec_id,
            pid,
            pidfd,
            channel: Some(channel),
            stage,
            streams: None,
            reply: None,
            started_at: None,
            failure: None,
            no_exec: false,
            status: None,
            exit: None,
            deadline: None,
            oom_before: 0,
        }
    }

    pub fn alive(&self) -> bool {
        self.status.is_none()
    }

    /// Its state in a word of the protocol.
    pub fn status_name(&self) -> &'static str {
        match self.stage {
            Stage::Waiting | Stage::Creating => "empty",
            Stage::Created | Stage::Starting => "created",
            Stage::Running | Stage::Draining => "running",
            // A first process that could not carry out its plan never was a container.
            Stage::Ended if self.exit.is_none() => "empty",
            Stage::Ended => "stopped",
        }
    }

    pub fn describe_exec(&self) -> Value {
        let mut out = json!({ "id": self.exec_id, "status": self.status_name() });
        if self.alive() {
            out["pid"] = self.pid.into();
        }
        if let Some(exit) = &self.exit {
            out["exit"] = json!(exit);
        }
        out
    }
}
