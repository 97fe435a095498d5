//! Tests of `createaccount` and `createkeys`, with a maker that notes what is ordered.

use async_trait::async_trait;
use crypto::openpgp::{Generation, make};
use model::Limits;
use model::site::Section;
use parking_lot::Mutex;
use std::sync::Arc;

use super::*;
use crate::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rules_for, state, work};
use crate::new_keys::KeyMaker;
use crate::simulate::NoKeys;

const ALICE: &str = "alice@company.example";
const NEW: &str = "new@company.example";
const PAUL: &str = "paul@partner.example";

/// What the maker does with an order.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Makes,
    IsSlow,
    IsAway,
}

struct Maker {
    how: How,
    site: Mutex<Site>,
    orders: Mutex<Vec<KeyOrder>>,
}

#[async_trait]
impl KeyMaker for Maker {
    async fn order(&self, order: KeyOrder) -> Result<(), Fault> {
        if self.how == How::IsAway {
            return Err(Fault::temporary(Guilty::Ourselves, "store-away", "test"));
        }
        if self.how == How::Makes {
            let made = make(&order.name, &order.address, Generation::default(), NOW, None).unwrap();
            let (id, owner) = (made.key.fingerprint().to_owned(), order.address.key());
            let key = serde_json::json!({"id": id, "owner": owner.as_str(), "certificate": made.key.armoured(), "sealed": "", "created": 1, "pgp": made.secrets});
            let account = serde_json::json!({"address": order.address, "name": order.name, "user_id": order.user_id});
            for (section, key, body) in [(Section::Key, id.as_str(), key), (Section::User, owner.as_str(), account)] {
                self.site.lock().apply(&model::SiteRow { section, key: key.to_owned(), version: 1, body: body.to_string() }).unwrap();
            }
        }
        self.orders.lock().push(order);
        Ok(())
    }

    async fn until(&self, wished: &(dyn for<'s> Fn(&'s Site) -> bool + Send + Sync)) -> Arc<Site> {
        let site = Arc::new(self.site.lock().clone());
        if wished(&site) { site } else { std::future::pending().await }
    }
}

fn house(client: &str, from: &str, how: How) -> (Work, Arc<Maker>) {
    let mut work = work(client, from, &[PAUL]);
    let maker = Arc::new(Maker { how, site: Mutex::new((*work.site).clone()), orders: Mutex::default() });
    work.new_keys = maker.clone();
    (work, maker)
}

async fn run(work: &Work, rules: &str) -> Result<MailState, Fault> {
    let mail = state(work, "From: \"N. N.\" <new@company.example>\r\nSubject: x\r\n", PLAIN);
    decide::decide(work, rules_for(work, rules), mail).await.map(|decision| decision.ends[0].1.clone())
}

async fn says(work: &Work, call: &str) -> bool {
    let after = run(work, &format!("if ({call}) {{ tag_subject('yes'); }}")).await.unwrap();
    after.message.decoded("subject").as_deref() == Some("x yes")
}

#[tokio::test]
async fn m_r1_createaccount_takes_a_user_id_without_special_characters() {
    let (ours, maker) = house(OURS, NEW, How::IsSlow);
    let made = run(&ours, "createaccount(0, 'a/b;c d$subject', 'N. N.'); createaccount();").await.unwrap();
    let account = made.account.unwrap();
    assert_eq!((account.user_id.as_str(), account.name.as_str()), ("a_b_c_dx", "N. N."));
    assert!(run(&house(STRANGER, ALICE, How::Makes).0, "createaccount(1);").await.unwrap().account.is_none());
    assert!(maker.orders.lock().is_empty(), "an account alone is an effect of the plan");
}

#[tokio::test]
async fn m_r7b_the_mail_waits_for_the_keys_and_sees_them() {
    let (ours, maker) = house(OURS, NEW, How::Makes);
    let after = run(&ours, "createaccount(1, 'nn'); tag_subject('$user_mail $user_name');").await.unwrap();
    assert_eq!(after.message.decoded("subject").unwrap(), format!("x {NEW} N. N."), "the account is there from then on");
    let seen = after.work(&ours);
    assert!(pgp::to_publish(&seen.site, &crate::kit_tests::address(NEW).key(), NOW).is_some(), "and the key");
    let order = KeyOrder { address: crate::kit_tests::address(NEW), name: "N. N.".into(), user_id: "nn".into(), kind: NewKey::Pgp };
    assert_eq!(*maker.orders.lock(), [order]);
    // Once there nothing is ordered any more.
    let (ours, maker) = house(OURS, NEW, How::Makes);
    assert!(says(&ours, "createaccount(1) && createkeys(1) && createkeys(1, 'continue')").await);
    assert_eq!(maker.orders.lock().len(), 1);
}

#[tokio::test]
async fn m_r7b_who_has_an_account_gets_keys_by_createkeys_only() {
    let (ours, maker) = house(OURS, ALICE, How::Makes);
    assert!(says(&ours, "createaccount(1)").await && maker.orders.lock().is_empty(), "an existing account stays as it is");
    assert!(says(&ours, "createkeys(1)").await && maker.orders.lock().len() == 1);
    let (nobody, maker) = house(OURS, NEW, How::Makes);
    assert!(!says(&nobody, "createkeys(1)").await && maker.orders.lock().is_empty(), "no account, no keys");
}

#[tokio::test]
async fn x_7_who_is_not_authenticated_orders_nothing() {
    for from in [ALICE, NEW] {
        let (stranger, maker) = house(STRANGER, from, How::Makes);
        assert!(!says(&stranger, "createkeys(1) || createkeys(1, 'continue') || createaccount(1)").await);
        assert!(maker.orders.lock().is_empty());
    }
}

#[tokio::test]
async fn m_r7b_keys_that_take_too_long_make_the_mail_wait_or_go_on() {
    let (mut ours, maker) = house(OURS, ALICE, How::IsSlow);
    ours.budget = model::Budget::new(Limits { time: Duration::from_millis(300), ..Limits::default() });
    let fault = run(&ours, "createkeys(1); deliver();").await.unwrap_err();
    assert_eq!((fault.code, fault.temporary), ("keys-being-made", true));
    let reply = crate::gate::reply_for(&fault).to_string();
    assert!(reply.starts_with("420 4.7.0 ") && reply.contains("keys are being made"), "{reply}");
    let (ours, slow) = house(OURS, ALICE, How::IsSlow);
    assert!(!says(&ours, "createkeys(1, 'continue')").await, "ordered, and not there");
    assert_eq!((maker.orders.lock().len(), slow.orders.lock().len()), (1, 1));
}

#[tokio::test]
async fn m_r7b_without_the_store_the_mail_waits_or_goes_on() {
    let (ours, _) = house(OURS, ALICE, How::IsAway);
    assert_eq!(run(&ours, "createkeys(1); deliver();").await.unwrap_err().code, "store-away");
    assert!(!says(&ours, "createkeys(1, 'continue')").await);
}

#[tokio::test]
async fn m_r4_a_rehearsal_orders_nothing() {
    let (mut ours, maker) = house(OURS, NEW, How::Makes);
    (ours.rehearsal, ours.keys) = (true, Arc::new(NoKeys));
    assert!(says(&ours, "createaccount(1) && createkeys(1)").await && maker.orders.lock().is_empty());
}
