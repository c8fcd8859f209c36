//! The container's mounts, in the order of the plan.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::resolve::{file_type, find, find_plain, make};
use super::slot::Fds;
use crate::error::{Context, Fail, Result};
use crate::keeper::change;
use crate::mounts::{attach, clone_of, filesystem};
use crate::plan::{BindMount, Create, FsMount, Mount};

pub fn build(root: BorrowedFd<'_>, mounts: &[Mount], fds: &mut Fds) -> Result<()> {
    for mount in mounts {
        match mount {
            Mount::Fs(fs) => new_filesystem(root, fs)?,
            Mount::Bind(bind) => bind_mount(root, bind, fds)?,
        }
    }
    Ok(())
}

fn new_filesystem(root: BorrowedFd<'_>, mount: &FsMount) -> Result<()> {
    let fs = filesystem(&mount.fstype, &mount.source, mount.flags, &mount.data)?;
    let target = target(root, &mount.target, Some(Create::Dir))?;
    attach(&fs, &target).map_err(|fail| at(fail, &mount.target))
}

fn bind_mount(root: BorrowedFd<'_>, bind: &BindMount, fds: &mut Fds) -> Result<()> {
    let tree = if bind.in_root {
        let source = find(root, &bind.source).step_with(|| format!("open {}", bind.source))?;
        let tree = clone_of(&source, bind.recursive)?;
        change(&tree, bind, bind.propagation.map_or(libc::MS_PRIVATE, |p| p.flag()))?;
        tree
    } else {
        fds.take()?
    };
    let target = target(root, &bind.target, bind.create)?;
    let (source, place) = (file_type(&tree)?, file_type(&target)?);
    // The kernel says only ENOTDIR, whichever of the two it is.
    if (source == FileType::Directory) != (place == FileType::Directory) {
        let what = |t: FileType| if t == FileType::Directory { "a folder" } else { "a file" };
        let message = format!("bind {}: the source is {}, the target {}", bind.target, what(source), what(place));
        return Err(Fail::os(Errno::NOTDIR, message));
    }
    attach(&tree, &target).map_err(|fail| at(fail, &bind.target))
}

fn at(fail: Fail, target: &str) -> Fail {
    match fail.errno {
        Some(errno) => Fail::os(errno, format!("mount at {target}")),
        None => fail,
    }
}

/// What a mount is to be attached to.
fn target(root: BorrowedFd<'_>, path: &str, create: Option<Create>) -> Result<std::os::fd::OwnedFd> {
    // The image decides what these are, and everything that protects the host looks for them under these names.
    if is_kernel_interface(path) {
        let target = match find_plain(root, path) {
            Err(Errno::NOENT) => make(root, path, Create::Dir)?,
            other => other.step_with(|| format!("open {path}"))?,
        };
        return match file_type(&target)? {
            FileType::Directory => Ok(target),
            _ => Err(Fail::os(Errno::NOTDIR, format!("open {path}: it has to be a folder, no symlink"))),
        };
    }
    match create {
        Some(create) => make(root, path, create),
        None => find(root, path).step_with(|| format!("open {path}")),
    }
}

/// Whether a path, however it is written, is that of /proc or /sys.
fn is_kernel_interface(path: &str) -> bool {
    let mut components = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    matches!(components[..], ["proc" | "sys"])
}

/// Makes the working folder if it is absent. The root is the container's already.
pub fn make_cwd(path: &str) -> Result<()> {
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step("open /")?;
    let umask = rustix::process::umask(Mode::empty());
    let made = make(root.as_fd(), path, Create::Dir);
    rustix::process::umask(umask);
    made.map(drop)
}

#[cfg(test)]
mod tests {
    use super::is_kernel_interface;

    #[test]
    fn proc_and_sys_however_they_are_written() {
        for path in ["/proc", "/proc/", "//sys", "/./proc/.", "/a/../proc", "/../sys", "/proc/x/.."] {
            assert!(is_kernel_interface(path), "{path}");
        }
        for path in ["/", "/proc/sys", "/processes", "/a/proc", "/proc/../a"] {
            assert!(!is_kernel_interface(path), "{path}");
        }
    }
}
