//! CMS and certificates: what comes in signed and encrypted mail.

use std::sync::OnceLock;

use crypto::pki::{Certificate, TrustStore};
use crypto::smime::{SignedContent, VerifyRequest, named_recipients, open, verify};
use model::{
    Address, Budget, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, SignatureVerdict, Timestamp, TraceId,
};

/// The certificate that the seeds are encrypted for and signed by.
const CERTIFICATE: &[u8] = include_bytes!("../corpus/cms/certificate");

/// The octets as a certificate, as an encrypted and as a signed object.
pub fn cms(data: &[u8]) {
    let budget = Budget::default();
    if let Ok(certificate) = Certificate::from_der(data) {
        let _ = (
            certificate.subject(),
            certificate.issuer(),
            certificate.serial_hex(),
            certificate.addresses(),
            certificate.may_encrypt_mail(),
        );
        assert_eq!(certificate.der(), data, "a certificate's octets changed");
    }
    let _ = named_recipients(data, &budget);
    let _ = open(data, own(), &FixedKeys, TraceId::from_u128(1), &Budget::default());
    let opaque = SignedContent::Opaque(data);
    let detached = SignedContent::Detached { content: b"Content-Type: text/plain\r\n\r\nHi\r\n", signature: data };
    for signed in [opaque, detached] {
        let from = Address::parse("anna@company.example").map_err(|_| "unreadable");
        let trust = TrustStore::new(Vec::new(), Vec::new());
        let request =
            VerifyRequest { signed, from, covers_whole: true, trust: &trust, known: own(), now: Timestamp(1_795_297_474_000_000) };
        let found = verify(&request, &Budget::default());
        assert!(!matches!(found.verdict, SignatureVerdict::Valid | SignatureVerdict::None), "valid without a single root");
    }
}

fn own() -> &'static [Certificate] {
    static OWN: OnceLock<Vec<Certificate>> = OnceLock::new();
    OWN.get_or_init(|| Certificate::from_der(CERTIFICATE).into_iter().collect())
}

/// Gives a constant where a key would give a secret, so that what lies behind it is reached.
struct FixedKeys;

impl KeyUse for FixedKeys {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        own().first().and_then(Certificate::kind)
    }

    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let length = match request {
            KeyUseRequest::UnwrapPkcs1 { expected, .. } => *expected,
            KeyUseRequest::UnwrapOaep { .. } | KeyUseRequest::Agree { .. } => 32,
            KeyUseRequest::SignSha256(_)
            | KeyUseRequest::SignPssSha256(_)
            | KeyUseRequest::SignWhole(_)
            | KeyUseRequest::PgpSign { .. }
            | KeyUseRequest::PgpUnwrap { .. } => return Err(KeyUseError::Unsuitable),
        };
        Ok(SecretBytes::new(vec![7; length]))
    }
}
