//! TLS towards the mail server: the system's roots and the site's, or nobody's when the administrator chose so (G-2).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::site::{Root, Trust as SiteTrust};
use model::{Fault, Guilty};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::revocation::Watch;

/// Where systems keep their roots in one file.
const SYSTEM: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Whom to trust, and who is told what a server shows.
pub(crate) struct Trust<'a> {
    /// Off: certificate errors are ignored.
    pub(crate) verify: bool,
    /// A PEM file with roots beside the system's.
    pub(crate) extra: Option<&'a Path>,
    /// What the site trusts and distrusts.
    pub(crate) site: &'a BTreeMap<String, Arc<Root>>,
    /// Id of the configuration.
    pub(crate) gateway: &'a str,
    /// Notes what servers staple.
    pub(crate) watch: &'a Arc<Watch>,
}

/// A connector that checks certificates, or one that ignores their errors.
///
/// # Errors
/// A fault of the configuration when there are no roots to check by.
pub(crate) fn connector(trust: &Trust<'_>) -> Result<TlsConnector, Fault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let wrong = |cause: String| Fault::permanent(Guilty::Configuration, "mobile-roots", cause);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|cause| wrong(cause.to_string()))?
        .dangerous();
    let mut config = if trust.verify {
        let checks = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(trust)?), provider).build();
        let checks = checks.map_err(|cause| wrong(cause.to_string()))?;
        builder
            .with_custom_certificate_verifier(Arc::new(Noting { checks, gateway: trust.gateway.to_owned(), watch: trust.watch.clone() }))
            .with_no_client_auth()
    } else {
        builder.with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The system's, the file's, and those that the site trusts; none that the site distrusts.
fn roots(trust: &Trust<'_>) -> Result<RootCertStore, Fault> {
    let wrong = |cause: String| Fault::permanent(Guilty::Configuration, "mobile-roots", cause);
    let of = |wanted: SiteTrust| {
        let roots = trust.site.values().filter(move |root| root.trust == wanted);
        roots.filter_map(|root| CertificateDer::from_pem_slice(root.certificate.as_bytes()).ok())
    };
    let distrusted: Vec<CertificateDer<'_>> = of(SiteTrust::Untrusted).collect();
    let mut store = RootCertStore::empty();
    let system = SYSTEM.iter().map(Path::new).find(|path| path.exists());
    for path in system.into_iter().chain(trust.extra) {
        let certificates = CertificateDer::pem_file_iter(path).map_err(|cause| wrong(format!("{}: {cause}", path.display())))?;
        // A root that the library can't read is one that nothing chains to.
        store.add_parsable_certificates(certificates.filter_map(Result::ok).filter(|root| !distrusted.contains(root)));
    }
    store.add_parsable_certificates(of(SiteTrust::Trusted));
    if store.is_empty() {
        return Err(wrong("there is no root certificate to check the mail server by: install ca-certificates".to_owned()));
    }
    Ok(store)
}

/// Checks certificates, and notes what was stapled beside good ones. What it says of revocation is looked at later, not here.
#[derive(Debug)]
struct Noting {
    checks: Arc<WebPkiServerVerifier>,
    gateway: String,
    watch: Arc<Watch>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.checks.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let shown: Vec<CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        self.watch.stapled(&self.gateway, &shown, ocsp_response);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checks.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checks.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.checks.supported_verify_schemes()
    }
}

/// Takes any certificate; the handshake's signature is still checked. Only by `verify_tls_mail = false`.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
