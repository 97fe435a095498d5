//! The greylist is shared late, and what two nodes saw is put together.

use std::time::Duration;

use model::Timestamp;
use store::Store;
use store::greylist::{self, Row};

use crate::World;

const WINDOW: Duration = Duration::from_micros(1_000);

pub(crate) async fn check(w: &World) {
    let row = |triplet: &str, first, passed| Row { triplet: triplet.to_owned(), first: Timestamp(first), passed: Timestamp(passed) };
    put(&w.store, vec![row("a", 100, 0), row("b", 100, 200), row("c", 100, 0)]).await;
    put(&w.other, vec![row("a", 50, 0), row("b", 90, 150), row("c", 5_000, 0), row("a", 50, 0)]).await;
    let all = greylist::changed(&w.store, Timestamp(0), "", 10).await.expect("read");
    let mut rows: Vec<Row> = all.iter().map(|(row, _)| row.clone()).collect();
    rows.sort_by(|x, y| x.triplet.cmp(&y.triplet));
    w.same(rows, vec![row("a", 50, 0), row("b", 90, 200), row("c", 5_000, 0)], "m_p1 the earlier try of one window, the later pass");
    put(&w.store, vec![row("c", 100, 0)]).await;
    let (last, at) = all.last().cloned().expect("three rows");
    let news = greylist::changed(&w.other, at, &last.triplet, 10).await.expect("read");
    w.same(news.iter().map(|(row, _)| row.first.0).collect(), vec![5_000], "m_p1 a late word of an old window changes nothing");
    let page = greylist::changed(&w.other, Timestamp(0), "", 2).await.expect("read");
    w.same(page.len(), 2, "m_p1 read in pages");
    w.same(w.store.bound_greylist(3).await.expect("bounded"), 0, "m_p1 the table is within its bound");
    put(&w.store, (0..10).map(|n| row(&format!("d{n}"), 10 + n, if n == 0 { 1 } else { 0 })).collect()).await;
    w.same(w.store.bound_greylist(10).await.expect("bounded"), 4, "m_p1 over it some go");
    let left = greylist::changed(&w.other, Timestamp(0), "", 20).await.expect("read");
    let mut left: Vec<String> = left.into_iter().map(|(row, _)| row.triplet).collect();
    left.sort();
    w.same(
        left,
        ["a", "b", "c", "d0", "d5", "d6", "d7", "d8", "d9"].map(str::to_owned).to_vec(),
        "m_p1 that have not passed, the oldest first",
    );
    w.same(w.store.prune_greylist(Timestamp(100), Timestamp(2)).await.expect("pruned"), 7, "m_p1 the old ones go");
    put(&w.store, vec![row("a", 50, 0), row("c", 5_000, 0)]).await;
    w.same(w.store.prune_greylist(Timestamp(5_000), Timestamp(200)).await.expect("pruned"), 1, "m_p1 what says nothing any more goes");
    w.same(w.store.prune_greylist(Timestamp(5_001), Timestamp(201)).await.expect("pruned"), 2, "m_p1 and later the rest");
}

async fn put(store: &Store, rows: Vec<Row>) {
    store.write(move |tx| Box::pin(async move { greylist::put(tx, rows, WINDOW).await })).await.expect("written");
}
