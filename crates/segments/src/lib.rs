//! Append-only segment files: what makes a plan survive a power cut before its 250 is said.
//!
//! A record (a committed plan, a delivery's state, a remembered reply) is sealed and written to the active
//! segment by one writer thread. All records that wait share one write and one `fdatasync` (group commit),
//! then their waiters wake. Records are named by a [`RecordId`] that is never used twice; *releasing* one is
//! itself a record. A segment in which nothing lives any more is forgotten: its key is overwritten first, so
//! that delivered mail is gone (Promise 5). Sparse segments are carried over, so that disk use is bounded.
//!
//! The order of steps: [`Segments::open`] reads what is there (`recover`, `scan`, `reader`), [`Segments::append`]
//! hands a record to the `writer`, which seals (`seal`), frames (`frame`), writes and syncs (`disk`), then
//! keeps the books (`state`) and forgets or carries over what has served (`upkeep`). A closed segment gets a sealed
//! index (`index_file`), so that the next start reads that instead of the segment.
//!
//! This room must never run SQL, log content, or say "durable" before the disk did.

mod disk;
mod error;
mod frame;
mod handle;
mod ids;
pub mod index_file;
mod merge;
pub mod reader;
mod recover;
mod room;
mod scan;
mod seal;
mod settings;
mod state;
mod upkeep;
mod writer;
#[cfg(test)]
mod writer_tests;

// The disk of the tests names this room from outside.
#[cfg(test)]
extern crate self as segments;

pub use disk::{Disk, DiskFile, OsDisk};
pub use error::SegmentError;
pub use frame::{FRAME_LENGTH, SEGMENT_HEADER_LENGTH, SegmentHeader};
pub use handle::{NoSummary, Segments, Summary, Usage};
pub use recover::{DamageReport, Live, Recovery};
pub use seal::{KeysError, SegmentKeys};
pub use settings::Settings;

/// A record's name: unique in a directory for ever, growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// What a record is, for who reads it back. The room itself gives no meaning to kinds from 1 on; 0 is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u16);

impl Kind {
    /// Ids that are released: the room's own records.
    pub(crate) const RELEASES: Self = Self(0);
}
