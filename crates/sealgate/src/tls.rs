//! Certificates of the listeners: read from PEM files or made on the first start, changed without a restart.
//!
//! A certificate that can't be loaded at start never leads to plain text: the listener comes up with the self-signed one
//! and the log says so (cluster-and-system.md S-2). At a reload a broken file leaves the running certificate in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use crypto::pki::issue::{Validity, self_signed_tls};
use model::{Clock, Fault, Guilty, SystemClock};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::client_tls::AnyClient;
use crate::config::Certificate;

/// How long a self-signed certificate is good.
const SELF_SIGNED: std::time::Duration = std::time::Duration::from_secs(825 * 86_400);

/// Its name in `<data>/tls/`.
const SELF_SIGNED_FILE: &str = "self-signed.crt";
/// And that of its key.
const SELF_SIGNED_KEY: &str = "self-signed.key";

/// With the same certificate.
#[derive(Debug)]
struct Configs {
    plain: Arc<ServerConfig>,
    /// Asks clients for a certificate too.
    asking: Arc<ServerConfig>,
}

/// The TLS configuration of one listener, replaceable while it runs.
#[derive(Debug, Clone)]
pub struct Tls {
    current: Arc<ArcSwap<Configs>>,
    files: Certificate,
    fallback: PathBuf,
    protocols: &'static [&'static [u8]],
}

impl Tls {
    /// Loads the listener's own certificate, else the node's, else the self-signed one in `<data>/tls/`.
    ///
    /// # Errors
    /// Only when not even a self-signed certificate can be had.
    pub fn load(own: &Certificate, node: &Certificate, data: &Path, protocols: &'static [&'static [u8]]) -> Result<Self, Fault> {
        let files = if own.cert.is_empty() { node.clone() } else { own.clone() };
        let fallback = data.join("tls");
        let config = match read(&files, &fallback, protocols) {
            Ok(config) => config,
            Err(fault) => {
                tracing::error!(event = "tls.fallback", cause = %fault.cause, "certificate can't be used; a self-signed one stands in until it is mended");
                read(&Certificate::default(), &fallback, protocols)?
            }
        };
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(config)), files, fallback, protocols })
    }

    /// What to serve with now.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load().plain.clone()
    }

    /// The same, and clients are asked for a certificate, which they need not have.
    #[must_use]
    pub fn asking(&self) -> Arc<ServerConfig> {
        self.current.load().asking.clone()
    }

    /// The file with the certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        if self.files.cert.is_empty() { self.fallback.join(SELF_SIGNED_FILE) } else { PathBuf::from(&self.files.cert) }
    }

    /// The file with its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        if self.files.cert.is_empty() { self.fallback.join(SELF_SIGNED_KEY) } else { PathBuf::from(&self.files.key) }
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// When they can't be used; the running certificate stays.
    pub fn reload(&self) -> Result<(), Fault> {
        self.current.store(Arc::new(read(&self.files, &self.fallback, self.protocols)?));
        Ok(())
    }
}

fn read(files: &Certificate, fallback: &Path, protocols: &[&[u8]]) -> Result<Configs, Fault> {
    let (cert, key) = if files.cert.is_empty() { self_signed(fallback)? } else { (PathBuf::from(&files.cert), PathBuf::from(&files.key)) };
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unusable(&cert, &format!("no PEM certificate can be read from it ({e})")))?;
    if chain.is_empty() {
        return Err(unusable(&cert, "it holds no certificate"));
    }
    let private =
        PrivateKeyDer::from_pem_file(&key).map_err(|e| unusable(&key, &format!("no unencrypted PEM key can be read from it ({e})")))?;
    let wrong = |e| unusable(&cert, &format!("certificate and key do not belong together, or are of no use for TLS ({e})"));
    let plain = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.clone(), private.clone_key()).map_err(wrong)?;
    let asking = ServerConfig::builder().with_client_cert_verifier(AnyClient::new()).with_single_cert(chain, private).map_err(wrong)?;
    let ready = |mut config: ServerConfig| {
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        Arc::new(config)
    };
    Ok(Configs { plain: ready(plain), asking: ready(asking) })
}

/// Paths of the self-signed certificate and key, made if they are not there.
fn self_signed(folder: &Path) -> Result<(PathBuf, PathBuf), Fault> {
    let (cert, key) = (folder.join(SELF_SIGNED_FILE), folder.join(SELF_SIGNED_KEY));
    if !cert.exists() || !key.exists() {
        let host = crate::place::host_name();
        let validity = Validity { now: SystemClock.now(), lifetime: SELF_SIGNED };
        let made = self_signed_tls(&["localhost", "127.0.0.1", &host], validity).map_err(|e| unusable(&cert, &e.to_string()))?;
        let private = pem("PRIVATE KEY", made.private_pkcs8.expose());
        write_private(&key, private.as_bytes())
            .and_then(|()| std::fs::write(&cert, made.certificate.pem()))
            .map_err(|e| unusable(&cert, &e.to_string()))?;
        tracing::warn!(path = %cert.display(), "made a self-signed certificate; browsers and phones will warn until [certificate] names a real one");
    }
    Ok((cert, key))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> zeroize::Zeroizing<String> {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    zeroize::Zeroizing::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")))
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?.write_all(content)
}

fn unusable(path: &Path, why: &str) -> Fault {
    Fault::permanent(Guilty::Configuration, "certificate-unusable", format!("{}: {why}", path.display()))
        .with("path", path.display())
        .with("detail", why)
}
