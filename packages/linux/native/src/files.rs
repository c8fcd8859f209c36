//! Small files.

use std::path::Path;

/// A file that is there as a whole or not at all.
pub fn write_whole(path: &Path, data: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, data)?;
    std::fs::rename(&temporary, path)
}
