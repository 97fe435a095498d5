//! Diagnostics of devices: on and off, the newest transactions, and what goes with a device.

use model::device::{Decision, DeviceId, Reason};
use model::{Timestamp, TraceId, Transaction};
use store::{Expect, devices, diagnostics};

use crate::World;

fn id() -> DeviceId {
    DeviceId::parse("diagnosed").expect("a device id")
}

fn transaction(at: i64) -> Transaction {
    Transaction {
        trace: TraceId::from_u128(u128::try_from(at).expect("positive")),
        device: id(),
        user: "dora".into(),
        at: Timestamp(at),
        gateway: "west".into(),
        client: "192.0.2.1".into(),
        agent: "Apple".into(),
        command: "Sync".into(),
        version: "16.1".into(),
        decision: Decision { allowed: true, reason: Reason::Blacklisted },
        status: 503,
        took: 7,
        received: Some(u64::MAX),
        sent: 9,
        whole: false,
    }
}

async fn keep(w: &World, all: Vec<Transaction>) {
    w.store.write(move |tx| Box::pin(async move { diagnostics::keep(tx, &all).await })).await.expect("kept");
}

pub(crate) async fn check(w: &World) {
    let place = store::feed::newest(&w.store).await.expect("place").number;
    for (on, changed) in [(true, true), (true, false)] {
        let turned = w.store.write(move |tx| Box::pin(async move { diagnostics::turn(tx, "dora", &id(), on).await })).await;
        w.same(turned.expect("turned"), changed, "diagnostics are turned on once");
    }
    let after = store::feed::newest(&w.other).await.expect("place").number;
    w.same(after - place, 1, "every node is told, once");
    let since = diagnostics::since(&w.other, "dora", &id()).await.expect("reads");
    w.is(since.is_some_and(|since| since.0 > 0), "since when is known");
    let most = diagnostics::KEPT;
    keep(w, (1..=most).map(transaction).collect()).await;
    keep(w, vec![transaction(5), transaction(most + 1), transaction(most + 2)]).await;
    let kept = diagnostics::transactions(&w.other, "dora", &id(), 1_000).await.expect("reads");
    w.same(kept.len() as i64, most, "the newest stay");
    w.same((kept[0].transaction.at.0, kept[kept.len() - 1].transaction.at.0), (most + 2, 3), "the newest first");
    let newest = Transaction { received: Some(i64::MAX as u64), ..transaction(most + 2) };
    w.same(&kept[0].transaction, &newest, "as it was told");
    w.same(kept[0].node.as_str(), w.store.node(), "by whom is known");
    let all = diagnostics::all(&w.store).await.expect("reads");
    w.same((all.len(), all[0].user.as_str(), all[0].kept), (1, "dora", most), "what is on is listed");
    w.same(diagnostics::forget(&w.store, Timestamp(10)).await.expect("forgets"), 7, "old ones go");
    let gone = w.store.write(|tx| {
        Box::pin(async move {
            devices::rule(tx, "dora", &id(), model::device::Override::Default, Expect::Any).await?;
            devices::remove(tx, "dora", &id(), Expect::Any).await
        })
    });
    w.is(gone.await.expect("removed"), "the device goes");
    w.is(diagnostics::since(&w.store, "dora", &id()).await.expect("reads").is_none(), "and its diagnostics with it");
    w.is(diagnostics::transactions(&w.store, "dora", &id(), 1).await.expect("reads").is_empty(), "and what they kept");
}
