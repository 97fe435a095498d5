//! OpenPGP armour: is it the whole text, and what is the first packet?
//!
//! RFC 9580 §6 (armour, cleartext framework) and §4.2 (packet headers). Only as much as is needed to tell
//! what a mail is; `crypto` reads it properly.

use crate::bytes_of::{lines, slice};
use crate::transfer::decode_base64;

/// True if `text` is one block `-----BEGIN PGP {label}-----` … `-----END PGP {label}-----`, with nothing
/// but blanks around it, whose first packet has a tag that `fits` takes.
pub(super) fn holds(text: &[u8], label: &str, fits: fn(Packet) -> bool) -> bool {
    let text = text.trim_ascii();
    let begin = format!("-----BEGIN PGP {label}-----");
    let end = format!("-----END PGP {label}-----");
    let Some(inner) = text.strip_prefix(begin.as_bytes()).and_then(|rest| rest.strip_suffix(end.as_bytes())) else {
        return false;
    };
    // Another block inside would make two of it.
    if memchr::memmem::find(inner, b"-----").is_some() {
        return false;
    }
    first_packet(inner).is_some_and(fits)
}

/// A packet's tag and version.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    tag: u8,
    version: u8,
}

/// A signature packet, alone or with its data (one-pass).
pub(super) fn is_signature(packet: Packet) -> bool {
    matches!((packet.tag, packet.version), (2, 2..=6) | (4, 3 | 6))
}

/// Anything that holds text without being closed: signed, compressed or literal.
pub(super) fn is_readable(packet: Packet) -> bool {
    is_signature(packet) || matches!((packet.tag, packet.version), (8, 0..=3) | (11, b'b' | b't' | b'u'))
}

/// Session keys or encrypted data, of a version that exists.
pub(super) fn is_encrypted(packet: Packet) -> bool {
    matches!((packet.tag, packet.version), (1, 2 | 3 | 6) | (3, 4..=6) | (9, _) | (18, 1 | 2) | (20, 1))
}

/// RFC 9580 §7: signed text with its signature below, as the whole text.
pub(super) fn is_cleartext_signed(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let signature = memchr::memmem::rfind(text, b"-----BEGIN PGP SIGNATURE-----");
    text.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----")
        && signature.is_some_and(|at| holds(slice(text, at..text.len()), "SIGNATURE", is_signature))
}

/// The first packet behind the armour headers; `None` unless all of it is base64 and the packet fits in.
fn first_packet(inner: &[u8]) -> Option<Packet> {
    let mut body = Vec::new();
    let mut in_headers = true;
    // The first line is the rest of the BEGIN line.
    for line in lines(inner).skip(1) {
        let content = slice(inner, line.start..line.content).trim_ascii();
        if in_headers {
            let header = memchr::memmem::find(content, b": ").is_some() || content.ends_with(b":");
            in_headers = header;
            if header {
                continue;
            }
        }
        // The checksum line of RFC 4880 §6.1.
        if content.first() == Some(&b'=') && content.len() == 5 {
            break;
        }
        body.extend_from_slice(content);
    }
    let proper = body.len().is_multiple_of(4) && body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    if proper { packet(&decode_base64(&body)) } else { None }
}

/// RFC 9580 §4.2: header, length, and the first octet of the body.
pub(super) fn packet(data: &[u8]) -> Option<Packet> {
    let (first, rest) = data.split_first()?;
    let number = |count: usize| rest.get(..count).map(|octets| octets.iter().fold(0usize, |all, octet| all << 8 | usize::from(*octet)));
    let (tag, skip, length) = match first & 0xc0 {
        0xc0 => {
            let tag = first & 0x3f;
            match *rest.first()? {
                short @ 0..=191 => (tag, 1, Some(usize::from(short))),
                192..=223 => (tag, 2, number(2).map(|two| two - (192 << 8) + 192)),
                255 => (tag, 5, number(5).map(|five| five & 0xffff_ffff)),
                _ => (tag, 1, Some(0)),
            }
        }
        0x80 => {
            let tag = (first & 0x3c) >> 2;
            match first & 3 {
                0 => (tag, 1, number(1)),
                1 => (tag, 2, number(2)),
                2 => (tag, 4, number(4)),
                _ => (tag, 0, Some(0)),
            }
        }
        _ => return None,
    };
    let content = rest.get(skip..).filter(|content| length.is_some_and(|length| length <= content.len()))?;
    Some(Packet { tag, version: *content.first()? })
}
