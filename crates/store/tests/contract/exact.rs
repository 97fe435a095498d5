//! Exact state: lock-outs and one-shot tokens, decided once for all nodes.

use std::time::Duration;

use crate::World;

const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) async fn check(w: &World) {
    x_16_failures_lock_on_every_node(w).await;
    one_shot_tokens_work_once(w).await;
}

async fn x_16_failures_lock_on_every_node(w: &World) {
    let fail = async |store: &store::Store| store.failed("console", "ann", 3, HOUR).await.expect("counted");
    w.same(fail(&w.store).await.failures, 1, "one");
    w.same(fail(&w.other).await.failures, 2, "two, on another node");
    w.same(w.store.locked("console", "ann").await.expect("asked"), None, "not yet");
    let third = fail(&w.store).await;
    w.is(third.failures == 3 && third.until.is_some(), "the third locks");
    w.same(w.other.locked("console", "ann").await.expect("asked"), third.until, "on every node");
    w.same(fail(&w.other).await, third, "failures while locked neither count nor prolong");
    w.same(w.store.locked("portal", "ann").await.expect("asked"), None, "another scope");
    w.same(w.store.locked("console", "bob").await.expect("asked"), None, "another account");
    w.is(w.other.succeeded("console", "ann").await.expect("unlocked"), "unlocked");
    w.same(w.store.locked("console", "ann").await.expect("asked"), None, "free again");
    let short = w.store.failed("console", "eve", 1, Duration::ZERO).await.expect("counted");
    w.same(short.until, None, "a lock of no time is over at once");
    let after = w.store.failed("console", "eve", 3, HOUR).await.expect("counted");
    w.same((after.failures, after.until), (1, None), "after a lock counting begins anew");
}

async fn one_shot_tokens_work_once(w: &World) {
    w.store.issue("invite", "h1", "for bob", HOUR).await.expect("issued");
    let twice = w.other.issue("invite", "h1", "for eve", HOUR).await;
    w.same(twice.map_err(|fault| fault.code), Err("changed-meanwhile"), "issued once");
    w.same(w.store.redeem("reset", "h1").await.expect("asked"), None, "for another purpose it is none");
    let (one, two) = tokio::join!(w.store.redeem("invite", "h1"), w.other.redeem("invite", "h1"));
    let mut got = [one.expect("asked"), two.expect("asked")];
    got.sort();
    w.same(got, [None, Some("for bob".to_owned())], "two nodes at once: one gets it");
    w.store.issue("invite", "h2", "late", Duration::ZERO).await.expect("issued");
    w.same(w.store.redeem("invite", "h2").await.expect("asked"), None, "after its time");
    w.same(w.store.prune_exact(HOUR).await.expect("pruned"), 1, "and it is cleaned away");
}
