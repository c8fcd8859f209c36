//! The plan of a container as types; PROTOCOL.md says what each field means.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Fail, Result};

#[derive(Debug, Deserialize)]
pub struct CreateRequest {
    pub token: String,
    pub plan: Plan,
    pub io: Io,
    pub log: Option<LogSink>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecRequest {
    pub exec_id: String,
    pub process: Process,
    pub io: Io,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Io {
    pub terminal: bool,
    #[serde(default)]
    pub rows: u16,
    #[serde(default)]
    pub cols: u16,
    pub stdin: bool,
    #[serde(default)]
    pub stdin_once: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSink {
    pub format: LogFormat,
    pub path: String,
    pub max_bytes: u64,
    pub max_files: u32,
    #[serde(default)]
    pub attrs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    JsonFile,
    Frames,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub root: Root,
    pub root_propagation: Propagation,
    pub readonly_root: bool,
    #[serde(default)]
    pub mounts: Vec<Mount>,
    #[serde(default)]
    pub devices: Vec<Device>,
    #[serde(default)]
    pub links: Vec<Link>,
    #[serde(default)]
    pub console: bool,
    #[serde(default)]
    pub masked: Vec<String>,
    #[serde(default)]
    pub readonly: Vec<String>,
    #[serde(default)]
    pub sysctls: Vec<(String, String)>,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub process: Process,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Root {
    Path(String),
    Overlay(Overlay),
}

/// Also the body of the zygote's `overlay`.
#[derive(Debug, Deserialize)]
pub struct Overlay {
    pub lower: Vec<String>,
    pub upper: Option<String>,
    pub work: Option<String>,
    #[serde(default)]
    pub flags: Vec<String>,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    Private,
    Slave,
    Shared,
    Unbindable,
}

impl Propagation {
    /// MS_*.
    pub fn flag(self) -> u64 {
        match self {
            Self::Private => libc::MS_PRIVATE,
            Self::Slave => libc::MS_SLAVE,
            Self::Shared => libc::MS_SHARED,
            Self::Unbindable => libc::MS_UNBINDABLE,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Mount {
    Fs(FsMount),
    Bind(BindMount),
}

#[derive(Debug, Deserialize)]
pub struct FsMount {
    pub fstype: String,
    pub source: String,
    pub target: String,
    pub flags: u32,
    pub data: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindMount {
    pub source: String,
    pub target: String,
    #[serde(default)]
    pub recursive: bool,
    pub create: Option<Create>,
    #[serde(default)]
    pub set: u64,
    #[serde(default)]
    pub clear: u64,
    #[serde(default)]
    pub recursive_attr: bool,
    pub propagation: Option<Propagation>,
    #[serde(default)]
    pub in_root: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Create {
    Dir,
    File,
}

#[derive(Debug, Deserialize)]
pub struct Device {
    pub path: String,
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    pub major: u32,
    pub minor: u32,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DeviceKind {
    #[serde(rename = "c")]
    Char,
    #[serde(rename = "b")]
    Block,
    #[serde(rename = "p")]
    Fifo,
}

#[derive(Debug, Deserialize)]
pub struct Link {
    pub path: String,
    pub target: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    pub args: Vec<String>,
    #[serde(default)]
    pub env: Vec<String>,
    pub cwd: String,
    #[serde(default)]
    pub create_cwd: bool,
    pub uid: u32,
    pub gid: u32,
    #[serde(default)]
    pub groups: Vec<u32>,
    pub umask: Option<u32>,
    pub caps: Caps,
    #[serde(default)]
    pub rlimits: Vec<(u32, String, String)>,
    #[serde(default)]
    pub no_new_privileges: bool,
    pub seccomp: Option<Seccomp>,
    pub oom_score_adj: Option<i32>,
    pub apparmor: Option<String>,
    pub selinux: Option<String>,
    #[serde(default)]
    pub path: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Caps {
    pub bounding: String,
    pub effective: String,
    pub permitted: String,
    pub inheritable: String,
    pub ambient: String,
}

#[derive(Debug, Deserialize)]
pub struct Seccomp {
    pub bpf: String,
    pub flags: u32,
}

impl LogSink {
    pub fn check(&self) -> Result<()> {
        match self.format {
            LogFormat::None => Ok(()),
            LogFormat::Frames => Err(Fail::unsupported("log: format frames")),
            LogFormat::JsonFile if self.path.starts_with('/') && self.max_files > 0 => Ok(()),
            LogFormat::JsonFile => Err(Fail::invalid("log: an absolute path, and at least one file")),
        }
    }
}

impl CreateRequest {
    /// What can be said of it without looking at the machine.
    pub fn check(&self) -> Result<()> {
        if self.token.is_empty() || self.token.len() > 255 {
            return Err(Fail::invalid("token: 1 to 255 bytes"));
        }
        if self.plan.console && !self.io.terminal {
            return Err(Fail::invalid("console: needs a terminal"));
        }
        if self.plan.root_propagation == Propagation::Unbindable {
            return Err(Fail::invalid("rootPropagation: private, slave or shared"));
        }
        let absolute = match &self.plan.root {
            Root::Path(path) => path.starts_with('/'),
            Root::Overlay(o) => {
                !o.lower.is_empty() && o.lower.iter().chain(&o.upper).chain(&o.work).all(|p| p.starts_with('/'))
            }
        };
        if !absolute {
            return Err(Fail::invalid("root: absolute paths"));
        }
        if let Some(log) = &self.log {
            log.check()?;
        }
        self.plan.process.check()
    }
}

impl ExecRequest {
    pub fn check(&self) -> Result<()> {
        let id = self.exec_id.as_bytes();
        let fine = !id.is_empty()
            && id.len() <= 128
            && id[0] != b'.'
            && id.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'));
        if !fine {
            return Err(Fail::invalid("execId: 1 to 128 of a-z, A-Z, 0-9, _, . and -, not beginning with a dot"));
        }
        self.process.check()
    }
}

impl Process {
    fn check(&self) -> Result<()> {
        if self.args.first().is_none_or(String::is_empty) {
            return Err(Fail::invalid("args: a program has to be named"));
        }
        if !self.cwd.starts_with('/') {
            return Err(Fail::invalid("cwd: an absolute path"));
        }
        let texts = self.args.iter().chain(&self.env).chain(&self.path);
        if texts.chain([&self.cwd]).any(|s| s.contains('\0')) {
            return Err(Fail::invalid("a zero byte in args, env, cwd or path"));
        }
        if self.uid == u32::MAX || self.gid == u32::MAX || self.groups.contains(&u32::MAX) {
            return Err(Fail::invalid("4294967295 is no user and no group"));
        }
        Ok(())
    }
}
