//! What a tree takes on disk.

use std::collections::HashSet;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use super::error::{Code, FsError, Res, Step};
use super::listing::Names;
use super::path::{Links, RelPath};
use super::tree::Tree;

const MAX_DEPTH: usize = 16_384;
const MAX_NAMES: usize = 8_000_000;

#[derive(Default, serde::Serialize)]
pub struct Usage {
    pub bytes: u64,
    pub inodes: u64,
    #[serde(skip)]
    linked: HashSet<(u64, u64)>,
}

/// Blocks and inodes of `path` and all below; a file with several links counts once.
pub fn usage(tree: &Tree, path: RelPath<'_>) -> Res<Usage> {
    let mut usage = Usage::default();
    let top = tree.root.open_path(path, Links::Refuse)?;
    let st = fstat(&top).step("stat", path.bytes())?;
    usage.add(&st);
    if FileType::from_raw_mode(st.st_mode) != FileType::Directory {
        return Ok(usage);
    }
    let mut stack = vec![Level::new(tree.root.open_dir(path, Links::Refuse)?)?];
    while let depth = stack.len()
        && let Some(level) = stack.last_mut()
    {
        let Some((name, _)) = level.names.get(level.next) else {
            stack.pop();
            continue;
        };
        level.next += 1;
        if level.next % 1024 == 0 {
            tree.cancel.check()?;
        }
        let st = match statat(&level.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(st) => st,
            Err(Errno::NOENT) => continue,
            Err(e) => return Err(FsError::os(e, "stat", name)),
        };
        usage.add(&st);
        if FileType::from_raw_mode(st.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&level.fd, name, flags, Mode::empty()) {
                Ok(_) if depth >= MAX_DEPTH => {
                    return Err(FsError::new(
                        Code::Limit,
                        format!("more than {MAX_DEPTH} directories in one another"),
                        b"",
                    ));
                }
                Ok(fd) => stack.push(Level::new(fd)?),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(e) => return Err(FsError::os(e, "open", name)),
            }
        }
    }
    Ok(usage)
}

struct Level {
    fd: OwnedFd,
    names: Names,
    next: usize,
}

impl Level {
    fn new(fd: OwnedFd) -> Res<Self> {
        let names = Names::read(&fd, MAX_NAMES, b"")?;
        Ok(Self { fd, names, next: 0 })
    }
}

impl Usage {
    fn add(&mut self, st: &Stat) {
        if st.st_nlink > 1
            && FileType::from_raw_mode(st.st_mode) != FileType::Directory
            && !self.linked.insert((st.st_dev, st.st_ino))
        {
            return;
        }
        self.bytes += st.st_blocks as u64 * 512;
        self.inodes += 1;
    }
}
