//! Whom HTTPS servers are trusted by: the machine's roots (`SSL_CERT_FILE`, `SSL_CERT_DIR` name others) and the site's trusted ones.
//!
//! Read for each request: there are few, and a changed root counts at once.

use std::sync::Arc;

use model::Site;
use model::site::Trust;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::EgressError;

/// A TLS configuration that trusts them.
pub(super) fn config(site: &Site) -> Result<ClientConfig, EgressError> {
    let failed = |error: rustls::Error| EgressError::Tls(error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let trusted = site.roots.values().filter(|root| root.trust == Trust::Trusted);
    roots.add_parsable_certificates(trusted.filter_map(|root| CertificateDer::from_pem_slice(root.certificate.as_bytes()).ok()));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
