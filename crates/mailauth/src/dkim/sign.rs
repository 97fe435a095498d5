//! Making a DKIM signature: the last act on the way out, after every change (design decision 3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use model::Timestamp;

use crate::canonical::Canonical;
use crate::signed::{self, DigestSigner, SignError};

/// Fields that are signed. Those that are there are named once more, so that none can be added (oversigning); the first
/// ones are named even if they are not there.
pub const SIGNED_FIELDS: &[&str] = &[
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Sender",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// How many of [`SIGNED_FIELDS`] are always named.
const ALWAYS: usize = 7;

/// Whose signature.
#[derive(Debug, Clone, Copy)]
pub struct SignRequest<'a> {
    /// `d=`.
    pub domain: &'a str,
    /// `s=`.
    pub selector: &'a str,
    /// When, for `t=`.
    pub now: Timestamp,
}

/// The DKIM-Signature field for this message, folded, with CRLF at its end; relaxed/relaxed. CPU-heavy for large mail.
///
/// # Errors
/// [`SignError`] when the key can't be used.
pub fn sign(message: &Message, request: SignRequest<'_>, signer: &dyn DigestSigner) -> Result<Vec<u8>, SignError> {
    let (digest, _) = signed::body_hash(message, Canonical::Relaxed);
    let names = names(message);
    let head = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n\td={}; s={};\r\n\tt={}; {};\r\n\tbh={};\r\n\tb=",
        signer.algorithm().word(),
        request.domain,
        request.selector,
        request.now.0 / 1_000_000,
        folded_names(&names),
        STANDARD.encode(digest),
    );
    let digest = signed::header_digest(message, &names, Canonical::Relaxed, head.as_bytes());
    let value = fold(&STANDARD.encode(signer.sign(&digest)?));
    Ok([head.as_bytes(), value.as_bytes(), b"\r\n"].concat())
}

fn names(message: &Message) -> Vec<String> {
    let mut names = Vec::new();
    for (number, name) in SIGNED_FIELDS.iter().enumerate() {
        let present = message.fields_named(name).count();
        let times = if present > 0 || number < ALWAYS { present + 1 } else { 0 };
        names.extend(std::iter::repeat_n((*name).to_owned(), times.min(8)));
    }
    names
}

/// `h=` on lines of at most 78 characters.
pub(crate) fn folded_names(names: &[String]) -> String {
    let mut text = "h=".to_owned();
    let mut width = 20;
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            text.push(':');
            width += 1;
        }
        if width + name.len() > 74 {
            text.push_str("\r\n\t ");
            width = 2;
        }
        text.push_str(name);
        width += name.len();
    }
    text
}

/// Base64 on lines of 72 characters.
fn fold(encoded: &str) -> String {
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 18);
    for (number, character) in encoded.chars().enumerate() {
        if number > 0 && number % 72 == 0 {
            text.push_str("\r\n\t ");
        }
        text.push(character);
    }
    text
}
