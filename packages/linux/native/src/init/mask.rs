//! Paths that the container may not see, or not change.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::resolve::{file_type, find};
use crate::error::{Context, Fail, Result};
use crate::mounts::{attach, clone_of};
use crate::seed::{self, EMPTY};
use crate::sys::mount::{MountAttr, mount_setattr};

/// Files are covered by a null device, folders by an empty one: both read-only, and of the seed, where nobody can swap them.
pub fn mask(root: BorrowedFd<'_>, paths: &[String]) -> Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let null = seed::null_device()?;
    let empty =
        rustix::fs::open(EMPTY, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).step("open empty")?;
    for path in paths {
        let Some(target) = there(root, path)? else { continue };
        let folder = file_type(&target)? == FileType::Directory;
        let cover = clone_of(if folder { &empty } else { &null }, false)?;
        let hardened = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
        let set = if folder { hardened | libc::MOUNT_ATTR_NODEV } else { hardened };
        mount_setattr(cover.as_fd(), false, &MountAttr { set, ..MountAttr::default() }).step("mount_setattr")?;
        attach(&cover, &target).map_err(|fail| Fail { step: Some(format!("mask {path}").into()), ..fail })?;
    }
    Ok(())
}

pub fn readonly(root: BorrowedFd<'_>, paths: &[String]) -> Result<()> {
    for path in paths {
        let Some(target) = there(root, path)? else { continue };
        let tree = clone_of(&target, true)?;
        let attr = MountAttr { set: libc::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
        mount_setattr(tree.as_fd(), true, &attr).step("mount_setattr")?;
        attach(&tree, &target).map_err(|fail| Fail { step: Some(format!("make {path} read-only").into()), ..fail })?;
    }
    Ok(())
}

/// `None`: there is nothing to protect.
fn there(root: BorrowedFd<'_>, path: &str) -> Result<Option<OwnedFd>> {
    match find(root, path) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(Fail::os(errno, format!("open {path}"))),
    }
}
