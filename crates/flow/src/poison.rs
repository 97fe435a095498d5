//! Poison guard: a mail that ends the process does so twice at most (design decision 2).
//!
//! The fingerprint of each mail in heavy work (from its final dot to its answer) stands in a file of the node; it is taken out
//! when the work is done. What stands there at a start was being worked on when the process died: a suspect. A suspect
//! that comes again is worked on alone, so that the others that were there are cleared; one that has ended the process
//! twice is refused, with an alarm. A process that dies keeps what it wrote; no sync is needed, since a power cut is
//! nobody's poison. The file holds hashes, never content.
//!
//! ```text
//! file  8 format header · slots
//! slot  1 state (0 free, 1 in work, 2 suspect) · 1 deaths · 8 since (µs) · 32 SHA-256
//! ```

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::format::{Format, HEADER_LENGTH};
use model::{Fault, Guilty, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

const FORMAT: Format = Format { magic: *b"SGpg", version: 1, name: "list of mails in work" };
const SLOT: usize = 42;
const IN_WORK: u8 = 1;
const SUSPECT: u8 = 2;
/// Deaths from which on a mail is refused.
const REFUSED_FROM: u8 = 2;
/// Most slots; beyond them mail is worked on without a guard, rather than not at all.
const SLOTS_MOST: usize = 8_192;
/// A suspect is remembered so long, µs.
const MEMORY: i64 = 7 * 86_400 * 1_000_000;
/// Hashing more than this goes on a thread of its own.
const LARGE: usize = 256 << 10;

/// A content's SHA-256, octets.
pub(crate) type Print = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Suspect {
    slot: usize,
    deaths: u8,
}

#[derive(Default)]
struct Book {
    file: Option<File>,
    /// Slots in use, of mails in work and of suspects.
    used: Vec<bool>,
    suspects: HashMap<Print, Suspect>,
}

/// The guard of one node.
pub struct Guard {
    book: Mutex<Book>,
    /// Held shared by mail in work, alone by a suspect.
    room: Arc<RwLock<()>>,
}

/// One mail in work; dropping it says that the work was survived.
pub struct Watch {
    guard: Arc<Guard>,
    print: Print,
    slot: Option<usize>,
    _room: Place,
}

/// Its place in the room.
enum Place {
    Among(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
    Alone(#[expect(dead_code, reason = "held")] OwnedRwLockWriteGuard<()>),
}

impl Guard {
    /// A guard that remembers nothing: for what takes no mail from outside.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::new(Self { book: Mutex::default(), room: Arc::default() })
    }

    /// Reads what the process before this one left in `path`, and goes on there.
    ///
    /// # Errors
    /// The file can't be read or written, or a newer program wrote it.
    pub fn open(path: &Path, now: Timestamp) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut octets = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0).min(HEADER_LENGTH + SLOTS_MOST * SLOT)];
        file.read_exact_at(&mut octets, 0)?;
        let slots = match FORMAT.read(&octets) {
            Ok((_, slots)) => slots,
            Err(model::format::FormatError::Foreign(_)) => &[],
            Err(newer) => return Err(io::Error::other(newer)),
        };
        let suspects = suspects(slots, now);
        // Written anew: what is over goes, and each death is counted once.
        file.set_len(0)?;
        file.write_all_at(&FORMAT.header(), 0)?;
        let mut book = Book { file: Some(file), ..Book::default() };
        for (print, deaths, since) in suspects {
            tracing::warn!(event = "mail.suspected", fingerprint = hex(&print), deaths, "the process ended while this mail was in work");
            if let Some(slot) = book.take(&print, SUSPECT, deaths, since) {
                book.suspects.insert(print, Suspect { slot, deaths });
            }
        }
        Ok(Arc::new(Self { book: Mutex::new(book), room: Arc::default() }))
    }

    /// Lets a mail into work; waits until a suspect may have the room alone.
    ///
    /// # Errors
    /// `mail-poison`, for good: it has ended the process twice.
    pub async fn enter(self: &Arc<Self>, content: &Bytes, now: Timestamp) -> Result<Watch, Fault> {
        let print = fingerprint(content).await;
        let suspect = self.book.lock().suspects.get(&print).copied();
        let room = match suspect {
            Some(suspect) if suspect.deaths >= REFUSED_FROM => {
                let fingerprint = hex(&print);
                tracing::error!(
                    event = "mail.poison",
                    fingerprint,
                    deaths = suspect.deaths,
                    "a mail that has ended the process twice is refused"
                );
                return Err(Fault::permanent(
                    Guilty::Sender,
                    "mail-poison",
                    format!("{fingerprint} has ended the process {} times", suspect.deaths),
                ));
            }
            Some(_) => {
                let alone = Arc::clone(&self.room).write_owned().await;
                tracing::warn!(
                    event = "mail.alone",
                    fingerprint = hex(&print),
                    "the process ended when this mail was in work; now it is worked on alone"
                );
                Place::Alone(alone)
            }
            None => Place::Among(Arc::clone(&self.room).read_owned().await),
        };
        let deaths = suspect.map_or(0, |suspect| suspect.deaths);
        let slot = self.book.lock().take(&print, IN_WORK, deaths, now);
        Ok(Watch { guard: Arc::clone(self), print, slot, _room: room })
    }
}

impl Watch {
    /// The content's SHA-256, octets.
    pub(crate) const fn print(&self) -> &Print {
        &self.print
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut book = self.guard.book.lock();
        if let Some(slot) = self.slot {
            book.free(slot);
        }
        // Alone it did no harm: it was another. Among others it is no suspect.
        if matches!(self._room, Place::Alone(_))
            && let Some(suspect) = book.suspects.remove(&self.print)
        {
            book.free(suspect.slot);
        }
    }
}

impl Book {
    fn take(&mut self, print: &Print, state: u8, deaths: u8, since: Timestamp) -> Option<usize> {
        self.file.as_ref()?;
        let slot = self.used.iter().position(|used| !used).unwrap_or(self.used.len());
        if slot >= SLOTS_MOST {
            return None;
        }
        match self.used.get_mut(slot) {
            Some(used) => *used = true,
            None => self.used.push(true),
        }
        let mut octets = vec![state, deaths];
        octets.extend_from_slice(&since.0.to_be_bytes());
        octets.extend_from_slice(print);
        self.write(slot, &octets);
        Some(slot)
    }

    fn free(&mut self, slot: usize) {
        if let Some(used) = self.used.get_mut(slot) {
            *used = false;
        }
        self.write(slot, &[0]);
    }

    fn write(&self, slot: usize, octets: &[u8]) {
        let Some(file) = &self.file else { return };
        if let Err(error) = file.write_all_at(octets, (HEADER_LENGTH + slot * SLOT) as u64) {
            tracing::error!(event = "poison.unwritable", cause = %error, "mail in work is not guarded");
        }
    }
}

/// What was in work has ended the process once more; what was suspected before stays so for a while. A mail that stands
/// there twice counts once.
fn suspects(slots: &[u8], now: Timestamp) -> Vec<(Print, u8, Timestamp)> {
    let mut found: HashMap<Print, (u8, Timestamp)> = HashMap::new();
    for slot in slots.as_chunks::<SLOT>().0 {
        let [state, deaths, rest @ ..] = slot;
        let Some((since, print)) = rest.split_first_chunk::<8>() else { continue };
        let since = Timestamp(i64::from_be_bytes(*since));
        let Ok(print) = Print::try_from(print) else { continue };
        let deaths = match *state {
            IN_WORK => deaths.saturating_add(1),
            SUSPECT => *deaths,
            _ => continue,
        };
        if now.0.saturating_sub(since.0) < MEMORY {
            let known = found.entry(print).or_insert((0, since));
            *known = (known.0.max(deaths), known.1.max(since));
        }
    }
    found.into_iter().map(|(print, (deaths, since))| (print, deaths, since)).collect()
}

async fn fingerprint(content: &Bytes) -> Print {
    if content.len() < LARGE {
        return openssl::sha::sha256(content);
    }
    let own = content.clone();
    let hashed = tokio::task::spawn_blocking(move || openssl::sha::sha256(&own)).await;
    // A retry is recognised by it: there must be no other that stands for many.
    hashed.unwrap_or_else(|_| openssl::sha::sha256(content))
}

/// Enough of it to find it in logs.
fn hex(print: &Print) -> String {
    data_encoding::HEXLOWER.encode(print.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

    fn mail(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    /// The process dies: nothing is dropped.
    fn die(watches: Vec<Watch>, guard: Arc<Guard>) {
        watches.into_iter().for_each(std::mem::forget);
        std::mem::forget(guard);
    }

    #[tokio::test]
    async fn promise_8_a_poison_mail_kills_twice_at_most_and_takes_nobody_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in-work");
        let guard = Guard::open(&path, NOW).unwrap();
        drop(guard.enter(&mail("done"), NOW).await.unwrap());
        let watches = vec![guard.enter(&mail("poison"), NOW).await.unwrap(), guard.enter(&mail("good"), NOW).await.unwrap()];
        die(watches, guard);

        let guard = Guard::open(&path, NOW).unwrap();
        assert_eq!(guard.book.lock().suspects.len(), 2, "what was done is none");
        let good = guard.enter(&mail("good"), NOW).await.unwrap();
        assert!(matches!(good._room, Place::Alone(_)));
        let other = mail("other");
        let waits = tokio::time::timeout(Duration::from_millis(20), guard.enter(&other, NOW)).await;
        assert!(waits.is_err(), "nobody beside it");
        drop(good);
        assert!(matches!(guard.enter(&mail("good"), NOW).await.unwrap()._room, Place::Among(_)), "it was cleared");
        let poison = guard.enter(&mail("poison"), NOW).await.unwrap();
        die(vec![poison], guard);

        let guard = Guard::open(&path, NOW).unwrap();
        let refused = guard.enter(&mail("poison"), NOW).await.map(drop).unwrap_err();
        assert_eq!((refused.code, refused.temporary), ("mail-poison", false));
        assert!(matches!(guard.enter(&mail("good"), NOW).await.unwrap()._room, Place::Among(_)));
        drop(guard);

        let guard = Guard::open(&path, NOW.after(Duration::from_secs(6 * 86_400))).unwrap();
        assert!(guard.enter(&mail("poison"), NOW).await.is_err(), "a restart does not pardon it");
        drop(guard);
        let guard = Guard::open(&path, NOW.after(Duration::from_secs(8 * 86_400))).unwrap();
        assert!(guard.enter(&mail("poison"), NOW).await.is_ok(), "but time does");
    }

    #[tokio::test]
    async fn slots_are_used_again_and_a_foreign_file_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in-work");
        std::fs::write(&path, b"something else, longer than a header").unwrap();
        let guard = Guard::open(&path, NOW).unwrap();
        for _ in 0..100 {
            drop(guard.enter(&mail("a"), NOW).await.unwrap());
        }
        let one = mail("a");
        let all = (0..3).map(|_| guard.enter(&one, NOW));
        assert_eq!(futures_util::future::join_all(all).await.len(), 3);
        assert!(std::fs::metadata(&path).unwrap().len() <= (HEADER_LENGTH + 3 * SLOT) as u64);
        assert!(Guard::none().enter(&mail("a"), NOW).await.is_ok());
    }
}
