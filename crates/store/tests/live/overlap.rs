//! Transactions that overlap: numbers become visible in the order of the commits, a reader that polls all the time
//! misses nothing, and nobody waits for a longer transaction. Fails when numbers are taken at the transaction's start: from
//! the counter row the quick one waits for the slow one, from a sequence the slow one's change is missed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::site::Section;
use parking_lot::Mutex;
use store::feed::{self, Change, Since};
use store::{Expect, Store, site};
use testkit::Postgres;
use tokio::sync::oneshot;

use crate::{eventually, open, put_domain};

/// What a reader saw that polls without pause.
#[derive(Default)]
struct Seen {
    keys: BTreeSet<String>,
    lost: usize,
}

async fn read(store: Store, seen: Arc<Mutex<Seen>>) {
    let mut place = feed::newest(&store).await.expect("place");
    loop {
        match feed::since(&store, &place, 10).await.expect("since") {
            Since::Changes(changes, at) => {
                place = at;
                let mut seen = seen.lock();
                seen.keys.extend(changes.into_iter().filter_map(|c| if let Change::Row(_, key) = c { Some(key) } else { None }));
            }
            Since::Lost => seen.lock().lost += 1,
        }
        tokio::task::yield_now().await;
    }
}

/// Puts a row and keeps its transaction open until told.
fn slow(store: &Store, key: String) -> (oneshot::Receiver<()>, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (entered, inside) = oneshot::channel();
    let (leave, may_leave) = oneshot::channel::<()>();
    let store = store.clone();
    let task = tokio::spawn(async move {
        let body = format!(r#"{{"name":"{key}","forward":"x"}}"#);
        let work = store.write(move |tx| {
            Box::pin(async move {
                site::put(tx, Section::Domain, &key, &body, Expect::Any).await?;
                let _ = entered.send(());
                let _ = may_leave.await;
                Ok(())
            })
        });
        work.await.expect("the slow one commits");
    });
    (inside, leave, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_of_overlapping_transactions_misses_nothing() {
    let server = Postgres::start("overlap");
    let url = server.create_database("overlap");
    let data: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let (one, two, three) = (open(&url, &data[0]).await, open(&url, &data[1]).await, open(&url, &data[2]).await);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let reader = tokio::spawn(read(three.clone(), Arc::clone(&seen)));
    let has = |key: &str| {
        assert!(!reader.is_finished(), "the reader failed: see above");
        seen.lock().keys.contains(key)
    };

    for round in 0..20 {
        // `one` begins first and commits last.
        let (inside, leave, task) = slow(&one, format!("slow{round}.example"));
        inside.await.expect("the slow one writes");
        let quick = format!("quick{round}.example");
        let done = tokio::time::timeout(Duration::from_secs(1), put_domain(&two, &quick)).await;
        assert!(done.is_ok(), "round {round}: the quick transaction waits for the slow one");
        eventually("the reader to see the quick change", async || has(&quick)).await;
        assert!(!has(&format!("slow{round}.example")), "seen before its commit");
        leave.send(()).expect("the slow one waits");
        task.await.expect("the slow one ends");
        eventually(&format!("round {round}: the reader to see the slow change, which it missed"), async || {
            has(&format!("slow{round}.example"))
        })
        .await;
    }
    reader.abort();
    let seen = seen.lock();
    assert_eq!((seen.keys.len(), seen.lost), (40, 0));
}
