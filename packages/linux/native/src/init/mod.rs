//! The role `init`: becomes the container's first process; and what processes added later have in common with it.
//!
//! `slot` makes the namespaces and waits; `mounts`, `devices` and `mask` build the container's tree; `process` becomes the
//! user; `exec` is the way of a process that is added to a running container.

mod devices;
pub mod exec;
mod mask;
mod mounts;
mod process;
pub mod resolve;
mod slot;

use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::channel::{self, FAILED};
use crate::error::{Context, Fail, Result};

pub use self::slot::{Slot, run as run_slot};

/// A failure on its way to the keeper.
#[derive(Serialize, Deserialize)]
pub struct Told {
    code: String,
    message: String,
    errno: Option<i32>,
    step: Option<String>,
}

impl Told {
    fn of(fail: &Fail) -> Self {
        Self {
            code: fail.code.to_owned(),
            message: fail.message.clone().into_owned(),
            errno: fail.errno.map(Errno::raw_os_error),
            step: fail.step.clone().map(Cow::into_owned),
        }
    }

    pub fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_else(|_| Self {
            code: "internal".into(),
            message: String::from_utf8_lossy(text).into_owned(),
            errno: None,
            step: None,
        })
    }

    pub fn into_fail(self) -> Fail {
        let plain = match self.code.as_str() {
            "invalid" => Fail::invalid(self.message),
            "unsupported" => Fail::unsupported(self.message),
            "os" => Fail::os_told(self.message),
            _ => Fail::internal(self.message),
        };
        Fail { errno: self.errno.map(Errno::from_raw_os_error), step: self.step.map(Cow::Owned), ..plain }
    }
}

/// Tells the keeper and ends.
fn fail(channel: &OwnedFd, fail: &Fail) -> ! {
    let mut told = Told::of(fail);
    told.message.truncate(4096);
    let text = serde_json::to_vec(&told).unwrap_or_default();
    // Without a keeper there is nobody to tell.
    let _ = channel::send(channel, FAILED, &text, &[]);
    std::process::exit(1)
}

/// This process dies with its keeper. Every change of credentials takes that back.
fn die_with_keeper() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).step("PR_SET_PDEATHSIG")
}

/// Others in its namespaces cannot look into this process while it is still privileged.
fn hide() -> Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).step("PR_SET_DUMPABLE")
}

/// Waits for a message of this kind; ends with the keeper.
fn expect(channel: &OwnedFd, kind: u8) -> Result<channel::Message> {
    match channel::receive(channel, RecvFlags::empty()).step("wait for the keeper")? {
        Some(message) if message.kind == kind => Ok(message),
        Some(_) => Err(Fail::internal("the keeper said something unexpected")),
        None => std::process::exit(0),
    }
}

/// Moves this process into control groups.
fn enter_groups(procs: &[impl AsFd]) -> Result<()> {
    for file in procs {
        rustix::io::write(file, b"0").step("enter the cgroup")?;
    }
    Ok(())
}

/// What a process gets as its descriptors 0, 1 and 2.
enum Stdio<'a> {
    Files([BorrowedFd<'a>; 3]),
    /// The other side of this terminal's master.
    Terminal(BorrowedFd<'a>),
}

impl Stdio<'_> {
    /// In a session of its own, with the terminal as its controlling one.
    fn install(&self) -> Result<()> {
        let files = match self {
            Self::Files(files) => *files,
            Self::Terminal(slave) => [*slave; 3],
        };
        rustix::stdio::dup2_stdin(files[0]).step("dup2")?;
        rustix::stdio::dup2_stdout(files[1]).step("dup2")?;
        rustix::stdio::dup2_stderr(files[2]).step("dup2")?;
        if let Self::Terminal(slave) = self {
            rustix::process::ioctl_tiocsctty(slave).step("take the terminal")?;
        }
        Ok(())
    }
}
