//! A whole tree copied: contents shared with the original where the file system can, holes kept, hard links too.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, SeekFrom, Stat, Timestamps, Uid, chmodat, chownat, copy_file_range, fchmod,
    fchown, fstat, ftruncate, futimens, ioctl_ficlone, linkat, mkdirat, mknodat, openat, readlinkat, seek, statat,
    symlinkat, utimensat,
};
use rustix::io::{Errno, pread, pwrite};
use rustix::time::Timespec;

use super::error::{Code, FsError, Res, Step};
use super::ids::IdMap;
use super::listing::Names;
use super::path::{Links, RelPath};
use super::tree::Tree;
use super::xattr::{Inode, Reader};

const MAX_DEPTH: usize = 8_192;
const MAX_NAMES: usize = 8_000_000;
/// One call's share, so that the client's leaving is noticed.
const PIECE: usize = 64 * 1024 * 1024;

/// Copies the directory `from` to `to`, which must not exist.
pub fn copy_tree(tree: &Tree, from: RelPath<'_>, to: RelPath<'_>, reflink: bool) -> Res<()> {
    if from.contains(to) {
        return Err(FsError::invalid("a tree cannot be copied into itself", to.bytes()));
    }
    let source = tree.root.open_dir(from, Links::Refuse)?;
    let (parent, name) = tree.root.parent(to, Links::Refuse).step("mkdir", to.bytes())?;
    mkdirat(&parent, name, Mode::RWXU).step("mkdir", to.bytes())?;
    let target = open_dir(&parent, name).step("open", to.bytes())?;
    let how = if reflink { How::Clone } else { How::Range };
    let mut copy = Copy { tree, base: to, how, path: Vec::new(), linked: HashMap::new(), reader: Reader::default() };
    let mut stack = vec![copy.level(source, target, 0)?];
    while let Some(level) = stack.last_mut() {
        copy.path.truncate(level.depth);
        let Some((name, _)) = level.names.get(level.next) else {
            copy.finish_dir(level)?;
            stack.pop();
            continue;
        };
        level.next += 1;
        if level.depth > 0 {
            copy.path.push(b'/');
        }
        copy.path.extend_from_slice(name);
        if let Some((source, target)) = copy.entry(&level.source, &level.target, name)? {
            if stack.len() >= MAX_DEPTH {
                return Err(FsError::new(
                    Code::Limit,
                    format!("more than {MAX_DEPTH} directories in one another"),
                    &copy.path,
                ));
            }
            let below = copy.level(source, target, copy.path.len())?;
            stack.push(below);
        }
        tree.cancel.check()?;
    }
    Ok(())
}

/// How contents are copied: as well as was found to work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Clone,
    Range,
    ReadWrite,
}

struct Copy<'a> {
    tree: &'a Tree,
    base: RelPath<'a>,
    how: How,
    /// Relative to both roots.
    path: Vec<u8>,
    /// Where a file with several links was copied to.
    linked: HashMap<(u64, u64), Vec<u8>>,
    reader: Reader,
}

struct Level {
    source: OwnedFd,
    target: OwnedFd,
    stat: Stat,
    names: Names,
    next: usize,
    depth: usize,
}

impl Copy<'_> {
    fn level(&mut self, source: OwnedFd, target: OwnedFd, depth: usize) -> Res<Level> {
        let stat = fstat(&source).step("stat", &self.path)?;
        let names = Names::read(&source, MAX_NAMES, &self.path)?;
        Ok(Level { source, target, stat, names, next: 0, depth })
    }

    /// Copies one name; a directory is made and returned, to be filled.
    fn entry(&mut self, from: &OwnedFd, to: &OwnedFd, name: &[u8]) -> Res<Option<(OwnedFd, OwnedFd)>> {
        let st = statat(from, name, AtFlags::SYMLINK_NOFOLLOW).step("stat", &self.path)?;
        let kind = FileType::from_raw_mode(st.st_mode);
        if kind == FileType::Directory {
            mkdirat(to, name, Mode::RWXU).step("mkdir", &self.path)?;
            let source = open_dir(from, name).step("open", &self.path)?;
            return Ok(Some((source, open_dir(to, name).step("open", &self.path)?)));
        }
        if self.link_again(&st, to, name)? {
            return Ok(None);
        }
        match kind {
            FileType::RegularFile => self.file(from, to, name)?,
            FileType::Symlink => {
                let target = readlinkat(from, name, Vec::new()).step("readlink", &self.path)?;
                symlinkat(&target, to, name).step("symlink", &self.path)?;
                self.named(&st, from, to, name)?;
            }
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Fifo => {
                mknodat(to, name, kind, Mode::from_raw_mode(st.st_mode), st.st_rdev).step("mknod", &self.path)?;
                self.named(&st, from, to, name)?;
            }
            // A socket is nothing without the process that listens on it.
            _ => {}
        }
        Ok(None)
    }

    /// Links a file that was copied under another name.
    fn link_again(&mut self, st: &Stat, to: &OwnedFd, name: &[u8]) -> Res<bool> {
        if st.st_nlink < 2 || FileType::from_raw_mode(st.st_mode) == FileType::Socket {
            return Ok(false);
        }
        if let Some(first) = self.linked.get(&(st.st_dev, st.st_ino)) {
            let first = RelPath::new(first)?;
            let (dir, first_name) = self.tree.root.parent(first, Links::Refuse).step("link", first.bytes())?;
            linkat(&dir, first_name, to, name, AtFlags::empty()).step("link", &self.path)?;
            return Ok(true);
        }
        let mut first = self.base.bytes().to_vec();
        if !first.is_empty() {
            first.push(b'/');
        }
        first.extend_from_slice(&self.path);
        self.linked.insert((st.st_dev, st.st_ino), first);
        Ok(false)
    }

    fn file(&mut self, from: &OwnedFd, to: &OwnedFd, name: &[u8]) -> Res<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let source = openat(from, name, flags, Mode::empty()).step("open", &self.path)?;
        let st = fstat(&source).step("stat", &self.path)?;
        if FileType::from_raw_mode(st.st_mode) != FileType::RegularFile {
            return Err(FsError::invalid("the tree changed while it was copied", &self.path));
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let target = openat(to, name, flags, Mode::RUSR | Mode::WUSR).step("create", &self.path)?;
        self.content(&source, &target, &st)?;
        self.opened(&st, &source, &target)
    }

    fn content(&mut self, source: &OwnedFd, target: &OwnedFd, st: &Stat) -> Res<()> {
        let size = st.st_size as u64;
        if size == 0 {
            return Ok(());
        }
        if self.how == How::Clone {
            match ioctl_ficlone(target, source) {
                Ok(()) => return Ok(()),
                // Not here, or not for this pair of files.
                Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::PERM | Errno::NOSYS) => {
                    self.how = How::Range
                }
                Err(e) => return Err(FsError::os(e, "clone", &self.path)),
            }
        }
        let sparse = (st.st_blocks as u64).saturating_mul(512) < size;
        let mut at = 0;
        while at < size {
            let (start, end) = if sparse { data_range(source, at, size).step("seek", &self.path)? } else { (at, size) };
            at = start;
            while at < end {
                self.tree.cancel.check()?;
                match self.piece(source, target, at, end - at)? {
                    // It shrank: what is missing becomes a hole.
                    0 => return ftruncate(target, size).step("write", &self.path),
                    n => at += n,
                }
            }
        }
        // A hole at the end has no bytes that would say how long the file is.
        if sparse { ftruncate(target, size).step("write", &self.path) } else { Ok(()) }
    }

    fn piece(&mut self, source: &OwnedFd, target: &OwnedFd, at: u64, len: u64) -> Res<u64> {
        let want = usize::try_from(len).unwrap_or(PIECE).min(PIECE);
        if self.how != How::ReadWrite {
            let (mut from, mut to) = (at, at);
            match copy_file_range(source, Some(&mut from), target, Some(&mut to), want) {
                Ok(n) => return Ok(n as u64),
                Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.how = How::ReadWrite,
                Err(e) => return Err(FsError::os(e, "copy", &self.path)),
            }
        }
        let mut buf = vec![0; want.min(256 * 1024)];
        let n = pread(source, &mut buf[..], at).step("read", &self.path)?;
        let mut done = 0;
        while done < n {
            done += pwrite(target, &buf[done..n], at + done as u64).step("write", &self.path)?;
        }
        Ok(n as u64)
    }

    fn finish_dir(&mut self, level: &Level) -> Res<()> {
        self.opened(&level.stat, &level.source, &level.target)
    }

    /// Metadata by descriptor: owner, mode, attributes, times, in the order in which none undoes another.
    fn opened(&mut self, st: &Stat, source: &OwnedFd, target: &OwnedFd) -> Res<()> {
        let path = &self.path;
        fchown(target, Some(Uid::from_raw(st.st_uid)), Some(Gid::from_raw(st.st_gid))).step("chown", path)?;
        fchmod(target, Mode::from_raw_mode(st.st_mode)).step("chmod", path)?;
        self.xattrs(Inode::fd(source), Inode::fd(target))?;
        futimens(target, &times(st)).step("utimes", &self.path)
    }

    /// Metadata of what has no descriptor to give it by.
    fn named(&mut self, st: &Stat, from: &OwnedFd, to: &OwnedFd, name: &[u8]) -> Res<()> {
        let path = &self.path;
        let (uid, gid) = (Uid::from_raw(st.st_uid), Gid::from_raw(st.st_gid));
        chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).step("chown", path)?;
        if FileType::from_raw_mode(st.st_mode) != FileType::Symlink && st.st_mode & 0o7000 != 0 {
            chmodat(to, name, Mode::from_raw_mode(st.st_mode), AtFlags::empty()).step("chmod", path)?;
        }
        self.xattrs(Inode::name(from, name), Inode::name(to, name))?;
        utimensat(to, name, &times(st), AtFlags::SYMLINK_NOFOLLOW).step("utimes", &self.path)
    }

    /// Raw, as they are on disk: both trees have the same owners.
    fn xattrs(&mut self, source: Inode<'_>, target: Inode<'_>) -> Res<()> {
        let mut failed = Ok(());
        let read = self.reader.each(source, &IdMap::default(), |name, value| {
            // The kernel labels the copy by itself.
            if failed.is_ok() && name != b"security.selinux" {
                failed = target.set(name, value);
            }
        });
        read.and(failed).step("copy xattr", &self.path)
    }
}

fn times(st: &Stat) -> Timestamps {
    let time = |sec: i64, nsec: u64| Timespec { tv_sec: sec, tv_nsec: i64::try_from(nsec).unwrap_or(0) };
    Timestamps {
        last_access: time(st.st_atime, st.st_atime_nsec),
        last_modification: time(st.st_mtime, st.st_mtime_nsec),
    }
}

/// The next stretch of data at or behind `at`; `(size, size)`: only a hole is left.
fn data_range(fd: &OwnedFd, at: u64, size: u64) -> rustix::io::Result<(u64, u64)> {
    match seek(fd, SeekFrom::Data(at)) {
        Ok(start) if start < size => Ok((start, seek(fd, SeekFrom::Hole(start))?.min(size))),
        Ok(_) | Err(Errno::NXIO) => Ok((size, size)),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok((at, size)),
        Err(e) => Err(e),
    }
}

fn open_dir(parent: &impl AsFd, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}
