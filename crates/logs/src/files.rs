//! Names of story files: `story.jsonl` is written to, `story-NUMBER-DATE.jsonl` was rotated, `….jsonl.zst` is put away.
//!
//! The number counts up and gives the order, whatever the clock did; the date is for people and for forgetting.

use std::io;
use std::path::{Path, PathBuf};

use model::Timestamp;

/// What is written to now.
pub(crate) const ACTIVE: &str = "story.jsonl";

/// One file of stories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoryFile {
    /// Its place in the order.
    pub(crate) number: u64,
    /// When it was rotated, seconds since 1970.
    pub(crate) rotated: i64,
    /// Put away: compressed, with an index.
    pub(crate) archived: bool,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// Name of a file that is rotated now.
pub(crate) fn rotated(number: u64, now: Timestamp) -> String {
    let date = jiff::Timestamp::from_second(now.seconds()).map_or_else(|_| "0".to_owned(), |t| t.strftime("%Y%m%dT%H%M%SZ").to_string());
    format!("story-{number:010}-{date}.jsonl")
}

/// All files but the active one, oldest first. Where a file is there in both forms (a crash between the two), only the archive.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<StoryFile>> {
    let mut files: Vec<StoryFile> = std::fs::read_dir(folder)?.flatten().filter_map(|entry| parse(&entry.path())).collect();
    files.sort_by_key(|file| (file.number, !file.archived));
    files.dedup_by_key(|file| file.number);
    Ok(files)
}

/// The number of the file that is rotated next.
pub(crate) fn next_number(folder: &Path) -> io::Result<u64> {
    Ok(list(folder)?.last().map_or(0, |file| file.number) + 1)
}

pub(crate) fn parse(path: &Path) -> Option<StoryFile> {
    let rest = path.file_name()?.to_str()?.strip_prefix("story-")?;
    let (stem, archived) = match rest.strip_suffix(".jsonl.zst") {
        Some(stem) => (stem, true),
        None => (rest.strip_suffix(".jsonl")?, false),
    };
    let (number, date) = stem.split_once('-')?;
    let rotated = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", date).ok()?.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(StoryFile { number: number.parse().ok()?, rotated: rotated.timestamp().as_second(), archived, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let name = rotated(7, Timestamp(1_795_297_474_000_000));
        assert_eq!(name, "story-0000000007-20261121T214434Z.jsonl");
        let file = parse(&Path::new("/x").join(&name)).unwrap();
        assert_eq!((file.number, file.rotated, file.archived), (7, 1_795_297_474, false));
        assert!(parse(Path::new("/x/story-0000000007-20261121T214434Z.jsonl.zst")).unwrap().archived);
        for other in ["story.jsonl", "story-7.jsonl", "story-x-20261121T214434Z.jsonl", "story-0000000007-20261121T214434Z.jsonl.zst.new"] {
            assert_eq!(parse(&Path::new("/x").join(other)), None, "{other}");
        }
    }
}
