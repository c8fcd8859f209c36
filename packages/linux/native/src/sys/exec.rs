//! exec and what has to hold before it.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result};

use super::{check, last};

/// Strings as execve(2) takes them.
pub struct CStrings {
    pointers: Vec<*const c_char>,
    _strings: Vec<CString>,
}

impl CStrings {
    pub fn new(strings: Vec<CString>) -> Self {
        // A CString's bytes stay where they are when the CString moves.
        let pointers = strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect();
        Self { pointers, _strings: strings }
    }
}

/// execve(2). Returns only if it failed.
pub fn execve(path: &CStr, argv: &CStrings, env: &CStrings) -> Errno {
    // SAFETY: both arrays end with a null pointer, and the strings they point to live as long as they do.
    unsafe { libc::execve(path.as_ptr(), argv.pointers.as_ptr(), env.pointers.as_ptr()) };
    last()
}

/// Executes the file behind a descriptor. Returns only if it failed.
pub fn fexecve(file: BorrowedFd<'_>, argv: &CStrings, env: &CStrings) -> Errno {
    // SAFETY: as for `execve`; the empty path is a C string, and AT_EMPTY_PATH makes the kernel take the descriptor.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            argv.pointers.as_ptr(),
            env.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    last()
}

/// Marks all descriptors from `first` on close-on-exec.
pub fn cloexec_from(first: RawFd) -> Result<()> {
    // SAFETY: changes flags only; no descriptor that Rust owns is closed.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })?;
    Ok(())
}

/// Closes all descriptors from 3 on but `keep`. For the child of a fork that never returns into its parent's code: what
/// other `OwnedFd`s exist in the copied memory are never used or dropped again.
pub fn close_all_but(keep: &[RawFd]) -> Result<()> {
    let mut keep: Vec<RawFd> = keep.iter().copied().filter(|fd| *fd >= 3).collect();
    keep.sort_unstable();
    keep.dedup();
    let mut first = 3;
    for fd in keep.into_iter().map(Some).chain([None]) {
        let last = fd.map_or(u32::MAX, |fd| fd as u32 - 1);
        if first <= last {
            // SAFETY: closes what the caller has promised never to touch again.
            check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
        first = fd.map_or(first, |fd| fd as u32 + 1);
    }
    Ok(())
}

/// dup2(2) to a number that no `OwnedFd` of this process has; the copy stays open through exec.
pub fn dup_to(fd: BorrowedFd<'_>, number: RawFd) -> Result<()> {
    // SAFETY: plain numbers; what the number named before is closed, which the caller answers for.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }.into())?;
    Ok(())
}

/// Owns a descriptor that was inherited under a known number, and lets no further exec have it.
pub fn adopt_fd(number: RawFd) -> Result<OwnedFd> {
    // SAFETY: changes a flag only, and fails if there is no such descriptor.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) }.into())?;
    // SAFETY: it is open, and this is called once, before anything else was opened.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
