//! Paths inside a tree, and how they are opened: by openat2 from the root's descriptor, so that the kernel refuses what leaves it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::error::{FsError, Res, Step};

/// The longest path given to the kernel in one call; PATH_MAX is 4096 with the final zero.
const PIECE: usize = 4000;
/// The longest path taken at all.
pub const MAX_PATH: usize = 32 * 1024;

/// A path below the root: no leading or trailing `/`, no empty, `.` or `..` component, no zero byte. Empty: the root itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelPath<'a>(&'a [u8]);

impl<'a> RelPath<'a> {
    /// Takes only the normal form; the client makes it.
    pub fn new(bytes: &'a [u8]) -> Res<Self> {
        let refuse = |why: &str| Err(FsError::invalid(format!("a path {why}"), bytes));
        if bytes.is_empty() {
            return Ok(Self(bytes));
        }
        if bytes.len() > MAX_PATH {
            return refuse("is longer than 32768 bytes");
        }
        if bytes.contains(&0) {
            return refuse("holds a zero byte");
        }
        for name in bytes.split(|&b| b == b'/') {
            match name {
                b"" | b"." => return refuse("is not in its normal form"),
                b".." => return refuse("goes up"),
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_root(self) -> bool {
        self.0.is_empty()
    }

    /// Parent and last name; `None` for the root.
    pub fn split(self) -> Option<(RelPath<'a>, &'a [u8])> {
        if self.is_root() {
            return None;
        }
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(at) => Some((RelPath(&self.0[..at]), &self.0[at + 1..])),
            None => Some((RelPath(b""), self.0)),
        }
    }

    /// Whether `other` is this directory or lies in it.
    pub fn contains(self, other: RelPath<'_>) -> bool {
        self.is_root() || other.0.strip_prefix(self.0).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// The first part, of at most `PIECE` bytes, and the rest.
    fn head(self) -> (&'a [u8], RelPath<'a>) {
        if self.0.len() <= PIECE {
            return (self.0, RelPath(b""));
        }
        match self.0[..=PIECE].iter().rposition(|&b| b == b'/') {
            Some(at) => (&self.0[..at], RelPath(&self.0[at + 1..])),
            // One name longer than a path may be: the kernel says so.
            None => (self.0, RelPath(b"")),
        }
    }
}

/// How symbolic links in a path are met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Links {
    /// They end the operation.
    Refuse,
    /// They are followed, inside the root.
    Follow,
}

/// The parent of a name: the root, or a directory opened for it.
pub enum Parent<'a> {
    Root(BorrowedFd<'a>),
    Dir(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Parent::Root(fd) => *fd,
            Parent::Dir(fd) => fd.as_fd(),
        }
    }
}

/// The root of the tree, which is also the root of this process.
pub struct Root(OwnedFd);

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Root {
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens `path`. With `Links::Refuse` no component may be a link, unless `flags` has O_PATH|O_NOFOLLOW, which opens a
    /// link that comes last.
    pub fn open(&self, path: RelPath<'_>, flags: OFlags, mode: Mode, links: Links) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let (head, rest) = path.head();
        if rest.is_root() {
            return open_in(self.0.as_fd(), head, flags, mode, links);
        }
        // Longer than the kernel takes at once. Links in such a path could not be resolved against the root from further
        // down, so that they are never followed.
        if links == Links::Follow {
            return Err(Errno::NAMETOOLONG);
        }
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = open_in(self.0.as_fd(), head, step, Mode::empty(), links)?;
        let mut rest = rest;
        loop {
            let (head, next) = rest.head();
            if next.is_root() {
                return open_in(at.as_fd(), head, flags, mode, links);
            }
            at = open_in(at.as_fd(), head, step, Mode::empty(), links)?;
            rest = next;
        }
    }

    /// The parent directory of `path` (by O_PATH) and the last name. The root has none: EEXIST, as mkdir("/") says.
    pub fn parent<'a, 'p>(&'a self, path: RelPath<'p>, links: Links) -> rustix::io::Result<(Parent<'a>, &'p [u8])> {
        let (dir, name) = path.split().ok_or(Errno::EXIST)?;
        if dir.is_root() {
            return Ok((Parent::Root(self.0.as_fd()), name));
        }
        let fd = self.open(dir, OFlags::PATH | OFlags::DIRECTORY, Mode::empty(), links)?;
        Ok((Parent::Dir(fd), name))
    }

    /// A directory, to be read.
    pub fn open_dir(&self, path: RelPath<'_>, links: Links) -> Res<OwnedFd> {
        self.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty(), links).step("open", path.bytes())
    }

    /// The inode itself, whatever it is, also a link.
    pub fn open_path(&self, path: RelPath<'_>, links: Links) -> Res<OwnedFd> {
        let nofollow = if links == Links::Refuse { OFlags::NOFOLLOW } else { OFlags::empty() };
        self.open(path, OFlags::PATH | nofollow, Mode::empty(), links).step("open", path.bytes())
    }
}

fn open_in(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode, links: Links) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let resolve = match links {
        Links::Refuse => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
        Links::Follow => ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    };
    // A rename anywhere on the machine can make a path with `..` in a link uncertain: the kernel asks to try again.
    let mut tries = 0;
    loop {
        match openat2(dir, path, flags, mode, resolve) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if tries < 64 => tries += 1,
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_the_normal_form() {
        for good in ["", "a", "a/b", "...", "..a/b..", "a b/\u{fc}", ".wh.x"] {
            assert_eq!(RelPath::new(good.as_bytes()).map(RelPath::bytes).ok(), Some(good.as_bytes()), "{good}");
        }
        for bad in ["/", "/a", "a/", "a//b", ".", "./a", "a/.", "..", "../a", "a/..", "a/../b", "a\0b"] {
            assert!(RelPath::new(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(RelPath::new(&vec![b'x'; MAX_PATH + 1]).is_err());
    }

    #[test]
    fn splits_off_the_last_name() {
        let split =
            |p: &'static str| RelPath::new(p.as_bytes()).ok().and_then(RelPath::split).map(|(d, n)| (d.bytes(), n));
        assert_eq!(split(""), None);
        assert_eq!(split("a"), Some((&b""[..], &b"a"[..])));
        assert_eq!(split("a/b/c"), Some((&b"a/b"[..], &b"c"[..])));
    }

    #[test]
    fn knows_what_lies_in_a_directory() {
        let path = |p: &'static str| RelPath::new(p.as_bytes()).unwrap_or(RelPath(b""));
        assert!(path("a").contains(path("a/b")));
        assert!(path("a").contains(path("a")));
        assert!(path("").contains(path("a")));
        assert!(!path("a").contains(path("ab")));
        assert!(!path("a/b").contains(path("a")));
    }

    #[test]
    fn cuts_long_paths_at_components() {
        let long = vec![b"abcdefghi".as_slice(); 1000].join(&b'/');
        let mut rest = RelPath::new(&long).unwrap_or(RelPath(b""));
        let mut joined: Vec<u8> = Vec::new();
        while !rest.is_root() {
            let (head, next) = rest.head();
            assert!(head.len() <= PIECE && !head.is_empty());
            if !joined.is_empty() {
                joined.push(b'/');
            }
            joined.extend_from_slice(head);
            rest = next;
        }
        assert_eq!(joined, long);
    }
}
