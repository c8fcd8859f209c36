//! Whether the kernel killed something in the container for want of memory.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};

use crate::cgroup::put;
use crate::error::{Context, Result};
use crate::poll::{EventFlags, Poller, READ};
use crate::setup::Oom;

pub struct OomWatch {
    /// The file with the line `oom_kill N`.
    counter: PathBuf,
    /// v1: the eventfd; v2: the counter's file.
    source: OwnedFd,
    v1: bool,
    seen: u64,
}

impl OomWatch {
    pub fn open(oom: &Oom) -> Result<Self> {
        let file = |path: &Path| {
            rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
                .step_with(|| format!("open {}", path.display()))
        };
        let (counter, source, v1) = match oom {
            Oom::V1 { control } => {
                let events = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).step("eventfd")?;
                let opened = file(control)?;
                let register = control.with_file_name("cgroup.event_control");
                put(&register, format!("{} {}", events.as_raw_fd(), opened.as_raw_fd()).as_bytes())
                    .step_with(|| format!("write {}", register.display()))?;
                (control.clone(), events, true)
            }
            Oom::V2(path) => (path.clone(), file(path)?, false),
        };
        let mut watch = Self { counter, source, v1, seen: 0 };
        watch.seen = watch.count();
        Ok(watch)
    }

    pub fn register(&self, poller: &Poller, token: u64) -> Result<()> {
        // A file of a cgroup is always readable; a change is an exceptional condition.
        let interest = if self.v1 { READ } else { EventFlags::PRI };
        poller.add(&self.source, token, interest).step("epoll")
    }

    /// Kills so far. A file that is gone has nothing more to tell.
    pub fn count(&self) -> u64 {
        let text = std::fs::read_to_string(&self.counter).unwrap_or_default();
        let number = |line: &str| line.strip_prefix("oom_kill ").and_then(|n| n.trim().parse().ok());
        text.lines().find_map(number).unwrap_or(self.seen)
    }

    /// After an event: whether something was killed since the last one.
    pub fn grew(&mut self) -> bool {
        if self.v1 {
            let _ = rustix::io::read(&self.source, &mut [0u8; 8][..]);
        }
        let count = self.count();
        let grew = count > self.seen;
        self.seen = count;
        grew
    }

    /// It belongs to a cgroup that is about to be removed.
    pub fn unregister(&self, poller: &Poller) {
        poller.remove(&self.source);
    }
}
