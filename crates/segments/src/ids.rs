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

/// A table by record id that a start fills by the million. Those rows stay as they were found, sorted and in one piece: memory
/// that is touched for the first time is what costs, and a hash table of millions of rows is half empty. What comes later lies in
/// a hash table. A found row that is removed leaves a gap, and gaps are closed when they are half of all.
pub(crate) struct IdTable<T> {
    found: Vec<(RecordId, Option<T>)>,
    gaps: usize,
    newer: IdMap<T>,
}

impl<T> Default for IdTable<T> {
    fn default() -> Self {
        Self { found: Vec::new(), gaps: 0, newer: IdMap::default() }
    }
}

impl<T> IdTable<T> {
    /// Of rows sorted by id, each id once. A row without a value is a gap.
    pub(crate) fn of(found: Vec<(RecordId, Option<T>)>) -> Self {
        let gaps = found.iter().filter(|(_, value)| value.is_none()).count();
        Self { found, gaps, newer: IdMap::default() }
    }

    fn slot(&self, id: &RecordId) -> Option<usize> {
        self.found.binary_search_by_key(id, |(id, _)| *id).ok()
    }

    pub(crate) fn get(&self, id: &RecordId) -> Option<&T> {
        match self.slot(id).and_then(|slot| self.found.get(slot)) {
            Some((_, value)) => value.as_ref(),
            None => self.newer.get(id),
        }
    }

    pub(crate) fn get_mut(&mut self, id: &RecordId) -> Option<&mut T> {
        match self.slot(id) {
            Some(slot) => self.found.get_mut(slot)?.1.as_mut(),
            None => self.newer.get_mut(id),
        }
    }

    pub(crate) fn contains_key(&self, id: &RecordId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn insert(&mut self, id: RecordId, value: T) {
        let Some((_, place)) = self.slot(&id).and_then(|slot| self.found.get_mut(slot)) else {
            self.newer.insert(id, value);
            return;
        };
        self.gaps -= usize::from(place.replace(value).is_none());
    }

    pub(crate) fn remove(&mut self, id: &RecordId) -> Option<T> {
        let Some(slot) = self.slot(id) else { return self.newer.remove(id) };
        let value = self.found.get_mut(slot)?.1.take()?;
        self.gaps += 1;
        if self.gaps * 2 > self.found.len() {
            self.found.retain(|(_, value)| value.is_some());
            self.found.shrink_to_fit();
            self.gaps = 0;
        }
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len() - self.gaps + self.newer.len()
    }

    /// The rows as they were found.
    pub(crate) fn found(&self) -> &[(RecordId, Option<T>)] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_rows_and_newer_ones_are_one_table() {
        let mut table = IdTable::of((0..100).map(|id| (RecordId(2 * id), (id != 3).then_some(id))).collect());
        let mut known: std::collections::BTreeMap<u64, u64> = (0..100).filter(|id| *id != 3).map(|id| (2 * id, id)).collect();
        // Ids between, behind and in the gap; then all of them go, in an order of their own.
        for id in (0..300).map(|step| step * 7 % 250) {
            table.insert(RecordId(id), id);
            known.insert(id, id);
        }
        let same = |table: &IdTable<u64>, known: &std::collections::BTreeMap<u64, u64>| {
            table.len() == known.len() && (0..300).all(|id| table.get(&RecordId(id)) == known.get(&id))
        };
        assert!(same(&table, &known));
        for id in (0..300).map(|step| step * 11 % 300) {
            assert_eq!(table.remove(&RecordId(id)), known.remove(&id));
            assert_eq!(table.remove(&RecordId(id)), None);
            if id % 3 == 0 {
                table.insert(RecordId(id), 1);
                *known.entry(id).or_default() = 1;
            }
            table.get_mut(&RecordId(id)).into_iter().for_each(|value| *value += 1);
            known.get_mut(&id).into_iter().for_each(|value| *value += 1);
            assert!(same(&table, &known), "{id}");
        }
        assert!(table.found().len() < 100, "gaps are closed");
    }

    #[test]
    fn a_table_by_id_finds_each_id_and_no_other() {
        let ids = (0..2000).chain([u64::MAX, u64::MAX - 1, 1 << 57, 1 << 63]);
        let table: IdMap<u64> = ids.clone().map(|id| (RecordId(id), id)).collect();
        assert_eq!(table.len(), 2004);
        assert!(ids.into_iter().all(|id| table.get(&RecordId(id)) == Some(&id)));
        assert_eq!(table.get(&RecordId(4711)), None);
    }
}
