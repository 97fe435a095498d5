//! One story file as blocks of lines: put away, with an index, or plain. Blocks of a plain file are cut where they will be cut when it is put away,
//! so that a place in it stays the same place afterwards.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, BLOCK, BLOCK_MAX};
use crate::files::StoryFile;
use crate::line::LINE_MAX;
use crate::query::Query;

/// A file that is open.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Archived(Archive),
    /// With the ends of its blocks.
    Plain(File, Vec<u64>),
}

impl Source {
    /// Opens it; `None` if there is no such file any more. A plain file that was put away meanwhile is opened as the archive that it has become.
    pub(super) fn open(file: &StoryFile) -> io::Result<Option<Self>> {
        match Self::try_open(&file.path, file.archived) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let archived = PathBuf::from(format!("{}.zst", file.path.display()));
                match Self::try_open(&archived, true) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    opened => opened.map(Some),
                }
            }
            opened => opened.map(Some),
        }
    }

    fn try_open(path: &Path, archived: bool) -> io::Result<Self> {
        let kind = if archived {
            Kind::Archived(Archive::open(path)?)
        } else {
            let file = File::open(path)?;
            let ends = ends(&file)?;
            Kind::Plain(file, ends)
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Its name, for messages.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// How many blocks.
    pub(super) fn blocks(&self) -> usize {
        match &self.kind {
            Kind::Archived(archive) => archive.blocks().len(),
            Kind::Plain(_, ends) => ends.len(),
        }
    }

    /// The tokens of a block, where there is an index.
    pub(super) fn tokens(&self, block: usize) -> Option<&[u32]> {
        match &self.kind {
            Kind::Archived(archive) => archive.blocks().get(block).map(|block| block.tokens.as_slice()),
            Kind::Plain(..) => None,
        }
    }

    /// False if no line of the block can have the token within the query's time.
    pub(super) fn may_have(&self, block: usize, token: Option<u32>, query: &Query) -> bool {
        let Kind::Archived(archive) = &self.kind else { return true };
        archive.blocks().get(block).is_some_and(|block| {
            token.is_none_or(|token| block.may_have(token))
                && query.since.is_none_or(|since| block.last >= since)
                && query.until.is_none_or(|until| block.first < until)
        })
    }

    /// The lines of a block.
    pub(super) fn read(&self, block: usize) -> io::Result<Vec<u8>> {
        match &self.kind {
            Kind::Archived(archive) => archive.read(block),
            Kind::Plain(file, ends) => {
                let start = block.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                let end = ends.get(block).copied().unwrap_or(start);
                let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0).min(BLOCK_MAX);
                let mut lines = vec![0; length];
                file.read_exact_at(&mut lines, start)?;
                Ok(lines)
            }
        }
    }
}

/// Where the blocks of a plain file end: each after the line that fills it.
fn ends(file: &File) -> io::Result<Vec<u64>> {
    let size = file.metadata()?.len();
    let (mut ends, mut start) = (Vec::new(), 0);
    let mut tail = vec![0; LINE_MAX];
    while start < size {
        let fill = start + BLOCK as u64 - 1;
        let length = usize::try_from(size.saturating_sub(fill)).unwrap_or(usize::MAX).min(tail.len());
        let window = tail.get_mut(..length).unwrap_or_default();
        file.read_exact_at(window, fill.min(size))?;
        let end = memchr::memchr(b'\n', window).map_or(size.min(fill + length as u64), |at| fill + at as u64 + 1);
        ends.push(end);
        start = end;
    }
    Ok(ends)
}
