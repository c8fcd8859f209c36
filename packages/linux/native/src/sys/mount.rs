//! mount_setattr(2).

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Result;

use super::check;

/// struct mount_attr.
#[repr(C)]
#[derive(Default)]
pub struct MountAttr {
    pub set: u64,
    pub clear: u64,
    /// MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0.
    pub propagation: u64,
    /// With MOUNT_ATTR_IDMAP.
    pub userns: u64,
}

/// Changes the mount behind a descriptor, with `recursive` those below it too.
pub fn mount_setattr(mount: BorrowedFd<'_>, recursive: bool, attr: &MountAttr) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `attr` has the kernel's layout and the size passed, and is only read; the empty path is a C string.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    })?;
    Ok(())
}
