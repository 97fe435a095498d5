//! Dialogues: what diagnostics keep of single devices, and what they never keep.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod house;

use house::{House, command, field, ping, soon};
use model::Transaction;
use model::device::Override;
use model::site::Diagnostic;

/// What was told, once it is so much.
async fn told(house: &House, count: usize) -> Vec<Transaction> {
    soon("the transactions", async {
        while house.known.transactions.lock().len() < count {
            tokio::task::yield_now().await;
        }
    })
    .await;
    std::mem::take(&mut *house.known.transactions.lock())
}

fn words(one: &Transaction) -> String {
    format!("{} {} {} {} {} {:?} {}", one.command, one.version, one.decision.code(), one.status, one.sent, one.received, one.whole)
}

#[tokio::test]
async fn g_31_a_diagnosed_devices_requests_are_kept_with_their_answers_and_nothing_secret() {
    let house = House::new().await;
    house.known.diagnosed.lock().push("phone1".into());
    let mut phone = house.phone().await;
    phone.say(command("ItemOperations", "secret body")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 13\r\nSet-Cookie: a=hidden\r\n\r\nsecret answer").await;
    assert_eq!(phone.message().await.1, b"secret answer");
    let all = told(&house, 1).await;
    assert_eq!(words(&all[0]), "ItemOperations 14.1 compliant 200 13 Some(11) true");
    let told_text = format!("{all:?}");
    for secret in ["secret", "Y2Fyb2w6", "carolpw", "hidden", "Cmd="] {
        assert!(!told_text.contains(secret), "{secret}: {told_text}");
    }
    assert_eq!((all[0].gateway.as_str(), all[0].client.as_str(), all[0].agent.as_str()), ("one", "127.0.0.1", "Test/1"));

    house.set("carol", "phone1", Override::Blacklist);
    phone.say(command("FolderSync", "x")).await;
    let (head, body) = phone.message().await;
    assert_eq!(field(&head, "content-length"), Some("15"), "{head}");
    assert_eq!(words(&told(&house, 1).await[0]), format!("FolderSync 14.1 blacklisted 200 {} Some(1) true", body.len()));
    phone.say(command("GetAttachment", "")).await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 403"));
    assert_eq!(words(&told(&house, 1).await[0]), "GetAttachment 14.1 blacklisted 403 0 Some(0) true");

    let mut other = house.phone().await;
    other.say(command("Sync", "").replace("PHONE1", "PHONE2")).await;
    server.message().await;
    assert!(house.known.transactions.lock().is_empty(), "another device is not kept");
}

#[tokio::test]
async fn g_31_a_poll_that_is_blocked_or_given_up_is_kept_with_its_end() {
    let house = House::new().await;
    house.known.diagnosed.lock().push("phone1".into());
    house.set("carol", "phone1", Override::Default);
    let mut phone = house.phone().await;
    phone.say(command("Ping", "x")).await;
    house.server().await.keep_open().message().await;
    house.set("carol", "phone1", Override::Blacklist);
    assert_eq!(house.gate.recheck(), 1);
    assert_eq!(phone.message().await.1, ping("129"));
    assert_eq!(words(&told(&house, 1).await[0]), "Ping 14.1 blacklisted 200 15 Some(1) true", "the decision that ended it");
    house.set("carol", "phone1", Override::Default);
    phone.say(command("Ping", "x")).await;
    house.server().await.keep_open().message().await;
    drop(phone);
    assert_eq!(words(&told(&house, 1).await[0]), "Ping 14.1 compliant 0 0 Some(1) false", "the phone went");
}

#[tokio::test]
async fn g_31_as_many_as_the_configuration_says() {
    let house = House::new().await;
    house.known.diagnosed.lock().push("phone1".into());
    house.set("carol", "phone1", Override::Blacklist);
    house.configure(|gateway| gateway.diagnostic = Diagnostic { count: 2, every_minutes: 60 });
    let mut phone = house.phone().await;
    for _ in 0..4 {
        phone.say(command("FolderSync", "x")).await;
        phone.message().await;
    }
    phone.say("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    phone.message().await;
    assert_eq!(told(&house, 2).await.len(), 2);
    assert_eq!(house.gate.counts().blocked, 4, "judged and counted all the same");
}
