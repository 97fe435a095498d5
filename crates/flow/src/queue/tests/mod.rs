//! The queue against a scripted next hop, a disk that forgets, and a store that is away.

mod admin;
mod adopt;
mod ahead;
mod bounds;
mod clock;
mod delivery;
mod durability;
mod evidence;
mod pace;
mod reports;
mod scale;

#[path = "../../../../segments/tests/support/mod.rs"]
mod disk;
mod hop;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use crypto::pool::CpuPool;
use model::site::{Section, SiteRow};
use model::{
    Address, Commit, Counter, Effect, EffectId, EffectSink, Facts, Fault, FixedClock, Guilty, KeyId, KeyKind, KeyPurpose, KeyUse,
    KeyUseError, KeyUseRequest, Output, Plan, Recipient, Route, SecretBytes, Site, Timestamp, TraceId,
};
use parking_lot::Mutex;
use smtp::outbound::{LookupError, Mx, Resolver};

use self::disk::{PowerDisk, XorVault};
use self::hop::Hop;
use super::{NoEvidence, Ports, Queue, QueueFilter, Settings};
use crate::own_mail::OwnMail;

const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

/// No secret can be opened.
struct NoSecrets;

impl model::Secrets for NoSecrets {
    fn open(&self, _name: &str, _sealed: &str) -> Option<model::SecretText> {
        None
    }
}

/// No key can be used.
struct NoKeys;

impl KeyUse for NoKeys {
    fn kind(&self, _key: &KeyId) -> Option<KeyKind> {
        None
    }

    fn use_key(&self, _key: &KeyId, _: TraceId, _: KeyPurpose, _: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        Err(KeyUseError::UnknownKey)
    }
}

struct NoDns;

impl Resolver for NoDns {
    async fn mx(&self, _domain: &str) -> Result<Vec<Mx>, LookupError> {
        Err(LookupError::Temporary("no DNS here".to_owned()))
    }

    async fn addresses(&self, _host: &str) -> Result<Vec<std::net::IpAddr>, LookupError> {
        Err(LookupError::Temporary("no DNS here".to_owned()))
    }
}

/// `partner.example` has two servers: the first on 127.0.0.1, the second on 127.0.0.2.
struct TwoServers;

impl Resolver for TwoServers {
    async fn mx(&self, _domain: &str) -> Result<Vec<Mx>, LookupError> {
        Ok(vec![Mx { preference: 20, host: "second.example".to_owned() }, Mx { preference: 10, host: "first.example".to_owned() }])
    }

    async fn addresses(&self, host: &str) -> Result<Vec<std::net::IpAddr>, LookupError> {
        let address = if host == "first.example" { "127.0.0.1" } else { "127.0.0.2" };
        Ok(vec![address.parse().unwrap()])
    }
}

struct TestFacts(Mutex<Arc<Site>>);

impl Facts for TestFacts {
    fn site(&self) -> Arc<Site> {
        self.0.lock().clone()
    }
}

/// A store that skips what it has applied, and may be away.
#[derive(Default)]
struct TestSink {
    applied: Mutex<BTreeMap<EffectId, Effect>>,
    calls: Mutex<usize>,
    away: Mutex<bool>,
    refused: Mutex<BTreeSet<TraceId>>,
}

#[async_trait]
impl EffectSink for TestSink {
    async fn apply(&self, batch: &[(EffectId, Effect)]) -> Result<(), Fault> {
        *self.calls.lock() += 1;
        if *self.away.lock() {
            return Err(Fault::temporary(Guilty::Ourselves, "store-away", "away"));
        }
        if batch.iter().any(|(id, _)| self.refused.lock().contains(&id.trace)) {
            return Err(Fault::permanent(Guilty::Ourselves, "store-refused", "broken row"));
        }
        self.applied.lock().extend(batch.iter().cloned());
        Ok(())
    }
}

/// All that a test holds beside the queue; it outlives crashes.
struct World {
    disk: PowerDisk,
    facts: Arc<TestFacts>,
    sink: Arc<TestSink>,
    clock: Arc<FixedClock>,
    /// Every mail goes there, as smart host.
    hop: Hop,
}

impl World {
    async fn new() -> Self {
        let hop = Hop::start().await;
        let facts = Arc::new(TestFacts(Mutex::default()));
        let world = Self { disk: PowerDisk::new(), facts, sink: Arc::default(), clock: Arc::new(FixedClock::new(NOW)), hop };
        world.mail_settings("");
        world
    }

    /// `[mail]` with more fields after the smart host.
    fn mail_settings(&self, more: &str) {
        let mut site = Site::default();
        let body = format!(
            r#"{{"smart_host":"[127.0.0.1]:{}","hostname":"gate.company.example","postmaster":"postmaster@company.example"{more}}}"#,
            self.hop.port()
        );
        let row = |section, key: &str, body: String| SiteRow { section, key: key.into(), version: 1, body };
        site.apply(&row(Section::Mail, "", body)).unwrap();
        let domain = format!(r#"{{"name":"company.example","forward":"[127.0.0.1]:{}","language":"en"}}"#, self.hop.port());
        site.apply(&row(Section::Domain, "company.example", domain)).unwrap();
        *self.facts.0.lock() = Arc::new(site);
    }

    fn settings() -> Settings {
        Settings {
            segments: segments::Settings { segment_bytes: 64 << 10, lazy_after: Duration::from_millis(1), ..segments::Settings::default() },
            effect_gather: Duration::from_millis(1),
            effect_retry: Duration::from_millis(1),
            effect_retry_max: Duration::from_millis(5),
            ..Settings::default()
        }
    }

    fn open_with(&self, settings: Settings) -> Queue {
        self.open_by(settings, NoDns)
    }

    fn open_by<R: Resolver + 'static>(&self, settings: Settings, resolver: R) -> Queue {
        let ports = Ports {
            facts: self.facts.clone() as Arc<dyn Facts>,
            effects: self.sink.clone() as Arc<dyn EffectSink>,
            resolver,
            evidence: Arc::new(NoEvidence),
            secrets: Arc::new(NoSecrets),
            lists: None,
            own_mail: OwnMail::new(Arc::new(NoKeys), CpuPool::new(1).unwrap()),
            clock: self.clock.clone() as Arc<dyn model::Clock>,
            disk: Arc::new(self.disk.clone()),
            keys: Arc::new(XorVault(9)),
        };
        Queue::open(settings, ports).unwrap()
    }

    /// A queue that runs.
    fn open(&self) -> Queue {
        let queue = self.open_with(Self::settings());
        queue.run();
        queue
    }

    /// The same world on what a kill leaves of the disk.
    fn after_kill(self) -> Self {
        Self { disk: self.disk.after_kill(), ..self }
    }

    fn later(&self, queue: &Queue, by: Duration) {
        self.clock.advance(by);
        queue.tick();
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn body(text: &str) -> Bytes {
    format!("From: a@company.example\r\nTo: b@partner.example\r\nSubject: {text}\r\n\r\n{text}\r\n.dot\r\n").into()
}

fn output(to: &[&str], content: Bytes) -> Output {
    Output {
        sender: Some(address("a@company.example")),
        recipients: to.iter().map(|to| Recipient::plain(address(to))).collect(),
        route: Route::Usual,
        content,
        eight_bit: false,
        header: Bytes::new(),
        opened: false,
        inside: false,
        unproven: false,
        envelope_id: None,
        ret: None,
        smtputf8: false,
        waits_for: None,
    }
}

fn plan(outputs: Vec<Output>) -> Plan {
    Plan { trace: TraceId::new(), received: NOW, outputs, effects: Vec::new(), digest: String::new() }
}

fn count() -> Effect {
    Effect::Count { counter: Counter::MailSent, by: 1 }
}

/// Waits until `what` holds. A test that waits in vain ends with the test runner's limit or after half a minute.
async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("what was waited for never came");
}

fn is_empty(queue: &Queue) -> bool {
    queue.counts().mails == 0
}
