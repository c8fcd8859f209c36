//! Small files.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::{Context, Fail, Result};

const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;

/// A namespace by the path of its pin, or in /proc, where it is a link that has to be followed.
pub fn open_namespace(path: &Path) -> Result<OwnedFd> {
    // Not O_RDONLY alone, which would wait at a named pipe.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty()).step_with(|| format!("open {}", path.display()))?;
    if rustix::fs::fstatfs(&fd).step("fstatfs")?.f_type == NSFS_MAGIC {
        Ok(fd)
    } else {
        Err(Fail::invalid(format!("{} is no namespace", path.display())))
    }
}

/// A file that is there as a whole or not at all.
pub fn write_whole(path: &Path, data: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, data)?;
    std::fs::rename(&temporary, path)
}
