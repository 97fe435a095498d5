//! A small site with keys, for the tests of this room.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crypto::pki::import::Imported;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use model::ports::Facts;
use model::site::{Section, SiteRow, Trust};
use model::{Address, AddressKey, KeyKind, Site, Timestamp};

use crate::{Keys, MasterKey, Vault, import};

pub(crate) const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

pub(crate) struct Fixed(pub(crate) Arc<Site>);

impl Facts for Fixed {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

/// Alice and Bob of the company (RSA, P-256), Paul and his CA outside.
pub(crate) struct World {
    pub(crate) site: Arc<Site>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) ca: Made,
    pub(crate) paul: Made,
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn key(text: &str) -> AddressKey {
    address(text).key()
}

pub(crate) fn validity() -> Validity {
    Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 30) }
}

pub(crate) fn pair(made: &Made) -> Imported {
    Imported { private_pkcs8: made.private_pkcs8.clone(), chain: vec![made.certificate.clone()] }
}

pub(crate) fn user_row(text: &str, more: &str) -> SiteRow {
    SiteRow { section: Section::User, key: key(text).as_str().into(), version: 1, body: format!(r#"{{"address":"{text}"{more}}}"#) }
}

/// Made once: RSA keys are slow to make.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (vault, _) = Vault::create(MasterKey::create(&folder.path().join("master")).unwrap()).unwrap();
        let ca = make_ca("Company CA", "", KeyKind::EcP256, validity()).unwrap();
        let partner_ca = make_ca("Partner CA", "", KeyKind::EcP256, validity()).unwrap();
        let user = |ca: &Made, text: &str, kind| issue_user(ca, &address(text), "", kind, validity()).unwrap();
        let paul = user(&partner_ca, "paul@partner.example", KeyKind::EcP256);
        let mut site = Site { number: 1, ..Site::default() };
        for (text, kind) in [("alice@company.example", KeyKind::Rsa(2048)), ("bob@company.example", KeyKind::EcP256)] {
            site.apply(&user_row(text, "")).unwrap();
            site.apply(&import::key_row(&vault, &address(text), &pair(&user(&ca, text, kind)), NOW).unwrap()).unwrap();
        }
        site.apply(&import::roots(ca.certificate.pem().as_bytes(), Trust::Trusted, "imported").unwrap()[0]).unwrap();
        site.apply(&import::roots(partner_ca.certificate.pem().as_bytes(), Trust::Trusted, "imported").unwrap()[0]).unwrap();
        let row = import::partner_certificate(&site, &address("paul@partner.example"), paul.certificate.pem().as_bytes(), "imported", NOW);
        site.apply(&row.unwrap()).unwrap();
        World { site: Arc::new(site), vault: Arc::new(vault), ca, paul }
    })
}

impl World {
    pub(crate) fn keys(&self) -> Keys {
        Keys::new(Arc::new(Fixed(self.site.clone())), self.vault.clone())
    }
}
