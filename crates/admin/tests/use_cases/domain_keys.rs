//! Keys of domains: made with the selector, listed with their records, gone with the domain, secret throughout.

use admin::Expect;
use model::site::Domain;

use super::{House, house, local, with_rights};

fn domain(selector: &str, key: &str) -> Domain {
    let (name, forward) = ("Company.Example".to_owned(), "[127.0.0.1]:25".to_owned());
    Domain {
        name,
        forward,
        tls: "may".into(),
        fingerprints: Vec::new(),
        language: None,
        disclaimer: "[default]".into(),
        dkim_selector: selector.into(),
        dkim_key: key.into(),
    }
}

async fn put(house: &House, selector: &str, key: &str) {
    house.admin.put(&local(), domain(selector, key), Expect::Any).await.unwrap();
}

/// Selector and whether it signs now.
async fn keys(house: &House) -> Vec<(String, bool)> {
    let keys = house.admin.domain_keys(&local(), Some("company.EXAMPLE")).await.unwrap();
    keys.into_iter().map(|key| (key.selector, key.signs)).collect()
}

fn pairs(of: &[(&str, bool)]) -> Vec<(String, bool)> {
    of.iter().map(|(selector, signs)| ((*selector).to_owned(), *signs)).collect()
}

#[tokio::test]
async fn m_t11_a_domains_keys_come_and_go_with_it() {
    let house = house().await;
    put(&house, "", "auto").await;
    assert!(keys(&house).await.is_empty(), "no selector, no key");
    put(&house, "s1", "off").await;
    assert!(keys(&house).await.is_empty(), "none are made");
    put(&house, "s1", "auto").await;
    assert_eq!(keys(&house).await, pairs(&[("s1-ed25519", true), ("s1", true)]));
    let first = house.admin.domain_keys(&local(), None).await.unwrap();
    let rsa = first.iter().find(|key| key.algorithm == "rsa-sha256").unwrap();
    assert_eq!(rsa.name, "s1._domainkey.company.example");
    assert!(rsa.record.starts_with("v=DKIM1; k=rsa; p=MIIBI"), "{}", rsa.record);
    put(&house, "s1", "auto").await;
    assert_eq!(house.admin.domain_keys(&local(), None).await.unwrap(), first, "a second time changes nothing");
    put(&house, "s2", "auto").await;
    assert_eq!(
        keys(&house).await,
        pairs(&[("s1-ed25519", false), ("s1", false), ("s2-ed25519", true), ("s2", true)]),
        "for mail under way"
    );
    let log = house.log().await.join("\n");
    assert!(log.contains("dkim/s1._domainkey.company.example") && log.contains("\"sealed\":\"«secret»\""), "x_21: {log}");
    house.admin.remove::<Domain>(&local(), "company.example", Expect::Any, false).await.unwrap();
    assert!(keys(&house).await.is_empty());
}

#[tokio::test]
async fn m_t11_the_site_file_makes_keys_and_names_none() {
    let house = house().await;
    let site = "[[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.1]:25\"\ndkim_selector = \"s1\"\n";
    house.admin.config_apply(&local(), site, false).await.unwrap();
    let made = house.admin.domain_keys(&local(), None).await.unwrap();
    assert_eq!(made.len(), 2);
    let exported = house.admin.config_export(&local()).await.unwrap();
    assert!(
        exported.contains("dkim_selector = \"s1\"") && !exported.contains("sealed") && !exported.contains(&made[0].record),
        "{exported}"
    );
    assert!(house.admin.config_apply(&local(), &exported, false).await.unwrap().changes.is_empty());
    assert_eq!(house.admin.domain_keys(&local(), None).await.unwrap(), made);
}

#[tokio::test]
async fn m_t11_selectors_are_checked_and_keys_take_a_right() {
    let house = house().await;
    for (selector, key) in [("S1", "auto"), ("a.b", "auto"), ("-a", "auto"), (&*"a".repeat(51), "auto"), ("s1", "on")] {
        let fault = house.admin.put(&local(), domain(selector, key), Expect::Any).await.unwrap_err();
        assert_eq!(fault.code, "bad-field", "{selector} {key}");
    }
    let fault = house.admin.domain_keys(&with_rights(&["users"]), None).await.unwrap_err();
    assert_eq!(fault.code, "not-permitted");
}
