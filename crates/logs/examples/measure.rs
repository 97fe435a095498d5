//! Measures searches over stories of a given size: `cargo run --release -p sealgate-logs --example measure -- GIGABYTES [FOLDER]`. Makes
//! the stories first, by the same writer and keeper as a node; prints sizes, times, and the most memory that it took.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may end with a panic")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logs::query::Asked;
use logs::search::Page;
use logs::{Keeper, Query, Reader, Stories};
use model::{Clock, FixedClock, Timestamp, TraceId};

const START: Timestamp = Timestamp(1_795_297_474_000_000);

fn trace(clock: &FixedClock, n: u64) -> String {
    let ms = u128::try_from(clock.now().0 / 1_000).unwrap();
    TraceId::from_u128((ms << 80) | (7 << 76) | u128::from(n)).to_string()
}

fn main() {
    let mut args = std::env::args().skip(1);
    let size = args.next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(1.0) * 1e9;
    let folder = args.next().map_or_else(|| std::env::temp_dir().join("sealgate-measure"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let clock = Arc::new(FixedClock::new(START));
    let stories = Stories::open(&folder, clock.clone(), || ()).unwrap();
    let keeper = Keeper::new(&folder);
    let (mut written, mut mails, mut kept, begin) = (0.0, 0_u64, (0, 0), Instant::now());
    let mut some = Vec::new();
    while written < size {
        let (at, id) = (jiff::Timestamp::from_microsecond(clock.now().0).unwrap(), trace(&clock, mails));
        let (from, to) =
            (format!("user{}@company.example", mails % 5_000), format!("person{}@site{}.example", mails * 7 % 200_000, mails % 20_000));
        let event = if mails % 500 == 3 { "mail.bounced" } else { "mail.delivered" };
        for rest in [
            format!(
                r#""event":"mail.accepted","trace":"{id}","peer":"192.0.2.{}","from":"{from}","to":"{to}","recipients":1,"message_id":"{mails}.{id}@company.example","size":48213,"reply":250"#,
                mails % 250
            ),
            format!(r#""event":"mail.signature","trace":"{id}","verdict":"none","signer":"""#),
            format!(r#""event":"{event}","trace":"{id}","to":"{to}","reply":"250 2.0.0 Ok: queued as 4XqJ{mails}","ms":312"#),
        ] {
            let line = format!("{{\"timestamp\":\"{at:.6}\",\"level\":\"INFO\",{rest}}}\n");
            stories.append(line.as_bytes());
            written += line.len() as f64;
        }
        clock.advance(Duration::from_millis(40));
        if mails % 1_000_000 == 17 {
            some.push((id, from, to));
        }
        mails += 1;
        if mails % 200_000 == 0 {
            let round = keeper.round(3_650, clock.now()).unwrap();
            kept = (kept.0 + round.raw, kept.1 + round.packed);
        }
    }
    println!(
        "{mails} mails, {:.2} GB of lines, written and put away in {:.0} s; {:.1} % of it on disk",
        written / 1e9,
        begin.elapsed().as_secs_f64(),
        100.0 * kept.1 as f64 / kept.0 as f64
    );
    let reader = Reader::new(&folder);
    let search = |what: &str, asked: Asked<'_>| {
        let query = Query::parse(&asked, clock.now()).unwrap();
        let (begin, mut pages, mut after, mut first) = (Instant::now(), 0, String::new(), 0);
        loop {
            let page = Page { after: &after, limit: 100, events: false, time: Duration::from_secs(5) };
            let found = reader.search(&query, &page).unwrap();
            pages += 1;
            first = first.max(found.stories.len());
            match found.next {
                Some(next) if found.stories.is_empty() => after = next,
                _ => break,
            }
        }
        println!("{what}: {first} stories, {:.0} ms, {pages} page(s)", begin.elapsed().as_secs_f64() * 1e3);
    };
    for (id, from, to) in [&some[0], &some[some.len() / 2]] {
        search("by trace", Asked { trace: id, ..Asked::default() });
        search("by recipient", Asked { to, ..Asked::default() });
        search("by sender, a page of many", Asked { from, ..Asked::default() });
    }
    search("by an address that never was", Asked { address: "nobody@nowhere.example", ..Asked::default() });
    search("by domain", Asked { domain: "site77.example", ..Asked::default() });
    search("bounced", Asked { outcome: "bounced", ..Asked::default() });
    search("a sender's bounced", Asked { outcome: "bounced", from: "user3@company.example", ..Asked::default() });
    search("the newest", Asked::default());
    search("words that never were", Asked { text: "no such words", ..Asked::default() });
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
}
