//! What a stapled OCSP response says of the server's certificate (RFC 6066 §8, RFC 6960).
//!
//! The response must be signed by the certificate's issuer or by somebody whom the issuer named for it, and be in its time by
//! this machine's clock. What is not stapled is not known here: `revocation` asks the issuers' lists for it, and for the CAs in
//! between.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};

use super::anchors::{Chain, stack};

/// Clocks may differ by so many seconds.
const SKEW: u32 = 300;

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stapled {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// Nobody says; why.
    Unknown(&'static str),
}

/// Reads what was stapled. A root of our own that is the server's certificate itself has nobody above who could revoke it.
pub(super) fn state(response: &[u8], chain: &Chain) -> Stapled {
    match chain.certificates.as_slice() {
        [_] => Stapled::Good,
        _ if response.is_empty() => Stapled::Unknown("the server staples no OCSP response"),
        _ => read(response, chain).unwrap_or(Stapled::Unknown("the stapled OCSP response can't be read")),
    }
}

fn read(response: &[u8], chain: &Chain) -> Result<Stapled, ErrorStack> {
    let [leaf, issuer, ..] = chain.certificates.as_slice() else { return Ok(Stapled::Unknown("there is no issuer")) };
    let response = OcspResponse::from_der(response)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Ok(Stapled::Unknown("the stapled OCSP response is an error"));
    }
    let basic = response.basic()?;
    if basic.verify(&*stack(&chain.certificates)?, &chain.store, OcspFlag::empty()).is_err() {
        return Ok(Stapled::Unknown("the stapled OCSP response is not signed by the issuer"));
    }
    for digest in [MessageDigest::sha1(), MessageDigest::sha256()] {
        let id = OcspCertId::from_cert(digest, leaf, issuer)?;
        let Some(status) = basic.find_status(&id) else { continue };
        if status.check_validity(SKEW, None).is_err() {
            return Ok(Stapled::Unknown("the stapled OCSP response is not in its time"));
        }
        return Ok(match status.status {
            OcspCertStatus::GOOD => Stapled::Good,
            OcspCertStatus::REVOKED => Stapled::Revoked,
            _ => Stapled::Unknown("the OCSP responder does not know the certificate"),
        });
    }
    Ok(Stapled::Unknown("the stapled OCSP response is about another certificate"))
}

#[cfg(test)]
#[path = "stapled_tests.rs"]
mod tests;
