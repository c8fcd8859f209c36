//! A tree told file by file: parents before children, siblings sorted by bytes, with contents if asked for.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, SeekFrom, Stat, fstat, openat, readlinkat, seek, statat};
use rustix::io::{Errno, pread};

use super::bytes::ByteString;
use super::error::{Code, FsError, Res, Step};
use super::listing::{Names, kind_of};
use super::path::{Links, RelPath};
use super::tree::{Tree, nlink};
use super::wire::{self, RECORD_DATA, Xattrs};
use super::xattr::{Inode, Reader};

/// An answer is sent once it has grown to this.
const ENOUGH: usize = 256 * 1024;
/// Bytes of a file in one record.
const PIECE: usize = 256 * 1024;
/// One entry with its attributes has to fit a frame, beside what is before it.
const MAX_ENTRY: usize = 640 * 1024;
/// Levels of directories, each held open.
const MAX_DEPTH: usize = 16_384;
const MAX_NAMES: usize = 8_000_000;
/// Files with several links of which not all were met yet.
const MAX_LINKED: usize = 4_000_000;

pub struct Walk {
    stack: Vec<Level>,
    /// Relative to the walk's root.
    path: Vec<u8>,
    exclude: Vec<Vec<u8>>,
    teller: Teller,
    open: Option<Content>,
    /// Where the walk begins, until it has begun: a directory and a name in it, which may be a file's or a link's.
    root: Option<(OwnedFd, Vec<u8>)>,
}

struct Level {
    fd: OwnedFd,
    names: Names,
    next: usize,
    /// Length of `path` at this directory.
    depth: usize,
}

/// What an entry leads to.
enum Next {
    Nothing,
    Dir(OwnedFd),
    Content(Content),
}

impl Walk {
    pub fn new(tree: &Tree, path: RelPath<'_>, data: bool, xattrs: bool, exclude: Vec<ByteString>) -> Res<Self> {
        let exclude =
            exclude.into_iter().map(|e| RelPath::new(&e.0).map(|p| p.bytes().to_vec())).collect::<Res<Vec<_>>>()?;
        let root = match path.split() {
            None => (tree.root.open_dir(path, Links::Refuse)?, b".".to_vec()),
            Some((parent, name)) => (tree.root.open_dir(parent, Links::Refuse)?, name.to_vec()),
        };
        // What is not there is told at once, and not in the middle of an answer.
        kind_of(&root.0, &root.1, path.bytes())?.ok_or_else(|| FsError::os(Errno::NOENT, "stat", path.bytes()))?;
        let teller = Teller { data, xattrs, linked: HashMap::new(), reader: Reader::default() };
        Ok(Self { stack: Vec::new(), path: Vec::new(), exclude, teller, open: None, root: Some(root) })
    }

    /// Appends records until there are enough of them; nothing appended: the end.
    pub fn fill(&mut self, tree: &Tree, out: &mut Vec<u8>) -> Res<()> {
        let mut steps = 0_u32;
        while out.len() < ENOUGH {
            if let Some(content) = &mut self.open {
                if content.tell(&self.path, out)? {
                    self.open = None;
                }
            } else if let Some((dir, name)) = self.root.take() {
                let next = self.teller.tell(tree, &dir, &name, None, &self.path, out)?;
                self.follow(next)?;
            } else if !self.advance(tree, out)? {
                return Ok(());
            }
            steps += 1;
            if steps.is_multiple_of(1024) {
                tree.cancel.check()?;
            }
        }
        Ok(())
    }

    /// The next name of the innermost directory; `false`: there is none, and no directory either.
    fn advance(&mut self, tree: &Tree, out: &mut Vec<u8>) -> Res<bool> {
        let Some(level) = self.stack.last_mut() else { return Ok(false) };
        self.path.truncate(level.depth);
        let Some((name, kind)) = level.names.get(level.next) else {
            self.stack.pop();
            return Ok(true);
        };
        level.next += 1;
        if level.depth > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        if self.exclude.contains(&self.path) {
            return Ok(true);
        }
        if self.path.len() > usize::from(u16::MAX) {
            return Err(FsError::new(Code::Limit, "a path of more than 65535 bytes", &self.path));
        }
        let next = self.teller.tell(tree, &level.fd, name, kind, &self.path, out)?;
        self.follow(next)?;
        Ok(true)
    }

    fn follow(&mut self, next: Next) -> Res<()> {
        match next {
            Next::Nothing => {}
            Next::Content(content) => self.open = Some(content),
            Next::Dir(fd) => {
                if self.stack.len() >= MAX_DEPTH {
                    return Err(FsError::new(
                        Code::Limit,
                        format!("more than {MAX_DEPTH} directories in one another"),
                        &self.path,
                    ));
                }
                let names = Names::read(&fd, MAX_NAMES, &self.path)?;
                self.stack.push(Level { fd, names, next: 0, depth: self.path.len() });
            }
        }
        Ok(())
    }
}

/// Turns names into records.
struct Teller {
    data: bool,
    xattrs: bool,
    /// First path of a file with several links, and how many of them are to come, by device and inode.
    linked: HashMap<(u64, u64), (Vec<u8>, u64)>,
    reader: Reader,
}

impl Teller {
    /// Appends the entry of one name. What is gone since the directory was read is left out.
    fn tell(
        &mut self,
        tree: &Tree,
        dir: &OwnedFd,
        name: &[u8],
        kind: Option<u8>,
        path: &[u8],
        out: &mut Vec<u8>,
    ) -> Res<Next> {
        let Some(kind) = (match kind {
            Some(kind) => Some(kind),
            None => kind_of(dir, name, path)?,
        }) else {
            return Ok(Next::Nothing);
        };
        let opened = match kind {
            wire::DIR => Some(OFlags::DIRECTORY),
            wire::FILE if self.data => Some(OFlags::NONBLOCK | OFlags::NOCTTY),
            _ => None,
        };
        match opened {
            Some(flags) => self.tell_opened(tree, dir, name, flags, path, out),
            None => self.tell_named(tree, dir, name, path, out),
        }
    }

    fn tell_opened(
        &mut self,
        tree: &Tree,
        dir: &OwnedFd,
        name: &[u8],
        flags: OFlags,
        path: &[u8],
        out: &mut Vec<u8>,
    ) -> Res<Next> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | flags;
        let fd = match openat(dir, name, flags | OFlags::NOATIME, Mode::empty()) {
            // Not every file system lets us.
            Err(Errno::PERM) => openat(dir, name, flags, Mode::empty()),
            other => other,
        };
        let fd = match fd {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Next::Nothing),
            // It became something else since the directory was read.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return self.tell_named(tree, dir, name, path, out),
            Err(e) => return Err(FsError::os(e, "open", path)),
        };
        let st = fstat(&fd).step("stat", path)?;
        let is_link = self.put(tree, &st, Inode::fd(&fd), path, b"", out)?;
        Ok(match FileType::from_raw_mode(st.st_mode) {
            FileType::Directory => Next::Dir(fd),
            FileType::RegularFile if self.data && !is_link && st.st_size > 0 => Next::Content(Content::new(fd, &st)),
            _ => Next::Nothing,
        })
    }

    fn tell_named(&mut self, tree: &Tree, dir: &OwnedFd, name: &[u8], path: &[u8], out: &mut Vec<u8>) -> Res<Next> {
        let st = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(st) => st,
            Err(Errno::NOENT) => return Ok(Next::Nothing),
            Err(e) => return Err(FsError::os(e, "stat", path)),
        };
        let link = match FileType::from_raw_mode(st.st_mode) {
            FileType::Symlink => match readlinkat(dir, name, Vec::new()) {
                Ok(link) => link.into_bytes(),
                Err(Errno::NOENT) => return Ok(Next::Nothing),
                Err(e) => return Err(FsError::os(e, "readlink", path)),
            },
            _ => Vec::new(),
        };
        self.put(tree, &st, Inode::name(dir, name), path, &link, out)?;
        Ok(Next::Nothing)
    }

    /// Appends the record; true: it is a further link to a file that was told of.
    fn put(
        &mut self,
        tree: &Tree,
        st: &Stat,
        inode: Inode<'_>,
        path: &[u8],
        link: &[u8],
        out: &mut Vec<u8>,
    ) -> Res<bool> {
        let before = out.len();
        let first = self.first_link(st, path)?;
        wire::put_entry(out, &tree.entry(st, path, link, first.as_deref()));
        let mut xattrs = Xattrs::start(out);
        if self.xattrs && first.is_none() {
            let mut size = 0;
            self.reader
                .each(inode, &tree.ids, |name, value| {
                    size += name.len() + value.len() + 6;
                    if size <= MAX_ENTRY {
                        xattrs.put(out, name, value);
                    }
                })
                .step("getxattr", path)?;
            if size > MAX_ENTRY {
                out.truncate(before);
                return Err(FsError::new(
                    Code::Limit,
                    format!("more than {MAX_ENTRY} bytes of extended attributes"),
                    path,
                ));
            }
        }
        xattrs.finish(out);
        Ok(first.is_some())
    }

    /// The path under which this inode was told of before.
    fn first_link(&mut self, st: &Stat, path: &[u8]) -> Res<Option<Vec<u8>>> {
        if nlink(st) < 2 || FileType::from_raw_mode(st.st_mode) == FileType::Directory {
            return Ok(None);
        }
        let key = (st.st_dev, st.st_ino);
        if let Some((first, left)) = self.linked.get_mut(&key) {
            *left -= 1;
            let first = if *left == 0 { std::mem::take(first) } else { first.clone() };
            if self.linked.get(&key).is_some_and(|(_, left)| *left == 0) {
                self.linked.remove(&key);
            }
            return Ok(Some(first));
        }
        if self.linked.len() >= MAX_LINKED {
            return Err(FsError::new(Code::Limit, format!("more than {MAX_LINKED} files with further links"), path));
        }
        self.linked.insert(key, (path.to_vec(), nlink(st) - 1));
        Ok(None)
    }
}

/// A file whose bytes are being told.
struct Content {
    fd: OwnedFd,
    at: u64,
    size: u64,
    /// End of the stretch of data that `at` lies in; without holes, the size.
    data_to: u64,
    sparse: bool,
}

impl Content {
    fn new(fd: OwnedFd, st: &Stat) -> Self {
        let size = st.st_size as u64;
        let sparse = (st.st_blocks as u64).saturating_mul(512) < size;
        Self { fd, at: 0, size, data_to: if sparse { 0 } else { size }, sparse }
    }

    /// Appends one record; true: it was the last. Exactly `size` bytes are told, whatever becomes of the file.
    fn tell(&mut self, path: &[u8], out: &mut Vec<u8>) -> Res<bool> {
        if self.at == self.size {
            wire::put_end(out, false);
            return Ok(true);
        }
        if self.sparse && self.at == self.data_to {
            self.find_data(path, out)?;
            return Ok(false);
        }
        let want = PIECE.min(usize::try_from(self.data_to - self.at).unwrap_or(PIECE));
        let head = out.len();
        out.push(RECORD_DATA);
        out.extend_from_slice(&[0; 4]);
        let start = out.len();
        out.resize(start + want, 0);
        let n = pread(&self.fd, &mut out[start..], self.at).step("read", path)?;
        if n == 0 {
            out.truncate(head);
            wire::put_hole(out, self.size - self.at);
            wire::put_end(out, true);
            return Ok(true);
        }
        out.truncate(start + n);
        out[head + 1..start].copy_from_slice(&(n as u32).to_be_bytes());
        self.at += n as u64;
        Ok(false)
    }

    /// Tells the hole at `at`, if there is one, and finds the end of the data behind it.
    fn find_data(&mut self, path: &[u8], out: &mut Vec<u8>) -> Res<()> {
        let data = match seek(&self.fd, SeekFrom::Data(self.at)) {
            Ok(data) => data.min(self.size),
            Err(Errno::NXIO) => self.size,
            // This file system knows nothing of holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                self.sparse = false;
                self.data_to = self.size;
                return Ok(());
            }
            Err(e) => return Err(FsError::os(e, "seek", path)),
        };
        if data > self.at {
            wire::put_hole(out, data - self.at);
            self.at = data;
        }
        self.data_to = match seek(&self.fd, SeekFrom::Hole(data)) {
            Ok(hole) => hole.min(self.size),
            Err(Errno::NXIO) => self.size,
            Err(e) => return Err(FsError::os(e, "seek", path)),
        };
        Ok(())
    }
}
