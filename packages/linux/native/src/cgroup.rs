//! Control groups, as files and folders.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Fail, Result};
use crate::setup::{Cgroup, Write};
use crate::sys::process::kill;

/// Groups that a container may have made below its own.
const MAX_DEPTH: u32 = 16;

/// Writes files in order; stops at the first that fails and is not optional.
pub fn write_all(writes: &[Write]) -> Result<()> {
    for write in writes {
        match put(&write.path, write.data.as_bytes()) {
            Err(errno) if !write.optional => return Err(Fail::os(errno, format!("write {}", write.path.display()))),
            _ => {}
        }
    }
    Ok(())
}

/// One write(2): a file of a cgroup takes a setting as a whole, and is never made by writing to it.
pub fn put(path: &Path, data: &[u8]) -> rustix::io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    rustix::io::write(&file, data)?;
    Ok(())
}

/// Makes the folders that are absent. A shared one may be taken away by another keeper just then: so again, a few times.
pub fn make_all(dirs: &[PathBuf]) -> Result<()> {
    let mut tries = 0;
    let mut at = 0;
    while let Some(dir) = dirs.get(at) {
        match rustix::fs::mkdir(dir, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => at += 1,
            Err(Errno::NOENT) if at > 0 && tries < 10 => {
                tries += 1;
                at = 0;
            }
            Err(errno) => return Err(Fail::os(errno, format!("mkdir {}", dir.display()))),
        }
    }
    Ok(())
}

/// Kills every process of these groups. True: there were some.
pub fn kill_all(procs: &[PathBuf], v2: Option<&Path>) -> bool {
    let mut some = false;
    if let Some(dir) = v2 {
        // Since Linux 5.14; it reaches the groups below and misses no process that is being forked.
        let _ = std::fs::write(dir.join("cgroup.kill"), "1");
    }
    let v2 = v2.map(|dir| dir.join("cgroup.procs"));
    for file in procs.iter().chain(&v2) {
        for pid in pids(file, 0) {
            some = true;
            let _ = kill(pid, libc::SIGKILL);
        }
    }
    some
}

/// The processes of a group and of the groups that its container made below.
pub fn pids(procs: &Path, depth: u32) -> Vec<i32> {
    let text = std::fs::read_to_string(procs).unwrap_or_default();
    let mut out: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect();
    if let (Some(dir), true) = (procs.parent(), depth < MAX_DEPTH) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                out.extend(pids(&entry.path().join("cgroup.procs"), depth + 1));
            }
        }
    }
    out
}

/// Removes what a keeper made. Groups that hold its processes go with all that the container made below them; the others
/// only if they are empty, since other keepers use them too. False: a group of its own is still busy.
pub fn remove_groups(cgroup: &Cgroup) -> bool {
    let mut done = true;
    for dir in cgroup.mkdir.iter().rev() {
        let own = cgroup.v2.as_ref() == Some(dir) || cgroup.procs.iter().any(|file| file.parent() == Some(dir));
        if own {
            done &= remove_tree(dir, 0).is_ok();
        } else {
            let _ = std::fs::remove_dir(dir);
        }
    }
    done
}

/// Removes a group and those below it; absent: done.
fn remove_tree(dir: &Path, depth: u32) -> std::io::Result<()> {
    match std::fs::remove_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EBUSY) && depth < MAX_DEPTH => {
            let mut below = false;
            for entry in std::fs::read_dir(dir)?.flatten() {
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    below = true;
                    remove_tree(&entry.path(), depth + 1)?;
                }
            }
            if below { std::fs::remove_dir(dir) } else { Err(e) }
        }
        other => other,
    }
}
