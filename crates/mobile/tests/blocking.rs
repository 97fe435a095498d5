//! Dialogues: what is blocked, ended or superseded, and in which words.

mod house;

use std::sync::Arc;
use std::time::{Duration, Instant};

use house::{House, command, command_in, field, ping, soon};
use mobile::Settings;
use model::device::{DeviceId, External, Override, Reported};
use model::site::MobileSettings;

#[tokio::test]
async fn g_8_a_blocked_device_hears_it_in_the_protocols_words() {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Blacklist);
    let mut phone = house.phone().await;
    phone.say(command("FolderSync", "x")).await;
    let (head, body) = phone.message().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(field(&head, "content-type"), Some("application/vnd.ms-sync.wbxml"));
    assert_eq!(body, b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x03129\x00\x01\x01");
    for request in
        [command_in("FolderSync", "12.1", ""), command("GetAttachment", ""), command("Sync", "").replace("MS-ASProtocolVersion", "X")]
    {
        phone.say(request).await;
        let (head, body) = phone.message().await;
        assert!(head.starts_with("HTTP/1.1 403") && body.is_empty(), "{head}");
    }
    phone.say(command("Sync", "").replace("DeviceId=PHONE1", "DeviceId=PHONE2")).await;
    let mut server = house.server().await;
    server.message().await;
    let counts = house.gate.counts();
    assert_eq!((counts.allowed, counts.blocked), (1, 4));
    let codes: Vec<_> = house.known.seen.lock().iter().map(|seen| seen.decision.code().into_owned()).collect();
    assert_eq!(codes, ["blacklisted", "blacklisted", "blacklisted", "blacklisted", "compliant"]);
    drop(server);
    assert!(house.is_quiet().await, "nothing of a blocked request reached the mail server");
}

#[tokio::test]
async fn g_31_what_is_reported_is_chosen_by_command() {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Blacklist);
    let told = async |name: &str| {
        house.known.seen.lock().clear();
        let mut phone = house.phone().await;
        phone.say(command(name, "x")).await;
        phone.message().await;
        let seen = house.known.seen.lock();
        seen.iter().map(|seen| format!("{} {} {}", seen.command, seen.gateway, seen.client)).collect::<Vec<_>>()
    };
    assert_eq!(told("FolderSync").await, ["FolderSync one 127.0.0.1"], "every command, with configuration and address");
    house.configure(|gateway| {
        gateway.report_recommended = false;
        gateway.report_required = vec!["Sync".into()];
        gateway.report_optional = vec!["Find".into()];
    });
    assert_eq!(told("FolderSync").await, Vec::<String>::new());
    assert_eq!((told("Sync").await.len(), told("Find").await.len()), (1, 1));
    assert_eq!(house.gate.counts().blocked, 4, "judged and counted all the same");
}

#[tokio::test]
async fn g_14_without_a_whole_policy_set_the_gate_is_closed_or_open_by_setting() {
    let house = House::new().await;
    house.change(|site| {
        site.policies_missing.insert("compromised".into());
    });
    assert!(!house.gate.is_ready(), "a balancer sends nobody here");
    let mut phone = house.phone().await;
    phone.say(command("FolderSync", "x")).await;
    phone.message().await;
    house.configure(|gateway| gateway.allow_without_policies = true);
    assert!(house.gate.is_ready());
    phone.say(command("FolderSync", "x")).await;
    let mut server = house.server().await;
    server.message().await;
    let codes: Vec<_> = house.known.seen.lock().iter().map(|seen| seen.decision.code().into_owned()).collect();
    assert_eq!(codes, ["no_policy", "no_policy_open"]);
}

#[tokio::test]
async fn g_3_a_hanging_ping_ends_within_a_second_when_its_device_is_blocked() {
    let house = House::new().await;
    for whole in [false, true] {
        house.set("carol", "phone1", Override::Default);
        let (mut phone, mut other) = (house.phone().await, house.phone().await);
        phone.say(command("Ping", "x")).await;
        let mut server = house.server().await;
        server.message().await;
        other.say(command("Ping", "x").replace("PHONE1", "PHONE2")).await;
        let mut beside = house.server().await;
        beside.message().await;
        house.set("carol", "phone1", Override::Blacklist);
        let since = Instant::now();
        let id = DeviceId::parse("Phone1").unwrap();
        let ended = if whole { house.gate.recheck() } else { house.gate.device_changed("EX\\Carol", &id) };
        assert_eq!(ended, 1);
        let (head, body) = phone.message().await;
        assert!(head.starts_with("HTTP/1.1 200"));
        assert_eq!(body, ping("129"));
        assert_eq!(server.rest().await, b"");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        beside.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert!(other.head().await.starts_with("HTTP/1.1 200"), "another device's Ping goes on");
    }
}

#[tokio::test]
async fn g_3_g_14_a_change_of_policy_ends_the_hanging_pings_of_those_whom_it_blocks() {
    let house = House::new().await;
    *house.known.reported.lock() = Some(std::sync::Arc::new(model::device::Reported { compromised: Some(true), ..Default::default() }));
    house.set("carol", "phone1", Override::Default);
    house.set("carol", "phone2", Override::Whitelist);
    let (mut phone, mut other) = (house.phone().await, house.phone().await);
    phone.say(command("Ping", "x")).await;
    let mut server = house.server().await;
    server.message().await;
    other.say(command("Ping", "x").replace("PHONE1", "PHONE2")).await;
    let mut beside = house.server().await;
    beside.message().await;
    house.policies(&[r#"{"type":"encryption","enabled":true}"#]);
    assert_eq!(house.gate.recheck(), 0, "this one blocks nobody");
    house.policies(&[r#"{"type":"compromised","enabled":true}"#]);
    assert_eq!(house.gate.recheck(), 1);
    let (head, body) = phone.message().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, ping("129"));
    assert_eq!(server.rest().await, b"", "upstream it ends too");
    assert_eq!(house.known.seen.lock().last().unwrap().decision.code(), "compromised");
    beside.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert!(other.head().await.starts_with("HTTP/1.1 200"), "a whitelisted device's Ping goes on");
}

#[tokio::test]
async fn g_3_an_answer_that_is_running_ends_when_its_device_is_blocked() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    phone.say(command("ItemOperations", "")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").await;
    phone.head().await;
    assert_eq!(phone.octets(4).await, b"some");
    house.set("carol", "phone1", Override::Blacklist);
    assert_eq!(house.gate.recheck(), 1);
    assert_eq!(phone.rest().await, b"");
    assert_eq!(server.rest().await, b"");
}

#[tokio::test]
async fn g_3_the_newest_poll_of_a_device_wins() {
    let house = House::new().await;
    let mut old = house.phone().await;
    old.say(command("Ping", "x")).await;
    let mut first = house.server().await;
    first.message().await;
    let mut sync = house.phone().await;
    sync.say(command("Sync", "not a poll")).await;
    let mut beside = house.server().await;
    beside.message().await;
    let mut new = house.phone().await;
    new.say(command("Ping", "x")).await;
    let mut second = house.server().await;
    second.message().await;
    assert_eq!(old.message().await.1, ping("1"));
    assert_eq!(first.rest().await, b"");
    assert_eq!(house.gate.counts().running, 2, "the Sync is no poll and goes on");
}

#[tokio::test]
async fn promise_9_a_stop_ends_polls_in_the_protocols_words_and_lets_answers_finish() {
    let house = House::with(Settings { drain: Duration::from_millis(50), ..Settings::default() }, "http").await;
    let (mut pinging, mut syncing, mut reading) = (house.phone().await, house.phone().await, house.phone().await);
    pinging.say(command("Ping", "x")).await;
    house.server().await.keep_open().message().await;
    syncing.say(command("Sync", "")).await;
    house.server().await.keep_open().message().await;
    reading.say(command("ItemOperations", "x")).await;
    let mut server = house.server().await;
    server.message().await;
    house.stop.cancel();
    let (head, body) = pinging.message().await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, ping("1"));
    assert_eq!(pinging.rest().await, b"");
    let (head, body) = syncing.message().await;
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}");
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmail").await;
    assert_eq!(reading.message().await.1, b"mail");
    soon("the end", async { assert_eq!(reading.rest().await, b"") }).await;
}

#[tokio::test]
async fn g_12_test_mode_passes_a_blacklisted_device() {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Blacklist);
    let mut site = model::Site::clone(&*house.known.site.lock());
    site.mobile = std::sync::Arc::new(serde_json::from_str(r#"{"test_mode":true}"#).unwrap());
    *house.known.site.lock() = std::sync::Arc::new(site);
    let mut phone = house.phone().await;
    phone.say(command("Sync", "")).await;
    house.server().await.message().await;
    assert_eq!(house.known.seen.lock()[0].decision.code(), "test_mode:blacklisted");
}

#[tokio::test]
async fn g_1_without_credentials_401_and_other_paths_403() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    for method in ["OPTIONS", "GET"] {
        phone.say(format!("{method} /microsoft-server-ACTIVESYNC HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let head = phone.head().await;
        assert!(head.starts_with("HTTP/1.1 401"), "{head}");
        assert!(field(&head, "www-authenticate").unwrap().starts_with("Basic realm="), "{head}");
    }
    phone.say("OPTIONS /owa HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 403"));
    phone.say(command("Ping", "").replace("?Cmd", "?Nothing")).await;
    assert!(phone.head().await.starts_with("HTTP/1.1 400"));
    assert_eq!(phone.rest().await, b"", "what is not readable ends the connection");
    assert!(house.is_quiet().await);
}

/// A FolderSync answer with nothing but this status.
fn status(code: &str) -> Vec<u8> {
    [b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x03", code.as_bytes(), b"\x00\x01\x01"].concat()
}

#[tokio::test]
async fn g_12a_what_the_mail_server_refuses_is_told_and_nothing_is_blocked_for_it() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    let kind = "Content-Type: application/vnd.ms-sync.wbxml\r\n";
    for (code, kind, body, told) in [
        ("200", kind, status("129"), &["compliant", "external_individual"][..]),
        ("403", "", Vec::new(), &["external_individual"]),
        ("503", "", Vec::new(), &["external_individual"]),
        ("200", kind, status("131"), &["external_individual", "external_global"]),
        ("200", kind, status("126"), &["external_global"]),
        ("200", kind, status("1"), &["external_global", "compliant"]),
        ("200", kind, status("108"), &["compliant"]),
        ("403", "", Vec::new(), &["compliant", "external_individual"]),
        ("200", "", status("129"), &["external_individual", "compliant"]),
    ] {
        house.known.seen.lock().clear();
        phone.say(command("FolderSync", "x")).await;
        let mut server = house.server().await;
        server.message().await;
        server.say(format!("HTTP/1.1 {code} Said\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())).await;
        server.say(&body).await;
        let (head, came) = phone.message().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {code}")) && came == body, "as it came: {head} {came:02x?}");
        let codes: Vec<_> = house.known.seen.lock().iter().map(|seen| seen.decision.code().into_owned()).collect();
        assert_eq!(codes, told, "{code} {body:02x?}");
    }
    assert_eq!((house.gate.counts().allowed, house.gate.counts().blocked), (9, 0), "each request once");
    house.set("carol", "phone1", Override::Blacklist);
    house.known.seen.lock().clear();
    phone.say(command("FolderSync", "x")).await;
    phone.message().await;
    assert_eq!(house.known.seen.lock()[0].decision.code(), "blacklisted", "our own word stands before theirs");
}

#[tokio::test]
async fn g_12a_what_others_report_as_blocked_is_blocked() {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Default);
    let mut phone = house.phone().await;
    for (external, code) in [(External::Individual, "external_individual"), (External::Global, "external_global")] {
        *house.known.reported.lock() = Some(Arc::new(Reported { external: Some(external), ..Reported::default() }));
        house.known.seen.lock().clear();
        phone.say(command("FolderSync", "x")).await;
        assert_eq!(phone.message().await.1, status("129"));
        assert_eq!(house.known.seen.lock()[0].decision.code(), code);
    }
    *house.known.reported.lock() = None;
    house.change(|site| site.mobile = Arc::new(MobileSettings { external_block: true, ..MobileSettings::default() }));
    phone.say(command("FolderSync", "x").replace("PHONE1", "PHONE2")).await;
    assert_eq!(phone.message().await.1, status("129"), "all devices");
    assert!(house.is_quiet().await, "nothing reached the mail server");
}
