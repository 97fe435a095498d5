//! What one next hop, one attempt, the memory and a changed setting may do to mail on its way.

use super::*;

/// The reply that a mail was deferred with, as soon as it was.
async fn deferred(queue: &Queue, trace: TraceId) -> String {
    let reply = || queue.show(trace).and_then(|mail| mail.recipients.first().and_then(|rcpt| rcpt.last_error.clone()));
    until(|| reply().is_some()).await;
    reply().unwrap_or_default()
}

#[tokio::test]
async fn x_23_m_t4_a_raised_level_counts_for_mail_that_stands_in_its_lane() {
    let world = World::new().await;
    let queue = world.open_with(Settings { per_destination: 1, ..World::settings() });
    queue.run();
    world.hop.hang(true);
    queue.commit(plan(vec![output(&["b@partner.example"], body("first"))])).await.unwrap();
    until(|| world.hop.taken().len() == 1).await;
    let second = plan(vec![output(&["b@partner.example"], body("second"))]);
    queue.commit(second.clone()).await.unwrap();
    world.mail_settings(r#","tls_out":"encrypt""#);
    world.hop.hang(false);
    let reply = deferred(&queue, second.trace).await;
    assert!(reply.contains("TLS") || reply.contains("STARTTLS"), "{reply}");
    assert_eq!(world.hop.taken().len(), 1, "it did not go in clear");
    queue.stop().await;
}

#[tokio::test]
async fn m_t2_a_new_server_counts_for_mail_that_stands_in_its_lane() {
    let mut world = World::new().await;
    let queue = world.open_with(Settings { per_destination: 1, ..World::settings() });
    queue.run();
    world.hop.hang(true);
    for text in ["first", "second"] {
        queue.commit(plan(vec![output(&["b@company.example"], body(text))])).await.unwrap();
    }
    until(|| world.hop.taken().len() == 1).await;
    let old = std::mem::replace(&mut world.hop, Hop::start().await);
    world.mail_settings("");
    old.hang(false);
    until(|| is_empty(&queue)).await;
    assert_eq!((old.taken().len(), world.hop.taken().len()), (1, 1));
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_an_attempt_has_one_time_whatever_the_next_hop_does() {
    let world = World::new().await;
    // Takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("[127.0.0.1]:{}", silent.local_addr().unwrap().port());
    let queue = world.open_with(Settings { attempt: Duration::from_millis(100), ..World::settings() });
    queue.run();
    let mail = plan(vec![Output { route: Route::Server { server }, ..output(&["b@partner.example"], body("x")) }]);
    queue.commit(mail.clone()).await.unwrap();
    let reply = deferred(&queue, mail.trace).await;
    assert!(reply.contains("took too long to open a session"), "{reply}");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_one_mail_has_one_time_over_an_open_session() {
    let world = World::new().await;
    let queue = world.open_with(Settings { delivery: Duration::from_millis(200), per_destination: 1, ..World::settings() });
    queue.run();
    world.hop.hang(true);
    let mail = plan(vec![output(&["b@partner.example"], body("x"))]);
    queue.commit(mail.clone()).await.unwrap();
    let reply = deferred(&queue, mail.trace).await;
    assert!(reply.contains("took too long over one mail"), "{reply}");
    world.hop.hang(false);
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.connections(), 2, "what was cut off in the middle is used no more");
    queue.stop().await;
}

#[tokio::test]
async fn m_t6_content_is_read_as_there_is_room_for_it() {
    let world = World::new().await;
    let settings = Settings { content_cache: 0, reading: 4 << 20, per_destination: 10, ..World::settings() };
    let queue = world.open_with(settings);
    let large: Bytes = body("large").into_iter().chain(b"0123456789 0123456789\r\n".repeat(50_000)).collect::<Vec<u8>>().into();
    for n in 0..10 {
        queue.commit(plan(vec![output(&["b@partner.example"], large.clone())])).await.unwrap();
        if n < 5 {
            queue.commit(plan(vec![output(&["b@partner.example"], body("small"))])).await.unwrap();
        }
    }
    let all = queue.core.reading.free();
    world.hop.hang(true);
    queue.run();
    let count = |large: bool| world.hop.taken().iter().filter(|mail| (mail.data.len() > 1_000) == large).count();
    until(|| count(false) == 5 && count(true) == 1).await;
    assert_eq!(world.hop.most_open(), 6, "there is room for one of 1.1 MB at a time, and for small mail beside it");
    world.hop.hang(false);
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 15);
    until(|| queue.core.reading.free() == all).await;
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_of_a_record_with_several_contents_one_is_kept_in_memory() {
    let world = World::new().await;
    let settings = Settings { content_cache: 0, ..World::settings() };
    let queue = world.open_with(settings);
    let text = |n: usize| -> Bytes { body(&"x".repeat(400_000 + n)) };
    let mail = plan((0..4).map(|n| output(&["b@partner.example"], text(n))).collect());
    queue.commit(mail.clone()).await.unwrap();
    let content = queue.core.stored(mail.trace, 2).await.unwrap().content;
    assert_eq!(content, text(2));
    assert!(content.is_unique(), "no slice of the whole record");
    queue.stop().await;
}
