//! What a keeper is told by the zygote's client, and what it leaves behind on disk about itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Fail, Result};

/// The `keeper` request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeeperRequest {
    pub key: String,
    pub dir: PathBuf,
    pub namespaces: Vec<Namespace>,
    #[serde(default)]
    pub join: BTreeMap<Namespace, PathBuf>,
    #[serde(default)]
    pub pin: BTreeMap<Namespace, PathBuf>,
    pub idmap: Option<IdMap>,
    #[serde(default)]
    pub cgroup: Cgroup,
    pub oom: Option<Oom>,
    #[serde(default)]
    pub loopback: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    User,
    Mount,
    Pid,
    Net,
    Ipc,
    Uts,
    Cgroup,
    Time,
}

impl Namespace {
    /// CLONE_NEW*.
    pub fn flag(self) -> u64 {
        let flag = match self {
            Self::User => libc::CLONE_NEWUSER,
            Self::Mount => libc::CLONE_NEWNS,
            Self::Pid => libc::CLONE_NEWPID,
            Self::Net => libc::CLONE_NEWNET,
            Self::Ipc => libc::CLONE_NEWIPC,
            Self::Uts => libc::CLONE_NEWUTS,
            Self::Cgroup => libc::CLONE_NEWCGROUP,
            Self::Time => 0x80,
        };
        flag as u32 as u64
    }

    /// Its file in /proc/PID/ns.
    pub fn file(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mnt",
            Self::Pid => "pid",
            Self::Net => "net",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdMap {
    pub uid: Vec<(u32, u32, u32)>,
    pub gid: Vec<(u32, u32, u32)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cgroup {
    pub mkdir: Vec<PathBuf>,
    #[serde(skip_serializing)]
    #[serde(default)]
    pub write: Vec<Write>,
    pub procs: Vec<PathBuf>,
    pub v2: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Write {
    pub path: PathBuf,
    pub data: String,
    #[serde(default)]
    pub optional: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Oom {
    V1 { control: PathBuf },
    V2(PathBuf),
}

impl KeeperRequest {
    /// What can be said of it without looking at the machine.
    pub fn check(&self) -> Result<()> {
        if self.key.is_empty() || self.key.len() > 255 {
            return Err(Fail::invalid("key: 1 to 255 bytes"));
        }
        let paths = [&self.dir].into_iter().chain(self.join.values()).chain(self.pin.values());
        let cgroup = self.cgroup.mkdir.iter().chain(&self.cgroup.procs).chain(&self.cgroup.v2);
        for path in paths.chain(cgroup) {
            if !path.is_absolute() {
                return Err(Fail::invalid(format!("{}: not an absolute path", path.display())));
            }
        }
        if !self.namespaces.contains(&Namespace::Mount) {
            return Err(Fail::invalid("namespaces: a mount namespace is always made"));
        }
        if self.namespaces.contains(&Namespace::Time) {
            return Err(Fail::unsupported("namespaces: time can only be joined"));
        }
        if let Some(both) = self.join.keys().find(|ns| self.namespaces.contains(ns)) {
            return Err(Fail::invalid(format!("{}: made new and joined", both.file())));
        }
        if let Some(odd) = self.pin.keys().find(|ns| matches!(ns, Namespace::Mount | Namespace::Pid | Namespace::Time))
        {
            return Err(Fail::invalid(format!("{}: cannot be pinned", odd.file())));
        }
        if self.idmap.is_some() != self.namespaces.contains(&Namespace::User) {
            return Err(Fail::invalid("idmap: for a new user namespace, and only for one"));
        }
        Ok(())
    }

    pub fn has(&self, namespace: Namespace) -> bool {
        self.namespaces.contains(&namespace)
    }

    /// The container's user namespace is not that of the keeper.
    pub fn foreign_user(&self) -> bool {
        self.has(Namespace::User) || self.join.contains_key(&Namespace::User)
    }
}

/// keeper.json: whatever has to be put away if the keeper dies without doing so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub key: String,
    pub dir: PathBuf,
    pub pid: i32,
    /// Field 22 of /proc/PID/stat, which tells it from another process with its number.
    pub started: u64,
    pub version: u32,
    pub build: String,
    pub cgroup: Cgroup,
    pub pin: BTreeMap<Namespace, PathBuf>,
}

impl Record {
    /// As the zygote knows it.
    pub fn of_child(request: &KeeperRequest, pid: i32, build: &str) -> Self {
        Self {
            key: request.key.clone(),
            dir: request.dir.clone(),
            pid,
            started: 0,
            version: crate::conn::VERSION,
            build: build.to_owned(),
            cgroup: Cgroup { write: Vec::new(), ..request.cgroup.clone() },
            pin: request.pin.clone(),
        }
    }

    /// As the keeper writes it down.
    pub fn of_self(request: &KeeperRequest, build: &str) -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Self { started: start_time(pid).unwrap_or(0), ..Self::of_child(request, pid, build) }
    }

    /// Whether the process that wrote it still runs.
    pub fn alive(&self) -> bool {
        start_time(self.pid).is_some_and(|started| started == self.started)
    }
}

/// When a process started, in ticks since boot; `None`: there is no such process, or it is a zombie.
fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
