//! The walls: a mount namespace whose root is the tree, no network, few capabilities.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{Resource, Rlimit, chdir, fchdir, getrlimit, pivot_root, setrlimit, umask};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};
use serde::Deserialize;

use super::error::{FsError, Res, Step};
use super::ids::IdMap;
use super::path::{Links, RelPath, Root};
use crate::sys::mount::{MountAttr, mount_setattr};
use crate::sys::process::unshare;

/// The `fs` request. Paths on the host are text; they come from the daemon.
#[derive(Deserialize)]
pub struct Setup {
    root: String,
    #[serde(default)]
    mounts: Vec<Bind>,
    #[serde(default)]
    readonly: bool,
    #[serde(default)]
    pub idmap: IdMap,
}

#[derive(Deserialize)]
struct Bind {
    source: String,
    target: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    readonly: bool,
}

/// Descriptors: one per level of the deepest walk, and some.
const MAX_FILES: u64 = 40_000;

const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::SETFCAP)
    // For trusted.* attributes.
    .union(CapabilitySet::SYS_ADMIN);

/// Makes the tree the root of this process and drops what file operations do not need. There is no way back.
pub fn confine(setup: &Setup) -> Res<Root> {
    let root = setup.root.as_bytes();
    let namespaces = UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    unshare(namespaces).step("unshare", root)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).step("make mounts private", root)?;
    let tree = clone_mount(&setup.root, false)?;
    if FileType::from_raw_mode(fstat(&tree).step("stat", root)?.st_mode) != FileType::Directory {
        return Err(FsError::os(Errno::NOTDIR, "open root", root));
    }
    restrict(&tree, setup.readonly, false).step("restrict root", root)?;
    let mut mounts = Vec::with_capacity(setup.mounts.len());
    for bind in &setup.mounts {
        let source = clone_mount(&bind.source, bind.recursive)?;
        restrict(&source, setup.readonly || bind.readonly, bind.recursive)
            .step("restrict mount", bind.source.as_bytes())?;
        mounts.push((source, bind.target.as_bytes()));
    }
    let at = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&tree, c"", CWD, &setup.root, at).step("attach root", root)?;
    fchdir(&tree).step("enter root", root)?;
    // The old root ends up on top of the new one, from where it is taken off.
    pivot_root(".", ".").step("pivot_root", root)?;
    unmount(".", UnmountFlags::DETACH).step("leave the old root", root)?;
    chdir("/").step("enter root", root)?;
    let root = Root::new(
        open("/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).step("open root", root)?,
    );
    for (source, target) in &mounts {
        attach(&root, source, target)?;
    }
    limit().step("drop privileges", b"")?;
    Ok(root)
}

/// A detached copy of the mount at `path`; no link as the last component.
fn clone_mount(path: &str, recursive: bool) -> Res<OwnedFd> {
    if !path.starts_with('/') {
        return Err(FsError::invalid("not an absolute path", path.as_bytes()));
    }
    let mut flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(CWD, path, flags).step("open", path.as_bytes())?;
    match FileType::from_raw_mode(fstat(&tree).step("stat", path.as_bytes())?.st_mode) {
        FileType::Symlink => Err(FsError::os(Errno::LOOP, "open", path.as_bytes())),
        _ => Ok(tree),
    }
}

/// Nothing in the tree is run, or opened as a device.
fn restrict(mount: &OwnedFd, readonly: bool, recursive: bool) -> rustix::io::Result<()> {
    let set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    let set = if readonly { set | libc::MOUNT_ATTR_RDONLY } else { set };
    mount_setattr(mount.as_fd(), recursive, &MountAttr { set, ..MountAttr::default() })
}

/// Puts a mount on a path of the tree, which has to be there.
fn attach(root: &Root, source: &OwnedFd, target: &[u8]) -> Res<()> {
    let path = RelPath::new(target)?;
    let to = root.open(path, OFlags::PATH, Mode::empty(), Links::Follow).step("open mount point", target)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(source, c"", &to, c"", flags).step("attach mount", target)
}

fn limit() -> rustix::io::Result<()> {
    let now = getrlimit(Resource::Nofile);
    let files = Some(now.maximum.map_or(MAX_FILES, |max| max.min(MAX_FILES)));
    // As far as raising it is allowed; less only makes the deepest trees fail.
    if setrlimit(Resource::Nofile, Rlimit { current: Some(MAX_FILES), maximum: Some(MAX_FILES) }).is_err() {
        setrlimit(Resource::Nofile, Rlimit { current: files, maximum: now.maximum })?;
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    umask(Mode::empty());
    clear_ambient_capability_set()?;
    for n in 0..64 {
        let Some(capability) = CapabilitySet::from_bits(1 << n) else { continue };
        if !KEPT.contains(capability) {
            match remove_capability_from_bounding_set(capability) {
                // A kernel older than the capability.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(e) => return Err(e),
            }
        }
    }
    set_capabilities(None, CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() })?;
    set_no_new_privs(true)
}
