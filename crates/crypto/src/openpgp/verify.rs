//! Judges OpenPGP signatures: the words of contract.md "Verdict words".
//!
//! A signature counts when it is good, its key is kept here under the mail's From, names that address itself, is in time and
//! not revoked, at the signature's time and now, and when it covers the whole message (security.md X-2, CVE-2026-2746). The
//! worst word of all signatures stands. A key that nobody here knows proves nothing: `unchecked`. RFC 9580 §5.2, RFC 3156 §5.

use bytes::Bytes;
use model::{Address, AddressKey, Budget, BudgetKind, Exhausted, SignatureVerdict, Timestamp};
use sequoia_openpgp::cert::amalgamation::ValidAmalgamation;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, GoodChecksum, MessageLayer, MessageStructure, VerificationError, VerificationHelper, VerifierBuilder,
};
use sequoia_openpgp::parse::{PacketParser, Parse};
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, KeyHandle};

use super::{PgpKey, SESSION_KEYS, SIGNATURES, SIGNERS, SKEW, policy, read_all, system_time};
use crate::CryptoError;
use crate::lines::canonical;

/// Largest detached signature that is looked at.
const SIGNATURE_BYTES: usize = 64 << 10;

type SigningKey<'a> = sequoia_openpgp::cert::amalgamation::key::ValidErasedKeyAmalgamation<'a, PublicParts>;

/// A certificate that is kept here, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The certificate.
    pub key: PgpKey,
    /// The address that it was taken for.
    pub owner: AddressKey,
}

/// All that the verdict depends on, but for what was signed.
pub struct Request<'a> {
    /// The message's one From address, or the reason word why there is none.
    pub from: Result<Address, &'static str>,
    /// True if nothing of the message lies outside what is signed.
    pub covers_whole: bool,
    /// Certificates of the signers that the signatures name, by fingerprint or key id (upper-case hex).
    pub known: &'a dyn Fn(&[String]) -> Vec<Known>,
    /// The instant of judgement.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// The word.
    pub verdict: SignatureVerdict,
    /// The (first) signer's address: From's, if the key names it.
    pub signer: Option<String>,
    /// Why; stable words first, details after a colon.
    pub reasons: Vec<String>,
}

impl Finding {
    /// The worst word, for this reason.
    #[must_use]
    pub fn invalid(reason: &str) -> Self {
        Self { verdict: SignatureVerdict::Invalid, signer: None, reasons: vec![reason.to_owned()] }
    }

    fn add(&mut self, verdict: SignatureVerdict, reason: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        let reason = reason.into();
        if !reason.is_empty() && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// Judges a signature beside its content: multipart/signed, the first part exactly as in the message.
#[must_use]
pub fn verify_detached(content: &[u8], signature: &[u8], request: &Request<'_>, budget: &Budget) -> Finding {
    if signature.len() > SIGNATURE_BYTES || budget.bytes(content.len()).is_err() {
        return Finding::invalid("too-costly");
    }
    let judge = Judge::new(request);
    let time = system_time(request.now) + SKEW;
    let verifier = DetachedVerifierBuilder::from_bytes(signature).and_then(|builder| builder.with_policy(policy(), time, judge));
    let Ok(mut verifier) = verifier else { return Finding::invalid("signature-malformed") };
    if verifier.verify_bytes(canonical(content)).is_err() {
        return Finding::invalid("signature-malformed");
    }
    verifier.into_helper().finish()
}

/// Judges a signature with its content inside: cleartext framework, or a signed message that is not encrypted. The content is
/// given whatever the verdict, unless nothing could be read.
#[must_use]
pub fn verify_inline(message: &[u8], request: &Request<'_>, budget: &Budget) -> (Finding, Option<Bytes>) {
    let judge = Judge::new(request);
    let time = system_time(request.now) + SKEW;
    let verifier = VerifierBuilder::from_bytes(message).and_then(|builder| builder.with_policy(policy(), time, judge));
    let Ok(mut verifier) = verifier else { return (Finding::invalid("signature-malformed"), None) };
    match read_all(&mut verifier, message.len(), budget) {
        Ok(content) if verifier.message_processed() => (verifier.into_helper().finish(), Some(Bytes::from(content))),
        // No fault of the sender's: later there may be room.
        Err(CryptoError::Budget(Exhausted { kind: BudgetKind::Memory, .. })) => {
            (Finding { verdict: SignatureVerdict::Unchecked, ..Finding::invalid("no-memory") }, None)
        }
        Err(CryptoError::Budget(_)) => (Finding::invalid("too-costly"), None),
        _ => (Finding::invalid("signature-malformed"), None),
    }
}

/// Collects what the library finds.
pub(super) struct Judge<'a> {
    request: &'a Request<'a>,
    known: Vec<Known>,
    finding: Finding,
    signatures: usize,
    met: Met,
}

/// What was met of what costs.
#[derive(Debug, Default)]
struct Met {
    session_keys: usize,
    signatures: usize,
    signers: usize,
}

impl<'a> Judge<'a> {
    pub(super) fn new(request: &'a Request<'a>) -> Self {
        Self { request, known: Vec::new(), finding: Finding::default(), signatures: 0, met: Met::default() }
    }

    /// The verdict on what was signed.
    pub(super) fn finish(self) -> Finding {
        self.signed().unwrap_or_else(|| Finding::invalid("no-signature"))
    }

    /// The verdict, or `None` if nothing was signed.
    pub(super) fn signed(mut self) -> Option<Finding> {
        if self.signatures == 0 {
            return None;
        }
        if self.signatures > 1 {
            self.finding.reasons.push(format!("several-signers: {}", self.signatures));
        }
        if !self.request.covers_whole {
            self.finding.add(SignatureVerdict::Partial, "covers-a-part");
        }
        Some(self.finding)
    }

    /// Bounds on what one message may make us do, looked at before the library does it (security.md X-11).
    pub(super) fn count(&mut self, packet: &Packet) -> sequoia_openpgp::Result<()> {
        let met = &mut self.met;
        match packet {
            Packet::PKESK(_) | Packet::SKESK(_) => met.session_keys += 1,
            Packet::OnePassSig(_) => met.signatures += 1,
            Packet::Signature(signature) => {
                met.signatures += 1;
                met.signers += signature.get_issuers().len();
            }
            _ => {}
        }
        if met.session_keys > SESSION_KEYS || met.signatures > SIGNATURES || met.signers > SIGNERS {
            return Err(sequoia_openpgp::Error::MalformedMessage("too many packets".into()).into());
        }
        Ok(())
    }

    /// `closed`: it lies inside what is encrypted, where the library has looked whom it was made for.
    fn result(&mut self, result: &Result<GoodChecksum<'_>, VerificationError<'_>>, closed: bool) {
        use SignatureVerdict::{Invalid, Unchecked, Untrusted};
        self.signatures += 1;
        match result {
            Ok(good) => {
                self.good(&good.ka);
                // Counts only in what was encrypted to them (RFC 9580 §5.2.3.36): whoever had opened it could pass it on to anybody.
                if !closed && good.sig.intended_recipients().next().is_some() {
                    self.finding.add(SignatureVerdict::Mismatch, "for-other-recipients");
                }
            }
            Err(VerificationError::MissingKey { sig }) => {
                let issuer = sig.get_issuers().first().map(KeyHandle::to_hex).unwrap_or_default();
                self.finding.add(Unchecked, format!("key-not-known: {issuer}"));
            }
            Err(VerificationError::UnboundKey { cert, .. }) => {
                self.signer_of(cert);
                self.finding.add(Untrusted, "key-not-bound");
            }
            Err(VerificationError::BadKey { sig, ka, .. }) => {
                self.signer_of(ka.cert());
                self.bad_key(sig, ka);
            }
            Err(VerificationError::BadSignature { ka, error, .. }) => {
                self.signer_of(ka.cert());
                match error.downcast_ref::<sequoia_openpgp::Error>() {
                    Some(sequoia_openpgp::Error::Expired(_)) => self.finding.add(SignatureVerdict::Expired, "signature-expired"),
                    Some(sequoia_openpgp::Error::NotYetLive(_)) => self.finding.add(Invalid, "signature-from-the-future"),
                    Some(sequoia_openpgp::Error::PolicyViolation(..)) => self.finding.add(Invalid, "weak-algorithm"),
                    _ => self.finding.add(Invalid, "does-not-fit"),
                }
            }
            Err(VerificationError::MalformedSignature { .. }) => self.finding.add(Invalid, "signature-malformed"),
            Err(VerificationError::UnknownSignature { .. }) => self.finding.add(Unchecked, "signature-of-unknown-kind"),
            // The library may learn new words.
            Err(_) => self.finding.add(Invalid, "check-failed"),
        }
    }

    /// The key can't have been used so when the signature was made.
    fn bad_key(&mut self, signature: &Signature, ka: &SigningKey<'_>) {
        if signature.verify_document(ka.key()).is_err() {
            return self.finding.add(SignatureVerdict::Invalid, "does-not-fit");
        }
        let revoked = |status: RevocationStatus<'_>| matches!(status, RevocationStatus::Revoked(_));
        if revoked(ka.valid_cert().revocation_status()) || revoked(ka.revocation_status()) {
            self.finding.add(SignatureVerdict::Revoked, "key-revoked");
        } else if ka.valid_cert().alive().is_err() || ka.alive().is_err() {
            self.finding.add(SignatureVerdict::Expired, "key-out-of-time");
        } else {
            self.finding.add(SignatureVerdict::Untrusted, "key-may-not-sign");
        }
    }

    /// The signature is good: is its key somebody's, now?
    fn good(&mut self, ka: &SigningKey<'_>) {
        self.signer_of(ka.cert());
        self.finding.add(SignatureVerdict::Valid, "");
        let now = system_time(self.request.now);
        match ka.cert().with_policy(policy(), now) {
            Err(_) => self.finding.add(SignatureVerdict::Untrusted, "key-weak"),
            Ok(valid) => {
                let here = valid.keys().key_handle(ka.key().key_handle()).next();
                let revoked = |status: RevocationStatus<'_>| matches!(status, RevocationStatus::Revoked(_));
                if revoked(valid.revocation_status()) || here.as_ref().is_some_and(|key| revoked(key.revocation_status())) {
                    self.finding.add(SignatureVerdict::Revoked, "key-revoked");
                } else if valid.alive().is_err() || here.as_ref().is_some_and(|key| key.alive().is_err()) {
                    self.finding.add(SignatureVerdict::Expired, "key-out-of-time");
                } else if here.is_none() {
                    self.finding.add(SignatureVerdict::Untrusted, "key-not-bound");
                }
            }
        }
        self.binding(ka.cert());
    }

    /// Kept under From's address, and says so itself?
    fn binding(&mut self, cert: &Cert) {
        let from = match &self.request.from {
            Ok(from) => from.key(),
            Err(why) => return self.finding.add(SignatureVerdict::Mismatch, *why),
        };
        let own: Vec<&Known> = self.known.iter().filter(|known| known.key.cert().fingerprint() == cert.fingerprint()).collect();
        let names = |known: &&Known| known.key.addresses(self.request.now).iter().any(|address| address.key() == from);
        if own.iter().any(|known| known.owner == from && names(known)) {
            return;
        }
        let others: Vec<String> = own.iter().take(3).map(|known| known.owner.as_str().to_owned()).collect();
        self.finding.add(SignatureVerdict::Mismatch, format!("other-address: {}", others.join(", ")));
    }

    fn signer_of(&mut self, cert: &Cert) {
        if self.finding.signer.is_some() {
            return;
        }
        let from = self.request.from.as_ref().ok().map(Address::key);
        let own: Vec<&Known> = self.known.iter().filter(|known| known.key.cert().fingerprint() == cert.fingerprint()).collect();
        let first = own.iter().find(|known| Some(&known.owner) == from.as_ref()).or(own.first());
        self.finding.signer = first.map(|known| known.owner.as_str().to_owned());
    }
}

impl VerificationHelper for Judge<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> sequoia_openpgp::Result<()> {
        self.count(&parser.packet)
    }

    fn get_certs(&mut self, ids: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        let mut found: Vec<Cert> = Vec::new();
        let names: Vec<String> = ids.iter().map(KeyHandle::to_hex).collect();
        self.known = (self.request.known)(&names);
        for known in &self.known {
            let cert = known.key.cert();
            if !found.iter().any(|have| have.fingerprint() == cert.fingerprint()) {
                found.push(cert.clone());
            }
        }
        Ok(found)
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        let layers: Vec<_> = structure.iter().collect();
        let last_encryption = layers.iter().rposition(|layer| matches!(layer, MessageLayer::Encryption { .. }));
        for (place, layer) in layers.iter().enumerate() {
            let MessageLayer::SignatureGroup { results } = layer else { continue };
            if last_encryption.is_some_and(|last| place < last) {
                // Signed what is closed: says nothing about what is shown.
                self.signatures += 1;
                self.finding.add(SignatureVerdict::Invalid, "signature-around-encryption");
                continue;
            }
            for result in results {
                self.result(result, last_encryption.is_some());
            }
        }
        Ok(())
    }
}
