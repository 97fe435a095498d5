//! Tables by record id.
//!
//! Ids count upwards, and nobody outside chooses them: no hash needs to defend itself against them. What costs is
//! memory that is not in a cache. So neighbours in number are neighbours in the table, in blocks of 64, and whoever walks
//! through ids in order, as a start does with millions, finds most of them where it just was. The blocks are spread: if all
//! lay in order, the ids beyond the table's size would meet full stretches, and each would search for a place behind them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::RecordId;

/// A table by record id.
pub(crate) type IdMap<T> = HashMap<RecordId, T, BuildHasherDefault<IdHasher>>;

/// Ids of a block, in bits.
const BLOCK: u32 = 6;
/// 2^64 divided by the golden ratio, odd: spreads numbers that follow each other (Knuth, TAOCP 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The table takes the bucket from a hash's low bits, and tells entries of one bucket apart by its seven highest ones: both
/// hold the id's low bits, the bits between the block.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, id: u64) {
        let block = (id >> BLOCK).wrapping_mul(SPREAD) >> 24;
        self.0 = ((block << BLOCK) | (id & ((1 << BLOCK) - 1))) ^ (id << 57);
    }

    /// Never called for ids; total all the same.
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*octet));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_by_id_finds_each_id_and_no_other() {
        let ids = (0..2000).chain([u64::MAX, u64::MAX - 1, 1 << 57, 1 << 63]);
        let table: IdMap<u64> = ids.clone().map(|id| (RecordId(id), id)).collect();
        assert_eq!(table.len(), 2004);
        assert!(ids.into_iter().all(|id| table.get(&RecordId(id)) == Some(&id)));
        assert_eq!(table.get(&RecordId(4711)), None);
    }
}
