//! The writer step by step, without its thread: what a failing disk does to releases.

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use self::support::{Fault, PowerDisk, XorVault};
use crate::disk::Disk;
use crate::handle::{Inbox, Item, NoSummary, Shared};
use crate::writer::{Batch, Writer, take};
use crate::{Kind, RecordId, Settings, recover};

/// A writer on what is on the disk, and the records that it found.
fn start(disk: &PowerDisk) -> (Writer, Vec<RecordId>) {
    let (disk, keys): (Arc<dyn Disk>, _) = (Arc::new(disk.clone()), Arc::new(XorVault(9)));
    let opened = recover::open(disk.as_ref(), keys.as_ref(), &NoSummary).unwrap();
    let shared = Shared {
        settings: Settings { segment_bytes: 16 << 10, group_bytes: 2048, ..Settings::default() },
        disk,
        keys,
        summary: Arc::new(NoSummary),
        inbox: Mutex::new(Inbox { next_id: opened.next_id, ..Inbox::default() }),
        wake: Condvar::new(),
        books: Mutex::new(opened.books),
        groups: AtomicU64::new(0),
        records: AtomicU64::new(0),
    };
    let live = opened.recovery.live.iter().map(|live| live.id).collect();
    (Writer::new(Arc::new(shared), opened.last, opened.next_number).unwrap(), live)
}

fn item(writer: &Writer, length: usize) -> Item {
    Item { id: writer.shared.take_id(), kind: Kind(1), parts: vec![vec![7; length].into()], summary: bytes::Bytes::new(), waiter: None }
}

fn append(writer: &mut Writer, length: usize) -> RecordId {
    let item = item(writer, length);
    let id = item.id;
    writer.write_batch(Batch { items: vec![item], ..Batch::default() });
    id
}

fn release(writer: &mut Writer, id: RecordId) {
    writer.write_batch(Batch { releases: vec![id], ..Batch::default() });
}

/// Writes what was put back, as the thread does when its time comes.
fn write_inbox(writer: &mut Writer) {
    let batch = take(&mut writer.shared.inbox.lock());
    writer.write_batch(batch);
}

fn after_kill(disk: &PowerDisk) -> Vec<RecordId> {
    start(&disk.after_kill()).1
}

/// Segment 1 holds a dead record and a live one, segment 2 nothing but the only release of the dead one.
/// Upkeep wants to write that release again. Returns the live record.
fn only_release_in_a_dead_segment(disk: &PowerDisk) -> (Writer, RecordId) {
    let (mut writer, _) = start(disk);
    let dead = append(&mut writer, 100);
    let live = append(&mut writer, 900);
    writer.retire();
    let passing = append(&mut writer, 100);
    release(&mut writer, dead);
    release(&mut writer, passing);
    writer.retire();
    assert_eq!(writer.upkeep(), Some(Duration::ZERO));
    assert_eq!(writer.releases_again.iter().collect::<Vec<_>>(), [&dead]);
    (writer, live)
}

#[test]
fn m_t7_a_full_disk_does_not_forget_the_only_durable_release() {
    let first = PowerDisk::new();
    let (_, live) = only_release_in_a_dead_segment(&first);
    for act in 1.. {
        let disk = PowerDisk::new().with_fault(first.acts() + act, Fault::Errors(ErrorKind::StorageFull, 1));
        let (mut writer, _) = only_release_in_a_dead_segment(&disk);
        for turn in 0..4 {
            write_inbox(&mut writer);
            assert_eq!(after_kill(&disk), [live], "delivered mail came back: act {act}, turn {turn} before upkeep");
            writer.upkeep();
            assert_eq!(after_kill(&disk), [live], "delivered mail came back: act {act}, turn {turn}");
            writer.hold_until = None;
            writer.upkeep();
        }
        assert!(!disk.files().contains(&"0000000002.seg".to_owned()), "act {act}: the segment goes once its release is safe");
        if !disk.has_failed() {
            assert!(act > 5, "only {act} acts failed");
            break;
        }
    }
}

#[test]
fn releases_that_must_be_written_again_do_not_pile_up_on_a_broken_disk() {
    let first = PowerDisk::new();
    only_release_in_a_dead_segment(&first);
    let disk = PowerDisk::new().with_fault(first.acts() + 1, Fault::Errors(ErrorKind::Other, usize::MAX / 2));
    let (mut writer, _) = only_release_in_a_dead_segment(&disk);
    for _ in 0..5 {
        write_inbox(&mut writer);
        let pause = writer.upkeep().unwrap();
        assert!(!pause.is_zero() && writer.releases_again.is_empty(), "the disk is left alone for a while");
        writer.hold_until = None;
        writer.upkeep();
        assert_eq!((writer.releases_again.len(), writer.shared.inbox.lock().releases.len()), (1, 0));
    }
}

/// One record, then a batch of two groups that also releases the first group's record; `fault` hits the batch.
fn two_groups_and_a_release(fault: Option<Fault>) -> (PowerDisk, Writer, RecordId, RecordId) {
    let first = PowerDisk::new();
    append(&mut start(&first).0, 100);
    let disk = fault.map_or_else(PowerDisk::new, |fault| PowerDisk::new().with_fault(first.acts() + 1, fault));
    let (mut writer, _) = start(&disk);
    let before = append(&mut writer, 100);
    let (state, mail) = (item(&writer, 1500), item(&writer, 1500));
    let (gone, kept) = (state.id, mail.id);
    writer.write_batch(Batch { items: vec![state, mail], releases: vec![before, gone], ..Batch::default() });
    (disk, writer, before, kept)
}

#[test]
fn m_t7_a_release_behind_a_failed_group_is_neither_lost_nor_early() {
    for fault in [None, Some(Fault::Errors(ErrorKind::Other, 1)), Some(Fault::Errors(ErrorKind::StorageFull, 1))] {
        let (disk, mut writer, before, kept) = two_groups_and_a_release(fault);
        let expected: &[RecordId] = if fault.is_some() { &[before, kept] } else { &[kept] };
        assert_eq!(after_kill(&disk), expected, "{fault:?}: what is behind the failure waits");
        write_inbox(&mut writer);
        assert_eq!(after_kill(&disk), [kept], "{fault:?}: nothing was lost");
        assert_eq!(writer.shared.books.lock().live.len(), 1);
    }
}

#[test]
fn on_a_full_disk_delivered_mail_counts_as_gone_whichever_group_failed() {
    let fault = Fault::Errors(ErrorKind::StorageFull, usize::MAX / 2);
    let (_, writer, before, _) = two_groups_and_a_release(Some(fault));
    assert!(!writer.shared.books.lock().live.contains_key(&before), "its segment may make room");
}
