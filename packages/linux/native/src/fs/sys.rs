//! The two system calls of this role that have no safe form.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// New mount, network, IPC and UTS namespaces for this process.
pub fn unshare_for_fs() -> rustix::io::Result<()> {
    let flags = UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    // SAFETY: unsafe only for CLONE_FILES, which would break what other threads think of descriptors; it is not among the flags.
    unsafe { unshare_unsafe(flags) }
}

/// Makes a detached mount nosuid, nodev and noexec, and read-only if asked: nothing in it is run or opened as a device.
pub fn restrict_mount(mount: &impl AsFd, readonly: bool, recursive: bool) -> rustix::io::Result<()> {
    let mut attr = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    if readonly {
        attr.attr_set |= libc::MOUNT_ATTR_RDONLY;
    }
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: mount_setattr(2) reads a path, here an empty string, and `attr`, whose size is passed; both outlive the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)) }
}
