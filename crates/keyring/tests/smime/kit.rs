//! A partner's people with certificates from the openssl command line, and the programs that sign for them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use crypto::pki::import::Imported;
use crypto::pki::{Certificate, SoftKey};
use crypto::smime::SigningIdentity;
use keyring::judge::{Case, judge};
use keyring::{Keys, MasterKey, Vault, import};
use message::Message;
use model::ports::Facts;
use model::site::{Section, SiteRow, Trust};
use model::{
    Address, AddressKey, Budget, Judgement, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, Site, Timestamp,
    TraceId,
};

/// A folder for the command line, with the people in it. Made once.
pub(crate) struct Office {
    folder: tempfile::TempDir,
    pub(crate) site: Arc<Site>,
    vault: Arc<Vault>,
}

pub(crate) const BOB: &str = "bob@company.example";
pub(crate) const PERSON: &str =
    "keyUsage=digitalSignature,keyEncipherment,keyAgreement\nextendedKeyUsage=emailProtection\nbasicConstraints=CA:FALSE\n";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
pub(crate) const RSA: &str = "rsa:2048";
pub(crate) const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

pub(crate) fn office() -> &'static Office {
    static OFFICE: OnceLock<Office> = OnceLock::new();
    OFFICE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (vault, _) = Vault::create(MasterKey::create(&folder.path().join("master")).unwrap()).unwrap();
        let mut office = Office { folder, site: Arc::default(), vault: Arc::new(vault) };
        office.issue("root", "", RSA, CA, "900");
        office.issue("between", "root", P256, CA, "800");
        office.issue("foreign", "", RSA, CA, "900");
        for (name, issuer, key) in [("anna", "root", RSA), ("ben", "root", P256), ("ida", "between", P256)] {
            office.issue(name, issuer, key, &format!("subjectAltName=email:{name}@partner.example\n{PERSON}"), "400");
        }
        office.issue("bob", "root", P256, &format!("subjectAltName=email:{BOB}\n{PERSON}"), "400");
        let mut site = Site { number: 1, ..Site::default() };
        let user = SiteRow { section: Section::User, key: BOB.into(), version: 1, body: format!(r#"{{"address":"{BOB}"}}"#) };
        site.apply(&user).unwrap();
        let bob = Address::parse(BOB).unwrap();
        let pair = Imported { private_pkcs8: office.pkcs8("bob"), chain: vec![office.certificate("bob")] };
        site.apply(&import::key_row(&office.vault, &bob, &pair, now()).unwrap()).unwrap();
        for row in import::roots(&office.read("root.crt"), Trust::Trusted, "imported").unwrap() {
            site.apply(&row).unwrap();
        }
        office.site = Arc::new(site);
        office
    })
}

/// Certificates of the command line begin when they are made.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap() + 60_000_000)
}

impl Office {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn run(&self, program: &str, arguments: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        // gpgsm takes pass phrases from there.
        let secret = std::fs::File::open(self.path("secret")).map_or_else(|_| Stdio::null(), Stdio::from);
        command.stdin(secret);
        let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}; scripts/install tests installs it"));
        if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    pub(crate) fn openssl(&self, arguments: &str) -> Vec<u8> {
        self.run("openssl", arguments).unwrap_or_else(|error| panic!("openssl {arguments}: {error}"))
    }

    /// Makes NAME.key and NAME.crt: issued by `issuer`, or self-signed where that is empty.
    pub(crate) fn issue(&self, name: &str, issuer: &str, key: &str, extensions: &str, days: &str) {
        self.issue_as((name, &format!("/CN={name}")), issuer, key, extensions, days);
    }

    pub(crate) fn issue_as(&self, (name, subject): (&str, &str), issuer: &str, key: &str, extensions: &str, days: &str) {
        self.write(&format!("{name}.ext"), extensions);
        self.openssl(&format!("req -new -newkey {key} -nodes -keyout {name}.key -subj {subject} -out {name}.csr"));
        let by = if issuer.is_empty() {
            format!("-signkey {name}.key")
        } else {
            format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial")
        };
        self.openssl(&format!("x509 -req -in {name}.csr {by} -extfile {name}.ext -days {days} -out {name}.crt"));
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_pem_many(&String::from_utf8(self.read(&format!("{name}.crt"))).unwrap()).unwrap().remove(0)
    }

    pub(crate) fn pkcs8(&self, name: &str) -> SecretBytes {
        let key = openssl::pkey::PKey::private_key_from_pem(&self.read(&format!("{name}.key"))).unwrap();
        SecretBytes::new(key.private_key_to_pkcs8().unwrap())
    }

    /// A detached signature (DER) over these octets by the openssl command line; `file` keeps tests apart that run at once.
    pub(crate) fn signed(&self, file: &str, content: &[u8], by: &str, flags: &str) -> Vec<u8> {
        self.write(&format!("{file}.in"), content);
        self.openssl(&format!("cms -sign -binary -in {file}.in -signer {by}.crt -inkey {by}.key -outform DER -out {file}.out {flags}"));
        self.read(&format!("{file}.out"))
    }

    /// Our own `multipart/signed` entity.
    pub(crate) fn own(&self, content: &[u8], by: &str) -> Vec<u8> {
        let key = SoftKey::from_pkcs8(&self.pkcs8(by)).unwrap();
        let identity = SigningIdentity { key: key.id().clone(), chain: vec![self.certificate(by)] };
        crypto::smime::sign(content, &identity, &One(key), TraceId::new(), now()).unwrap().to_vec()
    }

    pub(crate) fn judged(&self, mail: &[u8]) -> Judgement {
        self.judged_by(&self.site, mail, now())
    }

    pub(crate) fn judged_by(&self, site: &Arc<Site>, mail: &[u8], now: Timestamp) -> Judgement {
        let budget = Budget::default();
        let message = Message::parse(Bytes::copy_from_slice(mail), &budget).unwrap();
        let keys = Keys::new(Arc::new(Fixed(site.clone())), self.vault.clone());
        let recipients: Vec<AddressKey> = vec![Address::parse(BOB).unwrap().key()];
        judge(&message, &Case { site, keys: &keys, trace: TraceId::new(), recipients: &recipients, now }, &budget)
    }
}

struct Fixed(Arc<Site>);

impl Facts for Fixed {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

/// One key in this process.
pub(crate) struct One(pub(crate) SoftKey);

impl KeyUse for One {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        Some(self.0.kind())
    }

    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.0.perform(request)
    }
}
