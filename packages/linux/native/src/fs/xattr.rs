//! Extended attributes of an inode, with the ids inside of them mapped as its owner is.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lremovexattr, lsetxattr,
};
use rustix::io::{Errno, Result};
use rustix::process::fchdir;

use super::ids::IdMap;

/// XATTR_LIST_MAX and XATTR_SIZE_MAX are both this.
const MAX: usize = 64 * 1024;

/// An inode: by its open descriptor, or as a name in a directory, where it may be a symbolic link or a device.
#[derive(Clone, Copy)]
pub enum Inode<'a> {
    Fd(BorrowedFd<'a>),
    Name { dir: BorrowedFd<'a>, name: &'a [u8] },
}

impl<'a> Inode<'a> {
    pub fn fd(fd: &'a impl AsFd) -> Self {
        Self::Fd(fd.as_fd())
    }

    pub fn name(dir: &'a impl AsFd, name: &'a [u8]) -> Self {
        Self::Name { dir: dir.as_fd(), name }
    }

    pub fn set(self, name: &[u8], value: &[u8]) -> Result<()> {
        match self {
            Self::Fd(fd) => fsetxattr(fd, name, value, XattrFlags::empty()),
            // A name is reached from the working directory, since a link or a device has no descriptor that setxattr takes.
            Self::Name { dir, name: file } => {
                fchdir(dir).and_then(|()| lsetxattr(file, name, value, XattrFlags::empty()))
            }
        }
    }

    fn remove(self, name: &[u8]) -> Result<()> {
        match self {
            Self::Fd(fd) => fremovexattr(fd, name),
            Self::Name { dir, name: file } => fchdir(dir).and_then(|()| lremovexattr(file, name)),
        }
    }
}

/// Buffers for reading attributes, used again and again.
#[derive(Default)]
pub struct Reader {
    list: Vec<u8>,
    value: Vec<u8>,
}

impl Reader {
    /// Names, each ended by a zero byte. A file system without attributes has none.
    pub fn list(&mut self, inode: Inode<'_>) -> Result<&[u8]> {
        self.list.clear();
        self.list.reserve(MAX);
        let listed = match inode {
            Inode::Fd(fd) => flistxattr(fd, spare_capacity(&mut self.list)),
            Inode::Name { dir, name } => fchdir(dir).and_then(|()| llistxattr(name, spare_capacity(&mut self.list))),
        };
        match listed {
            Ok(_) | Err(Errno::OPNOTSUPP) => Ok(&self.list),
            Err(e) => Err(e),
        }
    }

    /// ENODATA: there is none of this name.
    pub fn get(&mut self, inode: Inode<'_>, name: &[u8]) -> Result<&[u8]> {
        self.value.clear();
        self.value.reserve(MAX);
        match inode {
            Inode::Fd(fd) => fgetxattr(fd, name, spare_capacity(&mut self.value))?,
            Inode::Name { dir, name: file } => {
                fchdir(dir)?;
                lgetxattr(file, name, spare_capacity(&mut self.value))?
            }
        };
        Ok(&self.value)
    }

    /// All attributes, as the container sees them.
    pub fn each(&mut self, inode: Inode<'_>, ids: &IdMap, mut f: impl FnMut(&[u8], &[u8])) -> Result<()> {
        self.list(inode)?;
        if self.list.is_empty() {
            return Ok(());
        }
        let list = std::mem::take(&mut self.list);
        let mut result = Ok(());
        for name in names(&list) {
            match self.get(inode, name) {
                Ok(value) => f(name, &from_disk(name, value, ids)),
                // Removed since it was listed, or hidden from us.
                Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(e) => {
                    result = Err(e);
                    break;
                }
            }
        }
        self.list = list;
        result
    }

    /// Makes `wanted` all that there is, apart from what belongs to the kernel's own book-keeping.
    pub fn retain(&mut self, inode: Inode<'_>, wanted: impl Fn(&[u8]) -> bool) -> Result<()> {
        self.list(inode)?;
        for name in names(&self.list) {
            if !wanted(name) && !is_kernels(name) {
                match inode.remove(name) {
                    Ok(()) | Err(Errno::NODATA) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }
}

pub fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&b| b == 0).filter(|name| !name.is_empty())
}

/// Labels and measurements that the kernel sets by itself, and overlayfs's own marks.
fn is_kernels(name: &[u8]) -> bool {
    matches!(name, b"security.selinux" | b"security.ima" | b"security.evm" | b"security.SMACK64")
        || name.starts_with(b"trusted.overlay.")
}

/// Bytes of `struct vfs_cap_data`: revision 2, and revision 3 with the owner of its user namespace.
const CAP_V2: usize = 20;
const CAP_V3: usize = 24;
const CAP_REVISION_2: u32 = 0x0200_0000;
const CAP_REVISION_3: u32 = 0x0300_0000;
const CAP_REVISION_MASK: u32 = 0xff00_0000;

/// A value as it goes to disk.
pub fn to_disk(name: &[u8], value: &[u8], ids: &IdMap) -> Result<Vec<u8>> {
    let mut value = value.to_vec();
    if ids.is_identity() {
        return Ok(value);
    }
    match name {
        b"system.posix_acl_access" | b"system.posix_acl_default" => {
            map_acl(&mut value, |uid| ids.uid.to_host(uid), |gid| ids.gid.to_host(gid))?
        }
        b"security.capability" if value.len() == CAP_V2 => {
            let magic = le32(&value, 0);
            if magic & CAP_REVISION_MASK == CAP_REVISION_2 {
                value[..4].copy_from_slice(&(magic & !CAP_REVISION_MASK | CAP_REVISION_3).to_le_bytes());
                value.extend_from_slice(&ids.uid.to_host(0)?.to_le_bytes());
            }
        }
        b"security.capability" if value.len() == CAP_V3 => {
            let root = ids.uid.to_host(le32(&value, CAP_V2))?;
            value[CAP_V2..].copy_from_slice(&root.to_le_bytes());
        }
        _ => {}
    }
    Ok(value)
}

/// A value as it came from disk.
fn from_disk<'a>(name: &[u8], value: &'a [u8], ids: &IdMap) -> std::borrow::Cow<'a, [u8]> {
    if ids.is_identity() {
        return value.into();
    }
    let mut value = value.to_vec();
    match name {
        b"system.posix_acl_access" | b"system.posix_acl_default" => {
            // Mapping towards the container never fails.
            let mapped = map_acl(&mut value, |uid| Ok(ids.uid.to_container(uid)), |gid| Ok(ids.gid.to_container(gid)));
            debug_assert!(mapped.is_ok());
        }
        b"security.capability" if value.len() == CAP_V3 => {
            let root = ids.uid.to_container(le32(&value, CAP_V2));
            if root == 0 {
                let magic = le32(&value, 0) & !CAP_REVISION_MASK | CAP_REVISION_2;
                value.truncate(CAP_V2);
                value[..4].copy_from_slice(&magic.to_le_bytes());
            } else {
                value[CAP_V2..].copy_from_slice(&root.to_le_bytes());
            }
        }
        _ => {}
    }
    value.into()
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Maps the ids of the named users and groups in `struct posix_acl_xattr`: a version, then entries of tag, permissions and id.
fn map_acl(value: &mut [u8], uid: impl Fn(u32) -> Result<u32>, gid: impl Fn(u32) -> Result<u32>) -> Result<()> {
    const ACL_USER: u16 = 0x02;
    const ACL_GROUP: u16 = 0x08;
    let entries = value.get_mut(4..).unwrap_or_default();
    for entry in entries.chunks_exact_mut(8) {
        let id = le32(entry, 4);
        let mapped = match u16::from_le_bytes([entry[0], entry[1]]) {
            ACL_USER => uid(id)?,
            ACL_GROUP => gid(id)?,
            _ => continue,
        };
        entry[4..].copy_from_slice(&mapped.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> IdMap {
        serde_json::from_str(r#"{"uid":[[0,100000,65536]],"gid":[[0,200000,65536]]}"#).unwrap_or_default()
    }

    #[test]
    fn acls_name_the_hosts_ids_on_disk() {
        let mut acl = vec![2, 0, 0, 0];
        for (tag, id) in [(0x01_u16, u32::MAX), (0x02, 5), (0x04, u32::MAX), (0x08, 6), (0x10, u32::MAX)] {
            acl.extend_from_slice(&tag.to_le_bytes());
            acl.extend_from_slice(&7_u16.to_le_bytes());
            acl.extend_from_slice(&id.to_le_bytes());
        }
        let disk = to_disk(b"system.posix_acl_access", &acl, &ids()).unwrap_or_default();
        assert_eq!((le32(&disk, 4 + 8 + 4), le32(&disk, 4 + 24 + 4), le32(&disk, 8)), (100_005, 200_006, u32::MAX));
        assert_eq!(from_disk(b"system.posix_acl_access", &disk, &ids()), acl);
    }

    #[test]
    fn capabilities_belong_to_the_containers_root() {
        let mut cap = vec![1, 0, 0, 2];
        cap.extend_from_slice(&[0xff; 16]);
        let disk = to_disk(b"security.capability", &cap, &ids()).unwrap_or_default();
        assert_eq!((disk.len(), disk[3], le32(&disk, 20)), (24, 3, 100_000));
        assert_eq!(from_disk(b"security.capability", &disk, &ids()), cap);
    }

    #[test]
    fn without_a_map_nothing_is_touched() {
        let odd = vec![9; 24];
        assert_eq!(to_disk(b"security.capability", &odd, &IdMap::default()).ok(), Some(odd));
    }
}
