//! Lists of devices: every filter, search and order, the counts beside them, and what was decided before.

use model::Timestamp;
use model::device::{Decision, DeviceId, Override, Reason, Reported, Sighting};
use store::Expect;
use store::devices::{self, Filter, Found, Status};

use crate::World;

const DAY: i64 = 86_400_000_000;

fn id(text: &str) -> DeviceId {
    DeviceId::parse(text).expect("a device id")
}

fn sighting(user: &str, device: &str, at: i64, allowed: bool, reason: Reason) -> Sighting {
    Sighting {
        device: id(device),
        user: user.into(),
        device_type: "iPhone".into(),
        agent: "Apple/1".into(),
        command: if allowed { "Sync" } else { "Ping" }.into(),
        at: Timestamp(at),
        decision: Decision { allowed, reason },
        gateway: if device.ends_with('e') { "east" } else { "west" }.into(),
        client: "192.0.2.7".into(),
    }
}

async fn see(w: &World, sightings: Vec<Sighting>) {
    w.store.write(move |tx| Box::pin(async move { devices::see(tx, &sightings).await })).await.expect("seen");
}

async fn report(w: &World, user: &'static str, device: &str, reported: Reported) {
    let device = id(device);
    let kept = w.store.write(move |tx| Box::pin(async move { devices::report(tx, user, &device, &reported, Expect::Any).await }));
    kept.await.expect("reported");
}

/// All pages of three, as `user/id`.
async fn all(w: &World, filter: &Filter) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page: Found = devices::page(&w.other, filter, &after, 3).await.expect("page");
        found.extend(page.rows.iter().map(|row| format!("{}/{}", row.device.user, row.device.id.as_str())));
        match page.next {
            Some(next) => after = next,
            None => return found,
        }
    }
}

pub(crate) async fn check(w: &World) {
    fill(w).await;
    filters(w).await;
    searches(w).await;
    history(w).await;
    counts(w).await;
}

async fn fill(w: &World) {
    // Users of this check alone begin with zz; what others left must not be met, so each filter names one of its reasons.
    see(
        w,
        vec![
            sighting("zz-anna", "z1w", DAY, true, Reason::Compliant),
            sighting("zz-anna", "z2e", 2 * DAY, false, Reason::Os),
            sighting("zz-bruno", "z3w", 3 * DAY, false, Reason::Os),
            sighting("zz-chloe", "z4e", 4 * DAY, true, Reason::Os),
            sighting("zz-dora", "z5w", 5 * DAY, true, Reason::Os),
            sighting("zz-dora", "z6w", 6 * DAY, false, Reason::Model),
        ],
    )
    .await;
    let person = |name: &str, address: &str, phone: &str, imei: &str| Reported {
        friendly_name: name.into(),
        address: address.into(),
        phone: phone.into(),
        imei: imei.into(),
        ..Reported::default()
    };
    report(w, "zz-anna", "z1w", Reported { managed: true, ..person("Zürich Tablet", "zz-anna@Company.example", "+41 79 555 00 01", "") })
        .await;
    report(w, "zz-bruno", "z3w", person("zz-bruno's phone", "b.rossi@zz.example", "0041 79 555 00 02", "35-209900-176148-1")).await;
}

async fn filters(w: &World) {
    let os = || Filter { reason: "os".into(), ..Filter::default() };
    w.same(all(w, &os()).await, vec!["zz-anna/z2e".into(), "zz-bruno/z3w".into()], "by reason");
    let tested = Filter { reason: "test_mode:os".into(), ..Filter::default() };
    w.same(all(w, &tested).await, vec!["zz-chloe/z4e".into(), "zz-dora/z5w".into()], "what test mode let pass has its own code");
    let east = Filter { gateway: "east".into(), ..Filter::default() };
    w.same(all(w, &east).await, vec!["zz-anna/z2e".into(), "zz-chloe/z4e".into()], "by configuration");
    w.same(all(w, &Filter { status: Some(Status::Allowed), ..east }).await, vec!["zz-chloe/z4e".into()], "and by decision");
    let managed = Filter { managed: Some(true), ..Filter::default() };
    w.same(all(w, &managed).await, vec!["zz-anna/z1w".into()], "managed");
    let recent = Filter { seen_since: Some(Timestamp(2 * DAY)), ..Filter::default() };
    let order: Vec<String> = ["zz-dora/z6w", "zz-dora/z5w", "zz-chloe/z4e", "zz-bruno/z3w", "zz-anna/z2e"].map(str::to_owned).into();
    w.same(all(w, &recent).await, order, "by time, the newest first, over pages");
    let page = devices::page(&w.store, &os(), "", 1).await.expect("page");
    w.same((page.total, page.rows.len()), (Some(2), 1), "all are counted, one is shown");
    let odd = devices::page(&w.store, &Filter::default(), "odd", 1).await;
    w.same(odd.err().map(|fault| fault.code), Some("bad-field"), "an odd cursor");
    let users = devices::users(&w.store, "zz-", "zz-anna", 2).await.expect("users");
    let users: Vec<_> = users.iter().map(|row| (row.user.as_str(), row.devices, row.allowed, row.blocked)).collect();
    w.same(users, vec![("zz-bruno", 1, 0, 1), ("zz-chloe", 1, 1, 0)], "by user");
}

async fn searches(w: &World) {
    let found = async |text: &str| all(w, &Filter { search: text.into(), ..Filter::default() }).await;
    w.same(found("COMPANY\\ZZ-an").await, vec!["zz-anna/z1w".into(), "zz-anna/z2e".into()], "by user, in any spelling");
    w.same(found("Z4").await, vec!["zz-chloe/z4e".into()], "by id");
    w.same(found("B.Rossi@zz").await, vec!["zz-bruno/z3w".into()], "by address");
    w.same(found("zürich t").await, vec!["zz-anna/z1w".into()], "by friendly name, beyond ASCII");
    w.same(found("(+41) 79/555").await, vec!["zz-anna/z1w".into(), "zz-bruno/z3w".into()], "by phone number, however written");
    w.same(found("35 2099").await, vec!["zz-bruno/z3w".into()], "by IMEI");
    w.same(found("zz-bruno").await, vec!["zz-bruno/z3w".into()], "found by user and by name, shown once");
    w.same(found("nobody-at-all").await, Vec::new(), "nothing");
    let blocked = Filter { search: "zz-".into(), status: Some(Status::Blocked), ..Filter::default() };
    w.same(all(w, &blocked).await.len(), 3, "a search within a filter");
    let narrow = Filter { seen_since: Some(Timestamp(6 * DAY)), ..blocked };
    w.same(all(w, &narrow).await, vec!["zz-dora/z6w".into()], "and within a time");
    report(w, "zz-bruno", "z3w", Reported::default()).await;
    w.same(found("B.Rossi@zz").await, Vec::new(), "what is reported no more is found no more");
}

async fn history(w: &World) {
    see(w, vec![sighting("zz-anna", "z1w", 7 * DAY, true, Reason::Compliant)]).await;
    see(w, vec![sighting("zz-anna", "z1w", 8 * DAY, false, Reason::NotEncrypted)]).await;
    // As after a kill: the answer was lost, the batch comes again.
    see(w, vec![sighting("zz-anna", "z1w", 8 * DAY, false, Reason::NotEncrypted)]).await;
    let row = devices::get(&w.store, "zz-anna", &id("z1w")).await.expect("reads").expect("is there");
    w.same((row.state_command.as_str(), row.state_since.0, row.client.as_str()), ("Ping", 8 * DAY, "192.0.2.7"), "what changed its state");
    w.same((row.gateway.as_str(), row.node.as_str()), ("west", w.store.node()), "and where");
    let decided = devices::decisions(&w.other, "zz-anna", &id("z1w"), 10).await.expect("decisions");
    let decided: Vec<_> = decided.iter().map(|one| (one.at.0, one.allowed, one.reason.as_str(), one.command.as_str())).collect();
    w.same(decided, vec![(8 * DAY, false, "not_encrypted", "Ping"), (DAY, true, "compliant", "Sync")], "each change once");
    let names = vec![
        ("zz-anna".to_owned(), id("z1w"), Decision { allowed: true, reason: Reason::Compliant }),
        ("zz-bruno".to_owned(), id("z3w"), Decision { allowed: false, reason: Reason::Os }),
        ("zz-nobody".to_owned(), id("z9"), Decision { allowed: false, reason: Reason::Os }),
    ];
    let judged = w.store.write(move |tx| Box::pin(async move { devices::judged(tx, &names).await })).await;
    w.same(judged.expect("judged"), 1, "a run changes what is otherwise");
    let decided = devices::decisions(&w.store, "zz-anna", &id("z1w"), 10).await.expect("decisions");
    w.same((decided.len(), decided[0].command.as_str(), decided[0].allowed), (3, "", true), "and is noted as no request's");
    let gone = devices::forget_decisions(&w.store, Timestamp(2 * DAY)).await.expect("forgotten");
    w.is(gone >= 1, "old ones are forgotten");
}

async fn counts(w: &World) {
    let ruled =
        w.store.write(|tx| Box::pin(async move { devices::rule(tx, "zz-dora", &id("z6w"), Override::Blacklist, Expect::Any).await }));
    ruled.await.expect("ruled");
    let gone = w.store.write(|tx| Box::pin(async move { devices::remove(tx, "zz-dora", &id("z5w"), Expect::Any).await })).await;
    w.same(gone.expect("removed"), true, "removed");
    let of = |classes: &[(devices::Class, i64)], reason: &str| {
        classes.iter().filter(|(class, _)| class.reason == reason).map(|(_, amount)| amount).sum::<i64>()
    };
    let classes = devices::classes(&w.store).await.expect("classes");
    w.same((of(&classes, "os"), of(&classes, "model")), (3, 1), "counted as they are");
    let wrong = w.store.write(|tx| Box::pin(async move { devices::recount(tx).await })).await;
    w.same(wrong.expect("recounted"), 0, "no count had gone wrong in all of this");
}
