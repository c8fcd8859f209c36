//! The tree that this process serves, and the operations that are one or two system calls.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timestamps, chmodat, chownat, fchmod, fstat, fsync, major,
    minor, readlinkat, renameat_with, statat, syncfs, utimensat,
};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::error::{Code, FsError, Res, Step};
use super::ids::IdMap;
use super::path::{Links, RelPath, Root};
use super::remove::{empty_dir, remove_entry};
use super::wire::{self, Entry};
use super::xattr::{Inode, Reader};

pub struct Tree {
    pub root: Root,
    pub ids: IdMap,
    pub cancel: Cancel,
}

/// Ends long work when nobody waits for it any more.
pub struct Cancel(OwnedFd);

impl Cancel {
    /// Watches a duplicate of the connection.
    pub fn new(conn: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        rustix::io::fcntl_dupfd_cloexec(conn, 3).map(Self)
    }

    /// An error once the client has closed its side.
    pub fn check(&self) -> Res<()> {
        let mut fds = [PollFd::new(&self.0, PollFlags::RDHUP)];
        match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(n) if n > 0 => Err(FsError::new(Code::Gone, "the client has gone", b"")),
            _ => Ok(()),
        }
    }
}

/// What `sync` makes durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    File,
    Dir,
    Tree,
}

impl Tree {
    /// Appends the record of one inode, without attributes.
    pub fn stat(&self, path: RelPath<'_>, links: Links, out: &mut Vec<u8>) -> Res<()> {
        let fd = self.root.open_path(path, links)?;
        let st = fstat(&fd).step("stat", path.bytes())?;
        let link = match FileType::from_raw_mode(st.st_mode) {
            FileType::Symlink => readlinkat(&fd, c"", Vec::new()).step("readlink", path.bytes())?.into_bytes(),
            _ => Vec::new(),
        };
        wire::put_entry(out, &self.entry(&st, path.bytes(), &link, None));
        wire::Xattrs::start(out).finish(out);
        Ok(())
    }

    pub fn entry<'a>(&self, st: &Stat, path: &'a [u8], link: &'a [u8], hardlink: Option<&'a [u8]>) -> Entry<'a> {
        Entry {
            path,
            kind: ((st.st_mode >> 12) & 0o17) as u8,
            mode: (st.st_mode & 0o7777) as u16,
            uid: self.ids.uid.to_container(st.st_uid),
            gid: self.ids.gid.to_container(st.st_gid),
            size: st.st_size as u64,
            sec: st.st_mtime,
            nsec: st.st_mtime_nsec as u32,
            ino: st.st_ino,
            dev: st.st_dev,
            nlink: u32::try_from(nlink(st)).unwrap_or(u32::MAX),
            blocks: st.st_blocks as u64,
            major: major(st.st_rdev),
            minor: minor(st.st_rdev),
            link,
            hardlink,
        }
    }

    /// A regular file, to be read. Never waits, as the opening of a FIFO would.
    pub fn open_file(&self, path: RelPath<'_>, links: Links) -> Res<(OwnedFd, Stat)> {
        let nofollow = if links == Links::Refuse { OFlags::NOFOLLOW } else { OFlags::empty() };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | nofollow;
        let fd = self.root.open(path, flags, Mode::empty(), links).step("open", path.bytes())?;
        let st = fstat(&fd).step("stat", path.bytes())?;
        match FileType::from_raw_mode(st.st_mode) {
            FileType::RegularFile => Ok((fd, st)),
            FileType::Directory => Err(FsError::os(Errno::ISDIR, "open", path.bytes())),
            _ => Err(FsError::invalid("not a regular file", path.bytes())),
        }
    }

    pub fn remove(&self, path: RelPath<'_>) -> Res<()> {
        if path.is_root() {
            return empty_dir(&self.root.open_dir(path, Links::Refuse)?, b"", &self.cancel, |_| true);
        }
        match self.root.parent(path, Links::Refuse) {
            Ok((parent, name)) => remove_entry(&parent, name, path.bytes(), &self.cancel),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(e) => Err(FsError::os(e, "remove", path.bytes())),
        }
    }

    /// Removes all children of a directory that are not named in `keep`.
    pub fn clear(&self, path: RelPath<'_>, keep: &HashSet<Vec<u8>>) -> Res<()> {
        match self.root.open_dir(path, Links::Refuse) {
            Ok(dir) => empty_dir(&dir, path.bytes(), &self.cancel, |name| !keep.contains(name)),
            Err(e) if e.is(Errno::NOENT) || e.is(Errno::NOTDIR) => Ok(()),
            Err(e) => Err(e),
        }
    }

    pub fn rename(&self, from: RelPath<'_>, to: RelPath<'_>, flags: RenameFlags) -> Res<()> {
        let (old, old_name) = self.root.parent(from, Links::Refuse).step("rename", from.bytes())?;
        let (new, new_name) = self.root.parent(to, Links::Refuse).step("rename", to.bytes())?;
        renameat_with(&old, old_name, &new, new_name, flags).step("rename", from.bytes())
    }

    pub fn sync(&self, path: RelPath<'_>, mode: SyncMode) -> Res<()> {
        match mode {
            SyncMode::File => fsync(self.open_file(path, Links::Refuse)?.0),
            SyncMode::Dir => fsync(self.root.open_dir(path, Links::Refuse)?),
            SyncMode::Tree => syncfs(self.root.open_dir(path, Links::Refuse)?),
        }
        .step("sync", path.bytes())
    }

    pub fn chown(&self, path: RelPath<'_>, uid: u32, gid: u32) -> Res<()> {
        let (uid, gid) = self.owner(uid, gid, path)?;
        let fd = self.root.open_path(path, Links::Refuse)?;
        chownat(&fd, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH).step("chown", path.bytes())
    }

    pub fn utimes(&self, path: RelPath<'_>, times: &Timestamps, parents: Links) -> Res<()> {
        let name = self.at(path, parents, "utimes")?;
        utimensat(&name.0, name.1, times, AtFlags::SYMLINK_NOFOLLOW).step("utimes", path.bytes())
    }

    pub fn chmod(&self, path: RelPath<'_>, mode: u16) -> Res<()> {
        let mode = Mode::from_raw_mode(mode.into());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        match self.root.open(path, flags, Mode::empty(), Links::Refuse) {
            Ok(fd) => fchmod(&fd, mode).step("chmod", path.bytes()),
            // A device (the mount is nodev) or a socket, which cannot be opened.
            Err(Errno::ACCESS | Errno::NXIO) => {
                let name = self.at(path, Links::Refuse, "chmod")?;
                let st = statat(&name.0, name.1, AtFlags::SYMLINK_NOFOLLOW).step("chmod", path.bytes())?;
                if FileType::from_raw_mode(st.st_mode) == FileType::Symlink {
                    return Err(FsError::os(Errno::LOOP, "chmod", path.bytes()));
                }
                chmodat(&name.0, name.1, mode, AtFlags::empty()).step("chmod", path.bytes())
            }
            Err(e) => Err(FsError::os(e, "chmod", path.bytes())),
        }
    }

    pub fn setxattr(&self, path: RelPath<'_>, name: &[u8], value: &[u8], parents: Links) -> Res<()> {
        let at = self.at(path, parents, "setxattr")?;
        self.set_xattr(Inode::name(&at.0, at.1), name, value, path)
    }

    /// Attributes of the inode itself, also of a link.
    pub fn each_xattr(&self, path: RelPath<'_>, reader: &mut Reader, f: impl FnMut(&[u8], &[u8])) -> Res<()> {
        let at = self.at(path, Links::Refuse, "getxattr")?;
        reader.each(Inode::name(&at.0, at.1), &self.ids, f).step("getxattr", path.bytes())
    }

    /// A parent and a name in it, also for the root, which is `.` in itself.
    fn at<'a, 'p>(
        &'a self,
        path: RelPath<'p>,
        parents: Links,
        step: &'static str,
    ) -> Res<(super::path::Parent<'a>, &'p [u8])> {
        if path.is_root() {
            return Ok((super::path::Parent::Root(self.root.as_fd()), b"."));
        }
        self.root.parent(path, parents).step(step, path.bytes())
    }
}

/// Number of links.
#[allow(clippy::unnecessary_cast, reason = "the field has 32 bits on other machines")]
pub fn nlink(st: &Stat) -> u64 {
    st.st_nlink as u64
}
