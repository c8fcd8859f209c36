//! A process with namespaces that waits for its plan, and then carries it out.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{UnmountFlags, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::process::{ProcSelf, Program};
use super::{Stdio, devices, die_with_keeper, enter_groups, expect, fail, hide, mask, mounts, process};
use crate::channel::{self, CREATED, FDS, GO, PLAN, READY};
use crate::error::{Context, Fail, Result};
use crate::plan::{CreateRequest, Propagation};
use crate::seed::{self, ROOT};
use crate::setup::{KeeperRequest, Namespace};
use crate::sys::exec::close_all_but;
use crate::sys::mount::{MountAttr, mount_setattr};
use crate::sys::net::loopback_up;
use crate::sys::process::unshare;

/// What the process was given when it was made.
pub struct Slot<'a> {
    pub request: &'a KeeperRequest,
    /// Files of control groups to enter.
    pub procs: Vec<OwnedFd>,
    pub joins: Vec<(Namespace, OwnedFd)>,
    pub channel: OwnedFd,
}

/// The life of the container's first process up to its exec.
pub fn run(slot: &mut Slot<'_>) -> ! {
    let proc_self = match enter(slot) {
        Ok(proc_self) => proc_self,
        Err(failed) => fail(&slot.channel, &failed),
    };
    match receive(&slot.channel).and_then(|(request, fds)| prepare(slot, &proc_self, &request, fds)) {
        Ok(program) => program.run(&slot.channel),
        Err(failed) => fail(&slot.channel, &failed),
    }
}

/// Makes the namespaces what they are to be. The mount namespace is a copy of the seed.
fn enter(slot: &mut Slot<'_>) -> Result<ProcSelf> {
    let own = slot.procs.iter().chain(slot.joins.iter().map(|(_, fd)| fd)).chain([&slot.channel]);
    let keep: Vec<i32> = own.map(AsRawFd::as_raw_fd).collect();
    close_all_but(&keep).step("close_range")?;
    die_with_keeper()?;
    let _ = rustix::thread::set_name(c"gantry-init");
    rustix::process::setsid().step("setsid")?;
    let proc_self = ProcSelf::open()?;
    if slot.request.has(Namespace::User) {
        // Until its ids are mapped it is nobody here.
        expect(&slot.channel, GO)?;
    }
    enter_groups(&slot.procs)?;
    slot.procs.clear();
    for (namespace, fd) in slot.joins.drain(..) {
        let kind = match namespace {
            Namespace::Net => LinkNameSpaceType::Network,
            Namespace::Ipc => LinkNameSpaceType::InterProcessCommunication,
            Namespace::Uts => LinkNameSpaceType::HostNameAndNISDomainName,
            Namespace::Cgroup => LinkNameSpaceType::ControlGroup,
            Namespace::Time => LinkNameSpaceType::Time,
            Namespace::User | Namespace::Mount | Namespace::Pid => continue,
        };
        move_into_link_name_space(fd.as_fd(), Some(kind)).step_with(|| format!("setns {}", namespace.file()))?;
    }
    if slot.request.has(Namespace::Cgroup) {
        // Only now, so that its root is the container's group.
        unshare(UnshareFlags::NEWCGROUP).step("unshare cgroup")?;
    }
    if slot.request.foreign_user() {
        process::become_root_of_namespace()?;
        die_with_keeper()?;
    }
    if slot.request.loopback && slot.request.has(Namespace::Net) {
        loopback_up().step("bring up lo")?;
    }
    hide()?;
    channel::send(&slot.channel, READY, &[], &[]).step("tell the keeper")?;
    Ok(proc_self)
}

/// The plan and the descriptors that belong to it.
fn receive(channel: &OwnedFd) -> Result<(CreateRequest, Fds)> {
    let first = expect(channel, PLAN)?;
    let count: usize =
        String::from_utf8_lossy(&first.text).parse().map_err(|_| Fail::internal("no number of descriptors"))?;
    let mut fds = first.fds;
    while fds.len() < count {
        let more = expect(channel, FDS)?.fds;
        if more.is_empty() {
            return Err(Fail::internal("fewer descriptors than promised"));
        }
        fds.extend(more);
    }
    let mut fds = Fds(fds.into_iter());
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut std::fs::File::from(fds.take()?), &mut text)
        .map_err(|e| Fail::internal(format!("read the plan: {e}")))?;
    // The keeper has already checked it.
    let request = serde_json::from_slice(&text).map_err(|e| Fail::invalid(format!("malformed plan: {e}")))?;
    Ok((request, fds))
}

/// Descriptors in the order that the keeper has put them.
pub struct Fds(std::vec::IntoIter<OwnedFd>);

impl Fds {
    pub fn take(&mut self) -> Result<OwnedFd> {
        self.0.next().ok_or_else(|| Fail::internal("a descriptor is missing"))
    }
}

/// Everything but the exec. What it cannot undo it need not: the namespaces end with the process.
fn prepare(slot: &Slot<'_>, proc_self: &ProcSelf, request: &CreateRequest, mut fds: Fds) -> Result<Program> {
    let plan = &request.plan;
    let umask = rustix::process::umask(Mode::empty());
    let root = fds.take()?;
    let stdio = if request.io.terminal { None } else { Some([fds.take()?, fds.take()?, fds.take()?]) };
    crate::mounts::attach_at(&root, ROOT)?;
    // Looking things up starts at this descriptor and never leaves what is below it.
    mounts::build(root.as_fd(), &plan.mounts, &mut fds)?;
    devices::make(root.as_fd(), &plan.devices, slot.request.foreign_user(), &mut fds)?;
    devices::link(root.as_fd(), &plan.links)?;
    let terminal = if request.io.terminal {
        let terminal = devices::terminal(root.as_fd(), &request.io)?;
        if plan.console {
            devices::console(root.as_fd(), terminal.slave.as_fd())?;
        }
        Some(terminal)
    } else {
        None
    };
    mask::mask(root.as_fd(), &plan.masked)?;
    mask::readonly(root.as_fd(), &plan.readonly)?;
    process::sysctls(&plan.sysctls)?;
    if let Some(name) = &plan.hostname {
        rustix::system::sethostname(name.as_bytes()).step("sethostname")?;
    }
    if let Some(name) = &plan.domainname {
        rustix::system::setdomainname(name.as_bytes()).step("setdomainname")?;
    }
    let null = rustix::fs::open(seed::NULL, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).step("open null")?;
    pivot(root.as_fd())?;
    rustix::process::umask(umask);
    let (stdio, master) = match (&stdio, &terminal) {
        (Some([stdin, stdout, stderr]), _) => {
            let stdin = if request.io.stdin { stdin.as_fd() } else { null.as_fd() };
            (Stdio::Files([stdin, stdout.as_fd(), stderr.as_fd()]), None)
        }
        (None, Some(terminal)) => (Stdio::Terminal(terminal.slave.as_fd()), Some(terminal.master.as_fd())),
        (None, None) => return Err(Fail::internal("a process without streams")),
    };
    stdio.install()?;
    let program = Program::new(&plan.process)?;
    process::assume(
        &plan.process,
        proc_self,
        |cwd| {
            if plan.process.create_cwd { mounts::make_cwd(cwd) } else { Ok(()) }
        },
        || finish_root(plan.root_propagation, plan.readonly_root),
    )?;
    let master: Vec<BorrowedFd<'_>> = master.into_iter().collect();
    channel::send(&slot.channel, CREATED, &[], &master).step("tell the keeper")?;
    Ok(program)
}

/// The tree becomes the root, and the seed goes out of reach.
fn pivot(root: BorrowedFd<'_>) -> Result<()> {
    rustix::process::fchdir(root).step("fchdir")?;
    rustix::process::pivot_root(".", ".").step("pivot_root")?;
    unmount(".", UnmountFlags::DETACH).step("umount the old root")?;
    rustix::process::chdir("/").step("chdir")
}

/// What has to wait until nothing is changed in the root any more.
fn finish_root(propagation: Propagation, readonly: bool) -> Result<()> {
    if propagation != Propagation::Shared && !readonly {
        return Ok(());
    }
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step("open /")?;
    let attr = MountAttr {
        set: if readonly { libc::MOUNT_ATTR_RDONLY } else { 0 },
        propagation: if propagation == Propagation::Shared { propagation.flag() } else { 0 },
        ..MountAttr::default()
    };
    mount_setattr(root.as_fd(), false, &attr).step("set the root's attributes")
}
