//! A writer of DER (X.690 §10), small and without a second copy of the content.
//!
//! Small values are built as byte vectors. The one big value of a message, its ciphertext, is left open as a
//! hole in a [`Frame`], so that the cipher writes it in place.

use super::oid;
use super::read::{INTEGER, NULL, OCTET_STRING, OID, SEQUENCE};

/// Appends identifier and length octets.
pub(crate) fn header(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    let octets = length.to_be_bytes();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let zeros = octets.iter().take_while(|octet| **octet == 0).count();
            let significant = octets.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
}

/// One value of these parts.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    header(tag, length, &mut out);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, parts)
}

pub(crate) fn oid(content: &[u8]) -> Vec<u8> {
    tlv(OID, &[content])
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(OCTET_STRING, &[content])
}

pub(crate) fn small(value: u8) -> Vec<u8> {
    tlv(INTEGER, &[&[value]])
}

/// AlgorithmIdentifier without parameters.
pub(crate) fn algorithm(content: &[u8]) -> Vec<u8> {
    sequence(&[&oid(content)])
}

/// AlgorithmIdentifier with NULL as parameters, as RSA wants it (RFC 3370 §3.2).
pub(crate) fn algorithm_null(content: &[u8]) -> Vec<u8> {
    sequence(&[&oid(content), &[NULL, 0]])
}

/// SMIMECapabilities: the content ciphers that we read, best first (RFC 8551 §2.5.2). For signatures and for
/// certificates that we issue.
pub(crate) fn capabilities() -> Vec<u8> {
    let all = [oid::AES256_GCM, oid::AES128_GCM, oid::AES256_CBC, oid::AES128_CBC].map(algorithm);
    let parts: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    sequence(&parts)
}

/// SET OF in DER's order (X.690 §11.6), under any tag.
pub(crate) fn set_of(tag: u8, mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    let parts: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    tlv(tag, &parts)
}

/// What stands around a hole of known length.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    prefix: Vec<u8>,
    hole: usize,
    suffix: Vec<u8>,
}

impl Frame {
    pub(crate) const fn around(hole: usize) -> Self {
        Self { prefix: Vec::new(), hole, suffix: Vec::new() }
    }

    /// Wraps all so far, with `before` and `after` beside it, into one value.
    pub(crate) fn wrap(mut self, tag: u8, before: &[&[u8]], after: &[&[u8]]) -> Self {
        after.iter().for_each(|part| self.suffix.extend_from_slice(part));
        let head: usize = before.iter().map(|part| part.len()).sum();
        let mut prefix = Vec::with_capacity(head + self.prefix.len() + 6);
        header(tag, head + self.prefix.len() + self.hole + self.suffix.len(), &mut prefix);
        before.iter().for_each(|part| prefix.extend_from_slice(part));
        prefix.extend_from_slice(&self.prefix);
        self.prefix = prefix;
        self
    }

    /// What comes before and after the hole.
    pub(crate) fn parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.prefix, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal() {
        for (length, expected) in
            [(0usize, &b"\x04\x00"[..]), (127, b"\x04\x7f"), (128, b"\x04\x81\x80"), (65_536, b"\x04\x83\x01\x00\x00")]
        {
            let mut out = Vec::new();
            header(OCTET_STRING, length, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_frame_is_the_same_as_the_whole() {
        let content = [7u8; 300];
        let whole = sequence(&[&small(1), &sequence(&[&small(2), &octets(&content)]), &small(3)]);
        let (mut framed, suffix) = Frame::around(300)
            .wrap(OCTET_STRING, &[], &[])
            .wrap(SEQUENCE, &[&small(2)], &[])
            .wrap(SEQUENCE, &[&small(1)], &[&small(3)])
            .parts();
        framed.extend_from_slice(&content);
        framed.extend_from_slice(&suffix);
        assert_eq!(framed, whole);
    }
}
