//! Key files: imported for who owns them, shown without secrets, removed with their users only when that was said.

use std::time::Duration;

use admin::Expect;
use admin::keys::Owner;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use model::site::{Domain, Partner, Root, Trust, User};
use model::{Address, KeyKind, SecretBytes, SecretText};

use super::{House, NOW, house, local};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn made() -> (Made, Made) {
    let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 365) };
    let ca = make_ca("Test CA", "Test", KeyKind::EcP256, validity).unwrap();
    let bob = issue_user(&ca, &address("bob@company.example"), "Bob", KeyKind::EcP256, validity).unwrap();
    (ca, bob)
}

fn key_file(made: &Made, pass: &str) -> SecretBytes {
    let key = openssl::pkey::PKey::private_key_from_pkcs8(made.private_pkcs8.expose()).unwrap();
    let pem = key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), pass.as_bytes()).unwrap();
    SecretBytes::new([pem, made.certificate.pem().into_bytes()].concat())
}

async fn with_domain() -> House {
    let house = house().await;
    let domain = Domain {
        name: "company.example".into(),
        forward: "[127.0.0.1]".into(),
        tls: "may".into(),
        fingerprints: Vec::new(),
        language: None,
        dkim_selector: String::new(),
        dkim_key: "auto".into(),
    };
    house.admin.put(&local(), domain, Expect::New).await.unwrap();
    house
}

#[tokio::test]
async fn m_c5_a_users_key_comes_in_sealed_and_its_account_is_made() {
    let house = with_domain().await;
    let (_, bob) = made();
    let pass = || Some(SecretText::new("letmein".to_owned()));
    let import = |who: &str, pass| {
        let (admin, owner, file) = (house.admin.clone(), Owner::User(address(who)), key_file(&bob, "letmein"));
        async move { admin.key_import(&local(), owner, file, pass).await }
    };
    assert!(import("bob@company.example", Some(SecretText::new("wrong".into()))).await.is_err());
    assert_eq!(import("bob@elsewhere.example", pass()).await.unwrap_err().code, "bad-field");
    assert_eq!(import("carol@company.example", pass()).await.unwrap_err().code, "certificate-unsuitable", "another's certificate");
    let summary = import("bob@company.example", pass()).await.unwrap().remove(0);
    assert!(summary.private && summary.owner == "bob@company.example" && summary.version == 1);
    assert_eq!(house.admin.show::<User>(&local(), "bob@company.example").await.unwrap().record.user_id, "bob@company.example");
    assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap(), std::slice::from_ref(&summary));
    assert!(house.admin.key_certificate(&local(), &summary.key).await.unwrap().contains("BEGIN CERTIFICATE"));

    let log = house.log().await.join("\n");
    assert!(log.contains(&format!("key/{}", summary.key)) && log.contains("\"sealed\":\"«secret»\""), "x_21: {log}");

    let fault = house.admin.remove::<User>(&local(), "bob@company.example", Expect::Any, false).await.unwrap_err();
    assert_eq!(fault.code, "still-used", "M-C15: mail to these keys could not be opened any more");
    house.admin.remove::<User>(&local(), "bob@company.example", Expect::Any, true).await.unwrap();
    assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap(), []);
}

#[tokio::test]
async fn m_c6_partners_and_roots_come_in_by_file() {
    let house = with_domain().await;
    let (ca, bob) = made();
    let file = |made: &Made| SecretBytes::new(made.certificate.pem().into_bytes());
    let partner = address("bob@company.example");
    let summary = house.admin.key_import(&local(), Owner::Partner(partner), file(&bob), None).await.unwrap().remove(0);
    assert!(!summary.private && summary.section == "partner");
    assert_eq!(house.admin.show::<Partner>(&local(), "bob@company.example").await.unwrap().record.origin, "imported");

    assert!(house.admin.key_import(&local(), Owner::Root(Trust::Trusted), file(&bob), None).await.is_err(), "no CA");
    let root = house.admin.key_import(&local(), Owner::Root(Trust::Undefined), file(&ca), None).await.unwrap().remove(0);
    assert_eq!(root.key, ca.certificate.fingerprint_sha256());
    house.admin.root_trust(&local(), &root.key, Trust::Trusted, Expect::Any).await.unwrap();
    assert_eq!(house.admin.show::<Root>(&local(), &root.key).await.unwrap().record.trust, Trust::Trusted);
    let fault = house.admin.key_import(&local(), Owner::Domain("company.example".into()), file(&ca), None).await.unwrap_err();
    assert_eq!(fault.code, "not-available-yet");
}
