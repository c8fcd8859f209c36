//! Paths inside a tree that may be hostile. Nothing here ever leaves the tree: symlinks, absolute ones too, are followed
//! inside it, and links of procfs are not followed at all.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::error::{Context, Fail, Result};
use crate::plan::Create;

/// As the kernel: so many symlinks in one path.
const MAX_LINKS: usize = 40;

/// openat2(2) inside `root`. A rename beside it can make the kernel ask to try again.
pub fn open_in(root: BorrowedFd<'_>, path: &str, flags: OFlags, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..128 {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// What is there, following symlinks inside the tree.
pub fn find(root: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    open_in(root, path, OFlags::PATH, ResolveFlags::empty())
}

/// What is there, without any symlink on the way.
pub fn find_plain(root: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    open_in(root, path, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::NO_SYMLINKS)
}

/// What is there, made if it is not, folders on the way included.
pub fn make(root: BorrowedFd<'_>, path: &str, create: Create) -> Result<OwnedFd> {
    match find(root, path) {
        Err(Errno::NOENT) => make_absent(root, path, create),
        other => other.step_with(|| format!("open {path}")),
    }
}

/// Walks the path by its components, so that each is made where the symlinks before it lead.
fn make_absent(root: BorrowedFd<'_>, path: &str, create: Create) -> Result<OwnedFd> {
    let context = || format!("make {path}");
    // The components still to go, the next one last.
    let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    // Where it has come to: a path without symlinks.
    let mut here: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(name) = rest.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                here.pop();
                continue;
            }
            _ => {}
        }
        let last = rest.iter().all(|c| c.is_empty() || c == ".");
        let parent = open_plain(root, &here).step_with(context)?;
        let found = match look(parent.as_fd(), &name) {
            Err(Errno::NOENT) => {
                let made = match create {
                    Create::File if last => touch(parent.as_fd(), &name),
                    _ => rustix::fs::mkdirat(&parent, name.as_str(), Mode::from_raw_mode(0o755)),
                };
                match made {
                    // Somebody else was faster: what is there is looked at like anything else.
                    Ok(()) | Err(Errno::EXIST) => look(parent.as_fd(), &name),
                    Err(errno) => Err(errno),
                }
            }
            other => other,
        };
        let found = found.step_with(context)?;
        let stat = rustix::fs::fstat(&found).step_with(context)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            here.push(name);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Fail::os(Errno::LOOP, context()));
        }
        // Links of procfs lead out of every tree, whatever they read as.
        if rustix::fs::fstatfs(&found).step_with(context)?.f_type == PROC_SUPER_MAGIC {
            return Err(Fail::os(Errno::LOOP, context()));
        }
        let target = rustix::fs::readlinkat(&found, "", Vec::new()).step_with(context)?;
        let target = target.into_string().map_err(|_| Fail::invalid(format!("{path}: a symlink that is no UTF-8")))?;
        if target.starts_with('/') {
            here.clear();
        }
        rest.extend(target.split('/').rev().map(str::to_owned));
    }
    open_plain(root, &here).step_with(context)
}

pub const PROC_SUPER_MAGIC: rustix::fs::FsWord = 0x9fa0;

fn open_plain(root: BorrowedFd<'_>, components: &[String]) -> rustix::io::Result<OwnedFd> {
    let path = if components.is_empty() { ".".to_owned() } else { components.join("/") };
    open_in(root, &path, OFlags::PATH, ResolveFlags::NO_SYMLINKS)
}

/// One component, a symlink not followed, a mount on it entered.
fn look(parent: BorrowedFd<'_>, name: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn touch(parent: BorrowedFd<'_>, name: &str) -> rustix::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}

/// The folder that something is to be made in, made if it is absent, and the name.
pub fn parent_of<'a>(root: BorrowedFd<'_>, path: &'a str) -> Result<(OwnedFd, &'a str)> {
    let trimmed = path.trim_end_matches('/');
    let (parent, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    if matches!(name, "" | "." | "..") {
        return Err(Fail::invalid(format!("{path}: names nothing that could be made")));
    }
    let parent = make(root, if parent.is_empty() { "/" } else { parent }, Create::Dir)?;
    Ok((parent, name))
}

/// The type of what a descriptor names.
pub fn file_type(fd: impl AsFd) -> Result<FileType> {
    let stat = rustix::fs::statat(fd, "", AtFlags::EMPTY_PATH).step("fstat")?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}
