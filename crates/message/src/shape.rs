//! Is a message signed or encrypted? By structure, not by name alone (mail-gateway.md M-C14).
//!
//! A Content-Type says where to look; the octets decide. CMS must begin as the right ASN.1 does, OpenPGP
//! armour must hold a packet of the right kind. What only looks protected is [`Shape::Plain`]. Whether a
//! signature is good, or a key is there, is for `crypto`, after this. Standards: RFC 8551 §3, RFC 3156,
//! RFC 5652 §3, RFC 9580 §6.

mod armor;
mod cms;
pub mod pgp;

use std::ops::Range;

use bytes::Bytes;

use crate::{Encoding, Message, Part};

/// How a message or part is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Not at all, or only seemingly.
    Plain,
    /// multipart/signed with a CMS signature.
    ClearSigned {
        /// What is signed, in the message's bytes: header and body of the first part.
        content: Range<usize>,
        /// The signature, decoded (DER or BER).
        signature: Bytes,
        /// True if nothing unsigned is shown: there are exactly two parts, as there must be, and the second is one that no program shows.
        whole: bool,
    },
    /// A CMS object as the only content.
    Cms {
        /// The object, decoded (DER or BER).
        der: Bytes,
        /// What it is.
        kind: CmsKind,
    },
    /// OpenPGP, encrypted: PGP/MIME, or armour as the whole text.
    PgpEncrypted,
    /// OpenPGP, signed: PGP/MIME, or cleartext framework as the whole text.
    PgpSigned,
}

/// Kinds of CMS objects that mails are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CmsKind {
    /// SignedData (opaque signature).
    Signed,
    /// EnvelopedData.
    Enveloped,
    /// AuthEnvelopedData (RFC 5083).
    AuthEnveloped,
}

impl Shape {
    /// True if the content can't be read without a key.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        matches!(self, Self::PgpEncrypted | Self::Cms { kind: CmsKind::Enveloped | CmsKind::AuthEnveloped, .. })
    }

    /// True if it is signed in a way that can be seen.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::PgpSigned | Self::ClearSigned { .. } | Self::Cms { kind: CmsKind::Signed, .. })
    }
}

/// The shape of the whole message: only its root counts (security.md X-2).
#[must_use]
pub fn of(message: &Message) -> Shape {
    of_part(message, message.root())
}

/// The shape of one part.
#[must_use]
pub fn of_part(message: &Message, part: &Part) -> Shape {
    match (part.content_type.kind.as_str(), part.content_type.subtype.as_str()) {
        ("multipart", "signed") => signed(message, part),
        ("multipart", "encrypted") => pgp_mime(message, part),
        ("application", _) if part.is_leaf() => object(message, part),
        ("text", "plain") if part.is_leaf() => inline(message, part),
        _ => Shape::Plain,
    }
}

/// Protected parts below the root (id and shape), outermost of each branch: mails that are signed or
/// encrypted in part only (security.md; mail-gateway.md M-C13).
#[must_use]
pub fn nested(message: &Message) -> Vec<(String, Shape)> {
    let mut found = Vec::new();
    let mut open: Vec<&Part> = message.root().children.iter().rev().collect();
    while let Some(part) = open.pop() {
        match of_part(message, part) {
            Shape::Plain => open.extend(part.children.iter().rev()),
            shape => found.push((part.id.clone(), shape)),
        }
    }
    found
}

fn decoded(message: &Message, part: &Part) -> Bytes {
    part.encoding.decode(&message.bytes().slice(part.body_range()))
}

fn signed(message: &Message, part: &Part) -> Shape {
    let [content, signature, rest @ ..] = part.children.as_slice() else {
        return Shape::Plain;
    };
    let bytes = decoded(message, signature);
    if cms::kind(&bytes) == Some(CmsKind::Signed) {
        return Shape::ClearSigned { content: content.entity_range(), signature: bytes, whole: rest.is_empty() && stays_unseen(signature) };
    }
    if armor::holds(&bytes, "SIGNATURE", armor::is_signature) { Shape::PgpSigned } else { Shape::Plain }
}

/// True if programs show nothing of a signature in this part. A signature has room for anybody's text (in certificates, in attributes that
/// are not signed, in header lines of armour), and a part that says it is a text or a picture is shown (security.md X-2).
fn stays_unseen(signature: &Part) -> bool {
    const KINDS: [&str; 5] = ["pkcs7-signature", "x-pkcs7-signature", "pkcs7-mime", "x-pkcs7-mime", "pgp-signature"];
    let (kind, name) = (&signature.content_type, signature.name.as_deref().unwrap_or_default().to_ascii_lowercase());
    kind.kind == "application"
        && (KINDS.contains(&kind.subtype.as_str())
            // Some gateways write this; what to do with it programs take from its name.
            || (kind.subtype == "octet-stream" && [".p7s", ".p7m", ".asc", ".sig"].iter().any(|end| name.ends_with(end))))
}

/// RFC 3156 §4: a control part with `Version: 1`, then the armour.
fn pgp_mime(message: &Message, part: &Part) -> Shape {
    let [control, data] = part.children.as_slice() else {
        return Shape::Plain;
    };
    let control = decoded(message, control);
    let version = control.trim_ascii().get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"version:"));
    let armoured = armor::holds(&decoded(message, data), "MESSAGE", armor::is_encrypted);
    if version && armoured { Shape::PgpEncrypted } else { Shape::Plain }
}

/// application/pkcs7-mime, or octet-stream that holds the same (`smime.p7m` of some programs).
fn object(message: &Message, part: &Part) -> Shape {
    let body = part.body(message);
    // Most attachments are no CMS: look at the first octets before decoding all.
    let start = Bytes::copy_from_slice(body.get(..body.len().min(128)).unwrap_or_default());
    let first = match part.encoding {
        Encoding::Base64 | Encoding::QuotedPrintable => part.encoding.decode(&start),
        _ => start,
    };
    if first.first() != Some(&cms::SEQUENCE) {
        return Shape::Plain;
    }
    let der = decoded(message, part);
    match cms::kind(&der) {
        Some(kind) => Shape::Cms { der, kind },
        None => Shape::Plain,
    }
}

/// Armour or cleartext framework that is the whole text, but for blank lines.
fn inline(message: &Message, part: &Part) -> Shape {
    let body = part.body(message);
    if memchr::memmem::find(body, b"-----BEGIN PGP ").is_none() && part.encoding != Encoding::Base64 {
        return Shape::Plain;
    }
    let text = decoded(message, part);
    if armor::holds(&text, "MESSAGE", armor::is_encrypted) {
        Shape::PgpEncrypted
    } else if armor::holds(&text, "MESSAGE", armor::is_signature) || armor::is_cleartext_signed(&text) {
        Shape::PgpSigned
    } else {
        Shape::Plain
    }
}

#[cfg(test)]
#[path = "shape/tests.rs"]
mod tests;
