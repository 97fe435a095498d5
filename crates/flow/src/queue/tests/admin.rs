//! What an administrator does with queued mail.

use super::*;

async fn waiting(world: &World, queue: &Queue) -> TraceId {
    world.hop.refuse("b@partner.example", "451 4.3.0 later");
    let mail = plan(vec![output(&["b@partner.example"], body("waits"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.next_try.is_some() && mail.row.tries == 1)).await;
    mail.trace
}

#[tokio::test]
async fn m_t7_a_row_says_what_scripts_read() {
    let world = World::new().await;
    let queue = world.open();
    let trace = waiting(&world, &queue).await;
    let row = serde_json::to_value(queue.list(None, 10, &QueueFilter::default()).remove(0)).unwrap();
    let expected = serde_json::json!({
        "id": trace.to_string(), "trace": trace.to_string(), "from": "a@company.example", "to": ["b@partner.example"],
        "size": body("waits").len(), "created": "2026-11-21T21:44:34Z", "next_try": "2026-11-21T21:49:34Z", "tries": 1,
        "last_error": "451 4.3.0 later", "held": false,
    });
    assert_eq!(row, expected);
    let (first, counts) = (queue.list(None, 10, &QueueFilter::default()), queue.counts());
    assert_eq!((counts.mails, counts.oldest_seconds), (1, 0));
    assert_eq!(queue.list(Some(trace), 10, &QueueFilter::default()), [], "the cursor goes on behind it");
    assert_eq!(first.len(), 1);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_held_mail_stays_also_over_a_restart_until_it_is_let_go() {
    let world = World::new().await;
    let queue = world.open();
    let trace = waiting(&world, &queue).await;
    assert!(queue.hold(trace, true) && !queue.hold(TraceId::new(), true));
    world.hop.take_all();
    queue.stop().await;
    let world = world.after_kill();
    world.clock.advance(Duration::from_secs(86_400));
    let queue = world.open();
    let row = queue.list(None, 1, &QueueFilter::default()).remove(0);
    assert!(row.held && row.next_try.is_none());
    // Another mail passes it.
    queue.commit(plan(vec![output(&["c@partner.example"], body("other"))])).await.unwrap();
    until(|| world.hop.taken().len() == 1).await;
    assert!(queue.hold(trace, false));
    until(|| is_empty(&queue)).await;
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_retry_tries_now() {
    let world = World::new().await;
    let queue = world.open();
    let trace = waiting(&world, &queue).await;
    world.hop.take_all();
    assert!(queue.retry(trace));
    until(|| is_empty(&queue)).await;
    assert_eq!(queue.retry_all(), 0);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_removed_mail_is_gone_and_its_sender_told_if_wished() {
    for tell in [true, false] {
        let world = World::new().await;
        let queue = world.open();
        let trace = waiting(&world, &queue).await;
        assert!(queue.remove(trace, tell).await.unwrap());
        until(|| is_empty(&queue)).await;
        assert!(!queue.remove(trace, tell).await.unwrap());
        let taken = world.hop.taken();
        assert_eq!(taken.len(), usize::from(tell));
        assert!(taken.iter().all(|mail| mail.to == ["a@company.example"]));
        queue.stop().await;
    }
}

#[tokio::test]
async fn m_t7_mail_that_stands_in_its_lane_can_still_be_held_and_removed() {
    let world = World::new().await;
    world.hop.hang(true);
    let queue = world.open_with(Settings { per_destination: 1, ..World::settings() });
    queue.run();
    let mails = ["first", "held", "removed"].map(|text| plan(vec![output(&["b@partner.example"], body(text))]));
    for mail in &mails {
        queue.commit(mail.clone()).await.unwrap();
    }
    until(|| world.hop.taken().len() == 1).await;
    assert!(queue.hold(mails[1].trace, true) && queue.remove(mails[2].trace, false).await.unwrap());
    world.hop.hang(false);
    until(|| queue.list(None, 9, &QueueFilter::default()).iter().all(|row| row.held)).await;
    assert!(queue.hold(mails[1].trace, false));
    until(|| is_empty(&queue)).await;
    let taken: Vec<Vec<u8>> = world.hop.taken().into_iter().map(|mail| mail.data).collect();
    assert_eq!(taken, [body("first"), body("held")]);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_what_is_delivered_while_it_is_removed_was_delivered_and_the_rest_is_told() {
    for (taken, tell) in [(true, true), (false, true), (false, false)] {
        let world = World::new().await;
        world.hop.hang(true);
        let queue = world.open();
        let mail = plan(vec![output(&["b@partner.example"], body("flies"))]);
        queue.commit(mail.clone()).await.unwrap();
        until(|| world.hop.taken().len() == 1).await;
        assert!(queue.remove(mail.trace, tell).await.unwrap());
        assert!(queue.show(mail.trace).is_some_and(|shown| shown.row.held), "the delivery ends first");
        if !taken {
            world.hop.refuse(".", "451 4.3.0 later");
        }
        world.hop.hang(false);
        until(|| is_empty(&queue)).await;
        let reports: Vec<_> = world.hop.taken().into_iter().filter(|mail| mail.from.is_empty()).collect();
        assert_eq!(reports.len(), usize::from(tell && !taken), "taken: {taken}, tell: {tell}");
        assert!(reports.iter().all(|report| String::from_utf8_lossy(&report.data).contains("Status: 5.7.1")));
        queue.stop().await;
    }
}
