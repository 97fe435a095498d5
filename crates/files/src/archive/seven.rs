//! 7-Zip, by the crate `sevenz-rust2`, with its memory bounded.
//!
//! Members of one block are compressed together: a member that is not read to its end is decoded to its end all the same,
//! within the budget, or nothing after it could be seen.

use std::io::Cursor;

use bytes::Bytes;
use model::{Budget, Exhausted};
use sevenz_rust2::{ArchiveReader, Error, Password};

use super::{Data, Entry, Listed, Visitor};
use crate::read::{self, DECODER_KIB};

pub(super) fn each(content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let limit = usize::try_from(DECODER_KIB).unwrap_or(usize::MAX);
    let mut reader = match ArchiveReader::new_with_memory_limit(Cursor::new(content.as_ref()), Password::empty(), limit) {
        Ok(reader) => reader,
        Err(Error::PasswordRequired) => return Ok(Listed::CLOSED),
        // The list itself is closed; the crate is built without the cipher.
        Err(Error::UnsupportedCompressionMethod(name)) if name.starts_with("AES256") => return Ok(Listed::CLOSED),
        Err(_) => return Ok(Listed::DAMAGED),
    };
    reader.set_thread_count(1);
    let closed: Vec<bool> = (0..reader.archive().files.len()).map(|place| reader.archive().is_file_encrypted(place)).collect();
    if closed.iter().any(|closed| *closed) {
        // What is closed can't be passed over: the list is all that there is.
        for (place, (file, closed)) in reader.archive().files.iter().zip(closed).enumerate().filter(|(_, (file, _))| !file.is_directory) {
            visit(place, Entry::listed(Some(message::text::plain(&file.name)), closed, file.size, 0))?;
        }
        return Ok(Listed::DAMAGED);
    }
    let (mut place, mut stopped) = (0, None);
    let ended = reader.for_each_entries(|file, source| {
        if file.is_directory {
            return Ok(true);
        }
        let entry = Entry {
            name: Some(message::text::plain(&file.name)),
            closed: false,
            size: file.size,
            packed: content.len(), // of the block at most
            data: Data::Stream(&mut *source),
        };
        let visited = visit(place, entry).and_then(|()| read::drain(source, budget));
        place += 1;
        if let Err(exhausted) = visited {
            stopped = Some(exhausted);
            return Err(Error::Other("stopped".into()));
        }
        Ok(true)
    });
    match (stopped, ended) {
        (Some(exhausted), _) => Err(exhausted),
        (None, Ok(())) => Ok(Listed::WHOLE),
        (None, Err(Error::PasswordRequired)) => Ok(Listed::CLOSED),
        (None, Err(_)) => Ok(Listed::DAMAGED),
    }
}
