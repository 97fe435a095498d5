//! A small site with people and keys, and mails between them, for the tests of this room.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use crypto::pki::SoftKey;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use crypto::pool::CpuPool;
use crypto::smime::ContentCipher;
use data_encoding::BASE64;
use message::Message;
use model::site::{Section, SiteRow};
use model::{
    Address, Budget, Envelope, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, Limits, MemoryPool, Origin, Peer, Recipient,
    SecretBytes, Site, Timestamp, TraceId,
};
use rules::RuleSet;

use crate::authenticate;
use crate::state::{MailState, Work};

pub(crate) const NOW: Timestamp = Timestamp(1_795_297_474_000_000);
/// The company's mail server: may relay and speak for the domain.
pub(crate) const OURS: &str = "192.0.2.1";
/// Somebody on the Internet.
pub(crate) const STRANGER: &str = "198.51.100.1";
pub(crate) const MEMORY: usize = 100 << 20;

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// Private keys in this process; `wait` runs before each use.
pub(crate) struct Ring {
    keys: HashMap<KeyId, SoftKey>,
    pub(crate) wait: Option<Budget>,
}

impl KeyUse for Ring {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        self.keys.get(key).map(SoftKey::kind)
    }

    fn use_key(&self, key: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        while self.wait.as_ref().is_some_and(|budget| budget.time().is_ok()) {
            std::thread::yield_now();
        }
        self.keys.get(key).ok_or(KeyUseError::UnknownKey)?.perform(request)
    }
}

/// alice (RSA), bob (P-256) with accounts and keys, carol with an account only; paul, pia and pit outside with certificates.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) ca: Made,
    pub(crate) people: HashMap<&'static str, Made>,
}

fn row(section: Section, key: &str, body: serde_json::Value) -> SiteRow {
    SiteRow { section, key: key.to_owned(), version: 1, body: body.to_string() }
}

/// Made once: RSA keys are slow to make.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 30) };
        let ca = make_ca("Test CA", "", KeyKind::EcP256, validity).unwrap();
        let mut people = HashMap::new();
        for (name, kind) in [
            ("alice@company.example", KeyKind::Rsa(2048)),
            ("bob@company.example", KeyKind::EcP256),
            ("paul@partner.example", KeyKind::EcP256),
            ("pia@partner.example", KeyKind::EcP256),
            ("pit@partner.example", KeyKind::EcP256),
        ] {
            people.insert(name, issue_user(&ca, &address(name), "", kind, validity).unwrap());
        }
        let mut site = Site { number: 1, ..Site::default() };
        let domain = serde_json::json!({"name": "company.example", "forward": "[127.0.0.1]:25", "language": "en"});
        site.apply(&row(Section::Domain, "company.example", domain)).unwrap();
        let mail = serde_json::json!({"hostname": "gate.company.example", "relay_networks": ["192.0.2.0/24"]});
        site.apply(&row(Section::Mail, "", mail)).unwrap();
        for name in ["alice@company.example", "bob@company.example", "carol@company.example"] {
            site.apply(&row(Section::User, name, serde_json::json!({"address": name, "name": name}))).unwrap();
        }
        for (name, made) in &people {
            let (pem, id) = (made.certificate.pem(), made.certificate.key_id().0.clone());
            let applied = if name.ends_with("@company.example") {
                let record = serde_json::json!({"id": id, "owner": name, "certificate": pem, "sealed": "", "created": 1});
                site.apply(&row(Section::Key, &id, record))
            } else {
                site.apply(&row(Section::Partner, name, serde_json::json!({"address": name, "certificates": [pem]})))
            };
            applied.unwrap();
        }
        World { site, ca, people }
    })
}

impl World {
    /// The site, which trusts everybody's CA.
    pub(crate) fn trusting(&self) -> Site {
        let mut site = self.site.clone();
        let root = serde_json::json!({"certificate": self.ca.certificate.pem(), "trust": "trusted"});
        site.apply(&row(Section::Root, self.ca.certificate.fingerprint_sha256(), root)).unwrap();
        site
    }

    pub(crate) fn ring(&self) -> Ring {
        let own = self.people.values().map(|made| SoftKey::from_pkcs8(&made.private_pkcs8).unwrap());
        Ring { keys: own.map(|key| (key.id().clone(), key)).collect(), wait: None }
    }

    pub(crate) fn certificate(&self, name: &str) -> crypto::pki::Certificate {
        self.people[name].certificate.clone()
    }

    /// An encrypted entity for these.
    pub(crate) fn sealed(&self, entity: &[u8], to: &[&str]) -> Vec<u8> {
        let to: Vec<_> = to.iter().map(|name| self.certificate(name)).collect();
        crypto::smime::encrypt(entity, &to, ContentCipher::Aes256Gcm).unwrap().to_vec()
    }
}

/// Secrets that lie in clear.
struct Clear;

impl model::Secrets for Clear {
    fn open(&self, _: &str, sealed: &str) -> Option<model::SecretText> {
        Some(model::SecretText::new(sealed.to_owned()))
    }
}

/// Takes every order and makes nothing.
pub(crate) struct NoMaker;

#[async_trait::async_trait]
impl crate::new_keys::KeyMaker for NoMaker {
    async fn order(&self, _: model::KeyOrder) -> Result<(), model::Fault> {
        Ok(())
    }

    async fn until(&self, _: &(dyn for<'s> Fn(&'s Site) -> bool + Send + Sync)) -> Arc<Site> {
        std::future::pending().await
    }
}

/// The work for a mail from this client, by its envelope.
pub(crate) fn work(client: &str, from: &str, to: &[&str]) -> Work {
    let peer = Peer { helo: "client.example".into(), ..Peer::new(client.parse().unwrap()) };
    let recipients = to.iter().map(|to| Recipient::plain(address(to))).collect();
    Work {
        trace: TraceId::new(),
        site: Arc::new(world().site.clone()),
        origin: Origin::Smtp { peer },
        envelope: Envelope {
            sender: Some(address(from)),
            recipients,
            body: model::BodyType::SevenBit,
            envelope_id: None,
            ret: None,
            smtputf8: false,
        },
        now: NOW,
        budget: Budget::new(Limits { time: Duration::from_secs(60), ..Limits::default() }),
        keys: Arc::new(world().ring()),
        scans: crate::scan::Scans::default(),
        pool: CpuPool::new(1).unwrap(),
        memory: MemoryPool::new(MEMORY),
        checks: None,
        marks: crate::reinject::Marks(std::sync::Arc::new(crate::reinject::NoMarks)),
        issuers: crate::issuers::Issuers::nobody(),
        new_keys: Arc::new(NoMaker),
        secrets: Arc::new(Clear),
        rehearsal: false,
    }
}

/// The mail as the gate hands it over.
pub(crate) fn state(work: &Work, header: &str, entity: &[u8]) -> MailState {
    let bytes = [header.as_bytes(), b"MIME-Version: 1.0\r\n", entity].concat();
    let user = authenticate::identity(&work.site, &work.origin, work.envelope.sender.as_ref());
    MailState::new(Message::parse(Bytes::from(bytes), &work.budget).unwrap(), user)
}

pub(crate) fn rule_set(text: &str) -> Arc<RuleSet> {
    rules::compile("test", text, &rules::BuiltIn).unwrap_or_else(|found| panic!("{}", found[0])).0
}

pub(crate) const PLAIN: &[u8] = b"Content-Type: text/plain\r\n\r\nGood morning.\r\n";

/// The entity with octets of no meaning in the place of Bob's wrapped key (P-256: 40 octets).
pub(crate) fn forged_for_bob(entity: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(entity).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut der = BASE64.decode(body.replace("\r\n", "").as_bytes()).unwrap();
    let serial = data_encoding::HEXLOWER_PERMISSIVE.decode(world().certificate("bob@company.example").serial_hex().as_bytes()).unwrap();
    let place = |part: &[u8], from: usize| from + der[from..].windows(part.len()).position(|window| window == part).unwrap();
    let start = place(&[0x04, 0x28], place(&serial, 0)) + 2;
    der[start..start + 40].fill(0x5a);
    let lines: Vec<String> = BASE64.encode(&der).as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    format!("{head}\r\n\r\n{}\r\n", lines.join("\r\n")).into_bytes()
}

/// With the names of this work's site.
pub(crate) fn rules_for(work: &Work, text: &str) -> Arc<RuleSet> {
    rules::compile("test", text, &crate::ruleset::SiteNames(&work.site)).unwrap_or_else(|found| panic!("{}", found[0])).0
}
