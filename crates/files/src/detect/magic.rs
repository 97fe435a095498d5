//! Beginnings of files: the octets by which a format knows itself.
//!
//! Where a beginning is short, more is asked than the octets (sizes that fit, fields in their range), so that a text
//! which happens to begin with `BM` or `MZ` is none.

use message::file_type::{FileType as T, Types};
use message::tnef;

use super::{Container, Seen, image, media};
use crate::archive::zip::Directory;
use crate::octets::{at, byte, head, size_16, size_32, u16_le, u32_be, u32_le};

/// Formats that begin with octets of their own and need no second look.
const PLAIN: &[(&[u8], &[T])] = &[
    (b"GIF87a", &[T::Gif]),
    (b"GIF89a", &[T::Gif]),
    (b"\x89PNG\r\n\x1a\n", &[T::Png]),
    (b"\xff\xd8\xff", &[T::Jpeg]),
    (b"\0\0\0\x0cjP  \r\n\x87\n", &[T::Jpg2000]),
    (b"\xff\x4f\xff\x51\0", &[T::Jpg2000]),
    (b"II*\0", &[T::Tiff]),
    (b"MM\0*", &[T::Tiff]),
    (b"II+\0\x08\0", &[T::Tiff]),
    (b"MM\0+\0\x08", &[T::Tiff]),
    (b"IIN1", &[T::Niff]),
    (b"{\\rtf", &[T::Rtf]),
    (b"\x7fELF", &[T::Elf]),
    (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", &[T::Lnk]),
    (b"ITSF", &[T::Chm]),
    (b"%!PS", &[T::Ps]),
    (b"\x04%!PS", &[T::Ps]),
    (b"\xc5\xd0\xd3\xc6", &[T::Ps]),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", &[T::MsAsf]),
    (b"SQSH", &[T::Squish]),
    (b"UC2\x1a", &[T::Uc2]),
    (b"\0\0\x01\xba", &[T::MpegSys]),
    (b"\0\0\x01\xb3", &[T::MpegVid]),
    (b"vhdxfile", &[T::Iso]),
    (b"conectix", &[T::Iso]),
];

/// Types and container by the first octets.
pub(super) fn of(content: &[u8]) -> Seen {
    if let Some(seen) = archive(content) {
        return seen;
    }
    let mut types =
        PLAIN.iter().filter(|(start, _)| content.starts_with(start)).fold(Types::NONE, |all, (_, types)| all.and(Types::of(types)));
    types = types.and(program(content)).and(image::with_signature(content)).and(media::types(content)).and(disc(content));
    // Adobe's readers take a header within the first 1,024 octets (ISO 32000-1, annex H note 13).
    if memchr::memmem::find(head(content, 1_024), b"%PDF-").is_some() {
        types = types.with(T::Pdf);
    }
    if closed_mail(content) {
        types = types.with(T::Encrypted);
    }
    let container = types.has(T::Iso9660).then_some(Container::Iso9660);
    Seen { types, container, by_name: false }
}

fn archive(content: &[u8]) -> Option<Seen> {
    let (types, container): (&[T], Container) = match content {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => (&[T::Zip], Container::Zip(Directory::default())),
        // Split and spanned archives begin with a marker.
        [b'P', b'K', 7, 8, b'P', b'K', ..] | [b'P', b'K', b'0', b'0', b'P', b'K', ..] => (&[T::Zip], Container::Zip(Directory::default())),
        [0x1f, 0x8b, 8, ..] => (&[T::Gzip], Container::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => (&[T::Bzip], Container::Bzip2),
        [b'B', b'Z', b'0', b'1'..=b'9', 0x31, ..] => return Some(Seen { types: Types::NONE.with(T::Bzip), ..Seen::default() }),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => (&[T::Xz], Container::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => (&[T::Zstd], Container::Zstd),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => (&[T::SevenZ], Container::SevenZ { start: 0 }),
        [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => (&[T::Rar], Container::Rar { start: 0 }),
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => (&[T::Cab], Container::Cab),
        [0x60, 0xea, ..] if is_arj(content) => (&[T::Arj], Container::Arj),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => (&[], Container::Ole),
        _ if at(content, 7, b"**ACE**") => (&[T::Ace], Container::Ace),
        _ if content.starts_with(b"ZOO ") || u32_le(content, 20) == Some(0xfdc4_a7dc) => (&[T::Zoo], Container::Zoo),
        _ if content.starts_with(b"!<arch>\n") => (if at(content, 8, b"debian-binary") { &[T::Deb] } else { &[] }, Container::Ar),
        _ if content.starts_with(&tnef::SIGNATURE) => (&[T::Tnef], Container::Tnef),
        _ if is_tar(content) => (&[T::Tar], Container::Tar),
        _ if is_mail(content) => (&[], Container::Mail),
        _ => return lha(content),
    };
    Some(Seen { types: Types::of(types), container: Some(container), by_name: false })
}

/// MZ with the fields of a DOS header that make sense; PE by the header that it points to.
fn program(content: &[u8]) -> Types {
    if !content.starts_with(b"MZ") && !content.starts_with(b"ZM") {
        return Types::NONE;
    }
    let new_header = size_32(content, 0x3c).unwrap_or(0);
    if at(content, new_header, b"PE\0\0") {
        return Types::of(&[T::Exe, T::ExePe]);
    }
    let other = [b"NE", b"LE", b"LX"].iter().any(|kind| new_header >= 0x40 && at(content, new_header, *kind));
    // Octets in the last page, and a header of whole paragraphs.
    let (last, pages, paragraphs) = (size_16(content, 2), size_16(content, 4), size_16(content, 8));
    let dos = last.is_some_and(|n| n <= 512) && pages.is_some_and(|n| n > 0) && paragraphs.is_some_and(|n| (2..=4_096).contains(&n));
    if other || dos { Types::NONE.with(T::Exe) } else { Types::NONE }
}

/// A 7-Zip or RAR archive behind a program that unpacks it.
pub(super) fn behind_a_program(content: &[u8]) -> Option<Container> {
    let seven = memchr::memmem::find_iter(content, b"7z\xbc\xaf\x27\x1c").take(64).find(|start| {
        let sum = content.get(start + 12..start + 32).map(crc32fast::hash);
        sum.is_some() && sum == u32_le(content, start + 8)
    });
    if let Some(start) = seven {
        return Some(Container::SevenZ { start });
    }
    // RAR 4: the main header follows (type 0x73); RAR 5: the version is part of the signature.
    let rar = memchr::memmem::find_iter(content, b"Rar!\x1a\x07")
        .take(64)
        .find(|start| at(content, start + 6, b"\x01\0") || (at(content, start + 6, b"\0") && byte(content, start + 9) == Some(0x73)));
    rar.map(|start| Container::Rar { start })
}

fn is_arj(content: &[u8]) -> bool {
    let size = size_16(content, 2).unwrap_or(0);
    // The main header with its checksum.
    (30..=2_600).contains(&size) && content.get(4..4 + size).map(crc32fast::hash) == u32_le(content, 4 + size)
}

fn lha(content: &[u8]) -> Option<Seen> {
    let method = content.get(2..7)?;
    let types = match method {
        b"-lh0-" | b"-lh1-" | b"-lz4-" | b"-lz5-" | b"-lzs-" => T::Lharc,
        [b'-', b'l', b'h', b'2'..=b'9' | b'a'..=b'z', b'-'] | b"-pm0-" | b"-pm2-" => T::Lha,
        _ => return None,
    };
    (byte(content, 20)? <= 3).then(|| Seen { types: Types::NONE.with(types), container: Some(Container::Lha), by_name: false })
}

/// A header whose sum is right (POSIX.1-1988 ustar and before).
fn is_tar(content: &[u8]) -> bool {
    let Some(header) = content.get(..512) else { return false };
    let number = |range: std::ops::Range<usize>| {
        let text = String::from_utf8_lossy(header.get(range).unwrap_or_default()).into_owned();
        u32::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
    };
    let sum: u32 = header.iter().enumerate().map(|(place, byte)| if (148..156).contains(&place) { 32 } else { u32::from(*byte) }).sum();
    header.first() != Some(&0) && number(148..156) == Some(sum)
}

/// Header lines, and one among the first that only a mail has.
fn is_mail(content: &[u8]) -> bool {
    let start = head(content, 8_192);
    let named = start.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let mbox = start.starts_with(b"From ");
    if !mbox && (named == 0 || byte(start, named) != Some(b':')) {
        return false;
    }
    let header = start.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let known = ["from:", "received:", "mime-version:", "content-type:", "return-path:"];
    header
        .take(100)
        .any(|line| known.iter().any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))))
}

/// Disc images: ISO 9660, High Sierra, UDF (ECMA-119 §8, ECMA-167 2/9), Apple and Nero by their end.
fn disc(content: &[u8]) -> Types {
    if at(content, 0x8001, b"CD001") {
        return Types::of(&[T::Iso9660, T::Iso]);
    }
    if at(content, 0x8009, b"CDROM") {
        return Types::of(&[T::HiSierra, T::Iso]);
    }
    let udf = at(content, 0x8001, b"BEA01") || at(content, 0x8001, b"NSR0");
    let end = content.len();
    let apple = end > 512 && at(content, end - 512, b"koly\0\0\0\x04");
    let nero = end > 12 && at(content, end - 12, b"NER5");
    if udf || apple || nero { Types::NONE.with(T::Iso) } else { Types::NONE }
}

/// Octets that only a key opens: CMS EnvelopedData in DER or BER, OpenPGP armour and packets with an encrypted key.
fn closed_mail(content: &[u8]) -> bool {
    let start = head(content, 64);
    // ContentInfo with id-envelopedData or id-ct-authEnvelopedData (RFC 5652 §3, RFC 5083 §1.1).
    let enveloped = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
    let auth_enveloped = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
    let cms = byte(start, 0) == Some(0x30) && (2..=6).any(|place| at(start, place, enveloped) || at(start, place, auth_enveloped));
    let text = content.trim_ascii_start();
    cms || text.starts_with(b"-----BEGIN PGP MESSAGE-----") || public_key_packet(content)
}

/// A version 3 or 6 public-key encrypted session key packet (RFC 9580 §5.1) with a known algorithm.
fn public_key_packet(content: &[u8]) -> bool {
    let body = match (byte(content, 0), byte(content, 1)) {
        (Some(0x84), Some(_)) => 2,
        (Some(0x85), Some(_)) => 3,
        (Some(0xc1), Some(0..=191)) => 2,
        (Some(0xc1), Some(192..=223)) => 3,
        _ => return false,
    };
    byte(content, body) == Some(3) && matches!(byte(content, body + 9), Some(1 | 2 | 16 | 18 | 25 | 26))
}

/// Kinds of ISO base media files by their brand (ISO/IEC 14496-12 §4.3).
pub(super) fn brand(content: &[u8]) -> Types {
    let boxed = at(content, 4, b"ftyp") && u32_be(content, 0).is_some_and(|size| (8..=4_096).contains(&size) || size == 1);
    if !boxed {
        let quicktime = at(content, 4, b"moov") || (at(content, 4, b"mdat") && u16_le(content, 0).is_some());
        return if quicktime { Types::NONE.with(T::Mp4) } else { Types::NONE };
    }
    match content.get(8..12).unwrap_or_default() {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" | b"avif" | b"avis" => Types::NONE.with(T::Heic),
        b"jp2 " | b"jpx " | b"jpm " => Types::NONE.with(T::Jpg2000),
        _ => Types::NONE.with(T::Mp4),
    }
}
