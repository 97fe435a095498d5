//! Crashes, power cuts and lost replies.

use super::disk::{Fault as DiskFault, Unsynced};
use super::*;

#[tokio::test]
async fn m_t7_a_crash_before_delivery_loses_nothing_and_keeps_the_schedule() {
    let world = World::new().await;
    world.hop.refuse("b@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![output(&["b@partner.example", "c@partner.example"], body("kept"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.to == ["b@partner.example"])).await;
    queue.core.segments.flush().await.unwrap();
    let before = queue.show(mail.trace).unwrap();
    drop(queue);
    let world = world.after_kill();
    let queue = world.open();
    let after = queue.show(mail.trace).unwrap();
    assert_eq!((after.row.to, after.row.tries, after.row.next_try), (before.row.to, 1, before.row.next_try));
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().iter().map(|mail| mail.to.join(" ")).collect::<Vec<_>>(), ["c@partner.example", "b@partner.example"]);
    queue.stop().await;
}

/// One run on a disk that fails at some act: what was committed, with the content's subject.
async fn run_until_cut(world: &World) -> Vec<(Plan, bool)> {
    let queue = Arc::new(world.open());
    let mut told = Vec::new();
    for round in 0..4 {
        let commits: Vec<_> = (0..3)
            .map(|n| {
                let mut mail = plan(vec![output(&["b@partner.example"], body(&format!("mail {round}-{n}")))]);
                mail.effects = vec![count(), count()];
                mail.digest = format!("digest {round}-{n}");
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { (queue.commit(mail.clone()).await.is_ok(), mail) })
            })
            .collect();
        for commit in commits {
            let (taken, mail) = commit.await.unwrap();
            told.push((mail, taken));
        }
    }
    queue.stop().await;
    told
}

#[tokio::test]
async fn m_t7_power_cuts_at_every_act_deliver_all_that_got_250_undamaged_with_effects_once() {
    let mut cut = 1;
    loop {
        let mut world = World::new().await;
        world.disk = PowerDisk::new().with_fault(cut, DiskFault::PowerCut);
        let told = run_until_cut(&world).await;
        let ended = !world.disk.has_failed();
        let unsynced = if cut % 2 == 0 { Unsynced::Nothing } else { Unsynced::Some(cut as u64) };
        world.disk = world.disk.survivor(unsynced);
        let queue = world.open();
        until(|| is_empty(&queue)).await;
        queue.stop().await;
        let taken: Vec<Vec<u8>> = world.hop.taken().into_iter().map(|mail| mail.data).collect();
        let applied = world.sink.applied.lock().clone();
        for (mail, committed) in &told {
            let arrived = taken.iter().any(|data| *data == mail.outputs[0].content);
            let effects = applied.keys().filter(|id| id.trace == mail.trace).count();
            assert!(!committed || arrived, "cut {cut}: a mail that got 250 was lost");
            assert!(!committed || effects == 2, "cut {cut}: {effects} of 2 effects of a mail that got 250");
            assert!(effects != 1, "cut {cut}: a plan is taken whole or not at all");
        }
        let whole = taken.iter().all(|data| told.iter().any(|(mail, _)| *data == mail.outputs[0].content));
        assert!(whole, "cut {cut}: something damaged was delivered");
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(cut > 12, "only {cut} acts were cut");
}

#[tokio::test]
async fn promise_1_what_is_refused_or_cancelled_leaves_nothing() {
    let mut world = World::new().await;
    world.disk = PowerDisk::new().with_fault(1, DiskFault::Errors(std::io::ErrorKind::StorageFull, 1));
    let queue = world.open();
    let refused = Plan { effects: vec![count()], ..plan(vec![output(&["b@partner.example"], body("refused"))]) };
    let fault = queue.commit(refused).await.unwrap_err();
    assert_eq!((fault.code, fault.temporary), ("disk-full", true));
    let cancelled = Plan { effects: vec![count()], ..plan(vec![output(&["b@partner.example"], body("cancelled"))]) };
    world.disk.pause(true);
    let mut commit = Box::pin(queue.commit(cancelled));
    std::future::poll_fn(|context| {
        assert!(commit.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(commit);
    world.disk.pause(false);
    queue.core.segments.flush().await.unwrap();
    queue.core.segments.flush().await.unwrap();
    assert!(is_empty(&queue) && world.sink.applied.lock().is_empty());
    queue.stop().await;
    let world = world.after_kill();
    let queue = world.open();
    assert!(is_empty(&queue) && world.hop.taken().is_empty());
    queue.stop().await;
}

#[tokio::test]
async fn promise_8_a_lost_reply_is_known_after_delivery_kill_and_forgetting() {
    let world = World::new().await;
    let queue = world.open();
    let mail = Plan { digest: "lost".to_owned(), ..plan(vec![output(&["b@partner.example"], body("x"))]) };
    let read = Plan { digest: "read".to_owned(), ..plan(vec![output(&["b@partner.example"], body("y"))]) };
    queue.commit(mail.clone()).await.unwrap();
    queue.commit(read.clone()).await.unwrap();
    assert_eq!(queue.known_reply("lost"), Some(mail.trace));
    until(|| is_empty(&queue)).await;
    queue.confirm(read.trace);
    assert_eq!((queue.known_reply("lost"), queue.known_reply("read")), (Some(mail.trace), None));
    queue.core.segments.flush().await.unwrap();
    drop(queue);
    let world = world.after_kill();
    let queue = world.open();
    assert_eq!((queue.known_reply("lost"), queue.known_reply("read")), (Some(mail.trace), None));
    let again = Plan { trace: TraceId::new(), ..mail.clone() };
    queue.commit(again).await.unwrap();
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 2, "the retry is not a double, even if nobody asked before");
    world.later(&queue, Duration::from_secs(86_401));
    until(|| queue.known_reply("lost").is_none()).await;
    queue.stop().await;
}

#[tokio::test]
async fn promise_8_a_reply_that_was_read_stays_read_after_a_kill() {
    let world = World::new().await;
    world.hop.refuse("b@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = Plan { digest: "same".to_owned(), ..plan(vec![output(&["b@partner.example"], body("x"))]) };
    let unread = Plan { digest: "unread".to_owned(), ..plan(vec![output(&["b@partner.example"], body("y"))]) };
    for _ in 0..2 {
        let again = Plan { trace: TraceId::new(), ..mail.clone() };
        queue.commit(again.clone()).await.unwrap();
        queue.confirm(again.trace);
    }
    queue.commit(unread.clone()).await.unwrap();
    queue.core.segments.flush().await.unwrap();
    drop(queue);
    let world = world.after_kill();
    let queue = world.open();
    assert_eq!((queue.known_reply("same"), queue.known_reply("unread")), (None, Some(unread.trace)));
    queue.commit(mail.clone()).await.unwrap();
    assert_eq!(queue.counts().mails, 4, "the same bytes are another mail, and it is queued");
    queue.stop().await;
}

#[tokio::test]
async fn promise_8_two_mails_of_the_same_bytes_are_forgotten_after_a_kill() {
    let world = World::new().await;
    world.hop.refuse("b@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = Plan { digest: "same".to_owned(), ..plan(vec![output(&["b@partner.example"], body("x"))]) };
    for _ in 0..2 {
        // The reply was read, but the mark of it was not durable in time.
        queue.core.replies.lock().forget(mail.trace);
        let again = Plan { trace: if is_empty(&queue) { mail.trace } else { TraceId::new() }, ..mail.clone() };
        queue.commit(again).await.unwrap();
    }
    drop(queue);
    let world = world.after_kill();
    let queue = world.open();
    assert_eq!((queue.counts().mails, queue.counts().replies_remembered), (2, 1));
    world.later(&queue, Duration::from_secs(86_401));
    until(|| queue.known_reply("same").is_none()).await;
    queue.stop().await;
}

#[tokio::test]
async fn promise_8_the_same_mail_over_two_sessions_at_once_is_taken_once() {
    let world = World::new().await;
    let queue = Arc::new(world.open());
    let mail = Plan { digest: "same".to_owned(), ..plan(vec![output(&["b@partner.example"], body("x"))]) };
    world.disk.pause(true);
    let second = queue.commit(Plan { trace: TraceId::new(), ..mail.clone() });
    let (first, second, ()) = tokio::join!(queue.commit(mail.clone()), second, async { world.disk.pause(false) });
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err().code, "mail-underway");
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 1);
    queue.stop().await;
}

#[tokio::test]
async fn a_stop_ends_deliveries_and_loses_no_mark() {
    let world = World::new().await;
    let queue = Arc::new(world.open());
    for n in 0..30 {
        queue.commit(plan(vec![output(&["b@partner.example"], body(&n.to_string()))])).await.unwrap();
    }
    queue.stop().await;
    assert!(queue.commit(plan(vec![output(&["b@partner.example"], body("late"))])).await.is_err());
    let world = world.after_kill();
    let queue = world.open();
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 30, "each once");
    queue.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_and_what_it_cuts_is_tried_again() {
    let world = World::new().await;
    world.hop.hang(true);
    let queue = world.open_with(Settings { stop_within: Duration::from_millis(20), ..World::settings() });
    queue.run();
    queue.commit(plan(vec![output(&["b@partner.example"], body("x"))])).await.unwrap();
    until(|| world.hop.taken().len() == 1).await;
    queue.stop().await;
    world.hop.hang(false);
    let world = world.after_kill();
    let queue = world.open();
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 2, "nobody knows whether the first was taken (RFC 5321 §4.5.5)");
    queue.stop().await;
}
