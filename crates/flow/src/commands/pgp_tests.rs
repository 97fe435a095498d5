//! OpenPGP by rules: whose keys open, what a second question answers, who gets a copy of his own.

use std::sync::OnceLock;
use std::time::Duration;

use crypto::openpgp::{Generation, Made, SoftPgp, as_entity, encrypt, make, open_for};
use model::site::{Section, SiteRow};
use model::{KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, TraceId};
use serde_json::json;

use super::*;
use crate::decide::{Decision, decide};
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, address, rule_set, rules_for, state, work, world};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const CAROL: &str = "carol@company.example";
const PAUL: &str = "paul@partner.example";
const ZOE: &str = "zoe@partner.example";
const IN: &str = "if (!pgp_signed()) { if (decrypt_pgp()) { tag_subject('[secure]'); } }
    if (pgp_signed()) { if (decrypt_pgp()) { tag_subject('[OK]'); } else { tag_subject('[BAD]'); } } deliver();";

/// Keys of Alice, Bob, Paul and Zoe, who has no certificate.
fn keys() -> &'static [(&'static str, Made)] {
    static KEYS: OnceLock<Vec<(&'static str, Made)>> = OnceLock::new();
    let one =
        |who| (who, make(who, &address(who), Generation::V4, NOW.moved(-60_000_000), Some(Duration::from_secs(86_400 * 99))).unwrap());
    KEYS.get_or_init(|| [ALICE, BOB, PAUL, ZOE].into_iter().map(one).collect())
}

fn made(who: &str) -> &'static Made {
    &keys().iter().find(|(name, _)| *name == who).unwrap().1
}

fn owned(who: &str) -> OwnPgp {
    let made = made(who);
    OwnPgp { id: KeyId(made.key.fingerprint().to_owned()), key: made.key.clone(), secrets: made.secrets.clone() }
}

/// All of them in this process.
struct Ring;

impl KeyUse for Ring {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        world().ring().kind(key).or(Some(KeyKind::OpenPgp))
    }

    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let Some((_, made)) = keys().iter().find(|(_, made)| made.key.fingerprint() == key.0) else {
            return world().ring().use_key(key, trace, purpose, request);
        };
        SoftPgp::open(&made.secret).unwrap().perform(request)
    }
}

fn house(client: &str, from: &str, to: &[&str]) -> Work {
    let mut work = work(client, from, to);
    let mut site = world().site.clone();
    for (who, made) in keys() {
        let (id, armour) = (made.key.fingerprint(), made.key.armoured());
        let (section, key, body) = if who.ends_with("@company.example") {
            (Section::Key, id, json!({"id": id, "owner": who, "certificate": armour, "sealed": "", "created": 2, "pgp": made.secrets}))
        } else {
            let kept = json!([{"armour": armour, "fingerprints": made.key.fingerprints()}]);
            (Section::Partner, *who, json!({"address": who, "certificates": [], "pgp_keys": kept}))
        };
        site.apply(&SiteRow { section, key: key.to_owned(), version: 1, body: body.to_string() }).unwrap();
    }
    work.site = Arc::new(site);
    work.keys = Arc::new(Ring);
    work
}

fn sealed(from: Option<&str>, to: &[&str]) -> Vec<u8> {
    let to: Vec<_> = to.iter().map(|who| made(who).key.clone()).collect();
    let armour = encrypt(PLAIN, &to, from.map(owned).as_ref(), (&Ring, TraceId::new()), NOW).unwrap();
    as_entity(&armour).unwrap().to_vec()
}

async fn decided(work: &Work, rules: &str, from: &str, entity: &[u8]) -> Decision {
    decide(work, rule_set(rules), state(work, &format!("From: {from}\r\nSubject: x\r\n"), entity)).await.unwrap()
}

#[tokio::test]
async fn x_4_what_opens_for_one_stays_closed_for_another() {
    let work = house(STRANGER, PAUL, &[ALICE, BOB, CAROL]);
    let decision = decided(&work, IN, PAUL, &sealed(Some(PAUL), &[ALICE])).await;
    let [(alice, opened), (others, closed)] = decision.ends.as_slice() else { panic!("{}", decision.ends.len()) };
    assert_eq!((&alice.recipients[..], &others.recipients[..]), (&[0][..], &[1, 2][..]));
    assert_eq!(opened.message.decoded("subject").unwrap(), "x [secure] [OK]");
    assert_eq!((opened.judgement.signature, opened.judgement.encryption), (SignatureVerdict::Valid, EncryptionWord::Pgp));
    assert_eq!(opened.message.body(), b"Good morning.\r\n");
    assert!(opened.opened && opened.closed.is_some() && opened.key_used);
    assert_eq!((closed.judgement.signature, closed.judgement.encryption), (SignatureVerdict::None, EncryptionWord::Failed));
    assert!(!closed.opened && closed.message.decoded("subject").unwrap() == "x", "no tag, and nothing of the signature inside");
}

#[tokio::test]
async fn m_c13_a_tag_of_opening_is_none_of_a_good_signature() {
    let work = house(STRANGER, ZOE, &[ALICE]);
    // Paul's signature under Zoe's name; sealed without a signature; a text that nobody can open.
    for (entity, subject, signature) in [
        (sealed(Some(PAUL), &[ALICE]), "x [secure] [BAD]", SignatureVerdict::Mismatch),
        (sealed(None, &[ALICE]), "x [secure]", SignatureVerdict::None),
        (sealed(Some(ZOE), &[BOB]), "x", SignatureVerdict::None),
        (PLAIN.to_vec(), "x", SignatureVerdict::None),
    ] {
        let after = &decided(&work, IN, ZOE, &entity).await.ends[0].1;
        assert_eq!((after.message.decoded("subject").unwrap().as_str(), after.judgement.signature), (subject, signature));
    }
    // A signed part, whosever, beside one that opens.
    let part = String::from_utf8(sealed(Some(ZOE), &[ALICE])).unwrap();
    let signed = "Content-Type: text/plain\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nPay 1.\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n\
                  wgYEAAEIAAA=\r\n-----END PGP SIGNATURE-----\r\n";
    let mixed = format!("Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n{signed}\r\n--m\r\n{part}\r\n--m--\r\n");
    let after = &decided(&work, IN, ZOE, mixed.as_bytes()).await.ends[0].1;
    assert!(!after.message.decoded("subject").unwrap().contains("[OK]"), "{:?}", after.judgement);
}

#[tokio::test]
async fn x_2_a_signature_over_what_was_encrypted_says_nothing_about_what_is_inside() {
    let work = house(STRANGER, PAUL, &[ALICE]);
    // Paul seals and signs what somebody else has sealed for Alice, and can't read it.
    let around = |inside: &[u8]| {
        let armour = encrypt(inside, &[made(ALICE).key.clone()], Some(&owned(PAUL)), (&Ring, TraceId::new()), NOW).unwrap();
        as_entity(&armour).unwrap().to_vec()
    };
    let twice = "if (decrypt_pgp()) { tag_subject('[1]'); } if (decrypt_pgp()) { tag_subject('[2]'); } deliver();";
    for (inside, word, subject) in [
        (sealed(None, &[ALICE]), SignatureVerdict::Partial, "x [1]"),
        (sealed(Some(PAUL), &[ALICE]), SignatureVerdict::Valid, "x [1] [2]"),
        (sealed(Some(ZOE), &[ALICE]), SignatureVerdict::Mismatch, "x [1]"),
    ] {
        let after = &decided(&work, twice, PAUL, &around(&inside)).await.ends[0].1;
        assert!(after.message.body().ends_with(b"Good morning.\r\n"));
        assert_eq!(
            (after.judgement.signature, after.message.decoded("subject").unwrap().as_str()),
            (word, subject),
            "{:?}",
            after.judgement
        );
    }
}

#[tokio::test]
async fn x_1_x_3_what_was_changed_is_delivered_as_it_came() {
    let text = String::from_utf8(sealed(Some(PAUL), &[ALICE])).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    let at = lines.len() - 8;
    let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let octet = if changed[at].as_bytes()[10] == b'A' { "B" } else { "A" };
    changed[at].replace_range(10..11, octet);
    let work = house(STRANGER, PAUL, &[ALICE]);
    let decision = decided(&work, "if (!decrypt_pgp()) { drop(550, 'closed'); } deliver();", PAUL, changed.join("\r\n").as_bytes()).await;
    let (end, after) = &decision.ends[0];
    assert!(end.key_used && after.key_used && after.judgement.encryption == EncryptionWord::Failed && !after.opened);
    assert_eq!(after.judgement.reasons, ["could-not-be-opened"]);
    assert!(after.message.bytes().ends_with(changed.join("\r\n").as_bytes()), "as it came");
}

#[tokio::test]
async fn x_3_x_9_what_was_inside_can_be_sent_on_and_is_read_in_one_way_or_stays_closed() {
    let work = house(STRANGER, PAUL, &[ALICE]);
    let signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\0b\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n";
    for (content, opens) in [
        ("Content-Type: text/plain\n\nline feeds\nalone\n", true),
        ("Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n%PDF\0\r\r\n\n", true),
        (signed, false),
        // Nor what two programs read in two ways (x_9).
        ("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n", false),
    ] {
        let armour = encrypt(content.as_bytes(), &[made(ALICE).key.clone()], None, (&Ring, TraceId::new()), NOW).unwrap();
        let entity = as_entity(&armour).unwrap();
        let after = &decided(&work, "decrypt_pgp(); deliver();", PAUL, &entity).await.ends[0].1;
        assert_eq!((after.opened, smtp::outbound::Content::new(after.message.bytes().clone()).is_ok()), (opens, true), "{content}");
    }
}

#[tokio::test]
async fn x_3_m_t6_what_grows_beyond_the_size_of_a_mail_stays_closed() {
    let mut work = house(STRANGER, PAUL, &[ALICE]);
    let content = [PLAIN, &b"and so on\r\n".repeat(1_000)].concat();
    let armour = encrypt(&content, &[made(ALICE).key.clone()], None, (&Ring, TraceId::new()), NOW).unwrap();
    let entity = as_entity(&armour).unwrap();
    for (most, opens) in [(20_000, true), (10_000, false)] {
        let mut site = (*work.site).clone();
        site.mail = Arc::new(model::site::MailSettings { max_message_size: model::settings::Size(most), ..(*site.mail).clone() });
        work.site = Arc::new(site);
        let after = &decided(&work, "decrypt_pgp(); deliver();", PAUL, &entity).await.ends[0].1;
        assert_eq!((after.opened, after.judgement.encryption == EncryptionWord::Pgp), (opens, opens), "{most}");
    }
}

#[tokio::test]
async fn m_c2_mail_leaves_signed_and_sealed_and_blind_ones_get_a_copy_of_their_own() {
    let work = house(OURS, ALICE, &[PAUL, ZOE, "nobody@partner.example"]);
    let rules = rule_set("if (encrypt_pgp('true')) { deliver(); } bounce('bounce_noenc');");
    let mail = state(&work, &format!("From: {ALICE}\r\nTo: {PAUL}\r\nSubject: x\r\n"), PLAIN);
    let decision = decide(&work, rules, mail).await.unwrap();
    assert_eq!(decision.ends.len(), 3, "Paul, Zoe alone, and who has no key");
    for (end, after) in decision.ends.iter().filter(|(_, after)| after.encrypted) {
        let [place] = &end.recipients[..] else { panic!("{end:?}") };
        let who = [PAUL, ZOE][*place];
        assert!(after.signed && matches!(after.shape(), Shape::PgpEncrypted));
        let data = message::shape::pgp::pieces(&after.message, &work.budget).unwrap();
        let message::shape::pgp::Kind::Encrypted(data) = &data[0].kind else { panic!() };
        assert_eq!(crypto::openpgp::named(data).unwrap().len(), 1, "nobody else is named");
        let known = |_: &[String]| vec![crypto::openpgp::Known { key: made(ALICE).key.clone(), owner: address(ALICE).key() }];
        let request = crypto::openpgp::Request { from: Ok(address(ALICE)), covers_whole: true, known: &known, now: NOW };
        let (inside, _) = open_for(data, &[vec![owned(who)]], &request, (&Ring, TraceId::new()), &work.budget).unwrap();
        assert!(inside.content.ends_with(b"Good morning.\r\n") && inside.signature.unwrap().verdict == SignatureVerdict::Valid);
    }
    let closed = decision.ends.iter().filter(|(_, after)| after.encrypted).count();
    assert_eq!(closed, 2);
}

#[tokio::test]
async fn m_c2_one_key_for_all_and_what_is_there() {
    let work = house(OURS, ALICE, &[PAUL, "nobody@partner.example"]);
    let says = |rules: &'static str| {
        let work = &work;
        async move { decided(work, rules, ALICE, PLAIN).await }
    };
    let decision = says("if (encrypt_pgp(0, 'zoe@partner.example')) { deliver(); } bounce('bounce_noenc');").await;
    let [(end, after)] = decision.ends.as_slice() else { panic!() };
    assert!(end.recipients.len() == 2 && after.encrypted && !after.signed);
    let subject =
        |decision: &Decision| decision.ends.iter().map(|(_, after)| after.message.decoded("subject").unwrap()).collect::<Vec<_>>();
    assert_eq!(subject(&says("if (pgp_keys_avail('auto')) { tag_subject('y'); } deliver();").await), ["x y", "x"]);
    assert_eq!(subject(&says("if (pgp_keys_avail('strict')) { tag_subject('y'); } deliver();").await), ["x"]);
    let after = &says("attachpgpkey(); deliver();").await.ends[0].1.message.clone();
    let key = after.part("1.2").unwrap();
    assert_eq!(key.content_type.to_string(), "application/pgp-keys");
    let armour = key.decode(after, &work.budget).unwrap();
    assert_eq!(crypto::openpgp::import::public_keys(&armour).unwrap()[0], made(ALICE).key);
}

#[tokio::test]
async fn m_c14_what_the_client_sealed_passes_untouched() {
    let work = house(OURS, ALICE, &[PAUL]);
    let entity = sealed(None, &[ZOE]);
    let rules = "if (pgp_encrypted()) { tag_subject('p'); } if (smime_encrypted()) { tag_subject('s'); }
        attachpgpkey(); disclaimer(); encrypt_smime(); encrypt_pgp(1); deliver();";
    let after = &decided(&work, rules, ALICE, &entity).await.ends[0].1;
    assert!(after.encrypted && after.message.bytes().ends_with(&entity));
    assert_eq!(after.message.decoded("subject").unwrap(), "x p");
}

#[tokio::test]
async fn x_13_m_r9_the_generated_rules_use_an_openpgp_key_where_there_is_no_certificate() {
    let text = rules::generate::generate(&std::collections::BTreeMap::new()).unwrap().text;
    let work = house(OURS, ALICE, &[ZOE, "nobody@partner.example"]);
    let mail = state(&work, &format!("From: {ALICE}\r\nTo: {ZOE}, nobody@partner.example\r\nSubject: x [secure]\r\n"), PLAIN);
    let decision = decide(&work, rules_for(&work, &text), mail).await.unwrap();
    let sealed: Vec<_> = decision.ends.iter().map(|(end, after)| (end.recipients[0], after.encrypted)).collect();
    assert_eq!(sealed, [(0, true), (1, false)]);
    assert!(matches!(decision.ends[0].1.shape(), Shape::PgpEncrypted));
    assert!(matches!(decision.ends[1].0.end, rules::End::Bounce { .. }), "nothing leaves in clear");
}
