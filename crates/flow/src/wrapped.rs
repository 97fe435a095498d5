//! What is encrypted in a mail as a whole: at its root, or just below its signatures (triple-wrapped mail, RFC 2634 §1.1).
//!
//! Used by the commands that ask for it and open it. A signature around what is encrypted is made over octets that its signer need not
//! have been able to read: it says who sent them, and nothing about what is inside (security.md X-2). So its word counts for the opened
//! mail only beside a good signature inside; alone it covers a part.

use bytes::Bytes;
use message::Message;
use message::shape::{self, CmsKind, Shape};
use model::{Budget, SignatureVerdict};

use crate::state::MailState;

/// Signatures around one another that are looked through.
const SIGNATURES: usize = 3;

/// An encrypted object that is all of the mail's content.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// EnvelopedData or AuthEnvelopedData.
    pub(crate) der: Bytes,
    /// It lies below a signature.
    pub(crate) signed: bool,
}

/// The encrypted object of this mail, if it is one.
pub(crate) fn sealed(message: &Message, root: &Shape, budget: &Budget) -> Option<Sealed> {
    let (mut message, mut shape) = (message.clone(), root.clone());
    for depth in 0..=SIGNATURES {
        let content = match shape {
            Shape::Cms { der, kind: CmsKind::Enveloped | CmsKind::AuthEnveloped } => return Some(Sealed { der, signed: depth > 0 }),
            Shape::Cms { der, kind: CmsKind::Signed } => crypto::smime::signed_content(&der, budget)?,
            // What stands beside the signed part would be lost with it.
            Shape::ClearSigned { content, whole: true, .. } => message.bytes().slice(content),
            _ => return None,
        };
        message = Message::parse(content, budget).ok()?;
        shape = shape::of(&message);
    }
    None
}

/// The word of the signatures around what was opened, until one inside is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    before: SignatureVerdict,
    word: SignatureVerdict,
}

/// Why such a signature alone is `partial`.
pub(crate) const OVER_CIPHERTEXT: &str = "signature-over-ciphertext";

impl Around {
    /// Notes the word of the signatures around what is being opened.
    pub(crate) fn note(state: &mut MailState, word: SignatureVerdict) {
        // Of several around one another the worst counts.
        let outer = state.around.unwrap_or(Self { before: state.judgement.signature, word });
        state.around = Some(Self { before: outer.before, word: outer.word.max(word) });
        let alone = if word == SignatureVerdict::Valid { SignatureVerdict::Partial } else { word };
        state.judgement.signature = state.judgement.signature.max(alone);
        if word == SignatureVerdict::Valid && !state.judgement.reasons.iter().any(|reason| reason == OVER_CIPHERTEXT) {
            state.judgement.reasons.push(OVER_CIPHERTEXT.to_owned());
        }
    }

    /// A signature inside was judged: the one around counts beside it.
    pub(crate) fn beside(state: &mut MailState) {
        if let Some(around) = state.around.take() {
            state.judgement.signature = around.before.max(around.word);
            state.judgement.reasons.retain(|reason| reason != OVER_CIPHERTEXT);
        }
    }
}

#[cfg(test)]
#[path = "wrapped_tests.rs"]
mod tests;
