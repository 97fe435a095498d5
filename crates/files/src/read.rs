//! Reading what a decoder gives, within bounds.
//!
//! Every octet that comes out is counted before it is kept. A content that begins like a container is read whole or
//! not at all; any other only as far as its type may need, and stopping there harms nobody: a hundred megabytes of
//! zeros are zeros after the first. Memory that decoders take for themselves is bounded where they are made.

use std::io::Read;

use bytes::Bytes;
use model::{Budget, BudgetKind, Exhausted};

use crate::detect;

/// Octets of a content without members that are read: what hides behind them must begin before.
pub(crate) const PLAIN_MOST: usize = 16 << 20;

/// Dictionary and model memory of one decoder, in KiB.
pub(crate) const DECODER_KIB: u32 = 96 << 10;

const CHUNK: usize = 64 << 10;

/// How a reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it.
    Whole,
    /// The decoder found an error; what came before it is there.
    Damaged,
    /// Stopped on purpose: by this bound.
    Cut(BudgetKind),
}

/// Reads a member that takes `packed` octets in its archive.
///
/// # Errors
/// When a bound is passed and stopping there could hide something.
pub(crate) fn member(source: &mut dyn Read, packed: usize, budget: &Budget) -> Result<(Bytes, End), Exhausted> {
    let mut content = Vec::new();
    let mut chunk = vec![0; CHUNK];
    let mut container = false;
    loop {
        let Ok(count) = fill(source, &mut chunk) else { return Ok((content.into(), End::Damaged)) };
        let Some(new) = chunk.get(..count).filter(|new| !new.is_empty()) else { return Ok((content.into(), End::Whole)) };
        budget.time()?;
        budget.bytes(count)?;
        content.extend_from_slice(new);
        container |= content.len() == count && detect::begins_a_container(&content);
        if container {
            budget.ratio(packed, content.len())?;
        } else if budget.ratio(packed, content.len()).is_err() {
            return Ok((content.into(), End::Cut(BudgetKind::Ratio)));
        } else if content.len() >= PLAIN_MOST {
            return Ok((content.into(), End::Cut(BudgetKind::Bytes)));
        }
    }
}

/// Reads and forgets the rest of a stream, for what comes after it.
pub(crate) fn drain(source: &mut dyn Read, budget: &Budget) -> Result<(), Exhausted> {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = fill(source, &mut chunk) {
        budget.time()?;
        budget.bytes(count)?;
    }
    Ok(())
}

/// The first octets of a stream, counted.
pub(crate) fn at_most(source: &mut dyn Read, most: usize, budget: &Budget) -> Result<Bytes, Exhausted> {
    let mut content = Vec::new();
    let mut chunk = vec![0; CHUNK.min(most)];
    while content.len() < most {
        let Ok(count @ 1..) = fill(source, &mut chunk) else { break };
        budget.bytes(count)?;
        content.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    Ok(content.into())
}

/// Fills the chunk as far as the source goes; an error after some octets comes with the next call.
fn fill(source: &mut dyn Read, chunk: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = chunk.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => done += count.min(rest.len()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Limits;

    #[test]
    fn x_11_zeros_are_cut_and_containers_are_refused() {
        let budget = Budget::new(Limits { ratio: 100, ..Limits::default() });
        let (content, end) = member(&mut std::io::repeat(0), 1_000, &budget).unwrap();
        assert!(end == End::Cut(BudgetKind::Ratio) && content.len() < 2 << 20, "{end:?}");
        let mut zip = b"PK\x03\x04".as_slice().chain(std::io::repeat(0));
        assert_eq!(member(&mut zip, 1_000, &budget).unwrap_err().kind, BudgetKind::Ratio);
        let (content, end) = member(&mut std::io::repeat(7), usize::MAX, &budget).unwrap();
        assert_eq!((content.len(), end), (PLAIN_MOST, End::Cut(BudgetKind::Bytes)));
        let small = Budget::new(Limits { bytes: 1 << 20, ..Limits::default() });
        assert_eq!(member(&mut std::io::repeat(7), usize::MAX, &small).unwrap_err().kind, BudgetKind::Bytes);
    }
}
