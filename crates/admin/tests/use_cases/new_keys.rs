//! Keys that rules order: an account and one key, however many ask, on however many nodes, whatever dies in between.

use std::time::Duration;

use admin::Admin;
use model::site::{Section, User};
use model::{Address, KeyOrder, NewKey};
use store::{Store, jobs};

use super::keys::{address, with_domain};
use super::{House, local};

const NEW: &str = "new@company.example";

fn order() -> KeyOrder {
    KeyOrder { address: address(NEW), name: "N. N.".to_owned(), user_id: "nn".to_owned(), kind: NewKey::Pgp }
}

/// The same use cases on another node of the same store.
async fn other_node(house: &House) -> Admin {
    let file = house.dir.path().join("data").join("store.db");
    let store = Store::open(&format!("sqlite:{}", file.display()), &house.dir.path().join("other"), house.clock.clone()).await.unwrap();
    Admin::new(admin::Parts { store, ..house.parts() })
}

async fn keys(house: &House) -> Vec<admin::keys::Summary> {
    house.admin.key_list(&local(), Some(&address(NEW)), "", 10).await.unwrap()
}

#[tokio::test]
async fn m_r7b_account_and_key_are_made_once() {
    let house = with_domain().await;
    assert_eq!(house.admin.new_key_work().await.unwrap(), 0, "nothing is ordered");
    house.admin.order_key(&order()).await.unwrap();
    house.admin.order_key(&order()).await.unwrap();
    assert!(house.admin.show::<User>(&local(), NEW).await.is_err(), "an order makes nothing yet");
    assert_eq!(house.admin.new_key_work().await.unwrap(), 1, "one job for each user and kind");
    let user = house.admin.show::<User>(&local(), NEW).await.unwrap().record;
    assert_eq!((user.name.as_str(), user.user_id.as_str()), ("N. N.", "nn"));
    let made = keys(&house).await;
    assert_eq!(
        (made.len(), made[0].origin.as_str(), made[0].state, made[0].subject.as_str()),
        (1, "generated", "valid", "N. N. <new@company.example>")
    );
    assert!(made[0].not_before < super::NOW, "good for the mail that has waited for it");
    // Ordered again, by a mail that did not know: nothing more.
    house.admin.order_key(&order()).await.unwrap();
    assert_eq!((house.admin.new_key_work().await.unwrap(), keys(&house).await), (1, made));
    assert!(jobs::list(&house.store, "", 9).await.unwrap().is_empty(), "nothing is left to do");
    let log = house.log().await.join("\n");
    assert!(log.contains(&format!("mail user/{NEW}")) && log.contains("mail key/"), "{log}");
}

#[tokio::test]
async fn m_r7b_two_nodes_make_one_key() {
    let house = with_domain().await;
    let other = other_node(&house).await;
    for _ in 0..5 {
        let (one, two) = (order(), order());
        let ask = async |admin: &Admin, order: &KeyOrder| {
            admin.order_key(order).await.unwrap();
            admin.new_key_work().await.unwrap();
        };
        tokio::join!(ask(&house.admin, &one), ask(&other, &two));
    }
    house.admin.new_key_work().await.unwrap();
    assert_eq!(keys(&house).await.len(), 1);
}

#[tokio::test]
async fn m_r7b_who_lost_the_job_writes_nothing() {
    let house = with_domain().await;
    house.admin.order_key(&order()).await.unwrap();
    // A worker that takes so long that another one gets the job: both do the work, one of them ends it.
    let kind = NewKey::Pgp.job();
    let slow = house.store.claim_jobs(kind, Duration::ZERO, 1).await.unwrap().remove(0);
    let quick = house.store.claim_jobs(kind, Duration::from_secs(60), 1).await.unwrap().remove(0);
    let end =
        async |claim: jobs::Claim| house.store.write(move |tx| Box::pin(async move { jobs::finish(tx, &claim).await })).await.unwrap();
    assert!(!end(slow.clone()).await && end(quick.clone()).await && !end(quick).await && !end(slow).await);
}

#[tokio::test]
async fn m_r7b_an_order_outlives_the_node_that_took_it() {
    let house = with_domain().await;
    house.admin.order_key(&order()).await.unwrap();
    // Dead with the job in its hands, too: its lease ends.
    house.store.claim_jobs(NewKey::Pgp.job(), Duration::ZERO, 1).await.unwrap();
    let other = other_node(&house).await;
    assert_eq!((other.new_key_work().await.unwrap(), keys(&house).await.len()), (1, 1));
}

#[tokio::test]
async fn m_r7b_an_account_that_came_meanwhile_keeps_its_name() {
    let house = with_domain().await;
    house.admin.order_key(&order()).await.unwrap();
    house
        .admin
        .put(&local(), User { name: "By hand".to_owned(), ..User::new(Address::parse(NEW).unwrap()) }, store::Expect::New)
        .await
        .unwrap();
    house.admin.new_key_work().await.unwrap();
    assert_eq!(
        (keys(&house).await[0].subject.as_str(), house.admin.show::<User>(&local(), NEW).await.unwrap().version),
        ("By hand <new@company.example>", 1)
    );
    assert!(store::site::get(&house.store, Section::User, NEW).await.unwrap().is_some());
}

#[tokio::test]
async fn m_r7b_kinds_that_are_not_built_are_refused_by_name() {
    let house = with_domain().await;
    for kind in [NewKey::OwnCa, NewKey::ExternalCa] {
        let fault = house.admin.order_key(&KeyOrder { kind, ..order() }).await.unwrap_err();
        assert!(fault.code == "not-available-yet" && fault.cause.contains("S/MIME keys"), "{fault}");
    }
}
