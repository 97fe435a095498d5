//! `[mail] send_new_pgp_keys`: each key that is made here goes to its owner once, and no other.

use admin::key_mail::KeyMailer;
use async_trait::async_trait;
use model::site::{MailSettings, Retirement};
use model::{Address, Fault, Guilty, KeyOrder, NewKey};
use std::sync::Mutex;
use store::Expect;

use super::keys::{address, with_domain};
use super::{House, local};

const BOB: &str = "bob@company.example";

#[derive(Default)]
struct Noting {
    sent: Mutex<Vec<(String, String)>>,
    fails: bool,
}

#[async_trait]
impl KeyMailer for Noting {
    async fn send(&self, owner: &Address, fingerprint: &str, armour: &str) -> Result<(), Fault> {
        if self.fails {
            return Err(Fault::temporary(Guilty::Configuration, "template-failed", "test"));
        }
        assert!(armour.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----") && !armour.contains("PRIVATE"));
        self.sent.lock().unwrap().push((owner.to_string(), fingerprint.to_owned()));
        Ok(())
    }
}

async fn with_setting(on: bool) -> House {
    let house = with_domain().await;
    let mail = MailSettings { send_new_pgp_keys: on, ..MailSettings::default() };
    house.admin.put(&local(), mail, Expect::Any).await.unwrap();
    house
}

async fn sent(house: &House) -> Vec<(String, String)> {
    let mailer = Noting::default();
    house.admin.key_mail_work(&mailer).await.unwrap();
    mailer.sent.into_inner().unwrap()
}

#[tokio::test]
async fn m_c2_a_new_pgp_key_goes_to_its_owner_where_it_is_wanted() {
    let house = with_setting(false).await;
    house.admin.key_generate(&local(), &address(BOB), "pgp", 30).await.unwrap();
    assert_eq!(sent(&house).await, [], "off by default");
    let house = with_setting(true).await;
    let by_hand = house.admin.key_generate(&local(), &address(BOB), "pgp", 30).await.unwrap();
    house.admin.key_generate(&local(), &address(BOB), "p256", 30).await.unwrap();
    assert_eq!(sent(&house).await, [(BOB.to_owned(), by_hand.key)], "a certificate is not sent");
    let order = KeyOrder { address: address("new@company.example"), name: String::new(), user_id: String::new(), kind: NewKey::Pgp };
    house.admin.order_key(&order).await.unwrap();
    house.admin.new_key_work().await.unwrap();
    let by_rule = sent(&house).await;
    assert_eq!((by_rule.len(), by_rule[0].0.as_str()), (1, "new@company.example"));
    assert_eq!(sent(&house).await, [], "once");
}

#[tokio::test]
async fn m_c2_a_key_mail_that_fails_waits_and_one_that_nobody_needs_is_left_out() {
    let house = with_setting(true).await;
    let key = house.admin.key_generate(&local(), &address(BOB), "pgp", 30).await.unwrap();
    let failing = Noting { fails: true, ..Noting::default() };
    assert_eq!(house.admin.key_mail_work(&failing).await.unwrap(), 0);
    let job = store::jobs::list(&house.store, "", 9).await.unwrap().remove(0);
    assert_eq!((job.kind.as_str(), job.key == key.key, job.last_error.as_str()), ("mail_pgp_key", true, "test"));
    house.admin.key_retire(&local(), &key.key, Retirement::Revoked, Expect::Any).await.unwrap();
    house.store.write(move |tx| Box::pin(async move { store::jobs::retry(tx, &job.id).await })).await.unwrap();
    assert_eq!(sent(&house).await, [], "revoked before anybody heard of it");
    assert!(store::jobs::list(&house.store, "", 9).await.unwrap().is_empty());
}
