//! What DKIM-Signature and ARC-Message-Signature have in common: the tags that say what was signed and how.

use crate::canonical::{Canonical, forms};
use crate::domain;
use crate::tags::{Tags, white};

/// Names in one `h=`; more would only cost time.
const SIGNED_MAX: usize = 500;

/// How a digest is signed. Both hash with SHA-256; rsa-sha1 is not accepted any more (RFC 8301 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `rsa-sha256`: RSASSA-PKCS1-v1_5.
    RsaSha256,
    /// `ed25519-sha256`: PureEdDSA over the digest (RFC 8463).
    Ed25519Sha256,
}

impl Algorithm {
    /// The word in `a=`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    pub(crate) fn from_word(word: &str) -> Result<Self, &'static str> {
        match word {
            "rsa-sha256" => Ok(Self::RsaSha256),
            "ed25519-sha256" => Ok(Self::Ed25519Sha256),
            "rsa-sha1" => Err("rsa-sha1 is not accepted"),
            _ => Err("unknown algorithm"),
        }
    }
}

/// A signature over fields and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) algorithm: Algorithm,
    pub(crate) header_form: Canonical,
    pub(crate) body_form: Canonical,
    /// `d=`, normal.
    pub(crate) domain: String,
    pub(crate) selector: String,
    /// Names in `h=`, as written.
    pub(crate) signed: Vec<String>,
    pub(crate) body_hash: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// `l=`.
    pub(crate) length: Option<u64>,
    /// `t=`, seconds.
    pub(crate) time: Option<u64>,
    /// `x=`, seconds.
    pub(crate) expires: Option<u64>,
    /// `c=` is there.
    pub(crate) says_form: bool,
    /// First characters of `b=`, for `header.b`.
    pub(crate) mark: String,
}

impl Signature {
    /// Reads the tags that both kinds have. The text says what is wrong. A DKIM signature must cover From
    /// (RFC 6376 §5.4); ARC asks for nothing in `h=` (RFC 8617 §4.1.2).
    pub(crate) fn from_tags(tags: &Tags<'_>, from_needed: bool) -> Result<Self, &'static str> {
        let algorithm = Algorithm::from_word(tags.get("a").ok_or("signature without a=")?)?;
        let (header_form, body_form) = forms(tags.get("c")).ok_or("unknown canonicalization")?;
        let domain = tags.get("d").and_then(domain::normal).ok_or("signature without a domain")?;
        let selector = tags.get("s").filter(|s| domain::is_name(s)).ok_or("signature without a selector")?.to_ascii_lowercase();
        let signed = tags.list("h").ok_or("signature without h=")?;
        let blank = |name: &str| !from_needed && name.is_empty();
        if signed.len() > SIGNED_MAX || signed.iter().any(|name| !is_field_name(name) && !blank(name)) {
            return Err("h= is malformed");
        }
        if from_needed && !signed.iter().any(|name| name.eq_ignore_ascii_case("from")) {
            return Err("From is not signed");
        }
        let body_hash = tags.base64("bh").filter(|hash| !hash.is_empty()).ok_or("bh= is missing or malformed")?;
        let signature = tags.base64("b").filter(|b| !b.is_empty()).ok_or("b= is missing or malformed")?;
        let number = |name| tags.number(name).map_err(|_| "a number is malformed");
        let (time, expires) = (number("t")?, number("x")?);
        if time.zip(expires).is_some_and(|(time, expires)| expires < time) {
            return Err("x= is before t=");
        }
        let mark = tags.packed("b").unwrap_or_default().chars().take(8).collect();
        let signed = signed.into_iter().map(ToOwned::to_owned).collect();
        let length = number("l")?;
        Ok(Self {
            algorithm,
            header_form,
            body_form,
            domain,
            selector,
            signed,
            body_hash,
            signature,
            length,
            time,
            expires,
            says_form: tags.get("c").is_some(),
            mark,
        })
    }
}

/// RFC 5322 §2.2.
pub(crate) fn is_field_name(name: &str) -> bool {
    let name = name.trim_matches(white);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':' && b != b';')
}
