//! Who signs, who is encrypted to, who may open.

use std::time::Duration;

use crypto::pki::issue::issue_user;
use model::KeyKind;

use super::*;
use crate::import;
use crate::testing::{NOW, address, key, pair, user_row, validity, world};

const ALICE: &str = "alice@company.example";

#[test]
fn m_c5_the_newest_valid_key_signs_and_old_ones_still_open() {
    let world = world();
    let mut site = Site::clone(&world.site);
    let newer = issue_user(&world.ca, &address(ALICE), "", KeyKind::EcP256, validity()).unwrap();
    let later = NOW.after(Duration::from_secs(60));
    site.apply(&import::key_row(&world.vault, &address(ALICE), &pair(&newer), later).unwrap()).unwrap();
    assert_eq!(signing(&site, &key(ALICE), later).unwrap().key, *newer.certificate.key_id());
    assert_eq!(own(&site, &[key(ALICE)]).len(), 2);
    assert_eq!(encryption(&site, &key(ALICE), later).unwrap(), newer.certificate);
    let over = NOW.after(Duration::from_secs(86_400 * 31));
    assert!(signing(&site, &key(ALICE), over).is_none() && encryption(&site, &key(ALICE), over).is_none());
    assert_eq!(own(&site, &[key(ALICE)]).len(), 2, "an expired key still opens");
    assert!(!has_smime_key(&site, &key(ALICE), over));
}

#[test]
fn m_c15_may_not_sign_and_may_not_encrypt() {
    let mut site = Site::clone(&world().site);
    assert!(has_smime_key(&site, &key(ALICE), NOW));
    site.apply(&user_row(ALICE, r#","may_not_sign":true,"may_not_encrypt":true"#)).unwrap();
    assert!(signing(&site, &key(ALICE), NOW).is_none());
    assert!(!has_smime_key(&site, &key(ALICE), NOW));
    assert_eq!(own(&site, &[key(ALICE)]).len(), 1, "what comes in is still opened");
    assert!(encryption(&site, &key(ALICE), NOW).is_some(), "others still write to it");
}

#[test]
fn x_4_only_the_named_owners_certificates() {
    let site = &world().site;
    assert_eq!(own(site, &[]).len(), 0);
    assert_eq!(own(site, &[key("bob@company.example")]).len(), 1);
    assert!(own(site, &[key("paul@partner.example")]).is_empty(), "a partner's key is not here");
    assert!(signing(site, &key("paul@partner.example"), NOW).is_none());
    assert_eq!(encryption(site, &key("paul@partner.example"), NOW).unwrap(), world().paul.certificate);
    assert!(encryption(site, &key("nobody@partner.example"), NOW).is_none());
}

#[test]
fn a_key_for_another_address_is_not_imported() {
    let world = world();
    let error = import::key_row(&world.vault, &address("eve@company.example"), &pair(&world.paul), NOW).unwrap_err();
    assert!(error.to_string().contains("another address"), "{error}");
    let pem = world.paul.certificate.pem();
    assert!(import::partner_certificate(&world.site, &address("eve@partner.example"), pem.as_bytes(), "imported").is_err());
}
