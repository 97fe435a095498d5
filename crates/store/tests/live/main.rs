//! The site in memory, on both engines: follows, survives the store's absence, starts without it, never runs SQL in a
//! gate's path.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod away;
mod follow;
mod overlap;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use model::device::{Decision, DeviceId, Reason, Sighting};
use model::site::Section;
use model::{Clock, SystemClock, Timestamp};
use store::{Expect, Live, LiveSettings, Put, Sealer, Store, StoreSettings, site};
use tempfile::TempDir;

/// Seals by writing the name in front: enough to see that what was sealed as one thing is not opened as another.
struct Marks;

impl Sealer for Marks {
    fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        [name.as_bytes(), b"|", plain].concat()
    }
    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        sealed.strip_prefix([name.as_bytes(), b"|"].concat().as_slice()).map(<[u8]>::to_vec)
    }
}

/// A node: its own data directory, its store, its live site.
struct Node {
    store: Store,
    live: Live,
    data: TempDir,
}

/// Short waits: what is tested is that nothing hangs on them.
fn patience() -> StoreSettings {
    StoreSettings {
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(1),
        write_timeout: Duration::from_secs(2),
        reconnect_wait: Duration::from_millis(20),
        ..StoreSettings::default()
    }
}

fn often() -> LiveSettings {
    LiveSettings { poll: Duration::from_millis(50), flush: Duration::from_millis(20), copy: Duration::ZERO, ..LiveSettings::default() }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

async fn open(url: &str, data: &TempDir) -> Store {
    Store::open_with(url, data.path(), clock(), patience()).await.expect("the store opens")
}

async fn node(url: &str) -> Node {
    let data = tempfile::tempdir().expect("a directory");
    let store = open(url, &data).await;
    let live = Live::start(&store, Arc::new(Marks), often()).await.expect("the site is loaded");
    Node { store, live, data }
}

async fn put_domain(store: &Store, name: &str) -> Put {
    let (key, body) = (name.to_owned(), format!(r#"{{"name":"{name}","forward":"[127.0.0.1]:2601"}}"#));
    let put = store.write(move |tx| Box::pin(async move { site::put(tx, Section::Domain, &key, &body, Expect::Any).await }));
    put.await.expect("put")
}

fn sighting(device: &str, agent: &str, at: i64) -> Sighting {
    Sighting {
        device: id(device),
        user: "bob".into(),
        device_type: "iPhone".into(),
        agent: agent.into(),
        command: "Sync".into(),
        at: Timestamp(at),
        decision: Decision { allowed: true, reason: Reason::Compliant },
        gateway: "west".into(),
        client: "192.0.2.1".into(),
    }
}

fn id(text: &str) -> DeviceId {
    DeviceId::parse(text).expect("a device id")
}

/// Waits for something that gives no signal of its own.
async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let all = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}
