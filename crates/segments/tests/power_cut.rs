//! The promise behind 250: at every act of the disk in turn the power goes, or the act fails; nothing that
//! was said durable is lost or damaged, and nothing that was refused comes back.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use segments::{Kind, RecordId, Segments, Settings};
use support::{Fault, PowerDisk, Unsynced, XorVault};

const MAIL: Kind = Kind(1);

fn settings() -> Settings {
    Settings {
        segment_bytes: 4096,
        group_bytes: 2048,
        lazy_after: Duration::from_millis(1),
        forget_after: Duration::ZERO,
        ..Settings::default()
    }
}

/// What the workload was told.
#[derive(Default, Debug)]
struct Told {
    durable: BTreeMap<u64, Vec<u8>>,
    refused: BTreeSet<u64>,
    released: BTreeSet<u64>,
    gone: BTreeSet<u64>,
}

fn content(round: usize, n: usize) -> Vec<u8> {
    (0..100 + 37 * n + round).map(|i| (i * 31 + n * 7 + round) as u8).collect()
}

/// Rounds of concurrent appends; after each, every second record is released and the releases are synced.
async fn work(segments: &Segments) -> Told {
    let mut told = Told::default();
    let mut held = Vec::new();
    for round in 0..6 {
        let appends = (0..5).map(|n| {
            let segments = segments.clone();
            tokio::spawn(async move {
                let bytes = content(round, n);
                (segments.append(MAIL, vec![Bytes::from(bytes.clone())]).await, bytes)
            })
        });
        for append in appends.collect::<Vec<_>>() {
            match append.await.unwrap() {
                (Ok(RecordId(id)), bytes) => {
                    told.durable.insert(id, bytes);
                    held.push(id);
                }
                (Err(_), _) => drop(told.refused.insert(round as u64)),
            }
        }
        let served: Vec<u64> = held.extract_if(.., |id| *id % 3 != 0).collect();
        served.iter().for_each(|id| segments.release(RecordId(*id)));
        told.released.extend(&served);
        if segments.flush().await.is_ok() {
            told.gone.extend(told.released.iter());
        }
    }
    told
}

fn open(disk: &PowerDisk) -> (Segments, segments::Recovery) {
    Segments::open(Arc::new(disk.clone()), Arc::new(XorVault(9)), settings()).unwrap()
}

fn check(disk: &PowerDisk, told: &Told, when: &str) {
    let (segments, recovery) = open(disk);
    assert_eq!(recovery.damage, [], "{when}");
    let live: BTreeMap<u64, Vec<u8>> =
        recovery.live.iter().map(|live| (live.id.0, segments.read_blocking(live.id).expect(when).to_vec())).collect();
    for (id, bytes) in &told.durable {
        match live.get(id) {
            Some(found) => {
                assert_eq!(found, bytes, "{when}: record {id} is damaged");
                assert!(!told.gone.contains(id), "{when}: record {id} came back");
            }
            None => assert!(told.released.contains(id), "{when}: record {id} was durable and is lost"),
        }
    }
    segments.close();
}

#[test]
fn m_t7_a_power_cut_at_every_write_loses_nothing_that_was_durable() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cut = 1;
    loop {
        let disk = PowerDisk::new().with_fault(cut, Fault::PowerCut);
        let (segments, _) = open(&disk);
        let told = runtime.block_on(work(&segments));
        segments.close();
        for unsynced in [Unsynced::Nothing, Unsynced::Everything, Unsynced::Some(cut as u64), Unsynced::Some(cut as u64 * 7919)] {
            let after = disk.survivor(unsynced);
            check(&after, &told, &format!("cut at act {cut}, {unsynced:?}"));
            // And once more after the recovery itself did its work.
            check(&after.survivor(Unsynced::Nothing), &told, &format!("second start, cut at act {cut}, {unsynced:?}"));
        }
        if !disk.has_failed() {
            break;
        }
        cut += 1;
    }
    assert!(cut > 60, "only {cut} acts were cut");
}

#[test]
fn m_t7_a_power_cut_at_every_act_of_a_recovery_loses_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = PowerDisk::new();
    let (segments, _) = open(&first);
    let told = runtime.block_on(work(&segments));
    segments.close();
    for cut in 1..60 {
        let disk = first.after_kill().with_fault(cut, Fault::PowerCut);
        let Ok((segments, _)) = Segments::open(Arc::new(disk.clone()), Arc::new(XorVault(9)), settings()) else {
            continue;
        };
        let mut more = runtime.block_on(work(&segments));
        segments.close();
        more.durable.extend(told.durable.clone());
        more.released.extend(&told.released);
        more.gone.extend(&told.gone);
        check(&disk.survivor(Unsynced::Nothing), &more, &format!("cut at act {cut} of the second run"));
        check(&disk.survivor(Unsynced::Some(cut as u64)), &more, &format!("torn at act {cut} of the second run"));
    }
}

#[test]
fn m_t7_failed_acts_cost_only_who_waited_for_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (kind, count) in [(std::io::ErrorKind::StorageFull, 1), (std::io::ErrorKind::Other, 1), (std::io::ErrorKind::Other, 2)] {
        let mut act = 1;
        loop {
            let disk = PowerDisk::new().with_fault(act, Fault::Errors(kind, count));
            let (segments, _) = open(&disk);
            let told = runtime.block_on(work(&segments));
            assert!(told.refused.len() <= count, "{kind:?} at act {act}: the writer did not recover: {:?}", told.refused);
            segments.close();
            for unsynced in [Unsynced::Everything, Unsynced::Nothing, Unsynced::Some(act as u64)] {
                refused_stay_away(&disk.survivor(unsynced), &told, &format!("{count} {kind:?} from act {act}, {unsynced:?}"));
            }
            if !disk.has_failed() {
                break;
            }
            act += 1;
        }
    }
}

/// The disk fails twice, for the group and for making it unreadable, and nothing is written after it.
#[test]
fn promise_1_the_last_that_was_refused_stays_away_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut act = 1;
    loop {
        let disk = PowerDisk::new().with_fault(act, Fault::Errors(std::io::ErrorKind::Other, 2));
        let (segments, _) = open(&disk);
        let mut told = Told::default();
        // The first one keeps the segment alive in which the second is refused.
        for n in 0..2 {
            let bytes = content(0, n);
            match runtime.block_on(segments.append(MAIL, vec![Bytes::from(bytes.clone())])) {
                Ok(RecordId(id)) => drop(told.durable.insert(id, bytes)),
                Err(_) => drop(told.refused.insert(n as u64)),
            }
        }
        segments.close();
        refused_stay_away(&disk.survivor(Unsynced::Everything), &told, &format!("two errors from act {act}"));
        if !disk.has_failed() {
            break;
        }
        act += 1;
    }
    assert!(act > 5, "only {act} acts failed");
}

fn refused_stay_away(after: &PowerDisk, told: &Told, when: &str) {
    check(after, told, when);
    let (segments, recovery) = open(after);
    let strangers: Vec<_> = recovery.live.iter().filter(|live| !told.durable.contains_key(&live.id.0)).collect();
    assert!(strangers.is_empty(), "{when}: refused records came back: {strangers:?}");
    segments.close();
}
