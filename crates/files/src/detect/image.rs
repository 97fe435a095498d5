//! Images whose beginning is short or missing: more than the first octets must fit.

use message::file_type::{FileType as T, Types};

use crate::octets::{at, byte, size_16, size_32, slice, u16_le, u32_le};

/// Images with a beginning that needs a second look.
pub(super) fn with_signature(content: &[u8]) -> Types {
    let known = [(is_bmp(content), T::Bmp), (is_emf(content), T::Emf), (is_icon(content), T::Ico), (is_pbm(content), T::PbmPlus)];
    known.into_iter().filter(|(is, _)| *is).map(|(_, known)| known).collect()
}

/// Images without one: looked at only where nothing else fits, and the whole header must make sense.
pub(super) fn without_signature(content: &[u8]) -> Types {
    let known = [(is_pcx(content), T::Pcx), (is_targa(content), T::Targa)];
    known.into_iter().filter(|(is, _)| *is).map(|(_, known)| known).collect()
}

fn is_bmp(content: &[u8]) -> bool {
    let header = u32_le(content, 14).unwrap_or(0);
    let offset = size_32(content, 10).unwrap_or(0);
    content.starts_with(b"BM") && matches!(header, 12 | 40 | 52 | 56 | 64 | 108 | 124) && (26..=1_200_000).contains(&offset)
}

/// MS-EMF §2.3.4.2: record type 1, signature at 40.
fn is_emf(content: &[u8]) -> bool {
    u32_le(content, 0) == Some(1) && at(content, 40, b" EMF")
}

/// Icon or cursor: a count, and a first entry that points behind the entries.
fn is_icon(content: &[u8]) -> bool {
    let kind = u16_le(content, 2);
    let count = size_16(content, 4).unwrap_or(0);
    let (size, offset) = (u32_le(content, 14).unwrap_or(0), size_32(content, 18).unwrap_or(0));
    u16_le(content, 0) == Some(0)
        && matches!(kind, Some(1 | 2))
        && (1..=512).contains(&count)
        && byte(content, 9) == Some(0)
        && size > 0
        && offset >= 6 + 16 * count
        && offset < 10_000_000
}

/// `P1` to `P7`, white space (or a comment), a number.
fn is_pbm(content: &[u8]) -> bool {
    let [b'P', b'1'..=b'7', blank, rest @ ..] = content else { return false };
    let mut rest = rest.trim_ascii_start();
    if content.get(1) == Some(&b'7') {
        return *blank == b'\n' && [&b"WIDTH"[..], b"HEIGHT", b"#"].iter().any(|word| rest.starts_with(word));
    }
    while let [b'#', comment @ ..] = rest {
        let end = memchr::memchr(b'\n', comment).unwrap_or(comment.len());
        rest = slice(comment, end..comment.len()).trim_ascii_start();
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let width_then_height = slice(rest, digits..rest.len()).trim_ascii_start().first().is_some_and(u8::is_ascii_digit);
    blank.is_ascii_whitespace() && (1..=6).contains(&digits) && width_then_height
}

fn is_pcx(content: &[u8]) -> bool {
    let [0x0a, 0 | 2..=5, 0 | 1, 1 | 2 | 4 | 8, ..] = content else { return false };
    let corner = |place| size_16(content, place).unwrap_or(0);
    let planes = byte(content, 65).unwrap_or(0);
    content.len() >= 128 && corner(8) >= corner(4) && corner(10) >= corner(6) && byte(content, 64) == Some(0) && (1..=4).contains(&planes)
}

/// A footer that says so (version 2), or a header whose picture ends where the file ends.
fn is_targa(content: &[u8]) -> bool {
    let kind = byte(content, 2).unwrap_or(0);
    let mapped = byte(content, 1).unwrap_or(0xff);
    let (width, height) = (size_16(content, 12).unwrap_or(0), size_16(content, 14).unwrap_or(0));
    let depth = byte(content, 16).unwrap_or(0);
    if !matches!(kind, 1 | 2 | 3 | 9 | 10 | 11) || mapped > 1 || width == 0 || height == 0 || !matches!(depth, 8 | 15 | 16 | 24 | 32) {
        return false;
    }
    if (mapped == 0) == matches!(kind, 1 | 9) {
        return false;
    }
    if content.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let entries = if mapped == 1 { size_16(content, 5).unwrap_or(0) * usize::from(byte(content, 7).unwrap_or(0)).div_ceil(8) } else { 0 };
    let start = 18 + usize::from(byte(content, 0).unwrap_or(0)) + entries;
    let pixel = usize::from(depth).div_ceil(8);
    let end = if kind < 8 { start.checked_add(width * height * pixel) } else { run_length_end(content, start, width * height, pixel) };
    end.is_some_and(|end| end == content.len())
}

/// Where run-length coded pixels end; `None` if they run past the file.
fn run_length_end(content: &[u8], start: usize, pixels: usize, pixel: usize) -> Option<usize> {
    let (mut at, mut done) = (start, 0);
    while done < pixels {
        let packet = content.get(at)?;
        let count = usize::from(packet & 0x7f) + 1;
        at += 1 + if packet & 0x80 == 0 { count * pixel } else { pixel };
        done += count;
    }
    (done == pixels && at <= content.len()).then_some(at)
}
