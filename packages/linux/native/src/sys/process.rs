//! Making processes, and what is set per process.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::process::Pid;
use rustix::thread::UnshareFlags;

use super::check;

/// Which side of a fork this is.
pub enum Fork<T> {
    Child,
    Parent(T),
}

/// fork(2).
pub fn fork() -> Result<Fork<Pid>> {
    // SAFETY: no thread was ever started in this process, so that no lock can be held by another at the copy.
    let pid = check(unsafe { libc::fork() }.into())?;
    Ok(Pid::from_raw(pid as i32).map_or(Fork::Child, Fork::Parent))
}

/// A child by clone3(2) and its pidfd.
pub struct Cloned {
    pub pid: Pid,
    pub pidfd: OwnedFd,
}

/// Not in the libc crate for musl.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// A copy of this process in new namespaces (CLONE_NEW*), at once inside `cgroup` (a folder of the unified hierarchy).
/// `sibling`: the child of this process's parent, which tells nobody's pidfd.
pub fn clone_into(namespaces: u64, cgroup: Option<BorrowedFd<'_>>, sibling: bool) -> Result<Fork<Cloned>> {
    let mut pidfd: i32 = -1;
    let mut args = CloneArgs {
        flags: namespaces | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: if sibling { 0 } else { libc::SIGCHLD as u64 },
        ..CloneArgs::default()
    };
    if sibling {
        args.flags |= libc::CLONE_PARENT as u64;
    }
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = fd.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child is a copy, as of fork(2); this process has one thread, so that no lock can be
    // held by another. `args` and `pidfd` outlive the call, and the size is that of the structure.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<CloneArgs>()) })?;
    match Pid::from_raw(pid as i32) {
        None => Ok(Fork::Child),
        // SAFETY: CLONE_PIDFD has stored a new descriptor there, which nobody else owns.
        Some(pid) => Ok(Fork::Parent(Cloned { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })),
    }
}

/// unshare(2) of namespaces.
pub fn unshare(flags: UnshareFlags) -> Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: only an unshared table of descriptors can break what others rely on, and there is no other thread.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// setfsuid(2). Without a way to tell failure, it is checked by asking again.
pub fn set_fs_uid(uid: u32) -> Result<()> {
    // SAFETY: plain numbers in, a plain number out.
    let now = unsafe {
        libc::syscall(libc::SYS_setfsuid, uid);
        libc::syscall(libc::SYS_setfsuid, u32::MAX)
    };
    if now as u32 == uid { Ok(()) } else { Err(Errno::PERM) }
}

/// setrlimit(2) by the resource's number; `u64::MAX` is unlimited.
pub fn set_rlimit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = [soft, hard];
    // SAFETY: `limit` has the layout of struct rlimit64 and is only read; the old value is not asked for.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), std::ptr::null::<u64>()) })?;
    Ok(())
}

/// Sends a signal by number to the process behind a pidfd.
pub fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<()> {
    // SAFETY: no siginfo is passed; the descriptor is open for the call.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<u8>(), 0) })?;
    Ok(())
}

/// kill(2) by number.
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(pid, signal) }.into())?;
    Ok(())
}
