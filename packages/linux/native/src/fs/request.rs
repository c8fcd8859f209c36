//! Requests in JSON.

use serde::Deserialize;
use serde_json::Value;

use super::bytes::ByteString;
use super::tree::SyncMode;

/// A request in JSON, as PROTOCOL.md has it.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum Op {
    Stat {
        path: ByteString,
        #[serde(default)]
        follow: bool,
    },
    List {
        stream: u32,
        path: ByteString,
        #[serde(default)]
        follow: bool,
        max: usize,
    },
    Walk {
        stream: u32,
        path: ByteString,
        data: bool,
        xattrs: bool,
        #[serde(default)]
        exclude: Vec<ByteString>,
    },
    Read {
        stream: u32,
        path: ByteString,
        #[serde(default)]
        follow: bool,
        #[serde(default)]
        offset: u64,
    },
    Next {
        stream: u32,
    },
    Close {
        stream: u32,
    },
    Mkdir {
        path: ByteString,
        mode: u16,
        uid: u32,
        gid: u32,
        #[serde(default)]
        parents: bool,
    },
    Symlink {
        path: ByteString,
        target: ByteString,
        uid: u32,
        gid: u32,
    },
    Remove {
        path: ByteString,
    },
    Rename {
        from: ByteString,
        to: ByteString,
        #[serde(default)]
        exchange: bool,
        #[serde(default)]
        noreplace: bool,
    },
    Sync {
        path: ByteString,
        mode: SyncMode,
    },
    Usage {
        path: ByteString,
    },
    Statfs {
        path: ByteString,
    },
    Getxattr {
        path: ByteString,
        name: ByteString,
    },
    Setxattr {
        path: ByteString,
        name: ByteString,
        value: ByteString,
    },
    Listxattr {
        path: ByteString,
    },
    CopyTree {
        from: ByteString,
        to: ByteString,
        reflink: Reflink,
    },
    Barrier {
        batch: u32,
        #[serde(default)]
        close: bool,
    },
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Reflink {
    Auto,
    Never,
}

const OPS: &[&str] = &[
    "stat",
    "list",
    "walk",
    "read",
    "next",
    "close",
    "mkdir",
    "symlink",
    "remove",
    "rename",
    "sync",
    "usage",
    "statfs",
    "getxattr",
    "setxattr",
    "listxattr",
    "copyTree",
    "barrier",
];

/// Whether there is such an operation, though a request for it may be malformed.
pub fn is_known(op: &str) -> bool {
    OPS.contains(&op)
}

/// Whether these bytes are a request that would be tried.
pub fn is_request(payload: &[u8]) -> bool {
    serde_json::from_slice::<Value>(payload).is_ok_and(|request| serde_json::from_value::<Op>(request).is_ok())
}
