//! Sealed records ([`model::records`]) with the store's sealer: who seals and opens, and the word in the log when a file was cut.

use std::io::Read;

use model::records::{Found, Kind};
use serde::de::DeserializeOwned;

use super::Sealer;

/// Reads all records that were written whole; says how many, and where the last ends.
pub(crate) fn read<T: DeserializeOwned>(
    kind: &Kind,
    file: impl Read,
    sealer: &dyn Sealer,
    take: impl FnMut(T),
) -> Result<(u64, u64), String> {
    let Found { records, end, cut } = kind.read(file, |name, sealed| sealer.open(name, sealed), take)?;
    if cut {
        tracing::warn!(event = "copy.cut", file = kind.file, records, "the last record was not written whole");
    }
    Ok((records, end))
}
