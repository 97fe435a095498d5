//! Key files: imported for who owns them, shown without secrets, removed with their users only when that was said.

use std::time::Duration;

use admin::Expect;
use admin::config::Allow;
use admin::domain_removal::Remains;
use admin::keys::Owner;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use model::site::{Domain, Partner, Root, Trust, User};
use model::{Address, KeyKind, SecretBytes, SecretText};

use super::{House, NOW, house, local};

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn made() -> (Made, Made) {
    let validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 365) };
    let ca = make_ca("Test CA", "Test", KeyKind::EcP256, validity).unwrap();
    let bob = issue_user(&ca, &address("bob@company.example"), "Bob", KeyKind::EcP256, validity).unwrap();
    (ca, bob)
}

pub(crate) fn key_file(made: &Made, pass: &str) -> SecretBytes {
    let key = openssl::pkey::PKey::private_key_from_pkcs8(made.private_pkcs8.expose()).unwrap();
    let pem = key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), pass.as_bytes()).unwrap();
    SecretBytes::new([pem, made.certificate.pem().into_bytes()].concat())
}

pub(crate) async fn with_domain() -> House {
    let house = house().await;
    let domain = Domain {
        name: "company.example".into(),
        forward: "[127.0.0.1]".into(),
        tls: "may".into(),
        fingerprints: Vec::new(),
        language: None,
        disclaimer: "[default]".into(),
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
    assert_eq!(import("carol@company.example", pass()).await.unwrap_err().code, "certificate-other-address");
    let summary = import("bob@company.example", pass()).await.unwrap().remove(0);
    assert!(summary.private && summary.owner == "bob@company.example" && summary.version == 1);
    assert_eq!(house.admin.show::<User>(&local(), "bob@company.example").await.unwrap().record.user_id, "bob@company.example");
    assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap(), std::slice::from_ref(&summary));
    assert!(house.admin.key_show(&local(), &summary.key).await.unwrap().certificate.contains("BEGIN CERTIFICATE"));

    let log = house.log().await.join("\n");
    assert!(log.contains(&format!("key/{}", summary.key)) && log.contains("\"sealed\":\"«secret»\""), "x_21: {log}");

    let fault = house.admin.remove::<User>(&local(), "bob@company.example", Expect::Any, false).await.unwrap_err();
    assert_eq!(fault.code, "user-has-keys", "M-C15: mail to these keys could not be opened any more");
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

#[tokio::test]
async fn m_t2_removing_a_domain_asks_what_becomes_of_its_users_and_says_what_stays_closed() {
    for remains in Remains::ALL {
        let house = with_domain().await;
        let (_, bob) = made();
        let pass = || Some(SecretText::new("secret".to_owned()));
        house.admin.key_import(&local(), Owner::User(address("bob@company.example")), key_file(&bob, "secret"), pass()).await.unwrap();
        let password = Some(SecretText::new("a long password".to_owned()));
        house.admin.user_password(&local(), &address("bob@company.example"), password).await.unwrap();
        let actor = local();
        let remove = |remains, with_keys| house.admin.domain_remove(&actor, "company.example", Expect::Any, remains, with_keys);
        let asked = remove(None, true).await.unwrap_err();
        assert_eq!(asked.code, "domain-has-users");
        for language in model::Language::ALL {
            let text = texts::fault(language, &asked);
            assert!(text.contains("company.example") && text.contains('1') && text.contains("--allow-delete"), "{text}");
        }
        let generic = house.admin.remove::<Domain>(&local(), "company.example", Expect::Any, true).await.unwrap_err();
        assert_eq!(generic.code, "domain-has-users", "by whatever way it is asked");
        if remains == Remains::Delete {
            assert_eq!(remove(Some(remains), false).await.unwrap_err().code, "would-delete");
        }
        let removed = remove(Some(remains), remains == Remains::Delete).await.unwrap();
        assert_eq!((removed.accounts, removed.keys, removed.users), (1, 1, Some(remains)));
        let gone = remains == Remains::Delete;
        assert_eq!(removed.closed, if gone { vec!["bob@company.example".to_owned()] } else { Vec::new() });
        assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap().is_empty(), gone);
        let user = house.admin.show::<User>(&local(), "bob@company.example").await;
        match remains {
            Remains::Keep => assert!(!user.unwrap().record.may_not_sign),
            Remains::Disable => assert!(user.is_ok_and(|user| user.record.may_not_sign && user.record.may_not_encrypt)),
            Remains::Delete => assert_eq!(user.unwrap_err().code, "not-found"),
        }
        assert!(house.admin.show::<Domain>(&local(), "company.example").await.is_err());
        let export = house.admin.config_export(&local()).await.unwrap();
        assert_eq!(export.contains("bob@company.example/password"), !gone, "{export}");
    }
}

#[tokio::test]
async fn m_t2_a_site_file_without_the_domain_does_as_it_is_told() {
    for remains in Remains::ALL {
        let house = with_domain().await;
        let (_, bob) = made();
        let pass = Some(SecretText::new("secret".to_owned()));
        house.admin.key_import(&local(), Owner::User(address("bob@company.example")), key_file(&bob, "secret"), pass).await.unwrap();
        let allow = |delete, users| Allow { delete, users };
        if remains == Remains::Delete {
            let refused = house.admin.config_apply(&local(), "domain = []", allow(false, Some(remains))).await.unwrap_err();
            assert_eq!(model::Fault::from(refused).code, "would-delete");
        }
        let gone = remains == Remains::Delete;
        // Without a word they stay, as every section that a file does not name.
        let said = (remains != Remains::Keep).then_some(remains);
        let applied = house.admin.config_apply(&local(), "domain = []", allow(gone, said)).await.unwrap();
        let expected = match remains {
            Remains::Keep => 1,
            Remains::Disable => 2,
            Remains::Delete => 3,
        };
        assert_eq!(applied.changes.len(), expected, "{:#?}", applied.changes);
        assert_eq!(house.admin.key_list(&local(), None, "", 10).await.unwrap().is_empty(), gone);
        let again = house.admin.config_apply(&local(), "domain = []", false).await.unwrap();
        assert!(again.changes.is_empty(), "as often as one likes");
    }
    let house = with_domain().await;
    let both = "domain = []\nuser = []";
    house.admin.config_apply(&local(), "[[user]]\naddress = \"ann@company.example\"\n", false).await.unwrap();
    let kept = house.admin.config_apply(&local(), "domain = []\n[[user]]\naddress = \"ann@company.example\"\n", false).await;
    assert_eq!(kept.unwrap().changes.len(), 1, "a file that names its users has said what becomes of them");
    assert_eq!(house.admin.config_apply(&local(), both, false).await.unwrap().changes.len(), 1);
}
