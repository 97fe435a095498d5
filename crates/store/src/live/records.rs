//! Sealed records in a file of the node's own: the format's header, then records, each length (four octets, big-endian) and as
//! many sealed octets, JSON inside.
//!
//! Each record is sealed under its number, so none can be left out, moved or repeated. A record that was cut by a power loss ends
//! the file. Used by the devices' copy and by the sightings that wait.

use std::io::Read;

use model::format::{Format, HEADER_LENGTH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Sealer;

/// Longest record that is read back; ours are far shorter.
const LONGEST: usize = 64 << 20;

/// What kind of file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) format: Format,
    /// Its name in the data directory.
    pub(crate) file: &'static str,
    /// Under which its records are sealed, with their numbers.
    pub(crate) sealed_as: &'static str,
}

impl Kind {
    /// One record as it lies in the file.
    pub(crate) fn framed(&self, sealer: &dyn Sealer, number: u64, record: &impl Serialize) -> Result<Vec<u8>, String> {
        let plain = serde_json::to_vec(record).map_err(|cause| cause.to_string())?;
        let sealed = sealer.seal(&format!("{}/{number}", self.sealed_as), &plain);
        let mut bytes = u32::try_from(sealed.len()).map_err(|cause| cause.to_string())?.to_be_bytes().to_vec();
        bytes.extend(sealed);
        Ok(bytes)
    }

    /// Reads all records that were written whole; says how many, and where the last ends.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        mut file: impl Read,
        sealer: &dyn Sealer,
        mut take: impl FnMut(T),
    ) -> Result<(u64, u64), String> {
        let name = self.file;
        let mut header = [0; HEADER_LENGTH];
        file.read_exact(&mut header).map_err(|cause| format!("{name}: {cause}"))?;
        self.format.read(&header).map_err(|error| error.to_string())?;
        let (mut number, mut end) = (0, HEADER_LENGTH as u64);
        loop {
            let mut length = [0; 4];
            if file.read_exact(&mut length).is_err() {
                return Ok((number, end));
            }
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(format!("{name} is damaged: a record of {length} octets"));
            }
            let mut sealed = Vec::new();
            let taken = file.by_ref().take(length as u64).read_to_end(&mut sealed).map_err(|cause| format!("{name}: {cause}"))?;
            if taken < length {
                tracing::warn!(event = "copy.cut", file = name, records = number, "the last record was not written whole");
                return Ok((number, end));
            }
            let plain = sealer.open(&format!("{}/{number}", self.sealed_as), &sealed);
            let plain = plain.ok_or_else(|| format!("{name} can't be opened at record {number}"))?;
            take(serde_json::from_slice(&plain).map_err(|cause| format!("{name}: {cause}"))?);
            number += 1;
            end += 4 + length as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { format: Format { magic: *b"SGte", version: 1, name: "a test" }, file: "test", sealed_as: "t" };

    /// Seals by writing the name in front.
    struct Named;

    impl Sealer for Named {
        fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
            [name.as_bytes(), b"\n", plain].concat()
        }
        fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
            sealed.strip_prefix([name.as_bytes(), b"\n"].concat().as_slice()).map(<[u8]>::to_vec)
        }
    }

    fn whole() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (KIND.format.header().to_vec(), Vec::new());
        for (number, user) in ["anna", "bob", "carl"].into_iter().enumerate() {
            bytes.extend(KIND.framed(&Named, number as u64, &user).unwrap());
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn users(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut users = Vec::new();
        KIND.read(bytes, &Named, |user: String| users.push(user)).map(|_| users)
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
