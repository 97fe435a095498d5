//! Dialogues: folders that phones don't see (`sync_settings`, G-10). Bodies are written from MS-ASWBXML and MS-ASCMD.

mod house;

use house::wbxml::{El, body, el, shown, text};
use house::{CAROL, House, Talk, field};
use model::device::Override;

const HIDE: &str = r#"{"type":"sync_settings","enabled":true,"folders":[{"type":"calendar"},{"name":"Private*"}]}"#;

/// A command of carol's device with protocol 14.1.
fn request(name: &str, body: &[u8], query: &str) -> Vec<u8> {
    let head = format!(
        "POST /Microsoft-Server-ActiveSync?Cmd={name}&User=carol&DeviceId=PHONE1&DeviceType=Test{query} HTTP/1.1\r\nHost: gate.example\r\n\
         {CAROL}MS-ASProtocolVersion: 14.1\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One change of a FolderSync answer: kind of change, id, parent, name, kind of folder.
fn folder((change, id, parent, name, kind): (u8, &str, &str, &str, &str)) -> El {
    if change == 0x10 {
        return el(7, change, vec![text(7, 0x08, id)]);
    }
    el(7, change, vec![text(7, 0x08, id), text(7, 0x09, parent), text(7, 0x07, name), text(7, 0x0A, kind)])
}

fn folders(key: &str, changes: &[(u8, &str, &str, &str, &str)]) -> Vec<u8> {
    let mut list = vec![text(7, 0x17, &changes.len().to_string())];
    list.extend(changes.iter().copied().map(folder));
    body(&el(7, 0x16, vec![text(7, 0x0C, "1"), text(7, 0x12, key), el(7, 0x0E, list)]))
}

fn folder_sync(key: &str) -> Vec<u8> {
    body(&el(7, 0x16, vec![text(7, 0x12, key)]))
}

const ALL: [(u8, &str, &str, &str, &str); 6] = [
    (0x0F, "6", "5", "Below", "12"),
    (0x0F, "1", "0", "Inbox", "2"),
    (0x0F, "2", "0", "Calendar", "8"),
    (0x0F, "3", "0", "Work", "12"),
    (0x0F, "5", "0", "Private things", "12"),
    (0x0F, "7", "1", "Receipts", "12"),
];

/// The phone asks, the mail server answers, the phone gets that.
async fn asks(phone: &mut Talk, server: &mut Talk, request: Vec<u8>, answer: &[u8]) -> String {
    phone.say(request).await;
    server.message().await;
    let fields = "Content-Type: application/vnd.ms-sync.wbxml\r\nMS-Server-ActiveSync: 14.1\r\n";
    server.say([format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", answer.len()).as_bytes(), answer].concat()).await;
    let (head, got) = phone.message().await;
    assert_eq!(field(&head, "ms-server-activesync"), Some("14.1"));
    shown(&got)
}

/// What the gate answers by itself; it must not ask the mail server.
async fn told(house: &House, phone: &mut Talk, request: Vec<u8>) -> String {
    phone.say(request).await;
    let (head, got) = phone.message().await;
    assert!(house.is_quiet().await);
    if head.starts_with("HTTP/1.1 200") { shown(&got) } else { head.lines().take(1).collect() }
}

/// A phone that was shown its folders, and the connection to its mail server.
async fn acquainted(house: &House) -> (Talk, Talk) {
    house.policies(&[HIDE]);
    let mut phone = house.phone().await;
    phone.say(request("FolderSync", &folder_sync("0"), "")).await;
    let mut server = house.server().await;
    let (head, _) = server.message().await;
    assert_eq!(field(&head, "accept-encoding"), Some("identity"), "what is to be read comes without a coding");
    let answer = folders("1", &ALL);
    server.say([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len()).as_bytes(), &answer].concat()).await;
    let (_, got) = phone.message().await;
    assert_eq!(shown(&got), shown(&folders("1", &[ALL[1], ALL[3], ALL[5]])), "the calendar, what is private and what is below are gone");
    (phone, server)
}

#[tokio::test]
async fn g_10_folders_are_left_out_of_foldersync_and_counts_are_right() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    let changes = [
        (0x0F, "8", "3", "New", "12"),
        (0x0F, "9", "5", "Hidden by its parent", "12"),
        (0x0F, "10", "0", "Holidays", "13"),
        (0x11, "2", "0", "Calendar of carol", "8"),
        (0x11, "3", "0", "Work 2", "12"),
        (0x10, "6", "", "", ""),
        (0x10, "7", "", "", ""),
    ];
    let got = asks(&mut phone, &mut server, request("FolderSync", &folder_sync("1"), ""), &folders("2", &changes)).await;
    assert_eq!(got, shown(&folders("2", &[changes[0], changes[4], changes[6]])));
    let got = asks(&mut phone, &mut server, request("FolderSync", &folder_sync("2"), ""), &folders("2", &[])).await;
    assert_eq!(got, shown(&folders("2", &[])), "nothing new passes as it came");
}

#[tokio::test]
async fn g_10_the_inbox_is_never_hidden() {
    let house = House::new().await;
    house.policies(&[r#"{"type":"sync_settings","enabled":true,"folders":[{"name":"*"}]}"#]);
    let mut phone = house.phone().await;
    phone.say(request("FolderSync", &folder_sync("0"), "")).await;
    let mut server = house.server().await;
    server.message().await;
    let answer = folders("1", &ALL);
    server.say([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len()).as_bytes(), &answer].concat()).await;
    assert_eq!(shown(&phone.message().await.1), shown(&folders("1", &[ALL[1]])));
}

const SYNC: fn(&[&str]) -> Vec<u8> = |ids| {
    let collection = |id: &&str| el(0, 0x0F, vec![text(0, 0x0B, "1"), text(0, 0x12, id)]);
    body(&el(0, 0x05, vec![el(0, 0x1C, ids.iter().map(collection).collect())]))
};
const PING: fn(&[&str]) -> Vec<u8> = |ids| {
    let one = |id: &&str| el(13, 0x0A, vec![text(13, 0x0B, id), text(13, 0x0C, "Email")]);
    body(&el(13, 0x05, vec![text(13, 0x08, "600"), el(13, 0x09, ids.iter().map(one).collect())]))
};

#[tokio::test]
async fn g_10_every_command_refuses_hidden_folders_in_its_own_words() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    let estimate = |id| body(&el(6, 0x05, vec![el(6, 0x07, vec![el(6, 0x08, vec![text(0, 0x12, id)])])]));
    let search = |id| body(&el(15, 0x05, vec![el(15, 0x07, vec![text(15, 0x08, "Mailbox"), el(15, 0x09, vec![text(0, 0x12, id)])])]));
    let find = |id| body(&el(25, 0x05, vec![el(25, 0x07, vec![el(25, 0x08, vec![el(25, 0x09, vec![text(0, 0x12, id)])])])]));
    let fetch = |id| body(&el(20, 0x05, vec![el(20, 0x06, vec![text(20, 0x07, "Mailbox"), text(0, 0x12, id), text(0, 0x0D, "2:1")])]));
    let empty = |id| body(&el(20, 0x05, vec![el(20, 0x12, vec![text(0, 0x12, id)])]));
    let moved = |from, to| el(5, 0x06, vec![text(5, 0x07, "m"), text(5, 0x08, from), text(5, 0x09, to)]);
    let moves = |list| body(&el(5, 0x05, list));
    let meeting = body(&el(8, 0x07, vec![el(8, 0x09, vec![text(8, 0x0C, "1"), text(8, 0x06, "2"), text(8, 0x08, "r")])]));
    let forward = body(&el(21, 0x06, vec![el(21, 0x0B, vec![text(21, 0x0C, "2"), text(21, 0x0D, "i")]), text(21, 0x10, "mime")]));
    let nameless = body(&el(0, 0x05, vec![el(0, 0x1C, vec![el(0, 0x0F, vec![text(0, 0x10, "Calendar"), text(0, 0x0B, "1")])])]));
    let delete = body(&el(7, 0x14, vec![text(7, 0x12, "1"), text(7, 0x08, "2")]));
    let rename = |id, parent| body(&el(7, 0x15, vec![text(7, 0x12, "1"), text(7, 0x08, id), text(7, 0x09, parent), text(7, 0x07, "x")]));
    let create = body(&el(7, 0x13, vec![text(7, 0x12, "1"), text(7, 0x09, "5"), text(7, 0x07, "x"), text(7, 0x0A, "12")]));
    for (name, asked, answer) in [
        ("Sync", SYNC(&["1", "2"]), "0:05( 0:0E(12))"),
        ("Sync", SYNC(&["02"]), "0:05( 0:0E(12))"),
        ("Sync", SYNC(&["unknown"]), "0:05( 0:0E(12))"),
        ("Sync", nameless, "0:05( 0:0E(12))"),
        ("Ping", PING(&["1", "6"]), "13:05( 13:07(7))"),
        ("GetItemEstimate", estimate("2"), "6:05( 6:0D( 6:0E(2) 6:08( 6:0A(2))))"),
        ("Search", search("2"), "15:05( 15:0C(1) 15:0D( 15:07( 15:0C(11))))"),
        ("Find", find("2"), "25:05( 25:0A(3))"),
        ("ItemOperations", fetch("2"), "20:05( 20:0D(1) 20:0E( 20:06( 20:0D(6) 0:12(2) 0:0D(2:1))))"),
        ("ItemOperations", empty("5"), "20:05( 20:0D(1) 20:0E( 20:12( 20:0D(6) 0:12(5))))"),
        (
            "MoveItems",
            moves(vec![moved("2", "1"), moved("1", "2"), moved("1", "3")]),
            "5:05( 5:0A( 5:07(m) 5:0B(1)) 5:0A( 5:07(m) 5:0B(2)) 5:0A( 5:07(m) 5:0B(7)))",
        ),
        ("MeetingResponse", meeting, "8:07( 8:0A( 8:08(r) 8:0B(2)))"),
        ("SmartForward", forward, "21:06( 21:12(150))"),
        ("FolderDelete", delete, "7:14( 7:0C(4))"),
        ("FolderUpdate", rename("2", "0"), "7:15( 7:0C(4))"),
        ("FolderUpdate", rename("3", "5"), "7:15( 7:0C(5))"),
        ("FolderCreate", create, "7:13( 7:0C(5))"),
    ] {
        assert_eq!(told(&house, &mut phone, request(name, &asked, "")).await, answer, "{name}");
    }
    let old = request("SmartReply", b"From: carol", "&CollectionId=2&ItemId=i").escape_ascii().to_string();
    let old = old.replace("14.1", "12.1").replace("\\r\\n", "\r\n");
    assert_eq!(told(&house, &mut phone, old.into_bytes()).await, "HTTP/1.1 403 Forbidden");
    for broken in [&b"\x03\x01\x6a\x00\x45"[..], b"\x03\x01\x6a\x00\xff", b"x"] {
        let mut phone = house.phone().await;
        assert_eq!(told(&house, &mut phone, request("Sync", broken, "")).await, "HTTP/1.1 400 Bad Request");
    }
    for (name, asked) in
        [("Sync", SYNC(&["1", "7"])), ("Ping", PING(&["3"])), ("Search", search("7")), ("MoveItems", moves(vec![moved("1", "7")]))]
    {
        assert_eq!(asks(&mut phone, &mut server, request(name, &asked, ""), &asked).await, shown(&asked), "{name}");
    }
}

#[tokio::test]
async fn g_10_a_poll_says_its_folders_anew_before_it_may_say_as_before() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    assert_eq!(told(&house, &mut phone, request("Sync", b"", "")).await, "0:05( 0:0E(13))");
    assert_eq!(told(&house, &mut phone, request("Ping", b"", "")).await, "13:05( 13:07(3))");
    let partial = body(&el(0, 0x05, vec![el(0, 0x26, vec![]), el(0, 0x1C, vec![el(0, 0x0F, vec![text(0, 0x12, "1")])])]));
    assert_eq!(told(&house, &mut phone, request("Sync", &partial, "")).await, "0:05( 0:0E(13))");
    asks(&mut phone, &mut server, request("Sync", &SYNC(&["1"]), ""), &SYNC(&["1"])).await;
    asks(&mut phone, &mut server, request("Ping", &PING(&["1"]), ""), &PING(&["1"])).await;
    let empty = &[3, 1, 0x6a, 0, 5];
    asks(&mut phone, &mut server, request("Sync", b"", ""), empty).await;
    asks(&mut phone, &mut server, request("Sync", &partial, ""), empty).await;
    asks(&mut phone, &mut server, request("Ping", b"", ""), empty).await;
    asks(&mut phone, &mut server, request("FolderSync", &folder_sync("1"), ""), &folders("2", &[(0x0F, "9", "0", "More", "12")])).await;
    asks(&mut phone, &mut server, request("Ping", b"", ""), empty).await;
}

#[tokio::test]
async fn g_10_a_change_sends_the_phone_back_to_its_first_foldersync_once() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    let again = "7:16( 7:0C(9))";
    house.policies(&[r#"{"type":"sync_settings","enabled":true,"folders":[{"name":"Work"}]}"#]);
    assert_eq!(told(&house, &mut phone, request("Sync", &SYNC(&["1"]), "")).await, "0:05( 0:0E(12))", "until it has been told");
    assert_eq!(told(&house, &mut phone, request("FolderSync", &folder_sync("1"), "")).await, again);
    let got = asks(&mut phone, &mut server, request("FolderSync", &folder_sync("0"), ""), &folders("1", &ALL)).await;
    assert_eq!(got, shown(&folders("1", &[ALL[0], ALL[1], ALL[2], ALL[4], ALL[5]])));
    asks(&mut phone, &mut server, request("FolderSync", &folder_sync("1"), ""), &folders("1", &[])).await;
    asks(&mut phone, &mut server, request("Sync", &SYNC(&["2"]), ""), &SYNC(&["2"])).await;
    // Nothing is hidden any more: once too.
    house.policies(&[]);
    assert_eq!(told(&house, &mut phone, request("FolderSync", &folder_sync("1"), "")).await, again);
    phone.say(request("FolderSync", &folder_sync("1"), "")).await;
    let (head, _) = server.message().await;
    assert_eq!(field(&head, "accept-encoding"), Some("gzip"), "bodies are not read any more");
}

#[tokio::test]
async fn g_10_a_folder_that_changes_sides_is_told_by_a_first_foldersync() {
    let house = House::new().await;
    for change in [(0x11, "5", "0", "Open", "12"), (0x11, "3", "0", "Private work", "12"), (0x11, "3", "5", "Work", "12")] {
        let (mut phone, mut server) = acquainted(&house).await;
        let got = asks(&mut phone, &mut server, request("FolderSync", &folder_sync("1"), ""), &folders("2", &[change])).await;
        assert_eq!(got, "7:16( 7:0C(9))", "{change:?}");
        assert_eq!(told(&house, &mut phone, request("Sync", &SYNC(&["1"]), "")).await, "0:05( 0:0E(12))");
    }
}

#[tokio::test]
async fn g_10_hits_in_hidden_folders_are_not_found() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    let hit = |folder: &str| el(15, 0x0E, vec![text(0, 0x10, "Email"), text(15, 0x18, "L"), text(0, 0x12, folder)]);
    let found = |hits: Vec<El>, range: Vec<El>| {
        let mut store = vec![text(15, 0x0C, "1")];
        store.extend(hits);
        store.extend(range);
        body(&el(15, 0x05, vec![text(15, 0x0C, "1"), el(15, 0x0D, vec![el(15, 0x07, store)])]))
    };
    let search = request("Search", &body(&el(15, 0x05, vec![el(15, 0x07, vec![text(15, 0x08, "Mailbox")])])), "");
    let all = found(vec![hit("1"), hit("2"), hit("5"), hit("7")], vec![text(15, 0x0B, "10-13"), text(15, 0x10, "40")]);
    let left = found(vec![hit("1"), hit("7")], vec![text(15, 0x0B, "10-11"), text(15, 0x10, "38")]);
    assert_eq!(asks(&mut phone, &mut server, search.clone(), &all).await, shown(&left));
    let none = found(vec![hit("2")], vec![text(15, 0x0B, "0-0"), text(15, 0x10, "1")]);
    assert_eq!(asks(&mut phone, &mut server, search.clone(), &none).await, shown(&found(vec![], vec![text(15, 0x10, "0")])));
    let person = el(15, 0x0E, vec![el(15, 0x0F, vec![text(16, 0x05, "Carol")])]);
    let people = found(vec![person], vec![text(15, 0x0B, "0-0"), text(15, 0x10, "1")]);
    assert_eq!(asks(&mut phone, &mut server, search, &people).await, shown(&people), "the address book has no folders");
    let hit = |folder: &str| el(25, 0x12, vec![text(0, 0x10, "Email"), text(0, 0x0D, "i"), text(0, 0x12, folder)]);
    let found = |hits: Vec<El>, range: &str, total: &str| {
        let mut list = vec![text(25, 0x0A, "1")];
        list.extend(hits);
        list.extend([text(25, 0x0D, range), text(25, 0x16, total)]);
        body(&el(25, 0x05, vec![text(25, 0x0A, "1"), el(25, 0x11, list)]))
    };
    let find = request("Find", &body(&el(25, 0x05, vec![text(25, 0x06, "x")])), "");
    let got = asks(&mut phone, &mut server, find, &found(vec![hit("2"), hit("3")], "0-1", "2")).await;
    assert_eq!(got, shown(&found(vec![hit("3")], "0-0", "1")));
}

#[tokio::test]
async fn g_10_whitelisted_devices_too_and_nothing_in_test_mode() {
    let house = House::new().await;
    house.set("carol", "PHONE1", Override::Whitelist);
    let (mut phone, mut server) = acquainted(&house).await;
    assert_eq!(told(&house, &mut phone, request("Sync", &SYNC(&["2"]), "")).await, "0:05( 0:0E(12))");
    house.change(|site| site.mobile = std::sync::Arc::new(model::site::MobileSettings { test_mode: true, ..Default::default() }));
    phone.say(request("FolderSync", &folder_sync("1"), "")).await;
    assert_eq!(shown(&phone.message().await.1), "7:16( 7:0C(9))");
    phone.say(request("FolderSync", &folder_sync("0"), "")).await;
    server.message().await;
    let answer = folders("1", &ALL);
    server.say([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len()).as_bytes(), &answer].concat()).await;
    assert_eq!(phone.message().await.1, answer);
}

#[tokio::test]
async fn g_10_the_folder_that_a_phone_makes_is_known_and_the_old_list_is_cut() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    let create = |name| body(&el(7, 0x13, vec![text(7, 0x12, "1"), text(7, 0x09, "0"), text(7, 0x07, name), text(7, 0x0A, "12")]));
    let made = |id| body(&el(7, 0x13, vec![text(7, 0x0C, "1"), text(7, 0x12, "2"), text(7, 0x08, id)]));
    asks(&mut phone, &mut server, request("FolderCreate", &create("Mine"), ""), &made("20")).await;
    asks(&mut phone, &mut server, request("Sync", &SYNC(&["20"]), ""), &SYNC(&["20"])).await;
    let one = |(_, id, parent, name, kind): (u8, &str, &str, &str, &str)| {
        el(7, 0x06, vec![text(7, 0x07, name), text(7, 0x08, id), text(7, 0x0A, kind), text(7, 0x09, parent)])
    };
    let list = |folders: &[(u8, &str, &str, &str, &str)]| body(&el(7, 0x05, folders.iter().copied().map(one).collect()));
    let got = asks(&mut phone, &mut server, request("GetHierarchy", b"", ""), &list(&ALL)).await;
    assert_eq!(got, shown(&list(&[ALL[1], ALL[3], ALL[5]])));
    asks(&mut phone, &mut server, request("FolderCreate", &create("Private 2"), ""), &made("21")).await;
    assert_eq!(told(&house, &mut phone, request("FolderSync", &folder_sync("2"), "")).await, "7:16( 7:0C(9))");
}

#[tokio::test]
async fn x_23_an_answer_that_can_not_be_judged_is_not_passed_on() {
    let house = House::new().await;
    let (mut phone, mut server) = acquainted(&house).await;
    for answer in [&b"\x03\x01\x6a\x00\x00\x07\x56\x4c"[..], b"<xml/>"] {
        phone.say(request("FolderSync", &folder_sync("1"), "")).await;
        server.message().await;
        server.say([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len()).as_bytes(), answer].concat()).await;
        let (head, got) = phone.message().await;
        assert!(head.starts_with("HTTP/1.1 502") && got.is_empty(), "{head}");
    }
    phone.say(request("FolderSync", &folder_sync("1"), "")).await;
    server.message().await;
    server.say("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx").await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 502"));
}
