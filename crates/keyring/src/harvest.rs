//! What a signed mail teaches (mail-gateway.md M-C3): the signer's certificate, to be encrypted to from then on, and the roots and
//! intermediates that it met, for an administrator to decide about.
//!
//! Nothing is kept here: the gate carries it with the mail, past the scan, and makes effects of it when the mail is accepted. A
//! certificate is learnt from a valid signature only, and only the signer's own (CVE-2026-29140); issuers are kept as "undefined",
//! which trusts nobody.

use crypto::pki::{Certificate, path};
use crypto::smime::{self, SignatureFinding};
use message::Message;
use message::shape::{self, CmsKind, Shape};
use model::plan::Issuer;
use model::{Address, Budget, SignatureVerdict, Site};

use crate::choose::parsed;

/// What one mail teaches.
#[derive(Debug, Clone, Default)]
pub struct Harvest {
    /// Whom to encrypt to from now on, and with which certificate.
    pub certificate: Option<(Address, Certificate)>,
    /// Who signed, and who stands above the signer's certificate.
    pub met: Option<(Address, Vec<Issuer>)>,
}

/// What this message with this finding teaches. The finding must be the one of the message as it is.
#[must_use]
pub fn of(message: &Message, finding: &SignatureFinding, site: &Site, budget: &Budget) -> Harvest {
    let (Ok(from), Some(signer)) = (message.sole_from(), finding.certificate.as_ref()) else { return Harvest::default() };
    let valid = finding.verdict == SignatureVerdict::Valid;
    let usable = |certificate: &&Certificate| valid && certificate.may_encrypt_mail() && certificate.is_strong();
    // With dual keys it is the other certificate, which the signed attributes name, that answers are encrypted to.
    let certificate = finding
        .encryption
        .as_ref()
        .map(|(other, _)| other)
        .or(Some(signer))
        .filter(usable)
        .map(|certificate| (from.clone(), certificate.clone()));
    // A signature that does not hold, or somebody else's, says nothing about who should be trusted.
    let holds = matches!(finding.verdict, SignatureVerdict::Valid | SignatureVerdict::Untrusted | SignatureVerdict::Expired);
    let issuers = if holds { issuers(signer, &carried(message, budget), site) } else { Vec::new() };
    Harvest { certificate, met: (!issuers.is_empty()).then_some((from, issuers)) }
}

fn carried(message: &Message, budget: &Budget) -> Vec<Certificate> {
    match shape::of(message) {
        Shape::ClearSigned { signature, .. } => smime::carried(&signature, budget),
        Shape::Cms { der, kind: CmsKind::Signed } => smime::carried(&der, budget),
        _ => Vec::new(),
    }
}

/// Those that came with the mail, and what the site knows of above them.
fn issuers(signer: &Certificate, carried: &[Certificate], site: &Site) -> Vec<Issuer> {
    let mut found = path::issuers(signer, carried);
    let top = found.last().unwrap_or(signer).clone();
    if !top.is_self_issued() {
        let known: Vec<Certificate> = site.roots.values().filter_map(|root| parsed(&root.certificate).into_iter().next()).collect();
        found.extend(path::issuers(&top, &known));
    }
    let issuer = |certificate: Certificate| {
        let sha256 = certificate.fingerprint_sha256().to_owned();
        let known = site.roots.contains_key(&sha256);
        Issuer { sha256, certificate: if known { Vec::new() } else { certificate.der().to_vec() } }
    };
    found.into_iter().map(issuer).collect()
}

#[cfg(test)]
#[path = "harvest_tests.rs"]
mod tests;
