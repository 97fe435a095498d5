//! How big, how soon, how sparse: the numbers of the segment room. All are settings of the node.

use std::time::Duration;

/// Bounds and waits of one segment directory.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// A segment that has reached this size gets no further record; a bigger record gets a segment of its own.
    pub segment_bytes: u64,
    /// Most bytes of one write; what waits beyond it goes with the next one.
    pub group_bytes: usize,
    /// Largest content of one record.
    pub record_bytes: usize,
    /// A lazy record is written and synced at the latest after this.
    pub lazy_after: Duration,
    /// A segment that has held a released record for so long is closed, and carried over if it is sparse.
    pub forget_after: Duration,
    /// A segment is sparse if at most this many per cent of its bytes live.
    pub sparse_percent: u8,
    /// A segment that has held a released record for so long is carried over however much of it lives.
    pub forget_at_latest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            group_bytes: 8 << 20,
            record_bytes: 1 << 30,
            lazy_after: Duration::from_millis(100),
            forget_after: Duration::from_secs(300),
            sparse_percent: 50,
            forget_at_latest: Duration::from_secs(86_400),
        }
    }
}
