//! What was inside a piece, as a MIME entity that can take the piece's place.
//!
//! Line ends become CRLF, so that nothing leaves with bare ones (security.md X-8). What claims to be MIME and is not becomes a text. A piece that
//! could end a multipart around it is not put in.

use bytes::Bytes;
use message::build::Entity;
use message::{Message, Part, text};
use model::Budget;

/// The entity that PGP/MIME hides (RFC 3156 §4).
pub(super) fn mime(content: &Bytes, budget: &Budget) -> Bytes {
    let content = crlf(content);
    let is_entity = Message::parse(content.clone(), budget).is_ok_and(|inner| inner.fields_named("content-type").next().is_some());
    if is_entity { content } else { Entity::text("plain", &text::charset(None, &content)).finish().into() }
}

/// Text from armour. Its charset is what the armour says, else UTF-8 if it can be, else that of the text around it.
pub(super) fn readable(content: &[u8], armour: &[u8], part: &Part) -> String {
    let said = charset_of(armour);
    let charset = match &said {
        Some(name) => Some(name.as_str()),
        None if std::str::from_utf8(content).is_ok() => None,
        None => part.content_type.param("charset"),
    };
    text::charset(charset, content)
}

/// `Charset:` among the armour's header lines (RFC 9580 §6.2.2.5).
pub(super) fn charset_of(armour: &[u8]) -> Option<String> {
    let head = armour.get(..armour.len().min(1_000)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.lines().skip(1).take_while(|line| !line.trim().is_empty());
    lines.find_map(|line| line.strip_prefix("Charset: ")).map(|name| name.trim().to_owned())
}

/// An attached file, under the name that it had before it was closed.
pub(super) fn file(part: &Part, inside: Option<&str>, content: &[u8]) -> Bytes {
    let outer = part.name.as_deref().unwrap_or_default();
    let lower = outer.to_ascii_lowercase();
    let stem = [".pgp", ".gpg", ".asc"].iter().find(|end| lower.ends_with(*end)).and_then(|end| outer.get(..outer.len() - end.len()));
    let plain = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let name = stem.filter(|stem| !stem.is_empty()).map(plain).or_else(|| inside.map(plain)).unwrap_or_else(|| "file".to_owned());
    Entity::attachment(&name, "application/octet-stream", content).finish().into()
}

/// True if the entity holds no line that a multipart around the piece would take for its own.
pub(super) fn fits_in(message: &Message, id: &str, entity: &[u8]) -> bool {
    let around = id.match_indices('.').filter_map(|(at, _)| message.part(id.get(..at)?));
    let mut boundaries = around.filter_map(|part| part.content_type.param("boundary"));
    boundaries.all(|boundary| boundary.is_empty() || memchr::memmem::find(entity, format!("--{boundary}").as_bytes()).is_none())
}

pub(super) fn crlf(content: &Bytes) -> Bytes {
    let bare = |at: usize| at == 0 || content.get(at - 1) != Some(&b'\r');
    if !memchr::memchr_iter(b'\n', content).any(bare) {
        return content.clone();
    }
    let mut lines = Vec::with_capacity(content.len() + content.len() / 40);
    for (at, octet) in content.iter().enumerate() {
        if *octet == b'\n' && bare(at) {
            lines.push(b'\r');
        }
        lines.push(*octet);
    }
    lines.into()
}
