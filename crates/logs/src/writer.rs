//! Writes lines to `story.jsonl` and rotates it: when a new span of the clock begins (`[logs] rotate`; a day ends at midnight UTC), and
//! when it has grown to [`SIZE`], so that no single file takes long to look through.
//!
//! A line is one `write` to the page cache, so that what was told before the process dies is there afterwards. What can't be written is
//! counted and left: mail never waits for its log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{Clock, Timestamp};
use parking_lot::Mutex;

use crate::files;
use crate::line::{LINE_MAX, Line};

/// The active file is rotated when it is so large, octets.
pub const SIZE: u64 = 64 << 20;

/// Writes the stories of one node.
pub struct Stories {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    active: Mutex<Active>,
    every: AtomicU64,
    lost: AtomicU64,
    rotated: Box<dyn Fn() + Send + Sync>,
}

struct Active {
    file: Option<File>,
    size: u64,
    since: Timestamp,
}

impl Stories {
    /// Opens the active file in `folder`; `rotated` is called, briefly, whenever a file is ready to be put away.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, rotated: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let path = folder.join(files::ACTIVE);
        let since = first_instant(&path).unwrap_or_else(|| clock.now());
        let active = Mutex::new(open(&path, since)?);
        let day = Duration::from_secs(86_400);
        let every = AtomicU64::new(day.as_secs());
        Ok(Self { folder: folder.to_owned(), clock, active, every, lost: AtomicU64::new(0), rotated: Box::new(rotated) })
    }

    /// A new file begins with each such span of the clock.
    pub fn rotate_every(&self, every: Duration) {
        self.every.store(every.as_secs().max(1), Ordering::Relaxed);
    }

    /// Lines that could not be written since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Appends one line; its line end is part of it.
    pub fn append(&self, line: &[u8]) {
        if line.len() > LINE_MAX {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let now = self.clock.now();
        let mut active = self.active.lock();
        let turned = self.turn_if_due(&mut active, now);
        let written = match &mut active.file {
            Some(file) => file.write_all(line),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match written {
            Ok(()) => active.size += line.len() as u64,
            Err(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(active);
        if turned {
            (self.rotated)();
        }
    }

    /// Rotates if it is time, also when nothing is written.
    pub fn look(&self) {
        let now = self.clock.now();
        let mut active = self.active.lock();
        let turned = self.turn_if_due(&mut active, now);
        drop(active);
        if turned {
            (self.rotated)();
        }
    }

    fn turn_if_due(&self, active: &mut Active, now: Timestamp) -> bool {
        let every = i64::try_from(self.every.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let another_span = now.seconds().div_euclid(every) != active.since.seconds().div_euclid(every);
        if active.file.is_some() && (active.size == 0 || (active.size < SIZE && !another_span)) {
            return false;
        }
        self.turn(active, now).unwrap_or(false)
    }

    /// The active file gets its number, a new one begins. On an error all stays as it is, and it is tried again with the next line.
    fn turn(&self, active: &mut Active, now: Timestamp) -> io::Result<bool> {
        let path = self.folder.join(files::ACTIVE);
        let full = active.size > 0;
        if full {
            let name = files::rotated(files::next_number(&self.folder)?, now);
            std::fs::rename(&path, self.folder.join(name))?;
            active.file = None;
        }
        *active = open(&path, now)?;
        Ok(full)
    }
}

impl std::fmt::Debug for Stories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stories").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn open(path: &Path, since: Timestamp) -> io::Result<Active> {
    let mut file = File::options().create(true).append(true).read(true).open(path)?;
    let mut size = file.metadata()?.len();
    if size > 0 {
        // A power cut may have left half a line: the next one must not become a part of it.
        let mut last = [0];
        file.read_exact_at(&mut last, size - 1)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            size += 1;
        }
    }
    Ok(Active { file: Some(file), size, since })
}

fn first_instant(path: &Path) -> Option<Timestamp> {
    let mut first = Vec::new();
    BufReader::new(File::open(path).ok()?).read_until(b'\n', &mut first).ok()?;
    Some(Line::parse(&first)?.at)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use model::FixedClock;

    use super::*;

    fn line(n: usize) -> Vec<u8> {
        format!("{{\"timestamp\":\"2026-11-21T21:44:34Z\",\"event\":\"mail.delivered\",\"trace\":\"t{n}\"}}\n").into_bytes()
    }

    #[test]
    fn s_6_a_new_day_begins_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp(1_795_297_474_000_000)));
        let turns = Arc::new(AtomicUsize::new(0));
        let seen = turns.clone();
        let turned = move || {
            seen.fetch_add(1, Ordering::Relaxed);
        };
        let stories = Stories::open(folder.path(), clock.clone(), turned.clone()).unwrap();
        stories.append(&line(1));
        stories.append(&line(2));
        assert_eq!(files::list(folder.path()).unwrap(), []);
        clock.advance(Duration::from_secs(86_400));
        stories.append(&line(3));
        let files = files::list(folder.path()).unwrap();
        assert_eq!((files.len(), files[0].number, turns.load(Ordering::Relaxed)), (1, 1, 1));
        assert_eq!(std::fs::read(&files[0].path).unwrap(), [line(1), line(2)].concat());
        // The next start goes on in the same file, and knows since when it is.
        drop(stories);
        let stories = Stories::open(folder.path(), clock.clone(), turned).unwrap();
        stories.rotate_every(Duration::from_secs(3_600));
        stories.look();
        assert_eq!(files::list(folder.path()).unwrap().len(), 2);
        stories.look();
        assert_eq!(files::list(folder.path()).unwrap().len(), 2, "an empty file is not rotated");
        assert_eq!(stories.lost(), 0);
    }

    #[test]
    fn what_is_too_long_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let stories = Stories::open(folder.path(), Arc::new(model::SystemClock), || ()).unwrap();
        stories.append(&vec![b'x'; LINE_MAX + 1]);
        assert_eq!(stories.lost(), 1);
    }
}
