//! Fills a store with devices and measures what people and gates wait for: lists, searches, filters, counts, the start, memory.
//!
//! `cargo run --release -p sealgate-store --example million -- URL DIRECTORY [COUNT]`; `bench/devices.py` runs it on both engines.
//! Prints one JSON object. A store that holds devices already is measured as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "an example for developers")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::device::{Decision, DeviceId, Override, Reason, Reported, Sighting};
use model::ports::DeviceFacts;
use model::{Clock, SystemClock, Timestamp};
use serde_json::{Map, Value, json};
use store::devices::{self, Filter, Status};
use store::{Expect, Live, LiveSettings, Sealer, Store};

/// Each question is asked so often; the median counts.
const TIMES: usize = 20;
/// Devices written in one transaction.
const BATCH: i64 = 1_000;

struct Plain;

impl Sealer for Plain {
    fn seal(&self, _: &str, plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }
    fn open(&self, _: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        Some(sealed.to_vec())
    }
}

/// 700,000 users; mixed, so that neighbours in the order of names came at different times.
fn user(n: i64) -> String {
    format!("{}.{}", ["anna", "bruno", "chloe", "dora", "emil", "fiona", "gustav"][(n % 7) as usize], (n * 7_919) % 700_000)
}

fn id(n: i64) -> DeviceId {
    DeviceId::parse(&format!("appl{:016x}", n.wrapping_mul(0x9e37_79b9))).unwrap()
}

fn sighting(n: i64, now: Timestamp) -> Sighting {
    let reasons = [Reason::NotManaged, Reason::Os, Reason::Compromised, Reason::User, Reason::MailClient];
    // One in nine is blocked; one in 100,000 for what is rare.
    let reason = match n {
        n if n % 100_000 == 99_999 => Reason::NotEncrypted,
        n if n % 9 == 0 => reasons[(n / 9 % 5) as usize],
        _ => Reason::Compliant,
    };
    Sighting {
        device: id(n),
        user: user(n),
        device_type: ["iPhone", "iPad", "Android", "WindowsMail"][(n % 4) as usize].into(),
        agent: format!("Apple-iPhone{}C{}/2103.{}", n % 16, n % 3, n % 40),
        command: "Sync".into(),
        at: Timestamp(now.0 - (n * 104_729 % 3_000_000) * 1_000_000),
        decision: Decision { allowed: !reason.blocks(), reason },
        gateway: ["west", "east", "north"][(n % 3) as usize].into(),
        client: format!("10.{}.{}.{}", n % 250, n / 250 % 250, n % 13),
    }
}

fn reported(n: i64) -> Reported {
    Reported {
        managed: true,
        enrolled: n % 50 != 0,
        compromised: Some(n % 500 == 0),
        encrypted: Some(true),
        platform: ["ios", "android"][(n / 2 % 2) as usize].into(),
        model: format!("iPhone{},{}", n % 15, n % 4),
        os: format!("17.{}.{}", n % 7, n % 3),
        last_seen: Some(Timestamp(1_790_000_000_000_000 + n * 1_000_000)),
        phone: format!("+4179{n:07}"),
        imei: format!("35{n:013}"),
        friendly_name: format!("Phone of {} {n}", user(n)),
        address: format!("{}@company.example", user(n)),
        labels: vec![["sales", "it", "board"][(n % 3) as usize].to_owned()],
        ..Reported::default()
    }
}

/// Half of them are managed; one in a thousand has a ruling.
async fn fill(store: &Store, count: i64) {
    let now = SystemClock.now();
    for from in (0..count).step_by(BATCH as usize) {
        let these = from..(from + BATCH).min(count);
        let written = store.write(move |tx| {
            Box::pin(async move {
                let sightings: Vec<_> = these.clone().map(|n| sighting(n, now)).collect();
                devices::see(tx, &sightings).await?;
                for n in these.clone().filter(|n| n % 2 == 0) {
                    devices::report(tx, &user(n), &id(n), &reported(n), Expect::Any).await?;
                }
                for n in these.filter(|n| n % 1_000 == 7) {
                    let ruling = if n % 4_000 == 7 { Override::Whitelist } else { Override::Blacklist };
                    devices::rule(tx, &user(n), &id(n), ruling, Expect::Any).await?;
                }
                Ok(())
            })
        });
        written.await.expect("written");
        if from % 50_000 == 0 {
            eprintln!("{from} of {count}");
            store.prune_feed(1).await.expect("pruned");
        }
    }
}

/// Milliseconds.
async fn median<T>(mut work: impl AsyncFnMut() -> T) -> f64 {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        work().await;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    (times[TIMES / 2] * 100.0).round() / 100.0
}

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
}

fn questions() -> Vec<(&'static str, Filter)> {
    let now = SystemClock.now();
    let hours = |hours: i64| Filter { seen_since: Some(Timestamp(now.0 - hours * 3_600_000_000)), ..Filter::default() };
    let search = |text: &str| Filter { search: text.into(), ..Filter::default() };
    let reason = |code: &str| Filter { reason: code.into(), ..Filter::default() };
    vec![
        ("first page", Filter::default()),
        ("search user", search("bruno.4")),
        ("search user, very common", search("a")),
        ("search id", search(&id(77_777).as_str()[..12])),
        ("search address", search("emil.12@")),
        ("search name", search("phone of emil.3")),
        ("search phone", search("+41 79 0012")),
        ("search imei", search("35000000001")),
        ("search nothing", search("zzzz")),
        ("seen 24 h", hours(24)),
        ("seen 12 h", hours(12)),
        ("seen 6 h", hours(6)),
        ("seen 2 h", hours(2)),
        ("managed", Filter { managed: Some(true), ..Filter::default() }),
        ("unmanaged", Filter { managed: Some(false), ..Filter::default() }),
        ("allowed", Filter { status: Some(Status::Allowed), ..Filter::default() }),
        ("blocked", Filter { status: Some(Status::Blocked), ..Filter::default() }),
        ("whitelisted", Filter { ruling: Some(Override::Whitelist), ..Filter::default() }),
        ("blacklisted", Filter { ruling: Some(Override::Blacklist), ..Filter::default() }),
        ("reason os", reason("os")),
        ("reason rare", reason("not_encrypted")),
        ("configuration", Filter { gateway: "east".into(), ..Filter::default() }),
        ("search, seen and blocked", Filter { status: Some(Status::Blocked), search: "anna".into(), ..hours(2) }),
    ]
}

async fn lists(store: &Store) -> Map<String, Value> {
    let mut times = Map::new();
    for (name, filter) in questions() {
        let found = devices::page(store, &filter, "", 50).await.expect("a page");
        let time = median(async || devices::page(store, &filter, "", 50).await.expect("a page")).await;
        times.insert(name.to_owned(), json!(time));
        if let Some(next) = found.next {
            let time = median(async || devices::page(store, &filter, &next, 50).await.expect("a page")).await;
            times.insert(format!("{name}, second page"), json!(time));
        }
    }
    times.insert("by user".into(), json!(median(async || devices::users(store, "", "", 51).await.expect("users")).await));
    times.insert("counts".into(), json!(median(async || devices::classes(store).await.expect("counts")).await));
    times
}

async fn gate(store: &Store) -> Value {
    let before = resident();
    let begun = Instant::now();
    let settings = LiveSettings { copy: Duration::from_secs(86_400), ..LiveSettings::default() };
    let live = Live::start(store, Arc::new(Plain), settings).await.expect("the site loads");
    let start = begun.elapsed().as_secs_f64();
    let after = resident();
    let begun = Instant::now();
    for n in 0..100_000 {
        assert!(live.device(&user(n), &id(n)).is_some());
    }
    let probe = begun.elapsed().as_secs_f64() / 100_000.0 * 1e9;
    json!({
        "devices": live.device_count(), "start_s": (start * 100.0).round() / 100.0, "resident_before_mib": before.round(),
        "resident_after_mib": after.round(), "probe_ns": probe.round(),
    })
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (url, data) = (args.next().expect("a URL"), PathBuf::from(args.next().expect("a directory")));
    let count: i64 = args.next().map_or(1_000_000, |count| count.parse().expect("a number"));
    std::fs::create_dir_all(&data).expect("the directory");
    let store = Store::open(&url, &data, Arc::new(SystemClock)).await.expect("the store opens");
    let begun = Instant::now();
    let held: i64 = devices::classes(&store).await.expect("counts").iter().map(|(_, amount)| amount).sum();
    if held == 0 {
        fill(&store, count).await;
    }
    let filled = begun.elapsed().as_secs();
    let (lists, gate) = (lists(&store).await, gate(&store).await);
    println!("{}", json!({ "engine": store.dialect().name(), "filled_s": filled, "lists_ms": lists, "gate": gate }));
}
