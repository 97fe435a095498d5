//! Verdicts: what was found out about a mail's protection. Values, not errors.

use serde::{Deserialize, Serialize};

/// The words of `X-Sealgate-Signature` and `message verify`. Ordered from best to worst, so that the worst
/// of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SignatureVerdict {
    /// There is no signature.
    #[default]
    None,
    /// Good, trusted, in time, not revoked, address equals From, covers the whole message.
    Valid,
    /// Good, but covers only a part of the message.
    Partial,
    /// Could not be checked.
    Unchecked,
    /// The signer's certificate was not in its time.
    Expired,
    /// The chain or key is not trusted.
    Untrusted,
    /// Good, but made for another address than From.
    Mismatch,
    /// The signer's certificate was revoked.
    Revoked,
    /// The signature does not fit the content, or is malformed.
    Invalid,
}

impl SignatureVerdict {
    /// The word as headers, traces and scripts read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Valid => "valid",
            Self::Partial => "partial",
            Self::Unchecked => "unchecked",
            Self::Expired => "expired",
            Self::Untrusted => "untrusted",
            Self::Mismatch => "mismatch",
            Self::Revoked => "revoked",
            Self::Invalid => "invalid",
        }
    }
}

/// The words of `X-Sealgate-Encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptionWord {
    /// It came in clear.
    #[default]
    None,
    /// Opened with a person's S/MIME key.
    Smime,
    /// Opened with a person's OpenPGP key.
    Pgp,
    /// Opened with the domain's S/MIME key.
    SmimeDomain,
    /// Opened with the domain's OpenPGP key.
    PgpDomain,
    /// An answer from the secure webmail portal.
    Webmail,
    /// Meant to be opened and could not be; delivered as it came.
    Failed,
}

impl EncryptionWord {
    /// The word as headers, traces and scripts read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Smime => "smime",
            Self::Pgp => "pgp",
            Self::SmimeDomain => "smime-domain",
            Self::PgpDomain => "pgp-domain",
            Self::Webmail => "webmail",
            Self::Failed => "failed",
        }
    }
}

/// All that is known of one message's protection: the answer of `message verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Judgement {
    /// The worst word of all signatures.
    pub signature: SignatureVerdict,
    /// The address in the signer's certificate, if there is a signer.
    pub signer: Option<String>,
    /// How it was opened.
    pub encryption: EncryptionWord,
    /// Layers from outside in: `encrypted-smime-cbc`, `signed-smime`, ….
    pub layers: Vec<String>,
    /// Why the words are what they are; stable kebab-case words first, details after a colon.
    pub reasons: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::SignatureVerdict as V;

    #[test]
    fn the_worst_word_stands() {
        // contract.md: invalid > revoked > mismatch > untrusted > expired > unchecked > partial > valid > none
        let order = [V::Invalid, V::Revoked, V::Mismatch, V::Untrusted, V::Expired, V::Unchecked, V::Partial, V::Valid, V::None];
        assert!(order.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
