//! Asking an issuer about one certificate: the question, and what an answer says (RFC 6960).
//!
//! An answer comes from a stranger's server, in clear: it counts only when the certificate's own issuer has signed it, or somebody
//! whom that issuer named for it (§4.2.2.2), and while it is in its time by this machine's clock. Nothing is fetched here. Before: a
//! chain that holds. The question names the certificate by SHA-1, which every responder understands (RFC 5019 §2.1.1); no nonce is
//! asked for, so that responders may answer from what they made beforehand.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus, OcspStatus};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;

use super::Certificate;
use crate::CryptoError;

/// Media type of a question (RFC 6960 App. A.1).
pub const QUESTION_TYPE: &str = "application/ocsp-request";
/// Largest answer that is read, octets.
pub const LARGEST: usize = 64 << 10;
/// Clocks may differ by so many seconds.
const SKEW: u32 = 300;
/// An answer that does not say when the next one comes counts so long, seconds.
const WITHOUT_NEXT: u32 = 86_400;

/// What an answer says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Not revoked.
    Good,
    /// Revoked, or on hold.
    Revoked,
    /// Nothing that counts; why.
    Nothing(&'static str),
}

/// The question, DER.
///
/// # Errors
/// Only when a primitive fails.
pub fn question(certificate: &Certificate, issuer: &Certificate) -> Result<Vec<u8>, CryptoError> {
    let mut request = OcspRequest::new()?;
    request.add_id(OcspCertId::from_cert(MessageDigest::sha1(), certificate.x509(), issuer.x509())?)?;
    Ok(request.to_der()?)
}

/// Reads an answer about `certificate`, which `issuer` has issued.
#[must_use]
pub fn read(answer: &[u8], certificate: &Certificate, issuer: &Certificate) -> Said {
    if answer.len() > LARGEST {
        return Said::Nothing("its OCSP answer is too long");
    }
    read_within(answer, certificate, issuer).unwrap_or(Said::Nothing("its OCSP answer can't be read"))
}

fn read_within(answer: &[u8], certificate: &Certificate, issuer: &Certificate) -> Result<Said, ErrorStack> {
    let response = OcspResponse::from_der(answer)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Ok(Said::Nothing("its OCSP responder answers with an error"));
    }
    let basic = response.basic()?;
    let mut known = Stack::new()?;
    known.push(issuer.x509().clone())?;
    if basic.verify(&known, &*below(issuer)?, OcspFlag::empty()).is_err() {
        return Ok(Said::Nothing("its OCSP answer is not signed by its issuer"));
    }
    for digest in [MessageDigest::sha1(), MessageDigest::sha256()] {
        let id = OcspCertId::from_cert(digest, certificate.x509(), issuer.x509())?;
        if let Some(status) = basic.find_status(&id) {
            return Ok(says(&status));
        }
    }
    Ok(Said::Nothing("its OCSP answer is about another certificate"))
}

fn says(status: &OcspStatus<'_>) -> Said {
    let longest = status.next_update().is_none().then_some(WITHOUT_NEXT);
    if status.check_validity(SKEW, longest).is_err() {
        return Said::Nothing("its OCSP answer is not in its time");
    }
    match status.status {
        OcspCertStatus::GOOD => Said::Good,
        OcspCertStatus::REVOKED => Said::Revoked,
        _ => Said::Nothing("its OCSP responder does not know it"),
    }
}

/// Trusts this issuer and nobody above it, so that only its own word, or that of whom it named, counts.
fn below(issuer: &Certificate) -> Result<X509Store, ErrorStack> {
    let mut builder = X509StoreBuilder::new()?;
    builder.add_cert(issuer.x509().clone())?;
    builder.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    Ok(builder.build())
}

#[cfg(test)]
#[path = "ocsp_tests.rs"]
mod tests;
