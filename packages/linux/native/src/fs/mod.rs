//! The role `fs`: file operations confined to one tree.
//!
//! `confine` builds the walls, `serve` answers the client; `path` is how everything is opened. `batch` and `create` change the
//! tree, `walk`, `listing` and `usage` tell of it, `copy` and `remove` do whole trees.

mod batch;
mod bytes;
mod confine;
mod copy;
mod create;
mod error;
mod ids;
mod listing;
mod path;
mod remove;
mod request;
mod serve;
mod tree;
mod usage;
mod walk;
mod wire;
mod xattr;

use std::io;
use std::os::fd::AsFd;

use serde_json::json;

use self::confine::{Setup, confine};
use self::error::{FsError, Res, Step};
use self::serve::Server;
use self::tree::{Cancel, Tree};
use self::wire::Batch;
use crate::wire::{BlockingConn, FS_BATCH, JSON};

/// Serves one tree to one client and ends the process with the connection. Runs in a process of its own, forked by the
/// zygote, which has no descriptor but the connection's (0, 1 and 2 are /dev/null). `request` is the whole `fs` request,
/// checked in nothing but that it is an object with this `id` and `op`; the answer to it is sent from here.
pub fn run(id: u32, request: serde_json::Value, mut conn: BlockingConn) -> ! {
    let served = match open(request, &conn) {
        Ok(tree) => {
            let pid = std::process::id();
            conn.write_json(&json!({ "id": id, "ok": { "pid": pid } }))
                .and_then(|()| Server::new(tree).serve(&mut conn))
        }
        Err(error) => conn.write_json(&json!({ "id": id, "error": error.body() })),
    };
    // A client that has what it wanted may just go.
    let gone = |e: &io::Error| matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
    std::process::exit(i32::from(served.is_err_and(|e| !gone(&e))))
}

/// Parses a frame of a client as `serve` does, and does nothing else: for the fuzzer. Returns how many operations it held.
pub fn parse(kind: u8, payload: &[u8]) -> usize {
    match kind {
        FS_BATCH => {
            let mut batch = Batch::new(payload.get(4..).unwrap_or_default());
            std::iter::from_fn(|| batch.next()).filter(Result::is_ok).count()
        }
        JSON => usize::from(request::is_request(payload)),
        _ => 0,
    }
}

fn open(request: serde_json::Value, conn: &BlockingConn) -> Res<Tree> {
    let setup: Setup = serde_json::from_value(request).map_err(|e| FsError::invalid(e.to_string(), b""))?;
    let cancel = Cancel::new(conn.as_fd()).step("watch the connection", b"")?;
    let root = confine(&setup)?;
    Ok(Tree { root, ids: setup.idmap, cancel })
}
