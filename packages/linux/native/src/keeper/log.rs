//! The container's log as lines of JSON, rotated. It never blocks a container for want of space: what the disk does not take
//! is dropped and counted.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::clock;
use crate::error::{Context, Result};
use crate::plan::{LogFormat, LogSink};

/// A longer line becomes several entries.
const MAX_LINE: usize = 16 * 1024;
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// Where entries go; `None` in `Log`: nowhere.
struct Target {
    path: PathBuf,
    file: File,
    size: u64,
    max_bytes: u64,
    max_files: u32,
    /// `,"attrs":{...}` or nothing.
    attrs: String,
}

#[derive(Default)]
pub struct Log {
    target: Option<Target>,
    /// Lines that have not ended yet, of each stream.
    open: [Vec<u8>; 2],
    /// Entries formatted and not written yet, and where each of them ends.
    out: Vec<u8>,
    ends: Vec<usize>,
    dropped: u64,
}

impl Target {
    fn open(sink: &LogSink) -> Result<Self> {
        let path = PathBuf::from(&sink.path);
        let file = open_file(&path, OFlags::empty()).step_with(|| format!("open {}", sink.path))?;
        let size = rustix::fs::fstat(&file).step("fstat")?.st_size as u64;
        let attrs =
            if sink.attrs.is_empty() { String::new() } else { format!(",\"attrs\":{}", serde_json::json!(sink.attrs)) };
        Ok(Self { path, file, size, max_bytes: sink.max_bytes, max_files: sink.max_files, attrs })
    }

    /// Makes room: `path` becomes `path.1`, and so on. If that fails, the log goes on in the file it has.
    fn rotate(&mut self) {
        let numbered = |n: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        for n in (1..self.max_files.saturating_sub(1)).rev() {
            let _ = std::fs::rename(numbered(n), numbered(n + 1));
        }
        let fresh = if self.max_files > 1 {
            let _ = std::fs::rename(&self.path, numbered(1));
            open_file(&self.path, OFlags::empty())
        } else {
            open_file(&self.path, OFlags::TRUNC)
        };
        if let Ok(file) = fresh {
            self.file = file;
            self.size = 0;
        }
    }

    /// Writes whole entries. False: they did not fit, and the file is as before.
    fn write(&mut self, entries: &[u8]) -> bool {
        if self.file.write_all(entries).is_ok() {
            self.size += entries.len() as u64;
            return true;
        }
        // A part of an entry would spoil the next one.
        let _ = self.file.set_len(self.size);
        false
    }
}

fn open_file(path: &Path, more: OFlags) -> rustix::io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::open(path, flags | more, Mode::from_raw_mode(0o640)).map(File::from)
}

impl Log {
    pub fn open(sink: Option<&LogSink>) -> Result<Self> {
        let mut log = Self::default();
        if let Some(sink) = sink {
            log.redirect(sink)?;
        }
        Ok(log)
    }

    /// Goes on elsewhere from the next entry on. If that cannot be, nothing has changed.
    pub fn redirect(&mut self, sink: &LogSink) -> Result<()> {
        sink.check()?;
        let target = match sink.format {
            LogFormat::None => None,
            LogFormat::JsonFile | LogFormat::Frames => Some(Target::open(sink)?),
        };
        self.flush();
        self.target = target;
        Ok(())
    }

    /// Entries that were lost for want of space.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes output of stream 0 (standard output) or 1. What is complete is in the file when this returns.
    pub fn append(&mut self, stream: usize, mut data: &[u8]) {
        if self.target.is_none() {
            // A line that is open when a log begins belongs to the log as a whole or not at all.
            return;
        }
        let time = clock::now();
        while !data.is_empty() {
            let newline = data.iter().position(|c| *c == b'\n').map(|at| at + 1);
            let room = MAX_LINE - self.open[stream].len();
            let take = newline.unwrap_or(data.len());
            if take <= room {
                if newline.is_none() {
                    self.open[stream].extend_from_slice(data);
                    break;
                }
                let line = if self.open[stream].is_empty() {
                    data[..take].to_vec()
                } else {
                    let mut line = std::mem::take(&mut self.open[stream]);
                    line.extend_from_slice(&data[..take]);
                    line
                };
                self.entry(stream, &line, &time);
                data = &data[take..];
            } else {
                self.open[stream].extend_from_slice(&data[..room]);
                data = &data[room..];
                let mut part = std::mem::take(&mut self.open[stream]);
                let rest = part.split_off(whole_characters(&part));
                self.entry(stream, &part, &time);
                self.open[stream] = rest;
            }
        }
        self.flush();
    }

    /// The stream has ended: so does its last line.
    pub fn end(&mut self, stream: usize) {
        let line = std::mem::take(&mut self.open[stream]);
        if !line.is_empty() && self.target.is_some() {
            self.entry(stream, &line, &clock::now());
            self.flush();
        }
    }

    fn entry(&mut self, stream: usize, line: &[u8], time: &str) {
        let attrs = self.target.as_ref().map_or("", |target| &target.attrs);
        self.out.extend_from_slice(b"{\"log\":\"");
        escape(&mut self.out, line);
        self.out.extend_from_slice(b"\",\"stream\":\"");
        self.out.extend_from_slice(STREAMS[stream].as_bytes());
        self.out.push(b'"');
        self.out.extend_from_slice(attrs.as_bytes());
        self.out.extend_from_slice(b",\"time\":\"");
        self.out.extend_from_slice(time.as_bytes());
        self.out.extend_from_slice(b"\"}\n");
        self.ends.push(self.out.len());
    }

    /// Writes what is formatted: as much as fits the file at once, then the rest after a rotation.
    fn flush(&mut self) {
        let ends = std::mem::take(&mut self.ends);
        let out = std::mem::take(&mut self.out);
        let Some(target) = &mut self.target else { return };
        let mut start = 0;
        let mut at = 0;
        while at < ends.len() {
            let limit = if target.max_bytes == 0 { u64::MAX } else { target.max_bytes.saturating_sub(target.size) };
            let fitting = ends[at..].iter().take_while(|end| (**end - start) as u64 <= limit).count();
            if fitting == 0 && target.size > 0 {
                target.rotate();
                if target.size == 0 {
                    continue;
                }
            }
            // An entry that no file could hold gets one of its own.
            let count = fitting.max(1);
            let end = ends[at + count - 1];
            if !target.write(&out[start..end]) {
                self.dropped += count as u64;
            }
            at += count;
            start = end;
        }
        self.out = out;
        self.out.clear();
        self.ends = ends;
        self.ends.clear();
    }
}

/// How much of this ends with a whole character, if it is UTF-8 at all.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    for at in (tail..bytes.len()).rev() {
        let length = match bytes[at] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => break,
        };
        return if at + length > bytes.len() { at } else { bytes.len() };
    }
    bytes.len()
}

/// Bytes as the inside of a JSON string; what is no UTF-8 becomes U+FFFD.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid().as_bytes();
        let mut start = 0;
        for (i, c) in text.iter().enumerate() {
            let short: &[u8] = match c {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                0..=0x1f | 0x7f => b"",
                _ => continue,
            };
            out.extend_from_slice(&text[start..i]);
            if short.is_empty() {
                out.extend_from_slice(format!("\\u{c:04x}").as_bytes());
            } else {
                out.extend_from_slice(short);
            }
            start = i + 1;
        }
        out.extend_from_slice(&text[start..]);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn sink(path: &Path, max_bytes: u64, max_files: u32, attrs: &[(&str, &str)]) -> LogSink {
        LogSink {
            format: LogFormat::JsonFile,
            path: path.to_string_lossy().into_owned(),
            max_bytes,
            max_files,
            attrs: attrs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gantry-test-log-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_parts_and_escapes() {
        let dir = folder("lines");
        let path = dir.join("log");
        let mut log = Log::open(Some(&sink(&path, 0, 1, &[("a", "b\"c")]))).unwrap();
        log.append(0, b"one\ntw");
        log.append(1, b"err \xff\x01\x7f\"\\\t\n");
        log.append(0, b"o\n");
        log.append(0, b"open");
        log.end(0);
        let lines = lines(&path);
        let text: Vec<_> = lines.iter().map(|l| (l["stream"].as_str().unwrap(), l["log"].as_str().unwrap())).collect();
        assert_eq!(
            text,
            [
                ("stdout", "one\n"),
                ("stderr", "err \u{fffd}\u{1}\u{7f}\"\\\t\n"),
                ("stdout", "two\n"),
                ("stdout", "open")
            ]
        );
        assert!(lines.iter().all(|l| l["attrs"]["a"] == "b\"c" && l["time"].as_str().unwrap().ends_with('Z')));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn long_lines_are_split_between_characters() {
        let dir = folder("long");
        let path = dir.join("log");
        let mut log = Log::open(Some(&sink(&path, 0, 1, &[]))).unwrap();
        let line = "x".repeat(MAX_LINE - 1) + &"\u{20ac}".repeat(MAX_LINE / 3) + "\n";
        // In pieces whose borders fall inside characters.
        for piece in line.as_bytes().chunks(1000) {
            log.append(0, piece);
        }
        let parts: Vec<String> = lines(&path).iter().map(|l| l["log"].as_str().unwrap().to_owned()).collect();
        assert_eq!(parts.concat(), line);
        assert!(parts.len() == 2 || parts.len() == 3);
        assert!(parts.iter().all(|p| p.len() <= MAX_LINE && !p.contains('\u{fffd}')));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn rotates_at_borders_of_entries() {
        let dir = folder("rotate");
        let path = dir.join("log");
        let mut log = Log::open(Some(&sink(&path, 300, 3, &[]))).unwrap();
        for i in 0..20 {
            log.append(0, format!("entry {i}\n").as_bytes());
        }
        // Many in one piece rotate just so.
        log.append(0, (20..30).map(|i| format!("entry {i}\n")).collect::<String>().as_bytes());
        let numbered = |n: u32| dir.join(format!("log.{n}"));
        assert!(!numbered(3).exists());
        let mut all = Vec::new();
        for file in [numbered(2), numbered(1), path.clone()] {
            assert!(std::fs::metadata(&file).unwrap().len() <= 300);
            all.extend(lines(&file).iter().map(|l| l["log"].as_str().unwrap().to_owned()));
        }
        let expected: Vec<String> = (30 - all.len()..30).map(|i| format!("entry {i}\n")).collect();
        assert_eq!(all, expected);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_full_disk_drops_and_counts() {
        let dir = folder("full");
        let mut log = Log::open(Some(&sink(Path::new("/dev/full"), 0, 1, &[]))).unwrap();
        log.append(0, b"one\ntwo\n");
        assert_eq!(log.dropped(), 2);
        // And it goes on where there is room.
        let path = dir.join("log");
        log.redirect(&sink(&path, 0, 1, &[])).unwrap();
        log.append(0, b"three\n");
        assert_eq!(lines(&path).len(), 1);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn whole_characters_only() {
        for (bytes, whole) in [
            (&b"abc"[..], 3),
            ("a\u{e9}".as_bytes(), 3),
            (b"a\xc3", 1),
            (b"a\xe2\x82", 1),
            (b"a\xf0\x9f\x98", 1),
            (b"\xff\xff", 2),
            (b"\x80\x80\x80\x80", 4),
            (b"", 0),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }
}
