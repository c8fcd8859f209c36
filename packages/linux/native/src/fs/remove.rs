//! Removal of whole trees, by descriptors only: a name swapped for a link on the way is removed as that link.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, RenameFlags, openat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::error::{FsError, Res, Step};
use super::tree::Cancel;

/// Directories held open at once. What lies deeper is first moved up to the top of the tree that is being removed.
const MAX_OPEN: usize = 128;
/// A directory that others fill as fast as it is emptied is given up after so many passes without an end.
const MAX_PASSES: u32 = 1000;

/// Removes `name` and all below it; absent is fine. `path` is for messages.
pub fn remove_entry(parent: &impl AsFd, name: &[u8], path: &[u8], cancel: &Cancel) -> Res<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(e) => return Err(FsError::os(e, "remove", path)),
    }
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {}
        // Became something else: once more from the start, which then is no directory.
        Err(Errno::NOTDIR) => return unlinkat(parent, name, AtFlags::empty()).step("remove", path),
        Err(e) => return Err(FsError::os(e, "remove", path)),
    }
    let top = open_dir(parent, name).step("remove", path)?;
    empty_dir(&top, path, cancel, |_| true)?;
    unlinkat(parent, name, AtFlags::REMOVEDIR).step("remove", path)
}

/// Empties a directory of all children that `doomed` names.
pub fn empty_dir(top: &OwnedFd, path: &[u8], cancel: &Cancel, doomed: impl Fn(&[u8]) -> bool) -> Res<()> {
    let mut moved = 0_u32;
    for _ in 0..MAX_PASSES {
        let mut work = Work { top, path, cancel, moved: &mut moved, steps: 0 };
        if work.pass(&doomed)? {
            return Ok(());
        }
    }
    Err(FsError::os(Errno::NOTEMPTY, "remove", path))
}

struct Work<'a> {
    top: &'a OwnedFd,
    path: &'a [u8],
    cancel: &'a Cancel,
    moved: &'a mut u32,
    steps: u32,
}

/// A directory below the top: how its parent calls it, and what is still to be looked at in it.
struct Level {
    fd: OwnedFd,
    name: Vec<u8>,
    dirs: Vec<Vec<u8>>,
}

impl Work<'_> {
    /// One pass over the top's children; true if it left none.
    fn pass(&mut self, doomed: &dyn Fn(&[u8]) -> bool) -> Res<bool> {
        let top = self.top;
        let mut dirs = self.unlink_files(top, doomed)?;
        let clean = dirs.is_empty();
        while let Some(name) = dirs.pop() {
            self.remove_dir(name)?;
        }
        // What was moved up meanwhile, or was made by others, is for the next pass.
        Ok(clean)
    }

    /// Removes a child directory of the top, depth first.
    fn remove_dir(&mut self, name: Vec<u8>) -> Res<()> {
        let top = self.top;
        let mut stack: Vec<Level> = self.level(top, name)?.into_iter().collect();
        while let Some(level) = stack.last_mut() {
            if let Some(child) = level.dirs.pop() {
                let fd = &stack[stack.len() - 1].fd;
                if stack.len() >= MAX_OPEN {
                    self.move_up(fd, &child)?;
                } else if let Some(below) = self.level(fd, child)? {
                    stack.push(below);
                }
                continue;
            }
            let Some(level) = stack.pop() else { break };
            let parent = stack.last().map_or(top, |l| &l.fd);
            match unlinkat(parent, &level.name, AtFlags::REMOVEDIR) {
                // Not empty: others write here. The next pass sees it again.
                Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(e) => return Err(FsError::os(e, "remove", self.path)),
            }
        }
        Ok(())
    }

    /// Enters a directory; `None`: gone, or no directory any more, so that the next pass removes what is there now.
    fn level(&mut self, parent: &OwnedFd, name: Vec<u8>) -> Res<Option<Level>> {
        let fd = match open_dir(parent, &name) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(e) => return Err(FsError::os(e, "remove", self.path)),
        };
        let dirs = self.unlink_files(&fd, &|_| true)?;
        Ok(Some(Level { fd, name, dirs }))
    }

    /// Removes all children that are no directories, and returns the names of those that are.
    fn unlink_files(&mut self, dir: &OwnedFd, doomed: &dyn Fn(&[u8]) -> bool) -> Res<Vec<Vec<u8>>> {
        let mut dirs = Vec::new();
        rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0)).step("remove", self.path)?;
        let mut buf = [MaybeUninit::uninit(); 16 * 1024];
        let mut entries = RawDir::new(dir, &mut buf);
        while let Some(entry) = entries.next() {
            let entry = entry.step("read directory", self.path)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || !doomed(name) {
                continue;
            }
            self.steps += 1;
            if self.steps.is_multiple_of(1024) {
                self.cancel.check()?;
            }
            if entry.file_type() != FileType::Directory {
                match unlinkat(dir, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => continue,
                    Err(Errno::ISDIR) => {}
                    Err(e) => return Err(FsError::os(e, "remove", self.path)),
                }
            }
            dirs.push(name.to_vec());
        }
        Ok(dirs)
    }

    /// Moves a directory that lies too deep to the top, under a name nothing has.
    fn move_up(&mut self, from: &OwnedFd, child: &[u8]) -> Res<()> {
        loop {
            *self.moved += 1;
            let name = format!(".gantry-removed-{}", self.moved);
            match renameat_with(from, child, self.top, name.as_bytes(), RenameFlags::NOREPLACE) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::EXIST) => {}
                Err(e) => return Err(FsError::os(e, "remove", self.path)),
            }
        }
    }
}

fn open_dir(parent: &impl AsFd, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}
