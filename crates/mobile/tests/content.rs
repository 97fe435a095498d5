//! Dialogues: attachments, links and tags at protocol 16.1, with a mail server whose octets are written by hand from MS-ASWBXML.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers fail by panicking")]

mod house;

use std::sync::Arc;

use house::{House, command_in, field};
use mobile::Settings;
use model::Site;
use model::device::{Override, Reported};
use model::site::PolicyRule;

const ATTACHMENTS: &str =
    r#"{"type":"attachments","enabled":true,"classes":{"unmanaged":[{"types":"EXE","action":"block","text":"No programs."}]}}"#;
const TAGS: &str =
    r#"{"type":"classification","enabled":true,"rows":[{"tag":"Confidential","action":"block","template":"Ask the office."}]}"#;
const LINKS: &str = r#"{"type":"hyperlinks","enabled":true,"schemes":[{"http":"x","https":"xs"}]}"#;

/// An element with this inside; the code page is named before each.
fn el(page: u8, tag: u8, inside: &[&[u8]]) -> Vec<u8> {
    [&[0, page, tag | 0x40][..], &inside.concat(), &[1]].concat()
}

fn text(page: u8, tag: u8, value: &str) -> Vec<u8> {
    el(page, tag, &[&[3], value.as_bytes(), &[0]])
}

fn opaque(page: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    assert!(value.len() < 16_384);
    let length = [0x80 | (value.len() >> 7) as u8, (value.len() & 0x7F) as u8];
    el(page, tag, &[&[0xC3], &length, value])
}

fn wbxml(root: &[u8]) -> Vec<u8> {
    [&[3, 1, 0x6A, 0][..], root].concat()
}

/// A Sync answer with one mail: subject, text, and an attachment.
fn sync(subject: &str, body: &str, name: &str) -> Vec<u8> {
    let attachment = el(17, 0x0F, &[&text(17, 0x10, name), &text(17, 0x11, "5:1:0"), &text(17, 0x12, "1"), &text(17, 0x0C, "9")]);
    let shown = el(17, 0x0A, &[&text(17, 0x06, "1"), &text(17, 0x0C, &body.len().to_string()), &text(17, 0x0B, body)]);
    let data = el(0, 0x1D, &[&text(2, 0x14, subject), &el(17, 0x0E, &[&attachment]), &shown]);
    let add = el(0, 0x07, &[&text(0, 0x0D, "5:1"), &data]);
    let collection = el(0, 0x0F, &[&text(0, 0x0B, "7"), &text(0, 0x12, "5"), &text(0, 0x0E, "1"), &el(0, 0x16, &[&add])]);
    wbxml(&el(0, 0x05, &[&el(0, 0x1C, &[&collection])]))
}

fn request(command: &str, body: &[u8]) -> Vec<u8> {
    let head = command_in(command, "16.1", "").replace("Content-Length: 0", &format!("Content-Length: {}", body.len()));
    [head.as_bytes(), body].concat()
}

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

const WBXML: &str = "application/vnd.ms-sync.wbxml";

fn has(octets: &[u8], word: &str) -> bool {
    octets.windows(word.len()).any(|window| window == word.as_bytes())
}

/// The reference that the phone got: from `sg1.` to the end of the string.
fn reference(octets: &[u8]) -> String {
    let at = octets.windows(4).position(|window| window == b"sg1.").expect("a reference of ours");
    let rest = &octets[at..];
    String::from_utf8(rest[..rest.iter().position(|octet| *octet == 0).unwrap()].to_vec()).unwrap()
}

fn policies(house: &House, policies: &[&str]) {
    let mut site = Site::clone(&house.known.site.lock().clone());
    site.policies.clear();
    for text in policies {
        let rule = PolicyRule::new(serde_json::from_str(text).unwrap()).unwrap();
        site.policies.insert((rule.kind, rule.policy.key()), Arc::new(rule));
    }
    *house.known.site.lock() = Arc::new(site);
}

async fn house(with: &[&str]) -> House {
    let house = House::new().await;
    policies(&house, with);
    house
}

fn fetch(reference: &str) -> Vec<u8> {
    let options = el(20, 0x08, &[&text(20, 0x09, "0-99")]);
    wbxml(&el(20, 0x05, &[&el(20, 0x06, &[&text(20, 0x07, "Mailbox"), &text(17, 0x11, reference), &options])]))
}

fn fetched(reference: &str, data: &[u8]) -> Vec<u8> {
    let properties = el(20, 0x0B, &[&text(17, 0x17, "application/octet-stream"), data]);
    let fetch = el(20, 0x06, &[&text(20, 0x0D, "1"), &text(17, 0x11, reference), &properties]);
    wbxml(&el(20, 0x05, &[&text(20, 0x0D, "1"), &el(20, 0x0E, &[&fetch])]))
}

#[tokio::test]
async fn g_21_a_blocked_attachment_is_a_text_in_sync_item_operations_and_get_attachment() {
    let house = house(&[ATTACHMENTS]).await;
    let mut phone = house.phone().await;
    phone.say(request("Sync", b"")).await;
    let mut server = house.server().await;
    let (head, _) = server.message().await;
    assert!(field(&head, "accept-encoding").is_none_or(|value| value == "identity"), "{head}");
    server.say(answer(WBXML, &sync("s", "hello", "tool.exe"))).await;
    let (_, shown) = phone.message().await;
    let ours = reference(&shown);
    assert!(has(&shown, "tool.exe.txt\0") && ours.len() <= 255 && has(&shown, "hello"));
    // Everything else is as it was.
    let expected = String::from_utf8_lossy(&sync("s", "hello", "tool.exe.txt")).replace("5:1:0", &ours).replace("\u{3}9\0", "\u{3}12\0");
    assert_eq!(String::from_utf8_lossy(&shown), expected);

    phone.say(request("ItemOperations", &fetch(&ours))).await;
    let (_, asked) = server.message().await;
    assert!(has(&asked, "5:1:0") && !has(&asked, "sg1.") && !has(&asked, "0-99"), "a whole one, by the server's own name");
    server.say(answer(WBXML, &fetched("5:1:0", &text(20, 0x0C, "TVo=")))).await;
    let (_, got) = phone.message().await;
    assert!(has(&got, "Tm8gcHJvZ3JhbXMu") && !has(&got, "TVo=") && has(&got, &ours) && has(&got, "text/plain"));

    let parts = fetched("5:1:0", &text(20, 0x11, "1"));
    let place = |number: usize| (number as u32).to_le_bytes();
    let table = [place(2), place(20), place(parts.len()), place(20 + parts.len()), place(2)].concat();
    phone.say(request("ItemOperations", &fetch(&ours))).await;
    server.message().await;
    server.say(answer("application/vnd.ms-sync.multipart", &[&table[..], &parts, b"MZ"].concat())).await;
    let (_, got) = phone.message().await;
    assert!(got.ends_with(b"No programs.") && got[16..20] == place(12) && has(&got, &ours));

    let get = command_in("GetAttachment", "12.1", "").replace("&DeviceType", &format!("&AttachmentName={ours}&DeviceType"));
    phone.say(get).await;
    let (head, _) = server.message().await;
    assert!(head.contains("AttachmentName=5%3A1%3A0&"), "{head}");
    server.say(answer("application/octet-stream", b"MZ")).await;
    let (head, got) = phone.message().await;
    assert_eq!((field(&head, "content-type"), &got[..]), (Some("text/plain; charset=utf-8"), &b"No programs."[..]));
}

#[tokio::test]
async fn g_26_an_attachment_that_cannot_be_judged_is_blocked_or_as_set() {
    let house = house(&[ATTACHMENTS]).await;
    let mut phone = house.phone().await;
    phone.say(request("ItemOperations", &fetch("5:1:0"))).await;
    let mut server = house.server().await;
    server.message().await;
    server.say(answer(WBXML, &fetched("5:1:0", &text(20, 0x0C, "aGVsbG8=")))).await;
    let (_, got) = phone.message().await;
    assert!(!has(&got, "aGVsbG8="), "nobody knows its name");
    house.configure(|gateway| gateway.attachments_without_policy = model::site::WithoutPolicy::Allow);
    phone.say(request("ItemOperations", &fetch("5:1:0"))).await;
    server.message().await;
    server.say(answer(WBXML, &fetched("5:1:0", &text(20, 0x0C, "aGVsbG8=")))).await;
    assert!(has(&phone.message().await.1, "aGVsbG8="));
}

#[tokio::test]
async fn g_26_an_answer_that_is_too_big_becomes_a_text() {
    let settings = Settings { pool_rest: std::time::Duration::ZERO, inspected_body: 4_096, ..Settings::default() };
    let house = House::with(settings, "http").await;
    policies(&house, &[ATTACHMENTS]);
    let mut phone = house.phone().await;
    phone.say(request("Sync", b"")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say(answer(WBXML, &sync("s", "hello", "a.txt"))).await;
    let ours = reference(&phone.message().await.1);
    phone.say(request("ItemOperations", &fetch(&ours))).await;
    server.message().await;
    server.say(answer(WBXML, &fetched("5:1:0", &text(20, 0x0C, &"Q".repeat(8_192))))).await;
    let (head, got) = phone.message().await;
    assert!(head.starts_with("HTTP/1.1 200") && has(&got, &ours) && !has(&got, "QQQQ"), "{head}");
    let mut phone = house.phone().await;
    let get = command_in("GetAttachment", "12.1", "").replace("&DeviceType", &format!("&AttachmentName={ours}&DeviceType"));
    phone.say(get).await;
    let mut server = house.server().await;
    server.message().await;
    server.say(answer("text/plain", &[b'Q'; 8_192])).await;
    let (head, got) = phone.message().await;
    assert!(head.starts_with("HTTP/1.1 200") && !has(&got, "QQQQ"), "{head}");
}

/// What the gate asks before a forward, and what the server says of the mail.
fn whole(subject: &str, name: &str, mime: &[u8]) -> Vec<u8> {
    let list = el(17, 0x0E, &[&el(17, 0x0F, &[&text(17, 0x10, name), &text(17, 0x11, "5:1:0")])]);
    let shown = el(17, 0x0A, &[&text(17, 0x06, "4"), &opaque(17, 0x0B, mime)]);
    let fetch = el(20, 0x06, &[&text(20, 0x0D, "1"), &el(20, 0x0B, &[&text(2, 0x14, subject), &list, &shown])]);
    wbxml(&el(20, 0x05, &[&text(20, 0x0D, "1"), &el(20, 0x0E, &[&fetch])]))
}

fn forward() -> Vec<u8> {
    let source = el(21, 0x0B, &[&text(21, 0x0C, "5"), &text(21, 0x0D, "5:1")]);
    wbxml(&el(21, 0x06, &[&text(21, 0x11, "c1"), &source, &opaque(21, 0x10, b"Subject: x\r\n\r\nsee below\r\n")]))
}

#[tokio::test]
async fn g_21_g_23_a_forward_cannot_carry_out_what_was_removed() {
    let house = house(&[ATTACHMENTS, TAGS]).await;
    let mut phone = house.phone().await;
    let mime = b"Subject: x\r\n\r\nhello\r\n";
    let mut server = None;
    for (subject, name, passes) in [("x", "tool.exe", false), ("[Confidential] x", "a.txt", false), ("x", "a.txt", true)] {
        phone.say(request("SmartForward", &forward())).await;
        let server = match &mut server {
            Some(server) => server,
            none => none.insert(house.server().await),
        };
        let (head, asked) = server.message().await;
        assert!(head.contains("?Cmd=ItemOperations&") && head.contains("DeviceId=PHONE1"), "{head}");
        assert!(field(&head, "authorization").is_some() && has(&asked, "5:1\0") && has(&asked, "Mailbox"));
        server.say(answer(WBXML, &whole(subject, name, mime))).await;
        if passes {
            let (head, sent) = server.message().await;
            assert!(head.contains("Cmd=SmartForward") && sent == forward(), "octet for octet");
            server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            assert!(phone.message().await.0.starts_with("HTTP/1.1 200"));
        } else {
            let (head, said) = phone.message().await;
            assert!(head.starts_with("HTTP/1.1 200") && has(&said, "\u{3}117\0"), "{subject} {name}: {said:02x?}");
        }
    }
    // The mail server does not know the mail: what can't be seen does not leave.
    phone.say(request("SmartForward", &forward())).await;
    let server = server.as_mut().unwrap();
    server.message().await;
    server.say(answer(WBXML, &wbxml(&el(20, 0x05, &[&text(20, 0x0D, "1")])))).await;
    assert!(has(&phone.message().await.1, "\u{3}117\0"));
    let old = command_in("SmartForward", "2.5", "Subject: x\r\n\r\nhi").replace("&DeviceType", "&CollectionId=5&ItemId=5:1&DeviceType");
    phone.say(old).await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 403"), "2.5 has no way to ask");
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn g_22_links_open_in_the_managed_browser_and_are_what_they_were_in_replies() {
    let house = house(&[LINKS]).await;
    house.set("carol", "PHONE1", Override::Default);
    *house.known.reported.lock() = Some(Arc::new(Reported { managed: true, ..Reported::default() }));
    let mut phone = house.phone().await;
    phone.say(request("Sync", b"")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say(answer(WBXML, &sync("s", "see https://intra.test/a", "a.txt"))).await;
    let (_, shown) = phone.message().await;
    assert_eq!(shown, sync("s", "see xs://intra.test/a", "a.txt"), "the link and its length, nothing else");
    let mail = |link: &str| {
        wbxml(&el(21, 0x05, &[&text(21, 0x11, "c1"), &opaque(21, 0x10, format!("Subject: x\r\n\r\n> {link}\r\n").as_bytes())]))
    };
    phone.say(request("SendMail", &mail("xs://intra.test/a"))).await;
    let (_, sent) = server.message().await;
    assert!(has(&sent, "> https://intra.test/a\r\n") && !has(&sent, "xs://"));
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    phone.message().await;
    phone.say(request("SendMail", &mail("https://intra.test/a"))).await;
    assert_eq!(server.message().await.1, mail("https://intra.test/a"), "octet for octet");
}

#[tokio::test]
async fn g_23_a_policy_that_comes_while_a_sync_hangs_counts_for_its_answer() {
    let house = house(&[]).await;
    let mut phone = house.phone().await;
    phone.say(request("Sync", b"")).await;
    let mut server = house.server().await;
    server.message().await;
    policies(&house, &[TAGS]);
    server.say(answer(WBXML, &sync("[Confidential] s", "CANARY", "a.txt"))).await;
    let (_, shown) = phone.message().await;
    assert!(has(&shown, "Ask the office.") && !has(&shown, "CANARY") && !has(&shown, "a.txt") && has(&shown, "[Confidential] s"));
}

#[tokio::test]
async fn g_25_g_26_an_answer_that_cannot_be_read_is_refused_where_something_would_be_taken_away() {
    let house = house(&[TAGS]).await;
    let mut phone = house.phone().await;
    phone.say(request("Sync", b"")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say(answer(WBXML, b"\x03\x01\x6a\x00\x45CANARY")).await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 502"));
    policies(&house, &[]);
    phone.say(request("Sync", b"")).await;
    server.message().await;
    server.say(answer(WBXML, b"\x03\x01\x6a\x00\x45CANARY")).await;
    assert!(has(&phone.message().await.1, "CANARY"), "nothing is looked at");
}
