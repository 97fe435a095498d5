//! Devices: sightings merge, rulings are versioned, pages have an order.

use model::Timestamp;
use model::device::{Decision, DeviceId, Override, Reason, Reported, Sighting};
use store::devices::{self, Filter, Ordered};
use store::{Expect, Store};

use crate::{World, device_lists as lists};

fn id(text: &str) -> DeviceId {
    DeviceId::parse(text).expect("a device id")
}

fn sighting(user: &str, device: &str, agent: &str, at: i64) -> Sighting {
    Sighting {
        device: id(device),
        user: user.into(),
        device_type: "iPhone".into(),
        agent: agent.into(),
        command: "Sync".into(),
        at: Timestamp(at),
        decision: Decision { allowed: !agent.contains("bad"), reason: Reason::Compliant },
        gateway: "west".into(),
        client: "192.0.2.1".into(),
    }
}

async fn see(store: &Store, sightings: Vec<Sighting>) {
    store.write(move |tx| Box::pin(async move { devices::see(tx, &sightings).await })).await.expect("seen");
}

async fn rule(w: &World, user: &'static str, device: &str, ruling: Override, expect: Expect) -> Result<i64, &'static str> {
    let device = id(device);
    let ruled = w.store.write(move |tx| Box::pin(async move { devices::rule(tx, user, &device, ruling, expect).await })).await;
    ruled.map_err(|fault| fault.code)
}

pub(crate) async fn check(w: &World) {
    sightings_merge(w).await;
    late_sightings_undo_no_verdict(w).await;
    rulings_are_versioned(w).await;
    orders_count_up(w).await;
    reports_are_kept(w).await;
    both_ends(w).await;
    pages(w).await;
    lists::check(w).await;
}

async fn sightings_merge(w: &World) {
    see(&w.store, vec![sighting("bob", "A1", "new", 50), sighting("bob", "a1", "old", 40), sighting("bob", "a1", "newest", 60)]).await;
    see(&w.other, vec![sighting("bob", "a1", "late from the other node", 55)]).await;
    let row = devices::get(&w.store, "bob", &id("A1")).await.expect("reads").expect("is there");
    w.same((row.device.agent.as_str(), row.device.last_seen.0, row.version), ("newest", 60, 1), "the newest wins");
    w.same(
        (row.last_allowed, row.last_reason.as_str(), row.last_command.as_str()),
        (Some(true), "compliant", "Sync"),
        "its latest decision",
    );
    see(&w.store, vec![Sighting { device_type: String::new(), agent: String::new(), ..sighting("bob", "a1", "", 70) }]).await;
    let row = devices::get(&w.store, "bob", &id("a1")).await.expect("reads").expect("is there");
    w.same(
        (row.device.agent.as_str(), row.device.device_type.as_str(), row.device.last_seen.0),
        ("newest", "iPhone", 70),
        "nothing said, nothing lost",
    );
    w.is(devices::get(&w.store, "eve", &id("a1")).await.expect("reads").is_none(), "another user's device is another device");
    see(&w.store, (0..350).map(|n| sighting("many", &format!("m{n:03}"), "bad", n)).collect()).await;
    let tally = devices::tally(&w.other).await.expect("tally");
    w.same((tally.allowed, tally.blocked, tally.unseen), (1, 350, 0), "counted by the latest decision");
}

async fn late_sightings_undo_no_verdict(w: &World) {
    see(&w.store, vec![sighting("late", "l1", "first", 10)]).await;
    let blocked = Decision { allowed: false, reason: Reason::Compromised };
    let judged = w.store.write(move |tx| Box::pin(async move { devices::judged(tx, &[("late".into(), id("l1"), blocked)]).await })).await;
    w.same(judged.expect("judged"), 1, "a compliance run blocks it");
    see(&w.other, vec![sighting("late", "l1", "second", 20)]).await;
    let row = devices::get(&w.store, "late", &id("l1")).await.expect("reads").expect("is there");
    w.same(
        (row.last_allowed, row.device.agent.as_str(), row.device.last_seen.0),
        (Some(false), "second", 20),
        "seen before, written after",
    );
    see(&w.store, vec![sighting("late", "l1", "third", row.state_since.0)]).await;
    let row = devices::get(&w.store, "late", &id("l1")).await.expect("reads").expect("is there");
    w.same((row.last_allowed, row.last_reason.as_str()), (Some(true), "compliant"), "a later request counts");
    let gone = w.store.write(move |tx| Box::pin(async move { devices::remove(tx, "late", &id("l1"), Expect::Any).await })).await;
    w.is(gone.is_ok(), "gone again");
}

async fn rulings_are_versioned(w: &World) {
    let before = store::feed::newest(&w.store).await.expect("place").number;
    w.same(rule(w, "bob", "a1", Override::Blacklist, Expect::Version(1)).await, Ok(2), "ruled");
    w.same(rule(w, "bob", "a1", Override::Whitelist, Expect::Version(1)).await, Err("changed-meanwhile"), "somebody was quicker");
    w.same(rule(w, "bob", "a1", Override::Whitelist, Expect::New).await, Err("changed-meanwhile"), "it is there");
    w.same(rule(w, "new user", "z9", Override::Whitelist, Expect::New).await, Ok(1), "a device that nobody has seen");
    w.same(rule(w, "new user", "z9", Override::Whitelist, Expect::Any).await, Ok(2), "the last wins");
    see(&w.store, vec![sighting("bob", "a1", "again", 90)]).await;
    let row = devices::get(&w.store, "bob", &id("a1")).await.expect("reads").expect("is there");
    w.same((row.device.override_, row.version), (Override::Blacklist, 2), "a sighting changes no ruling");
    w.same(store::feed::newest(&w.store).await.expect("place").number, before + 3, "rulings go through the feed, sightings don't");
    let ruled = devices::ruled(&w.store).await.expect("ruled");
    let ids: Vec<_> = ruled.iter().map(|d| (d.user.as_str(), d.id.as_str())).collect();
    w.same(ids, vec![("bob", "a1"), ("new user", "z9")], "what a start without the store needs");
    w.same(devices::tally(&w.store).await.expect("tally").unseen, 1, "entered and never seen");
}

async fn orders_count_up(w: &World) {
    let order = |ordered: Ordered, expect: Expect| {
        let kept = w.store.write(move |tx| Box::pin(async move { devices::order(tx, "olga", &id("o1"), ordered, expect).await }));
        async { kept.await.map_err(|fault| fault.code) }
    };
    let known = || async { devices::get(&w.other, "olga", &id("o1")).await.expect("reads").expect("is there").device.orders };
    w.same(order(Ordered::Resync, Expect::New).await, Ok(1), "a device that nobody has seen");
    let first = known().await;
    w.is(first.resync > 0 && first.key == 0, "to sync anew");
    w.same(order(Ordered::Key, Expect::Version(9)).await, Err("changed-meanwhile"), "somebody was quicker");
    w.same(order(Ordered::Key, Expect::Version(1)).await, Ok(2), "with another key");
    let second = known().await;
    w.is(second.resync > first.resync && second.key > 0, "another order is another number");
    see(&w.store, vec![sighting("olga", "o1", "again", 90)]).await;
    w.same(known().await, second, "a sighting takes nothing away");
    let found = devices::page(&w.store, &Filter { search: "o1".into(), ..Filter::default() }, "", 10).await.expect("page");
    w.same(found.rows.iter().map(|row| row.device.orders).collect::<Vec<_>>(), vec![second], "and lists show it");
    let gone = w.store.write(|tx| Box::pin(async move { devices::remove(tx, "olga", &id("o1"), Expect::Any).await })).await;
    w.same(gone.expect("removed"), true, "removed");
}

async fn report(w: &World, device: &str, reported: Reported, expect: Expect) -> Result<i64, &'static str> {
    let device = id(device);
    let kept = w.store.write(move |tx| Box::pin(async move { devices::report(tx, "rita", &device, &reported, expect).await })).await;
    kept.map_err(|fault| fault.code)
}

async fn reports_are_kept(w: &World) {
    let known = || async { devices::get(&w.other, "rita", &id("r1")).await.expect("reads").and_then(|row| row.device.reported) };
    let managed = Reported { managed: true, enrolled: true, os: "17.2".into(), ..Reported::default() };
    w.same(report(w, "r1", managed.clone(), Expect::New).await, Ok(1), "a device that nobody has seen");
    w.same(report(w, "r1", managed.clone(), Expect::New).await, Err("changed-meanwhile"), "it is there");
    let first = known().await.expect("reported");
    w.same((*first).clone().given(), managed.clone(), "as it was reported");
    w.is(first.enrolled_at.is_some(), "and when it was enrolled");
    w.same(report(w, "r1", Reported { encrypted: Some(false), ..managed.clone() }, Expect::Version(1)).await, Ok(2), "all of it anew");
    w.same(known().await.expect("reported").enrolled_at, first.enrolled_at, "it was enrolled then and still is");
    w.same(report(w, "r1", managed.clone(), Expect::Version(1)).await, Err("changed-meanwhile"), "somebody was quicker");
    see(&w.store, vec![sighting("rita", "r1", "again", 90)]).await;
    w.same(known().await.expect("reported").encrypted, Some(false), "a sighting takes nothing away");
    let ruled = devices::ruled(&w.store).await.expect("ruled");
    w.is(ruled.iter().any(|device| device.id.as_str() == "r1"), "a start without the store needs it too");
    w.same(report(w, "r1", Reported { managed: true, ..Reported::default() }, Expect::Any).await, Ok(3), "its enrolment has ended");
    w.same(known().await.expect("reported").enrolled_at, None, "and begins anew if it comes back");
    w.same(report(w, "r1", Reported::default(), Expect::Any).await, Ok(4), "nothing is reported any more");
    w.is(known().await.is_none(), "so nothing is kept");
    let gone = w.store.write(|tx| Box::pin(async move { devices::remove(tx, "rita", &id("r1"), Expect::Any).await })).await;
    w.same(gone.expect("removed"), true, "removed");
}

/// What a start reads: all devices, from either end.
async fn both_ends(w: &World) {
    let place = |last: &Option<(String, String)>| last.clone().unwrap_or_default();
    let names = |facts: &devices::Facts| {
        facts.devices().map(|device| device.map(|d| (d.user, d.id.as_str().to_owned())).expect("whole")).collect::<Vec<_>>()
    };
    let (mut upwards, mut downwards, mut last, mut first) = (Vec::new(), Vec::new(), None, None::<(String, String)>);
    loop {
        let (user, id) = place(&last);
        let facts = devices::facts(&w.store, Some((&user, &id)), 60).await.expect("facts");
        let Some((count, next)) = facts.last().expect("whole") else { break };
        w.is(count <= 60, "at most so many");
        upwards.extend(names(&facts));
        last = Some(next);
    }
    loop {
        let before = first.as_ref().map(|(user, id)| (user.as_str(), id.as_str()));
        let facts = devices::facts_before(&w.store, before, 60).await.expect("facts");
        let Some((_, next)) = facts.first().expect("whole") else { break };
        w.is(first.is_none_or(|first| next < first), "further to the front each time");
        downwards.extend(names(&facts));
        first = Some(next);
    }
    w.is(upwards.len() > 350, "all of them");
    upwards.sort();
    downwards.sort();
    w.same(downwards, upwards, "the same from either end, none twice");
}

async fn pages(w: &World) {
    let filter = Filter { user: "man".into(), ..Filter::default() };
    let page = devices::page(&w.store, &filter, "", 200).await.expect("page");
    w.same((page.rows.len(), page.rows[199].device.id.as_str()), (200, "m199"), "a full page");
    let page = devices::page(&w.store, &filter, &page.next.expect("a next page"), 200).await.expect("page");
    w.same((page.rows.len(), page.rows[0].device.id.as_str(), page.next), (150, "m200", None), "the rest");
    let filter = Filter { ruling: Some(Override::Blacklist), ..Filter::default() };
    let page = devices::page(&w.store, &filter, "", 10).await.expect("page");
    w.same((page.rows.len(), page.total), (1, Some(1)), "by ruling");
    let remove = |expect: Expect| {
        let removed = w.store.write(move |tx| Box::pin(async move { devices::remove(tx, "bob", &id("a1"), expect).await }));
        async { removed.await.map_err(|fault| fault.code) }
    };
    w.same(remove(Expect::Version(1)).await, Err("changed-meanwhile"), "an old version removes nothing");
    w.same(remove(Expect::Any).await, Ok(true), "removed");
    w.same(remove(Expect::Any).await, Ok(false), "once");
    w.is(devices::decisions(&w.store, "bob", &id("a1"), 10).await.expect("decisions").is_empty(), "and its history with it");
}
