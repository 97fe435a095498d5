//! Checking a chain (RFC 8617 §5.2). Pure: the keys were fetched before; belongs on the CPU pool for large mail.

use message::Message;

use super::chain::{Chain, Cv, Set};
use crate::canonical::{self, Canonical};
use crate::domain_key::{DomainKey, KeyProblem, KeySet};
use crate::signature::Signature;
use crate::signed::{self, BodyHashes, Flaw};
use crate::verdict::Verdict;

/// What became of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArcResult {
    /// `none`, `pass`, `fail` or `temperror`.
    pub verdict: Verdict,
    /// Why, if it is neither `none` nor `pass`.
    pub reason: Option<&'static str>,
    /// Sets in it.
    pub sets: usize,
    /// Domain of the newest seal.
    pub sealed_by: String,
}

/// Checks the newest message signature and every seal.
#[must_use]
pub fn verify(message: &Message, chain: &Chain, keys: &KeySet) -> ArcResult {
    let (sets, sealed_by) = (chain.sets.len(), chain.sealed_by().to_owned());
    if chain.is_empty() {
        return ArcResult::default();
    }
    let (verdict, reason) = match judge(message, chain, keys) {
        Ok(()) => (Verdict::Pass, None),
        Err((verdict, reason)) => (verdict, Some(reason)),
    };
    ArcResult { verdict, reason, sets, sealed_by }
}

fn judge(message: &Message, chain: &Chain, keys: &KeySet) -> Result<(), (Verdict, &'static str)> {
    let fail = |reason| (Verdict::Fail, reason);
    if let Some(flaw) = chain.flaw {
        return Err(fail(flaw));
    }
    for (at, set) in chain.sets.iter().enumerate() {
        match (set.seal.cv, at) {
            (Cv::Fail, _) => return Err(fail("the chain failed before")),
            (Cv::None, 0) | (Cv::Pass, 1..) => {}
            _ => return Err(fail("cv= does not fit its place")),
        }
    }
    let Some(newest) = chain.sets.last() else { return Ok(()) };
    let key = keys.of(&newest.message.selector, &newest.message.domain).map_err(problem)?;
    let own = message.bytes().get(newest.message_range.clone()).unwrap_or_default();
    check(message, own, &newest.message, key).map_err(|flaw| fail(flaw.text()))?;
    for count in (1..=chain.sets.len()).rev() {
        let sets = chain.sets.get(..count).unwrap_or_default();
        let Some(Set { seal, .. }) = sets.last() else { continue };
        let key = keys.of(&seal.selector, &seal.domain).map_err(problem)?;
        if !key.verifies(seal.algorithm, &seal_digest(message, sets), &seal.signature) {
            return Err(fail("a seal did not verify"));
        }
    }
    Ok(())
}

/// Without `c=` the standard says simple/simple (RFC 6376 §3.5); the published vectors, and programs that were made to
/// them, mean relaxed/relaxed (docs/quirks.md). Both are tried: what verifies was signed.
fn check(message: &Message, own: &[u8], signature: &Signature, key: &DomainKey) -> Result<(), Flaw> {
    let mut bodies = BodyHashes::default();
    let checked = signed::check(message, own, signature, key, &mut bodies);
    if signature.says_form || checked.is_ok() {
        return checked;
    }
    let relaxed = Signature { header_form: Canonical::Relaxed, body_form: Canonical::Relaxed, ..signature.clone() };
    signed::check(message, own, &relaxed, key, &mut bodies)
}

/// What the last of these sets' seal covers (RFC 8617 §5.1.1): each set in its order, the last seal without its value.
fn seal_digest(message: &Message, sets: &[Set]) -> [u8; 32] {
    let raw = |range: &std::ops::Range<usize>| message.bytes().get(range.clone()).unwrap_or_default();
    let mut data = Vec::new();
    for (at, set) in sets.iter().enumerate() {
        canonical::field(Canonical::Relaxed, raw(&set.results), &mut data);
        canonical::field(Canonical::Relaxed, raw(&set.message_range), &mut data);
        if at + 1 == sets.len() {
            canonical::own_field(Canonical::Relaxed, raw(&set.seal_range), &mut data);
        } else {
            canonical::field(Canonical::Relaxed, raw(&set.seal_range), &mut data);
        }
    }
    openssl::sha::sha256(&data)
}

fn problem(problem: KeyProblem) -> (Verdict, &'static str) {
    match problem {
        KeyProblem::Unreachable(_) => (Verdict::TempError, "the key could not be looked up"),
        KeyProblem::Missing => (Verdict::Fail, "no key for signature"),
        KeyProblem::Revoked => (Verdict::Fail, "the key was revoked"),
        KeyProblem::Unusable(why) => (Verdict::Fail, why),
    }
}
