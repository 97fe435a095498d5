//! Keys of domains: sealed, chosen by selector, logged as every other.

use std::sync::Arc;

use mailauth::{DigestSigner, DomainKey};
use model::{Site, TraceId};

use super::*;
use crate::Keys;
use crate::testing::{Fixed, NOW, world};

fn site(more: &str) -> Site {
    let mut site = Site::default();
    let body = format!(r#"{{"name":"Company.Example","forward":"[127.0.0.1]:25"{more}}}"#);
    site.apply(&SiteRow { section: Section::Domain, key: "company.example".into(), version: 1, body }).unwrap();
    for (algorithm, selector) in [("rsa-sha256", "s1"), ("ed25519-sha256", "s1-ed25519")] {
        let row = row(&world().vault, "company.example", selector, algorithm, NOW).unwrap();
        assert!(!row.body.contains("PRIVATE"));
        site.apply(&row).unwrap();
    }
    site
}

#[test]
fn m_t11_the_selector_says_which_keys_sign() {
    let words = |more: &str, domain: &str| -> Vec<&'static str> {
        signers(&site(more), domain).into_iter().map(|signing| signing.algorithm.word()).collect()
    };
    let selector = r#","dkim_selector":"s1""#;
    assert_eq!(words(selector, "COMPANY.example"), ["rsa-sha256", "ed25519-sha256"]);
    assert!(words("", "company.example").is_empty(), "no selector");
    assert!(words(r#","dkim_selector":"s1","dkim_key":"off""#, "company.example").is_empty());
    assert!(words(r#","dkim_selector":"s2""#, "company.example").is_empty(), "no key under it yet");
    assert!(words(selector, "sub.company.example").is_empty() && words(selector, "elsewhere.example").is_empty());
}

#[test]
fn m_t11_what_the_handle_signs_the_published_record_verifies() {
    let site = Arc::new(site(r#","dkim_selector":"s1""#));
    let keys: Arc<dyn KeyUse> = Arc::new(Keys::new(Arc::new(Fixed(site.clone())), world().vault.clone()));
    for signing in signers(&site, "company.example") {
        let record = &site.dkim[&DkimKey::record_name(&signing.selector, &signing.domain)].record;
        let public = DomainKey::parse(record.as_bytes()).unwrap();
        let signer = DomainSigner::new(keys.clone(), signing.clone(), TraceId::new());
        let signature = signer.sign(&[7; 32]).unwrap();
        assert!(public.verifies(signing.algorithm, &[7; 32], &signature));
        assert!(!public.verifies(signing.algorithm, &[8; 32], &signature));
    }
}
