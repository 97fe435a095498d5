//! Who issued a certificate: the CAs above it among some candidates, each held by the signature on the one below.
//!
//! It says who vouches, not whether anybody should believe it: that is the trust store's. Before it: a signed mail with its
//! certificates; behind it: what the site keeps for an administrator to decide about (mail-gateway.md M-C3). RFC 5280 §6.1.

use super::Certificate;

/// Certificates above one, at most.
const DEPTH: usize = 8;
/// Signatures of one certificate that are tried: others may bear the issuer's name.
const TRIES: usize = 3;

/// The CAs above `leaf`, its own issuer first, up to a self-issued one or as far as they are there.
#[must_use]
pub fn issuers(leaf: &Certificate, candidates: &[Certificate]) -> Vec<Certificate> {
    let mut path: Vec<Certificate> = Vec::new();
    while path.len() < DEPTH {
        let below = path.last().unwrap_or(leaf);
        if below.is_self_issued() {
            break;
        }
        let named = candidates.iter().filter(|candidate| candidate.is_ca() && !path.contains(candidate) && names(candidate, below));
        let Some(issuer) = named.take(TRIES).find(|candidate| signed(candidate, below)) else { break };
        path.push(issuer.clone());
    }
    path
}

fn names(issuer: &Certificate, below: &Certificate) -> bool {
    issuer.x509().subject_name().try_cmp(below.x509().issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
}

fn signed(issuer: &Certificate, below: &Certificate) -> bool {
    issuer.x509().public_key().and_then(|key| below.x509().verify(&key)).unwrap_or(false)
}
