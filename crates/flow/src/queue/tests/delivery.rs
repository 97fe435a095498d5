//! From the commit to the next hop: bytes, lanes, retries, effects.

use super::hop::Phase;
use super::*;

#[tokio::test]
async fn m_t7_what_was_committed_arrives_byte_for_byte_and_is_gone() {
    let world = World::new().await;
    let queue = world.open();
    let content = body("hello");
    queue.commit(plan(vec![output(&["b@partner.example", "c@partner.example"], content.clone())])).await.unwrap();
    until(|| is_empty(&queue)).await;
    let taken = world.hop.taken();
    assert_eq!(
        (taken.len(), taken[0].from.as_str(), &taken[0].to[..]),
        (1, "a@company.example", &["b@partner.example", "c@partner.example"].map(String::from)[..])
    );
    assert_eq!(taken[0].data, content);
    queue.stop().await;
    let again = world.after_kill();
    let queue = again.open();
    assert!(is_empty(&queue), "delivered mail does not come back");
    queue.stop().await;
    assert_eq!(again.disk.files(), Vec::<String>::new(), "promise_5: and neither do its octets");
}

#[tokio::test]
async fn m_t7_one_connection_carries_many_mails() {
    let world = World::new().await;
    let queue = world.open_with(Settings { per_destination: 1, mails_per_connection: 20, ..World::settings() });
    queue.run();
    for n in 0..60 {
        queue.commit(plan(vec![output(&["b@partner.example"], body(&format!("mail {n}")))])).await.unwrap();
    }
    until(|| is_empty(&queue)).await;
    assert_eq!((world.hop.taken().len(), world.hop.connections()), (60, 3));
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_destination_gets_no_more_connections_than_set() {
    let world = World::new().await;
    let queue = Arc::new(world.open_with(Settings { per_destination: 4, ..World::settings() }));
    queue.run();
    let commits: Vec<_> = (0..100)
        .map(|n| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.commit(plan(vec![output(&["b@partner.example"], body(&n.to_string()))])).await.unwrap() })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap();
    }
    until(|| is_empty(&queue)).await;
    assert!(world.hop.most_open() <= 4 && world.hop.taken().len() == 100, "{} at once", world.hop.most_open());
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_next_hop_that_dies_in_any_phase_costs_time_not_mail() {
    for phase in [Phase::Greeting, Phase::Hello, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot] {
        let world = World::new().await;
        world.hop.die(phase, 1);
        let queue = world.open();
        let mail = plan(vec![output(&["b@partner.example"], body("x"))]);
        queue.commit(mail.clone()).await.unwrap();
        until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
        let row = queue.list(None, 10, &QueueFilter::default()).remove(0);
        assert_eq!(row.next_try, Some(NOW.after(Duration::from_secs(300)).rfc3339()), "{phase:?}");
        assert!(row.last_error.is_some(), "{phase:?}");
        world.later(&queue, Duration::from_secs(299));
        assert_eq!(queue.counts().mails, 1);
        world.later(&queue, Duration::from_secs(1));
        until(|| is_empty(&queue)).await;
        // After the dot nobody knows: it is sent again (RFC 5321 §4.5.5).
        assert_eq!(world.hop.taken().len(), if phase == Phase::Dot { 2 } else { 1 }, "{phase:?}");
        queue.stop().await;
    }
}

#[tokio::test]
async fn m_t7_a_kept_connection_that_was_closed_is_replaced_at_once() {
    let world = World::new().await;
    let queue = world.open_with(Settings { per_destination: 1, ..World::settings() });
    queue.run();
    queue.commit(plan(vec![output(&["b@partner.example"], body("first"))])).await.unwrap();
    until(|| is_empty(&queue)).await;
    world.hop.die(Phase::Mail, 1);
    queue.commit(plan(vec![output(&["b@partner.example"], body("second"))])).await.unwrap();
    until(|| is_empty(&queue)).await;
    assert_eq!((world.hop.taken().len(), world.hop.connections()), (2, 2), "no retry time was waited for");
    queue.stop().await;
}

#[tokio::test]
async fn m_t2_a_server_that_takes_nothing_for_now_is_not_the_last_word() {
    for (address, reply) in [("MAIL a@company.example", "451 4.3.0 not now"), ("b@partner.example", "450 4.2.0 greylisted")] {
        let world = World::new().await;
        let second = Hop::start_at(&format!("127.0.0.2:{}", world.hop.port())).await;
        world.hop.refuse(address, reply);
        // One place for a connection: the second is not opened beside the first.
        let settings = Settings { mx_port: world.hop.port(), connections: 1, ..World::settings() };
        let queue = world.open_by(settings, TwoServers);
        queue.run();
        let by_mx =
            |text| Output { route: Route::Server { server: "partner.example".to_owned() }, ..output(&["b@partner.example"], body(text)) };
        queue.commit(plan(vec![by_mx("taken")])).await.unwrap();
        until(|| is_empty(&queue)).await;
        assert_eq!((world.hop.taken().len(), second.taken().len()), (0, 1), "{reply}");
        queue.stop().await;

        let queue = world.open_by(Settings { mx_port: world.hop.port(), connections: 1, ..World::settings() }, TwoServers);
        queue.run();
        second.refuse("b@partner.example", "550 5.1.1 never heard of");
        let mail = plan(vec![by_mx("deferred")]);
        queue.commit(mail.clone()).await.unwrap();
        until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
        let seen = queue.list(None, 1, &QueueFilter::default()).remove(0).last_error.unwrap();
        assert!(seen.contains(&reply[4..]), "what may be mended counts: {seen}");
        queue.stop().await;
    }
}

#[tokio::test]
async fn m_t7_only_who_was_not_served_is_tried_again() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![output(&["b@partner.example", "late@partner.example"], body("x"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.list(None, 10, &QueueFilter::default()).first().is_some_and(|row| row.to == ["late@partner.example"])).await;
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    let taken = world.hop.taken();
    assert_eq!(taken.iter().map(|mail| mail.to.join(" ")).collect::<Vec<_>>(), ["b@partner.example", "late@partner.example"]);
    queue.stop().await;
}

#[tokio::test]
async fn promise_7_mail_goes_on_while_the_store_is_away_and_effects_catch_up() {
    let world = World::new().await;
    *world.sink.away.lock() = true;
    let queue = world.open();
    let free = Plan { effects: vec![count()], ..plan(vec![output(&["b@partner.example"], body("free"))]) };
    let bound_output = Output { waits_for: Some(0), ..output(&["b@partner.example"], body("bound")) };
    let bound = Plan { effects: vec![count()], ..plan(vec![bound_output]) };
    queue.commit(free.clone()).await.unwrap();
    queue.commit(bound.clone()).await.unwrap();
    until(|| world.hop.taken().len() == 1 && *world.sink.calls.lock() > 3).await;
    assert!(world.hop.taken()[0].data.ends_with(b"free\r\n.dot\r\n"), "what needs its effect waits for it");
    *world.sink.away.lock() = false;
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 2);
    let applied: Vec<TraceId> = world.sink.applied.lock().keys().map(|id| id.trace).collect();
    assert_eq!(applied, [free.trace, bound.trace]);
    queue.stop().await;
}

#[tokio::test]
async fn refused_effects_of_one_mail_do_not_stop_the_others() {
    let world = World::new().await;
    let queue = world.open();
    let bad = Plan { effects: vec![count()], ..plan(vec![]) };
    let good = Plan { effects: vec![count()], ..plan(vec![]) };
    world.sink.refused.lock().insert(bad.trace);
    *world.sink.away.lock() = true;
    queue.commit(bad.clone()).await.unwrap();
    queue.commit(good.clone()).await.unwrap();
    *world.sink.away.lock() = false;
    until(|| world.sink.applied.lock().keys().any(|id| id.trace == good.trace)).await;
    world.sink.refused.lock().clear();
    until(|| is_empty(&queue)).await;
    queue.stop().await;
}

#[tokio::test]
async fn x_23_m_t2_what_was_opened_for_a_domain_leaves_by_no_other_way() {
    let world = World::new().await;
    world.hop.refuse("bob@company.example", "451 4.3.0 later");
    let queue = world.open();
    let to_bob = |opened: bool| Output {
        opened,
        inside: true,
        ..output(&["bob@company.example"], body(if opened { "opened" } else { "as it came" }))
    };
    let (opened, closed) = (plan(vec![to_bob(true)]), plan(vec![to_bob(false)]));
    for mail in [&opened, &closed] {
        queue.commit(mail.clone()).await.unwrap();
        until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
    }
    // The domain goes; the smart host would take the mail.
    world.hop.take_all();
    let (mut site, whole) = ((*model::Facts::site(&*world.facts)).clone(), model::Facts::site(&*world.facts));
    site.domains.remove("company.example");
    *world.facts.0.lock() = Arc::new(site);
    queue.retry_all();
    until(|| queue.show(opened.trace).is_some_and(|mail| mail.row.held) && queue.show(closed.trace).is_none()).await;
    assert!(world.hop.taken().iter().all(|mail| mail.data == body("as it came")));
    let row = queue.show(opened.trace).unwrap().row;
    assert!(row.last_error.unwrap().contains("not managed any more"));
    assert!(queue.hold(opened.trace, false) && queue.retry(opened.trace));
    until(|| queue.show(opened.trace).is_some_and(|mail| mail.row.held)).await;
    // Also after a restart; and it is delivered where the domain is back.
    queue.stop().await;
    let world = world.after_kill();
    let queue = world.open();
    assert!(queue.show(opened.trace).unwrap().row.held);
    *world.facts.0.lock() = whole;
    assert!(queue.hold(opened.trace, false) && queue.retry(opened.trace));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().last().unwrap().data, body("opened"));
    queue.stop().await;
}
