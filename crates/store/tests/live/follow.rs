//! A change made on one node is in force on all; a lost place is noticed; the sealed copy follows.

use std::sync::Arc;
use std::time::Duration;

use model::device::Override;
use model::ports::{DeviceFacts, Facts, Recorder};
use model::site::Section;
use sqlx::Connection;
use store::live::{COPY_FILE, DEVICES_FILE};
use store::{Expect, Live, LiveSettings, Store, WrappedKey, data_keys, devices, site};
use testkit::Postgres;

use crate::{Marks, clock, eventually, id, node, often, open, put_domain, sighting};

#[tokio::test]
async fn c_2_a_change_is_in_force_on_every_node_sqlite() {
    let room = tempfile::tempdir().unwrap();
    follows(&format!("sqlite:{}", room.path().join("store.db").display())).await;
}

#[tokio::test]
async fn c_2_a_change_is_in_force_on_every_node_postgres() {
    let server = Postgres::start("follow");
    follows(&server.create_database("follow")).await;
}

async fn follows(url: &str) {
    let (one, two) = (node(url).await, node(url).await);
    for name in ["a.example", "b.example"] {
        put_domain(&one.store, name).await;
    }
    two.live.caught_up().await.expect("caught up");
    assert_eq!(two.live.site().domains.len(), 2);
    assert_eq!(two.live.site().versions[&(Section::Domain, "a.example".to_owned())], 1);

    // A removal and a mass change.
    let change = one.store.write(|tx| {
        Box::pin(async move {
            site::remove(tx, Section::Domain, "a.example", Expect::Version(1)).await?;
            tx.reload(Section::Domain);
            devices::rule(tx, "bob", &id("a1"), Override::Blacklist, Expect::Any).await?;
            data_keys::add(tx, &WrappedKey { epoch: 1, wrapped: vec![1] }).await
        })
    });
    change.await.expect("changed");
    for node in [&one, &two] {
        node.live.caught_up().await.expect("caught up");
        let names: Vec<_> = node.live.site().domains.keys().cloned().collect();
        assert_eq!(names, ["b.example"]);
        assert_eq!(node.live.device("bob", &id("A1")).expect("known").override_, Override::Blacklist);
    }

    // A sighting on one node is written; a device forgotten by an administrator is forgotten everywhere.
    one.live.record(sighting("s1", "Apple", 5));
    assert_eq!(one.live.device("bob", &id("s1")).expect("known at once").agent, "Apple");
    eventually("the sighting to be written", async || devices::get(&two.store, "bob", &id("s1")).await.unwrap().is_some()).await;
    let forget = two.store.write(|tx| Box::pin(async move { devices::remove(tx, "bob", &id("s1"), Expect::Any).await }));
    assert!(forget.await.expect("forgotten"));
    one.live.caught_up().await.expect("caught up");
    assert_eq!(one.live.device("bob", &id("s1")), None);

    eventually("the sealed copy to hold the change", async || {
        let copy = std::fs::read_to_string(two.data.path().join(COPY_FILE)).unwrap_or_default();
        let devices = std::fs::read(two.data.path().join(DEVICES_FILE)).unwrap_or_default();
        let ruled = String::from_utf8_lossy(&devices).contains("blacklist");
        copy.contains("b.example") && !copy.contains("a.example") && ruled
    })
    .await;
    for node in [one, two] {
        node.live.stop().await;
        node.store.close().await;
    }
}

/// Many pages from each end: what lies where the two meet is there as well.
#[tokio::test]
async fn g_14_a_start_reads_the_devices_from_both_ends_sqlite() {
    let room = tempfile::tempdir().unwrap();
    starts_with_devices(&format!("sqlite:{}", room.path().join("store.db").display())).await;
}

#[tokio::test]
async fn g_14_a_start_reads_the_devices_from_both_ends_postgres() {
    let server = Postgres::start("ends");
    starts_with_devices(&server.create_database("ends")).await;
}

async fn starts_with_devices(url: &str) {
    const COUNT: usize = 1_003;
    let data = tempfile::tempdir().unwrap();
    let store = open(url, &data).await;
    let all: Vec<_> =
        (0..COUNT).map(|n| model::device::Sighting { user: format!("u{}", n % 7), ..sighting(&format!("d{n:04}"), "Apple", 5) }).collect();
    for some in all.chunks(500) {
        let some = some.to_vec();
        store.write(move |tx| Box::pin(async move { devices::see(tx, &some).await })).await.expect("seen");
    }
    let live = Live::start(&store, Arc::new(Marks), LiveSettings { page: 20, ..often() }).await.expect("loaded");
    live.caught_up().await.expect("caught up");
    let missed = all.iter().filter(|seen| live.device(&seen.user, &seen.device).is_none());
    assert_eq!(missed.count(), 0, "devices missed");
    live.stop().await;
    store.close().await;
}

/// Hints, not the poll, bring a change within a second: here the poll would take an hour.
#[tokio::test]
async fn c_2_hints_wake_the_readers() {
    let mut server = Postgres::start("hints");
    let url = server.create_database("hints");
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (store, other) = (open(&url, &data[0]).await, open(&url, &data[1]).await);
    let rarely = LiveSettings { poll: Duration::from_secs(3_600), ..often() };
    let live = Live::start(&store, Arc::new(Marks), rarely.clone()).await.expect("loaded");
    put_domain(&store, "own.example").await;
    eventually("the own change", async || live.site().domain("own.example").is_some()).await;
    put_domain(&other, "hinted.example").await;
    eventually("the other node's change", async || live.site().domain("hinted.example").is_some()).await;
    // A lost connection loses hints: what came meanwhile is found all the same.
    server.stop();
    server.start_again();
    put_domain(&other, "later.example").await;
    eventually("the change after the server's return", async || live.site().domain("later.example").is_some()).await;

    let own = Store::open("sqlite:", data[0].path(), clock()).await.expect("opens");
    let live = Live::start(&own, Arc::new(Marks), rarely).await.expect("loaded");
    put_domain(&own, "own.example").await;
    eventually("the own change on SQLite", async || live.site().domain("own.example").is_some()).await;
}

#[tokio::test]
async fn a_lost_place_in_the_feed_reloads_everything() {
    let room = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", room.path().join("store.db").display());
    let node = node(&url).await;
    put_domain(&node.store, "old.example").await;
    put_domain(&node.store, "kept.example").await;
    node.live.caught_up().await.expect("caught up");
    assert_eq!(node.live.site().domains.len(), 2);
    // As a restored backup would leave it: other rows, the same number, another id.
    let mut outside = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let restored = "BEGIN IMMEDIATE; DELETE FROM site_row WHERE key = 'old.example'; UPDATE feed SET id = 'restored'; COMMIT";
    sqlx::raw_sql(restored).execute(&mut outside).await.unwrap();
    eventually("the site to be loaded anew", async || node.live.site().domains.len() == 1).await;
    assert!(node.live.site().domain("kept.example").is_some());
    put_domain(&node.store, "new.example").await;
    node.live.caught_up().await.expect("caught up");
    assert!(node.live.site().domain("new.example").is_some());
}
