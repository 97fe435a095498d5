//! Content transfer encodings: base64 and quoted-printable, both ways.
//!
//! Decoding is lenient, as mail programs are: it skips what does not belong and goes on behind padding, so
//! that a scanner sees at least what a reader sees. Encoding is strict: CRLF, lines of 76, no blanks at line
//! ends. Standard: RFC 2045 §6.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Simd};
use bytes::Bytes;

use crate::bytes_of::{lines, slice, trim_end};

/// Longest line that an encoder makes, without its line end (RFC 2045 §6.7 and §6.8).
pub const LINE: usize = 76;

/// How a body is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Short lines of ASCII; also what counts when nothing is said.
    #[default]
    SevenBit,
    /// Short lines of any octets.
    EightBit,
    /// Any octets.
    Binary,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// RFC 2045 §6.8.
    Base64,
    /// A word that nobody knows: the body is opaque (RFC 2045 §6.4).
    Unknown,
}

impl Encoding {
    /// Reads a field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        match crate::content::parse(value).value.as_str() {
            "" | "7bit" => Self::SevenBit,
            "8bit" => Self::EightBit,
            "binary" => Self::Binary,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Unknown,
        }
    }

    /// True if the body's octets are the content's octets.
    #[must_use]
    pub const fn is_identity(self) -> bool {
        matches!(self, Self::SevenBit | Self::EightBit | Self::Binary)
    }

    /// The word as the field says it; `7bit` for what is unknown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SevenBit | Self::Unknown => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The content of `body`, without a copy where nothing is encoded.
    #[must_use]
    pub fn decode(self, body: &Bytes) -> Bytes {
        match self {
            Self::Base64 => decode_base64(body).into(),
            Self::QuotedPrintable => decode_quoted_printable(body).into(),
            _ => body.clone(),
        }
    }
}

/// For lines that hold nothing but the alphabet, which the library decodes many times as fast as octet by octet: by the processor's
/// wide registers where it has them.
static CLEAN: LazyLock<Simd> =
    LazyLock::new(|| Simd::standard(GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone)));

/// Decodes base64, skipping every octet outside the alphabet; a rest of one character is dropped.
#[must_use]
pub fn decode_base64(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let mut group = Group::default();
    for line in lines(body) {
        let text = slice(body, line.start..line.content);
        if group.count > 0 || !text.len().is_multiple_of(4) || !clean(text, &mut plain) {
            text.iter().for_each(|octet| group.take(*octet, &mut plain));
        }
    }
    rest(&mut plain, group.bits, group.count);
    plain
}

/// Decodes a line of whole groups; false, and nothing is added, if it holds anything else.
fn clean(text: &[u8], plain: &mut Vec<u8>) -> bool {
    let before = plain.len();
    plain.resize(before + text.len() / 4 * 3, 0);
    let done = CLEAN.decode_slice(text, plain.get_mut(before..).unwrap_or_default()).is_ok();
    if !done {
        plain.truncate(before);
    }
    done
}

/// Up to four characters that make three octets.
#[derive(Default)]
struct Group {
    bits: u32,
    count: u8,
}

impl Group {
    fn take(&mut self, octet: u8, plain: &mut Vec<u8>) {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                rest(plain, self.bits, self.count);
                *self = Self::default();
                return;
            }
            _ => return,
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.count += 1;
        if self.count == 4 {
            let [_, a, b, c] = self.bits.to_be_bytes();
            plain.extend_from_slice(&[a, b, c]);
            *self = Self::default();
        }
    }
}

fn rest(plain: &mut Vec<u8>, bits: u32, count: u8) {
    match count {
        2 => plain.push((bits >> 4) as u8),
        3 => plain.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
}

/// Decodes quoted-printable; what is no escape stays as it is (RFC 2045 §6.7, note on robustness).
#[must_use]
pub fn decode_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    for line in lines(body) {
        let content = slice(body, line.start..line.content);
        let ended = line.end > line.content;
        let text = if ended { trim_end(content) } else { content };
        let soft = text.strip_suffix(b"=");
        unescape(soft.unwrap_or(text), &mut plain);
        if soft.is_none() && ended {
            plain.extend_from_slice(slice(body, line.content..line.end));
        }
    }
    plain
}

fn unescape(mut line: &[u8], plain: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'=', line) {
        plain.extend_from_slice(slice(line, 0..at));
        let escape = slice(line, at..(at + 3).min(line.len()));
        let value = match escape {
            [_, high, low] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let used = if let Some(value) = value {
            plain.push(value);
            3
        } else {
            plain.push(b'=');
            1
        };
        line = slice(line, at + used..line.len());
    }
    plain.extend_from_slice(line);
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Base64 in lines of 76, each ended by CRLF.
#[must_use]
pub fn encode_base64(plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(plain.len() / 57 * 78 + 80);
    let mut line = String::with_capacity(LINE);
    for chunk in plain.chunks(LINE / 4 * 3) {
        line.clear();
        STANDARD.encode_string(chunk, &mut line);
        encoded.extend_from_slice(line.as_bytes());
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

/// Quoted-printable for text: line ends (LF, CRLF) become CRLF, everything else survives exactly.
///
/// `From ` and a lone dot at the start of a line are escaped too: programs on the way change them
/// (RFC 2049 §3, RFC 8551 §3.1.3).
#[must_use]
pub fn encode_quoted_printable(plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(plain.len() + plain.len() / 8 + 16);
    for line in lines(plain) {
        encode_line(slice(plain, line.start..line.content), &mut encoded);
        if line.end > line.content {
            encoded.extend_from_slice(b"\r\n");
        }
    }
    encoded
}

fn encode_line(line: &[u8], encoded: &mut Vec<u8>) {
    let mut column = 0;
    let last = line.len().saturating_sub(1);
    for (place, byte) in line.iter().enumerate() {
        let blank_at_end = matches!(byte, b' ' | b'\t') && place == last;
        let risky_start = column == 0 && (*byte == b'.' || slice(line, place..line.len()).starts_with(b"From "));
        let plain = matches!(byte, b'\t' | b' '..=b'<' | b'>'..=b'~') && !blank_at_end && !risky_start;
        let width = if plain { 1 } else { 3 };
        if column + width > LINE - usize::from(place != last) {
            encoded.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_lenient_when_read_and_strict_when_written() {
        assert_eq!(decode_base64(b"SGVs\r\nbG8h"), b"Hello!");
        assert_eq!(decode_base64(b"SGk=SGk="), b"HiHi", "goes on behind padding");
        assert_eq!(decode_base64(b"S-G*k"), b"Hi", "no padding, foreign octets");
        let encoded = encode_base64(&[7; 100]);
        assert_eq!(encoded.split(|b| *b == b'\n').next().unwrap().len(), 77);
        assert_eq!(decode_base64(&encoded), [7; 100]);
    }

    #[test]
    fn base64_of_whole_lines_and_octet_by_octet_is_the_same() {
        let octets: Vec<u8> = (0..600_u32).map(|n| (n * n % 251) as u8).collect();
        let encoded = encode_base64(&octets);
        for at in 0..encoded.len() {
            for foreign in [b'=', b'*', b'\r', b'\n', b'A', 0xff] {
                let mut spoilt = encoded.clone();
                spoilt[at] = foreign;
                let (mut group, mut single) = (Group::default(), Vec::new());
                spoilt.iter().for_each(|octet| group.take(*octet, &mut single));
                rest(&mut single, group.bits, group.count);
                assert_eq!(decode_base64(&spoilt), single, "{foreign} at {at}");
            }
        }
    }

    #[test]
    fn quoted_printable_reads_soft_breaks_and_broken_escapes() {
        assert_eq!(decode_quoted_printable(b"a=3Db=\r\nc  \r\nd=C3=bc =zz="), "a=bc\r\nd\u{fc} =zz".as_bytes());
    }

    #[test]
    fn quoted_printable_lines_are_short_and_never_end_blank() {
        let text = format!("{}\nFrom x\n.\nend \n\tü\r\n{} ", "ä".repeat(100), "x".repeat(76));
        let encoded = encode_quoted_printable(text.as_bytes());
        for line in encoded.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            assert!(line.len() <= LINE && line.is_ascii(), "{}", String::from_utf8_lossy(line));
            assert!(!line.ends_with(b" ") && !line.ends_with(b"\t") && !line.starts_with(b"From ") && line != b".");
        }
        assert_eq!(decode_quoted_printable(&encoded), text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes());
    }
}
