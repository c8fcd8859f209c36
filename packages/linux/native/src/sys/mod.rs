//! The system calls that rustix has no safe form of. All `unsafe` of the crate is in this folder.
#![allow(unsafe_code)]

pub mod bpf;
pub mod exec;
pub mod mount;
pub mod net;
pub mod process;
pub mod seccomp;
pub mod signal;

use rustix::io::Errno;

/// The error of the libc call that has just returned -1.
fn last() -> Errno {
    // SAFETY: musl's and glibc's location of errno is valid for the life of the thread.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// The result of a libc call or syscall(2) that returns -1 and sets errno.
fn check(ret: libc::c_long) -> rustix::io::Result<libc::c_long> {
    if ret == -1 { Err(last()) } else { Ok(ret) }
}
