//! The names in a directory.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, RawDir, statat};
use rustix::io::Errno;

use super::error::{Code, FsError, Res, Step};

/// The names in a directory, sorted by bytes: one allocation for all.
#[derive(Default)]
pub struct Names {
    bytes: Vec<u8>,
    spans: Vec<(u32, u16, Kind)>,
}

/// What the directory says of a name's kind; `None`: it does not say.
type Kind = Option<u8>;

/// Bytes of names in one directory: more would not fit the offsets.
const MAX_BYTES: usize = u32::MAX as usize;

impl Names {
    /// `FsError` `Limit` above `max` names.
    pub fn read(dir: &impl AsFd, max: usize, path: &[u8]) -> Res<Self> {
        let mut names = Self::default();
        let mut buf = [MaybeUninit::uninit(); 32 * 1024];
        let mut entries = RawDir::new(dir, &mut buf);
        while let Some(entry) = entries.next() {
            let entry = entry.step("read directory", path)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if names.spans.len() >= max || names.bytes.len() + name.len() > MAX_BYTES {
                return Err(FsError::new(Code::Limit, format!("a directory of more than {max} names"), path));
            }
            // NAME_MAX is 255; no file system has names of 64 KiB.
            let len = u16::try_from(name.len()).map_err(|_| FsError::os(Errno::NAMETOOLONG, "read directory", path))?;
            let kind = ((entry.file_type().as_raw_mode() >> 12) & 0o17) as u8;
            names.spans.push((
                names.bytes.len() as u32,
                len,
                (kind != 0 && entry.file_type() != FileType::Unknown).then_some(kind),
            ));
            names.bytes.extend_from_slice(name);
        }
        let bytes = &names.bytes;
        names.spans.sort_unstable_by(|a, b| slice(bytes, *a).cmp(slice(bytes, *b)));
        Ok(names)
    }

    pub fn get(&self, index: usize) -> Option<(&[u8], Kind)> {
        self.spans.get(index).map(|span| (slice(&self.bytes, *span), span.2))
    }
}

fn slice(bytes: &[u8], (start, len, _): (u32, u16, Kind)) -> &[u8] {
    &bytes[start as usize..start as usize + usize::from(len)]
}

/// The kind of a name, asked of the inode; `None`: gone meanwhile.
pub fn kind_of(dir: &impl AsFd, name: &[u8], path: &[u8]) -> Res<Option<u8>> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(st) => Ok(Some(((st.st_mode >> 12) & 0o17) as u8)),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(FsError::os(e, "stat", path)),
    }
}
