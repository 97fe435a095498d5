//! What the segment room promises besides durability: shared syncs, forgetting, bounded disk, clear damage.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use segments::{Disk, Kind, OsDisk, RecordId, Recovery, SegmentError, Segments, Settings};
use support::{PowerDisk, XorVault};

const MAIL: Kind = Kind(1);
const STATE: Kind = Kind(2);

fn eager() -> Settings {
    Settings { lazy_after: Duration::from_millis(1), forget_after: Duration::ZERO, ..Settings::default() }
}

fn open(disk: &PowerDisk, settings: Settings) -> (Segments, Recovery) {
    Segments::open(Arc::new(disk.clone()), Arc::new(XorVault(9)), settings).unwrap()
}

fn bytes(n: usize, length: usize) -> Bytes {
    (0..length).map(|i| (i * 13 + n) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m_t7_two_hundred_appends_share_syncs() {
    let directory = tempfile::tempdir().unwrap();
    let disk = OsDisk::new(&directory.path().join("queue")).unwrap();
    let (segments, _) = Segments::open(Arc::new(disk), Arc::new(XorVault(9)), Settings::default()).unwrap();
    let contents: Vec<Bytes> = (0..200).map(|n| bytes(n, 10_000)).collect();
    let mut waiting: Vec<_> = contents.iter().map(|content| Box::pin(segments.append(MAIL, vec![content.clone()]))).collect();
    // All of them are handed over before anything else is done here: how fast they come must not depend on the machine.
    let early: Vec<Option<RecordId>> = std::future::poll_fn(|cx| {
        let handed_over = waiting.iter_mut().map(|append| match append.as_mut().poll(cx) {
            Poll::Ready(id) => Some(id.unwrap()),
            Poll::Pending => None,
        });
        Poll::Ready(handed_over.collect())
    })
    .await;
    for ((append, early), content) in waiting.into_iter().zip(early).zip(&contents) {
        let id = match early {
            Some(id) => id,
            None => append.await.unwrap(),
        };
        assert_eq!(segments.read(id).await.unwrap(), content);
    }
    let usage = segments.usage();
    assert_eq!(usage.records, 200);
    assert!(usage.groups < 60, "{} syncs for 200 records", usage.groups);
}

#[tokio::test]
async fn promise_5_the_key_of_what_was_delivered_is_forgotten() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, eager());
    let id = segments.append(MAIL, vec![Bytes::from_static(b"canary"), bytes(1, 500)]).await.unwrap();
    let (seg, key) = (disk.content("0000000001.seg"), disk.content("0000000001.key"));
    assert!(key.iter().any(|octet| *octet != 0) && !seg.windows(6).any(|window| window == b"canary"), "content is sealed");
    segments.release(id);
    segments.flush().await.unwrap();
    segments.close();
    let (segments, recovery) = open(&disk, eager());
    assert_eq!(recovery, Recovery::default());
    segments.close();
    assert!(disk.files().iter().all(|name| !name.starts_with("0000000001")), "{:?}", disk.files());
}

#[tokio::test]
async fn promise_5_a_half_forgotten_segment_is_finished() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, Settings::default());
    segments.append(MAIL, vec![bytes(1, 500)]).await.unwrap();
    segments.close();
    disk.remove("0000000001.seg").unwrap();
    let (segments, recovery) = open(&disk, Settings::default());
    assert_eq!((recovery, disk.files().len()), (Recovery::default(), 0));
    segments.close();
}

#[tokio::test]
async fn sparse_segments_are_carried_over_and_disk_use_stays_bounded() {
    let disk = PowerDisk::new();
    let settings = Settings { segment_bytes: 64 << 10, ..eager() };
    let (segments, _) = open(&disk, settings);
    let mut kept = Vec::new();
    for n in 0..400 {
        let id = segments.append(MAIL, vec![bytes(n, 2_000)]).await.unwrap();
        if n % 40 == 0 { kept.push((n, id)) } else { segments.release(id) }
    }
    // Upkeep goes on by itself: each flush gives it one more turn.
    for _ in 0..2_000 {
        segments.flush().await.unwrap();
        let usage = segments.usage();
        if usage.bytes < 3 * usage.live_bytes + (64 << 10) {
            break;
        }
    }
    let usage = segments.usage();
    assert!(usage.bytes < 3 * usage.live_bytes + (64 << 10), "{usage:?}");
    for (n, id) in &kept {
        assert_eq!(segments.read(*id).await.unwrap(), bytes(*n, 2_000), "the id outlives the move");
    }
    segments.close();
    let (segments, recovery) = open(&disk, settings);
    let ids: Vec<RecordId> = recovery.live.iter().map(|live| live.id).collect();
    assert_eq!(ids, kept.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    segments.close();
}

#[tokio::test]
async fn a_release_outlives_the_segment_that_it_stands_in() {
    let disk = PowerDisk::new();
    // Segment 1 keeps a big live record, so that it stays; its small record is released in segment 2.
    let settings = Settings { segment_bytes: 8 << 10, ..eager() };
    let (segments, _) = open(&disk, settings);
    let small = segments.append(MAIL, vec![bytes(1, 100)]).await.unwrap();
    let big = segments.append(MAIL, vec![bytes(2, 7_000)]).await.unwrap();
    let other = segments.append(MAIL, vec![bytes(3, 8_000)]).await.unwrap();
    segments.release(small);
    segments.flush().await.unwrap();
    segments.release(other);
    for n in 0..5 {
        let passing = segments.append(STATE, vec![bytes(n, 6_000)]).await.unwrap();
        segments.release(passing);
        segments.flush().await.unwrap();
    }
    segments.close();
    assert!(disk.files().contains(&"0000000001.seg".to_owned()) && !disk.files().contains(&"0000000002.seg".to_owned()));
    let (segments, recovery) = open(&disk, settings);
    assert_eq!(recovery.live.iter().map(|live| live.id).collect::<Vec<_>>(), [big], "what was released does not come back");
    segments.close();
}

#[tokio::test]
async fn lazy_records_are_durable_soon_without_anybody_waiting() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, eager());
    let first = segments.append_lazy(STATE, vec![bytes(1, 50)], Bytes::new()).unwrap();
    while segments.usage().live == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (after, recovery) = open(&disk.survivor(support::Unsynced::Nothing), eager());
    assert_eq!((recovery.live.len(), after.read(first).await.unwrap()), (1, bytes(1, 50)));
    segments.close();
}

#[tokio::test]
async fn who_goes_away_before_the_answer_leaves_nothing() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, eager());
    disk.pause(true);
    let mut append = Box::pin(segments.append(MAIL, vec![bytes(1, 50)]));
    assert!(futures_poll(append.as_mut()).await);
    drop(append);
    disk.pause(false);
    for _ in 0..3 {
        segments.flush().await.unwrap();
    }
    segments.close();
    assert_eq!(open(&disk, eager()).1.live, []);
}

async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn damage_is_reported_with_its_place_and_costs_one_record() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, Settings::default());
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(segments.append(MAIL, vec![bytes(n, 300)]).await.unwrap());
    }
    segments.close();
    disk.change("0000000001.seg", |content| content[64 + 348 + 100] ^= 1);
    let (segments, recovery) = open(&disk, eager());
    assert_eq!(recovery.live.iter().map(|live| live.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    let damage = &recovery.damage[0];
    assert_eq!((damage.name.as_str(), damage.from, damage.to, recovery.damage.len()), ("0000000001.seg", 412, 760, 1));
    segments.release(ids[0]);
    segments.release(ids[2]);
    segments.flush().await.unwrap();
    segments.close();
    assert!(disk.files().contains(&"0000000001.seg".to_owned()), "a damaged file is kept for who can mend it");
}

#[tokio::test]
async fn another_vault_and_a_newer_program_are_clear_errors() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, Settings::default());
    segments.append(MAIL, vec![bytes(1, 300)]).await.unwrap();
    segments.close();
    let wrong = Segments::open(Arc::new(disk.clone()), Arc::new(XorVault(8)), Settings::default());
    let Err(SegmentError::Keys(error)) = wrong.map(drop) else { panic!("opened with another vault") };
    assert!(error.to_string().contains("segment/1"));
    disk.change("0000000001.seg", |content| content[5] = 2);
    let newer = Segments::open(Arc::new(disk.clone()), Arc::new(XorVault(9)), Settings::default()).map(drop).unwrap_err();
    assert!(newer.to_string().contains("newer Sealgate"), "{newer}");
}

#[tokio::test]
async fn limits_and_stopping_are_errors_not_waits() {
    let disk = PowerDisk::new();
    let (segments, _) = open(&disk, Settings { record_bytes: 100, ..Settings::default() });
    assert!(matches!(segments.append(MAIL, vec![bytes(1, 101)]).await, Err(SegmentError::TooLarge { size: 101, limit: 100 })));
    assert!(matches!(segments.read(RecordId(77)).await, Err(SegmentError::Gone(RecordId(77)))));
    segments.close();
    assert!(matches!(segments.append(MAIL, vec![bytes(1, 1)]).await, Err(SegmentError::Stopped)));
    assert!(matches!(segments.flush().await, Err(SegmentError::Stopped)));
}

/// Says the first four octets of a record, and counts how often it was asked.
#[derive(Default)]
struct Start(std::sync::atomic::AtomicUsize);

impl segments::Summary for Start {
    fn of(&self, _kind: Kind, content: &Bytes) -> Bytes {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        content.slice(..4)
    }
}

fn open_summed(disk: &PowerDisk, settings: Settings) -> (Segments, Recovery, usize) {
    let start = Arc::new(Start::default());
    let (segments, recovery) = Segments::open_with(Arc::new(disk.clone()), Arc::new(XorVault(9)), settings, start.clone()).unwrap();
    (segments, recovery, start.0.load(std::sync::atomic::Ordering::SeqCst))
}

/// Twelve records in four segments; every third is released.
async fn twelve(disk: &PowerDisk) -> Vec<(RecordId, Bytes)> {
    let (segments, _, _) = open_summed(disk, Settings { segment_bytes: 4_000, forget_after: Duration::from_secs(600), ..eager() });
    let mut kept = Vec::new();
    for n in 0..12 {
        let content = bytes(n, 1_100);
        let id = segments.append_summed(MAIL, vec![content.clone()], content.slice(..4)).await.unwrap();
        if n % 3 == 0 { segments.release(id) } else { kept.push((id, content)) }
    }
    for _ in 0..20 {
        segments.flush().await.unwrap();
    }
    segments.close();
    kept
}

#[tokio::test]
async fn m_t7_a_start_reads_indexes_not_segments_and_gets_the_same() {
    let disk = PowerDisk::new();
    let kept = twelve(&disk).await;
    let indexed: Vec<String> = disk.files().into_iter().filter(|name| name.ends_with(".idx")).collect();
    assert_eq!(indexed.len(), 3, "all but the last one, which was not closed: {:?}", disk.files());
    assert!(indexed.iter().all(|name| !disk.content(name).windows(4).any(|octets| octets == &kept[0].1[..4])), "sealed");
    let settings = Settings { segment_bytes: 4_000, forget_after: Duration::from_secs(600), ..eager() };
    let (segments, recovery, asked) = open_summed(&disk, settings);
    let found: Vec<(RecordId, Bytes)> = recovery.live.iter().map(|live| (live.id, live.summary.clone())).collect();
    assert_eq!(found, kept.iter().map(|(id, content)| (*id, content.slice(..4))).collect::<Vec<_>>());
    assert!((1..=3).contains(&asked), "only those of the last segment were read: {asked}");
    for (id, content) in &kept {
        assert_eq!(segments.read(*id).await.unwrap(), *content);
    }
    segments.close();
    let (segments, again, asked) = open_summed(&disk, settings);
    assert_eq!((again, asked), (recovery, 0), "now that one has its index, too");
    segments.close();
}

#[tokio::test]
async fn m_t7_an_index_that_tells_of_many_dead_is_written_again() {
    let disk = PowerDisk::new();
    let settings = Settings { segment_bytes: 200_000, forget_after: Duration::from_secs(600), ..eager() };
    let (segments, _, _) = open_summed(&disk, settings);
    let mut all = Vec::new();
    for n in 0..3_000 {
        let content = bytes(n, 40);
        all.push((segments.append_summed(MAIL, vec![content.clone()], content.slice(..4)).await.unwrap(), content));
    }
    segments.flush().await.unwrap();
    let first = || disk.content("0000000001.idx").len();
    let whole = first();
    let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|(id, _)| id.0 % 5 < 2);
    gone.iter().for_each(|(id, _)| segments.release(*id));
    for _ in 0..20 {
        segments.flush().await.unwrap();
    }
    assert!(first() * 10 < whole * 9, "{} of {whole} octets: the dead are ids only", first());
    // Once more, from an index that a start has read.
    segments.close();
    let same = |recovery: &Recovery, kept: &[(RecordId, Bytes)]| {
        let found: Vec<(RecordId, Bytes)> = recovery.live.iter().map(|live| (live.id, live.summary.clone())).collect();
        assert_eq!(found, kept.iter().map(|(id, content)| (*id, content.slice(..4))).collect::<Vec<_>>());
    };
    let (segments, recovery, asked) = open_summed(&disk, settings);
    same(&recovery, &kept);
    assert!(asked < 1_000, "only the last segment was read: {asked}");
    let (gone, kept): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(id, _)| id.0 % 5 == 2);
    let before = first();
    gone.iter().for_each(|(id, _)| segments.release(*id));
    for _ in 0..20 {
        segments.flush().await.unwrap();
    }
    assert!(first() < before, "{} octets, {before} before", first());
    assert_eq!(segments.read(kept[7].0).await.unwrap(), kept[7].1);
    segments.close();
    let (segments, recovery, _) = open_summed(&disk, settings);
    same(&recovery, &kept);
    segments.close();
}

#[tokio::test]
async fn m_t7_an_index_that_is_torn_missing_or_another_s_costs_a_scan_and_nothing_else() {
    for spoil in [
        |content: &mut Vec<u8>| content.truncate(content.len() / 2),
        |content: &mut Vec<u8>| content.clear(),
        |content: &mut Vec<u8>| content[30] ^= 1,
        |content: &mut Vec<u8>| content[5] = 2,
    ] {
        let disk = PowerDisk::new();
        let kept = twelve(&disk).await;
        let other = disk.content("0000000002.idx");
        disk.change("0000000001.idx", spoil);
        disk.change("0000000003.idx", |content| *content = other);
        let (segments, recovery, _) = open_summed(&disk, eager());
        let found: Vec<(RecordId, Bytes)> = recovery.live.iter().map(|live| (live.id, live.summary.clone())).collect();
        assert_eq!(found, kept.iter().map(|(id, content)| (*id, content.slice(..4))).collect::<Vec<_>>());
        assert_eq!(recovery.damage, []);
        segments.close();
    }
}

#[tokio::test]
async fn promise_5_an_index_goes_with_its_segment() {
    let disk = PowerDisk::new();
    let kept = twelve(&disk).await;
    disk.remove("0000000001.seg").unwrap();
    let (segments, recovery, _) = open_summed(&disk, eager());
    assert!(!disk.files().contains(&"0000000001.idx".to_owned()), "a half forgotten one is finished");
    for live in &recovery.live {
        segments.release(live.id);
    }
    for _ in 0..20 {
        segments.flush().await.unwrap();
    }
    segments.close();
    assert!(kept.len() > recovery.live.len() && disk.files().iter().all(|name| !name.ends_with(".idx")), "{:?}", disk.files());
}

#[tokio::test]
async fn damage_behind_an_index_is_found_when_the_record_is_wanted() {
    let disk = PowerDisk::new();
    let kept = twelve(&disk).await;
    disk.change("0000000001.seg", |content| content[64 + 1_148 + 100] ^= 1);
    let (segments, recovery, _) = open_summed(&disk, eager());
    assert_eq!((recovery.live.len(), recovery.damage.len()), (kept.len(), 0));
    assert!(matches!(segments.read(kept[0].0).await, Err(SegmentError::Damaged { .. })));
    assert_eq!(segments.read(kept[1].0).await.unwrap(), kept[1].1);
    segments.close();
}
