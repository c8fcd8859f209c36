//! Signal masks, signalfd and dispositions.

use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::io::Result;

use super::check;

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set, sigaddset changes an initialised one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Blocks SIGCHLD, and reports it by a descriptor that never blocks.
pub fn child_fd() -> Result<OwnedFd> {
    let set = set_of(&[libc::SIGCHLD]);
    // SAFETY: the set is initialised and only read; the new descriptor has no other owner.
    unsafe {
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()).into())?;
        let fd = check(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// No signal is blocked, as a program expects it at its start.
pub fn unblock_all() -> Result<()> {
    let set = set_of(&[]);
    // SAFETY: the set is initialised and only read.
    check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) }.into())?;
    Ok(())
}

/// Every signal does what it does by default: dispositions that ignore are inherited through exec. Those that the C library
/// keeps for itself stay as they are.
pub fn default_all() {
    for signal in 1..=64 {
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            set(signal, libc::SIG_DFL);
        }
    }
}

/// A write into a pipe that nobody reads is an error, not the end of the process.
pub fn ignore_pipe() {
    set(libc::SIGPIPE, libc::SIG_IGN);
}

/// As programs expect it.
pub fn default_pipe() {
    set(libc::SIGPIPE, libc::SIG_DFL);
}

fn set(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: neither SIG_DFL nor SIG_IGN runs code of ours. A number that does not exist is refused, which is all right.
    unsafe { libc::signal(signal, handler) };
}
