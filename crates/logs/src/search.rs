//! Finds stories, newest first, a page at a time.
//!
//! From the newest line backwards it looks for lines that lead to a story ([`Query::lead`]); of a block that was put away only if the
//! index has what is looked for. For a few such lines at a time the whole stories are gathered, forwards from when their trace
//! ids were made, and the rest of the query is asked of them. A story is shown at its newest leading line and nowhere else, so
//! that pages never show it twice.
//!
//! Bounded: a block of lines, the indexes of a few archives, and one page of stories in memory; after the given time the page ends
//! early and says where to go on. Blocking: for a thread that may wait for the disk.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use model::Timestamp;

use crate::archive::hash;
use crate::files;
use crate::line::Line;
use crate::query::{Lead, Part, Query};
use crate::story::Story;

mod source;

use source::Source;

/// Most stories of one page.
pub const LIMIT_MAX: usize = 1_000;
/// Stories that are gathered at once.
const BATCH: usize = 64;
/// Traces that a page remembers to have looked at.
const SEEN_MAX: usize = 100_000;
/// Archives whose index is kept at hand.
const OPEN_MAX: usize = 16;
/// A clock may have been set back so far without a line being missed, in microseconds.
const SLACK: i64 = 86_400_000_000;

/// Which page.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The `next` of the page before; empty: the newest.
    pub after: &'a str,
    /// Stories, at most [`LIMIT_MAX`].
    pub limit: usize,
    /// With all lines.
    pub events: bool,
    /// Time after which it ends early.
    pub time: Duration,
}

/// One page.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Newest first.
    pub stories: Vec<Story>,
    /// Where the next page begins; `None` if there is no more.
    pub next: Option<String>,
    /// False if the page ended early because its time was up: there may be more than `stories` before `next`.
    pub in_time: bool,
    /// Files that could not be read.
    pub damaged: Vec<String>,
}

/// Reads the stories of one folder.
#[derive(Debug, Clone)]
pub struct Reader {
    folder: PathBuf,
}

/// A line's place: file, block, octet in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64, usize, usize);

impl Place {
    const END: Self = Self(u64::MAX, usize::MAX, usize::MAX);

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(place)
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Reader {
    /// Of this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// One page of what fits.
    ///
    /// # Errors
    /// When the folder can't be read. A file that can't is named in the answer.
    pub fn search(&self, query: &Query, page: &Page<'_>) -> io::Result<Found> {
        let from = Place::parse(page.after).unwrap_or(Place::END);
        let mut work = Work {
            shelf: Shelf::open(&self.folder)?,
            query,
            lead: query.lead(),
            limit: page.limit.clamp(1, LIMIT_MAX),
            events: page.events,
            end: Instant::now() + page.time,
            seen: HashSet::new(),
            found: Found { in_time: true, ..Found::default() },
        };
        work.run(from);
        work.found.damaged = std::mem::take(&mut work.shelf.damaged);
        Ok(work.found)
    }
}

/// The files of the folder as they are at the beginning of a search, and those that are open.
struct Shelf {
    /// Oldest first; the active one last.
    files: Vec<files::StoryFile>,
    open: Vec<(u64, Rc<Source>)>,
    damaged: Vec<String>,
}

impl Shelf {
    fn open(folder: &Path) -> io::Result<Self> {
        let mut files = files::list(folder)?;
        let number = files.last().map_or(0, |file| file.number) + 1;
        files.push(files::StoryFile { number, rotated: i64::MAX, archived: false, path: folder.join(files::ACTIVE) });
        Ok(Self { files, open: Vec::new(), damaged: Vec::new() })
    }

    /// The source at a place of the list; `None` if it is gone or can't be read.
    fn source(&mut self, place: usize) -> Option<Rc<Source>> {
        let file = self.files.get(place)?;
        if let Some((_, source)) = self.open.iter().find(|(number, _)| *number == file.number) {
            return Some(source.clone());
        }
        match Source::open(file) {
            Ok(Some(source)) => {
                if self.open.len() >= OPEN_MAX {
                    self.open.remove(0);
                }
                let source = Rc::new(source);
                self.open.push((file.number, source.clone()));
                Some(source)
            }
            Ok(None) => None,
            Err(error) => {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.complain(&name, &error);
                None
            }
        }
    }

    fn read(&mut self, source: &Source, block: usize) -> Vec<u8> {
        source.read(block).unwrap_or_else(|error| {
            self.complain(&source.name(), &error);
            Vec::new()
        })
    }

    fn complain(&mut self, name: &str, error: &io::Error) {
        let text = format!("{name}: {error}");
        if !self.damaged.contains(&text) && self.damaged.len() < 100 {
            self.damaged.push(text);
        }
    }
}

/// One search at work.
struct Work<'q> {
    shelf: Shelf,
    query: &'q Query,
    lead: Lead<'q>,
    limit: usize,
    events: bool,
    end: Instant,
    seen: HashSet<String>,
    found: Found,
}

impl Work<'_> {
    /// Backwards from `from`, until the page is full, its time is up, or there is no more.
    fn run(&mut self, from: Place) {
        let needle = needle(self.lead);
        let finder = Finder::new(&needle);
        let mut looked = false;
        for place in (0..self.shelf.files.len()).rev() {
            let Some(number) = self.shelf.files.get(place).map(|file| file.number).filter(|number| *number <= from.0) else { continue };
            let Some(source) = self.shelf.source(place) else { continue };
            for block in (0..source.blocks()).rev() {
                let here = Place(number, block, usize::MAX);
                if Place(number, block, 0) >= from || !source.may_have(block, self.lead.token(), self.query) {
                    continue;
                }
                // A page gets on by a block at least, however little time it has.
                if looked && Instant::now() > self.end {
                    return self.stop_at(here.min(from));
                }
                looked = true;
                let lines = self.shelf.read(&source, block);
                let leading = leading(&lines, &finder, |at, line| {
                    Place(number, block, at) < from && self.lead.fits(line) && self.query.in_time(line.at)
                });
                if self.take(number, block, leading) {
                    return;
                }
            }
        }
    }

    /// Takes leading lines of one block, newest first. True if the page ends here.
    fn take(&mut self, number: u64, block: usize, leading: Vec<(usize, Line)>) -> bool {
        let mut rest = leading.into_iter().rev().peekable();
        while rest.peek().is_some() {
            let mut batch: Vec<(usize, Line)> = Vec::new();
            for (at, line) in rest.by_ref() {
                if line.trace.is_empty() || self.seen.insert(line.trace.clone()) {
                    batch.push((at, line));
                }
                if batch.len() >= BATCH.min(self.limit - self.found.stories.len()) {
                    break;
                }
            }
            let mut stories = self.gather(&batch);
            for (at, line) in batch {
                let gathered = stories.remove(&line.trace);
                let story = gathered.unwrap_or_else(|| {
                    let mut alone = Story::of("");
                    alone.add(line.clone());
                    alone
                });
                let newest = story.leading(self.lead, self.query) == Some(&line);
                let story = story.finish(self.events);
                if newest && story.fits(self.query) {
                    self.found.stories.push(story);
                }
                if self.found.stories.len() >= self.limit {
                    self.found.next = Some(Place(number, block, at).text());
                    return true;
                }
                if Instant::now() > self.end && rest.peek().is_some() {
                    self.stop_at(Place(number, block, at));
                    // The rest of the batch comes again with the next page.
                    return true;
                }
            }
            if self.seen.len() > SEEN_MAX {
                self.seen.clear();
            }
        }
        false
    }

    fn stop_at(&mut self, place: Place) {
        self.found.next = Some(place.text());
        self.found.in_time = false;
    }

    /// The whole stories of these lines, by trace.
    fn gather(&mut self, batch: &[(usize, Line)]) -> HashMap<String, Story> {
        let traces = batch.iter().map(|(_, line)| line.trace.as_str()).filter(|trace| !trace.is_empty());
        let mut stories: HashMap<String, Story> = traces.map(|trace| (trace.to_owned(), Story::of(trace))).collect();
        let born = stories.keys().map(|trace| Story::born(trace)).min().unwrap_or_default();
        let since = Timestamp(born.0.saturating_sub(SLACK));
        let mut open: HashMap<u32, HashSet<String>> = HashMap::new();
        for trace in stories.keys() {
            open.entry(hash(trace)).or_default().insert(trace.clone());
        }
        for place in 0..self.shelf.files.len() {
            let early = self.shelf.files.get(place).is_none_or(|file| file.rotated < since.seconds());
            let Some(source) = (!early && !open.is_empty()).then(|| self.shelf.source(place)).flatten() else { continue };
            for block in 0..source.blocks() {
                if source.tokens(block).is_some_and(|tokens| !open.keys().any(|token| tokens.binary_search(token).is_ok())) {
                    continue;
                }
                let lines = self.shelf.read(&source, block);
                collect(&lines, &mut stories);
            }
            // A mail that is over may still have a line or two nearby, but none in another file.
            open.retain(|_, traces| {
                traces.retain(|trace| stories.get(trace).is_some_and(|story| !story.is_over()));
                !traces.is_empty()
            });
        }
        stories
    }
}

/// Adds the lines of these stories.
fn collect(lines: &[u8], stories: &mut HashMap<String, Story>) {
    const FIELD: &[u8] = b"\"trace\":\"";
    for at in memchr::memmem::find_iter(lines, FIELD) {
        let value = lines.get(at + FIELD.len()..).unwrap_or_default();
        let Some(trace) = value.get(..26).and_then(|trace| std::str::from_utf8(trace).ok()) else { continue };
        if let Some(story) = stories.get_mut(trace)
            && let Some(line) = Line::parse(whole_line(lines, at).1)
            && line.trace == story.trace
        {
            story.add(line);
        }
    }
}

/// Lines of a block that have the needle and fit, with their places, oldest first.
fn leading(lines: &[u8], finder: &Finder<'_>, fits: impl Fn(usize, &Line) -> bool) -> Vec<(usize, Line)> {
    let folded = lines.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = folded.get(from..).and_then(|rest| finder.find(rest)) {
        let (start, line) = whole_line(lines, from + at);
        from = start + line.len() + 1;
        if let Some(line) = Line::parse(line).filter(|line| fits(start, line)) {
            found.push((start, line));
        }
    }
    found
}

/// The line around an octet, without its end, and where it begins.
fn whole_line(lines: &[u8], at: usize) -> (usize, &[u8]) {
    let start = lines.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |end| end + 1);
    let rest = lines.get(start..).unwrap_or_default();
    (start, rest.split(|octet| *octet == b'\n').next().unwrap_or_default())
}

/// What a leading line has as it stands in the file, in lower case: a part that no spelling and no escape changes.
fn needle(lead: Lead<'_>) -> Vec<u8> {
    let plain = |text: &str| {
        let longest = text.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|part| part.len());
        longest.unwrap_or_default().to_ascii_lowercase().into_bytes()
    };
    match lead {
        Lead::Trace(trace) => trace.as_bytes().to_vec(),
        Lead::Outcome(outcome) => format!("\"event\":\"{}\"", outcome.event()).into_bytes(),
        Lead::Named(named) if named.part == Part::Address => plain(named.key.rsplit_once('@').map_or(&named.key, |(local, _)| local)),
        // An A-label may be written in other letters.
        Lead::Named(named) if named.part == Part::Domain && named.key.contains("xn--") => b"\"event\":\"mail.".to_vec(),
        Lead::Named(named) => plain(&named.key),
        Lead::Text(text) => plain(text),
        Lead::Any => b"\"event\":\"mail.".to_vec(),
    }
}

#[cfg(test)]
mod tests;
