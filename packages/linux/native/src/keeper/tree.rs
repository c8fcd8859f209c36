//! What the container's first process cannot open itself, since the host is out of its reach: its root, the sources of its
//! bind mounts, devices in a user namespace.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::MemfdFlags;

use crate::error::{Context, Fail, Result};
use crate::mounts;
use crate::plan::{BindMount, Device, DeviceKind, Mount, Plan, Propagation, Root};
use crate::sys::mount::{MountAttr, mount_setattr};

/// The descriptors that go with a plan, in the order that init takes them.
pub fn descriptors(plan: &Plan, frame: &[u8], scratch: &Path, foreign_user: bool) -> Result<Vec<OwnedFd>> {
    let mut fds = vec![memory(frame)?, root(plan, scratch)?];
    for mount in &plan.mounts {
        if let Mount::Bind(bind) = mount
            && !bind.in_root
        {
            fds.push(source(bind)?);
        }
    }
    if foreign_user {
        for device in plan.devices.iter().filter(|device| device.kind != DeviceKind::Fifo) {
            fds.push(host_device(device)?);
        }
    }
    Ok(fds)
}

/// The request in memory, since it may be longer than a message.
fn memory(frame: &[u8]) -> Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("plan", MemfdFlags::CLOEXEC).step("memfd_create")?);
    file.write_all(frame)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .map_err(|e| Fail::internal(format!("write the plan: {e}")))?;
    Ok(file.into())
}

fn root(plan: &Plan, scratch: &Path) -> Result<OwnedFd> {
    let tree = match &plan.root {
        Root::Path(path) => mounts::clone_of(&mounts::open_path(path)?, true)?,
        Root::Overlay(overlay) => mounts::overlay(overlay, false, scratch)?,
    };
    if !mounts::is_dir(&tree)? {
        return Err(Fail::os(rustix::io::Errno::NOTDIR, "open the root"));
    }
    // A shared root would spread the container's mounts over the host, and could not be pivoted to.
    let propagation = match plan.root_propagation {
        Propagation::Slave => Propagation::Slave,
        _ => Propagation::Private,
    };
    let attr = MountAttr { propagation: propagation.flag(), ..MountAttr::default() };
    mount_setattr(tree.as_fd(), true, &attr).step("set the root's propagation")?;
    Ok(tree)
}

fn source(bind: &BindMount) -> Result<OwnedFd> {
    let tree = mounts::clone_of(&mounts::open_path(&bind.source)?, bind.recursive)?;
    let propagation = bind.propagation.unwrap_or(Propagation::Private).flag();
    change(&tree, bind, propagation)?;
    Ok(tree)
}

/// Sets what a bind mount asks for, on a tree that is attached nowhere yet.
pub fn change(tree: &OwnedFd, bind: &BindMount, propagation: u64) -> Result<()> {
    // Access times are a choice among several, which the kernel wants to see cleared before it is made.
    let atime = if bind.set & libc::MOUNT_ATTR__ATIME != 0 { libc::MOUNT_ATTR__ATIME } else { 0 };
    let attr = MountAttr { set: bind.set, clear: bind.clear | atime, ..MountAttr::default() };
    let attributes = attr.set != 0 || attr.clear != 0;
    if attributes {
        mount_setattr(tree.as_fd(), bind.recursive_attr, &attr)
            .step_with(|| format!("set attributes of {}", bind.target))?;
    }
    let attr = MountAttr { propagation, ..MountAttr::default() };
    mount_setattr(tree.as_fd(), bind.recursive, &attr).step_with(|| format!("set propagation of {}", bind.target))
}

/// A device of the host under the same name, its numbers checked.
fn host_device(device: &Device) -> Result<OwnedFd> {
    let fd = mounts::open_path(&device.path)?;
    let stat = rustix::fs::fstat(&fd).step("fstat")?;
    if stat.st_rdev != rustix::fs::makedev(device.major, device.minor) {
        return Err(Fail::invalid(format!("{} of the host is another device", device.path)));
    }
    mounts::clone_of(&fd, false)
}
