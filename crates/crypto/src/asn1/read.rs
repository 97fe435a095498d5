//! A total reader of BER that copies nothing: elements are slices of the input.
//!
//! Definite and indefinite lengths, primitive and constructed strings are read (X.690 §8.1.3, §8.7.3). Work
//! is linear in the input for each level that a caller goes into, nesting of indefinite lengths is bounded,
//! tag numbers over 30 (none in CMS) and lengths over 4 GiB are refused. It never panics; it never guesses.

use std::borrow::Cow;

/// Deepest nesting of indefinite lengths or constructed strings; CMS needs about seven.
const DEPTH: usize = 24;
/// Elements of one run that are held at once. Each takes twenty times the memory of the two octets that make one (security.md X-11);
/// honest messages have some dozens. Longer runs (recipients, entries of lists) are read one by one.
const RUN: usize = 10_000;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;

/// The bytes are no BER, or not of the expected shape. Says nothing more: the sender can't act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One tag-length-value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// The identifier octet: class, constructed bit, number.
    pub(crate) tag: u8,
    /// All of it, header and end mark included.
    pub(crate) raw: &'a [u8],
    /// The contents, without an end mark.
    pub(crate) body: &'a [u8],
}

/// A run of elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The only element in `bytes`.
    pub(crate) fn sole(bytes: &'a [u8], tag: u8) -> Result<Element<'a>, Malformed> {
        let mut reader = Self::new(bytes);
        let element = reader.need(tag)?;
        reader.end()?;
        Ok(element)
    }

    /// The next element of any tag; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let header = header(self.rest)?;
        let (body_end, raw_end) = match header.length {
            Some(length) => {
                let end = header.size.checked_add(length).ok_or(Malformed)?;
                (end, end)
            }
            None => {
                let end = end_of_contents(self.rest, header.size)?;
                (end, end.checked_add(2).ok_or(Malformed)?)
            }
        };
        let raw = self.rest.get(..raw_end).ok_or(Malformed)?;
        let body = self.rest.get(header.size..body_end).ok_or(Malformed)?;
        self.rest = self.rest.get(raw_end..).ok_or(Malformed)?;
        Ok(Some(Element { tag: header.tag, raw, body }))
    }

    /// The next element, which must have this tag.
    pub(crate) fn need(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        self.next()?.filter(|element| element.tag == tag).ok_or(Malformed)
    }

    /// The next element if it has one of these tags; else nothing is taken.
    pub(crate) fn optional(&mut self, tags: &[u8]) -> Result<Option<Element<'a>>, Malformed> {
        match self.rest.first() {
            Some(tag) if tags.contains(tag) => self.next(),
            _ => Ok(None),
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// All elements that are left, if they are no more than [`RUN`].
    pub(crate) fn all(mut self) -> Result<Vec<Element<'a>>, Malformed> {
        let mut elements = Vec::new();
        while let Some(element) = self.next()? {
            if elements.len() >= RUN {
                return Err(Malformed);
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

impl<'a> Element<'a> {
    /// A reader of the contents.
    pub(crate) const fn inside(&self) -> Reader<'a> {
        Reader::new(self.body)
    }

    /// The octets of a string that may be constructed from parts (X.690 §8.7.3). Only the parts are copied.
    pub(crate) fn octets(&self) -> Result<Cow<'a, [u8]>, Malformed> {
        if self.tag & CONSTRUCTED == 0 {
            return Ok(Cow::Borrowed(self.body));
        }
        let mut whole = Vec::with_capacity(self.body.len());
        gather(self.body, &mut whole, DEPTH)?;
        Ok(Cow::Owned(whole))
    }

    /// The same value in DER lengths, under another identifier octet: what a signature over attributes
    /// is made of (RFC 5652 §5.4). The order of a SET is kept as received.
    pub(crate) fn definite_as(&self, tag: u8) -> Result<Vec<u8>, Malformed> {
        let mut body = Vec::with_capacity(self.body.len());
        let mut inside = self.inside();
        while let Some(child) = inside.next()? {
            definite(&child, &mut body, DEPTH)?;
        }
        let mut whole = Vec::with_capacity(body.len() + 6);
        super::write::header(tag, body.len(), &mut whole);
        whole.extend_from_slice(&body);
        Ok(whole)
    }

    /// A small non-negative INTEGER.
    pub(crate) fn small(&self) -> Result<u32, Malformed> {
        match self.body {
            [] => Err(Malformed),
            [first, ..] if self.tag != INTEGER || first & 0x80 != 0 || self.body.len() > 4 => Err(Malformed),
            body => Ok(body.iter().fold(0, |value, octet| value << 8 | u32::from(*octet))),
        }
    }
}

struct Header {
    tag: u8,
    size: usize,
    length: Option<usize>,
}

fn header(bytes: &[u8]) -> Result<Header, Malformed> {
    let [tag, first, rest @ ..] = bytes else { return Err(Malformed) };
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    match *first {
        short @ 0..=0x7f => Ok(Header { tag: *tag, size: 2, length: Some(usize::from(short)) }),
        0x80 if tag & CONSTRUCTED != 0 => Ok(Header { tag: *tag, size: 2, length: None }),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let octets = rest.get(..count).ok_or(Malformed)?;
            let length = octets.iter().fold(0usize, |value, octet| value << 8 | usize::from(*octet));
            Ok(Header { tag: *tag, size: 2 + count, length: Some(length) })
        }
        _ => Err(Malformed),
    }
}

/// Where the contents that start at `start` end: the place of their end-of-contents octets.
fn end_of_contents(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut at = start;
    let mut open = 1usize;
    loop {
        let rest = bytes.get(at..).ok_or(Malformed)?;
        if let [0, 0, ..] = rest {
            open -= 1;
            if open == 0 {
                return Ok(at);
            }
            at += 2;
            continue;
        }
        let header = header(rest)?;
        if header.length.is_none() {
            open += 1;
            if open > DEPTH {
                return Err(Malformed);
            }
        }
        at = at.checked_add(header.size).and_then(|at| at.checked_add(header.length.unwrap_or(0))).ok_or(Malformed)?;
    }
}

fn gather(bytes: &[u8], whole: &mut Vec<u8>, depth: usize) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Malformed)?;
    let mut parts = Reader::new(bytes);
    while let Some(part) = parts.next()? {
        match part.tag {
            OCTET_STRING => whole.extend_from_slice(part.body),
            tag if tag == OCTET_STRING | CONSTRUCTED => gather(part.body, whole, deeper)?,
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

fn definite(element: &Element<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Malformed)?;
    if element.tag == OCTET_STRING | CONSTRUCTED {
        let octets = element.octets()?;
        super::write::header(OCTET_STRING, octets.len(), out);
        out.extend_from_slice(&octets);
        return Ok(());
    }
    if element.tag & CONSTRUCTED == 0 {
        super::write::header(element.tag, element.body.len(), out);
        out.extend_from_slice(element.body);
        return Ok(());
    }
    let mut body = Vec::with_capacity(element.body.len());
    let mut inside = element.inside();
    while let Some(child) = inside.next()? {
        definite(&child, &mut body, deeper)?;
    }
    super::write::header(element.tag, body.len(), out);
    out.extend_from_slice(&body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indefinite_and_constructed_are_read() {
        // SEQUENCE (indefinite) { OCTET STRING (constructed, indefinite) { "ab", "c" }, INTEGER 5 }
        let ber = b"\x30\x80\x24\x80\x04\x02ab\x04\x01c\0\0\x02\x01\x05\0\0";
        let outer = Reader::sole(ber, SEQUENCE).unwrap();
        let mut inside = outer.inside();
        assert_eq!(inside.need(0x24).unwrap().octets().unwrap().as_ref(), b"abc");
        assert_eq!(inside.need(INTEGER).unwrap().small(), Ok(5));
        inside.end().unwrap();
        assert_eq!(outer.definite_as(SET).unwrap(), b"\x31\x08\x04\x03abc\x02\x01\x05");
    }

    #[test]
    fn what_is_cut_short_or_nested_too_deep_is_refused() {
        for bad in [
            &b"\x30\x80"[..],
            b"\x30\x80\x00",
            b"\x30\x05\x02\x01\x01",
            b"\x1f\x81\x01\x00",
            b"\x04\x80\x00\x00",
            b"\x30",
            b"\x04\x85\0\0\0\0\0",
        ] {
            assert!(Reader::sole(bad, SEQUENCE).is_err(), "{bad:?}");
        }
        let deep = [b"\x30\x80".repeat(100_000), b"\0\0".repeat(100_000)].concat();
        assert!(Reader::sole(&deep, SEQUENCE).is_err());
    }

    #[test]
    fn x_11_a_long_run_is_not_held() {
        let run = |count: usize| b"\x05\x00".repeat(count);
        assert_eq!(Reader::new(&run(RUN)).all().unwrap().len(), RUN);
        assert!(Reader::new(&run(RUN + 1)).all().is_err());
        // Nothing is held of what is only written anew.
        let long = run(RUN * 2);
        let mut set = Vec::new();
        super::super::write::header(SET, long.len(), &mut set);
        set.extend_from_slice(&long);
        assert_eq!(Reader::sole(&set, SET).unwrap().definite_as(SET).unwrap(), set);
    }

    proptest! {
        #[test]
        fn x_11_any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(elements) = Reader::new(&bytes).all() {
                for element in elements {
                    let _ = element.octets();
                    let _ = element.definite_as(SET);
                }
            }
        }
    }
}
