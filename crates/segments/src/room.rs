//! Memory for the octets of a whole file: in large pages if it is a large one.
//!
//! A start reads the indexes of all segments. Of a page of 4 KiB the system must be asked for when it is first touched, and on
//! virtual machines that costs more than reading what comes into it: for half a gigabyte a second. So large ones lie in a mapping of their own for
//! which the system is asked to use large pages; where it has none, small ones serve as well.

use bytes::Bytes;
use memmap2::{Advice, MmapMut};

/// From here on it is worth a mapping: two large pages.
const LARGE: usize = 4 << 20;

/// Octets that can be written, and then shared.
pub(crate) enum Room {
    Small(Vec<u8>),
    Large(MmapMut),
}

impl Room {
    /// All zeros.
    ///
    /// # Errors
    /// The system has no memory.
    pub(crate) fn new(length: usize) -> std::io::Result<Self> {
        if length < LARGE {
            return Ok(Self::Small(vec![0; length]));
        }
        let room = MmapMut::map_anon(length)?;
        // Only a wish: an older system, or one that is short of them, has small ones.
        let _ = room.advise(Advice::HugePage);
        Ok(Self::Large(room))
    }

    pub(crate) fn octets(&mut self) -> &mut [u8] {
        match self {
            Self::Small(octets) => octets,
            Self::Large(octets) => octets,
        }
    }

    /// The same octets, never to be written again.
    pub(crate) fn share(self) -> Bytes {
        match self {
            Self::Small(octets) => octets.into(),
            Self::Large(octets) => Bytes::from_owner(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_shared() {
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 4097] {
            let mut room = Room::new(length).unwrap();
            room.octets().iter_mut().zip((0..=255).cycle()).for_each(|(octet, value)| *octet = value);
            let shared = room.share();
            assert_eq!(shared.len(), length);
            assert!(shared.iter().zip((0..=255).cycle()).all(|(octet, value)| *octet == value), "{length}");
        }
    }
}
