//! Mails whose signers' certificates were revoked, or of which nobody knows.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use message::Message;
use model::{Judgement, TraceId};
use tokio::sync::Notify;

use super::*;
use crate::decide::decide;
use crate::kit_tests::{PLAIN, STRANGER, rule_set, state, work, world};

const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";
const RULES: &str = "decrypt_smime(); if (validate_smime_sig()) { tag_subject('[ok]'); } deliver();";

/// Says the same of every certificate; with a gate: only once that was opened.
#[derive(Debug)]
struct Issuer {
    says: Revoked,
    gate: Option<Notify>,
    asked: AtomicUsize,
    answered: AtomicUsize,
}

impl Issuer {
    fn new(says: Revoked, gate: bool) -> Arc<Self> {
        Arc::new(Self { says, gate: gate.then(Notify::new), asked: AtomicUsize::new(0), answered: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl RevocationSource for Issuer {
    async fn ask(&self, chain: &[Vec<u8>]) -> Vec<Revoked> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.notified().await;
            gate.notify_one();
        }
        self.answered.fetch_add(1, Ordering::SeqCst);
        vec![self.says.clone(); chain.len() - 1]
    }
}

fn signed() -> Vec<u8> {
    let made = &world().people[PAUL];
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    crypto::smime::sign(PLAIN, &identity, &world().ring(), TraceId::new(), crate::kit_tests::NOW).unwrap().to_vec()
}

/// What is said of this mail to Bob, and its subject.
async fn judged(issuers: &Issuers, client: &str, revocation: &str, entity: &[u8]) -> (Judgement, String) {
    let mut work = work(client, PAUL, &[BOB]);
    let mut site = world().trusting();
    site.mail = Arc::new(model::site::MailSettings { revocation: revocation.into(), ..(*site.mail).clone() });
    (work.site, work.issuers) = (Arc::new(site), issuers.clone());
    let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", entity);
    let decision = decide(&work, rule_set(RULES), mail).await.unwrap();
    let (_, state) = &decision.ends[0];
    (state.judgement.clone(), subject(&state.message))
}

fn subject(message: &Message) -> String {
    message.decoded("subject").unwrap()
}

fn reason(judgement: &Judgement, begins: &str) -> bool {
    judgement.reasons.iter().any(|reason| reason.starts_with(begins))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn m_c1_what_issuers_say_decides_the_word() {
    let unknown = || Revoked::Unknown("nobody answers".into());
    for (says, revocation, word, why) in [
        (Revoked::No, "soft", SignatureVerdict::Valid, ""),
        (Revoked::No, "hard", SignatureVerdict::Valid, ""),
        (Revoked::Yes, "soft", SignatureVerdict::Revoked, "certificate-revoked: CN=paul@partner.example"),
        (Revoked::Yes, "hard", SignatureVerdict::Revoked, "certificate-revoked: CN=paul@partner.example"),
        (unknown(), "soft", SignatureVerdict::Valid, "revocation-unknown: CN=paul@partner.example: nobody answers"),
        (unknown(), "hard", SignatureVerdict::Unchecked, "revocation-unknown: CN=paul@partner.example: nobody answers"),
    ] {
        let issuers = Issuers::new(Some(Issuer::new(says.clone(), false)), LONG);
        let (judgement, subject) = judged(&issuers, STRANGER, revocation, &signed()).await;
        assert_eq!(judgement.signature, word, "{says:?} {revocation}: {:?}", judgement.reasons);
        assert!(why.is_empty() || reason(&judgement, why));
        assert!(!reason(&judgement, "revocation-not-checked"), "{:?}", judgement.reasons);
        assert_eq!(subject.contains("[ok]"), word == SignatureVerdict::Valid);
    }
    let (judgement, _) = judged(&Issuers::nobody(), STRANGER, "hard", &signed()).await;
    assert_eq!(judgement.signature, SignatureVerdict::Unchecked, "where nobody can be asked nothing is known");
}

#[tokio::test]
async fn m_c1_a_slow_issuer_costs_no_mail_and_serves_the_next_one() {
    let issuer = Issuer::new(Revoked::Yes, true);
    let issuers = Issuers::new(Some(issuer.clone()), Duration::from_millis(20));
    let (judgement, _) = judged(&issuers, STRANGER, "soft", &signed()).await;
    assert_eq!(judgement.signature, SignatureVerdict::Valid);
    assert!(reason(&judgement, "revocation-unknown: CN=paul@partner.example: its issuers have not answered yet"));
    assert_eq!(issuer.answered.load(Ordering::SeqCst), 0, "the question goes on");
    issuer.gate.as_ref().unwrap().notify_one();
    let patient = Issuers { wait: LONG, ..issuers };
    let (judgement, _) = judged(&patient, STRANGER, "soft", &signed()).await;
    assert_eq!(judgement.signature, SignatureVerdict::Revoked);
}

#[tokio::test]
async fn x_3_mail_that_was_opened_for_a_stranger_waits_for_no_issuer() {
    let sealed = world().sealed(&signed(), &[BOB]);
    let issuer = Issuer::new(Revoked::Yes, true);
    // It would wait for ever.
    let issuers = Issuers::new(Some(issuer.clone()), LONG);
    let first = tokio::time::timeout(LONG / 6, judged(&issuers, STRANGER, "soft", &sealed)).await;
    let (judgement, _) = first.expect("nothing is waited for");
    assert_eq!(judgement.signature, SignatureVerdict::Valid, "{:?}", judgement.reasons);
    let (judgement, _) = judged(&issuers, STRANGER, "hard", &sealed).await;
    assert_eq!(judgement.signature, SignatureVerdict::Unchecked, "and with `hard` it is not valid before somebody has said so");
    issuer.gate.as_ref().unwrap().notify_one();
    while issuer.answered.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let (judgement, _) = judged(&issuers, STRANGER, "soft", &sealed).await;
    assert_eq!(judgement.signature, SignatureVerdict::Revoked, "what was asked meanwhile is known");
}

#[tokio::test]
async fn m_c1_questions_at_once_are_bounded_and_bad_signatures_ask_nothing() {
    let issuer = Issuer::new(Revoked::No, true);
    let issuers = Issuers::new(Some(issuer.clone()), Duration::ZERO);
    for _ in 0..AT_ONCE + 5 {
        let _ = judged(&issuers, STRANGER, "soft", &signed()).await;
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), AT_ONCE);
    let (judgement, _) = judged(&issuers, STRANGER, "hard", &signed()).await;
    assert!(reason(&judgement, "revocation-unknown: CN=paul@partner.example: too many issuers are asked already"));
    let quick = Issuer::new(Revoked::No, false);
    let changed = String::from_utf8(signed()).unwrap().replace("morning", "evening");
    let (judgement, _) = judged(&Issuers::new(Some(quick.clone()), LONG), STRANGER, "soft", changed.as_bytes()).await;
    assert_eq!((judgement.signature, quick.asked.load(Ordering::SeqCst)), (SignatureVerdict::Invalid, 0));
}

/// Says that these are revoked, by their octets, and nothing else is.
#[derive(Debug)]
struct Against(Vec<Vec<u8>>);

#[async_trait]
impl RevocationSource for Against {
    async fn ask(&self, chain: &[Vec<u8>]) -> Vec<Revoked> {
        chain.iter().map(|der| if self.0.contains(der) { Revoked::Yes } else { Revoked::No }).collect()
    }
}

fn another_of_pauls() -> crypto::pki::issue::Made {
    let validity = crypto::pki::issue::Validity { now: crate::kit_tests::NOW, lifetime: Duration::from_secs(86_400) };
    crypto::pki::issue::issue_user(&world().ca, &crate::kit_tests::address(PAUL), "", model::KeyKind::EcP256, validity).unwrap()
}

#[tokio::test]
async fn m_c3_a_revoked_other_key_is_not_learnt() {
    let (made, other) = (&world().people[PAUL], another_of_pauls());
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    let style = crypto::smime::SignStyle { pss: false, encryption: Some(&other.certificate) };
    let signed =
        crypto::smime::sign_by(PLAIN, &identity, (&world().ring(), TraceId::new()), crate::kit_tests::NOW, style).unwrap().to_vec();
    for (revoked, learnt) in [
        (Vec::new(), Some(&other.certificate)),
        (vec![other.certificate.der().to_vec()], Some(&made.certificate)),
        (vec![made.certificate.der().to_vec()], None),
    ] {
        let issuers = Issuers::new(Some(Arc::new(Against(revoked))), LONG);
        let mut work = work(STRANGER, PAUL, &[BOB]);
        (work.site, work.issuers) = (Arc::new(world().trusting()), issuers);
        let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", &signed);
        let decision = decide(&work, rule_set("validate_smime_sig('true'); deliver();"), mail).await.unwrap();
        assert_eq!(decision.ends[0].1.learned.as_ref().map(|(_, certificate)| certificate), learnt);
    }
}

#[tokio::test]
async fn m_c1_of_more_signers_than_are_asked_about_nothing_is_known() {
    let chain = |made: &crypto::pki::issue::Made| vec![made.certificate.clone(), world().ca.certificate.clone()];
    let chains: Vec<Vec<Certificate>> = (0..=CHAINS).map(|_| chain(&another_of_pauls())).collect();
    let issuers = Issuers::new(Some(Issuer::new(Revoked::No, false)), LONG);
    let mut work = work(STRANGER, PAUL, &[BOB]);
    let mut site = world().trusting();
    site.mail = Arc::new(model::site::MailSettings { revocation: "hard".into(), ..(*site.mail).clone() });
    work.site = Arc::new(site);
    for (asked, word) in [(CHAINS, SignatureVerdict::Valid), (CHAINS + 1, SignatureVerdict::Unchecked)] {
        let mut finding =
            SignatureFinding { verdict: SignatureVerdict::Valid, chains: chains[..asked].to_vec(), ..SignatureFinding::default() };
        issuers.settle(&work, &mut finding, false).await;
        assert_eq!((finding.verdict, finding.chains.len()), (word, asked), "{:?}", finding.reasons);
    }
}
