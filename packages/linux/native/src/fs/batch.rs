//! The stream of operations that a client sends without waiting, and the file that is being written in it.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timestamps, fsync, ftruncate, linkat, openat, renameat, unlinkat,
};
use rustix::io::{Errno, write};

use super::error::{Code, FsError, Res, Step};
use super::path::{Links, RelPath};
use super::tree::Tree;
use super::wire::{Batch, FileStyle, Make, Op};

/// Names in one directory that a layer made.
const MAX_KEEP: usize = 4_000_000;

/// What went wrong first since the last barrier.
#[derive(Debug)]
pub struct Failure {
    /// Of the operation, counted from the barrier on.
    pub index: u64,
    pub error: FsError,
}

#[derive(Default)]
pub struct Batches {
    index: u64,
    failure: Option<Failure>,
    open: Option<OpenFile>,
    /// Names that the next `Clear` spares.
    keep: HashSet<Vec<u8>>,
    /// Numbers temporary names.
    serial: u32,
}

/// A file between `File` and `End`.
struct OpenFile {
    file: NewFile,
    make: OwnedMake,
    style: FileStyle,
    /// Bytes and holes so far.
    size: u64,
    /// The last piece was a hole, so that the length has to be set.
    ends_in_hole: bool,
}

/// What is still to be done to a file once its content is there; the batch that told of it is gone by then.
struct OwnedMake {
    path: Vec<u8>,
    times: Option<Timestamps>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    links: Links,
}

impl Batches {
    /// Does the operations of one batch. `Some`: this batch failed, and it is the first since the barrier.
    pub fn run(&mut self, tree: &Tree, bytes: &[u8]) -> Option<&Failure> {
        if self.failure.is_some() {
            return None;
        }
        let mut batch = Batch::new(bytes);
        while let Some(op) = batch.next() {
            if let Err(error) = op.and_then(|op| self.op(tree, op)) {
                return Some(self.fail(error));
            }
            self.index += 1;
        }
        None
    }

    /// Bytes for the open file, in a frame of their own. As `run`.
    pub fn data(&mut self, bytes: &[u8]) -> Option<&Failure> {
        if self.failure.is_some() {
            return None;
        }
        match self.append(bytes) {
            Ok(()) => {
                self.index += 1;
                None
            }
            Err(error) => Some(self.fail(error)),
        }
    }

    /// Starts anew, and tells what went wrong before.
    pub fn barrier(&mut self) -> Option<Failure> {
        self.index = 0;
        if self.failure.is_none() && self.open.is_some() {
            self.fail(FsError::new(Code::Invalid, "a barrier within a file", b""));
        }
        self.open = None;
        self.keep.clear();
        self.failure.take()
    }

    fn fail(&mut self, error: FsError) -> &Failure {
        self.open = None;
        self.failure.insert(Failure { index: self.index, error })
    }

    fn op(&mut self, tree: &Tree, op: Op<'_>) -> Res<()> {
        if self.open.is_some() && !matches!(op, Op::Data(_) | Op::Hole(_) | Op::End) {
            return Err(FsError::invalid("an operation within a file", b""));
        }
        match op {
            Op::Mkdir(make) => tree.mkdir(&make),
            Op::File { make, data, style } => self.file(tree, &make, data, style),
            Op::Data(bytes) => self.append(bytes),
            Op::Hole(len) => self.hole(len),
            Op::End => self.end(tree),
            Op::Hardlink { path, target, existing, parents } => tree.hardlink(path, target, existing, parents),
            Op::Symlink { make, target } => tree.symlink(&make, target),
            Op::Mknod { make, node } => tree.mknod(&make, node),
            Op::Setxattr { path, name, value, parents } => tree.setxattr(path, name, value, parents),
            Op::Chown { path, uid, gid } => tree.chown(path, uid, gid),
            Op::Chmod { path, mode } => tree.chmod(path, mode),
            Op::Utimes { path, times, parents } => tree.utimes(path, &times, parents),
            Op::Remove { path } => tree.remove(path),
            Op::Keep(names) => {
                if self.keep.len() + names.len() > MAX_KEEP {
                    return Err(FsError::new(Code::Limit, format!("more than {MAX_KEEP} names to keep"), b""));
                }
                self.keep.extend(names.into_iter().map(<[u8]>::to_vec));
                Ok(())
            }
            Op::Clear { path } => tree.clear(path, &std::mem::take(&mut self.keep)),
            Op::Rename { from, to } => tree.rename(from, to, RenameFlags::empty()),
        }
    }

    fn file(&mut self, tree: &Tree, make: &Make<'_>, data: &[u8], style: FileStyle) -> Res<()> {
        let file = if style.atomic {
            self.temporary(tree, make)?
        } else {
            NewFile { fd: tree.create_file(make)?, name: None }
        };
        write_all(&file.fd, data).step("write", make.path.bytes())?;
        if !style.more {
            tree.finish_file(&file.fd, make)?;
            return self.settle(tree, &file, make.path, make.parents, style);
        }
        let own = |bytes: &&[u8]| bytes.to_vec();
        self.open = Some(OpenFile {
            file,
            make: OwnedMake {
                path: make.path.bytes().to_vec(),
                times: make.times.clone(),
                xattrs: make.xattrs.iter().map(|(name, value)| (own(name), own(value))).collect(),
                links: make.parents,
            },
            style,
            size: data.len() as u64,
            ends_in_hole: false,
        });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Res<()> {
        let open = self.open.as_mut().ok_or_else(no_file)?;
        write_all(&open.file.fd, bytes).step("write", &open.make.path)?;
        open.size += bytes.len() as u64;
        open.ends_in_hole &= bytes.is_empty();
        Ok(())
    }

    fn hole(&mut self, len: u64) -> Res<()> {
        let open = self.open.as_mut().ok_or_else(no_file)?;
        let too_big = || FsError::os(Errno::FBIG, "seek", &open.make.path);
        open.size = open.size.checked_add(len).filter(|size| i64::try_from(*size).is_ok()).ok_or_else(too_big)?;
        rustix::fs::seek(&open.file.fd, rustix::fs::SeekFrom::Start(open.size)).step("seek", &open.make.path)?;
        open.ends_in_hole |= len > 0;
        Ok(())
    }

    fn end(&mut self, tree: &Tree) -> Res<()> {
        let open = self.open.take().ok_or_else(no_file)?;
        let path = RelPath::new(&open.make.path)?;
        if open.ends_in_hole {
            ftruncate(&open.file.fd, open.size).step("truncate", path.bytes())?;
        }
        for (name, value) in &open.make.xattrs {
            tree.set_xattr(super::xattr::Inode::fd(&open.file.fd), name, value, path)?;
        }
        if let Some(times) = &open.make.times {
            rustix::fs::futimens(&open.file.fd, times).step("utimes", path.bytes())?;
        }
        self.settle(tree, &open.file, path, open.make.links, open.style)
    }

    /// Makes a finished file durable and gives it its name, as its style wants it.
    fn settle(&mut self, tree: &Tree, file: &NewFile, path: RelPath<'_>, links: Links, style: FileStyle) -> Res<()> {
        if style.sync {
            fsync(&file.fd).step("sync", path.bytes())?;
        }
        if !style.atomic {
            return Ok(());
        }
        let (parent, name) = tree.root.parent(path, links).step("rename", path.bytes())?;
        // A file without a name can be linked, but not over another one: it takes a name for a moment.
        let taken = match &file.name {
            Some(taken) => taken.clone(),
            None => self.fresh(path, |name| linkat(&file.fd, c"", &parent, name.as_bytes(), AtFlags::EMPTY_PATH))?.0,
        };
        if let Err(e) = renameat(&parent, taken.as_bytes(), &parent, name) {
            return Err(discard(&parent, &taken, FsError::os(e, "rename", path.bytes())));
        }
        if style.sync {
            let dir = openat(&parent, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .step("sync", path.bytes())?;
            fsync(&dir).step("sync", path.bytes())?;
        }
        Ok(())
    }

    /// A file in the directory where it will get its name; without one so far, where the file system has such files, so that
    /// nothing is left of it if this process dies.
    fn temporary(&mut self, tree: &Tree, make: &Make<'_>) -> Res<NewFile> {
        let path = make.path.bytes();
        let (parent, _) = tree.root.parent(make.path, make.parents).step("create", path)?;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = match openat(&parent, c".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
            Ok(fd) => NewFile { fd, name: None },
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let (name, fd) = self.fresh(make.path, |name| openat(&parent, name.as_bytes(), flags, mode))?;
                NewFile { fd, name: Some(name) }
            }
            Err(e) => return Err(FsError::os(e, "create", path)),
        };
        match (tree.own(&file.fd, make), &file.name) {
            (Err(e), Some(name)) => Err(discard(&parent, name, e)),
            (owned, _) => owned.map(|()| file),
        }
    }

    /// Does something with a name that nothing has.
    fn fresh<T>(&mut self, path: RelPath<'_>, make: impl Fn(&str) -> rustix::io::Result<T>) -> Res<(String, T)> {
        loop {
            self.serial += 1;
            let stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
            let name = format!(".gantry-new-{stamp:x}-{}", self.serial);
            match make(&name) {
                Ok(made) => return Ok((name, made)),
                Err(Errno::EXIST) => {}
                Err(e) => return Err(FsError::os(e, "create", path.bytes())),
            }
        }
    }
}

/// A file being written; `name`: the one it has until it gets its own.
struct NewFile {
    fd: OwnedFd,
    name: Option<String>,
}

/// Takes a temporary name away after a failure, which is what counts.
fn discard(parent: &impl AsFd, name: &str, error: FsError) -> FsError {
    match unlinkat(parent, name.as_bytes(), AtFlags::empty()) {
        Ok(()) | Err(_) => error,
    }
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match write(fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn no_file() -> FsError {
    FsError::invalid("no file is open in this batch", b"")
}
