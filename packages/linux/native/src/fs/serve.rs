//! Requests in, answers out, in order. Streams are pulled piece by piece, so that no answer waits for a slow reader.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, RenameFlags, fstatfs};
use rustix::io::pread;
use serde::Serialize;
use serde_json::{Value, json};

use super::batch::{Batches, Failure};
use super::bytes::Latin1;
use super::copy::copy_tree;
use super::error::{Code, ErrorBody, FsError, Res, Step};
use super::listing::{Names, kind_of};
use super::path::{Links, RelPath};
use super::request::{self, Op, Reflink};
use super::tree::Tree;
use super::usage::usage;
use super::walk::Walk;
use super::wire::{self, Existing, Make};
use super::xattr::Reader;
use crate::wire::{BULK, BULK_END, BlockingConn, FS_BATCH, JSON};

/// Streams open at once.
const MAX_STREAMS: usize = 64;
/// Batches that were begun and not closed.
const MAX_BATCHES: usize = 64;
/// Bytes of a file in one answer.
const PIECE: u64 = 512 * 1024;
/// Bytes of names in one answer.
const NAMES: usize = 256 * 1024;

enum Stream {
    Walk(Box<Walk>),
    Read { fd: OwnedFd, at: u64, path: Vec<u8> },
    Names { dir: OwnedFd, names: Names, next: usize, path: Vec<u8> },
}

/// What an answer consists of.
enum Answer {
    Ok(Value),
    /// Bytes; more may follow.
    Bytes(Vec<u8>),
    /// A stream has ended.
    End,
}

pub struct Server {
    tree: Tree,
    streams: HashMap<u32, Stream>,
    batches: HashMap<u32, Batches>,
    /// The batch that bulk frames belong to: the last one that a batch frame named.
    current: u32,
    reader: Reader,
}

#[derive(Serialize)]
struct ErrorAnswer<'a> {
    id: u32,
    error: ErrorBody<'a>,
    /// Of the operation in the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

#[derive(Serialize)]
struct BatchError<'a> {
    event: &'static str,
    batch: u32,
    index: u64,
    error: ErrorBody<'a>,
}

impl Server {
    pub fn new(tree: Tree) -> Self {
        Self { tree, streams: HashMap::new(), batches: HashMap::new(), current: 0, reader: Reader::default() }
    }

    /// Serves until the client closes the connection.
    pub fn serve(&mut self, conn: &mut BlockingConn) -> io::Result<()> {
        loop {
            let Some((kind, payload)) = conn.read_frame()? else { return Ok(()) };
            match kind {
                FS_BATCH | BULK => {
                    if let Some(event) =
                        Self::batch(&self.tree, &mut self.batches, &mut self.current, kind == FS_BATCH, payload)?
                    {
                        conn.write_frame(JSON, &[&event])?;
                    }
                }
                JSON => {
                    let Ok(request) = serde_json::from_slice::<Value>(payload) else {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "a request that is no JSON"));
                    };
                    self.request(conn, request)?;
                }
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of no type that belongs here")),
            }
        }
    }

    /// Operations, or bytes for the file that is open in the current batch. `Some`: an event to tell that they failed.
    fn batch(
        tree: &Tree,
        batches: &mut HashMap<u32, Batches>,
        current: &mut u32,
        named: bool,
        payload: &[u8],
    ) -> io::Result<Option<Vec<u8>>> {
        let mut operations = payload;
        if named {
            let Some((id, rest)) = payload.split_first_chunk::<4>() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a batch without a number"));
            };
            *current = u32::from_be_bytes(*id);
            operations = rest;
        }
        if batches.len() >= MAX_BATCHES && !batches.contains_key(current) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many batches at once"));
        }
        let batch = batches.entry(*current).or_default();
        let failure = if named { batch.run(tree, operations) } else { batch.data(operations) };
        Ok(failure.map(|failure| batch_error(*current, failure)))
    }

    fn request(&mut self, conn: &mut BlockingConn, request: Value) -> io::Result<()> {
        let Some(id) = request.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a request without an id"));
        };
        let op = request.get("op").and_then(Value::as_str).unwrap_or_default().to_owned();
        let answer = match serde_json::from_value::<Op>(request) {
            Ok(Op::Barrier { batch, close }) => {
                let failure = self.batches.get_mut(&batch).and_then(Batches::barrier);
                if close {
                    self.batches.remove(&batch);
                }
                if let Some(Failure { index, error }) = failure {
                    return conn.write_json(&ErrorAnswer { id, error: error.body(), index: Some(index) });
                }
                Ok(Answer::Ok(json!({})))
            }
            Ok(op) => self.run(op),
            Err(e) if request::is_known(&op) => Err(FsError::invalid(e.to_string(), b"")),
            Err(_) => Err(FsError::new(Code::Unsupported, format!("unknown operation {op:?}"), b"")),
        };
        match answer {
            Ok(Answer::Ok(ok)) => conn.write_json(&json!({ "id": id, "ok": ok })),
            Ok(Answer::Bytes(bytes)) => conn.write_frame(BULK, &[&id.to_be_bytes(), &bytes]),
            Ok(Answer::End) => conn.write_frame(BULK_END, &[&id.to_be_bytes()]),
            Err(error) => conn.write_json(&ErrorAnswer { id, error: error.body(), index: None }),
        }
    }

    fn run(&mut self, op: Op) -> Res<Answer> {
        let tree = &self.tree;
        let done = || Answer::Ok(json!({}));
        match op {
            Op::Stat { path, follow } => {
                let mut out = Vec::new();
                tree.stat(RelPath::new(&path.0)?, links(follow), &mut out)?;
                Ok(Answer::Bytes(out))
            }
            Op::List { stream, path, follow, max } => {
                let dir = tree.root.open_dir(RelPath::new(&path.0)?, links(follow))?;
                let names = Names::read(&dir, max, &path.0)?;
                self.open(stream, Stream::Names { dir, names, next: 0, path: path.0 })
            }
            Op::Walk { stream, path, data, xattrs, exclude } => {
                let walk = Walk::new(tree, RelPath::new(&path.0)?, data, xattrs, exclude)?;
                self.open(stream, Stream::Walk(Box::new(walk)))
            }
            Op::Read { stream, path, follow, offset } => {
                let (fd, _) = tree.open_file(RelPath::new(&path.0)?, links(follow))?;
                self.open(stream, Stream::Read { fd, at: offset, path: path.0 })
            }
            Op::Next { stream } => self.next(stream),
            Op::Close { stream } => {
                self.streams.remove(&stream);
                Ok(done())
            }
            Op::Mkdir { path, mode, uid, gid, parents } => {
                mkdir(tree, RelPath::new(&path.0)?, (mode, uid, gid), parents).map(|()| done())
            }
            Op::Symlink { path, target, uid, gid } => {
                let make = make(RelPath::new(&path.0)?, (0o777, uid, gid), Existing::Fail);
                tree.symlink(&make, &target.0).map(|()| done())
            }
            Op::Remove { path } => tree.remove(RelPath::new(&path.0)?).map(|()| done()),
            Op::Rename { from, to, exchange, noreplace } => {
                let flags = if exchange { RenameFlags::EXCHANGE } else { RenameFlags::empty() };
                let flags = if noreplace { flags | RenameFlags::NOREPLACE } else { flags };
                tree.rename(RelPath::new(&from.0)?, RelPath::new(&to.0)?, flags).map(|()| done())
            }
            Op::Sync { path, mode } => tree.sync(RelPath::new(&path.0)?, mode).map(|()| done()),
            Op::Usage { path } => {
                let used = usage(tree, RelPath::new(&path.0)?)?;
                Ok(Answer::Ok(json!({ "bytes": used.bytes, "inodes": used.inodes })))
            }
            Op::Statfs { path } => statfs(tree, RelPath::new(&path.0)?).map(Answer::Ok),
            Op::Getxattr { path, name } => {
                let mut value = None;
                tree.each_xattr(RelPath::new(&path.0)?, &mut self.reader, |n, v| {
                    if n == name.0 {
                        value = Some(json!(Latin1(v)));
                    }
                })?;
                Ok(Answer::Ok(json!({ "value": value })))
            }
            Op::Setxattr { path, name, value } => {
                tree.setxattr(RelPath::new(&path.0)?, &name.0, &value.0, Links::Refuse).map(|()| done())
            }
            Op::Listxattr { path } => {
                let mut names = Vec::new();
                tree.each_xattr(RelPath::new(&path.0)?, &mut self.reader, |n, _| names.push(json!(Latin1(n))))?;
                Ok(Answer::Ok(json!({ "names": names })))
            }
            Op::CopyTree { from, to, reflink } => {
                copy_tree(tree, RelPath::new(&from.0)?, RelPath::new(&to.0)?, reflink == Reflink::Auto).map(|()| done())
            }
            Op::Barrier { .. } => Ok(done()),
        }
    }

    fn open(&mut self, id: u32, stream: Stream) -> Res<Answer> {
        if self.streams.len() >= MAX_STREAMS {
            return Err(FsError::new(Code::Limit, format!("more than {MAX_STREAMS} streams at once"), b""));
        }
        if self.streams.contains_key(&id) {
            return Err(FsError::invalid(format!("stream {id} is open"), b""));
        }
        self.streams.insert(id, stream);
        Ok(Answer::Ok(json!({})))
    }

    /// The next piece of a stream. At its end, and when it fails, the stream is closed.
    fn next(&mut self, id: u32) -> Res<Answer> {
        let Some(stream) = self.streams.get_mut(&id) else {
            return Err(FsError::new(Code::Gone, format!("stream {id} is not open"), b""));
        };
        let mut out = Vec::new();
        let filled = match stream {
            Stream::Walk(walk) => walk.fill(&self.tree, &mut out),
            Stream::Read { fd, at, path } => read_piece(fd, at, path, &mut out),
            Stream::Names { dir, names, next, path } => list_piece(dir, names, next, path, &mut out),
        };
        if filled.is_err() || out.is_empty() {
            self.streams.remove(&id);
        }
        filled?;
        Ok(if out.is_empty() { Answer::End } else { Answer::Bytes(out) })
    }
}

fn batch_error(batch: u32, failure: &Failure) -> Vec<u8> {
    let event = BatchError { event: "batch-error", batch, index: failure.index, error: failure.error.body() };
    // Strings and numbers always can be told.
    serde_json::to_vec(&event).unwrap_or_default()
}

fn links(follow: bool) -> Links {
    if follow { Links::Follow } else { Links::Refuse }
}

fn read_piece(fd: &OwnedFd, at: &mut u64, path: &[u8], out: &mut Vec<u8>) -> Res<()> {
    out.resize(PIECE as usize, 0);
    let n = pread(fd, &mut out[..], *at).step("read", path)?;
    out.truncate(n);
    *at += n as u64;
    Ok(())
}

fn list_piece(dir: &OwnedFd, names: &Names, next: &mut usize, path: &[u8], out: &mut Vec<u8>) -> Res<()> {
    while out.len() < NAMES {
        let Some((name, kind)) = names.get(*next) else { return Ok(()) };
        *next += 1;
        let kind = match kind {
            Some(kind) => Some(kind),
            None => kind_of(dir, name, path)?,
        };
        if let Some(kind) = kind {
            wire::put_name(out, kind, name);
        }
    }
    Ok(())
}

fn make(path: RelPath<'_>, (mode, uid, gid): (u16, u32, u32), existing: Existing) -> Make<'_> {
    Make {
        path,
        existing,
        keep: false,
        clear_xattrs: false,
        parents: Links::Refuse,
        mode,
        uid,
        gid,
        times: None,
        xattrs: Vec::new(),
    }
}

fn mkdir(tree: &Tree, path: RelPath<'_>, owner: (u16, u32, u32), parents: bool) -> Res<()> {
    if !parents {
        return tree.mkdir(&make(path, owner, Existing::Fail));
    }
    let bytes = path.bytes();
    let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    for end in ends.chain((!path.is_root()).then_some(bytes.len())) {
        let make = Make { keep: true, ..make(RelPath::new(&bytes[..end])?, owner, Existing::SameKind) };
        tree.mkdir(&make)?;
    }
    Ok(())
}

fn statfs(tree: &Tree, path: RelPath<'_>) -> Res<Value> {
    let fd = tree
        .root
        .open(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty(), Links::Refuse)
        .step("open", path.bytes())?;
    let st = fstatfs(&fd).step("statfs", path.bytes())?;
    Ok(json!({
        "type": st.f_type as u64,
        "blockSize": st.f_bsize as u64,
        "blocks": st.f_blocks,
        "blocksFree": st.f_bfree,
        "blocksAvailable": st.f_bavail,
        "inodes": st.f_files,
        "inodesFree": st.f_ffree,
        "nameMax": st.f_namelen as u64,
    }))
}
