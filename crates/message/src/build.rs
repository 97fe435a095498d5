//! Mails of our own: notices, bounces, reports.
//!
//! A [`Builder`] collects header fields and content and gives the octets of one mail: 7-bit, CRLF, lines of
//! at most 76 in bodies, nothing that could begin a second field. It invents nothing: Date and Message-ID
//! are the caller's, boundaries are counted and checked against the content. Standards: RFC 5322, RFC 2045,
//! RFC 2046, RFC 2183, RFC 2231.

use bytes::Bytes;
use model::{Address, Timestamp};

use crate::encode;
use crate::transfer::{encode_base64, encode_quoted_printable};

/// A mail in the making.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    header: Vec<u8>,
    text: Option<String>,
    html: Option<String>,
    parts: Vec<Entity>,
    kind: Multipart,
}

/// How several parts belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multipart {
    /// One after the other.
    #[default]
    Mixed,
    /// multipart/report of this kind (RFC 6522): `delivery-status`, `disposition-notification`.
    Report(&'static str),
}

/// One part: its content fields and its body, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    header: Vec<u8>,
    body: Vec<u8>,
}

impl Entity {
    /// Text in UTF-8, quoted-printable or as it is when it is short lines of ASCII. `subtype`: `plain`, `html`.
    #[must_use]
    pub fn text(subtype: &str, text: &str) -> Self {
        let mut header = structured("Content-Type", &format!("text/{subtype}"), &[("charset".into(), "utf-8".into())]);
        let body = encode_quoted_printable(text.as_bytes());
        let encoding = if body == crlf(text.as_bytes()) { "7bit" } else { "quoted-printable" };
        header.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
        Self { header, body }
    }

    /// A file in base64. The name is shown to the receiver only; `content_type` is `kind/subtype`.
    #[must_use]
    pub fn attachment(name: &str, content_type: &str, content: &[u8]) -> Self {
        let value = if crate::content::content_type(content_type.as_bytes()).is_some() { content_type } else { "application/octet-stream" };
        let name = crate::text::plain(name);
        let mut header = structured("Content-Type", value, &[("name".into(), name.clone())]);
        header.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n");
        header.extend(structured("Content-Disposition", "attachment", &[("filename".into(), name)]));
        Self { header, body: encode_base64(content) }
    }

    /// A file as a rule attaches it: with a content id (without angle brackets) it is shown where HTML names it.
    #[must_use]
    pub fn file(name: &str, content_type: Option<&str>, content_id: Option<&str>, content: &[u8]) -> Self {
        let mut file = Self::attachment(name, content_type.unwrap_or("application/octet-stream"), content);
        if let Some(id) = content_id {
            let shown = structured("Content-Disposition", "inline", &[("filename".into(), crate::text::plain(name))]);
            let kept = crate::header::scan(&file.header, 0, None, |_| false);
            let fields = kept.map(|section| {
                let all = crate::header::fields(&file.header, &section.items).filter(|field| !field.is("content-disposition"));
                all.flat_map(|field| file.header.get(field.range.clone()).unwrap_or_default().to_vec()).collect::<Vec<u8>>()
            });
            file.header = [fields.unwrap_or_default(), shown, encode::field("Content-ID", &format!("<{id}>"))].concat();
        }
        file
    }

    /// A text with a name, shown where it stands.
    #[must_use]
    pub fn named_text(name: &str, text: &str) -> Self {
        let mut entity = Self::text("plain", text);
        entity.header.extend(structured("Content-Disposition", "inline", &[("filename".into(), crate::text::plain(name))]));
        entity
    }

    /// An entity that is there already: header, empty line, body. Its MIME-Version belongs to a message and is left out.
    #[must_use]
    pub fn of(entity: &[u8]) -> Self {
        let Ok(section) = crate::header::scan(entity, 0, None, |_| false) else {
            return Self { header: Vec::new(), body: entity.to_vec() };
        };
        let fields = crate::header::fields(entity, &section.items).filter(|field| !field.is("mime-version"));
        let header = fields.flat_map(|field| entity.get(field.range.clone()).unwrap_or_default().to_vec()).collect();
        Self { header, body: entity.get(section.body..).unwrap_or_default().to_vec() }
    }

    /// A whole message as it is (RFC 2046 §5.2.1 allows no encoding around it).
    #[must_use]
    pub fn message(message: &[u8]) -> Self {
        let mut header = b"Content-Type: message/rfc822\r\n".to_vec();
        if !message.is_ascii() {
            header.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
        }
        Self { header, body: crlf(message) }
    }

    /// Short lines of ASCII under a fixed type: `message/delivery-status`, `text/rfc822-headers`.
    #[must_use]
    pub fn lines(content_type: &str, lines: &[u8]) -> Self {
        let mut header = format!("Content-Type: {}\r\n", crate::text::plain(content_type)).into_bytes();
        if !lines.is_ascii() {
            header.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
        }
        Self { header, body: crlf(lines) }
    }

    /// Header, empty line, body.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        [self.header.as_slice(), b"\r\n", &self.body].concat()
    }
}

impl Builder {
    /// An empty mail.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header field; see [`crate::encode::field`]. Fields stand in the order of the calls.
    #[must_use]
    pub fn header(mut self, name: &str, text: &str) -> Self {
        if let Some(name) = encode::name(name) {
            self.header.extend(encode::field(&name, text));
        }
        self
    }

    /// Adds an address field (From, To, Cc, Reply-To).
    #[must_use]
    pub fn mailbox(self, field: &str, name: Option<&str>, address: &Address) -> Self {
        let text = encode::mailbox(name, address);
        self.header(field, &text)
    }

    /// Adds the Date field.
    #[must_use]
    pub fn date(self, now: Timestamp) -> Self {
        self.header("Date", &now.rfc5322())
    }

    /// Adds the Message-ID field: `unique@domain` without angle brackets.
    #[must_use]
    pub fn message_id(self, id: &str) -> Self {
        self.header("Message-ID", &format!("<{id}>"))
    }

    /// The text for people.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// The same text in HTML; with [`Self::text`] both become multipart/alternative.
    #[must_use]
    pub fn html(mut self, html: &str) -> Self {
        self.html = Some(html.to_owned());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn attach(self, name: &str, content_type: &str, content: &[u8]) -> Self {
        self.part(Entity::attachment(name, content_type, content))
    }

    /// Adds any part.
    #[must_use]
    pub fn part(mut self, part: Entity) -> Self {
        self.parts.push(part);
        self
    }

    /// How the text and the parts belong together; mixed without this call.
    #[must_use]
    pub fn multipart(mut self, kind: Multipart) -> Self {
        self.kind = kind;
        self
    }

    /// The mail.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let (mut mail, kind) = (self.header, self.kind);
        let shown = match (&self.text, &self.html) {
            (Some(text), Some(html)) => Some(join("alternative", &[], &[Entity::text("plain", text), Entity::text("html", html)])),
            (Some(text), None) => Some(Entity::text("plain", text)),
            (None, Some(html)) => Some(Entity::text("html", html)),
            (None, None) => None,
        };
        let mut parts: Vec<Entity> = shown.into_iter().chain(self.parts).collect();
        let entity = match (parts.len(), kind) {
            (0, Multipart::Mixed) => Entity::text("plain", ""),
            (1, Multipart::Mixed) => parts.swap_remove(0),
            (_, Multipart::Mixed) => join("mixed", &[], &parts),
            (_, Multipart::Report(kind)) => join("report", &[("report-type".into(), kind.into())], &parts),
        };
        mail.extend_from_slice(b"MIME-Version: 1.0\r\n");
        mail.extend(entity.finish());
        mail.into()
    }
}

/// The message with one part more, behind all others: in its own multipart/mixed, or in one around what it is now. What is there stays
/// octet by octet, so that a signature in it stays good.
#[must_use]
pub fn appended(message: &crate::Message, part: &Entity) -> Bytes {
    let (root, mut edit, new) = (message.root(), message.edit(), part.finish());
    let boundary = root.content_type.param("boundary").filter(|_| root.content_type.is("multipart", "mixed"));
    if let (Some(boundary), Some(last)) = (boundary, root.children.last()) {
        let delimiter = format!("--{boundary}");
        let end = last.entity_range().end;
        let closed = message
            .bytes()
            .get(end..)
            .is_some_and(|rest| rest.strip_prefix(b"\r\n").unwrap_or(rest).starts_with(format!("{delimiter}--").as_bytes()));
        if closed && memchr::memmem::find(&new, delimiter.as_bytes()).is_none() {
            let body = new.strip_suffix(b"\r\n").unwrap_or(&new);
            edit.splice(end..end, [b"\r\n", delimiter.as_bytes(), b"\r\n", body].concat().into());
            return edit.finish();
        }
    }
    let around = join("mixed", &[], &[Entity::of(&crate::entity::of(message)), part.clone()]);
    edit.replace_entity(around.finish());
    edit.finish()
}

/// A multipart of these parts, with a boundary that is in none of them.
#[must_use]
pub fn join(subtype: &str, params: &[(String, String)], parts: &[Entity]) -> Entity {
    let whole: Vec<Vec<u8>> = parts.iter().map(Entity::finish).collect();
    let boundary = boundary(&whole);
    let params: Vec<(String, String)> = params.iter().cloned().chain([("boundary".to_owned(), boundary.clone())]).collect();
    let mut header = structured("Content-Type", &format!("multipart/{subtype}"), &params);
    if whole.iter().any(|part| !part.is_ascii()) {
        header.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
    }
    let mut body = Vec::new();
    for part in &whole {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Entity { header, body }
}

/// The first of a counted series that no part holds. `=_` can't stand in base64 or quoted-printable
/// (RFC 2045 §6.7, note 5), so one look is nearly always enough.
fn boundary(parts: &[Vec<u8>]) -> String {
    let mut number = 1u64;
    loop {
        let candidate = format!("=_sealgate_{number}_");
        let finder = memchr::memmem::Finder::new(&candidate);
        if parts.iter().all(|part| finder.find(part).is_none()) {
            return candidate;
        }
        number += 1;
    }
}

/// A field with parameters, one a line. Values that are not ASCII go in RFC 2231 form, others in quotes.
#[must_use]
pub fn structured(name: &str, value: &str, params: &[(String, String)]) -> Vec<u8> {
    let mut field = format!("{name}: {}", crate::text::plain(value));
    for (param, value) in params {
        let value = crate::text::plain(value);
        let long = value.len() > 60;
        if value.is_ascii() && !long {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            field.push_str(&format!(";\r\n {param}=\"{escaped}\""));
            continue;
        }
        for (place, piece) in extended(&value).iter().enumerate() {
            let charset = if place == 0 { "utf-8''" } else { "" };
            field.push_str(&format!(";\r\n {param}*{place}*={charset}{piece}"));
        }
    }
    field.push_str("\r\n");
    field.into_bytes()
}

/// Percent-encoded pieces of at most 50 octets (RFC 2231 §4).
fn extended(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for byte in value.bytes() {
        let next = if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") };
        match pieces.last_mut() {
            Some(piece) if piece.len() + next.len() <= 50 => piece.push_str(&next),
            _ => pieces.push(next),
        }
    }
    pieces
}

/// With CRLF at each line's end.
pub(crate) fn crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    for line in crate::bytes_of::lines(text) {
        out.extend_from_slice(crate::bytes_of::slice(text, line.start..line.content));
        if line.end > line.content {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;
    use model::Budget;

    fn read(bytes: Bytes) -> Message {
        Message::parse(bytes, &Budget::default()).unwrap()
    }

    #[test]
    fn a_mail_with_everything() {
        let from = Address::parse("gate@company.example").unwrap();
        let mail = Builder::new()
            .mailbox("From", Some("Wächter"), &from)
            .date(Timestamp(1_795_297_474_000_000))
            .message_id("1@company.example")
            .header("Subject", "Prüfung")
            .text("Grüße\n")
            .html("<p>Grüße</p>")
            .attach("Plän \"1\".pdf", "application/pdf", &[0, 1, 2, 255])
            .part(Entity::message(b"From: a@b.example\n\n--=_sealgate_1_\nx"))
            .finish();
        assert!(mail.is_ascii());
        let message = read(mail);
        assert_eq!(message.anomalies(), []);
        assert_eq!(message.sole_from().unwrap(), from);
        assert_eq!(message.decoded("date").unwrap(), "Sat, 21 Nov 2026 21:44:34 +0000");
        let tree: Vec<String> = message.parts().map(|part| format!("{} {}", part.id, part.content_type)).collect();
        let expected = [
            "1 multipart/mixed",
            "1.1 multipart/alternative",
            "1.1.1 text/plain",
            "1.1.2 text/html",
            "1.2 application/pdf",
            "1.3 message/rfc822",
            "1.3.1 text/plain",
        ];
        assert_eq!(tree, expected);
        let file = message.part("1.2").unwrap();
        assert_eq!(file.name.as_deref(), Some("Plän \"1\".pdf"));
        assert_eq!(file.decode(&message, &Budget::default()).unwrap().as_ref(), [0, 1, 2, 255]);
        assert_eq!(message.part("1.1.1").unwrap().text(&message, &Budget::default()).unwrap(), "Grüße\r\n");
    }

    #[test]
    fn x_10_nothing_given_begins_a_field() {
        let mail = Builder::new()
            .header("X-A\r\nBcc", "x\r\nBcc: eve@evil.example")
            .message_id("a>\r\nBcc: eve@evil.example")
            .text("x")
            .attach("a\"\r\nBcc: eve@evil.example", "text/x\r\nBcc: eve", b"")
            .finish();
        let message = read(mail);
        assert_eq!(message.decoded("bcc"), None);
        assert!(message.parts().all(|part| part.fields(&message).iter().all(|field| !field.is("bcc"))));
    }

    #[test]
    fn m_r1_a_part_is_appended_and_what_was_there_stays() {
        let part = Entity::named_text("report.txt", "Grüße");
        let mixed = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b--\r\npost\r\n";
        let message = read(appended(&read(Bytes::from_static(mixed.as_bytes())), &part));
        assert_eq!(message.root().children.len(), 2);
        assert!(message.bytes().ends_with(b"\r\n--b--\r\npost\r\n") && message.bytes().starts_with(&mixed.as_bytes()[..mixed.len() - 14]));
        assert_eq!((message.part("1.2").unwrap().name.as_deref(), message.anomalies()), (Some("report.txt"), Vec::new()));
        let signed = b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nX: y\r\n\r\none \r\n--b--\r\n";
        let message = read(appended(&read(Bytes::from_static(signed)), &part));
        let tree: Vec<String> = message.parts().map(|part| format!("{} {}", part.id, part.content_type)).collect();
        assert_eq!(tree, ["1 multipart/mixed", "1.1 multipart/signed", "1.1.1 text/plain", "1.2 text/plain"]);
        assert!(memchr::memmem::find(message.bytes(), b"--b\r\nX: y\r\n\r\none \r\n--b--").is_some(), "octet by octet");
        let logo = Entity::file("logo.png", Some("image/png"), Some("logo@x"), b"PNG");
        let message = read(appended(&read(Bytes::from_static(b"Subject: x\r\n\r\none\r\n")), &logo));
        let file = message.part("1.2").unwrap();
        assert_eq!((file.content_id.as_deref(), file.disposition.as_ref().unwrap().kind.as_str()), (Some("logo@x"), "inline"));
    }

    #[test]
    fn long_names_are_split() {
        let name = "ä".repeat(100);
        let message = read(Builder::new().text("x").attach(&name, "a/b", b"x").finish());
        assert_eq!(message.part("1.2").unwrap().name.as_deref(), Some(name.as_str()));
    }
}
