//! The mount namespace that all others are copied from: one small read-only tmpfs and nothing of the host. A copy costs the
//! same however many mounts the host has, and holds none of them busy.
//!
//! ```text
//! /root   where a container's root is attached      /null   the null device
//! /empty  an empty folder                           /proc   procfs of the zygote's PID namespace
//! /sys    sysfs, if the zygote may mount it (new user namespaces may only mount what is visible already)
//! ```

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::error::{Context, Fail, Result};
use crate::mounts;
use crate::sys::mount::{MountAttr, mount_setattr};
use crate::sys::process::{Fork, fork, unshare};

pub const ROOT: &str = "/root";
pub const NULL: &str = "/null";
pub const EMPTY: &str = "/empty";

pub struct Seed {
    namespace: OwnedFd,
    host: OwnedFd,
    /// The root folder of this process on the host, which need not be its mount namespace's.
    host_root: OwnedFd,
}

impl Seed {
    /// Makes it, by a child that ends again.
    pub fn make() -> Result<Self> {
        let host = open("/proc/self/ns/mnt", OFlags::RDONLY)?;
        let host_root = open("/", OFlags::PATH | OFlags::DIRECTORY)?;
        let (mine, theirs) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::SEQPACKET,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )
        .step("socketpair")?;
        match fork().step("fork")? {
            Fork::Child => {
                drop(mine);
                let told = match build() {
                    Ok(()) => rustix::io::write(&theirs, b"+"),
                    Err(fail) => rustix::io::write(&theirs, format!("-{}", fail.message).as_bytes()),
                };
                // Until the parent has the namespace in hand, or is gone.
                let _ = told.and_then(|_| rustix::io::read(&theirs, &mut [0u8; 1][..]));
                std::process::exit(0)
            }
            Fork::Parent(pid) => {
                drop(theirs);
                let seed = Self::adopt(&mine, pid, host, host_root);
                drop(mine);
                let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
                seed
            }
        }
    }

    fn adopt(helper: &OwnedFd, pid: Pid, host: OwnedFd, host_root: OwnedFd) -> Result<Self> {
        let mut buffer = [0u8; 1024];
        let n = rustix::io::read(helper, &mut buffer[..]).step("wait for the seed namespace")?;
        if buffer.first() != Some(&b'+') || n == 0 {
            let why = String::from_utf8_lossy(buffer.get(1..n).unwrap_or_default()).into_owned();
            return Err(Fail::internal(format!("cannot make the seed namespace: {why}")));
        }
        let namespace = open(&format!("/proc/{}/ns/mnt", pid.as_raw_nonzero()), OFlags::RDONLY)?;
        Ok(Self { namespace, host, host_root })
    }

    /// This process's next mount operations, and the mount namespaces copied for it or its children, are the seed's.
    pub fn enter(&self) -> Result<()> {
        move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Mount)).step("setns seed")
    }

    /// Back in the host's.
    pub fn leave(&self) -> Result<()> {
        move_into_link_name_space(self.host.as_fd(), Some(LinkNameSpaceType::Mount)).step("setns host")?;
        rustix::process::fchdir(&self.host_root).step("fchdir")?;
        rustix::process::chroot(".").step("chroot")
    }

    pub fn fds(&self) -> [RawFd; 3] {
        [self.namespace.as_raw_fd(), self.host.as_raw_fd(), self.host_root.as_raw_fd()]
    }
}

fn open(path: &str, flags: OFlags) -> Result<OwnedFd> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).step_with(|| format!("open {path}"))
}

/// Runs in the helper.
fn build() -> Result<()> {
    unshare(UnshareFlags::NEWNS).step("unshare mount namespace")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).step("make mounts private")?;
    let base = mounts::filesystem("tmpfs", "gantry", 0, "mode=0555,size=4k,nr_inodes=16")?;
    // Any folder will do as the place to attach it to, and /proc is there on every host.
    mounts::attach_at(&base, "/proc")?;
    rustix::process::fchdir(&base).step("fchdir")?;
    rustix::process::pivot_root(".", ".").step("pivot_root")?;
    unmount(".", UnmountFlags::DETACH).step("umount old root")?;
    rustix::process::chdir("/").step("chdir")?;
    let dir = Mode::from_raw_mode(0o555);
    for name in [ROOT, EMPTY, "/proc", "/sys"] {
        rustix::fs::mkdir(name, dir).step("mkdir")?;
    }
    let umask = rustix::process::umask(Mode::empty());
    let node = rustix::fs::mknodat(
        CWD,
        NULL,
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        rustix::fs::makedev(1, 3),
    );
    rustix::process::umask(umask);
    node.step("mknod null")?;
    let hardened = (libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC) as u32;
    mounts::attach_at(&mounts::filesystem("proc", "proc", hardened, "")?, "/proc")?;
    if let Ok(sys) = mounts::filesystem("sysfs", "sysfs", hardened | libc::MS_RDONLY as u32, "") {
        mounts::attach_at(&sys, "/sys")?;
    }
    mount_setattr(base.as_fd(), false, &MountAttr { set: libc::MOUNT_ATTR_RDONLY, ..MountAttr::default() })
        .step("make the seed read-only")
}

/// The null device inside a copy of the seed, its numbers checked.
pub fn null_device() -> Result<OwnedFd> {
    let fd = open(NULL, OFlags::PATH | OFlags::NOFOLLOW)?;
    if is_null(fd.as_fd()) { Ok(fd) } else { Err(Fail::internal("the seed's null device is none")) }
}

/// Whether this is the null device, by its numbers.
pub fn is_null(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|s| {
        FileType::from_raw_mode(s.st_mode) == FileType::CharacterDevice && s.st_rdev == rustix::fs::makedev(1, 3)
    })
}
