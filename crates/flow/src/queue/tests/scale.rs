//! Many mails: pages and filters, mail at rest, full lanes, starts from indexes.

use super::*;

fn filter(to: &str, from: &str, domain: &str) -> QueueFilter {
    let given = |text: &str| (!text.is_empty()).then(|| address(text));
    QueueFilter { to: given(to), from: given(from), domain: (!domain.is_empty()).then(|| domain.to_owned()), trace: None }
}

fn traces(rows: &[crate::queue::QueueRow]) -> Vec<TraceId> {
    rows.iter().map(|row| row.trace).collect()
}

/// A queue in which all of these wait, tried once.
async fn waiting(world: &World, queue: &Queue, to: &[&str]) -> Vec<TraceId> {
    let mut all = Vec::new();
    for to in to {
        world.hop.refuse(to, "451 4.3.0 later");
        let mail = plan(vec![output(&[to], body("waits"))]);
        queue.commit(mail.clone()).await.unwrap();
        all.push(mail.trace);
    }
    until(|| all.iter().all(|trace| queue.show(*trace).is_some_and(|mail| mail.row.tries > 0 && mail.row.next_try.is_some()))).await;
    all
}

#[tokio::test]
async fn m_t7_the_list_pages_and_filters_by_key() {
    let world = World::new().await;
    let queue = world.open();
    let to = ["b@partner.example", "c@partner.example", "b@other.example", "d@xn--mnchen-3ya.example", "b@partner.example"];
    let all = waiting(&world, &queue, &to).await;
    let list = |after, most, filter: &QueueFilter| traces(&queue.list(after, most, filter));
    assert_eq!(list(None, 2, &QueueFilter::default()), all[..2]);
    assert_eq!(list(Some(all[1]), 9, &QueueFilter::default()), all[2..]);
    assert_eq!(list(None, 9, &filter("B@Partner.example", "", "")), [all[0], all[4]]);
    assert_eq!(list(Some(all[0]), 9, &filter("b@partner.example", "", "")), [all[4]]);
    assert_eq!(list(None, 9, &filter("", "", "PARTNER.example")), [all[0], all[1], all[4]]);
    assert_eq!(list(None, 9, &filter("", "", "münchen.example")), [all[3]]);
    assert_eq!(list(None, 9, &filter("b@partner.example", "a@company.example", "other.example")), []);
    assert_eq!(list(None, 9, &filter("", "x@company.example", "")), []);
    assert_eq!(list(None, 9, &filter("", "a@company.example", "other.example")), [all[2]]);
    let one = QueueFilter { trace: Some(all[3]), ..QueueFilter::default() };
    assert_eq!((list(None, 9, &one), list(Some(all[3]), 9, &one)), (vec![all[3]], vec![]));
    // A cursor whose mail has gone still says where to go on.
    assert!(queue.remove(all[1], false).await.unwrap());
    assert_eq!(list(Some(all[1]), 9, &QueueFilter::default()), all[2..]);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_filter_names_only_who_has_not_got_it() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![output(&["late@partner.example", "there@other.example"], body("x"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
    assert_eq!(queue.list(None, 9, &filter("late@partner.example", "", "")).len(), 1);
    assert_eq!(queue.list(None, 9, &filter("there@other.example", "", "")), []);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_start_from_indexes_knows_all_that_was_known() {
    let world = World::new().await;
    let queue = world
        .open_with(Settings { segments: segments::Settings { segment_bytes: 8 << 10, ..World::settings().segments }, ..World::settings() });
    queue.run();
    let to: Vec<String> = (0..60).map(|n| format!("user{n}@partner.example")).collect();
    let all = waiting(&world, &queue, &to.iter().map(String::as_str).collect::<Vec<_>>()).await;
    queue.hold(all[7], true);
    queue.core.segments.flush().await.unwrap();
    let before = queue.list(None, 99, &QueueFilter::default());
    drop(queue);
    let world = world.after_kill();
    assert!(world.disk.files().iter().filter(|name| name.ends_with(".idx")).count() >= 3, "{:?}", world.disk.files());
    let queue = world.open_with(World::settings());
    assert_eq!(queue.core.index.lock().shelved(), 60, "at first as they stand in the indexes");
    assert_eq!(queue.list(None, 99, &QueueFilter::default()), before);
    assert_eq!(queue.counts().mails, 60);
    queue.run();
    until(|| queue.core.index.lock().shelved() == 0).await;
    assert_eq!(queue.list(None, 99, &QueueFilter::default()), before);
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| queue.counts().mails == 1).await;
    assert_eq!(world.hop.taken().len(), 59, "each once, but the held one");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_what_finds_its_lane_full_rests_and_goes_when_there_is_room() {
    let world = World::new().await;
    world.hop.hang(true);
    let queue = world.open_with(Settings { per_destination: 50, content_cache: 0, ..World::settings() });
    queue.run();
    for n in 0..2_300 {
        queue.commit(plan(vec![output(&["b@partner.example"], body(&n.to_string()))])).await.unwrap();
    }
    assert!(queue.core.index.lock().awake() <= 2_050, "{} are awake", queue.core.index.lock().awake());
    world.hop.hang(false);
    until(|| is_empty(&queue)).await;
    let mut taken: Vec<Vec<u8>> = world.hop.taken().into_iter().map(|mail| mail.data).collect();
    taken.sort();
    taken.dedup();
    assert_eq!((taken.len(), world.hop.taken().len()), (2_300, 2_300));
    queue.stop().await;
}
