//! Owners: the client speaks of the container's ids, the disk holds the host's.

use rustix::io::Errno;
use serde::Deserialize;

/// What an id without a range is told as.
const OVERFLOW: u32 = 65534;

#[derive(Clone, Copy, Deserialize)]
struct Range(/** container */ u32, /** host */ u32, /** size */ u32);

/// No ranges: ids are the same on both sides.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Map(Vec<Range>);

#[derive(Clone, Default, Deserialize)]
pub struct IdMap {
    pub uid: Map,
    pub gid: Map,
}

impl Map {
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// The id on disk; EOVERFLOW if there is none.
    pub fn to_host(&self, id: u32) -> rustix::io::Result<u32> {
        // -1 means "leave it" to chown(2) and is nobody's id.
        if id == u32::MAX {
            return Err(Errno::INVAL);
        }
        if self.is_identity() {
            return Ok(id);
        }
        let found = self.0.iter().find_map(|&Range(container, host, size)| shift(id, container, host, size));
        found.filter(|&host| host != u32::MAX).ok_or(Errno::OVERFLOW)
    }

    pub fn to_container(&self, id: u32) -> u32 {
        if self.is_identity() {
            return id;
        }
        self.0.iter().find_map(|&Range(container, host, size)| shift(id, host, container, size)).unwrap_or(OVERFLOW)
    }
}

fn shift(id: u32, from: u32, to: u32, size: u32) -> Option<u32> {
    let offset = id.checked_sub(from)?;
    if offset < size { to.checked_add(offset) } else { None }
}

impl IdMap {
    pub fn is_identity(&self) -> bool {
        self.uid.is_identity() && self.gid.is_identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> Map {
        Map(vec![Range(0, 100_000, 1000), Range(1000, 5000, 1)])
    }

    #[test]
    fn maps_both_ways() {
        for (container, host) in [(0, 100_000), (999, 100_999), (1000, 5000)] {
            assert_eq!(map().to_host(container), Ok(host));
            assert_eq!(map().to_container(host), container);
        }
    }

    #[test]
    fn says_when_there_is_no_range() {
        assert_eq!(map().to_host(1001), Err(Errno::OVERFLOW));
        assert_eq!(map().to_container(0), OVERFLOW);
        assert_eq!(map().to_container(101_000), OVERFLOW);
    }

    #[test]
    fn without_ranges_nothing_changes_but_minus_one_is_refused() {
        assert_eq!(Map::default().to_host(7), Ok(7));
        assert_eq!(Map::default().to_container(7), 7);
        assert_eq!(Map::default().to_host(u32::MAX), Err(Errno::INVAL));
    }

    #[test]
    fn ranges_at_the_end_do_not_wrap() {
        let map = Map(vec![Range(10, u32::MAX - 1, 100)]);
        assert_eq!(map.to_host(10), Ok(u32::MAX - 1));
        assert_eq!(map.to_host(11), Err(Errno::OVERFLOW));
        assert_eq!(map.to_host(12), Err(Errno::OVERFLOW));
    }
}
