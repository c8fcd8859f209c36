//! The role `fs`: file operations confined to one tree.

use crate::wire::BlockingConn;

/// Serves one tree to one client and ends the process with the connection. Runs in a process of its own, forked by the
/// zygote, which has no descriptor but the connection's (0, 1 and 2 are /dev/null). `request` is the whole `fs` request,
/// checked in nothing but that it is an object with this `id` and `op`; the answer to it is sent from here.
pub fn run(id: u32, _request: serde_json::Value, mut conn: BlockingConn) -> ! {
    let answer = serde_json::json!({ "id": id, "error": { "code": "unsupported", "message": "no file operations in this build" } });
    std::process::exit(i32::from(conn.write_json(&answer).is_err()))
}
