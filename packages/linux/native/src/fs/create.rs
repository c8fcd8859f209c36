//! New inodes: made by name in a parent that was opened without links, then given their metadata by descriptor where they have one.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, fchmod, fchown, futimens, linkat, makedev, mkdirat,
    mknodat, openat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::error::{FsError, Res, Step};
use super::path::{Links, Parent, RelPath};
use super::remove::remove_entry;
use super::tree::Tree;
use super::wire::{Existing, Make, Node};
use super::xattr::{Inode, Reader, to_disk};

/// How often an occupied name is freed and tried again: more than once only if somebody else fills it.
const TRIES: u32 = 8;

impl Tree {
    pub fn mkdir(&self, m: &Make<'_>) -> Res<()> {
        if m.path.is_root() {
            return self.finish_dir(m, self.root.open_dir(m.path, Links::Refuse)?, true);
        }
        let (parent, name) = self.root.parent(m.path, m.parents).step("open", m.path.bytes())?;
        let mode = Mode::from_raw_mode(m.mode.into());
        for _ in 0..TRIES {
            match mkdirat(&parent, name, mode) {
                Ok(()) => {
                    let fd = openat(&parent, name, dir_flags(), Mode::empty()).step("open", m.path.bytes())?;
                    return self.finish_dir(m, fd, false);
                }
                Err(Errno::EXIST) if m.existing != Existing::Fail => {}
                Err(e) => return Err(FsError::os(e, "mkdir", m.path.bytes())),
            }
            match openat(&parent, name, dir_flags(), Mode::empty()) {
                Ok(_) if m.keep => return Ok(()),
                Ok(fd) => return self.finish_dir(m, fd, true),
                // With followed parents a link to a directory is as good as one that is to be kept.
                Err(Errno::NOTDIR | Errno::LOOP)
                    if m.keep && m.parents == Links::Follow && self.root.open_dir(m.path, Links::Follow).is_ok() =>
                {
                    return Ok(());
                }
                Err(Errno::NOTDIR | Errno::LOOP) => self.vacate(&parent, name, m.path, m.existing, true)?,
                Err(Errno::NOENT) => {}
                Err(e) => return Err(FsError::os(e, "open", m.path.bytes())),
            }
        }
        Err(FsError::os(Errno::EXIST, "mkdir", m.path.bytes()))
    }

    /// A new regular file, open for writing, with owner and mode; the rest is given by `finish_file`.
    pub fn create_file(&self, m: &Make<'_>) -> Res<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode((m.mode & 0o1777).into());
        for _ in 0..TRIES {
            // One call resolves the parents and makes the file.
            match self.root.open(m.path, flags, mode, m.parents) {
                Ok(fd) => {
                    self.own(&fd, m)?;
                    return Ok(fd);
                }
                Err(Errno::EXIST) if m.existing != Existing::Fail && !m.path.is_root() => {}
                Err(e) => return Err(FsError::os(e, "create", m.path.bytes())),
            }
            let (parent, name) = self.root.parent(m.path, m.parents).step("open", m.path.bytes())?;
            self.vacate(&parent, name, m.path, m.existing, false)?;
        }
        Err(FsError::os(Errno::EXIST, "create", m.path.bytes()))
    }

    /// Attributes and times, after the content: writing would change them.
    pub fn finish_file(&self, fd: &OwnedFd, m: &Make<'_>) -> Res<()> {
        for (name, value) in &m.xattrs {
            self.set_xattr(Inode::fd(fd), name, value, m.path)?;
        }
        match &m.times {
            Some(times) => futimens(fd, times).step("utimes", m.path.bytes()),
            None => Ok(()),
        }
    }

    pub fn hardlink(&self, path: RelPath<'_>, target: RelPath<'_>, existing: Existing, links: Links) -> Res<()> {
        let (from, from_name) = self.root.parent(target, links).step("link", target.bytes())?;
        self.occupy(path, existing, links, "link", |parent, name| {
            match linkat(&from, from_name, parent, name, AtFlags::empty()) {
                Err(Errno::EXIST) if same_inode(&from, from_name, parent, name) => Ok(()),
                other => other,
            }
        })
        .map(drop)
    }

    pub fn symlink(&self, m: &Make<'_>, target: &[u8]) -> Res<()> {
        let made =
            self.occupy(m.path, m.existing, m.parents, "symlink", |parent, name| symlinkat(target, parent, name))?;
        self.finish_name(&made, m, false)
    }

    pub fn mknod(&self, m: &Make<'_>, node: Node) -> Res<()> {
        let (kind, dev) = match node {
            Node::Char { major, minor } => (FileType::CharacterDevice, makedev(major, minor)),
            Node::Block { major, minor } => (FileType::BlockDevice, makedev(major, minor)),
            Node::Fifo => (FileType::Fifo, 0),
        };
        let mode = Mode::from_raw_mode(m.mode.into());
        let made =
            self.occupy(m.path, m.existing, m.parents, "mknod", |parent, name| mknodat(parent, name, kind, mode, dev))?;
        self.finish_name(&made, m, true)
    }

    /// Makes a name, freeing it first if it is taken.
    fn occupy<'a, 'p>(
        &'a self,
        path: RelPath<'p>,
        existing: Existing,
        links: Links,
        step: &'static str,
        make: impl Fn(&Parent<'_>, &[u8]) -> rustix::io::Result<()>,
    ) -> Res<(Parent<'a>, &'p [u8])> {
        let (parent, name) = self.root.parent(path, links).step(step, path.bytes())?;
        for _ in 0..TRIES {
            match make(&parent, name) {
                Ok(()) => return Ok((parent, name)),
                Err(Errno::EXIST) if existing != Existing::Fail => {}
                Err(e) => return Err(FsError::os(e, step, path.bytes())),
            }
            self.vacate(&parent, name, path, existing, false)?;
        }
        Err(FsError::os(Errno::EXIST, step, path.bytes()))
    }

    /// Removes what has the name, where `existing` allows it. A directory that is to be made never comes here over a directory.
    fn vacate(&self, parent: &impl AsFd, name: &[u8], path: RelPath<'_>, existing: Existing, for_dir: bool) -> Res<()> {
        if for_dir && existing == Existing::SameKind {
            return Err(FsError::os(Errno::NOTDIR, "replace", path.bytes()));
        }
        match unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) if existing == Existing::Replace => {
                remove_entry(parent, name, path.bytes(), &self.cancel)
            }
            Err(e) => Err(FsError::os(e, "replace", path.bytes())),
        }
    }

    fn finish_dir(&self, m: &Make<'_>, fd: OwnedFd, was_there: bool) -> Res<()> {
        self.own(&fd, m)?;
        if was_there && m.clear_xattrs {
            let keep = |name: &[u8]| m.xattrs.iter().any(|(wanted, _)| *wanted == name);
            Reader::default().retain(Inode::fd(&fd), keep).step("removexattr", m.path.bytes())?;
        }
        self.finish_file(&fd, m)
    }

    /// Owner, then mode: a change of owner takes set-id bits away.
    pub fn own(&self, fd: &OwnedFd, m: &Make<'_>) -> Res<()> {
        let (uid, gid) = self.owner(m.uid, m.gid, m.path)?;
        fchown(fd, Some(uid), Some(gid)).step("chown", m.path.bytes())?;
        fchmod(fd, Mode::from_raw_mode(m.mode.into())).step("chmod", m.path.bytes())
    }

    /// Metadata of an inode that has no descriptor to give it by: never through a link.
    fn finish_name(&self, (parent, name): &(Parent<'_>, &[u8]), m: &Make<'_>, chmod: bool) -> Res<()> {
        let path = m.path.bytes();
        let (uid, gid) = self.owner(m.uid, m.gid, m.path)?;
        chownat(parent, *name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).step("chown", path)?;
        if chmod {
            // mknod gave the mode; what an inherited ACL or the change of owner took is put right.
            let now = statat(parent, *name, AtFlags::SYMLINK_NOFOLLOW).step("stat", path)?;
            if now.st_mode & 0o7777 != u32::from(m.mode) && FileType::from_raw_mode(now.st_mode) != FileType::Symlink {
                chmodat(parent, *name, Mode::from_raw_mode(m.mode.into()), AtFlags::empty()).step("chmod", path)?;
            }
        }
        for (xattr, value) in &m.xattrs {
            self.set_xattr(Inode::name(parent, name), xattr, value, m.path)?;
        }
        match &m.times {
            Some(times) => utimensat(parent, *name, times, AtFlags::SYMLINK_NOFOLLOW).step("utimes", path),
            None => Ok(()),
        }
    }

    pub fn set_xattr(&self, inode: Inode<'_>, name: &[u8], value: &[u8], path: RelPath<'_>) -> Res<()> {
        let value = to_disk(name, value, &self.ids).step("setxattr", path.bytes())?;
        inode.set(name, &value).step("setxattr", path.bytes())
    }

    pub fn owner(&self, uid: u32, gid: u32, path: RelPath<'_>) -> Res<(Uid, Gid)> {
        let uid = self.ids.uid.to_host(uid).step("map owner", path.bytes())?;
        let gid = self.ids.gid.to_host(gid).step("map owner", path.bytes())?;
        Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
    }
}

fn dir_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn same_inode(a: &impl AsFd, a_name: &[u8], b: &impl AsFd, b_name: &[u8]) -> bool {
    match (statat(a, a_name, AtFlags::SYMLINK_NOFOLLOW), statat(b, b_name, AtFlags::SYMLINK_NOFOLLOW)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}
