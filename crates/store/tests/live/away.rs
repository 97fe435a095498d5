//! The store is away: stopped, paused, closed. What both gates need stays, and all catches up afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::device::Override;
use model::ports::{DeviceFacts, EffectSink, Facts, Recorder};
use model::{Counter, Effect, EffectId, TraceId};
use store::{Expect, Live, Store, StoreError, WrappedKey, data_keys, devices, effects, live};
use testkit::Postgres;

use crate::{Marks, Node, clock, eventually, id, node, often, open, patience, put_domain, sighting};

fn effect() -> Vec<(EffectId, Effect)> {
    vec![(EffectId { trace: TraceId::new(), number: 0 }, Effect::Count { counter: Counter::MailReceived, by: 1 })]
}

async fn rule(store: &Store, device: &'static str, ruling: Override) {
    let rule = store.write(move |tx| Box::pin(async move { devices::rule(tx, "bob", &id(device), ruling, Expect::Any).await }));
    rule.await.expect("ruled");
}

#[tokio::test]
async fn c_2_the_store_goes_away_and_comes_back() {
    let mut server = Postgres::start("away");
    let url = server.create_database("away");
    let (node, elsewhere) = (node(&url).await, tempfile::tempdir().unwrap());
    let other = open(&url, &elsewhere).await;
    put_domain(&node.store, "company.example").await;
    rule(&node.store, "black1", Override::Blacklist).await;
    node.live.caught_up().await.expect("caught up");

    server.stop();
    eventually("the absence to be noticed", async || !node.live.store_is_there()).await;
    assert!(node.live.site().domain("company.example").is_some(), "facts stay");
    assert_eq!(node.live.device("bob", &id("black1")).unwrap().override_, Override::Blacklist);
    node.live.record(sighting("seen1", "Apple", 7));
    assert_eq!(node.live.device("bob", &id("seen1")).unwrap().agent, "Apple", "records are kept");
    let batch = effect();
    let refused = node.store.apply(&batch).await.expect_err("there is no store");
    assert_eq!((refused.code, refused.temporary), ("store-away", true));
    let exact = node.store.redeem("invite", "h").await.expect_err("exact state is refused");
    assert!(exact.temporary);
    assert!(node.live.pending() > 0);

    server.start_again();
    put_domain(&other, "new.example").await;
    eventually("the change made elsewhere to be in force", async || node.live.site().domain("new.example").is_some()).await;
    eventually("the record to be written", async || matches!(devices::get(&other, "bob", &id("seen1")).await, Ok(Some(_)))).await;
    eventually("effects to be taken again", async || node.store.apply(&batch).await.is_ok()).await;
    node.store.apply(&batch).await.expect("once more");
    assert_eq!(effects::counts(&other).await.unwrap()[&Counter::MailReceived], 1, "and counted once");
    assert!(node.live.store_is_there());
}

#[tokio::test]
async fn a_node_starts_and_works_without_the_store() {
    let mut server = Postgres::start("start");
    let url = server.create_database("start");
    let Node { store, live, data } = node(&url).await;
    let key = WrappedKey { epoch: 1, wrapped: b"wrapped".to_vec() };
    let add = key.clone();
    store.write(move |tx| Box::pin(async move { data_keys::add(tx, &add).await })).await.expect("added");
    put_domain(&store, "company.example").await;
    rule(&store, "black1", Override::Blacklist).await;
    live.caught_up().await.expect("caught up");
    let order =
        store.write(|tx| Box::pin(async move { devices::order(tx, "bob", &id("again1"), devices::Ordered::Key, Expect::Any).await }));
    order.await.expect("ordered");
    live.caught_up().await.expect("caught up");
    let (number, orders) = (live.site().number, live.orders("bob", &id("again1")));
    assert!(orders.resync > 0 && orders.key > 0);
    live.stop().await;
    store.close().await;
    server.stop();

    let refused = Store::open_with(&url, data.path(), clock(), patience()).await.expect_err("no store");
    assert!(matches!(&refused, StoreError::Away(cause) if cause.contains("host and port")), "{refused}");
    let store = Store::open_later(&url, data.path(), clock(), patience()).expect("opens without it");
    assert_eq!(live::wrapped_keys(&store).await.expect("in front of the copy"), vec![key], "the vault can be opened first");
    let live = Live::start(&store, Arc::new(Marks), often()).await.expect("starts from the copy");
    assert_eq!(live.site().number, number);
    assert!(live.site().domain("company.example").is_some());
    assert_eq!(live.device("bob", &id("black1")).unwrap().override_, Override::Blacklist, "a blocked device stays blocked");
    assert_eq!(live.orders("bob", &id("again1")), orders, "a_8: what was ordered is known too");
    assert!(!live.store_is_there());

    let empty = tempfile::tempdir().unwrap();
    let bare = Store::open_later(&url, empty.path(), clock(), patience()).expect("opens");
    let fault = Live::start(&bare, Arc::new(Marks), often()).await.err().expect("no store and no copy");
    assert!(fault.code == "store-away" && fault.cause.contains(live::COPY_FILE), "{fault}");

    server.start_again();
    let elsewhere = tempfile::tempdir().unwrap();
    put_domain(&open(&url, &elsewhere).await, "later.example").await;
    eventually("the feed to be followed", async || live.site().domain("later.example").is_some()).await;
    assert!(live.site().domain("company.example").is_some());
}

/// A node on threads of its own, which can end as a kill ends them: nothing is stopped, what was in memory is gone.
async fn doomed(url: &str) -> (Node, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let url = url.to_owned();
    let node = runtime.spawn(async move { node(&url).await }).await.expect("a node");
    (node, runtime)
}

#[tokio::test]
async fn g_30_a_kill_loses_nothing_that_waited_and_doubles_nothing() {
    let mut server = Postgres::start("killed");
    let url = server.create_database("killed");
    let (Node { store, live, data }, doomed) = doomed(&url).await;
    live.record(sighting("seen0", "Apple", 5));
    eventually("the first to be written", async || matches!(devices::get(&store, "bob", &id("seen0")).await, Ok(Some(_)))).await;
    server.stop();
    live.record(sighting("seen0", "Apple bad", 6));
    live.record(sighting("seen1", "Apple", 7));
    let spool = data.path().join(live::SPOOL_FILE);
    eventually("both to be on the disk", async || std::fs::metadata(&spool).is_ok_and(|file| file.len() > 350)).await;
    // The same batch waits twice: on the disk and in this copy of it.
    let killed = std::fs::read(&spool).expect("the file");
    doomed.shutdown_background();
    drop((live, store));
    let store = Store::open_later(&url, data.path(), clock(), patience()).expect("opens without it");
    let live = Live::start(&store, Arc::new(Marks), often()).await.expect("starts from the copy");
    assert_eq!(live.device("bob", &id("seen1")).map(|device| device.agent), Some("Apple".into()), "known again at once");
    server.start_again();
    eventually("both to be written", async || matches!(devices::get(&store, "bob", &id("seen1")).await, Ok(Some(_)))).await;
    eventually("the disk to be empty", async || std::fs::metadata(&spool).is_ok_and(|file| file.len() == 8)).await;
    live.stop().await;
    std::fs::write(&spool, killed).expect("the answer of the store was lost");
    let live = Live::start(&store, Arc::new(Marks), often()).await.expect("starts");
    eventually("the disk to be empty", async || std::fs::metadata(&spool).is_ok_and(|file| file.len() == 8)).await;
    let tally = devices::tally(&store).await.expect("counts");
    assert_eq!((tally.allowed, tally.blocked), (2, 0), "counted once");
    assert_eq!(devices::decisions(&store, "bob", &id("seen0"), 10).await.expect("history").len(), 1, "and noted once");
    live.stop().await;
}

/// What lies in a file, between the octets that are no text.
fn text_of(file: &std::path::Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
}

#[tokio::test]
async fn g_14_devices_on_the_disk_follow_each_change() {
    let mut server = Postgres::start("copied");
    let url = server.create_database("copied");
    let (Node { store, live, data }, doomed) = doomed(&url).await;
    rule(&store, "black1", Override::Blacklist).await;
    rule(&store, "gone1", Override::Blacklist).await;
    rule(&store, "white1", Override::Whitelist).await;
    live.caught_up().await.expect("caught up");
    let file = data.path().join(live::DEVICES_FILE);
    eventually("the copy to have them", async || text_of(&file).contains("white1")).await;
    rule(&store, "white1", Override::Default).await;
    rule(&store, "black2", Override::Blacklist).await;
    store.write(|tx| Box::pin(async move { devices::remove(tx, "bob", &id("gone1"), Expect::Any).await })).await.expect("removed");
    live.caught_up().await.expect("caught up");
    eventually("the copy to follow", async || {
        let text = text_of(&file);
        text.contains("black2") && text.matches("gone1").count() > 1
    })
    .await;
    eventually("the site's copy to follow it", async || {
        let number = live.site().number;
        text_of(&data.path().join(live::COPY_FILE)).contains(&format!("\"number\":{number}"))
    })
    .await;
    doomed.shutdown_background();
    drop((live, store));
    server.stop();
    let store = Store::open_later(&url, data.path(), clock(), patience()).expect("opens without it");
    let live = Live::start(&store, Arc::new(Marks), often()).await.expect("starts from the copy");
    let ruling = |device: &str| live.device("bob", &id(device)).map(|device| device.override_);
    assert_eq!((ruling("black1"), ruling("black2")), (Some(Override::Blacklist), Some(Override::Blacklist)));
    assert_eq!((ruling("gone1"), ruling("white1")), (None, None));
}

/// The gate's whole need of the store, ten thousand times; a single statement would take a second.
fn serve(live: &Live) {
    let begun = Instant::now();
    for n in 0..10_000 {
        assert!(live.site().domain("company.example").is_some());
        let device = format!("d{}", n % 100);
        assert_eq!(live.device("bob", &id("black1")).unwrap().override_, Override::Blacklist);
        live.record(sighting(&device, "Apple", n));
        assert!(live.device("bob", &id(&device)).is_some());
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "10,000 requests took {:?}", begun.elapsed());
}

#[tokio::test]
async fn mobile_path_runs_no_sql() {
    let server = Postgres::start("paused");
    let node = node(&server.create_database("paused")).await;
    put_domain(&node.store, "company.example").await;
    rule(&node.store, "black1", Override::Blacklist).await;
    node.live.caught_up().await.expect("caught up");
    server.pause();
    // Connections stand, answers don't come: the tasks hang in their statements while the gate goes on.
    let (asked, served) = tokio::join!(node.store.ping(), async {
        tokio::task::yield_now().await;
        serve(&node.live);
    });
    assert_eq!(asked.expect_err("it does not answer").code, "store-away");
    let () = served;
    serve(&node.live);
    server.resume();
    eventually("the records to be written", async || {
        node.live.pending() == 0 && devices::get(&node.store, "bob", &id("d99")).await.is_ok_and(|row| row.is_some())
    })
    .await;
}

#[tokio::test]
async fn mobile_path_runs_no_sql_with_the_store_closed() {
    let room = tempfile::tempdir().unwrap();
    let node = node(&format!("sqlite:{}", room.path().join("store.db").display())).await;
    put_domain(&node.store, "company.example").await;
    rule(&node.store, "black1", Override::Blacklist).await;
    node.live.caught_up().await.expect("caught up");
    node.store.close().await;
    serve(&node.live);
    assert!(node.store.ping().await.is_err());
}
