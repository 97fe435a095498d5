//! Does a chain of certificates end where the administrator trusts?
//!
//! OpenSSL checks the chain (RFC 5280 §6). It takes the first issuer that fits and does not come back from a way that leads nowhere, so
//! where certificates are crossed the ways are tried one by one. What keys are for is asked here, and the time too,
//! on the chain that was built, so that "the signer's certificate is over" and "nobody vouches for it" stay
//! apart. Intermediates come from the mail; nothing is fetched, and nobody is asked what was revoked. Before it: `smime::verify`; behind it: the administrator's roots.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509StoreContext};

use super::Certificate;
use crate::CryptoError;

/// Certificates between signer and root, at most.
const DEPTH: i32 = 8;
/// Intermediates of one mail that are looked at.
const INTERMEDIATES: usize = 24;
/// Ways to a root that are tried where the first leads nowhere, and steps in looking for them.
const WAYS: usize = 12;
const STEPS: usize = 400;

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

/// What a certificate's key is to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing mail.
    Sign,
    /// Having mail encrypted to it.
    Encrypt,
}

/// A verdict, and the chain from the certificate to the root where one holds.
pub type JudgedChain = (ChainVerdict, Vec<Certificate>);

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
        self.chain(leaf, intermediates, Purpose::Sign, now).map(|(verdict, _)| verdict)
    }

    /// As [`Self::judge`] for one purpose, with the chain where one holds (and an empty one else).
    ///
    /// # Errors
    /// Only when a primitive fails.
    pub fn chain(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<JudgedChain, CryptoError> {
        let ready = self.ready(now)?;
        let others: Vec<&Certificate> = intermediates.iter().filter(|other| other.is_in_time(now)).take(INTERMEDIATES).collect();
        let mut built = self.build_chain(&ready.store, leaf, &others)?;
        if matches!(built, Err(code) if ["no-trusted-issuer", "certificate-signature-bad"].contains(&word(code))) {
            for way in self.ways(leaf, &others, now) {
                built = self.build_chain(&ready.store, leaf, &way)?;
                if built.is_ok() {
                    break;
                }
            }
        }
        let chain = match built {
            Ok(chain) => chain,
            Err(code) => return Ok((ChainVerdict::Untrusted(word(code)), Vec::new())),
        };
        if chain.iter().any(|certificate| self.distrusted.contains(certificate.fingerprint_sha256())) {
            return Ok((ChainVerdict::Untrusted("root-distrusted"), Vec::new()));
        }
        if let Some(why) = unfit(leaf, &chain, purpose) {
            return Ok((ChainVerdict::Untrusted(why), Vec::new()));
        }
        // Roots and intermediates out of time were left out above, so only the leaf can be.
        Ok((if leaf.is_in_time(now) { ChainVerdict::Trusted } else { ChainVerdict::Expired }, chain))
    }

    /// The chain by OpenSSL from `leaf` through some of `others` to a root; else its code.
    fn build_chain(
        &self,
        store: &X509Store,
        leaf: &Certificate,
        others: &[&Certificate],
    ) -> Result<Result<Vec<Certificate>, i32>, CryptoError> {
        let mut between = Stack::new()?;
        for certificate in others {
            between.push(certificate.x509().clone())?;
        }
        let mut context = X509StoreContext::new()?;
        let built = context.init(store, leaf.x509(), &between, |context| {
            if !context.verify_cert()? {
                return Ok(Err(context.error().as_raw()));
            }
            let chain = context.chain().map(|chain| chain.iter().map(|x509| x509.to_der()).collect::<Result<Vec<_>, _>>());
            Ok(Ok(chain.transpose()?.unwrap_or_default()))
        })?;
        // All of them are known here: none is read anew.
        let known = |der: &Vec<u8>| {
            let mut all = std::iter::once(leaf).chain(others.iter().copied()).chain(&self.trusted);
            all.find(|certificate| certificate.der() == der).cloned().map_or_else(|| Certificate::from_der(der), Ok)
        };
        built.map_or_else(|code| Ok(Err(code)), |chain| chain.iter().map(known).collect::<Result<_, _>>().map(Ok))
    }

    /// The ways by names from `leaf` to a root of ours, shortest first; the certificates between.
    fn ways<'c>(&self, leaf: &'c Certificate, others: &[&'c Certificate], now: Timestamp) -> Vec<Vec<&'c Certificate>> {
        let mut ways = Vec::new();
        let mut open: VecDeque<Vec<&Certificate>> = VecDeque::from([vec![leaf]]);
        let mut steps = 0;
        while let Some(way) = open.pop_front().filter(|_| ways.len() < WAYS && steps < STEPS) {
            steps += 1;
            let Some(last) = way.last() else { continue };
            if self.trusted.iter().any(|root| root.is_in_time(now) && issued(root, last)) {
                ways.push(way.iter().skip(1).copied().collect());
            }
            let next = others.iter().filter(|other| issued(other, last) && !way.contains(other));
            open.extend(next.map(|other| way.iter().copied().chain([*other]).collect()));
        }
        ways
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
        }
        Ok(Ready { store: self.store(now)?, from, until })
    }

    fn store(&self, now: Timestamp) -> Result<X509Store, CryptoError> {
        let mut builder = X509StoreBuilder::new()?;
        for root in self.trusted.iter().filter(|root| root.is_in_time(now)) {
            builder.add_cert(root.x509().clone())?;
        }
        let mut rules = X509VerifyParam::new()?;
        // OpenSSL's purposes for mail know neither anyExtendedKeyUsage nor agreement: asked by `fits`.
        rules.set_purpose(X509PurposeId::ANY)?;
        rules.set_depth(DEPTH);
        // Level 2: at least 112 bits, so RSA from 2048; certificates signed with MD5 or SHA-1 count for nothing.
        rules.set_auth_level(2);
        rules.set_flags(X509VerifyFlags::NO_CHECK_TIME)?;
        builder.set_param(&rules)?;
        Ok(builder.build())
    }
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustStore({} trusted, {} distrusted)", self.trusted.len(), self.distrusted.len())
    }
}

/// By name: the one could have issued the other.
fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    issuer.x509().subject_name().try_cmp(certificate.x509().issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
}

/// Why the certificate, or a CA's above it, is not for this (RFC 8550 §4.4.2, §4.4.4).
fn unfit(leaf: &Certificate, chain: &[Certificate], purpose: Purpose) -> Option<&'static str> {
    let mail = chain.iter().all(Certificate::is_for_mail);
    match purpose {
        Purpose::Sign => (!mail || !leaf.may_sign_mail()).then_some("certificate-not-for-signing-mail"),
        Purpose::Encrypt => (!mail || !leaf.may_encrypt_mail()).then_some("certificate-not-for-encrypting-mail"),
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
