//! TLS towards the mail server: the system's roots, or nobody's when the administrator chose so (G-2).

use std::path::Path;
use std::sync::Arc;

use model::{Fault, Guilty};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

/// Where systems keep their roots in one file.
const SYSTEM: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A connector that checks certificates, or one that ignores their errors.
///
/// # Errors
/// A fault of the configuration when there are no roots to check by.
pub(crate) fn connector(verify: bool, extra: Option<&Path>) -> Result<TlsConnector, Fault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let wrong = |cause: String| Fault::permanent(Guilty::Configuration, "mobile-roots", cause);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|cause| wrong(cause.to_string()))?;
    let mut config = if verify {
        builder.with_root_certificates(roots(extra)?).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(extra: Option<&Path>) -> Result<RootCertStore, Fault> {
    let wrong = |cause: String| Fault::permanent(Guilty::Configuration, "mobile-roots", cause);
    let mut store = RootCertStore::empty();
    let system = SYSTEM.iter().map(Path::new).find(|path| path.exists());
    for path in system.into_iter().chain(extra) {
        let certificates = CertificateDer::pem_file_iter(path).map_err(|cause| wrong(format!("{}: {cause}", path.display())))?;
        // A root that the library can't read is one that nothing chains to.
        store.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    if store.is_empty() {
        return Err(wrong("there is no root certificate to check the mail server by: install ca-certificates".to_owned()));
    }
    Ok(store)
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
