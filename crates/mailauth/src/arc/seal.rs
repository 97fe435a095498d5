//! Adding our own ARC set (RFC 8617 §5.1), when a signed mail was changed on its way in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use model::Timestamp;

use super::chain::{Chain, Cv, SETS_MAX, Set};
use crate::canonical::{self, Canonical};
use crate::dkim;
use crate::signed::{self, DigestSigner, SignError};
use crate::verdict::Verdict;

/// Fields that the message signature of a set covers, if they are there.
pub const SEALED_FIELDS: &[&str] = dkim::SIGNED_FIELDS;

/// Who seals, and what was found.
#[derive(Debug, Clone, Copy)]
pub struct SealRequest<'a> {
    /// `d=`.
    pub domain: &'a str,
    /// `s=`.
    pub selector: &'a str,
    /// When, for `t=`.
    pub now: Timestamp,
    /// Names of the fields to cover, in their order.
    pub fields: &'a [String],
    /// Our name, and the results in the form of Authentication-Results, without `i=`.
    pub results: &'a str,
    /// What [`super::verify`] said of the chain as it came.
    pub came_as: Verdict,
}

/// The three fields of a new set, each signature on one line as in the published vectors: folding is white space that the
/// next seal covers. ARC-Seal comes first, for the top of `message`; `None` if the chain can't be added to (it
/// failed before, could not be checked, or is full). `chain` is that of the message as it came; its fields must still
/// stand in `message`.
///
/// # Errors
/// [`SignError`] when the key can't be used.
pub fn seal(message: &Message, chain: &Chain, request: SealRequest<'_>, signer: &dyn DigestSigner) -> Result<Option<Vec<u8>>, SignError> {
    let closed = chain.sets.last().is_some_and(|set| set.seal.cv == Cv::Fail);
    if closed || chain.highest >= SETS_MAX as u64 || request.came_as == Verdict::TempError {
        return Ok(None);
    }
    // A failed chain is closed by a seal that covers its own set only (RFC 8617 §5.1.2).
    let (cv, before): (&str, &[Set]) = match request.came_as {
        _ if chain.is_empty() => ("none", &[]),
        Verdict::Pass => ("pass", &chain.sets),
        _ => ("fail", &[]),
    };
    let number = chain.highest + 1;
    let results = format!("ARC-Authentication-Results: i={number}; {}\r\n", request.results);
    let signature = message_signature(message, number, request, signer)?;
    let mut data = Vec::new();
    let raw = |range: &std::ops::Range<usize>| message.bytes().get(range.clone()).unwrap_or_default();
    for set in before {
        for range in [&set.results, &set.message_range, &set.seal_range] {
            canonical::field(Canonical::Relaxed, raw(range), &mut data);
        }
    }
    canonical::field(Canonical::Relaxed, results.as_bytes(), &mut data);
    canonical::field(Canonical::Relaxed, signature.as_bytes(), &mut data);
    let head = |b: &str| {
        let (a, d, s, t) = (signer.algorithm().word(), request.domain, request.selector, seconds(request));
        format!("ARC-Seal: a={a};\r\n\tb={b}; cv={cv};\r\n\td={d}; i={number};\r\n\ts={s}; t={t}\r\n")
    };
    canonical::own_field(Canonical::Relaxed, head("").as_bytes(), &mut data);
    let value = signer.sign(&openssl::sha::sha256(&data))?;
    let seal = head(&STANDARD.encode(&value));
    Ok(Some([seal, signature, results].concat().into_bytes()))
}

fn message_signature(message: &Message, number: u64, request: SealRequest<'_>, signer: &dyn DigestSigner) -> Result<String, SignError> {
    let (digest, _) = signed::body_hash(message, Canonical::Relaxed);
    let head = |b: &str| {
        format!(
            "ARC-Message-Signature: a={};\r\n\tb={b};\r\n\tbh={}; c=relaxed/relaxed;\r\n\td={}; {}; i={number};\r\n\ts={}; t={}\r\n",
            signer.algorithm().word(),
            STANDARD.encode(digest),
            request.domain,
            dkim::folded_names(request.fields),
            request.selector,
            seconds(request),
        )
    };
    let digest = signed::header_digest(message, request.fields, Canonical::Relaxed, head("").as_bytes());
    Ok(head(&STANDARD.encode(signer.sign(&digest)?)))
}

fn seconds(request: SealRequest<'_>) -> i64 {
    request.now.0 / 1_000_000
}
