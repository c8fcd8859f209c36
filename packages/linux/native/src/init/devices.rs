//! Devices, links and the terminal, inside a tree that is not yet anybody's root.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::resolve::{file_type, open_in, parent_of};
use super::slot::Fds;
use crate::error::{Context, Fail, Result};
use crate::mounts::{attach, clone_of};
use crate::plan::{Device, DeviceKind, Io, Link};

const DEVPTS_SUPER_MAGIC: rustix::fs::FsWord = 0x1cd1;

/// `from_host`: nodes cannot be made in this user namespace, so that those of the host are bound.
pub fn make(root: BorrowedFd<'_>, devices: &[Device], from_host: bool, fds: &mut Fds) -> Result<()> {
    for device in devices {
        let (parent, name) = parent_of(root, &device.path)?;
        if from_host && device.kind != DeviceKind::Fifo {
            let node = fds.take()?;
            let target = empty_file(parent.as_fd(), name)?;
            attach(&node, &target)?;
        } else {
            node(parent.as_fd(), name, device)?;
        }
    }
    Ok(())
}

fn node(parent: BorrowedFd<'_>, name: &str, device: &Device) -> Result<()> {
    let step = || format!("mknod {}", device.path);
    let kind = match device.kind {
        DeviceKind::Char => FileType::CharacterDevice,
        DeviceKind::Block => FileType::BlockDevice,
        DeviceKind::Fifo => FileType::Fifo,
    };
    let number = if device.kind == DeviceKind::Fifo { 0 } else { rustix::fs::makedev(device.major, device.minor) };
    let mode = Mode::from_raw_mode(device.mode & 0o7777);
    match rustix::fs::mknodat(parent, name, kind, mode, number) {
        Ok(()) => {
            let owner = (Some(Uid::from_raw(device.uid)), Some(Gid::from_raw(device.gid)));
            if device.uid != 0 || device.gid != 0 {
                rustix::fs::chownat(parent, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW).step_with(step)?;
            }
            Ok(())
        }
        // A /dev of the host's, or of the image: the same node is fine, and stays as it is.
        Err(Errno::EXIST) => {
            let there = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).step_with(step)?;
            if FileType::from_raw_mode(there.st_mode) == kind && (kind == FileType::Fifo || there.st_rdev == number) {
                Ok(())
            } else {
                Err(Fail::os(Errno::EXIST, step()))
            }
        }
        Err(errno) => Err(Fail::os(errno, step())),
    }
}

/// A file to mount something on; what is there already has to be no folder and no symlink.
fn empty_file(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600)) {
        Ok(_) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(Fail::os(errno, format!("make {name}"))),
    }
    let file = rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .step_with(|| format!("open {name}"))?;
    match file_type(&file)? {
        FileType::Symlink => Err(Fail::os(Errno::LOOP, format!("open {name}"))),
        FileType::Directory => Err(Fail::os(Errno::ISDIR, format!("open {name}"))),
        _ => Ok(file),
    }
}

/// Symlinks; what is there under such a name stays.
pub fn link(root: BorrowedFd<'_>, links: &[Link]) -> Result<()> {
    for link in links {
        let (parent, name) = parent_of(root, &link.path)?;
        match rustix::fs::symlinkat(link.target.as_str(), &parent, name) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Fail::os(errno, format!("symlink {}", link.path))),
        }
    }
    Ok(())
}

pub struct Terminal {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

/// A terminal of the container's own devpts. The other side is opened from the master, so that no path is looked up for it.
pub fn terminal(root: BorrowedFd<'_>, io: &Io) -> Result<Terminal> {
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let master = open_in(root, "/dev/pts/ptmx", flags, ResolveFlags::NO_SYMLINKS).step("open /dev/pts/ptmx")?;
    let there = rustix::fs::fstatfs(&master).step("fstatfs")?;
    let stat = rustix::fs::fstat(&master).step("fstat")?;
    if there.f_type != DEVPTS_SUPER_MAGIC || stat.st_rdev != rustix::fs::makedev(5, 2) {
        return Err(Fail::invalid("/dev/pts of the container is no devpts: a terminal needs one"));
    }
    rustix::pty::unlockpt(&master).step("unlockpt")?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .step("open the terminal")?;
    if io.rows > 0 && io.cols > 0 {
        let size = Winsize { ws_row: io.rows, ws_col: io.cols, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&slave, size).step("set the terminal's size")?;
    }
    Ok(Terminal { master, slave })
}

/// The terminal as /dev/console.
pub fn console(root: BorrowedFd<'_>, slave: BorrowedFd<'_>) -> Result<()> {
    let (parent, name) = parent_of(root, "/dev/console")?;
    let target = empty_file(parent.as_fd(), name)?;
    attach(&clone_of(&slave, false)?, &target)
}
