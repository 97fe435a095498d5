//! TLS towards a next hop: what is demanded, and whether a server meets it (mail-gateway.md M-T4).
//!
//! `demand` says what, `judge` looks at what the server showed, this file joins both to the handshake; `revocation` asks after it
//! whether the certificates are still good, since nothing may wait inside the handshake. At `may`
//! and `encrypt` any certificate will do: that keeps passive listeners out and no more (RFC 7435). Signatures
//! of the handshake are checked at every level. A session is resumed only where no certificate counts, because
//! a resumed session shows none. TLS 1.0 and 1.1 are not spoken at any level.

mod anchors;
mod demand;
mod fingerprint;
mod judge;
mod names;
mod revocation;
mod stapled;
mod tlsa;

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::Endpoint;
use judge::Shown;
use revocation::Vouched;

pub use anchors::Anchors;
pub use demand::{Revocation, TlsDemand, TlsLevel, TlsPolicy};
pub use fingerprint::{Fingerprint, FingerprintError};
pub(super) use revocation::check as check_revocation;
pub use revocation::{RevocationSource, Revoked, standing};
pub use tlsa::Tlsa;

/// For levels at which any certificate will do; sessions are resumed through it.
static ANY_CERTIFICATE: LazyLock<Result<Arc<ClientConfig>, Error>> = LazyLock::new(|| config(Verifier::new(TlsDemand::default(), "")));

/// One handshake's configuration, and after it what was found.
pub(super) struct Handshake {
    pub(super) config: Arc<ClientConfig>,
    found: Arc<Mutex<Found>>,
}

/// What a handshake found out.
#[derive(Debug, Default)]
struct Found {
    /// Why the certificate was refused, if it was.
    refusal: Option<String>,
    /// The chain that vouches for it, where the level asks for one.
    vouched: Option<Vouched>,
}

impl Handshake {
    pub(super) fn new(demand: &TlsDemand, endpoint: &Endpoint) -> Result<Self, Error> {
        if demand.level <= TlsLevel::Encrypt {
            return Ok(Self { config: ANY_CERTIFICATE.clone()?, found: Arc::default() });
        }
        let verifier = Verifier::new(demand.clone(), &endpoint.host);
        let found = verifier.found.clone();
        let mut config = Arc::unwrap_or_clone(config(verifier)?);
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), found })
    }

    /// Why the certificate was refused, if it was.
    pub(super) fn refusal(&self) -> Option<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).refusal.take()
    }

    /// The chain whose certificates must not have been revoked.
    pub(super) fn vouched(&self) -> Option<Vouched> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).vouched.take()
    }
}

fn config(verifier: Verifier) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(verifier.provider.clone()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
}

/// The name that is sent as SNI: the host's, or what the demand says; an address sends none (RFC 6066 §3).
pub(super) fn server_name(demand: &TlsDemand, endpoint: &Endpoint) -> ServerName<'static> {
    let name = demand.sni.clone().unwrap_or_else(|| endpoint.host.clone());
    ServerName::try_from(name).unwrap_or_else(|_| ServerName::IpAddress(endpoint.address.ip().into()))
}

/// Would a server with these certificates (DER, its own first) meet the demand? As after a handshake in which it proved the key, and
/// without asking whether anything was revoked: for looking at certificates without a connection.
///
/// # Errors
/// Why it would not, in words for an administrator.
pub fn certificates_meet(demand: &TlsDemand, chain: &[&[u8]], host: &str, now: i64) -> Result<(), String> {
    judge::judge(demand, &Shown { chain, ocsp: &[], host, now }).map(drop)
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    demand: TlsDemand,
    host: String,
    found: Arc<Mutex<Found>>,
}

impl Verifier {
    fn new(demand: TlsDemand, host: &str) -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), demand, host: host.to_owned(), found: Arc::default() }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<&[u8]> = std::iter::once(end_entity).chain(intermediates).map(AsRef::as_ref).collect();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let shown = Shown { chain: &chain, ocsp: ocsp_response, host: &self.host, now };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match judge::judge(&self.demand, &shown) {
            Ok(vouched) => {
                found.vouched = vouched;
                Ok(ServerCertVerified::assertion())
            }
            Err(why) => {
                found.refusal = Some(why);
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
