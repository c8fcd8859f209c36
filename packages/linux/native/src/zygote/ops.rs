//! Operations that are done at once, in the zygote itself: mounts of the host.

use std::os::fd::AsFd;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::conn::body;
use crate::error::{Context, Fail, Result};
use crate::init::resolve;
use crate::mounts;
use crate::plan::Overlay;
use crate::sys::mount::{MountAttr, mount_setattr};

/// `None`: not an operation of this kind.
pub fn run(op: &str, payload: &[u8]) -> Option<Result<Value>> {
    Some(match op {
        "ping" => Ok(json!({})),
        "mount" => body(payload).and_then(mount_op),
        "overlay" => body(payload).and_then(overlay_op),
        "bind" => body(payload).and_then(bind_op),
        "umount" => body(payload).and_then(umount_op),
        "mkfifo" => body(payload).and_then(mkfifo_op),
        "unpin" => body(payload).and_then(|request: Unpin| unpin(&request.path).map(|()| json!({}))),
        _ => return None,
    })
}

#[derive(Deserialize)]
struct MountOp {
    source: String,
    target: String,
    fstype: String,
    flags: u32,
    data: String,
}

fn mount_op(r: MountOp) -> Result<Value> {
    let data = std::ffi::CString::new(r.data).map_err(|_| Fail::invalid("a zero byte in data"))?;
    let data = (!data.is_empty()).then_some(data.as_c_str());
    mount(r.source, &r.target, r.fstype, MountFlags::from_bits_retain(r.flags), data)
        .step_with(|| format!("mount {}", r.target))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct OverlayOp {
    target: String,
    #[serde(flatten)]
    overlay: Overlay,
    #[serde(default)]
    readonly: bool,
}

fn overlay_op(r: OverlayOp) -> Result<Value> {
    let target = mounts::open_path(&r.target)?;
    let tree = mounts::overlay(&r.overlay, r.readonly, r.target.as_ref())?;
    mounts::attach(&tree, &target)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct BindOp {
    source: String,
    /// A folder that the source is a path in: symlinks lead inside it, never out.
    within: Option<String>,
    target: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    readonly: bool,
}

fn bind_op(r: BindOp) -> Result<Value> {
    let source = match &r.within {
        Some(root) => {
            resolve::find(mounts::open_path(root)?.as_fd(), &r.source).step_with(|| format!("open {}", r.source))?
        }
        None => mounts::open_path(&r.source)?,
    };
    let tree = mounts::clone_of(&source, r.recursive)?;
    let target = mounts::open_path(&r.target)?;
    if r.readonly {
        let attr = MountAttr { set: libc::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
        mount_setattr(tree.as_fd(), r.recursive, &attr).step("make it read-only")?;
    }
    mounts::attach(&tree, &target)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct UmountOp {
    target: String,
    #[serde(default)]
    detach: bool,
}

fn umount_op(r: UmountOp) -> Result<Value> {
    let flags = if r.detach { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    match unmount(&r.target, flags | UnmountFlags::NOFOLLOW) {
        Ok(()) => Ok(json!({ "mounted": true })),
        // EINVAL: the path is there, and no mount is on it.
        Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => Ok(json!({ "mounted": false })),
        Err(errno) => Err(Fail::os(errno, format!("umount {}", r.target))),
    }
}

#[derive(Deserialize)]
struct MkfifoOp {
    path: String,
    mode: u32,
}

fn mkfifo_op(r: MkfifoOp) -> Result<Value> {
    let umask = rustix::process::umask(Mode::empty());
    let made = rustix::fs::mkfifoat(CWD, &r.path, Mode::from_raw_mode(r.mode & 0o7777));
    rustix::process::umask(umask);
    made.step_with(|| format!("mkfifo {}", r.path))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Unpin {
    path: String,
}

/// Takes away a pinned namespace; absent: nothing to do.
pub fn unpin(path: impl AsRef<std::path::Path>) -> Result<()> {
    let path = path.as_ref();
    match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => {}
        Err(errno) => return Err(Fail::os(errno, format!("umount {}", path.display()))),
    }
    match rustix::fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(errno) => Err(Fail::os(errno, format!("unlink {}", path.display()))),
    }
}
