//! People with keys, a key handle that remembers its uses, and the `openssl` command.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use crypto::pki::{Certificate, SoftKey, TrustStore};
use crypto::smime::{SignedContent, SigningIdentity, VerifyRequest};
use model::{Address, Budget, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, Timestamp, TraceId};

/// 2026-11-21T21:44:34Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

/// Keys in this process, with a log.
#[derive(Default)]
pub(crate) struct Ring {
    keys: HashMap<KeyId, SoftKey>,
    pub(crate) log: Mutex<Vec<(KeyId, TraceId, KeyPurpose)>>,
}

impl Ring {
    pub(crate) fn with(people: &[&Made]) -> Self {
        let keys = people.iter().map(|made| SoftKey::from_pkcs8(&made.private_pkcs8).unwrap());
        Self { keys: keys.map(|key| (key.id().clone(), key)).collect(), log: Mutex::default() }
    }
}

impl KeyUse for Ring {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        self.keys.get(key).map(SoftKey::kind)
    }

    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.log.lock().unwrap().push((key.clone(), trace, purpose));
        self.keys.get(key).ok_or(KeyUseError::UnknownKey)?.perform(request)
    }
}

/// A company whose people have RSA and elliptic-curve keys. Made once: RSA keys are slow to make.
pub(crate) struct Company {
    pub(crate) ca: Made,
    pub(crate) alice: Made,
    pub(crate) bob: Made,
    pub(crate) carol: Made,
}

pub(crate) const VALIDITY: Validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 365) };

pub(crate) fn company() -> &'static Company {
    static COMPANY: OnceLock<Company> = OnceLock::new();
    COMPANY.get_or_init(|| {
        let ca = make_ca("Test CA", "Company", KeyKind::EcP256, VALIDITY).unwrap();
        let user = |name: &str, kind| issue_user(&ca, &address(&format!("{name}@company.example")), name, kind, VALIDITY).unwrap();
        Company { alice: user("alice", KeyKind::Rsa(2048)), bob: user("bob", KeyKind::EcP256), carol: user("carol", KeyKind::EcP384), ca }
    })
}

impl Company {
    pub(crate) fn trust(&self) -> TrustStore {
        TrustStore::new(vec![self.ca.certificate.clone()], Vec::new())
    }

    pub(crate) fn ring(&self) -> Ring {
        Ring::with(&[&self.alice, &self.bob, &self.carol])
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn identity(made: &Made) -> SigningIdentity {
    SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] }
}

pub(crate) fn budget() -> Budget {
    Budget::default()
}

pub(crate) fn request<'a>(signed: SignedContent<'a>, from: &str, trust: &'a TrustStore) -> VerifyRequest<'a> {
    VerifyRequest { signed, from: Ok(address(from)), covers_whole: true, trust, known: &[], now: NOW }
}

/// A folder with files for the command line.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The key and the certificate as PEM files NAME.key and NAME.crt.
    pub(crate) fn put(&self, name: &str, made: &Made) {
        let key = openssl::pkey::PKey::private_key_from_pkcs8(made.private_pkcs8.expose()).unwrap();
        self.write(&format!("{name}.key"), key.private_key_to_pem_pkcs8().unwrap());
        self.write(&format!("{name}.crt"), made.certificate.pem());
    }

    /// Runs `openssl` here; its standard output.
    pub(crate) fn openssl(&self, arguments: &str) -> Result<Vec<u8>, String> {
        let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.0.path()).output().unwrap();
        if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

/// The folder of published samples; with `CI=true` it must be there.
pub(crate) fn material(under: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("SEALGATE_MATERIAL").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("testdata").join(under);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing: set SEALGATE_MATERIAL", folder.display());
    None
}

/// The CMS in the base64 body of an entity that this room made.
pub(crate) fn cms_of(entity: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(entity).unwrap();
    let body: String = text.split_once("\r\n\r\n").unwrap().1.lines().collect();
    openssl::base64::decode_block(&body).unwrap()
}

/// The signed part and the CMS of a multipart/signed entity that this room made.
pub(crate) fn halves(entity: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = std::str::from_utf8(entity).unwrap();
    let boundary = text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    let content = parts[1].strip_prefix("\r\n").unwrap().strip_suffix("\r\n").unwrap();
    (content.as_bytes().to_vec(), cms_of(parts[2].strip_prefix("\r\n").unwrap().as_bytes()))
}

pub(crate) fn certificate(pem: &[u8]) -> Certificate {
    Certificate::from_pem_many(std::str::from_utf8(pem).unwrap()).unwrap().remove(0)
}

/// Runs one of the scripts beside these tests in the desk's folder; its standard output.
pub(crate) fn python(desk: &Desk, script: &str, arguments: &str) -> Result<Vec<u8>, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
    let output = Command::new("python3").arg(script).args(arguments.split_whitespace()).current_dir(desk.0.path()).output().unwrap();
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
