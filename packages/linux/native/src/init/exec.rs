//! A process that is added to a running container: it enters its namespaces and becomes what its plan says, in the same steps
//! as the first one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use super::process::{ProcSelf, Program};
use super::{Stdio, die_with_keeper, enter_groups, fail, hide, mounts, process};
use crate::channel::{self, CREATED};
use crate::error::{Context, Fail, Result};
use crate::plan::{Io, Process};
use crate::sys::exec::close_all_but;

/// What the process was given when it was made.
pub struct Added<'a> {
    pub process: &'a Process,
    pub io: &'a Io,
    /// Of the container's first process.
    pub container: BorrowedFd<'a>,
    pub namespaces: ThreadNameSpaceType,
    /// The container's user namespace is another than the keeper's.
    pub foreign_user: bool,
    pub procs: Vec<OwnedFd>,
    /// Standard input, output and error, if it has no terminal.
    pub files: Option<[BorrowedFd<'a>; 3]>,
    pub channel: OwnedFd,
}

/// The life of an added process up to its exec.
pub fn run(added: &mut Added<'_>) -> ! {
    match prepare(added) {
        Ok(program) => program.run(&added.channel),
        Err(failed) => fail(&added.channel, &failed),
    }
}

fn prepare(added: &mut Added<'_>) -> Result<Program> {
    let files = added.files.iter().flatten().map(AsRawFd::as_raw_fd);
    let keep: Vec<i32> = files
        .chain(added.procs.iter().map(AsRawFd::as_raw_fd))
        .chain([added.channel.as_raw_fd(), added.container.as_raw_fd()])
        .collect();
    // Before it is anywhere in the container: nothing of the host may be found in its table of descriptors there.
    close_all_but(&keep).step("close_range")?;
    die_with_keeper()?;
    let _ = rustix::thread::set_name(c"gantry-exec");
    rustix::process::setsid().step("setsid")?;
    let proc_self = ProcSelf::open()?;
    hide()?;
    enter_groups(&added.procs)?;
    added.procs.clear();
    move_into_thread_name_spaces(added.container, added.namespaces).step("enter the container's namespaces")?;
    if added.foreign_user {
        process::become_root_of_namespace()?;
        die_with_keeper()?;
        hide()?;
    }
    let terminal = if added.io.terminal {
        let root =
            rustix::fs::open("/", rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty())
                .step("open /")?;
        Some(super::devices::terminal(root.as_fd(), added.io)?)
    } else {
        None
    };
    let (stdio, master) = match (&terminal, added.files) {
        (Some(terminal), _) => (Stdio::Terminal(terminal.slave.as_fd()), Some(terminal.master.as_fd())),
        (None, Some(files)) => (Stdio::Files(files), None),
        (None, None) => return Err(Fail::internal("a process without streams")),
    };
    stdio.install()?;
    let program = Program::new(added.process)?;
    let make_cwd = |cwd: &str| if added.process.create_cwd { mounts::make_cwd(cwd) } else { Ok(()) };
    process::assume(added.process, &proc_self, make_cwd, || Ok(()))?;
    let master: Vec<BorrowedFd<'_>> = master.into_iter().collect();
    channel::send(&added.channel, CREATED, &[], &master).step("tell the keeper")?;
    Ok(program)
}
