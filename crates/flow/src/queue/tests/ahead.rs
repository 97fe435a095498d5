//! Queueless mail: the next hop is asked before the answer.

use super::*;
use crate::queue::Taken;

const SOON: Duration = Duration::from_secs(20);

fn queueless(to: &[&str], text: &str) -> Output {
    Output { route: Route::Queueless, ..output(to, body(text)) }
}

#[tokio::test]
async fn m_t7_the_only_next_hop_s_answer_is_ours_and_nothing_is_kept() {
    let world = World::new().await;
    let queue = world.open();
    let with_effect = |out| Plan { effects: vec![count()], digest: "d".to_owned(), ..plan(vec![out]) };
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    let refused = queue.take(with_effect(queueless(&["gone@partner.example"], "x")), SOON).await.unwrap();
    let Taken::Refused(outcome) = refused else { panic!("{refused:?}") };
    assert_eq!(outcome.reply(), "550 5.1.1 no such user");
    assert!(is_empty(&queue) && queue.known_reply("d").is_none(), "promise_1: nothing of it is here");
    world.hop.refuse("gone@partner.example", "451 4.3.0 later");
    assert!(matches!(queue.take(with_effect(queueless(&["gone@partner.example"], "x")), SOON).await, Ok(Taken::Refused(_))));
    world.hop.take_all();
    let mail = with_effect(queueless(&["gone@partner.example", "b@partner.example"], "x"));
    assert_eq!(queue.take(mail.clone(), SOON).await.unwrap(), Taken::Here);
    assert_eq!((world.hop.taken().len(), queue.known_reply("d")), (1, Some(mail.trace)));
    until(|| is_empty(&queue)).await;
    let again = Plan { trace: TraceId::new(), ..mail };
    assert_eq!(queue.take(again, SOON).await.unwrap(), Taken::Here);
    until(|| world.sink.applied.lock().len() == 1).await;
    assert_eq!(world.hop.taken().len(), 1, "promise_8: the retry of a lost 250 goes nowhere");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_once_one_has_said_yes_the_rest_is_durable() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    let queue = world.open();
    let mail = plan(vec![queueless(&["b@partner.example", "late@partner.example", "gone@partner.example"], "x")]);
    assert_eq!(queue.take(mail.clone(), SOON).await.unwrap(), Taken::Here);
    assert_eq!(world.hop.taken()[0].to, ["b@partner.example"]);
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.to == ["late@partner.example"] && mail.row.next_try.is_some())).await;
    until(|| world.hop.taken().iter().any(|mail| mail.from.is_empty())).await;
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().iter().filter(|mail| mail.from == "a@company.example").count(), 2, "each has it once");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_with_other_parts_a_refusal_is_the_queue_s_affair() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![queueless(&["late@partner.example"], "x"), output(&["archive@company.example"], body("y"))]);
    assert_eq!(queue.take(mail.clone(), SOON).await.unwrap(), Taken::Here);
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.to == ["late@partner.example"])).await;
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_next_hop_that_dies_after_the_dot_may_have_it_so_it_stays() {
    let world = World::new().await;
    world.hop.die(hop::Phase::Dot, 1);
    let queue = world.open();
    assert_eq!(queue.take(plan(vec![queueless(&["b@partner.example"], "x")]), SOON).await.unwrap(), Taken::Here);
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 2, "nobody knows (RFC 5321 §4.5.5)");
    // The kept connection, and the new one in its place.
    world.hop.die(hop::Phase::Data, 2);
    let lost = queue.take(plan(vec![queueless(&["b@partner.example"], "x")]), SOON).await.unwrap();
    assert!(matches!(lost, Taken::Refused(outcome) if outcome.retries()), "before the dot nothing was taken");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_success_ahead_is_reported_if_it_is_asked_for() {
    let world = World::new().await;
    let queue = world.open();
    let mut out = queueless(&["b@partner.example"], "x");
    out.recipients[0].notify = Some(model::Notify { success: true, failure: true, delay: false });
    assert_eq!(queue.take(plan(vec![out]), SOON).await.unwrap(), Taken::Here);
    until(|| world.hop.taken().len() == 2).await;
    let report = String::from_utf8(world.hop.taken()[1].data.clone()).unwrap();
    assert!(report.contains("Action: relayed") && report.contains("Subject: x"), "{report}");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_queueless_mail_takes_a_place_and_a_kept_connection_of_its_lane() {
    let world = World::new().await;
    let queue = Arc::new(world.open_with(Settings { per_destination: 2, ..World::settings() }));
    queue.run();
    for _ in 0..5 {
        assert_eq!(queue.take(plan(vec![queueless(&["b@partner.example"], "x")]), SOON).await.unwrap(), Taken::Here);
    }
    assert_eq!((world.hop.taken().len(), world.hop.connections()), (5, 1), "one connection carries them");
    let many = (0..20).map(|_| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move { queue.take(plan(vec![queueless(&["b@partner.example"], "x")]), SOON).await.unwrap() })
    });
    for taken in many.collect::<Vec<_>>() {
        assert_eq!(taken.await.unwrap(), Taken::Here);
    }
    assert!(world.hop.most_open() <= 2 && world.hop.taken().len() == 25, "{} at once", world.hop.most_open());
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_queueless_mail_that_finds_no_connection_in_time_was_not_sent() {
    let world = World::new().await;
    let queue = world.open_with(Settings { per_destination: 1, ..World::settings() });
    queue.run();
    world.hop.hang(true);
    queue.commit(plan(vec![output(&["b@partner.example"], body("first"))])).await.unwrap();
    until(|| world.hop.taken().len() == 1).await;
    let late = queue.take(plan(vec![queueless(&["b@partner.example"], "late")]), Duration::from_millis(50)).await.unwrap();
    let Taken::Refused(outcome) = late else { panic!("{late:?}") };
    assert!(outcome.retries() && matches!(outcome, model::Outcome::NotDone { .. }), "{outcome:?}");
    world.hop.hang(false);
    until(|| is_empty(&queue)).await;
    assert_eq!(queue.take(plan(vec![queueless(&["b@partner.example"], "next")]), SOON).await.unwrap(), Taken::Here);
    assert_eq!(world.hop.taken().len(), 2, "what was given up is not sent later");
    queue.stop().await;
}
