//! Batches of operations as they come in, and records of files as they go out; all numbers big-endian. `src/fs-wire.ts`
//! and `src/fs-records.ts` are the other side; `test/fs-wire.json` and `test/fs-entries.json` hold vectors that both are tested with.

use rustix::fs::Timestamps;
use rustix::time::Timespec;

use super::error::{FsError, Res};
use super::path::{Links, RelPath};

/// What happens to something that has the name already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    Fail,
    /// A directory meeting a directory stays; all else is removed first.
    Replace,
    /// As Replace, but a directory and a non-directory never take each other's place.
    SameKind,
}

/// A new inode and all that is known of it.
#[derive(Debug)]
pub struct Make<'a> {
    pub path: RelPath<'a>,
    pub existing: Existing,
    /// A directory that is there keeps its metadata.
    pub keep: bool,
    /// Attributes of a directory that is there and are not in `xattrs` are removed.
    pub clear_xattrs: bool,
    pub parents: Links,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub times: Option<Timestamps>,
    pub xattrs: Vec<(&'a [u8], &'a [u8])>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    Char { major: u32, minor: u32 },
    Block { major: u32, minor: u32 },
    Fifo,
}

#[derive(Debug)]
pub enum Op<'a> {
    Mkdir(Make<'a>),
    File {
        make: Make<'a>,
        data: &'a [u8],
        style: FileStyle,
    },
    Data(&'a [u8]),
    Hole(u64),
    End,
    Hardlink {
        path: RelPath<'a>,
        target: RelPath<'a>,
        existing: Existing,
        parents: Links,
    },
    Symlink {
        make: Make<'a>,
        target: &'a [u8],
    },
    Mknod {
        make: Make<'a>,
        node: Node,
    },
    Setxattr {
        path: RelPath<'a>,
        name: &'a [u8],
        value: &'a [u8],
        parents: Links,
    },
    Chown {
        path: RelPath<'a>,
        uid: u32,
        gid: u32,
    },
    Chmod {
        path: RelPath<'a>,
        mode: u16,
    },
    Utimes {
        path: RelPath<'a>,
        times: Timestamps,
        parents: Links,
    },
    Remove {
        path: RelPath<'a>,
    },
    /// Names for the `Clear` to come.
    Keep(Vec<&'a [u8]>),
    Clear {
        path: RelPath<'a>,
    },
    Rename {
        from: RelPath<'a>,
        to: RelPath<'a>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStyle {
    /// `Data`, `Hole` and `End` follow.
    pub more: bool,
    /// The name appears with its content, by a rename.
    pub atomic: bool,
    /// Durable before the next operation.
    pub sync: bool,
}

const EXISTING: u16 = 0b11;
const KEEP: u16 = 1 << 2;
const FOLLOW: u16 = 1 << 3;
const CLEAR_XATTRS: u16 = 1 << 4;
const TIMES: u16 = 1 << 5;
const MORE: u16 = 1 << 6;
const ATOMIC: u16 = 1 << 7;
const SYNC: u16 = 1 << 8;
const FLAGS: u16 = (1 << 9) - 1;

/// Reads one operation after another from a batch.
pub struct Batch<'a> {
    rest: &'a [u8],
}

impl<'a> Batch<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next operation; `None` at the end. After an error nothing more can be read.
    pub fn next(&mut self) -> Option<Res<Op<'a>>> {
        if self.rest.is_empty() {
            return None;
        }
        let op = self.op();
        if op.is_err() {
            self.rest = &[];
        }
        Some(op)
    }

    fn op(&mut self) -> Res<Op<'a>> {
        Ok(match self.u8()? {
            1 => Op::Mkdir(self.make()?.0),
            2 => {
                let (make, flags) = self.make()?;
                let style = FileStyle { more: flags & MORE != 0, atomic: flags & ATOMIC != 0, sync: flags & SYNC != 0 };
                Op::File { make, data: self.long()?, style }
            }
            3 => Op::Data(self.long()?),
            4 => Op::Hole(self.u64()?),
            5 => Op::End,
            6 => {
                let flags = self.flags()?;
                let (existing, parents) = (existing(flags)?, links(flags));
                Op::Hardlink { path: self.path()?, target: self.path()?, existing, parents }
            }
            7 => Op::Symlink { make: self.make()?.0, target: self.short()? },
            8 => {
                let make = self.make()?.0;
                let (kind, major, minor) = (self.u8()?, self.u32()?, self.u32()?);
                let node = match kind {
                    1 => Node::Char { major, minor },
                    2 => Node::Block { major, minor },
                    3 => Node::Fifo,
                    _ => return Err(malformed("unknown kind of node")),
                };
                Op::Mknod { make, node }
            }
            9 => {
                let parents = links(self.flags()?);
                Op::Setxattr { path: self.path()?, name: self.short()?, value: self.long()?, parents }
            }
            10 => Op::Chown { path: self.path()?, uid: self.u32()?, gid: self.u32()? },
            11 => Op::Chmod { path: self.path()?, mode: self.u16()? },
            12 => {
                let parents = links(self.flags()?);
                Op::Utimes { path: self.path()?, times: self.times()?, parents }
            }
            13 => Op::Remove { path: self.path()? },
            14 => Op::Clear { path: self.path()? },
            15 => Op::Rename { from: self.path()?, to: self.path()? },
            16 => {
                let count = self.u32()? as usize;
                // A count beyond what the bytes can hold must not reserve memory.
                let mut names = Vec::with_capacity(count.min(self.rest.len() / 2));
                for _ in 0..count {
                    names.push(self.short()?);
                }
                Op::Keep(names)
            }
            _ => return Err(malformed("unknown operation")),
        })
    }

    fn make(&mut self) -> Res<(Make<'a>, u16)> {
        let flags = self.flags()?;
        let path = self.path()?;
        let (mode, uid, gid) = (self.u16()?, self.u32()?, self.u32()?);
        let times = if flags & TIMES != 0 { Some(self.times()?) } else { None };
        let count = self.u16()?;
        let mut xattrs = Vec::new();
        for _ in 0..count {
            xattrs.push((self.short()?, self.long()?));
        }
        let make = Make {
            path,
            existing: existing(flags)?,
            keep: flags & KEEP != 0,
            clear_xattrs: flags & CLEAR_XATTRS != 0,
            parents: links(flags),
            mode,
            uid,
            gid,
            times,
            xattrs,
        };
        Ok((make, flags))
    }

    fn flags(&mut self) -> Res<u16> {
        let flags = self.u16()?;
        if flags & !FLAGS == 0 { Ok(flags) } else { Err(malformed("unknown flag")) }
    }

    fn times(&mut self) -> Res<Timestamps> {
        let tv_sec = i64::from_be_bytes(self.array()?);
        let nsec = self.u32()?;
        if nsec >= 1_000_000_000 {
            return Err(malformed("a time of more than a second of nanoseconds"));
        }
        let time = Timespec { tv_sec, tv_nsec: nsec.into() };
        Ok(Timestamps { last_access: time, last_modification: time })
    }

    fn path(&mut self) -> Res<RelPath<'a>> {
        RelPath::new(self.short()?)
    }

    fn short(&mut self) -> Res<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }

    fn long(&mut self) -> Res<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    fn u8(&mut self) -> Res<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Res<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Res<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Res<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Res<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn take(&mut self, len: usize) -> Res<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| malformed("it ends within an operation"))?;
        self.rest = rest;
        Ok(taken)
    }
}

fn existing(flags: u16) -> Res<Existing> {
    match flags & EXISTING {
        0 => Ok(Existing::Fail),
        1 => Ok(Existing::Replace),
        2 => Ok(Existing::SameKind),
        _ => Err(malformed("unknown flag")),
    }
}

fn links(flags: u16) -> Links {
    if flags & FOLLOW != 0 { Links::Follow } else { Links::Refuse }
}

fn malformed(why: &str) -> FsError {
    FsError::invalid(format!("malformed batch: {why}"), b"")
}

/// A file as it is told of.
pub struct Entry<'a> {
    pub path: &'a [u8],
    pub kind: u8,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub sec: i64,
    pub nsec: u32,
    pub ino: u64,
    pub dev: u64,
    pub nlink: u32,
    pub blocks: u64,
    pub major: u32,
    pub minor: u32,
    /// Target of a symbolic link.
    pub link: &'a [u8],
    /// Another name of the same file, told of before.
    pub hardlink: Option<&'a [u8]>,
}

/// Kinds of files that are treated apart; numbered as in st_mode's upper bits.
pub const DIR: u8 = 0o04;
pub const FILE: u8 = 0o10;

const RECORD_ENTRY: u8 = 1;
pub const RECORD_DATA: u8 = 2;
const RECORD_HOLE: u8 = 3;
const RECORD_END: u8 = 4;
const RECORD_NAME: u8 = 5;

/// Appends an entry without attributes; `put_xattrs` must follow.
pub fn put_entry(out: &mut Vec<u8>, e: &Entry<'_>) {
    out.push(RECORD_ENTRY);
    out.push(e.kind);
    out.extend_from_slice(&e.mode.to_be_bytes());
    for v in [e.uid, e.gid, e.nsec, e.nlink, e.major, e.minor] {
        out.extend_from_slice(&v.to_be_bytes());
    }
    for v in [e.size, e.ino, e.dev, e.blocks] {
        out.extend_from_slice(&v.to_be_bytes());
    }
    out.extend_from_slice(&e.sec.to_be_bytes());
    put_short(out, e.path);
    put_short(out, e.link);
    out.push(e.hardlink.is_some().into());
    put_short(out, e.hardlink.unwrap_or_default());
}

/// Starts the attributes of an entry: their number is filled in by `finish`.
pub struct Xattrs {
    at: usize,
    count: u16,
}

impl Xattrs {
    pub fn start(out: &mut Vec<u8>) -> Self {
        let at = out.len();
        out.extend_from_slice(&[0, 0]);
        Self { at, count: 0 }
    }

    pub fn put(&mut self, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        put_short(out, name);
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(value);
        self.count += 1;
    }

    pub fn finish(self, out: &mut [u8]) {
        out[self.at..self.at + 2].copy_from_slice(&self.count.to_be_bytes());
    }
}

pub fn put_hole(out: &mut Vec<u8>, len: u64) {
    out.push(RECORD_HOLE);
    out.extend_from_slice(&len.to_be_bytes());
}

pub fn put_end(out: &mut Vec<u8>, changed: bool) {
    out.push(RECORD_END);
    out.push(changed.into());
}

pub fn put_name(out: &mut Vec<u8>, kind: u8, name: &[u8]) {
    out.push(RECORD_NAME);
    out.push(kind);
    put_short(out, name);
}

/// At most 65535 bytes: names, paths and targets are bounded before.
fn put_short(out: &mut Vec<u8>, bytes: &[u8]) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
