//! Header fields as they are written: folding and RFC 2047.
//!
//! Text from rules, templates and people comes in here and leaves as octets of one field. CR, LF and NUL
//! never enter a header (security.md X-10): control characters become blanks. Lines stay below 78 octets
//! where blanks allow (RFC 5322 §2.1.1), encoded words below 75 (RFC 2047 §2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::address::{self, Mailbox};

/// Where a line is folded if it can be.
const FOLD: usize = 78;
/// Longest encoded word that we make: with a short field name in front the line still fits.
const WORD: usize = 66;
/// A run of octets without a blank that is encoded so that it can be folded (RFC 5322 §2.1.1 allows 998).
const UNFOLDABLE: usize = 900;
/// Fields that hold addresses: only their display names are encoded.
const ADDRESSES: [&str; 12] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "disposition-notification-to",
    "return-receipt-to",
];
/// Fields with a syntax of their own, which RFC 2047 words would break.
const STRUCTURED: [&str; 9] = [
    "content-type",
    "content-disposition",
    "content-transfer-encoding",
    "message-id",
    "in-reply-to",
    "references",
    "date",
    "received",
    "mime-version",
];

/// A field name of `name`: printable ASCII without colon; `None` if nothing is left.
#[must_use]
pub fn name(name: &str) -> Option<String> {
    let clean: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != ':').collect();
    (!clean.is_empty()).then_some(clean)
}

/// One whole field, encoded, folded, ended by CRLF. `name` must be a field name.
#[must_use]
pub fn field(name: &str, text: &str) -> Vec<u8> {
    let clean = clean(text);
    let lower = name.to_ascii_lowercase();
    let value = if ADDRESSES.contains(&lower.as_str()) {
        addresses(&clean)
    } else if STRUCTURED.contains(&lower.as_str()) {
        clean
    } else {
        unstructured(&clean)
    };
    fold(name, &value)
}

/// A mailbox as a field holds it: display name quoted or encoded, address in angle brackets.
#[must_use]
pub fn mailbox(name: Option<&str>, address: &model::Address) -> String {
    let name = name.map(clean).filter(|name| !name.is_empty());
    match name {
        None => address.to_string(),
        Some(name) => format!("{} <{address}>", phrase(&name)),
    }
}

/// Control characters become blanks; no blanks around it.
fn clean(text: &str) -> String {
    crate::text::plain(text)
}

fn phrase(name: &str) -> String {
    let atoms = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/^_`{|}~".contains(c);
    if name.chars().all(atoms) && !name.contains("  ") {
        return name.to_owned();
    }
    if name.is_ascii() && !name.contains("=?") {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    words(name).join(" ")
}

/// What can't be read as addresses is escaped as text: it is no address field any more, and no injection.
fn addresses(text: &str) -> String {
    match address::list(text.as_bytes()) {
        Ok(_) if text.is_ascii() => text.to_owned(),
        Ok(all) => {
            let each = |Mailbox { name, address }: &Mailbox| mailbox(name.as_deref(), address);
            all.iter().map(each).collect::<Vec<_>>().join(", ")
        }
        Err(_) => unstructured(text),
    }
}

/// Encodes the words that need it, and no others.
fn unstructured(text: &str) -> String {
    let needs = |word: &str| !word.is_ascii() || word.contains("=?") || word.len() > UNFOLDABLE;
    let mut out: Vec<String> = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        // Blanks between two words that both need it belong to the text and are encoded with them.
        if needs(word) || (word.is_empty() && !run.is_empty()) {
            run.push(word);
            continue;
        }
        flush(&mut run, &mut out);
        out.push(word.to_owned());
    }
    flush(&mut run, &mut out);
    out.join(" ")
}

/// Encodes a run of words; blanks behind the last one stay outside.
fn flush(run: &mut Vec<&str>, out: &mut Vec<String>) {
    let used = run.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1);
    let blanks = run.split_off(used);
    if !run.is_empty() {
        out.extend(words(&std::mem::take(run).join(" ")));
    }
    out.extend(blanks.into_iter().map(str::to_owned));
}

/// Encoded words for all of `text`, each of whole characters.
fn words(text: &str) -> Vec<String> {
    let special = text.bytes().filter(|byte| !is_q(*byte)).count();
    let q = special * 3 < text.len();
    let room = WORD - "=?utf-8?Q??=".len();
    let mut all = Vec::new();
    let mut chunk = String::new();
    for c in text.chars() {
        let mut next = chunk.clone();
        next.push(c);
        let size = if q { quoted(&next).len() } else { next.len().div_ceil(3) * 4 };
        if size > room {
            all.push(word(&chunk, q));
            chunk.clear();
        }
        chunk.push(c);
    }
    all.push(word(&chunk, q));
    all
}

fn word(chunk: &str, q: bool) -> String {
    if q { format!("=?utf-8?Q?{}?=", quoted(chunk)) } else { format!("=?utf-8?B?{}?=", STANDARD.encode(chunk)) }
}

fn quoted(chunk: &str) -> String {
    let each = |byte: u8| match byte {
        b' ' => "_".to_owned(),
        _ if is_q(byte) => (byte as char).to_string(),
        _ => format!("={byte:02X}"),
    };
    chunk.bytes().map(each).collect()
}

/// Octets that stand for themselves in a Q word even inside a phrase (RFC 2047 §5).
fn is_q(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" !*+-/".contains(&byte)
}

fn fold(name: &str, value: &str) -> Vec<u8> {
    let mut out = format!("{name}:").into_bytes();
    let mut column = out.len();
    for (place, word) in value.split(' ').enumerate() {
        // A line of blanks alone would be read as the header's end by careless programs.
        if place > 0 && !word.is_empty() && column + 1 + word.len() > FOLD {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
        column += 1 + word.len();
    }
    while out.ends_with(b" ") {
        out.pop();
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn line(name: &str, value: &str) -> String {
        String::from_utf8(field(name, value)).unwrap()
    }

    #[test]
    fn ascii_stays_as_it_is() {
        assert_eq!(line("Subject", "Hello there"), "Subject: Hello there\r\n");
        assert_eq!(line("X-Empty", ""), "X-Empty:\r\n");
    }

    #[test]
    fn only_words_that_need_it_are_encoded() {
        assert_eq!(line("Subject", "[secure] Grüße aus Bern"), "Subject: [secure] =?utf-8?B?R3LDvMOfZQ==?= aus Bern\r\n");
        for hard in
            ["ü ö  ä", "日本語のとても長い件名です。日本語のとても長い件名です。日本語のとても長い件名です。", "=?x", "a =?utf-8?Q?b?= c"]
        {
            let encoded = line("Subject", hard);
            assert!(encoded.is_ascii() && encoded.lines().all(|l| l.len() <= 78), "{encoded}");
            assert_eq!(text::header(encoded.strip_prefix("Subject:").unwrap().as_bytes()), hard);
        }
    }

    #[test]
    fn x_10_control_characters_never_enter_a_header() {
        let made = line("X-A", "one\r\nBcc: eve@evil.example\0\x0b");
        assert_eq!(made, "X-A: one  Bcc: eve@evil.example\r\n");
        assert_eq!(name("X\r\n: y\u{e4}"), Some("Xy".to_owned()));
        assert_eq!(name(":\n"), None);
    }

    #[test]
    fn long_values_are_folded_and_unfold_to_the_same() {
        let value = "word ".repeat(100);
        let made = line("X-Long", &value);
        assert!(made.lines().all(|l| l.len() <= 78 && !l.trim().is_empty()));
        assert_eq!(text::header(made.strip_prefix("X-Long:").unwrap().as_bytes()), value.trim());
        let solid = line("X-Solid", &"x".repeat(2000));
        assert!(solid.lines().all(|l| l.len() <= 998));
    }

    #[test]
    fn addresses_keep_their_addresses() {
        assert!(line("From", "Jürg <j@example.com>, x").contains("=?"), "unreadable: text only");
        assert_eq!(line("To", "\"Jürg\" <j@example.com>"), "To: =?utf-8?B?SsO8cmc=?= <j@example.com>\r\n");
        let address = model::Address::parse("j@example.com").unwrap();
        assert_eq!(mailbox(Some("A \"B\", C"), &address), "\"A \\\"B\\\", C\" <j@example.com>");
    }
}
