//! What bytes say to a person: header text and charsets.
//!
//! RFC 2047 words are decoded here and not by mail-parser, which puts a blank behind each word and breaks
//! characters that are split between two; a tag in a subject must be found as mail programs show it.
//! Decoded text is for comparing and showing: it holds no control characters, and it never goes back into a
//! header but through [`crate::Edit`], which encodes it again (security.md X-10).

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::bytes_of::slice;
use crate::header::unfold;
use crate::transfer::{decode_base64, decode_quoted_printable};

/// Longest encoded word that is looked for: RFC 2047 §2 allows 75, programs make longer ones, a line ends at
/// 998. A bound keeps hostile headers linear.
const LONGEST_WORD: usize = 998;

/// The value of a field as text: unfolded, RFC 2047 decoded, control characters as blanks, trimmed.
///
/// Raw octets over 127 are read as UTF-8 (RFC 6532 §3.2), else as windows-1252.
#[must_use]
pub fn header(value: &[u8]) -> String {
    let flat = unfold(value);
    if memchr::memmem::find(&flat, b"=?").is_none() {
        return plain(&charset(None, &flat));
    }
    let mut text = String::with_capacity(flat.len());
    // Octets of neighbouring words of one charset are decoded together.
    let mut run: Option<(String, Vec<u8>)> = None;
    let mut rest = flat.as_slice();
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let before = slice(rest, 0..at);
        let Some(word) = word(slice(rest, at..rest.len())) else {
            end(&mut run, &mut text);
            text.push_str(&charset(None, slice(rest, 0..at + 2)));
            rest = slice(rest, at + 2..rest.len());
            continue;
        };
        // Blanks between two encoded words don't count (RFC 2047 §6.2).
        if run.is_none() || !before.trim_ascii().is_empty() {
            end(&mut run, &mut text);
            text.push_str(&charset(None, before));
        }
        match &mut run {
            Some((name, octets)) if name.eq_ignore_ascii_case(word.charset) => octets.extend(word.octets),
            _ => {
                end(&mut run, &mut text);
                run = Some((word.charset.to_owned(), word.octets));
            }
        }
        rest = slice(rest, at + word.length..rest.len());
    }
    end(&mut run, &mut text);
    text.push_str(&charset(None, rest));
    plain(&text)
}

fn end(run: &mut Option<(String, Vec<u8>)>, text: &mut String) {
    if let Some((name, octets)) = run.take() {
        text.push_str(&charset(Some(&name), &octets));
    }
}

struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    length: usize,
}

/// The encoded word at the start of `bytes`: `=?charset*language?B|Q?data?=` (RFC 2047 §2, RFC 2231 §5).
fn word(bytes: &[u8]) -> Option<Word<'_>> {
    let bytes = slice(bytes, 0..bytes.len().min(LONGEST_WORD));
    let inner = bytes.strip_prefix(b"=?")?;
    let mark = memchr::memchr(b'?', inner)?;
    let charset = std::str::from_utf8(slice(inner, 0..mark)).ok()?.split('*').next()?;
    if charset.is_empty() || !charset.bytes().all(crate::content::is_token) {
        return None;
    }
    let [encoding, b'?', data @ ..] = slice(inner, mark + 1..inner.len()) else {
        return None;
    };
    let close = memchr::memmem::find(data, b"?=")?;
    let data = slice(data, 0..close);
    let octets = match encoding {
        b'B' | b'b' => decode_base64(data),
        b'Q' | b'q' => {
            let blanks: Vec<u8> = data.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
            decode_quoted_printable(&blanks)
        }
        _ => return None,
    };
    Some(Word { charset, octets, length: 2 + mark + 1 + 2 + close + 2 })
}

/// Without control characters (blanks stand for them) and without blanks around it.
#[must_use]
pub fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.trim().to_owned();
    }
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    flat.trim().to_owned()
}

/// `bytes` in the charset of this name; what it can't hold becomes U+FFFD.
///
/// Without a known name: UTF-8 when it is valid, else windows-1252.
#[must_use]
pub fn charset(name: Option<&str>, bytes: &[u8]) -> String {
    let encoding = name.and_then(|name| Encoding::for_label(name.trim().as_bytes()));
    match encoding {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    }
}

/// True if `bytes` are text in this charset without a fault: no bad sequence, no control characters but
/// those of text (tab, line ends, form feed, and escape where the charset shifts with it).
#[must_use]
pub fn fits(name: Option<&str>, bytes: &[u8]) -> bool {
    let encoding = name.map_or(Some(UTF_8), |name| Encoding::for_label(name.trim().as_bytes()));
    let Some(encoding) = encoding else {
        return bytes.iter().all(|byte| is_text(*byte));
    };
    let (text, faulty) = encoding.decode_without_bom_handling(bytes);
    !faulty && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\u{c}' | '\u{80}'..='\u{9f}'))
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | b'\n' | 0x0c | 0x1b | 0x20..=0x7e | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_and_unfolded() {
        assert_eq!(header(b" =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?iso-8859-1?B?IGF1cw==?= Bern"), "Grüße aus Bern");
        assert_eq!(header(b" plain\r\n text "), "plain text");
        assert_eq!(header(b"=?utf-8?Q?=C3?= =?UTF-8*de?Q?=BC?=.txt"), "ü.txt", "one character in two words");
        assert_eq!(header(b"=?x =?utf-8?Q?a?="), "=?x a");
        assert_eq!(header(b"a =?utf-8?X?b?= =?utf-8?B?Yg==?="), "a =?utf-8?X?b?= b");
        assert_eq!(header("Grüße".as_bytes()), "Grüße");
        assert_eq!(header(b"Gr\xfc\xdfe"), "Grüße", "windows-1252 as the last resort");
        assert_eq!(header(b""), "");
    }

    #[test]
    fn x_10_decoded_text_holds_no_line_end() {
        assert_eq!(header(b"=?utf-8?Q?a=0D=0ABcc:_b=00c?="), "a  Bcc: b c");
    }

    #[test]
    fn x_11_hostile_words_take_linear_time() {
        let hostile = [b"=?ab?Q?x ".repeat(30_000), b"?=".to_vec()].concat();
        assert!(header(&hostile).len() > 1_000, "must end at all");
    }

    #[test]
    fn charsets() {
        assert_eq!(charset(Some("iso-8859-15"), b"\xa4"), "€");
        assert_eq!(charset(Some("no-such"), "ü".as_bytes()), "ü");
        assert_eq!(charset(None, b"\xfc"), "ü");
        assert!(fits(Some("utf-8"), "ü\r\n".as_bytes()) && !fits(Some("utf-8"), b"\xfc") && !fits(None, b"\0"));
        assert!(fits(Some("iso-2022-jp"), b"\x1b$B$3\x1b(B"));
    }
}
