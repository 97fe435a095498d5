//! Keys after they came: made here, retired, exported, renewed; partners' certificates one by one; the trust store.

use std::time::Duration;

use admin::Expect;
use admin::keys::Owner;
use admin::partner_keys::PartnerKind;
use crypto::pki::import::pkcs12;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use model::site::{Retirement, Trust, User};
use model::{KeyKind, SecretBytes, SecretText};

use super::keys::{address, key_file, made, with_domain};
use super::{House, NOW, local, with_rights};

const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";
const CERTIFICATES: PartnerKind = PartnerKind::Certificates;

async fn import(house: &House, made: &Made) -> admin::keys::Summary {
    let pass = Some(SecretText::new("letmein".to_owned()));
    house.admin.key_import(&local(), Owner::User(address(BOB)), key_file(made, "letmein"), pass).await.unwrap().remove(0)
}

fn pem(certificates: &[&Made]) -> SecretBytes {
    SecretBytes::new(certificates.iter().flat_map(|made| made.certificate.pem().into_bytes()).collect())
}

#[tokio::test]
async fn m_c5_a_key_is_made_here_for_one_of_ours() {
    let house = with_domain().await;
    let key = house.admin.key_generate(&local(), &address(BOB), "p256", 30).await.unwrap();
    assert_eq!((key.owner.as_str(), key.origin.as_str(), key.state, key.algorithm, key.bits), (BOB, "generated", "valid", "EC", 256));
    assert!(key.private && key.signs && key.encrypts && key.version == 1 && key.subject == key.issuer);
    assert_eq!(key.not_after.unwrap().seconds() - NOW.seconds(), 30 * 86_400);
    assert!(house.admin.show::<User>(&local(), BOB).await.is_ok(), "the account was made with it");
    let code =
        async |owner: &str, kind: &str, days| house.admin.key_generate(&local(), &address(owner), kind, days).await.unwrap_err().code;
    assert_eq!(code("eve@elsewhere.example", "p256", 30).await, "bad-field");
    assert_eq!(code(BOB, "rsa1024", 30).await, "bad-field");
    assert_eq!(code(BOB, "p256", 4_000).await, "bad-field");
    assert_eq!(house.admin.key_list(&local(), Some(&address(BOB)), "", 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn m_c5_retiring_a_key_is_shown_and_noted() {
    let house = with_domain().await;
    let key = import(&house, &made().1).await;
    let stale = house.admin.key_retire(&local(), &key.key, Retirement::Expired, Expect::Version(7)).await.unwrap_err();
    assert_eq!(stale.code, "changed-meanwhile");
    house.admin.key_retire(&local(), &key.key, Retirement::Revoked, Expect::Version(1)).await.unwrap();
    assert_eq!(house.admin.key_show(&local(), &key.key).await.unwrap().summary.state, "revoked");
    assert!(house.log().await.join("\n").contains("\"why\":\"revoked\""));
    assert_eq!(house.admin.key_retire(&local(), "none", Retirement::Revoked, Expect::Any).await.unwrap_err().code, "not-found");
}

#[tokio::test]
async fn m_c12_a_key_leaves_under_a_pass_phrase_and_with_a_note() {
    let house = with_domain().await;
    let (_, bob) = made();
    let key = import(&house, &bob).await;
    let export = async |actor: &model::Actor, pass: &str| house.admin.key_export(actor, &key.key, &SecretText::new(pass.to_owned())).await;
    for weak in ["", "short12", "with\0a nul inside"] {
        assert_eq!(export(&local(), weak).await.unwrap_err().code, "bad-field", "{weak:?}");
    }
    assert_eq!(export(&with_rights(&["usersadmin:read"]), "long enough").await.unwrap_err().code, "not-permitted");
    assert!(!house.log().await.join("\n").contains("exported"), "refused: nothing to note");
    let file = export(&local(), "long enough").await.unwrap();
    let opened = pkcs12(file.expose(), "long enough").unwrap();
    assert_eq!((&opened.private_pkcs8, &opened.chain[0]), (&bob.private_pkcs8, &bob.certificate));
    let log = house.log().await.join("\n");
    assert!(log.contains(&format!("key/{}", key.key)) && log.contains("exported") && !log.contains("long enough"), "x_21: {log}");
}

#[tokio::test]
async fn m_c5_a_key_has_one_owner() {
    let house = with_domain().await;
    let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400) };
    let ca = make_ca("Test CA", "", KeyKind::EcP256, validity).unwrap();
    let bob = issue_user(&ca, &address(BOB), "", KeyKind::EcP256, validity).unwrap();
    let before = import(&house, &bob).await;
    // The same file again: newer by its time here, nothing else.
    assert_eq!(import(&house, &bob).await.key, before.key);
    assert_eq!(house.admin.key_show(&local(), &before.key).await.unwrap().former.len(), 0);
    let key = openssl::pkey::PKey::private_key_from_pkcs8(bob.private_pkcs8.expose()).unwrap();
    let carol = self_made(&key, "carol@company.example");
    let file = SecretBytes::new([key.private_key_to_pem_pkcs8().unwrap(), carol].concat());
    let fault = house.admin.key_import(&local(), Owner::User(address("carol@company.example")), file, None).await.unwrap_err();
    assert_eq!(fault.code, "key-of-another");
    for language in model::Language::ALL {
        assert!(texts::fault(language, &fault).contains(BOB));
    }
    assert!(house.admin.show::<User>(&local(), "carol@company.example").await.is_err(), "nothing is half imported");
    // A new certificate for his key: mail that names the old one is still his to open.
    let file = SecretBytes::new([key.private_key_to_pem_pkcs8().unwrap(), self_made(&key, BOB)].concat());
    house.admin.key_import(&local(), Owner::User(address(BOB)), file, None).await.unwrap();
    let shown = house.admin.key_show(&local(), &before.key).await.unwrap();
    assert_eq!((shown.former, shown.addresses), (vec![bob.certificate.pem()], vec![BOB.to_owned()]));
}

/// A certificate for this key that it signs itself, PEM.
fn self_made(key: &openssl::pkey::PKey<openssl::pkey::Private>, owner: &str) -> Vec<u8> {
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(NOW.seconds() - 60).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(NOW.seconds() + 86_400).unwrap()).unwrap();
    let names = openssl::x509::extension::SubjectAlternativeName::new().email(owner).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(key, openssl::hash::MessageDigest::sha256()).unwrap();
    builder.build().to_pem().unwrap()
}

#[tokio::test]
async fn m_c15_who_has_keys_can_be_made_a_leaver() {
    let house = with_domain().await;
    import(&house, &made().1).await;
    let fault = house.admin.remove::<User>(&local(), BOB, Expect::Any, false).await.unwrap_err();
    for language in model::Language::ALL {
        let text = texts::fault(language, &fault);
        assert!(["--users disable", "port", "--allow-delete"].iter().all(|word| text.to_lowercase().contains(word)), "{text}");
    }
    house.admin.user_deactivate(&local(), BOB, Expect::Any).await.unwrap();
    let user = house.admin.show::<User>(&local(), BOB).await.unwrap().record;
    assert!(user.may_not_encrypt && user.may_not_sign);
    assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap().len(), 1, "mail to it is still opened");
}

#[tokio::test]
async fn m_c6_partners_certificates_are_kept_and_removed_one_by_one() {
    let house = with_domain().await;
    let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400) };
    let ca = make_ca("Partner CA", "", KeyKind::EcP256, validity).unwrap();
    let [one, two] = [0, 1].map(|_| issue_user(&ca, &address(PAUL), "", KeyKind::EcP256, validity).unwrap());
    let import = async |file| house.admin.key_import(&local(), Owner::Partner(address(PAUL)), file, None).await;
    import(pem(&[&ca, &one])).await.unwrap();
    import(pem(&[&two])).await.unwrap();
    let list = async || house.admin.partner_key_list(&local(), CERTIFICATES, None, "", 10).await.unwrap().concat();
    let fingerprints: Vec<String> = list().await.into_iter().map(|summary| summary.sha256).collect();
    assert_eq!(fingerprints, [two.certificate.fingerprint_sha256(), one.certificate.fingerprint_sha256()], "newest first, without the CA");
    let shown = house.admin.partner_key_show(&local(), CERTIFICATES, &address(PAUL), &fingerprints[1]).await.unwrap();
    assert_eq!((shown.summary.owner.as_str(), shown.summary.origin.as_str(), shown.certificate), (PAUL, "imported", one.certificate.pem()));
    let (mine, theirs) = (with_rights(&["x509certificatesadmin"]), address("nobody@partner.example"));
    assert_eq!(house.admin.partner_key_show(&mine, CERTIFICATES, &theirs, &fingerprints[1]).await.unwrap_err().code, "not-found");
    house.admin.partner_key_remove(&mine, CERTIFICATES, &address(PAUL), &fingerprints[0], Expect::Any).await.unwrap();
    assert_eq!(list().await.len(), 1);
    house.admin.partner_key_remove(&mine, CERTIFICATES, &address(PAUL), &fingerprints[1], Expect::Any).await.unwrap();
    assert_eq!(list().await, []);
    assert_eq!(import(pem(&[&ca])).await.unwrap_err().code, "certificate-not-for-encryption");
    assert_eq!(import(SecretBytes::new(b"junk".to_vec())).await.unwrap_err().code, "import-no-certificates");
    assert_eq!(list().await, [], "nothing is half imported");
}

#[tokio::test]
async fn m_c4_roots_come_together_and_a_decision_outlives_another_import() {
    let house = with_domain().await;
    let validity = |days: u64| Validity { now: NOW, lifetime: Duration::from_secs(86_400 * days) };
    let [one, two] = ["One", "Two"].map(|name| make_ca(name, "", KeyKind::EcP256, validity(1)).unwrap());
    let import = async |trust, file| house.admin.key_import(&local(), Owner::Root(trust), file, None).await;
    assert_eq!(import(Trust::Undefined, pem(&[&one, &two])).await.unwrap().len(), 2);
    let sha256 = one.certificate.fingerprint_sha256();
    house.admin.root_trust(&local(), sha256, Trust::Trusted, Expect::Any).await.unwrap();
    import(Trust::Undefined, pem(&[&one])).await.unwrap();
    let trusted = async || house.admin.root_list(&local(), Some(Trust::Trusted), "", 10).await.unwrap();
    assert_eq!(trusted().await.iter().map(|root| root.sha256.as_str()).collect::<Vec<_>>(), [sha256]);
    assert_eq!(house.admin.root_list(&local(), None, "", 10).await.unwrap().len(), 2);
    import(Trust::Untrusted, pem(&[&one])).await.unwrap();
    assert_eq!(trusted().await, []);
    let bob = made().1;
    assert!(import(Trust::Trusted, pem(&[&two, &bob])).await.is_err());
    assert_eq!(trusted().await, [], "nothing of a file that is not good");
    house.clock.advance(Duration::from_secs(86_400 * 2));
    assert_eq!(house.admin.root_show(&local(), sha256).await.unwrap().summary.state, "expired");
}

#[tokio::test]
async fn m_c6_a_partners_pgp_keys_stand_on_their_own_shelf_with_a_right_of_their_own() {
    let house = with_domain().await;
    let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400) };
    let ca = make_ca("Test CA", "", KeyKind::EcP256, validity).unwrap();
    let paul = issue_user(&ca, &address(PAUL), "", KeyKind::EcP256, validity).unwrap();
    let made = crypto::openpgp::make("Paul", &address(PAUL), crypto::openpgp::Generation::V4, NOW, None).unwrap();
    let pgp = || SecretBytes::new(made.key.armoured().into_bytes());
    let owner = || Owner::Partner(address(PAUL));
    let (x509, keys) = (with_rights(&["x509certificatesadmin"]), with_rights(&["pgpkeysadmin"]));
    let code = async |actor: &model::Actor, file| house.admin.key_import(actor, owner(), file, None).await.unwrap_err().code;
    assert_eq!((code(&x509, pgp()).await, code(&keys, pem(&[&paul])).await), ("not-permitted", "not-permitted"));
    house.admin.key_import(&x509, owner(), pem(&[&paul]), None).await.unwrap();
    let taken = house.admin.key_import(&keys, owner(), pgp(), None).await.unwrap();
    let key = &taken[0];
    assert_eq!((taken.len(), key.kind, key.not_after, key.subject.as_str()), (1, "openpgp", None, "Paul <paul@partner.example>"));
    assert_eq!((key.serial.len(), key.sha256.as_str(), key.state), (16, made.key.fingerprint(), "valid"));
    let list = async |actor: &model::Actor, kind| house.admin.partner_key_list(actor, kind, None, "", 10).await.unwrap().concat();
    assert_eq!(list(&keys, PartnerKind::PgpKeys).await, taken);
    assert_eq!(list(&x509, CERTIFICATES).await.iter().map(|one| one.kind).collect::<Vec<_>>(), ["smime"]);
    let other = house.admin.partner_key_show(&x509, CERTIFICATES, &address(PAUL), &key.sha256).await.unwrap_err();
    assert_eq!(other.code, "not-found", "not by the other's door");
    house.admin.partner_key_remove(&keys, PartnerKind::PgpKeys, &address(PAUL), &key.sha256, Expect::Any).await.unwrap();
    assert_eq!((list(&keys, PartnerKind::PgpKeys).await.len(), list(&x509, CERTIFICATES).await.len()), (0, 1));
}
