//! Making the container's first process, with its namespaces.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, ThreadNameSpaceType, move_into_link_name_space, move_into_thread_name_spaces};

use crate::channel::{self, FAILED, READY};
use crate::error::{Context, Fail, Result};
use crate::init::{self, Slot};
use crate::seed::Seed;
use crate::setup::{KeeperRequest, Namespace};
use crate::sys::process::{Cloned, Fork, clone_into, fork};

pub struct Spawned {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    pub channel: OwnedFd,
    /// The seed's null device: one that nobody can change by way of a descriptor.
    pub null: File,
}

/// How long a first process may take to make its namespaces.
const PATIENCE: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

pub fn open_read(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        .step_with(|| format!("open {}", path.display()))
}

/// The files that a process of the container writes `0` to, which puts it there.
pub fn open_procs(request: &KeeperRequest, with_v2: bool) -> Result<Vec<OwnedFd>> {
    let v2 = request.cgroup.v2.as_ref().filter(|_| with_v2).map(|dir| dir.join("cgroup.procs"));
    let open = |path: &std::path::PathBuf| {
        rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
            .step_with(|| format!("open {}", path.display()))
    };
    request.cgroup.procs.iter().chain(&v2).map(open).collect()
}

/// Whether clone3(2) can put a child into this cgroup: not while the hierarchy is threaded there, or on old kernels.
fn cannot_clone_into(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::OPNOTSUPP | Errno::BUSY | Errno::NOSYS | Errno::TOOBIG)
}

pub fn spawn(request: &KeeperRequest, seed: &Seed) -> Result<Spawned> {
    let mut flags = 0;
    for namespace in request.namespaces.iter().filter(|ns| **ns != Namespace::Cgroup) {
        flags |= namespace.flag();
    }
    let mut joins = Vec::new();
    let mut user = None;
    for (namespace, path) in &request.join {
        let fd = crate::files::open_namespace(path)?;
        match namespace {
            // It is for children of this process, never for itself.
            Namespace::Pid => {
                move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::ProcessID)).step("setns pid")?
            }
            Namespace::User => user = Some(fd),
            other => joins.push((*other, fd)),
        }
    }
    let group = request.cgroup.v2.as_deref().map(open_read).transpose()?;
    let (channel, theirs) = channel::pair().step("socketpair")?;
    let mut slot = Slot { request, procs: open_procs(request, false)?, joins, channel: theirs };
    seed.enter()?;
    let null = rustix::fs::open(crate::seed::NULL, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).step("open null");
    let made = match user {
        None => in_group(flags, group.as_ref(), &mut slot),
        Some(user) => beside(flags, group.as_ref(), &user, &channel, &mut slot),
    };
    seed.leave()?;
    let made = made?;
    if request.has(Namespace::User) {
        map_ids(request, made.pid)?;
        channel::send(&channel, channel::GO, &[], &[]).step("let the first process go on")?;
    }
    if request.has(Namespace::Pid) {
        // Processes that are added to the container later are born in its PID namespace.
        move_into_thread_name_spaces(made.pidfd.as_fd(), ThreadNameSpaceType::PROCESS_ID).step("setns pid")?;
    }
    Ok(Spawned { pid: made.pid, pidfd: made.pidfd, channel, null: null?.into() })
}

/// Clones into the group if that can be; else the child goes there itself. Does not return in the child.
fn in_group(flags: u64, group: Option<&OwnedFd>, slot: &mut Slot<'_>) -> Result<Cloned> {
    if let Some(group) = group {
        match clone_into(flags, Some(group.as_fd()), false) {
            Ok(Fork::Child) => init::run_slot(slot),
            Ok(Fork::Parent(cloned)) => return Ok(cloned),
            Err(errno) if cannot_clone_into(errno) => slot.procs.extend(group_procs(group)?),
            Err(errno) => return Err(Fail::os(errno, "clone3")),
        }
    }
    match clone_into(flags, None, false).step("clone3")? {
        Fork::Child => init::run_slot(slot),
        Fork::Parent(cloned) => Ok(cloned),
    }
}

fn group_procs(group: &OwnedFd) -> Result<Option<OwnedFd>> {
    rustix::fs::openat(group, "cgroup.procs", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .step("open cgroup.procs")
        .map(Some)
}

/// In a user namespace that exists: namespaces belong to the one of whoever makes them, so that a helper enters it first and
/// makes the process as its own sibling.
fn beside(
    flags: u64,
    group: Option<&OwnedFd>,
    user: &OwnedFd,
    channel: &OwnedFd,
    slot: &mut Slot<'_>,
) -> Result<Cloned> {
    slot.procs.extend(group.map(group_procs).transpose()?.flatten());
    match fork().step("fork")? {
        Fork::Child => {
            let made = move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
                .step("setns user")
                .and_then(|()| clone_into(flags, None, true).step("clone3"));
            let told = match made {
                Ok(Fork::Child) => init::run_slot(slot),
                Ok(Fork::Parent(cloned)) => {
                    let pid = cloned.pid.as_raw_nonzero().get().to_string();
                    channel::send(&slot.channel, b'B', pid.as_bytes(), &[])
                }
                Err(fail) => channel::send(&slot.channel, FAILED, fail.to_json().to_string().as_bytes(), &[]),
            };
            std::process::exit(i32::from(told.is_err()))
        }
        Fork::Parent(helper) => {
            let told = channel::receive(channel, RecvFlags::empty()).step("wait for the helper");
            rustix::process::waitpid(Some(helper), rustix::process::WaitOptions::empty())
                .step("wait for the helper")?;
            let message = told?.ok_or_else(|| Fail::internal("the helper ended without a word"))?;
            let text = String::from_utf8_lossy(&message.text).into_owned();
            let pid = text.parse().ok().and_then(Pid::from_raw).ok_or_else(|| Fail::internal(text))?;
            let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).step("pidfd_open")?;
            Ok(Cloned { pid, pidfd })
        }
    }
}

fn map_ids(request: &KeeperRequest, pid: Pid) -> Result<()> {
    let Some(map) = &request.idmap else { return Ok(()) };
    for (file, ranges) in [("uid_map", &map.uid), ("gid_map", &map.gid)] {
        let text: String =
            ranges.iter().map(|(inside, outside, size)| format!("{inside} {outside} {size}\n")).collect();
        let path = format!("/proc/{}/{file}", pid.as_raw_nonzero());
        crate::cgroup::put(path.as_ref(), text.as_bytes()).step_with(|| format!("write {file}"))?;
    }
    Ok(())
}

/// Waits until the namespaces are there.
pub fn wait_ready(channel: &OwnedFd) -> Result<()> {
    let mut fds = [PollFd::new(channel, PollFlags::IN)];
    if poll(&mut fds, Some(&PATIENCE)).step("poll")? == 0 {
        return Err(Fail::os(Errno::TIMEDOUT, "make namespaces"));
    }
    match channel::receive(channel, RecvFlags::empty()).step("wait for the first process")? {
        Some(message) if message.kind == READY => Ok(()),
        Some(message) => Err(told_failure(&message.text)),
        None => Err(Fail::internal("the first process ended without a word")),
    }
}

/// The error that a child told.
pub fn told_failure(text: &[u8]) -> Fail {
    init::Told::parse(text).into_fail()
}

/// Keeps a namespace of the process beyond its end, by a mount on a file.
pub fn pin(pid: Pid, namespace: Namespace, path: &Path) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let target =
        rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)).step_with(|| format!("create {}", path.display()))?;
    // By mount(2), since a magic link is to be followed here: both names are this process's own.
    let source = format!("/proc/{}/ns/{}", pid.as_raw_nonzero(), namespace.file());
    let target = format!("/proc/self/fd/{}", target.as_raw_fd());
    rustix::mount::mount_bind(source.as_str(), target.as_str()).step_with(|| format!("pin {}", path.display()))
}
