//! The mobile gate of this node as the use cases see it: connection test, redirects, the certificate that phones see, and profiles
//! signed with its key.

use std::sync::Arc;

use admin::{PhoneGate, Redirect, ServerProbe};
use async_trait::async_trait;
use crypto::pki::{Certificate, SoftKey, import};
use crypto::smime::{SigningIdentity, sign_inside};
use mobile::{MobileGate, RedirectKey};
use model::site::MobileGateway;
use model::{Clock, Fault, Guilty, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, Timestamp, TraceId};

use crate::tls::Tls;

/// The gate and what its listeners serve with.
pub struct Phones {
    /// The gate.
    pub gate: Arc<MobileGate>,
    /// Its listeners' certificate.
    pub tls: Tls,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The key of the listeners' certificate, opened for one signature.
struct ListenersKey(SoftKey);

impl KeyUse for ListenersKey {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        (key == self.0.id()).then(|| self.0.kind())
    }

    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let known = key == self.0.id() && purpose == KeyPurpose::SignProfile;
        tracing::info!(event = "key.used", key = %key.0, trace = %trace, purpose = "sign-profile", operation = "sign", known);
        if known { self.0.perform(request) } else { Err(KeyUseError::UnknownKey) }
    }
}

#[async_trait]
impl PhoneGate for Phones {
    async fn probe(&self, gateway: &MobileGateway) -> Vec<ServerProbe> {
        let probed = self.gate.probe(gateway).await;
        probed.into_iter().map(|one| ServerProbe { server: one.server, took: one.took, answer: one.answer }).collect()
    }

    fn is_ready(&self) -> bool {
        self.gate.is_ready()
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        let text = std::fs::read_to_string(self.tls.certificate()).ok()?;
        Certificate::from_pem_many(&text).ok()?.first().map(Certificate::not_after)
    }

    fn redirects(&self) -> Vec<Redirect> {
        let all = self.gate.redirects();
        all.into_iter()
            .map(|(key, url)| Redirect { gateway: key.gateway, user: key.user, device: key.device, url: url.to_string() })
            .collect()
    }

    fn clear_redirect(&self, redirect: &Redirect) -> bool {
        let Redirect { gateway, user, device, .. } = redirect.clone();
        self.gate.clear_redirect(&RedirectKey { gateway, user, device })
    }

    fn sign_profile(&self, profile: &[u8]) -> Result<Vec<u8>, Fault> {
        let unsigned = |cause: String| Fault::permanent(Guilty::Configuration, "profile-unsigned", cause);
        let (cert, key) = (self.tls.certificate(), self.tls.key());
        let read = |path: &std::path::Path| std::fs::read(path).map_err(|cause| unsigned(format!("{}: {cause}", path.display())));
        let pem = zeroize::Zeroizing::new([read(&cert)?, vec![b'\n'], read(&key)?].concat());
        let imported = import::pem(&pem, None).map_err(|cause| unsigned(format!("{}: {cause}", key.display())))?;
        let key = ListenersKey(SoftKey::from_pkcs8(&imported.private_pkcs8).map_err(|cause| unsigned(cause.to_string()))?);
        let signer = SigningIdentity { key: key.0.id().clone(), chain: imported.chain };
        let way = (&key as &dyn KeyUse, TraceId::new(), KeyPurpose::SignProfile);
        sign_inside(profile, &signer, way, self.clock.now()).map_err(|cause| unsigned(cause.to_string()))
    }
}
