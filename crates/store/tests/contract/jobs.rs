//! Jobs: one per kind and key, one worker at a time, retried, failed for all to see.

use std::time::Duration;

use model::Fault;
use store::jobs::{self, Retry};

use crate::World;

const MINUTE: Duration = Duration::from_secs(60);
const NOW: Retry = Retry { first: Duration::ZERO, longest: Duration::ZERO };

async fn order(w: &World, kind: &'static str, key: &'static str, delay: Duration) -> bool {
    let ordered = w.store.write(move |tx| Box::pin(async move { jobs::order(tx, kind, key, "{}", delay, 2).await })).await;
    ordered.expect("ordered")
}

pub(crate) async fn check(w: &World) {
    one_worker_at_a_time(w).await;
    failures_are_retried_then_shown(w).await;
    a_dead_worker_is_replaced(w).await;
    a_node_that_starts_again_has_its_jobs_back(w).await;
    an_order_during_the_work_is_not_lost(w).await;
    two_nodes_share(w).await;
}

async fn one_worker_at_a_time(w: &World) {
    w.is(order(w, "mail", "a", Duration::ZERO).await, "ordered");
    w.is(!order(w, "mail", "a", Duration::ZERO).await, "ordered twice is done once");
    w.is(order(w, "mail", "later", MINUTE).await, "not due yet");
    w.same(w.store.claim_jobs("other kind", MINUTE, 9).await.expect("claims"), vec![], "only of one's kind");
    let claims = w.store.claim_jobs("mail", MINUTE, 9).await.expect("claims");
    w.same(claims.iter().map(|c| (c.key.as_str(), c.tries)).collect(), vec![("a", 1)], "what is due");
    w.same(w.other.claim_jobs("mail", MINUTE, 9).await.expect("claims"), vec![], "held by the first");
    w.is(w.store.renew_job(&claims[0], MINUTE).await.expect("renewed"), "held for longer");
    w.is(w.store.finish_job(claims[0].clone()).await.expect("done"), "done");
    w.is(!w.store.finish_job(claims[0].clone()).await.expect("done"), "done once");
    w.is(jobs::next_due(&w.store, "mail").await.expect("due").is_some(), "the later one is next");
    w.same(jobs::next_due(&w.store, "none").await.expect("due"), None, "nothing of this kind");
    w.is(!order(w, "mail", "later", Duration::ZERO).await, "ordered again, due at once");
    let claims = w.store.claim_jobs("mail", MINUTE, 9).await.expect("claims");
    w.same(claims.len(), 1, "now it is due");
    w.is(w.store.finish_job(claims[0].clone()).await.expect("done"), "done");
}

async fn failures_are_retried_then_shown(w: &World) {
    order(w, "fails", "f", Duration::ZERO).await;
    let claim = w.store.claim_jobs("fails", MINUTE, 1).await.expect("claims").remove(0);
    w.is(w.store.fail_job(claim.clone(), "first\0cause", Retry { first: MINUTE, longest: MINUTE }).await.expect("failed"), "noted");
    w.is(!w.store.fail_job(claim, "again", NOW).await.expect("failed"), "not held any more");
    w.same(w.store.claim_jobs("fails", MINUTE, 1).await.expect("claims"), vec![], "it waits");
    order(w, "fails", "f", Duration::ZERO).await;
    let claim = w.store.claim_jobs("fails", MINUTE, 1).await.expect("claims").remove(0);
    w.same(claim.tries, 2, "the second try");
    w.store.fail_job(claim, "second cause", NOW).await.expect("failed");
    w.same(w.store.claim_jobs("fails", MINUTE, 1).await.expect("claims"), vec![], "that was the last");
    let shown = jobs::list(&w.store, "fails", 9).await.expect("list").remove(0);
    w.same((shown.failed, shown.last_error.as_str(), shown.tries), (true, "second cause", 2), "shown as failed");
    let id = shown.id.clone();
    let again = w.store.write(move |tx| Box::pin(async move { jobs::retry(tx, &id).await })).await;
    w.is(again.expect("retried"), "an administrator tries again");
    w.same(w.store.claim_jobs("fails", MINUTE, 1).await.expect("claims")[0].tries, 1, "from the first try");
    let removed: Result<bool, Fault> = w.store.write(move |tx| Box::pin(async move { jobs::remove(tx, &shown.id).await })).await;
    w.is(removed.expect("removed"), "removed");
}

async fn a_dead_worker_is_replaced(w: &World) {
    order(w, "dies", "d", Duration::ZERO).await;
    let dead = w.store.claim_jobs("dies", Duration::ZERO, 1).await.expect("claims").remove(0);
    let next = w.other.claim_jobs("dies", Duration::ZERO, 1).await.expect("claims").remove(0);
    w.same((next.tries, next.id == dead.id), (2, true), "the lease ran out");
    w.is(!w.store.finish_job(dead.clone()).await.expect("late"), "who lost the lease ends nothing");
    w.is(!w.store.renew_job(&dead, MINUTE).await.expect("late"), "nor gets it back");
    w.same(w.store.claim_jobs("dies", MINUTE, 1).await.expect("claims"), vec![], "a job that kills its workers is given up");
    let shown = jobs::list(&w.store, "dies", 9).await.expect("list").remove(0);
    w.is(shown.failed && !shown.last_error.is_empty(), "and shown");
}

async fn a_node_that_starts_again_has_its_jobs_back(w: &World) {
    for key in ["mine", "theirs", "now"] {
        order(w, "killed", key, Duration::ZERO).await;
    }
    let dead = w.store.claim_jobs("killed", MINUTE, 1).await.expect("claims").remove(0);
    let theirs = w.other.claim_jobs("killed", MINUTE, 1).await.expect("claims").remove(0);
    // The same node, after a kill.
    let clock = std::sync::Arc::<model::FixedClock>::clone(&w.clock);
    let again = store::Store::open(&w.url, &w.data.join("one"), clock).await.expect("opens");
    let now = again.claim_jobs("killed", MINUTE, 1).await.expect("claims").remove(0);
    w.same(again.free_jobs_of_before().await.expect("freed"), 1, "what it had before, not what others have, or itself");
    let back = again.claim_jobs("killed", MINUTE, 9).await.expect("claims");
    w.same(back.iter().map(|c| (&c.key, c.tries)).collect(), vec![(&dead.key, 2)], "that one, a try more");
    w.is(!w.store.finish_job(dead).await.expect("late"), "who had it ends it no more");
    for (store, claim) in [(&again, back[0].clone()), (&w.other, theirs), (&again, now)] {
        w.is(store.finish_job(claim).await.expect("done"), "each of the rest is done");
    }
    again.close().await;
}

async fn an_order_during_the_work_is_not_lost(w: &World) {
    order(w, "again", "a", Duration::ZERO).await;
    let claim = w.store.claim_jobs("again", MINUTE, 1).await.expect("claims").remove(0);
    w.is(!order(w, "again", "a", Duration::ZERO).await, "ordered while it is done");
    w.same(w.other.claim_jobs("again", MINUTE, 1).await.expect("claims"), vec![], "not by two at a time");
    w.is(w.store.finish_job(claim).await.expect("done"), "done");
    let claim = w.other.claim_jobs("again", MINUTE, 1).await.expect("claims").remove(0);
    w.same(claim.tries, 1, "and once more");
    w.is(w.other.finish_job(claim).await.expect("done"), "done");
    w.same(w.store.claim_jobs("again", MINUTE, 1).await.expect("claims"), vec![], "that was all");
}

async fn two_nodes_share(w: &World) {
    for key in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        order(w, "shared", key, Duration::ZERO).await;
    }
    let (mine, theirs) = tokio::join!(w.store.claim_jobs("shared", MINUTE, 4), w.other.claim_jobs("shared", MINUTE, 4));
    let mut rest = w.store.claim_jobs("shared", MINUTE, 8).await.expect("claims");
    rest.extend(mine.expect("claims"));
    rest.extend(theirs.expect("claims"));
    let mut keys: Vec<_> = rest.iter().map(|c| c.key.as_str()).collect();
    keys.sort_unstable();
    w.same(keys, vec!["1", "2", "3", "4", "5", "6", "7", "8"], "each job once");
}
