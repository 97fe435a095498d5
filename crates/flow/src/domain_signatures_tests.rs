//! Who is signed for, and what is sealed.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::pki::{SoftKey, domain_key};
use mailauth::{KeySet, Verdict};
use model::site::{DkimKey, Domain};
use model::{Budget, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, TraceId};

use super::*;
use crate::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rule_set, state, work};
use crate::origin_checks::{self, tests::Zone};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";

/// The domain's keys, and for what they were used.
#[derive(Default)]
pub(crate) struct Ring {
    keys: HashMap<KeyId, SoftKey>,
    pub(crate) uses: Mutex<Vec<(TraceId, KeyPurpose)>>,
    broken: bool,
}

impl KeyUse for Ring {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        self.keys.get(key).map(SoftKey::kind)
    }

    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.uses.lock().unwrap().push((trace, purpose));
        if self.broken { Err(KeyUseError::Failed) } else { self.keys.get(key).ok_or(KeyUseError::UnknownKey)?.perform(request) }
    }
}

/// A mail's work on a site whose domain has both keys, the ring, and the zone with their records.
pub(crate) fn case(client: &str, from: &str, to: &[&str], broken: bool) -> (Work, Arc<Ring>, Zone) {
    let mut work = work(client, from, to);
    let mut site = work.site.as_ref().clone();
    let (mut ring, mut zone) = (Ring { broken, ..Ring::default() }, Zone::default());
    let domain = site.domains["company.example"].as_ref().clone();
    let domain = Domain { dkim_selector: "s1".into(), ..domain };
    for (algorithm, selector) in domain.dkim_selectors() {
        let (kind, tag) = if algorithm == "rsa-sha256" { (KeyKind::Rsa(2048), "rsa") } else { (KeyKind::Ed25519, "ed25519") };
        let made = domain_key::make(kind).unwrap();
        let record = format!("v=DKIM1; k={tag}; p={}", STANDARD.encode(&made.public));
        let name = DkimKey::record_name(&selector, "company.example");
        zone.txt.insert(name.clone(), record.clone());
        let (algorithm, domain, sealed) = (algorithm.to_owned(), "company.example".to_owned(), String::new());
        site.dkim.insert(name, Arc::new(DkimKey { id: made.id.clone(), domain, selector, algorithm, record, sealed, created: NOW }));
        ring.keys.insert(made.id, SoftKey::of_domain(&made.private_pkcs8).unwrap());
    }
    site.domains.insert("company.example".into(), Arc::new(domain));
    let ring = Arc::new(ring);
    (work.site, work.keys) = (Arc::new(site), ring.clone());
    (work, ring, zone)
}

async fn decided(work: &Work, from: &str, rules: &str) -> Decision {
    let mail = state(work, &format!("From: <{from}>\r\nTo: x@y.example\r\nSubject: x\r\n"), PLAIN);
    decide::decide(work, rule_set(rules), mail).await.unwrap()
}

pub(crate) async fn verdicts(zone: &Zone, message: &Message) -> Vec<Verdict> {
    let found = dkim::signatures(message, 8);
    let keys = KeySet::fetch(zone, found.iter().filter_map(dkim::Found::key)).await;
    dkim::verify(message, &found, &keys, NOW).iter().map(|result| result.verdict).collect()
}

fn with_fields(fields: &[u8], state: &MailState) -> Message {
    let mut edit = state.message.edit();
    edit.prepend("Received", "by us");
    edit.prepend_fields(fields).unwrap();
    Message::parse(edit.finish(), &Budget::default()).unwrap()
}

#[tokio::test]
async fn m_t11_what_leaves_is_signed_with_both_keys_after_every_change() {
    let (work, ring, zone) = case(OURS, ALICE, &[PAUL], false);
    let mut decision = decided(&work, ALICE, r#"setheader("X-Ours", "yes"); deliver();"#).await;
    make(&work, &mut decision, "gate.company.example").await.unwrap();
    let (_, state) = &decision.ends[0];
    assert_eq!(state.signatures.len(), 2);
    let signed = with_fields(&state.signatures.concat(), state);
    assert_eq!(verdicts(&zone, &signed).await, [Verdict::Pass, Verdict::Pass]);
    let uses = ring.uses.lock().unwrap().clone();
    assert_eq!(uses, [(work.trace, KeyPurpose::SignDomain), (work.trace, KeyPurpose::SignDomain)], "logged with the mail");
}

#[tokio::test]
async fn x_7_nothing_is_signed_without_the_right_to_speak() {
    for (client, from, author, to) in
        [(STRANGER, ALICE, ALICE, PAUL), (OURS, ALICE, "director@elsewhere.example", PAUL), (OURS, ALICE, ALICE, BOB)]
    {
        let (work, ring, _) = case(client, from, &[to], false);
        let mut decision = decided(&work, author, "deliver();").await;
        make(&work, &mut decision, "gate.company.example").await.unwrap();
        assert!(decision.ends[0].1.signatures.is_empty(), "{client} {author} {to}");
        assert!(ring.uses.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn m_t11_a_key_that_fails_makes_our_own_mail_wait() {
    let (work, _, _) = case(OURS, ALICE, &[PAUL], true);
    let mut decision = decided(&work, ALICE, "deliver();").await;
    let fault = make(&work, &mut decision, "gate.company.example").await.unwrap_err();
    assert_eq!((fault.code, fault.temporary), ("signing-failed", true));
}

/// A signed mail from outside; `rules` may change it.
async fn sealed(rules: &str, broken: bool, signed: bool) -> (Option<Vec<u8>>, MailState, Zone) {
    let (mut work, _, zone) = case(STRANGER, PAUL, &[BOB], broken);
    let head = if signed { "DKIM-Signature: v=1; a=rsa-sha256; d=partner.example; s=s; h=from; bh=AAAA; b=AAAA\r\n" } else { "" };
    let mail = state(&work, &format!("{head}From: <{PAUL}>\r\nSubject: x\r\n"), PLAIN);
    let origin = work.origin.clone();
    let peer = origin_checks::from_outside(&work.site, &origin).unwrap();
    let checks = origin_checks::run(&zone, &work, peer, &mail.message, "gate.company.example").await;
    work.checks = Some(Arc::new(checks));
    let mut decision = decide::decide(&work, rule_set(rules), mail).await.unwrap();
    make(&work, &mut decision, "gate.company.example").await.unwrap();
    let (_, state) = decision.ends.remove(0);
    (state.seal.clone(), state, zone)
}

#[tokio::test]
async fn m_t11_a_signed_mail_that_we_change_is_sealed() {
    let change = r#"setheader("Subject", "changed"); deliver();"#;
    let (seal, state, zone) = sealed(change, false, true).await;
    let message = with_fields(&seal.unwrap(), &state);
    let chain = Chain::of(&message);
    let keys = KeySet::fetch(&zone, chain.keys()).await;
    let result = arc::verify(&message, &chain, &keys);
    assert_eq!((result.verdict, result.sets, result.sealed_by.as_str()), (Verdict::Pass, 1, "company.example"));
    let results = message.fields_named("arc-authentication-results").next().unwrap();
    assert!(String::from_utf8_lossy(results.value).contains("i=1; gate.company.example"));
    assert!(sealed("deliver();", false, true).await.0.is_none(), "untouched");
    assert!(sealed(change, false, false).await.0.is_none(), "it was not signed");
    assert!(sealed(change, true, true).await.0.is_none(), "X-3: a stranger sees nothing of a key");
}
