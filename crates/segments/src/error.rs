//! What can go wrong with segments, and what it means to a client that waits for its 250.

use std::sync::Arc;

use model::format::FormatError;
use model::{Fault, Guilty};

use crate::RecordId;
use crate::seal::KeysError;

/// Why a record was not written or can't be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SegmentError {
    /// The disk said no. Nothing of the record counts.
    #[error("{act} of the queue's segment {name} failed: {source}")]
    Disk {
        /// What was tried: `write`, `sync`, `create`, ….
        act: &'static str,
        /// The file.
        name: String,
        /// The system's words.
        source: Arc<std::io::Error>,
    },
    /// The record is over the limit of the settings.
    #[error("a record of {size} bytes is over the limit of {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The vault did not wrap or unwrap a segment's key.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The cipher failed: the system's library is broken or out of memory.
    #[error("sealing failed: {0}")]
    Cipher(String),
    /// The writer has stopped.
    #[error("the queue is stopping")]
    Stopped,
    /// The record was released, or never written.
    #[error("record {} is not there", .0.0)]
    Gone(RecordId),
    /// The record's bytes are not what was written.
    #[error("record at {offset} of {name} is damaged")]
    Damaged {
        /// The file.
        name: String,
        /// Where the record starts.
        offset: u64,
    },
    /// The file is not ours or was written by a later program.
    #[error("{name}: {source}")]
    Format {
        /// The file.
        name: String,
        /// Which of both.
        source: FormatError,
    },
}

impl SegmentError {
    pub(crate) fn disk(act: &'static str, name: &str, source: std::io::Error) -> Self {
        Self::Disk { act, name: name.to_owned(), source: Arc::new(source) }
    }

    /// True if the disk has no room.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Disk { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

impl From<SegmentError> for Fault {
    /// Always temporary for who sends: the mail is not here, trying later may work.
    fn from(error: SegmentError) -> Self {
        let code = match &error {
            SegmentError::Stopped => "stopping",
            full if full.is_disk_full() => "disk-full",
            _ => "queue-unwritable",
        };
        Self::temporary(Guilty::Ourselves, code, error.to_string())
    }
}
