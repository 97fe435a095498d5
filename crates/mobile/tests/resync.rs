//! Dialogues: a device that is ordered to sync anew does so, each folder once (A-8, G-25). Bodies are written from MS-ASWBXML and
//! MS-ASCMD.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a dialogue fails by panicking")]

mod house;

use house::wbxml::{El, body, el, shown, text};
use house::{CAROL, House, Talk, ping};
use model::device::{Orders, Override};
use model::site::ResyncOrder;

/// A command of carol's device with protocol 14.1.
fn request(name: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /Microsoft-Server-ActiveSync?Cmd={name}&User=carol&DeviceId=PHONE1&DeviceType=Test HTTP/1.1\r\nHost: gate.example\r\n\
         {CAROL}MS-ASProtocolVersion: 14.1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A Sync of folders: id and key of each.
fn sync(folders: &[(&str, &str)]) -> Vec<u8> {
    let one = |(id, key): &(&str, &str)| el(0, 0x0F, vec![text(0, 0x0B, key), text(0, 0x12, id)]);
    body(&el(0, 0x05, vec![el(0, 0x1C, folders.iter().map(one).collect())]))
}

/// An answer to a Sync: id, key and status of each folder.
fn synced(folders: &[(&str, &str, &str)]) -> Vec<u8> {
    let one = |(id, key, status): &(&str, &str, &str)| el(0, 0x0F, vec![text(0, 0x0B, key), text(0, 0x12, id), text(0, 0x0E, status)]);
    body(&el(0, 0x05, vec![el(0, 0x1C, folders.iter().map(one).collect())]))
}

fn folder_sync(key: &str) -> Vec<u8> {
    body(&el(7, 0x16, vec![text(7, 0x12, key)]))
}

fn folders(key: &str) -> Vec<u8> {
    body(&el(7, 0x16, vec![text(7, 0x0C, "1"), text(7, 0x12, key), el(7, 0x0E, vec![text(7, 0x17, "0")])]))
}

fn status(page: u8, root: u8, token: u8, status: &str) -> String {
    shown(&body(&el(page, root, vec![text(page, token, status)])))
}

/// What the gate answers by itself; it must not ask the mail server.
async fn told(house: &House, phone: &mut Talk, request: Vec<u8>) -> String {
    phone.say(request).await;
    let (head, got) = phone.message().await;
    assert!(house.is_quiet().await, "the mail server was asked");
    if head.starts_with("HTTP/1.1 200") { shown(&got) } else { head.lines().take(1).collect() }
}

/// The phone asks, the mail server hears this and answers; what the phone gets.
async fn passes(phone: &mut Talk, server: &mut Talk, request: Vec<u8>, heard: &[u8], answer: &[u8]) -> Vec<u8> {
    phone.say(request).await;
    let (_, got) = server.message().await;
    assert_eq!((shown_or_empty(&got), got.len()), (shown_or_empty(heard), heard.len()), "what the mail server hears");
    say(server, answer).await;
    phone.message().await.1
}

fn shown_or_empty(octets: &[u8]) -> String {
    if octets.is_empty() { String::new() } else { shown(octets) }
}

async fn say(server: &mut Talk, answer: &[u8]) {
    server.say([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len()).as_bytes(), answer].concat()).await;
}

/// The text of the first element with this tag, as the phone reads it.
fn key_in(octets: &[u8], tag: u8) -> String {
    let at = octets.windows(2).position(|two| two == [tag | 0x40, 3]).expect("a key") + 2;
    let rest = &octets[at..];
    String::from_utf8(rest[..rest.iter().position(|octet| *octet == 0).unwrap()].to_vec()).unwrap()
}

fn order(house: &House, resync: i64) {
    house.set("carol", "phone1", Override::Default);
    *house.known.orders.lock() = Orders { resync, key: 0 };
}

#[tokio::test]
async fn a_8_each_folder_is_synced_anew_once_and_then_as_before() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    phone.say(request("Sync", &sync(&[("1", "7")]))).await;
    let mut server = house.server().await;
    assert_eq!(server.message().await.1, sync(&[("1", "7")]));
    say(&mut server, &synced(&[("1", "8", "1")])).await;
    assert_eq!(phone.message().await.1, synced(&[("1", "8", "1")]), "without an order nothing is touched");

    order(&house, 1_795_297_474);
    let invalid = shown(&synced(&[("1", "0", "3"), ("2", "0", "3")]));
    assert_eq!(told(&house, &mut phone, request("Sync", &sync(&[("1", "8"), ("2", "5")]))).await, invalid);
    assert_eq!(
        told(&house, &mut phone, request("Sync", &sync(&[("1", "8"), ("2", "5")]))).await,
        invalid,
        "as long as it does not begin anew"
    );
    let first = sync(&[("1", "0")]);
    let got = passes(&mut phone, &mut server, request("Sync", &first), &first, &synced(&[("1", "1", "1")])).await;
    let key = key_in(&got, 0x0B);
    assert!(key.ends_with(".1") && key.len() <= 20, "{key}");
    let heard = sync(&[("1", "1")]);
    let got = passes(&mut phone, &mut server, request("Sync", &sync(&[("1", &key)])), &heard, &synced(&[("1", "2", "1")])).await;
    let key = key_in(&got, 0x0B);
    // The second folder is still to come; the first is asked for again, since nothing of it was passed on.
    let both = told(&house, &mut phone, request("Sync", &sync(&[("1", &key), ("2", "5")]))).await;
    assert_eq!(both, shown(&synced(&[("1", &key, "16"), ("2", "0", "3")])));
    let empty = passes(&mut phone, &mut server, request("Sync", b""), b"", b"").await;
    assert!(empty.is_empty(), "it has named its folders, so it may say: as before");

    // Another gate, or this one after a restart, knows it by the key alone.
    let other = House::new().await;
    order(&other, 1_795_297_474);
    let mut phone = other.phone().await;
    assert_eq!(told(&other, &mut phone, request("Sync", b"")).await, status(0, 0x05, 0x0E, "13"), "but once it must say all");
    phone.say(request("Sync", &sync(&[("1", &key)]))).await;
    let mut server = other.server().await;
    assert_eq!(server.message().await.1, sync(&[("1", "2")]));
    say(&mut server, b"").await;
    assert!(phone.message().await.1.is_empty());
    // Another order, for all, and it begins once more.
    other.change(|site| site.resync = ResyncOrder { number: 1_795_297_480 });
    assert_eq!(told(&other, &mut phone, request("Sync", &sync(&[("1", &key)]))).await, shown(&synced(&[("1", "0", "3")])));
}

#[tokio::test]
async fn a_8_the_folders_themselves_are_asked_for_anew() {
    let house = House::new().await;
    order(&house, 9);
    let mut phone = house.phone().await;
    let nine = |root: u8| status(7, root, 0x0C, "9");
    assert_eq!(told(&house, &mut phone, request("FolderSync", &folder_sync("4"))).await, nine(0x16));
    let create = body(&el(7, 0x13, vec![text(7, 0x12, "4"), text(7, 0x09, "0"), text(7, 0x07, "New"), text(7, 0x0A, "12")]));
    assert_eq!(told(&house, &mut phone, request("FolderCreate", &create)).await, nine(0x13));
    let estimate = body(&el(6, 0x05, vec![el(6, 0x07, vec![el(6, 0x08, vec![text(0, 0x0B, "4"), text(0, 0x12, "1")])])]));
    let wrong: El = el(6, 0x0D, vec![text(6, 0x0E, "4"), el(6, 0x08, vec![text(6, 0x0A, "1")])]);
    assert_eq!(told(&house, &mut phone, request("GetItemEstimate", &estimate)).await, shown(&body(&el(6, 0x05, vec![wrong]))));
    phone.say(request("FolderSync", &folder_sync("0"))).await;
    let mut server = house.server().await;
    assert_eq!(server.message().await.1, folder_sync("0"));
    say(&mut server, &folders("5")).await;
    let key = key_in(&phone.message().await.1, 0x12);
    assert_ne!(key, "5");
    let got = passes(&mut phone, &mut server, request("FolderSync", &folder_sync(&key)), &folder_sync("5"), &folders("6")).await;
    assert_eq!(shown(&got), shown(&folders(&key.replace(".5", ".6"))));
    let asked = body(&el(13, 0x05, vec![text(13, 0x08, "60")]));
    let heard = passes(&mut phone, &mut server, request("Ping", &asked), &asked, &ping("1")).await;
    assert_eq!(heard, ping("1"), "it was heard, so its Ping passes");
}

#[tokio::test]
async fn a_8_a_hanging_ping_ends_and_the_next_one_is_told_once() {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Default);
    let mut phone = house.phone().await;
    let asked = body(&el(13, 0x05, vec![text(13, 0x08, "600")]));
    phone.say(request("Ping", &asked)).await;
    let mut server = house.server().await;
    server.message().await;
    assert_eq!(house.gate.recheck(), 0);
    order(&house, 9);
    assert_eq!(house.gate.recheck(), 1);
    assert_eq!(phone.message().await.1, ping("1"), "nothing new");
    drop(server);
    assert_eq!(told(&house, &mut phone, request("Ping", &asked)).await, shown(&ping("7")), "the folders have changed");
    phone.say(request("Ping", &asked)).await;
    let mut server = house.server().await;
    server.message().await;
    say(&mut server, &ping("1")).await;
    assert_eq!(phone.message().await.1, ping("1"), "and not again and again");
    assert_eq!(house.gate.recheck(), 0, "a poll of after the order stays");
}

#[tokio::test]
async fn x_11_bodies_that_cannot_be_read_are_refused_both_ways() {
    let house = House::new().await;
    order(&house, 9);
    let mut phone = house.phone().await;
    assert_eq!(told(&house, &mut phone, request("Sync", b"\x03\x01\x6a\x00\x45")).await, "HTTP/1.1 400 Bad Request");
    let mut phone = house.phone().await;
    phone.say(request("Sync", &sync(&[("1", "0")]))).await;
    let mut server = house.server().await;
    server.message().await;
    say(&mut server, b"no WBXML").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 502"));
}
