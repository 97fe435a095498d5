//! Secrets of the site: kept as hashes or sealed, never shown, unchanged by what says the same again.

use admin::{AdminError, Expect, config};
use model::site::{MailSettings, Section, User};
use model::{Address, SecretText};

use super::{House, house, local, with_rights};

const SITE: &str = r#"
[mail]
auth = "ldap"
auth_ldap = "ldaps://a.example;cn=gate;canary-one;dc=x;(mail=$user)"

[[user]]
address = "Bob@company.example"
password = "canary-two two"
send_as = ["sales@company.example"]
"#;

async fn applied(house: &House, text: &str) -> Vec<String> {
    let applied = house.admin.config_apply(&local(), text, true).await.unwrap_or_else(|error| panic!("{error}"));
    applied.changes.iter().map(|change| format!("{:?} {}/{}", change.kind, change.section, change.key)).collect()
}

async fn secret(house: &House, name: &str) -> Option<String> {
    store::site::get(&house.store, Section::Secret, name).await.unwrap().map(|row| row.body)
}

#[tokio::test]
async fn x_22_secrets_are_kept_hashed_or_sealed() {
    let house = house().await;
    let changes = applied(&house, SITE).await;
    assert!(changes.contains(&"Added secret/mail/auth_ldap".to_owned()), "{changes:?}");
    assert!(changes.contains(&"Added secret/user/bob@company.example/password".to_owned()), "{changes:?}");
    let hash = secret(&house, "user/bob@company.example/password").await.unwrap();
    assert!(hash.contains("$argon2id$") && !hash.contains("sealed"), "{hash}");
    let sealed = secret(&house, "mail/auth_ldap").await.unwrap();
    assert!(sealed.contains("sealed") && !sealed.contains("hash"), "{sealed}");
    let log = house.log().await.join("\n");
    let exported = house.admin.config_export(&local()).await.unwrap();
    let settings = house.admin.settings::<MailSettings>(&local()).await.unwrap().record;
    assert_eq!(settings.auth_ldap, "ldaps://a.example;cn=gate;@secret(mail/auth_ldap);dc=x;(mail=$user)");
    for shown in [&log, &exported, &hash, &sealed, &settings.auth_ldap] {
        assert!(!shown.contains("canary"), "{shown}");
    }
    for shown in [&log, &exported] {
        assert!(!shown.contains("argon2id") && !shown.contains(sealed.split('"').nth(3).unwrap()), "{shown}");
    }
    assert!(exported.contains(r#"password = "@secret(user/bob@company.example/password)""#), "{exported}");
    assert!(applied(&house, SITE).await.is_empty(), "the same again is no change");
    assert!(applied(&house, &exported).await.is_empty(), "what was exported keeps what is stored");
    assert_eq!(secret(&house, "user/bob@company.example/password").await.unwrap(), hash);
}

#[tokio::test]
async fn a_secret_goes_with_what_it_belongs_to() {
    let house = house().await;
    let _ = applied(&house, SITE).await;
    let changed = applied(&house, &SITE.replace("canary-two two", "another password").replace("canary-one", "two")).await;
    assert_eq!(changed, ["Changed secret/mail/auth_ldap", "Changed secret/user/bob@company.example/password"]);
    let gone = applied(&house, "[[user]]\naddress = \"bob@company.example\"\nsend_as = [\"sales@company.example\"]\n").await;
    assert!(gone.contains(&"Removed secret/user/bob@company.example/password".to_owned()), "{gone:?}");
    assert!(secret(&house, "mail/auth_ldap").await.is_some(), "a section that the file does not name stays");
    let bob = Address::parse("bob@company.example").unwrap();
    house.admin.user_password(&local(), &bob, Some(SecretText::new("by the API".to_owned()))).await.unwrap();
    assert!(secret(&house, "user/bob@company.example/password").await.is_some());
    house.admin.remove::<User>(&local(), "bob@company.example", Expect::Any, true).await.unwrap();
    assert!(secret(&house, "user/bob@company.example/password").await.is_none());
}

#[tokio::test]
async fn what_can_not_be_a_secret_is_refused() {
    let house = house().await;
    let unknown = "[[user]]\naddress = \"bob@company.example\"\npassword = \"@secret(user/bob@company.example/password)\"\n";
    assert!(matches!(house.admin.config_apply(&local(), unknown, false).await, Err(AdminError::Fault(fault)) if fault.code == "bad-field"));
    for (written, told) in [("password = \"\"", "user[1].password"), ("password = 1", "user[1].password")] {
        let found = config::check(&format!("[[user]]\naddress = \"bob@company.example\"\n{written}\n")).unwrap_err().to_string();
        assert!(found.contains(told) && found.contains("line 3"), "{found}");
    }
    for bad in ["auth = \"radius\"", "auth = \"ldap\"", "auth_ldap = \"ldap://a;u;p;dc=x\""] {
        assert!(config::check(&format!("[mail]\n{bad}\n")).is_err(), "{bad}");
    }
    let bob = Address::parse("bob@company.example").unwrap();
    let password = |text: &str| Some(SecretText::new(text.to_owned()));
    assert_eq!(house.admin.user_password(&local(), &bob, password("long enough")).await.unwrap_err().code, "not-found");
    let _ = applied(&house, "[[user]]\naddress = \"bob@company.example\"\n").await;
    assert_eq!(house.admin.user_password(&local(), &bob, password("short")).await.unwrap_err().code, "password-too-short");
    let other = with_rights(&["mailsystemadmin"]);
    assert_eq!(house.admin.user_password(&other, &bob, password("long enough")).await.unwrap_err().code, "not-permitted");
    let hash = "$argon2id$v=19$m=4000000,t=2,p=1$c2VhbGdhdGVub2JvZHk$HvrkGiKCRd8fDxB5ctWjbKCyCCvLGDMGTNxb3Q9dyLI";
    let costly = format!("[[user]]\naddress = \"bob@company.example\"\npassword = \"{hash}\"\n");
    assert!(house.admin.config_apply(&local(), &costly, false).await.is_err(), "a hash that would cost 4 GB to check");
}
