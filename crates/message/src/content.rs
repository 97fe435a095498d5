//! `Content-Type` and `Content-Disposition`: a value and its parameters.
//!
//! RFC 2045 §5.1 with RFC 2231 (continuations, charsets) and, because every mail program does so, RFC 2047
//! words inside quotes. What two programs could read in two ways is noted in [`Parsed::doubtful`].

use std::collections::BTreeMap;

use crate::header::unfold;
use crate::text;

/// What a part is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `text`, `multipart`, …, lower case.
    pub kind: String,
    /// `plain`, `mixed`, …, lower case.
    pub subtype: String,
    /// Parameters in their order: lower-case name, decoded value. The first of equal names counts.
    pub params: Vec<(String, String)>,
}

impl ContentType {
    /// True for this type in lower case: `is("text", "plain")`.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind == kind && self.subtype == subtype
    }

    /// True for any multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.kind == "multipart"
    }

    /// True for what holds a message of its own (RFC 2046 §5.2.1, RFC 6532 §3.7).
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.kind == "message" && matches!(self.subtype.as_str(), "rfc822" | "global" | "news")
    }

    /// The first parameter of this lower-case name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        find(&self.params, name)
    }

    pub(crate) fn new(kind: &str, subtype: &str) -> Self {
        Self { kind: kind.to_owned(), subtype: subtype.to_owned(), params: Vec::new() }
    }
}

impl Default for ContentType {
    /// What counts where nothing is said (RFC 2045 §5.2).
    fn default() -> Self {
        Self::new("text", "plain")
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

/// How a part wants to be shown (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`, or another word; lower case.
    pub kind: String,
    /// Parameters as in [`ContentType::params`].
    pub params: Vec<(String, String)>,
}

impl Disposition {
    /// The first parameter of this lower-case name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        find(&self.params, name)
    }

    /// Reads a field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let parsed = parse(value);
        Self { kind: parsed.value, params: parsed.params }
    }
}

/// A structured value: what stands before the first semicolon, and the parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Lower case, without blanks and comments.
    pub value: String,
    /// Lower-case names, decoded values.
    pub params: Vec<(String, String)>,
    /// Names of parameters that are said twice, or in a form that some readers don't know
    /// (RFC 2231 for a boundary).
    pub doubtful: Vec<String>,
}

/// Reads a content type; `None` if it is not `type/subtype` (RFC 2045 §5.2: then the default counts).
#[must_use]
pub fn content_type(value: &[u8]) -> Option<(ContentType, Vec<String>)> {
    let parsed = parse(value);
    let (kind, subtype) = parsed.value.split_once('/')?;
    let proper = |word: &str| !word.is_empty() && word.bytes().all(is_token);
    (proper(kind) && proper(subtype))
        .then(|| (ContentType { kind: kind.to_owned(), subtype: subtype.to_owned(), params: parsed.params }, parsed.doubtful))
}

/// Reads any value with parameters.
#[must_use]
pub fn parse(value: &[u8]) -> Parsed {
    let flat = unfold(value);
    let mut pieces = pieces(&flat).into_iter();
    let first = pieces.next().unwrap_or_default();
    let mut parsed = Parsed { value: lower(&first.name), ..Parsed::default() };
    let mut long: BTreeMap<String, Vec<Section>> = BTreeMap::new();
    for piece in pieces {
        let name = lower(&piece.name);
        let Some(bytes) = piece.value else { continue };
        match section(&name, &bytes) {
            Some((base, part)) => {
                parsed.doubtful.push(base.clone());
                long.entry(base).or_default().push(part);
            }
            None if find(&parsed.params, &name).is_some() => parsed.doubtful.push(name),
            // A boundary is compared as it stands; the rest is for people.
            None if name == "boundary" => parsed.params.push((name, String::from_utf8_lossy(&bytes).into_owned())),
            None => parsed.params.push((name, text::header(&bytes))),
        }
    }
    for (name, parts) in long {
        let value = join(parts);
        // RFC 2231 wins over a plain form for readers of old, which stands beside it.
        match parsed.params.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => parsed.params.push((name, value)),
        }
    }
    parsed
}

#[derive(Default)]
struct Piece {
    name: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Piece {
    fn push(&mut self, byte: u8) {
        self.value.as_mut().unwrap_or(&mut self.name).push(byte);
    }
}

/// Splits at semicolons outside quotes and comments, and each piece at its first equals sign.
fn pieces(flat: &[u8]) -> Vec<Piece> {
    let mut all = Vec::new();
    let mut piece = Piece::default();
    let (mut quoted, mut was_quoted, mut comment) = (false, false, 0usize);
    let mut bytes = flat.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quoted || comment > 0 => {
                let escaped = bytes.next();
                if comment == 0 {
                    escaped.into_iter().for_each(|byte| piece.push(byte));
                }
            }
            b'"' if comment == 0 => {
                quoted = !quoted;
                was_quoted = true;
            }
            _ if quoted => piece.push(byte),
            b'(' => comment += 1,
            b')' if comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            b';' => {
                all.push(finish(std::mem::take(&mut piece), was_quoted));
                was_quoted = false;
            }
            b'=' if piece.value.is_none() && !all.is_empty() => piece.value = Some(Vec::new()),
            b' ' | b'\t' if was_quoted => {}
            _ => piece.push(byte),
        }
    }
    all.push(finish(piece, was_quoted));
    all
}

fn finish(mut piece: Piece, was_quoted: bool) -> Piece {
    piece.name.retain(|byte| !byte.is_ascii_whitespace());
    if let (Some(value), false) = (&mut piece.value, was_quoted) {
        *value = value.trim_ascii().to_vec();
    }
    piece
}

struct Section {
    number: usize,
    encoded: bool,
    bytes: Vec<u8>,
}

/// `name*`, `name*3`, `name*3*` (RFC 2231 §3 and §4); `None` for a plain name.
fn section(name: &str, bytes: &[u8]) -> Option<(String, Section)> {
    let (base, rest) = name.split_once('*')?;
    let encoded = rest.is_empty() || rest.ends_with('*');
    let number = rest.trim_end_matches('*').parse().unwrap_or(0);
    Some((base.to_owned(), Section { number, encoded, bytes: bytes.to_vec() }))
}

fn join(mut parts: Vec<Section>) -> String {
    parts.sort_by_key(|part| part.number);
    let mut charset = None;
    let mut all = Vec::new();
    for (place, part) in parts.into_iter().enumerate() {
        if !part.encoded {
            all.extend(part.bytes);
            continue;
        }
        let mut value = part.bytes.as_slice();
        if place == 0 {
            let mut split = part.bytes.splitn(3, |byte| *byte == b'\'');
            if let (Some(name), Some(_), Some(rest)) = (split.next(), split.next(), split.next()) {
                charset = Some(String::from_utf8_lossy(name).into_owned());
                value = rest;
            }
        }
        all.extend(percent(value));
    }
    text::plain(&text::charset(charset.as_deref(), &all))
}

fn percent(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        let hex = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'%', [high, low, more @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                plain.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                rest = more;
            }
            _ => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}

fn find<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).to_ascii_lowercase()
}

/// RFC 2045 §5.1 `token`.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(value: &str, name: &str) -> String {
        content_type(value.as_bytes()).unwrap().0.param(name).unwrap_or("-").to_owned()
    }

    #[test]
    fn parameters_in_all_their_forms() {
        assert_eq!(param("Text/Plain (a; b=\"c); CharSet = \"utf-8\" ; x=y", "charset"), "utf-8");
        assert_eq!(param("a/b; name=\"a;\\\"b\"", "name"), "a;\"b");
        assert_eq!(param("a/b; name=a b.txt", "name"), "a b.txt", "unquoted blanks are common");
        assert_eq!(param("a/b; name*=utf-8''%C3%BC%20.txt", "name"), "ü .txt");
        assert_eq!(param("a/b; name*1=b.txt; name*0*=iso-8859-1'de'%FC", "name"), "üb.txt");
        assert_eq!(param("a/b; name=old.txt; name*=utf-8''new.txt", "name"), "new.txt");
        assert_eq!(param("a/b; name=\"=?utf-8?Q?=C3=BC?=.txt\"", "name"), "ü.txt");
        assert_eq!(param("a/b;\r\n\tname=\"x\r\n y\"", "name"), "x y");
    }

    #[test]
    fn what_is_no_type_is_none() {
        for bad in ["", "text", "text/", "/plain", "te xt/pl@in", "text plain"] {
            assert!(content_type(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn x_9_doubtful_parameters_are_named() {
        let doubtful = |value: &str| content_type(value.as_bytes()).unwrap().1;
        assert_eq!(doubtful("multipart/mixed; boundary=a; boundary=b"), ["boundary"]);
        assert_eq!(doubtful("multipart/mixed; boundary*0=a; boundary*1=b"), ["boundary", "boundary"]);
        assert!(doubtful("multipart/mixed; boundary=a; charset=b").is_empty());
    }
}
