//! Checking the DKIM signatures of a mail, in three steps: read them, fetch their keys, check them.
//!
//! Only the second asks anybody; the third is pure and belongs on the CPU pool. A signature counts only if it covers
//! From and the whole body: with `l=` anybody could add to what was signed.

use std::ops::Range;

use message::Message;
use model::Timestamp;

use crate::domain;
use crate::domain_key::{KeyProblem, KeySet};
use crate::signature::{Algorithm, Signature};
use crate::signed::{self, BodyHashes, Flaw};
use crate::tags::{Tags, white};
use crate::verdict::Verdict;

/// One DKIM-Signature field as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    range: Range<usize>,
    parsed: Result<Parsed, &'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parsed {
    signature: Signature,
    /// Domain of `i=`, normal.
    identity: String,
}

/// What became of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimResult {
    /// The word.
    pub verdict: Verdict,
    /// Why, if it is not `pass`.
    pub reason: Option<&'static str>,
    /// `d=`, normal; empty if the field can't be read.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `a=`.
    pub algorithm: Option<Algorithm>,
    /// First characters of `b=` (RFC 6008).
    pub mark: String,
}

impl Found {
    /// Selector and domain of the key that it needs.
    #[must_use]
    pub fn key(&self) -> Option<(String, String)> {
        self.parsed.as_ref().ok().map(|parsed| (parsed.signature.selector.clone(), parsed.signature.domain.clone()))
    }
}

/// Reads the first `most` signatures, from the top: the ones that were added last.
#[must_use]
pub fn signatures(message: &Message, most: usize) -> Vec<Found> {
    let fields = message.fields_named("dkim-signature").take(most);
    fields.map(|field| Found { range: field.range.clone(), parsed: parse(field.value) }).collect()
}

/// Checks them with the keys that [`KeySet::fetch`] found. CPU-heavy for large mail.
#[must_use]
pub fn verify(message: &Message, found: &[Found], keys: &KeySet, now: Timestamp) -> Vec<DkimResult> {
    let mut bodies = BodyHashes::default();
    found.iter().map(|found| one(message, found, keys, now, &mut bodies)).collect()
}

fn parse(value: &[u8]) -> Result<Parsed, &'static str> {
    let tags = Tags::parse(value).map_err(|_| "signature syntax error")?;
    if tags.get("v") != Some("1") {
        return Err("signature of another version");
    }
    if tags.list("q").is_some_and(|methods| !methods.contains(&"dns/txt")) {
        return Err("unknown way to get the key");
    }
    let signature = Signature::from_tags(&tags, true)?;
    let identity = match tags.get("i") {
        None => signature.domain.clone(),
        Some(identity) => {
            let (_, host) = identity.rsplit_once('@').ok_or("i= is malformed")?;
            domain::normal(host.trim_matches(white)).ok_or("i= is malformed")?
        }
    };
    if !domain::within(&identity, &signature.domain) {
        return Err("i= lies outside of d=");
    }
    Ok(Parsed { signature, identity })
}

fn one(message: &Message, found: &Found, keys: &KeySet, now: Timestamp, bodies: &mut BodyHashes) -> DkimResult {
    let parsed = match &found.parsed {
        Ok(parsed) => parsed,
        Err(reason) => {
            let (domain, selector, mark) = Default::default();
            return DkimResult { verdict: Verdict::PermError, reason: Some(reason), domain, selector, algorithm: None, mark };
        }
    };
    let (verdict, reason) = judge(message, found, parsed, keys, now, bodies);
    let Signature { domain, selector, algorithm, mark, .. } = parsed.signature.clone();
    DkimResult { verdict, reason, domain, selector, algorithm: Some(algorithm), mark }
}

fn judge(
    message: &Message,
    found: &Found,
    parsed: &Parsed,
    keys: &KeySet,
    now: Timestamp,
    bodies: &mut BodyHashes,
) -> (Verdict, Option<&'static str>) {
    let signature = &parsed.signature;
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
    if signature.expires.is_some_and(|expires| expires < seconds) {
        return (Verdict::Fail, Some("signature has expired"));
    }
    let key = match keys.of(&signature.selector, &signature.domain) {
        Ok(key) => key,
        Err(KeyProblem::Unreachable(_)) => return (Verdict::TempError, Some("the key could not be looked up")),
        Err(KeyProblem::Missing) => return (Verdict::PermError, Some("no key for signature")),
        Err(KeyProblem::Revoked) => return (Verdict::PermError, Some("the key was revoked")),
        Err(KeyProblem::Unusable(why)) => return (Verdict::PermError, Some(why)),
    };
    if key.strict && parsed.identity != signature.domain {
        return (Verdict::PermError, Some("the key is not for subdomains"));
    }
    let own = message.bytes().get(found.range.clone()).unwrap_or_default();
    match signed::check(message, own, signature, key, bodies) {
        Ok(()) => (Verdict::Pass, None),
        Err(flaw @ Flaw::Partial) => (Verdict::Policy, Some(flaw.text())),
        Err(flaw) => (Verdict::Fail, Some(flaw.text())),
    }
}
