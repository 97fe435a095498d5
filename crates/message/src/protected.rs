//! Header protection (RFC 9788): a message's fields inside what is signed or encrypted.
//!
//! On the way out [`compose`] makes the entity that is signed or encrypted, and [`hide`] takes from the outer header what only the
//! recipients shall read. On the way in [`read`] says what the sender protected; whether that may be believed is for whoever has checked
//! the signature, and nothing here is taken over by itself (CVE-2026-27443). Fields that describe content (MIME-Version, Content-*) are
//! structure and no part of it (§1.1).

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::addition::{self, Addition};
use crate::bytes_of::{lines, slice, trim_end};
use crate::edit::is_content_name;
use crate::{Edit, Message, header};

/// What stands outside for a subject that is hidden (hcp_baseline, RFC 9788 §3.2.1).
pub const HIDDEN: &str = "[...]";
/// Fields that hcp_baseline takes away outside.
const TAKEN: [&str; 2] = ["comments", "keywords"];
/// The field that says what stands outside (RFC 9788 §2.2).
const OUTER: &str = "HP-Outer";

/// How the protected content is to be read (the `hp` parameter, RFC 9788 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Signed; the same fields stand outside.
    Clear,
    /// Encrypted too; outside they may be others.
    Cipher,
}

impl Form {
    const fn word(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Cipher => "cipher",
        }
    }
}

/// Fields that are the way's or ours and not the author's, and Bcc, of which no copy may tell.
fn is_authors(name: &str) -> bool {
    const WAY: [&str; 10] = [
        "received",
        "return-path",
        "delivered-to",
        "dkim-signature",
        "authentication-results",
        "received-spf",
        "bcc",
        "resent-bcc",
        "hp-outer",
        "x-original-to",
    ];
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    !is_content_name(name) && !WAY.iter().any(|way| name.eq_ignore_ascii_case(way)) && !starts("arc-") && !starts("x-sealgate-")
}

/// The message's entity with its author's fields inside. `None` where its Content-Type has an `hp` already, which says something of
/// its own, and where a field is beyond US-ASCII: what is signed must pass every server. With [`Form::Cipher`] it tells too what stands outside: the same as inside, or as [`hide`] leaves it if `hidden`.
#[must_use]
pub fn compose(message: &Message, form: Form, hidden: bool) -> Option<Bytes> {
    if message.root().content_type.param("hp").is_some() {
        return None;
    }
    if message.fields().any(|field| is_authors(field.name) && !field.value.is_ascii()) {
        return None;
    }
    let mut entity = Vec::with_capacity(message.body().len() + 2 * message.header().len() + 200);
    let mut outer = Vec::new();
    for field in message.fields().filter(|field| is_authors(field.name)) {
        let raw = tidy(slice(message.bytes(), field.range.clone()));
        if form == Form::Cipher {
            let name = field.name.to_ascii_lowercase();
            match name.as_str() {
                "subject" if hidden => outer.extend_from_slice(format!("{OUTER}: Subject: {HIDDEN}\r\n").as_bytes()),
                _ if hidden && TAKEN.contains(&name.as_str()) => {}
                _ => outer.extend_from_slice(&[OUTER.as_bytes(), b": ", &raw].concat()),
            }
        }
        entity.extend_from_slice(&raw);
    }
    entity.extend_from_slice(&outer);
    let plain = crate::entity::of(message);
    let section = header::scan(&plain, 0, None, |_| false).ok()?;
    for field in header::fields(&plain, &section.items) {
        let raw = tidy(slice(&plain, field.range.clone()));
        if field.is("content-type") {
            let end = raw.iter().rposition(|octet| !matches!(octet, b'\r' | b'\n' | b' ' | b'\t' | b';')).map_or(0, |at| at + 1);
            entity.extend_from_slice(raw.get(..end).unwrap_or_default());
            entity.extend_from_slice(format!(";\r\n hp=\"{}\"\r\n", form.word()).as_bytes());
        } else {
            entity.extend_from_slice(&raw);
        }
    }
    entity.extend_from_slice(b"\r\n");
    entity.extend_from_slice(slice(&plain, section.body..plain.len()));
    Some(entity.into())
}

/// The field with CRLF line ends and without blanks before them, as what is signed must be (RFC 8551 §3.1.2).
fn tidy(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len() + 2);
    for line in lines(field) {
        let text = trim_end(slice(field, line.start..line.content));
        if !text.is_empty() {
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

/// The message with its subject in front of what people read, for programs that don't know the standard (RFC 9788 §5.2.2, §5.2.3); those
/// that do leave the marked text out. `None` where there is no subject or no text.
///
/// # Errors
/// When the budget runs out.
pub fn displayed(message: &Message, budget: &Budget) -> Result<Option<Bytes>, Exhausted> {
    let subject = message.decoded("subject").unwrap_or_default();
    if subject.trim().is_empty() {
        return Ok(None);
    }
    let text = format!("Subject: {subject}\r\n");
    let escaped = subject.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let html = format!("<div class=\"header-protection-legacy-display\"><pre>Subject: {escaped}</pre></div>");
    let mark = Some(("hp-legacy-display", "1"));
    addition::add(message, Addition { text: &text, html: &html, top: true, mark }, budget)
}

/// Takes from the outer header what hcp_baseline hides: the subject's text, comments, keywords.
pub fn hide(edit: &mut Edit) {
    edit.map("subject", |_| Some(HIDDEN.to_owned()));
    for name in TAKEN {
        edit.remove(name);
    }
}

/// What a sender protected: the fields of a payload whose Content-Type has `hp`.
#[derive(Debug, Clone)]
pub struct Protected {
    /// Which form it says it has.
    pub form: Form,
    payload: Message,
}

/// The protected fields of a payload: what was signed or encrypted, as a message by itself. `None` without header protection.
#[must_use]
pub fn read(payload: &Message) -> Option<Protected> {
    let form = match payload.root().content_type.param("hp")? {
        "clear" => Form::Clear,
        "cipher" => Form::Cipher,
        _ => return None,
    };
    Some(Protected { form, payload: payload.clone() })
}

/// Fields that people read and answer by; of these the protected ones count, and what is not inside is not the author's
/// (RFC 9788 §4.3). The subject is the caller's. Not From: the outer one is what every judgement goes by.
const READ: [&str; 6] = ["to", "cc", "date", "reply-to", "keywords", "comments"];

/// Of those, what a sender may have hidden by the baseline.
const HIDEABLE: [&str; 2] = ["keywords", "comments"];

impl Protected {
    /// The payload's own From, by the strict reading; `None` if it has none.
    #[must_use]
    pub fn author(&self) -> Option<Result<model::Address, crate::FromError>> {
        self.payload.fields_named("from").next().map(|_| self.payload.author())
    }

    /// The protected subject, decoded; `None` unless there is exactly one.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let mut all = self.payload.decoded_all("subject");
        all.pop().filter(|_| all.is_empty())
    }

    /// What the sender says that stood outside for this field: the decoded text of each.
    #[must_use]
    pub fn outside(&self, name: &str) -> Vec<String> {
        let own = |text: String| text.split_once(':').map(|(field, value)| (field.trim().to_owned(), value.trim().to_owned()));
        let all = self.payload.decoded_all(OUTER).into_iter().filter_map(own);
        all.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// Puts what was protected in place of what stands outside, but for the subject, whose text is the caller's (it knows our marks).
    /// `all`: a signature vouches for them; else only what the baseline took away comes back. Fields that are alike stay byte for byte,
    /// and so does one that is inside twice: two programs could take different ones (security.md X-9).
    pub fn restore(&self, outer: &Message, edit: &mut Edit, all: bool) {
        let names = if all { &READ[..] } else { &HIDEABLE[..] };
        for name in names {
            let (inside, outside) = (self.payload.decoded_all(name), outer.decoded_all(name));
            if inside == outside || inside.len() > 1 || (!all && !outside.is_empty()) {
                continue;
            }
            edit.remove(name);
            for field in self.payload.fields_named(name) {
                // A field that can't stand in a header is left out.
                let _ = edit.append_raw(&tidy(slice(self.payload.bytes(), field.range.clone())));
            }
        }
    }
}

#[cfg(test)]
#[path = "protected_tests.rs"]
mod tests;
