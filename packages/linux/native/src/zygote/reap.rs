//! What is left of a keeper that died without being told to.

use std::path::Path;
use std::time::Duration;

use crate::cgroup::{kill_all, remove_groups};
use crate::clock;
use crate::error::{Fail, Result};
use crate::files::write_whole;
use crate::setup::Record;
use crate::zygote::ops::unpin;

/// How long a dead keeper's processes and groups are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// As `bury`, for a keeper whose zygote is gone too. False: the folder tells of no keeper.
pub fn bury_dir(dir: &Path) -> Result<bool> {
    let text = match std::fs::read(dir.join("keeper.json")) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Fail::internal(format!("read keeper.json: {e}"))),
    };
    let record: Record =
        serde_json::from_slice(&text).map_err(|e| Fail::invalid(format!("{}: keeper.json: {e}", dir.display())))?;
    if record.alive() {
        return Err(Fail::conflict(format!("the keeper {} lives", record.key)));
    }
    bury(&Record { dir: dir.to_owned(), ..record });
    Ok(true)
}

/// Ends the container, says how it ended, and puts away what the keeper would have. Runs in a process of its own, since it
/// waits. What cannot be taken away is left: `exit.json` is what counts.
pub fn bury(record: &Record) {
    let deadline = clock::monotonic_ms() + PATIENCE.as_millis() as u64;
    while kill_all(&record.cgroup.procs, record.cgroup.v2.as_deref()) && clock::monotonic_ms() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    let exit = record.dir.join("exit.json");
    if !exit.exists() {
        let text = serde_json::json!({ "code": 137, "oomKilled": false, "at": clock::now(), "lost": "keeper" });
        if let Err(e) = write_whole(&exit, text.to_string().as_bytes()) {
            eprintln!("gantry-zygote: {}: {e}", exit.display());
        }
    }
    while !remove_groups(&record.cgroup) && clock::monotonic_ms() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    for pin in record.pin.values() {
        if let Err(fail) = unpin(pin) {
            eprintln!("gantry-zygote: {}", fail.message);
        }
    }
    for name in ["s", "keeper.json"] {
        let _ = std::fs::remove_file(record.dir.join(name));
    }
}
