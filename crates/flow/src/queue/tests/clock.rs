//! Somebody sets the machine's clock, while the queue runs and while nobody does.

use super::*;

const DAY: i64 = 86_400_000_000;
const TEN_DAYS: i64 = 10 * DAY;

/// A mail that is refused for now, tried `tries` times by then.
async fn tried(queue: &Queue, trace: TraceId, tries: u32) {
    until(|| queue.show(trace).is_some_and(|mail| mail.row.tries == tries && mail.row.next_try.is_some())).await;
}

fn now(world: &World) -> Timestamp {
    model::Clock::now(&*world.clock)
}

#[tokio::test]
async fn m_t7_a_clock_that_is_set_neither_ends_a_mail_nor_stalls_it() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let before = plan(vec![output(&["late@partner.example"], body("before"))]);
    queue.commit(before.clone()).await.unwrap();
    tried(&queue, before.trace, 1).await;

    world.clock.step(TEN_DAYS);
    let after = Plan { received: now(&world), ..plan(vec![output(&["late@partner.example"], body("after"))]) };
    queue.commit(after.clone()).await.unwrap();
    tried(&queue, after.trace, 1).await;
    let row = queue.show(after.trace).unwrap().row;
    let next = row.next_try.unwrap();
    assert_eq!((row.created, next), (now(&world).rfc3339(), now(&world).after(Duration::from_secs(300)).rfc3339()), "shown by the wall");
    assert_eq!(queue.show(before.trace).unwrap().row.tries, 1, "no time went by");
    world.later(&queue, Duration::from_secs(300));
    tried(&queue, before.trace, 2).await;
    tried(&queue, after.trace, 2).await;

    world.clock.step(-2 * TEN_DAYS);
    world.later(&queue, Duration::from_secs(600));
    tried(&queue, before.trace, 3).await;
    tried(&queue, after.trace, 3).await;
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(1_200));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 2, "both arrive, and nobody was told of a failure");
    queue.stop().await;
}

#[tokio::test]
async fn promise_8_a_lost_reply_is_remembered_when_the_clock_is_set() {
    let world = World::new().await;
    let queue = world.open();
    let mail = Plan { digest: "lost".to_owned(), ..plan(vec![output(&["b@partner.example"], body("x"))]) };
    queue.commit(mail.clone()).await.unwrap();
    until(|| is_empty(&queue)).await;
    for step in [TEN_DAYS, -2 * TEN_DAYS] {
        world.clock.step(step);
        world.later(&queue, Duration::from_secs(3_600));
        queue.commit(Plan { trace: TraceId::new(), ..mail.clone() }).await.unwrap();
        assert_eq!(queue.known_reply("lost"), Some(mail.trace));
    }
    world.later(&queue, Duration::from_secs(86_400));
    until(|| queue.known_reply("lost").is_none()).await;
    assert_eq!(world.hop.taken().len(), 1);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_mail_from_the_future_is_tried_at_the_start_and_ages_from_there() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    world.clock.step(TEN_DAYS);
    let mail = Plan { received: now(&world), digest: "d".to_owned(), ..plan(vec![output(&["late@partner.example"], body("x"))]) };
    queue.commit(mail.clone()).await.unwrap();
    tried(&queue, mail.trace, 1).await;
    queue.stop().await;

    // Nobody runs; the clock goes back to the truth.
    let world = World { clock: Arc::new(FixedClock::new(NOW)), ..world.after_kill() };
    let queue = world.open();
    tried(&queue, mail.trace, 2).await;
    assert_eq!(queue.show(mail.trace).unwrap().row.created, NOW.rfc3339());
    assert_eq!(queue.known_reply("d"), Some(mail.trace));
    world.later(&queue, Duration::from_secs(5 * 86_400));
    until(|| is_empty(&queue)).await;
    let reports = world.hop.taken();
    assert_eq!((reports.len(), reports[0].to.join(" ")), (1, "a@company.example".to_owned()), "it ends in time, told to its sender");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_what_was_set_while_the_queue_ran_is_on_the_disk_by_the_wall() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    world.clock.step(TEN_DAYS);
    let mail = Plan { received: now(&world), ..plan(vec![output(&["late@partner.example"], body("x"))]) };
    queue.commit(mail.clone()).await.unwrap();
    tried(&queue, mail.trace, 1).await;
    queue.stop().await;

    let world = World { clock: Arc::new(FixedClock::new(now(&world))), ..world.after_kill() };
    let queue = world.open();
    let row = queue.show(mail.trace).unwrap().row;
    assert_eq!((row.tries, row.next_try), (1, Some(now(&world).after(Duration::from_secs(300)).rfc3339())), "the wait goes on");
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 1);
    queue.stop().await;
}
