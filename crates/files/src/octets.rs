//! Numbers and slices out of octets that may lie: what does not fit is `None` or empty.

use std::ops::Range;

pub(crate) fn slice(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

/// At most `most` octets from the beginning.
pub(crate) fn head(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// At most `most` octets at the end.
pub(crate) fn tail(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default()
}

pub(crate) fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

pub(crate) fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// The same number as an offset or length.
pub(crate) fn size_16(bytes: &[u8], at: usize) -> Option<usize> {
    u16_le(bytes, at).map(usize::from)
}

/// The same number as an offset or length.
pub(crate) fn size_32(bytes: &[u8], at: usize) -> Option<usize> {
    u32_le(bytes, at).and_then(|n| usize::try_from(n).ok())
}

pub(crate) fn at(bytes: &[u8], place: usize, wanted: &[u8]) -> bool {
    bytes.get(place..).is_some_and(|rest| rest.starts_with(wanted))
}

pub(crate) fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

/// As [`holds`], without regard to the case of ASCII letters. `wanted` is lower case.
pub(crate) fn holds_any_case(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return true };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), bytes)
        .any(|at| bytes.get(at..at + wanted.len()).is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
}

/// Octets of a name up to NUL, as text for people: UTF-8, else code page 437's ASCII part, without control characters.
pub(crate) fn name(bytes: &[u8]) -> Option<String> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let name = message::text::plain(&String::from_utf8_lossy(slice(bytes, 0..end)));
    (!name.is_empty()).then_some(name)
}
