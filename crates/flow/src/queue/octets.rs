//! Short octets for numbers, texts and flags: what [`super::rest`] is written in. Reading is total.

use model::TraceId;

/// Appends.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_room(room: usize) -> Self {
        Self(Vec::with_capacity(room))
    }

    pub(crate) fn octet(&mut self, octet: u8) {
        self.0.push(octet);
    }

    pub(crate) fn trace(&mut self, trace: TraceId) {
        self.0.extend_from_slice(&trace.to_be_bytes());
    }

    pub(crate) fn fixed(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// LEB128.
    pub(crate) fn count(&mut self, count: usize) {
        let mut rest = count;
        while rest >= 0x80 {
            self.0.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn flags(&mut self, flags: [bool; 8]) {
        self.0.push(flags.into_iter().rev().fold(0, |octet, flag| (octet << 1) | u8::from(flag)));
    }

    /// Without a length: the last thing.
    pub(crate) fn rest(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// How many octets [`Writer::count`] takes for this number.
pub(crate) fn of_count(count: usize) -> usize {
    (usize::BITS - count.max(1).leading_zeros()).div_ceil(7) as usize
}

/// Reads what [`Writer`] wrote.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn trace(&mut self) -> Option<TraceId> {
        self.array().map(u128::from_be_bytes).map(TraceId::from_u128)
    }

    pub(crate) fn fixed(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn count(&mut self) -> Option<usize> {
        let mut count: usize = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let octet = self.octet()?;
            let bits = usize::from(octet & 0x7f);
            count |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if octet < 0x80 {
                return Some(count);
            }
        }
        None
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn flags(&mut self) -> Option<[bool; 8]> {
        let octet = self.octet()?;
        Some(std::array::from_fn(|bit| octet & (1 << bit) != 0))
    }

    /// All that is left.
    pub(crate) const fn remaining(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back_and_a_number_that_is_too_large_is_none() {
        let mut out = Writer::default();
        for count in [0, 1, 127, 128, 300, usize::MAX] {
            let before = out.0.len();
            out.count(count);
            assert_eq!(out.0.len() - before, of_count(count));
        }
        out.text("ü");
        out.flags([true, false, false, true, false, false, false, true]);
        let octets = out.done();
        let mut from = Reader::new(&octets);
        let counts: Vec<usize> = (0..6).map(|_| from.count().unwrap()).collect();
        assert_eq!(counts, [0, 1, 127, 128, 300, usize::MAX]);
        assert_eq!((from.text(), from.flags()), (Some("ü"), Some([true, false, false, true, false, false, false, true])));
        assert_eq!((from.octet(), Reader::new(&[0xff; 12]).count(), Reader::new(&[5, 1]).bytes()), (None, None, None));
    }
}
