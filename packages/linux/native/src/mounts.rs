//! Mounting by file descriptor.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_fd, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::error::{Context, Fail, Result};
use crate::plan::Overlay;

/// What a value given to fsconfig(2) as a string may have at most.
const MAX_STRING: usize = 255;

/// Flags of mount(2) that are attributes of a mount in the new interface.
const ATTRIBUTES: [(libc::c_ulong, MountAttrFlags); 9] = [
    (libc::MS_RDONLY, MountAttrFlags::MOUNT_ATTR_RDONLY),
    (libc::MS_NOSUID, MountAttrFlags::MOUNT_ATTR_NOSUID),
    (libc::MS_NODEV, MountAttrFlags::MOUNT_ATTR_NODEV),
    (libc::MS_NOEXEC, MountAttrFlags::MOUNT_ATTR_NOEXEC),
    (libc::MS_NOATIME, MountAttrFlags::MOUNT_ATTR_NOATIME),
    (libc::MS_NODIRATIME, MountAttrFlags::MOUNT_ATTR_NODIRATIME),
    (libc::MS_STRICTATIME, MountAttrFlags::MOUNT_ATTR_STRICTATIME),
    (libc::MS_RELATIME, MountAttrFlags::MOUNT_ATTR_RELATIME),
    (256, MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW),
];

/// Flags of mount(2) that are options of the file system in the new interface. MS_RDONLY is both.
const OPTIONS: [(libc::c_ulong, &str); 5] = [
    (libc::MS_RDONLY, "ro"),
    (libc::MS_SYNCHRONOUS, "sync"),
    (libc::MS_DIRSYNC, "dirsync"),
    (libc::MS_MANDLOCK, "mand"),
    (libc::MS_LAZYTIME, "lazytime"),
];

/// A mount of a new file system, attached nowhere. `flags`: MS_*; `data`: its options, comma-separated.
pub fn filesystem(fstype: &str, source: &str, flags: u32, data: &str) -> Result<OwnedFd> {
    let flags = libc::c_ulong::from(flags);
    let known =
        ATTRIBUTES.iter().map(|(f, _)| f).chain(OPTIONS.iter().map(|(f, _)| f)).fold(libc::MS_SILENT, |a, f| a | f);
    if flags & !known != 0 {
        return Err(Fail::invalid(format!("mount flags {:#x} make no new mount", flags & !known)));
    }
    let fs = fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC).step_with(|| format!("fsopen {fstype}"))?;
    if !source.is_empty() {
        set_string(&fs, fstype, "source", source)?;
    }
    for (flag, option) in OPTIONS {
        if flags & flag != 0 {
            fsconfig_set_flag(&fs, option).step_with(|| explain(&fs, fstype, option))?;
        }
    }
    for option in data.split(',').filter(|o| !o.is_empty()) {
        match option.split_once('=') {
            Some((key, value)) => set_string(&fs, fstype, key, value)?,
            None => fsconfig_set_flag(&fs, option).step_with(|| explain(&fs, fstype, option))?,
        }
    }
    let attributes = ATTRIBUTES
        .iter()
        .filter(|(flag, _)| flags & flag != 0)
        .fold(MountAttrFlags::empty(), |attributes, (_, attribute)| attributes | *attribute);
    finish(&fs, fstype, attributes)
}

fn set_string(fs: &OwnedFd, fstype: &str, key: &str, value: &str) -> Result<()> {
    fsconfig_set_string(fs, key, value).step_with(|| explain(fs, fstype, key))
}

fn finish(fs: &OwnedFd, fstype: &str, attributes: MountAttrFlags) -> Result<OwnedFd> {
    fsconfig_create(fs).step_with(|| explain(fs, fstype, "create"))?;
    fsmount(fs, FsMountFlags::FSMOUNT_CLOEXEC, attributes).step_with(|| explain(fs, fstype, "fsmount"))
}

/// The step, with what the kernel says about it.
fn explain(fs: &OwnedFd, fstype: &str, step: &str) -> String {
    let mut text = [0u8; 512];
    // The first character of each message is its severity.
    match rustix::io::read(fs, &mut text[..]) {
        Ok(n) if n > 2 => format!("mount {fstype} ({step}): {}", String::from_utf8_lossy(&text[2..n]).trim_end()),
        _ => format!("mount {fstype} ({step})"),
    }
}

/// An overlay, attached nowhere. `scratch`: a folder to mount at for a moment, for kernels without `lowerdir+`.
pub fn overlay(o: &Overlay, readonly: bool, scratch: &Path) -> Result<OwnedFd> {
    let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).step("fsopen overlay")?;
    set_string(&fs, "overlay", "source", "overlay")?;
    for (i, lower) in o.lower.iter().enumerate() {
        match set_layer(&fs, "lowerdir+", lower) {
            Err(fail) if i == 0 && fail.errno == Some(Errno::INVAL) => return overlay_by_string(o, readonly, scratch),
            other => other?,
        }
    }
    for (key, path) in [("upperdir", &o.upper), ("workdir", &o.work)] {
        if let Some(path) = path {
            set_layer(&fs, key, path)?;
        }
    }
    for (key, value) in &o.options {
        set_string(&fs, "overlay", key, value)?;
    }
    for flag in &o.flags {
        fsconfig_set_flag(&fs, flag.as_str()).step_with(|| explain(&fs, "overlay", flag))?;
    }
    let readonly = if readonly { MountAttrFlags::MOUNT_ATTR_RDONLY } else { MountAttrFlags::empty() };
    finish(&fs, "overlay", readonly)
}

fn set_layer(fs: &OwnedFd, key: &'static str, path: &str) -> Result<()> {
    if path.len() <= MAX_STRING {
        return fsconfig_set_string(fs, key, path).step_with(|| format!("{} {path}", explain(fs, "overlay", key)));
    }
    let layer = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .step_with(|| format!("open {path}"))?;
    // Since 6.13 by descriptor; before, by a name for the descriptor that is short.
    fsconfig_set_fd(fs, key, &layer)
        .or_else(|_| fsconfig_set_string(fs, key, format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&layer))))
        .step_with(|| format!("{} {path}", explain(fs, "overlay", key)))
}

/// By mount(2), whose options have to fit a page.
pub fn overlay_by_string(o: &Overlay, readonly: bool, scratch: &Path) -> Result<OwnedFd> {
    let quoted = |path: &str| path.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,");
    let mut options = vec![format!("lowerdir={}", o.lower.iter().map(|l| quoted(l)).collect::<Vec<_>>().join(":"))];
    for (key, path) in [("upperdir", &o.upper), ("workdir", &o.work)] {
        options.extend(path.as_ref().map(|p| format!("{key}={}", quoted(p))));
    }
    options.extend(o.options.iter().map(|(key, value)| format!("{key}={value}")));
    options.extend(o.flags.iter().cloned());
    let data = std::ffi::CString::new(options.join(",")).map_err(|_| Fail::invalid("a zero byte in a path"))?;
    let flags = if readonly { rustix::mount::MountFlags::RDONLY } else { rustix::mount::MountFlags::empty() };
    match rustix::fs::mkdir(scratch, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(Fail::os(errno, format!("mkdir {}", scratch.display()))),
    }
    rustix::mount::mount("overlay", scratch, "overlay", flags, Some(data.as_c_str())).step("mount overlay")?;
    let tree = clone_of(
        &rustix::fs::open(scratch, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step("open overlay")?,
        false,
    );
    rustix::mount::unmount(scratch, UnmountFlags::DETACH).step("umount scratch")?;
    tree
}

/// Opens a path of the host without following its last component, and refuses a symlink.
pub fn open_path(path: impl AsRef<Path>) -> Result<OwnedFd> {
    let path = path.as_ref();
    let fd = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .step_with(|| format!("open {}", path.display()))?;
    let stat = rustix::fs::fstat(&fd).step("fstat")?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
        return Err(Fail::os(Errno::LOOP, format!("open {}", path.display())));
    }
    Ok(fd)
}

/// A copy of the mount at (or of the tree below) what the descriptor names, attached nowhere.
pub fn clone_of(fd: &impl AsFd, recursive: bool) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(fd, "", flags).step("open_tree")
}

/// Attaches a mount on what the descriptor names.
pub fn attach(mount: &impl AsFd, target: &impl AsFd) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags).step("move_mount")
}

/// Attaches a mount at a path that nobody else can change.
pub fn attach_at(mount: &impl AsFd, target: &str) -> Result<()> {
    move_mount(mount, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .step_with(|| format!("move_mount to {target}"))
}

/// Whether what the descriptor names is a folder.
pub fn is_dir(fd: &impl AsFd) -> Result<bool> {
    let stat = rustix::fs::statat(fd, "", AtFlags::EMPTY_PATH).step("fstat")?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
