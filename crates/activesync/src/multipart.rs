//! Answers in parts: `application/vnd.ms-sync.multipart` (MS-ASCMD §2.2.1.10.1.1).
//!
//! A phone that says `MS-ASAcceptMultiPart: T` may get ItemOperations answers so: the WBXML first, then the bodies and
//! attachments that it points at by number (`itemoperations:Part`), as they are. The reader hands out slices; a changed
//! part moves the offsets of those behind it, and nothing else: what stands between the parts stays. Offsets that run
//! backwards, overlap, or point outside are refused, since two readers could see two answers.

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::wbxml::Rope;

/// The media type of such answers.
pub const CONTENT_TYPE: &str = "application/vnd.ms-sync.multipart";

/// Octets of one entry of the table: offset and length, 32 bits each.
const ENTRY: usize = 8;
const COUNT: usize = 4;

/// Why octets are no such answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The end came inside the table.
    #[error("the multipart answer ends inside its table")]
    Truncated,
    /// Without any part: the first one is the WBXML.
    #[error("the multipart answer has no part")]
    Empty,
    /// A part that reaches out of the answer, into the table, or into the part before it.
    #[error("part {0} of the multipart answer is not where it could be")]
    Place(u32),
    /// Over 4 GiB after a change, or no such part.
    #[error("part {0} can't be changed so")]
    Change(u32),
    /// A bound was met.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// One answer in parts.
#[derive(Debug, Clone)]
pub struct Multipart {
    octets: Bytes,
    /// Where each part stands.
    places: Vec<(usize, usize)>,
}

impl Multipart {
    /// Reads the table. Parts are slices of the octets.
    ///
    /// # Errors
    /// [`MultipartError`]; nothing is taken before its size is known to fit.
    pub fn parse(octets: Bytes, budget: &Budget) -> Result<Self, MultipartError> {
        budget.bytes(octets.len())?;
        let count = read(&octets, 0).ok_or(MultipartError::Truncated)?;
        if count == 0 {
            return Err(MultipartError::Empty);
        }
        let table = table_length(count as usize).filter(|length| *length <= octets.len()).ok_or(MultipartError::Truncated)?;
        let mut places = Vec::with_capacity(count as usize);
        let mut least = table;
        for part in 0..count {
            budget.part()?;
            let at = COUNT + ENTRY * part as usize;
            let offset = read(&octets, at).ok_or(MultipartError::Truncated)? as usize;
            let length = read(&octets, at + 4).ok_or(MultipartError::Truncated)? as usize;
            let end = offset.checked_add(length).filter(|end| *end <= octets.len() && offset >= least);
            least = end.ok_or(MultipartError::Place(part))?;
            places.push((offset, least));
        }
        Ok(Self { octets, places })
    }

    /// How many parts there are, the WBXML included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// One part by the number that the WBXML gives it; 0 is the WBXML itself.
    #[must_use]
    pub fn part(&self, number: usize) -> Option<Bytes> {
        self.places.get(number).map(|(start, end)| self.octets.slice(start..end))
    }

    /// The answer with some parts changed, each named once by its number. Without changes it is the answer that came.
    ///
    /// # Errors
    /// [`MultipartError::Change`] for a part that is not there, or when an offset would pass 4 GiB.
    pub fn with(&self, mut changes: Vec<(usize, Rope)>) -> Result<Rope, MultipartError> {
        changes.sort_by_key(|(number, _)| *number);
        let mut table = u32::try_from(self.places.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        let mut body = Rope::default();
        let mut at = table_length(self.places.len()).unwrap_or_default();
        let mut written = at;
        let mut changes = changes.into_iter().peekable();
        for (number, (start, end)) in self.places.iter().enumerate() {
            let gap = self.octets.slice(at..*start);
            let piece = match changes.next_if(|(changed, _)| *changed == number) {
                Some((_, rope)) => rope,
                None => Rope::from(self.octets.slice(start..end)),
            };
            let whole = |value: usize| u32::try_from(value).map_err(|_| MultipartError::Change(u32::try_from(number).unwrap_or(u32::MAX)));
            written += gap.len();
            table.extend(whole(written)?.to_le_bytes());
            table.extend(whole(piece.len())?.to_le_bytes());
            written += piece.len();
            body.push(gap);
            piece.into_pieces().into_iter().for_each(|piece| body.push(piece));
            at = *end;
        }
        if let Some((number, _)) = changes.next() {
            return Err(MultipartError::Change(u32::try_from(number).unwrap_or(u32::MAX)));
        }
        body.push(self.octets.slice(at..));
        let mut rope = Rope::from(Bytes::from(table));
        body.into_pieces().into_iter().for_each(|piece| rope.push(piece));
        Ok(rope)
    }
}

/// Writes an answer of parts, one right behind the other; the first is the WBXML.
///
/// # Errors
/// [`MultipartError::Empty`] without any, [`MultipartError::Change`] when an offset would pass 4 GiB.
pub fn write(parts: Vec<Rope>) -> Result<Rope, MultipartError> {
    let count = u32::try_from(parts.len()).ok().filter(|count| *count > 0).ok_or(MultipartError::Empty)?;
    let mut table = count.to_le_bytes().to_vec();
    let mut at = table_length(parts.len()).ok_or(MultipartError::Change(0))?;
    let mut body = Rope::default();
    for (number, part) in (0..).zip(parts) {
        let whole = |value: usize| u32::try_from(value).map_err(|_| MultipartError::Change(number));
        table.extend(whole(at)?.to_le_bytes());
        table.extend(whole(part.len())?.to_le_bytes());
        at += part.len();
        part.into_pieces().into_iter().for_each(|piece| body.push(piece));
    }
    let mut rope = Rope::from(Bytes::from(table));
    body.into_pieces().into_iter().for_each(|piece| rope.push(piece));
    Ok(rope)
}

fn table_length(count: usize) -> Option<usize> {
    count.checked_mul(ENTRY)?.checked_add(COUNT)
}

/// 32 bits, least significant octet first.
fn read(octets: &[u8], at: usize) -> Option<u32> {
    let field = octets.get(at..at.checked_add(4)?)?;
    field.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use model::BudgetKind;
    use proptest::prelude::*;

    use super::*;

    fn parse(octets: &[u8]) -> Result<Multipart, MultipartError> {
        Multipart::parse(Bytes::copy_from_slice(octets), &Budget::default())
    }

    fn rope(octets: &[u8]) -> Rope {
        Rope::from(Bytes::copy_from_slice(octets))
    }

    #[test]
    fn g_4_a_changed_part_moves_those_behind_it_and_nothing_else() {
        // Three parts with octets between, behind and an empty part.
        let mut octets = Vec::new();
        for number in [3u32, 30, 3, 35, 0, 35, 4] {
            octets.extend(number.to_le_bytes());
        }
        octets.extend(b"--one--four!");
        let answer = parse(&octets).unwrap();
        assert_eq!((0..4).map(|n| answer.part(n)).collect::<Vec<_>>(), [Some("one".into()), Some("".into()), Some("four".into()), None]);
        assert_eq!(answer.with(Vec::new()).unwrap().into_bytes(), octets);
        let changed = answer.with(vec![(1, rope(b"22")), (0, rope(b""))]).unwrap().into_bytes();
        let again = parse(&changed).unwrap();
        assert_eq!((0..3).map(|n| again.part(n).unwrap()).collect::<Vec<_>>(), ["", "22", "four"]);
        assert!(changed.ends_with(b"----22four!".get(2..).unwrap_or_default()) && changed.len() == octets.len() - 1);
        assert_eq!(answer.with(vec![(3, rope(b"x"))]), Err(MultipartError::Change(3)));
        assert_eq!(answer.with(vec![(1, rope(b"x")), (1, rope(b"y"))]), Err(MultipartError::Change(1)));
    }

    #[test]
    fn g_4_what_is_written_can_be_read() {
        assert_eq!(write(Vec::new()), Err(MultipartError::Empty));
        let written = write(vec![rope(b"wbxml"), rope(b""), rope(b"picture")]).unwrap().into_bytes();
        let read = parse(&written).unwrap();
        assert_eq!((read.len(), read.part(0), read.part(2)), (3, Some("wbxml".into()), Some("picture".into())));
        assert_eq!(read.part(1), Some("".into()));
    }

    #[test]
    fn x_9_x_11_parts_that_could_be_read_in_two_ways_are_refused() {
        let made = |numbers: &[u32], rest: &[u8]| {
            let mut octets: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            octets.extend(rest);
            parse(&octets).map(|_| ())
        };
        assert_eq!(made(&[1, 12, 2], b"ab"), Ok(()));
        assert_eq!(made(&[1, 11, 2], b"ab"), Err(MultipartError::Place(0)), "in the table");
        assert_eq!(made(&[1, 12, 3], b"ab"), Err(MultipartError::Place(0)), "behind the end");
        assert_eq!(made(&[1, u32::MAX, u32::MAX], b"ab"), Err(MultipartError::Place(0)));
        assert_eq!(made(&[2, 20, 2, 21, 1], b"ab"), Err(MultipartError::Place(1)), "into each other");
        assert_eq!(made(&[2, 21, 1, 20, 1], b"ab"), Err(MultipartError::Place(1)), "backwards");
        assert_eq!(made(&[0], b""), Err(MultipartError::Empty));
        assert_eq!(made(&[u32::MAX, 12, 0], b""), Err(MultipartError::Truncated), "nothing is taken");
        assert_eq!(parse(b"\x01\0\0").map(|_| ()), Err(MultipartError::Truncated));
        let many = [vec![2_000u32], [16_004, 0].repeat(2_000)].concat();
        let bytes: Vec<u8> = many.iter().flat_map(|number| number.to_le_bytes()).collect();
        assert!(matches!(parse(&bytes), Err(MultipartError::Exhausted(e)) if e.kind == BudgetKind::Parts));
    }

    #[test]
    fn g_4_captures_of_a_real_server_leave_as_they_came() {
        let Some(root) = testkit::sogo::material() else { return };
        let mut seen = 0;
        for name in ["captures-sogo", "vectors"] {
            for entry in std::fs::read_dir(root.join("testdata/eas").join(name)).unwrap() {
                let path = entry.unwrap().path();
                let octets = std::fs::read(&path).unwrap();
                let told = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
                let is_answer = path.extension().is_some_and(|e| e == "bin" || e == "resp");
                let capture = path.extension().is_some_and(|e| e == "resp") && told.contains(CONTENT_TYPE);
                if !is_answer || !(capture || path.extension().is_some_and(|e| e == "bin")) {
                    continue;
                }
                let answer = parse(&octets).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                assert!(answer.part(0).unwrap().starts_with(&[3, 1, 0x6A]), "{}", path.display());
                assert_eq!(answer.with(Vec::new()).unwrap().into_bytes(), octets);
                seen += 1;
            }
        }
        assert!(seen >= 4, "only {seen}");
    }

    proptest! {
        #[test]
        fn x_11_any_bytes_give_parts_or_an_error(count in 0u32..4, fields in proptest::collection::vec(0u32..80, 0..8), rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut octets = count.to_le_bytes().to_vec();
            octets.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
            octets.extend(rest);
            if let Ok(answer) = parse(&octets) {
                prop_assert_eq!(answer.with(Vec::new()).unwrap().into_bytes(), octets);
                let changed = answer.with(vec![(0, rope(b"changed"))]).unwrap().into_bytes();
                let again = parse(&changed).unwrap();
                prop_assert_eq!(again.part(0), Some("changed".into()));
                prop_assert!((1..answer.len()).all(|part| again.part(part) == answer.part(part)));
            }
        }
    }
}
