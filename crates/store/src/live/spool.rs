//! Sightings that wait for the store, on the node's disk (mobile-gateway.md G-30): what a kill may not lose.
//!
//! `<data>/sightings.sealed` takes each batch before the store does, and is emptied when the store has them all; so what a kill
//! loses is what came since the last batch (`flush`). After a start the batches are written again: a sighting that
//! the store has already changes nothing there, so nothing is counted twice. The file is bounded: too long, it is
//! written anew with the newest sighting of each device. No request waits for any of this.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use model::device::Sighting;
use model::format::{Format, HEADER_LENGTH};
use model::records::Kind;

use super::{Sealer, records};

/// Name of the file in the data directory.
pub const SPOOL_FILE: &str = "sightings.sealed";

const KIND: Kind =
    Kind { format: Format { magic: *b"SGsi", version: 1, name: "sightings that wait" }, file: SPOOL_FILE, sealed_as: "sightings" };
/// Longest file before it is written anew.
const LONGEST: u64 = 64 << 20;
/// Sightings in one record when it is.
const AT_ONCE: usize = 5_000;

/// The file, opened when it is first needed.
pub(crate) struct Spool {
    path: PathBuf,
    sealer: Arc<dyn Sealer>,
    file: Option<File>,
    /// Records in it.
    records: u64,
    length: u64,
}

impl Spool {
    /// Reads what a process before left; a file that can't be read is put aside, named in the log, and never lost.
    pub(crate) fn open(data: &std::path::Path, sealer: Arc<dyn Sealer>, mut take: impl FnMut(Sighting)) -> Self {
        let path = data.join(SPOOL_FILE);
        let mut spool = Self { path, sealer, file: None, records: 0, length: 0 };
        if let Err(cause) = spool.read(&mut take) {
            let aside = spool.path.with_extension("damaged");
            let moved = std::fs::rename(&spool.path, &aside);
            tracing::error!(event = "spool.damaged", cause, aside = %aside.display(), moved = moved.is_ok(), "sightings could not be read");
            (spool.records, spool.length) = (0, 0);
        }
        spool
    }

    fn read(&mut self, take: &mut impl FnMut(Sighting)) -> Result<(), String> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(cause.to_string()),
        };
        if file.metadata().map_err(|e| e.to_string())?.len() < HEADER_LENGTH as u64 {
            return Ok(());
        }
        let each = |batch: Vec<Sighting>| batch.into_iter().for_each(&mut *take);
        (self.records, self.length) = records::read(&KIND, BufReader::new(file), &*self.sealer, each)?;
        Ok(())
    }

    /// True if it holds sightings.
    pub(crate) const fn holds(&self) -> bool {
        self.records > 0
    }

    /// True if it should be written anew with what still waits.
    pub(crate) const fn is_long(&self) -> bool {
        self.length > LONGEST
    }

    /// Adds a batch and syncs it.
    pub(crate) fn append(&mut self, batch: &[Sighting]) -> Result<(), String> {
        let bytes = KIND.framed(|name, plain| self.sealer.seal(name, plain), self.records, &batch)?;
        let before = self.length;
        let file = self.file()?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if let Err(cause) = written {
            // Half a record would hide all later ones. The next one is written to a file opened anew.
            let _ = file.set_len(before);
            self.file = None;
            return Err(cause.to_string());
        }
        self.records += 1;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Empties it: the store has all.
    pub(crate) fn clear(&mut self) -> Result<(), String> {
        if self.records == 0 {
            return Ok(());
        }
        let file = self.file()?;
        file.set_len(HEADER_LENGTH as u64).map_err(|e| e.to_string())?;
        (self.records, self.length) = (0, HEADER_LENGTH as u64);
        Ok(())
    }

    /// Writes it anew with these alone, beside and renamed.
    pub(crate) fn rewrite(&mut self, waiting: &[Sighting]) -> Result<(), String> {
        let fresh = self.path.with_extension("sealed.new");
        let mut out = create(&fresh)?;
        let (mut records, mut length) = (0, HEADER_LENGTH as u64);
        for some in waiting.chunks(AT_ONCE) {
            let bytes = KIND.framed(|name, plain| self.sealer.seal(name, plain), records, &some)?;
            out.write_all(&bytes).map_err(|e| e.to_string())?;
            records += 1;
            length += bytes.len() as u64;
        }
        out.sync_all().and_then(|()| std::fs::rename(&fresh, &self.path)).map_err(|e| e.to_string())?;
        (self.file, self.records, self.length) = (None, records, length);
        Ok(())
    }

    fn file(&mut self) -> Result<&mut File, String> {
        if self.file.is_none() {
            let opened = if self.length < HEADER_LENGTH as u64 {
                self.length = HEADER_LENGTH as u64;
                create(&self.path)?
            } else {
                OpenOptions::new().append(true).open(&self.path).map_err(|e| e.to_string())?
            };
            // Behind the last record that was written whole.
            opened.set_len(self.length).map_err(|e| e.to_string())?;
            self.file = Some(opened);
        }
        self.file.as_mut().ok_or_else(|| "no file".to_owned())
    }
}

fn create(path: &std::path::Path) -> Result<File, String> {
    // Emptied first: a file opened for appending can't be cut while it is opened.
    drop(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(|e| e.to_string())?);
    let mut file = OpenOptions::new().append(true).open(path).map_err(|e| e.to_string())?;
    file.write_all(&KIND.format.header()).map_err(|e| e.to_string())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use model::device::{Decision, DeviceId, Reason};

    use super::*;

    struct Plain;

    impl Sealer for Plain {
        fn seal(&self, _: &str, plain: &[u8]) -> Vec<u8> {
            plain.to_vec()
        }
        fn open(&self, _: &str, sealed: &[u8]) -> Option<Vec<u8>> {
            Some(sealed.to_vec())
        }
    }

    fn sighting(device: &str, at: i64) -> Sighting {
        Sighting {
            device: DeviceId::parse(device).unwrap(),
            user: "bob".into(),
            device_type: "iPhone".into(),
            agent: "Apple/1".into(),
            command: "Sync".into(),
            at: Timestamp(at),
            decision: Decision { allowed: true, reason: Reason::Compliant },
            gateway: "west".into(),
            client: "192.0.2.1".into(),
        }
    }

    fn open(room: &std::path::Path) -> (Spool, Vec<i64>) {
        let mut found = Vec::new();
        let spool = Spool::open(room, Arc::new(Plain), |sighting| found.push(sighting.at.0));
        (spool, found)
    }

    #[test]
    fn g_30_what_was_written_is_there_after_a_kill_and_gone_when_the_store_has_it() {
        let room = tempfile::tempdir().unwrap();
        let (mut spool, found) = open(room.path());
        assert!(found.is_empty() && !spool.holds());
        spool.append(&[sighting("a", 1), sighting("b", 2)]).unwrap();
        spool.append(&[sighting("a", 3)]).unwrap();
        drop(spool);
        // The last record was cut by a power loss; what comes then stands behind the whole ones.
        let file = room.path().join(SPOOL_FILE);
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, [&whole[..], &[0, 0, 9, 9, 1]].concat()).unwrap();
        let (mut spool, found) = open(room.path());
        assert_eq!(found, [1, 2, 3]);
        spool.append(&[sighting("c", 4)]).unwrap();
        drop(spool);
        let (mut spool, found) = open(room.path());
        assert_eq!(found, [1, 2, 3, 4]);
        spool.rewrite(&[sighting("a", 3), sighting("c", 4)]).unwrap();
        spool.append(&[sighting("d", 5)]).unwrap();
        drop(spool);
        let (mut spool, found) = open(room.path());
        assert_eq!(found, [3, 4, 5]);
        spool.clear().unwrap();
        assert!(!spool.holds());
        spool.append(&[sighting("e", 6)]).unwrap();
        drop(spool);
        assert_eq!(open(room.path()).1, [6]);
    }

    #[test]
    fn g_30_a_file_that_cannot_be_read_is_put_aside() {
        let room = tempfile::tempdir().unwrap();
        std::fs::write(room.path().join(SPOOL_FILE), b"something else altogether").unwrap();
        let (mut spool, found) = open(room.path());
        assert!(found.is_empty());
        assert!(room.path().join("sightings.damaged").exists());
        spool.append(&[sighting("a", 1)]).unwrap();
        drop(spool);
        assert_eq!(open(room.path()).1, [1]);
    }
}
