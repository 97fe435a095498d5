//! Judges a signature: the words of contract.md "Verdict words".
//!
//! A signature counts when every signer's is good, the content is one, the certificate names the mail's From,
//! its chain ends at a trusted root, everything is in time, and it covers the whole message (security.md X-2).
//! The worst word of all findings stands. Nobody is asked what was revoked: each finding says so
//! (`revocation-not-checked`) until the caller has asked by [`SignatureFinding::chains`]. RFC 5652 §5.4–5.6, RFC 8551 §3.5, RFC 8550 §3, §4.

use std::borrow::Cow;

use bytes::Bytes;
use model::{Address, Budget, SignatureVerdict, Timestamp};

use super::digest::Digests;
use super::signed_data::{SignedData, SignerInfo};
use super::signer;
use crate::CryptoError;
use crate::lines::canonical;
use crate::pki::{Certificate, ChainVerdict, Purpose, TrustStore};

/// What was signed.
#[derive(Debug, Clone, Copy)]
pub enum SignedContent<'a> {
    /// multipart/signed: the first part with its header, exactly as in the message, and the CMS of the second.
    Detached {
        /// The signed entity.
        content: &'a [u8],
        /// SignedData without content, DER or BER.
        signature: &'a [u8],
    },
    /// application/pkcs7-mime: SignedData that holds its content, DER or BER.
    Opaque(&'a [u8]),
}

/// All that the verdict depends on.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// What was signed.
    pub signed: SignedContent<'a>,
    /// The message's one From address, or the reason word why there is none.
    pub from: Result<Address, &'static str>,
    /// True if nothing of the message lies outside the signed part.
    pub covers_whole: bool,
    /// The roots.
    pub trust: &'a TrustStore,
    /// Certificates that may be the signer's where the message carries none.
    pub known: &'a [Certificate],
    /// The instant of judgement.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct SignatureFinding {
    /// The word.
    pub verdict: SignatureVerdict,
    /// The address in the (first) signer's certificate: From's, if it is there.
    pub signer: Option<String>,
    /// The (first) signer's certificate. Worth learning only with [`SignatureVerdict::Valid`].
    pub certificate: Option<Certificate>,
    /// The certificate that the signer's answers are to be encrypted to, where the signed attributes name another one (dual keys): for the
    /// same address, and as well trusted; with its chain up to the root. Only with [`SignatureVerdict::Valid`].
    pub encryption: Option<(Certificate, Vec<Certificate>)>,
    /// For each signer whose chain leads to a trusted root: from its certificate to the root. What issuers revoked is asked by these.
    pub chains: Vec<Vec<Certificate>>,
    /// The content of an opaque signature, whatever the verdict.
    pub content: Option<Bytes>,
    /// Why; stable words first, details after a colon.
    pub reasons: Vec<String>,
}

impl SignatureFinding {
    fn invalid(reason: &str) -> Self {
        Self { verdict: SignatureVerdict::Invalid, reasons: vec![reason.to_owned()], ..Self::default() }
    }

    /// Adds a word and why; the worst stands.
    pub fn add(&mut self, verdict: SignatureVerdict, reason: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        let reason = reason.into();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// Judges. A broken signature is a verdict, not an error.
#[must_use]
pub fn verify(request: &VerifyRequest<'_>, budget: &Budget) -> SignatureFinding {
    let der = match request.signed {
        SignedContent::Detached { signature, .. } | SignedContent::Opaque(signature) => signature,
    };
    let data = match SignedData::read(der, budget) {
        Ok(data) => data,
        Err(CryptoError::Budget(_)) => return SignatureFinding::invalid("too-costly"),
        Err(_) => return SignatureFinding::invalid("signature-malformed"),
    };
    let mut finding = SignatureFinding::default();
    if let SignedContent::Opaque(_) = request.signed {
        finding.content = data.content.as_deref().map(Bytes::copy_from_slice);
    }
    let content: Cow<'_, [u8]> = match (request.signed, &data.content) {
        (SignedContent::Detached { content, .. }, inside) => {
            let content = canonical(content);
            if inside.as_ref().is_some_and(|inside| *inside != content) {
                // Two readers could take different ones (security.md X-2).
                return SignatureFinding::invalid("two-contents");
            }
            content
        }
        (SignedContent::Opaque(_), Some(content)) => Cow::Borrowed(content.as_ref()),
        (SignedContent::Opaque(_), None) if data.signers.is_empty() => {
            finding.reasons.push("certificates-only".to_owned());
            return finding;
        }
        (SignedContent::Opaque(_), None) => return SignatureFinding::invalid("no-content"),
    };
    if data.signers.is_empty() {
        finding.add(SignatureVerdict::Invalid, "no-signer");
    }
    let mut digests = Digests::new(&content);
    for info in &data.signers {
        if budget.time().is_err() {
            finding.add(SignatureVerdict::Invalid, "too-costly");
            break;
        }
        judge_signer(request, &data, info, &mut digests, &mut finding);
    }
    if let ([info], SignatureVerdict::Valid) = (data.signers.as_slice(), finding.verdict) {
        finding.encryption = dual(request, &data, info);
    }
    if data.signers.len() > 1 {
        finding.reasons.push(format!("several-signers: {}", data.signers.len()));
    }
    if !request.covers_whole {
        finding.add(SignatureVerdict::Partial, "covers-a-part");
    }
    finding.reasons.push("revocation-not-checked".to_owned());
    finding
}

fn judge_signer(
    request: &VerifyRequest<'_>,
    data: &SignedData<'_>,
    info: &SignerInfo<'_>,
    digests: &mut Digests<'_>,
    finding: &mut SignatureFinding,
) {
    let certificate = data.certificates.iter().chain(request.known).find(|certificate| info.name.matches(certificate));
    let Some(certificate) = certificate else {
        finding.add(SignatureVerdict::Invalid, "signer-certificate-missing");
        return;
    };
    let from = request.from.as_ref();
    let matching = certificate.addresses().iter().find(|address| from.is_ok_and(|from| from.key() == address.key()));
    if finding.certificate.is_none() {
        finding.certificate = Some(certificate.clone());
        finding.signer = matching.or(certificate.addresses().first()).map(|address| address.as_str().to_owned());
    }
    let faults = match signer::faults(info, data.content_type, digests, certificate) {
        Ok(faults) => faults,
        Err(error) => {
            finding.add(SignatureVerdict::Invalid, format!("check-failed: {error}"));
            return;
        }
    };
    finding.add(SignatureVerdict::Valid, "");
    finding.reasons.retain(|reason| !reason.is_empty());
    for fault in faults {
        finding.add(SignatureVerdict::Invalid, fault);
    }
    let judged = request.trust.chain(certificate, &data.certificates, Purpose::Sign, request.now);
    if let Ok((_, chain)) = &judged
        && !chain.is_empty()
    {
        finding.chains.push(chain.clone());
    }
    match judged.map(|(verdict, _)| verdict) {
        Ok(ChainVerdict::Trusted) => {}
        Ok(ChainVerdict::Expired) => {
            let (not_before, not_after) = (certificate.not_before().rfc3339(), certificate.not_after().rfc3339());
            finding.add(SignatureVerdict::Expired, format!("certificate-out-of-time: {not_before} to {not_after}"));
        }
        Ok(ChainVerdict::Untrusted(why)) => finding.add(SignatureVerdict::Untrusted, why),
        Err(error) => finding.add(SignatureVerdict::Untrusted, format!("check-failed: {error}")),
    }
    match (from, matching) {
        (Ok(_), Some(_)) => {}
        (Ok(_), None) if certificate.addresses().is_empty() => {
            finding.add(SignatureVerdict::Mismatch, "certificate-without-address");
        }
        (Ok(_), None) => {
            let names: Vec<&str> = certificate.addresses().iter().take(3).map(Address::as_str).collect();
            finding.add(SignatureVerdict::Mismatch, format!("other-address: {}", names.join(", ")));
        }
        (Err(why), _) => finding.add(SignatureVerdict::Mismatch, *why),
    }
}

/// The certificate that a good signature names for answers, if it is the same person's and stands under a trusted root too.
fn dual(request: &VerifyRequest<'_>, data: &SignedData<'_>, info: &SignerInfo<'_>) -> Option<(Certificate, Vec<Certificate>)> {
    let named = super::attributes::read(info.attributes.as_ref()?).ok()?.preferred?;
    let from = request.from.as_ref().ok()?.key();
    let certificate = data.certificates.iter().chain(request.known).find(|certificate| named.matches(certificate))?;
    let fits = certificate.may_encrypt_mail() && certificate.addresses().iter().any(|address| address.key() == from);
    match fits.then(|| request.trust.chain(certificate, &data.certificates, Purpose::Encrypt, request.now))? {
        Ok((ChainVerdict::Trusted, chain)) => Some((certificate.clone(), chain)),
        _ => None,
    }
}
