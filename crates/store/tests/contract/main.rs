//! The contract suite: the same functions on SQLite and on PostgreSQL, with the same count of checks.
//!
//! Each check takes a [`World`]: two nodes' stores over one database. Keys are the check's own, so that all share it.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod device_lists;
mod devices;
mod diagnostics;
mod effects;
mod exact;
mod feed;
mod greylist;
mod jobs;
mod people;
mod schema;
mod site;
mod write;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{FixedClock, Timestamp};
use store::Store;
use testkit::Postgres;

/// Two nodes over one database, and the count of what was checked.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) other: Store,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) url: String,
    pub(crate) data: PathBuf,
    checks: AtomicUsize,
}

impl World {
    async fn new(url: String, data: PathBuf) -> Self {
        let clock = Arc::new(FixedClock::new(Timestamp(1_795_297_474_000_000)));
        let open = async |node: &str| {
            let own = data.join(node);
            Store::open(&url, &own, Arc::<FixedClock>::clone(&clock)).await.expect("the store opens")
        };
        // At once: both find an empty database.
        let (store, other) = tokio::join!(open("one"), open("two"));
        Self { store, other, clock, url, data, checks: AtomicUsize::new(0) }
    }

    /// One check.
    #[track_caller]
    pub(crate) fn is(&self, holds: bool, what: &str) {
        assert!(holds, "{}: {what}", self.store.dialect().name());
        self.checks.fetch_add(1, Ordering::Relaxed);
    }

    /// One check of equality.
    #[track_caller]
    pub(crate) fn same<T: PartialEq + Debug>(&self, got: T, wanted: T, what: &str) {
        assert_eq!(got, wanted, "{}: {what}", self.store.dialect().name());
        self.checks.fetch_add(1, Ordering::Relaxed);
    }
}

async fn run(world: &World) -> usize {
    schema::check(world).await;
    write::check(world).await;
    site::check(world).await;
    feed::check(world).await;
    effects::check(world).await;
    devices::check(world).await;
    diagnostics::check(world).await;
    jobs::check(world).await;
    people::check(world).await;
    exact::check(world).await;
    greylist::check(world).await;
    let checks = world.checks.load(Ordering::Relaxed);
    println!("contract suite: {} {checks} checks", world.store.dialect().name());
    world.store.close().await;
    world.other.close().await;
    checks
}

#[tokio::test]
async fn both_engines_keep_the_same_contract() {
    let room = tempfile::tempdir().expect("a directory");
    let file = room.path().join("store.db");
    let sqlite = run(&World::new(format!("sqlite:{}", file.display()), room.path().join("s")).await).await;
    let server = Postgres::start("contract");
    let postgres = run(&World::new(server.create_database("contract"), room.path().join("p")).await).await;
    assert_eq!(sqlite, postgres, "both engines are checked alike");
    assert!(sqlite > 100, "{sqlite} checks");
}
