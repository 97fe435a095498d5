//! What is pushed, what waits for the next delta sync, what a bulk load finds; and devices whose requests are kept one by one.

use std::sync::Arc;
use std::time::Duration;

use model::device::{Decision, Override, Reason};
use model::ports::{DeviceFacts, Facts, Recorder};
use model::site::Section;
use model::{Timestamp, TraceId, Transaction};
use sqlx::Connection;
use store::{Expect, Live, LiveSettings, Store, devices, diagnostics, site};

use crate::{Marks, clock, eventually, id, often, open};

/// Minutes that never end, or that end at once.
fn minutes(minute: Duration) -> LiveSettings {
    LiveSettings { minute, ..often() }
}

const FOR_EVER: Duration = Duration::from_secs(3_600);

async fn put(store: &Store, section: Section, key: &'static str, body: &'static str) {
    store.write(move |tx| Box::pin(async move { site::put(tx, section, key, body, Expect::Any).await })).await.expect("put");
}

async fn blacklist(store: &Store, device: &'static str) {
    let rule =
        store.write(move |tx| Box::pin(async move { devices::rule(tx, "bob", &id(device), Override::Blacklist, Expect::Any).await }));
    rule.await.expect("ruled");
}

const HELD_BACK: &str = r#"{"id":"west","mail_server":"https://m","realtime_push":false,"delta_minutes":1}"#;
const PUSHED: &str = r#"{"id":"west","mail_server":"https://m","realtime_push":true}"#;
const POLICY: &str = r#"{"type":"compromised","enabled":true}"#;

fn ruling(live: &Live, device: &str) -> Option<Override> {
    live.device("bob", &id(device)).map(|device| device.override_)
}

#[tokio::test]
async fn g_14_what_is_not_pushed_waits_for_the_delta_sync_and_everything_else_does_not() {
    let data = tempfile::tempdir().unwrap();
    let store = open("sqlite:", &data).await;
    put(&store, Section::Gateway, "west", HELD_BACK).await;
    let live = Live::start(&store, Arc::new(Marks), minutes(FOR_EVER)).await.expect("loaded");
    blacklist(&store, "a1").await;
    put(&store, Section::Policy, "compromised", POLICY).await;
    put(&store, Section::Mobile, "", r#"{"test_mode":true}"#).await;
    live.caught_up().await.expect("caught up");
    assert!(live.site().mobile.test_mode, "settings are in force at once");
    assert_eq!((ruling(&live, "a1"), live.site().policies.len()), (None, 0), "devices and policies wait");
    put(&store, Section::Gateway, "west", PUSHED).await;
    eventually("what was held back", async || ruling(&live, "a1").is_some() && live.site().policies.len() == 1).await;
    assert_eq!(ruling(&live, "a1"), Some(Override::Blacklist));
    blacklist(&store, "a2").await;
    live.caught_up().await.expect("caught up");
    assert_eq!(ruling(&live, "a2"), Some(Override::Blacklist), "pushed");
    live.stop().await;

    // Held back, and brought by a delta sync alone; whoever waits for changes is told.
    put(&store, Section::Gateway, "west", HELD_BACK).await;
    let live = Live::start(&store, Arc::new(Marks), minutes(Duration::from_millis(200))).await.expect("loaded");
    let mut numbers = live.numbers();
    blacklist(&store, "a3").await;
    let removed = store.write(|tx| Box::pin(async move { site::remove(tx, Section::Policy, "compromised", Expect::Any).await }));
    removed.await.expect("removed");
    eventually("the delta sync", async || ruling(&live, "a3").is_some() && live.site().policies.is_empty()).await;
    assert!(numbers.has_changed().expect("followed"), "hanging requests are judged again");
    numbers.mark_unchanged();
    live.stop().await;
}

#[tokio::test]
async fn g_14_a_bulk_load_finds_what_no_feed_told() {
    let room = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", room.path().join("store.db").display());
    let store = open(&url, &room).await;
    for gateway in [r#"{"id":"west","mail_server":"https://m","refresh_minutes":1,"rate_to_gateway":1}"#] {
        put(&store, Section::Gateway, "west", gateway).await;
    }
    put(&store, Section::Policy, "compromised", POLICY).await;
    for device in ["a1", "a2", "a3"] {
        blacklist(&store, device).await;
    }
    let live = Live::start(&store, Arc::new(Marks), minutes(Duration::from_millis(100))).await.expect("loaded");
    assert_eq!((ruling(&live, "a3"), live.site().policies.len()), (Some(Override::Blacklist), 1));
    // As a mistake of somebody's, or a row that was lost on its way, would leave it.
    let mut outside = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let silent = "BEGIN IMMEDIATE; UPDATE device SET ruling = 'whitelist' WHERE id = 'a2'; DELETE FROM device WHERE id = 'a3'; \
                  DELETE FROM site_row WHERE section = 'policy'; COMMIT";
    sqlx::raw_sql(silent).execute(&mut outside).await.unwrap();
    eventually("the bulk load", async || {
        ruling(&live, "a2") == Some(Override::Whitelist) && ruling(&live, "a3").is_none() && live.site().policies.is_empty()
    })
    .await;
    assert_eq!(ruling(&live, "a1"), Some(Override::Blacklist));
    blacklist(&store, "a4").await;
    live.caught_up().await.expect("caught up");
    assert_eq!(ruling(&live, "a4"), Some(Override::Blacklist), "the feed goes on beside it");
    live.stop().await;
}

fn transaction(at: i64) -> Transaction {
    Transaction {
        trace: TraceId::new(),
        device: id("a1"),
        user: "bob".into(),
        at: Timestamp(at),
        gateway: "west".into(),
        client: "192.0.2.1".into(),
        agent: "Apple".into(),
        command: "Ping".into(),
        version: "14.1".into(),
        decision: Decision { allowed: false, reason: Reason::Compromised },
        status: 200,
        took: 1_500,
        received: None,
        sent: 13,
        whole: true,
    }
}

#[tokio::test]
async fn g_31_diagnostics_are_on_everywhere_at_once_and_what_they_keep_is_written() {
    let room = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", room.path().join("store.db").display());
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (one, two) = (open(&url, &data[0]).await, Store::open(&url, data[1].path(), clock()).await.expect("opens"));
    let live = Live::start(&one, Arc::new(Marks), often()).await.expect("loaded");
    let turn = async |on: bool| {
        two.write(move |tx| Box::pin(async move { diagnostics::turn(tx, "bob", &id("a1"), on).await })).await.expect("turned")
    };
    assert!(turn(true).await && !turn(true).await, "once");
    live.caught_up().await.expect("caught up");
    assert!(live.is_diagnosed("bob", &id("A1")) && !live.is_diagnosed("bob", &id("a2")));
    let again = Live::start(&two, Arc::new(Marks), often()).await.expect("loaded");
    assert!(again.is_diagnosed("bob", &id("a1")), "and after a start");
    for at in [3, 1, 2] {
        live.diagnosed(transaction(at));
    }
    eventually("the transactions", async || diagnostics::transactions(&two, "bob", &id("a1"), 10).await.unwrap().len() == 3).await;
    let kept = diagnostics::transactions(&two, "bob", &id("a1"), 2).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.transaction.at.0).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(kept[0].transaction, Transaction { trace: kept[0].transaction.trace, ..transaction(3) });
    assert!(turn(false).await);
    live.caught_up().await.expect("caught up");
    assert!(!live.is_diagnosed("bob", &id("a1")));
    live.stop().await;
    again.stop().await;
}
