//! Forgets segments in which nothing lives, and carries the last records out of sparse ones.
//!
//! Runs on the writer thread after each group, a bounded piece at a time: what is carried goes with the next
//! group. A segment goes only when nothing in it lives *durably* and no release in it is still needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::handle::{Item, read_record};
use crate::recover;
use crate::state::Entry;
use crate::writer::Writer;
use crate::{RecordId, SegmentError, index_file};

/// Octets that are carried with one group: keeps the waiters' latency low.
const CARRIED_PER_GROUP: usize = 1 << 20;

impl Writer {
    /// Does what is due now. Returns after what time there is more to do; zero if there is more at once.
    pub(crate) fn upkeep(&mut self) -> Option<Duration> {
        let now = Instant::now();
        self.close_if_stale(now);
        self.hold_until = self.hold_until.filter(|until| *until > now);
        if self.hold_until.is_none() {
            self.wipe_refused();
        }
        self.forget_dead();
        if let Some(until) = self.hold_until {
            return Some(until.duration_since(now));
        }
        self.choose_outdated();
        self.write_index();
        if self.carry.is_empty() {
            self.choose_sparse(now);
        }
        if !self.carry.is_empty() || !self.releases_again.is_empty() || !self.to_index.is_empty() {
            return Some(Duration::ZERO);
        }
        self.next_due(now)
    }

    /// Ends the active segment when it has held dead records for long: they can't be forgotten before.
    fn close_if_stale(&mut self, now: Instant) {
        let Some(number) = self.active.as_ref().map(|active| active.number) else { return };
        let since = self.shared.books.lock().segments.get(&number).and_then(|entry| entry.dead_since);
        if since.is_some_and(|since| now.duration_since(since) >= self.shared.settings.forget_after) {
            self.retire();
        }
    }

    /// While the disk is left alone after a failure, only what needs no writing goes: it may be what makes room.
    fn forget_dead(&mut self) {
        let active = self.active.as_ref().map(|active| active.number);
        let dead: Vec<u64> = {
            let books = self.shared.books.lock();
            let forgettable = |(number, entry): &(&u64, &Entry)| Some(**number) != active && entry.live == 0 && !entry.damaged;
            books.segments.iter().filter(forgettable).map(|(number, _)| *number).collect()
        };
        for number in dead {
            let needed = self.shared.books.lock().releases_needed_from(number);
            if !needed.is_empty() {
                if self.hold_until.is_none() {
                    self.releases_again.extend(needed);
                }
                continue;
            }
            match self.cut_before(number).and_then(|()| recover::forget(self.shared.disk.as_ref(), number)) {
                Ok(()) => {
                    self.shared.books.lock().forgotten(number);
                    tracing::debug!(event = "segment.forgotten", segment = number, "nothing in it lives");
                }
                Err(error) => tracing::error!(event = "segment.failed", segment = number, cause = %error, "a segment can't be removed"),
            }
        }
    }

    /// An index that tells of many dead is written again, so that a start does not read them.
    fn choose_outdated(&mut self) {
        if self.to_index.is_empty() {
            let books = self.shared.books.lock();
            self.to_index.extend(books.segments.iter().find(|(_, entry)| entry.index_is_outdated()).map(|(number, _)| *number));
        }
    }

    /// Writes the index of one closed segment in which something lives. Without it the next start reads the segment.
    fn write_index(&mut self) {
        let Some(number) = self.to_index.pop() else { return };
        let next_id = self.shared.inbox.lock().next_id;
        let disk = self.shared.disk.as_ref();
        let found = {
            let mut books = self.shared.books.lock();
            let contents = books.contents(number, next_id);
            books.segments.get_mut(&number).map(|entry| (Arc::clone(&entry.key), std::mem::take(&mut entry.indexed))).zip(contents)
        };
        let Some(((key, indexed), mut contents)) = found else { return };
        if indexed > 0
            && let Some(before) = index_file::read(disk, &key, number)
        {
            contents.take_summaries(&before);
        }
        match index_file::write(disk, &key, number, &contents) {
            Ok(()) => {
                let rows = contents.rows.len() as u64;
                self.shared.books.lock().segments.get_mut(&number).into_iter().for_each(|entry| entry.indexed = rows);
                tracing::debug!(event = "segment.indexed", segment = number, rows, before = indexed);
            }
            Err(error) => {
                tracing::warn!(event = "segment.unindexed", segment = number, cause = %error, "a segment has no index: the next start reads all of it");
            }
        }
    }

    /// The header of a segment names the durable end of the one before. Before it goes, that one is cut there.
    fn cut_before(&self, number: u64) -> std::io::Result<()> {
        let Some((before, file, end)) = self.shared.books.lock().unclean_before(number) else { return Ok(()) };
        file.truncate(end)?;
        file.sync()?;
        if let Some(entry) = self.shared.books.lock().segments.get_mut(&before) {
            entry.clean = true;
        }
        Ok(())
    }

    fn choose_sparse(&mut self, now: Instant) {
        let settings = self.shared.settings;
        let active = self.active.as_ref().map(|active| active.number);
        let books = self.shared.books.lock();
        let due = |(number, entry): &(&u64, &Entry)| {
            let age = entry.dead_since.map(|since| now.duration_since(since));
            let sparse = entry.live_bytes.saturating_mul(100) <= entry.end.saturating_mul(u64::from(settings.sparse_percent));
            Some(**number) != active
                && !entry.damaged
                && entry.live > 0
                && age.is_some_and(|age| (sparse && age >= settings.forget_after) || age >= settings.forget_at_latest)
        };
        let chosen = books.segments.iter().find(due).map(|(number, _)| *number);
        if let Some(number) = chosen {
            let moved = books.live_in(number);
            drop(books);
            self.carry.extend(moved);
        }
    }

    /// The next records that move, read from their old segment.
    pub(crate) fn take_carried(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut octets = 0;
        while octets < CARRIED_PER_GROUP
            && let Some(id) = self.carry.pop_front()
        {
            match read_record(&self.shared, id) {
                Ok((kind, content)) => {
                    octets += content.len();
                    let content = Bytes::from(content);
                    let summary = self.shared.summary.of(kind, &content);
                    items.push(Item { id, kind, parts: vec![content], summary, waiter: None });
                }
                Err(SegmentError::Gone(_)) => {}
                Err(error) => self.keep_damaged(id, &error),
            }
        }
        items
    }

    fn keep_damaged(&self, id: RecordId, error: &SegmentError) {
        tracing::error!(event = "segment.damaged", record = id.0, cause = %error, "a record can't be read; its segment is kept");
        let mut books = self.shared.books.lock();
        let segment = books.live.get(&id).map(|location| location.segment.get());
        if let Some(entry) = segment.and_then(|segment| books.segments.get_mut(&segment)) {
            entry.damaged = true;
        }
    }

    fn next_due(&self, now: Instant) -> Option<Duration> {
        let settings = self.shared.settings;
        let books = self.shared.books.lock();
        let waits = books.segments.values().filter(|entry| !entry.damaged).filter_map(|entry| {
            let age = now.duration_since(entry.dead_since?);
            let wait = [settings.forget_after, settings.forget_at_latest].into_iter().find(|wait| *wait > age)?;
            Some(wait.saturating_sub(age))
        });
        waits.min()
    }
}
