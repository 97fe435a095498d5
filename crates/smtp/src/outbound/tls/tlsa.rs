//! TLSA records, as mail servers use them (RFC 6698, RFC 7671, RFC 7672).
//!
//! Whoever fills them in has validated them; nothing here looks at DNS. Usages 0 and 1 are unusable between
//! mail servers (RFC 7672 §3.1.3), and so is what we can't compute.

use openssl::x509::{X509, X509Ref};
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// 2: a trust anchor that the server sends along; 3: the server's own certificate or key.
    pub usage: u8,
    /// 0: the whole certificate; 1: its SubjectPublicKeyInfo.
    pub selector: u8,
    /// 0: as it is; 1: SHA-256; 2: SHA-512.
    pub matching: u8,
    /// What it must be.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// True if the record means something to us.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let length = match self.matching {
            0 => (1..=65_535).contains(&self.data.len()),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _ => false,
        };
        matches!(self.usage, 2 | 3) && matches!(self.selector, 0 | 1) && length
    }

    /// True if this certificate is the one that the record means.
    pub(super) fn means(&self, certificate: &X509Ref) -> bool {
        let Some(selected) = self.select(certificate) else { return false };
        match self.matching {
            0 => selected == self.data,
            1 => openssl::sha::sha256(&selected)[..] == self.data[..],
            2 => openssl::sha::sha512(&selected)[..] == self.data[..],
            _ => false,
        }
    }

    fn select(&self, certificate: &X509Ref) -> Option<Vec<u8>> {
        let der = certificate.to_der().ok()?;
        if self.selector == 0 {
            return Some(der);
        }
        // As it stands in the certificate; written anew by OpenSSL only for certificates that webpki does not read.
        let parsed = CertificateDer::from(der.as_slice());
        let key = ParsedCertificate::try_from(&parsed).ok().map(|parsed| parsed.subject_public_key_info().as_ref().to_vec());
        key.or_else(|| certificate.public_key().and_then(|key| key.public_key_to_der()).ok())
    }

    /// The certificate itself, if the record carries a whole one.
    pub(super) fn whole(&self) -> Option<X509> {
        (self.selector == 0 && self.matching == 0).then(|| X509::from_der(&self.data).ok()).flatten()
    }
}

/// The usable records that count: of each usage and selector those of the strongest digest, and whole data
/// always (RFC 7671 §9).
pub(super) fn that_count(records: &[Tlsa]) -> impl Iterator<Item = &Tlsa> {
    let kin = |a: &Tlsa, b: &Tlsa| (a.usage, a.selector) == (b.usage, b.selector);
    let usable = |record: &&Tlsa| record.is_usable();
    let strongest = move |record: &Tlsa| !records.iter().filter(usable).any(|other| kin(other, record) && other.matching > record.matching);
    records.iter().filter(usable).filter(move |record| record.matching == 0 || strongest(record))
}
