//! Who signs, who is encrypted to, who may open.

use std::time::Duration;

use crypto::pki::issue::issue_user;
use model::KeyKind;
use model::site::{KeyRecord, Retired, Retirement, Section, SiteRow};

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
    assert!(import::partner_certificate(&world.site, &address("eve@partner.example"), pem.as_bytes(), "imported", NOW).is_err());
}

/// The site with one of Alice's rows changed.
fn changed(site: &Site, change: impl Fn(&mut KeyRecord)) -> Site {
    let mut site = site.clone();
    let id = site.keys_of[&key(ALICE)][0].clone();
    let mut record = KeyRecord::clone(&site.keys[&id]);
    change(&mut record);
    let body = serde_json::to_string(&record).unwrap();
    site.apply(&SiteRow { section: Section::Key, key: id.0, version: 2, body }).unwrap();
    site
}

#[test]
fn m_c5_a_retired_key_opens_and_does_nothing_else() {
    let world = world();
    for why in [Retirement::Expired, Retirement::Revoked] {
        let site = changed(&world.site, |record| record.retired = Some(Retired { why, at: NOW }));
        assert!(signing(&site, &key(ALICE), NOW).is_none() && encryption(&site, &key(ALICE), NOW).is_none());
        assert!(!has_smime_key(&site, &key(ALICE), NOW));
        assert_eq!(own(&site, &[key(ALICE)]).len(), 1);
    }
}

#[test]
fn m_c5_a_new_certificate_of_the_same_key_keeps_the_old_one_for_mail_that_names_it() {
    let world = world();
    let id = world.site.keys_of[&key(ALICE)][0].clone();
    let before = &world.site.keys[&id];
    let old = own(&world.site, &[key(ALICE)]).remove(0);
    let other = issue_user(&world.ca, &address(ALICE), "", KeyKind::EcP256, validity()).unwrap();
    let row = import::key_row(&world.vault, &address(ALICE), &pair(&other), NOW).unwrap();
    // Another key would have another row; what matters here is which certificates stay.
    let renewed = import::renewed(before, row.clone()).unwrap();
    let mut site = Site::clone(&world.site);
    site.apply(&SiteRow { version: 1, ..renewed }).unwrap();
    site.apply(&SiteRow { section: Section::Key, key: id.0, version: 2, body: String::new() }).unwrap();
    assert_eq!(own(&site, &[key(ALICE)]), [other.certificate, old]);
    let again: KeyRecord =
        serde_json::from_str(&import::renewed(before, import::renewed(before, row.clone()).unwrap()).unwrap().body).unwrap();
    assert_eq!(again.former.len(), 1);
    let foreign = KeyRecord { owner: key("bob@company.example"), ..KeyRecord::clone(before) };
    let refused = import::renewed(&foreign, row).unwrap_err();
    assert!(refused.to_string().contains("bob@company.example"), "{refused}");
}

#[test]
fn short_keys_open_old_mail_and_protect_nothing() {
    let world = world();
    let short = short_key(ALICE);
    let mut site = Site::clone(&world.site);
    let id = site.keys_of[&key(ALICE)][0].clone();
    site.apply(&SiteRow { section: Section::Key, key: id.0, version: 2, body: String::new() }).unwrap();
    site.apply(&import::key_row(&world.vault, &address(ALICE), &short, NOW).unwrap()).unwrap();
    assert!(signing(&site, &key(ALICE), NOW).is_none() && encryption(&site, &key(ALICE), NOW).is_none());
    assert_eq!(own(&site, &[key(ALICE)]).len(), 1);
    let refused =
        import::partner_certificate(&Site::default(), &address(ALICE), short.chain[0].pem().as_bytes(), "imported", NOW).unwrap_err();
    assert!(refused.to_string().contains("2048"), "{refused}");
}

/// An RSA key of 1024 bits, as old files have it.
fn short_key(owner: &str) -> crypto::pki::import::Imported {
    use openssl::x509::extension::SubjectAlternativeName;
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(NOW.seconds() - 60).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(NOW.seconds() + 86_400).unwrap()).unwrap();
    let names = SubjectAlternativeName::new().email(owner).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    crypto::pki::import::Imported {
        private_pkcs8: model::SecretBytes::new(key.private_key_to_pkcs8().unwrap()),
        chain: vec![Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()],
    }
}
