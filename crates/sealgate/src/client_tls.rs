//! Client certificates of SMTP clients: for sources that go by `tls_name` (mail-gateway.md M-T5).
//!
//! Servers show their certificate to whoever asks, and often it is a self-signed one. Refusing it in the handshake would cost mail,
//! so any certificate whose key the client holds is taken there, and what it proves is judged afterwards: a name counts when the
//! chain leads to a root of this machine or of the site's own trust and the certificate is good for that name. Public authorities issue for
//! TLS servers only; so a server's purpose is taken as well as a client's.

use std::sync::Arc;

use model::site::{Root, Trust};
use model::{Facts, Site};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Takes any certificate whose key the client holds; demands none.
#[derive(Debug)]
pub struct AnyClient(Arc<CryptoProvider>);

impl AnyClient {
    /// With the process's own cryptography.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
    }
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// True if any source of the site goes by a client certificate: only then one is asked for.
#[must_use]
pub fn wanted(site: &Site) -> bool {
    site.sources.values().any(|source| !source.tls_name.is_empty())
}

/// The `tls_name`s of the site that this chain, leaf first, is good for now.
#[must_use]
pub fn names(facts: &dyn Facts, chain: &[CertificateDer<'_>]) -> Vec<String> {
    let site = facts.site();
    let mut names: Vec<&str> = site.sources.values().map(|source| source.tls_name.as_str()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let Some((leaf, others)) = chain.split_first().filter(|_| !names.is_empty()) else { return Vec::new() };
    let roots = Arc::new(roots(&site));
    names.retain(|name| is_good_for(leaf, others, name, &roots));
    if names.is_empty() {
        tracing::info!(event = "tls.client_unknown", "a client's certificate is good for none of the names that sources ask for");
    }
    names.into_iter().map(str::to_owned).collect()
}

fn is_good_for(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], name: &str, roots: &Arc<RootCertStore>) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    let (provider, now) = (Arc::new(rustls::crypto::aws_lc_rs::default_provider()), UnixTime::now());
    let as_server = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build();
    if as_server.is_ok_and(|verifier| verifier.verify_server_cert(leaf, others, &name, &[], now).is_ok()) {
        return true;
    }
    let as_client = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider).build();
    as_client.is_ok_and(|verifier| verifier.verify_client_cert(leaf, others, now).is_ok())
        && ParsedCertificate::try_from(leaf).is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
}

/// The machine's roots and those that the site trusts, without those that it does not.
fn roots(site: &Site) -> RootCertStore {
    let of = |trust: Trust| {
        let rows = site.roots.values().filter(move |root| root.trust == trust);
        rows.filter_map(|root: &Arc<Root>| CertificateDer::from_pem_slice(root.certificate.as_bytes()).ok()).collect::<Vec<_>>()
    };
    let distrusted = of(Trust::Untrusted);
    let system = rustls_native_certs::load_native_certs().certs;
    let mut store = RootCertStore::empty();
    for certificate in system.into_iter().chain(of(Trust::Trusted)).filter(|certificate| !distrusted.contains(certificate)) {
        let _ = store.add(certificate);
    }
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Issuer(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

    fn issuer() -> Issuer {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Issuer(rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap())
    }

    fn leaf(issuer: &Issuer, name: &str, usage: Option<rcgen::ExtendedKeyUsagePurpose>) -> CertificateDer<'static> {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = usage.into_iter().collect();
        params.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer.0).unwrap().der().clone()
    }

    #[test]
    fn m_t5_a_client_certificate_counts_by_chain_and_name() {
        let (ours, theirs) = (issuer(), issuer());
        let mut store = RootCertStore::empty();
        store.add(ours.0.der().clone()).unwrap();
        let store = Arc::new(store);
        let good = |issuer: &Issuer, name: &str, usage| is_good_for(&leaf(issuer, name, usage), &[], "mail.cloud.example", &store);
        assert!(good(&ours, "mail.cloud.example", None));
        assert!(good(&ours, "mail.cloud.example", Some(rcgen::ExtendedKeyUsagePurpose::ServerAuth)));
        assert!(good(&ours, "mail.cloud.example", Some(rcgen::ExtendedKeyUsagePurpose::ClientAuth)));
        assert!(!good(&ours, "mail.cloud.example", Some(rcgen::ExtendedKeyUsagePurpose::EmailProtection)));
        assert!(!good(&ours, "other.cloud.example", None), "another name");
        assert!(!good(&theirs, "mail.cloud.example", None), "an issuer that nobody trusts");
    }
}
