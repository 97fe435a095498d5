//! Puts rotated files away and forgets old ones. Blocking: for a thread that may wait for the disk.
//!
//! An archive is written beside the raw file, made durable, renamed, and only then is the raw file removed: a crash at any moment
//! leaves one of the two whole, and the next round goes on.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use model::Timestamp;

use crate::{archive, files};

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Files put away.
    pub archived: u64,
    /// Their octets before.
    pub raw: u64,
    /// And after.
    pub packed: u64,
    /// Files forgotten because of their age.
    pub forgotten: u64,
}

/// The keeper of one folder.
#[derive(Debug, Clone)]
pub struct Keeper {
    folder: PathBuf,
}

impl Keeper {
    /// Of this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// One round: what was rotated is put away, what was rotated over `days` days ago goes.
    ///
    /// # Errors
    /// The disk's; what was done until then stays done.
    pub fn round(&self, days: u32, now: Timestamp) -> io::Result<Round> {
        let mut round = Round::default();
        let oldest = now.seconds().saturating_sub(i64::from(days).saturating_mul(86_400));
        self.sweep()?;
        for file in files::list(&self.folder)? {
            if file.rotated < oldest {
                std::fs::remove_file(&file.path)?;
                round.forgotten += 1;
            } else if !file.archived {
                let (raw, packed) = self.put_away(&file.path)?;
                (round.archived, round.raw, round.packed) = (round.archived + 1, round.raw + raw, round.packed + packed);
            }
        }
        Ok(round)
    }

    fn put_away(&self, path: &Path) -> io::Result<(u64, u64)> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (draft, done) = (self.folder.join(format!("{name}.zst.new")), self.folder.join(format!("{name}.zst")));
        let input = File::open(path)?;
        let raw = input.metadata()?.len();
        let mut output = BufWriter::new(File::create(&draft)?);
        archive::pack(input, &mut output)?;
        output.flush()?;
        output.get_ref().sync_all()?;
        let packed = output.get_ref().metadata()?.len();
        drop(output);
        std::fs::rename(&draft, &done)?;
        File::open(&self.folder)?.sync_all()?;
        std::fs::remove_file(path)?;
        Ok((raw, packed))
    }

    /// What a crash left: drafts, and raw files whose archive is complete.
    fn sweep(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)?.flatten() {
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let put_away = files::parse(&path).is_some_and(|file| !file.archived) && self.folder.join(format!("{name}.zst")).exists();
            if put_away || (name.starts_with("story-") && name.ends_with(".zst.new")) {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "{\"timestamp\":\"2026-11-21T21:44:34Z\",\"event\":\"mail.delivered\",\"trace\":\"t1\"}\n";
    const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn s_6_rotated_files_are_put_away_and_old_ones_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let day = |days: i64| Timestamp(NOW.0 - days * 86_400_000_000);
        for (number, age) in [(1, 100), (2, 91), (3, 89), (4, 0)] {
            std::fs::write(folder.path().join(files::rotated(number, day(age))), LINE.repeat(1_000)).unwrap();
        }
        std::fs::write(folder.path().join(files::ACTIVE), LINE).unwrap();
        let keeper = Keeper::new(folder.path());
        let round = keeper.round(90, NOW).unwrap();
        assert_eq!((round.archived, round.forgotten), (2, 2));
        assert!(round.packed * 5 < round.raw, "{round:?}");
        let left = names(folder.path());
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(left[0].starts_with("story-0000000003-") && left[1].starts_with("story-0000000004-") && left[2] == files::ACTIVE);
        assert_eq!(keeper.round(90, NOW).unwrap(), Round::default(), "nothing is left to do");
        assert_eq!(keeper.round(1, Timestamp(NOW.0 + 3 * 86_400_000_000)).unwrap().forgotten, 2);
    }

    #[test]
    fn a_crash_between_two_steps_loses_and_doubles_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let raw = files::rotated(1, NOW);
        std::fs::write(folder.path().join(&raw), LINE).unwrap();
        std::fs::write(folder.path().join(format!("{raw}.zst.new")), b"half").unwrap();
        let keeper = Keeper::new(folder.path());
        assert_eq!(keeper.round(90, NOW).unwrap().archived, 1);
        std::fs::write(folder.path().join(&raw), LINE).unwrap();
        assert_eq!(files::list(folder.path()).unwrap().len(), 1, "while both are there, the archive counts");
        keeper.round(90, NOW).unwrap();
        assert_eq!(names(folder.path()), [format!("{raw}.zst")]);
    }
}
