//! Sealed records in a file of a node's own: the format's header, then records, each length (four octets, big-endian) and as many
//! sealed octets, JSON inside.
//!
//! Each record is sealed under its number, so none can be left out, moved or repeated. A record that was cut by a power loss ends
//! the file. Who seals and opens, and where the octets come from, is the caller's; nothing is opened here. Used by the devices' copy and
//! by the sightings that wait (`store`).

use std::io::Read;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::device::{Device, DeviceId};
use crate::format::{Format, HEADER_LENGTH};

/// Longest record that is read back, octets; ours are far shorter.
const LONGEST: usize = 64 << 20;

/// What kind of file.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its header.
    pub format: Format,
    /// Its name in the data directory.
    pub file: &'static str,
    /// Under which its records are sealed, with their numbers.
    pub sealed_as: &'static str,
}

/// What was read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Records that were written whole.
    pub records: u64,
    /// Where the last of them ends, octets.
    pub end: u64,
    /// Half a record stands behind it.
    pub cut: bool,
}

/// What one record of the devices' copy changes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Devices as they are now.
    pub put: Vec<Device>,
    /// Devices that are no more: user and id.
    pub gone: Vec<(String, DeviceId)>,
}

impl Kind {
    /// One record as it lies in the file; `seal` has the name under which it is sealed, and the plain octets.
    ///
    /// # Errors
    /// It can't be written as JSON, or is longer than 4 GiB.
    pub fn framed(&self, seal: impl FnOnce(&str, &[u8]) -> Vec<u8>, number: u64, record: &impl Serialize) -> Result<Vec<u8>, String> {
        let plain = serde_json::to_vec(record).map_err(|cause| cause.to_string())?;
        let sealed = seal(&self.name(number), &plain);
        let mut bytes = u32::try_from(sealed.len()).map_err(|cause| cause.to_string())?.to_be_bytes().to_vec();
        bytes.extend(sealed);
        Ok(bytes)
    }

    /// Reads all records that were written whole. Holds one of them at a time, and of that no more than there is.
    ///
    /// # Errors
    /// In words for an administrator: another format, a record that can't be opened or is none.
    pub fn read<T: DeserializeOwned>(
        &self,
        mut file: impl Read,
        open: impl Fn(&str, &[u8]) -> Option<Vec<u8>>,
        mut take: impl FnMut(T),
    ) -> Result<Found, String> {
        let name = self.file;
        let mut header = [0; HEADER_LENGTH];
        file.read_exact(&mut header).map_err(|cause| format!("{name}: {cause}"))?;
        self.format.read(&header).map_err(|error| error.to_string())?;
        let mut found = Found { records: 0, end: HEADER_LENGTH as u64, cut: false };
        loop {
            let mut length = Vec::new();
            let taken = file.by_ref().take(4).read_to_end(&mut length).map_err(|cause| format!("{name}: {cause}"))?;
            let Ok(length) = <[u8; 4]>::try_from(length) else { return Ok(Found { cut: taken > 0, ..found }) };
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(format!("{name} is damaged: a record of {length} octets"));
            }
            let mut sealed = Vec::new();
            let taken = file.by_ref().take(length as u64).read_to_end(&mut sealed).map_err(|cause| format!("{name}: {cause}"))?;
            if taken < length {
                return Ok(Found { cut: true, ..found });
            }
            let plain = open(&self.name(found.records), &sealed);
            let plain = plain.ok_or_else(|| format!("{name} can't be opened at record {}", found.records))?;
            take(serde_json::from_slice(&plain).map_err(|cause| format!("{name}: {cause}"))?);
            found.records += 1;
            found.end += 4 + length as u64;
        }
    }

    fn name(&self, number: u64) -> String {
        format!("{}/{number}", self.sealed_as)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { format: Format { magic: *b"SGte", version: 1, name: "a test" }, file: "test", sealed_as: "t" };

    /// Seals by writing the name in front.
    fn seal(name: &str, plain: &[u8]) -> Vec<u8> {
        [name.as_bytes(), b"\n", plain].concat()
    }

    fn open(name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        sealed.strip_prefix([name.as_bytes(), b"\n"].concat().as_slice()).map(<[u8]>::to_vec)
    }

    fn whole() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (KIND.format.header().to_vec(), Vec::new());
        for (number, user) in ["anna", "bob", "carl"].into_iter().enumerate() {
            bytes.extend(KIND.framed(seal, number as u64, &user).unwrap());
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn users(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut users = Vec::new();
        KIND.read(bytes, open, |user: String| users.push(user)).map(|_| users)
    }

    #[test]
    fn g_14_g_30_a_cut_file_gives_what_was_written_whole() {
        let (bytes, ends) = whole();
        assert_eq!(users(&bytes).unwrap(), ["anna", "bob", "carl"]);
        for end in HEADER_LENGTH..bytes.len() {
            let complete = ends.iter().filter(|at| **at <= end).count();
            assert_eq!(users(&bytes[..end]).unwrap().len(), complete, "cut at {end}");
        }
        assert!(users(&bytes[..5]).is_err());
    }

    #[test]
    fn g_14_a_record_that_was_left_out_or_moved_is_refused() {
        let (bytes, ends) = whole();
        let without_second = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
        assert!(users(&without_second).unwrap_err().contains("record 1"));
        let repeated = [&bytes[..], &bytes[ends[1]..ends[2]]].concat();
        assert!(users(&repeated).unwrap_err().contains("record 3"));
        let mut long = bytes[..ends[0]].to_vec();
        long.extend([0xff; 8]);
        assert!(users(&long).unwrap_err().contains("damaged"));
    }
}
