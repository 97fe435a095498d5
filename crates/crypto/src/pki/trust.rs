//! Does a chain of certificates end where the administrator trusts?
//!
//! OpenSSL builds and checks the chain (RFC 5280 §6) for the purpose of signing mail; the time is checked here
//! on the chain that was built, so that "the signer's certificate is over" and "nobody vouches for it" stay
//! apart. Intermediates come from the mail; nothing is fetched. Revocation is not looked at in this version,
//! and every finding says so. Before it: `smime::verify`; behind it: the administrator's roots.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509StoreContext};

use super::{Certificate, hex};
use crate::CryptoError;

/// Certificates between signer and root, at most.
const DEPTH: i32 = 8;
/// Intermediates of one mail that are looked at.
const INTERMEDIATES: usize = 24;

/// The roots that the administrator trusts and distrusts. Building it is cheap; keep it as long as the roots
/// stay the same, because it caches what OpenSSL needs.
pub struct TrustStore {
    trusted: Vec<Certificate>,
    distrusted: HashSet<String>,
    ready: Mutex<Option<Arc<Ready>>>,
}

/// OpenSSL's store of the roots in time, good for the instants `from ≤ now < until`.
struct Ready {
    store: X509Store,
    from: Timestamp,
    until: Timestamp,
}

/// What is to be said of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainVerdict {
    /// It ends at a trusted root, and everything in it is in time.
    Trusted,
    /// It ends at a trusted root; the signer's own certificate is not in its time.
    Expired,
    /// It does not hold: the stable word says why.
    Untrusted(&'static str),
}

impl TrustStore {
    /// Roots to trust, and certificates that no chain may contain.
    #[must_use]
    pub fn new(trusted: Vec<Certificate>, untrusted: Vec<Certificate>) -> Self {
        let distrusted = untrusted.iter().map(|certificate| certificate.fingerprint_sha256().to_owned()).collect();
        Self { trusted, distrusted, ready: Mutex::new(None) }
    }

    /// Judges `leaf`'s chain at `now`.
    ///
    /// # Errors
    /// Only when a primitive fails.
    pub fn judge(&self, leaf: &Certificate, intermediates: &[Certificate], now: Timestamp) -> Result<ChainVerdict, CryptoError> {
        let ready = self.ready(now)?;
        let mut others = Stack::new()?;
        for certificate in intermediates.iter().filter(|certificate| certificate.is_in_time(now)).take(INTERMEDIATES) {
            others.push(certificate.x509().clone())?;
        }
        let mut context = X509StoreContext::new()?;
        let verdict = context.init(&ready.store, leaf.x509(), &others, |context| {
            if !context.verify_cert()? {
                return Ok(Err(context.error().as_raw()));
            }
            let chain = context.chain().map(|chain| chain.iter().map(|x509| x509.to_der()).collect::<Result<Vec<_>, _>>());
            Ok(Ok(chain.transpose()?.unwrap_or_default()))
        })?;
        let chain = match verdict {
            Ok(chain) => chain,
            Err(code) => return Ok(ChainVerdict::Untrusted(word(code))),
        };
        if chain.iter().any(|der| self.distrusted.contains(&hex(&openssl::sha::sha256(der)))) {
            return Ok(ChainVerdict::Untrusted("root-distrusted"));
        }
        // Roots and intermediates out of time were left out above, so only the leaf can be.
        Ok(if leaf.is_in_time(now) { ChainVerdict::Trusted } else { ChainVerdict::Expired })
    }

    fn ready(&self, now: Timestamp) -> Result<Arc<Ready>, CryptoError> {
        // Held while building, so that a change of the hour builds it once.
        let mut slot = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = slot.as_ref().filter(|ready| ready.from <= now && now < ready.until) {
            return Ok(ready.clone());
        }
        let ready = Arc::new(self.build(now)?);
        *slot = Some(ready.clone());
        Ok(ready)
    }

    fn build(&self, now: Timestamp) -> Result<Ready, CryptoError> {
        let mut builder = X509StoreBuilder::new()?;
        let (mut from, mut until) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        for root in &self.trusted {
            let end = Timestamp((root.not_after().seconds() + 1).saturating_mul(1_000_000));
            for edge in [root.not_before(), end] {
                if edge <= now {
                    from = from.max(edge);
                } else {
                    until = until.min(edge);
                }
            }
            if root.is_in_time(now) {
                builder.add_cert(root.x509().clone())?;
            }
        }
        let mut rules = X509VerifyParam::new()?;
        rules.set_purpose(X509PurposeId::SMIME_SIGN)?;
        rules.set_depth(DEPTH);
        // Level 1: at least 80 bits; certificates signed with MD5 or SHA-1 count for nothing.
        rules.set_auth_level(1);
        rules.set_flags(X509VerifyFlags::NO_CHECK_TIME)?;
        builder.set_param(&rules)?;
        Ok(Ready { store: builder.build(), from, until })
    }
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustStore({} trusted, {} distrusted)", self.trusted.len(), self.distrusted.len())
    }
}

/// OpenSSL's X509_V_ERR_* as stable words.
const fn word(code: i32) -> &'static str {
    match code {
        2 | 18 | 19 | 20 | 21 | 27 | 28 => "no-trusted-issuer",
        7 => "certificate-signature-bad",
        22 | 25 => "chain-too-long",
        24 | 32 | 37 | 79 => "issuer-may-not-issue",
        26 => "certificate-not-for-signing-mail",
        66..=68 => "certificate-too-weak",
        _ => "chain-does-not-hold",
    }
}
