//! Readiness by epoll, level-triggered.

use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::{Errno, Result};

pub use rustix::event::epoll::EventFlags;

pub const READ: EventFlags = EventFlags::IN;
pub const WRITE: EventFlags = EventFlags::OUT;
pub const HANG_UP: EventFlags = EventFlags::HUP.union(EventFlags::ERR);

pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub fn new() -> Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, events: Vec::with_capacity(32) })
    }

    pub fn add(&self, fd: impl AsFd, token: u64, interest: EventFlags) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), interest)
    }

    pub fn modify(&self, fd: impl AsFd, token: u64, interest: EventFlags) -> Result<()> {
        epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token), interest)
    }

    /// A descriptor has to leave before it is closed if a copy of it may live on elsewhere.
    pub fn remove(&self, fd: impl AsFd) {
        // It is no error that it was never added.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits, at most so many milliseconds. No event: the time has passed, or a signal came.
    pub fn wait(&mut self, timeout_ms: Option<u64>) -> Result<Vec<(u64, EventFlags)>> {
        self.events.clear();
        let timeout =
            timeout_ms.map(|ms| Timespec { tv_sec: (ms / 1000) as i64, tv_nsec: (ms % 1000 * 1_000_000) as _ });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
        Ok(self.events.iter().map(|e| (e.data.u64(), e.flags)).collect())
    }
}

/// A registration that changes only when it has to.
#[derive(Default)]
pub struct Watch {
    now: Option<EventFlags>,
}

impl Watch {
    /// `None`: not watched at all, not even for a hang-up.
    pub fn set(&mut self, poller: &Poller, fd: impl AsFd, token: u64, want: Option<EventFlags>) {
        if self.now == want {
            return;
        }
        let done = match (self.now, want) {
            (None, Some(flags)) => poller.add(fd, token, flags),
            (Some(_), Some(flags)) => poller.modify(fd, token, flags),
            (_, None) => {
                poller.remove(fd);
                Ok(())
            }
        };
        if done.is_ok() {
            self.now = want;
        }
    }
}
