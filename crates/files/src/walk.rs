//! The walk: what a content is, what is in it, and what is in that.
//!
//! Within one [`Budget`]: members and directory entries are its parts, what decoders give its bytes, archives in archives
//! its depth. Where it runs out the walk ends; what was found until then is there, and so is the bound that ended it
//! (security.md X-11). A caller that must not miss anything treats such an answer as "could not be looked through".

use std::time::Duration;

use bytes::Bytes;
use message::file_type::{FileType as T, Types};
use model::{Budget, BudgetKind, Exhausted, Limits};

use crate::archive::{self, Data, Entry, Listed};
use crate::detect::{self, Container, names};
use crate::read::{self, End};

/// Bounds of one walk, whatever the mail's own are: 256 MiB that decoders give, 16 archives in each other, 25,000 members,
/// and at most 500 octets out of one.
#[must_use]
pub const fn limits(time: Duration) -> Limits {
    Limits { bytes: 256 << 20, depth: 16, parts: 25_000, ratio: 500, time, ..Limits::MAIL }
}

/// How far a content could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Wholly.
    #[default]
    Whole,
    /// Only a password or a key opens it.
    Closed,
    /// Its container only lists it: the compression is not known to us.
    Unread,
    /// It is cut off or broken; what could be read was.
    Damaged,
    /// Its type is known; the rest was not read because of this bound, and hides nothing.
    Cut(BudgetKind),
    /// It could not be looked through: this bound ended the walk here.
    Stopped(BudgetKind),
}

/// One content and its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The file's name, if it has one. Never a path for us.
    pub name: Option<String>,
    /// Octets: as read, or as its container says where it was not.
    pub size: u64,
    /// What it is.
    pub types: Types,
    /// True if the types come from the name alone.
    pub by_name: bool,
    /// How far it could be read.
    pub state: State,
    /// Its place among the members of its container, as [`archive::each`] counts.
    pub place: usize,
    /// What is in it.
    pub members: Vec<Self>,
}

/// The answer of a walk.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What was found.
    pub found: Found,
    /// The bound that ended the walk early, if one did.
    pub stopped: Option<Exhausted>,
}

impl Found {
    /// This and all that is in it.
    pub fn walk(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let found = open.pop()?;
            open.extend(found.members.iter().rev());
            Some(found)
        })
    }

    /// True if it can't be read without a key or password, or holds something that can't.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.types.has(T::Encrypted)
    }
}

/// Looks at a content: with `archives` at what is in it too; into wrappings of mail (TNEF, attached mails) always.
#[must_use]
pub fn look(content: &Bytes, name: Option<&str>, archives: bool, budget: &Budget) -> Looked {
    let mut found = Found { name: name.map(str::to_owned), size: content.len() as u64, ..Found::default() };
    let stopped = Walk { archives, budget }.fill(&mut found, content).err();
    Looked { found, stopped }
}

struct Walk<'a> {
    archives: bool,
    budget: &'a Budget,
}

impl Walk<'_> {
    fn fill(&self, found: &mut Found, content: &Bytes) -> Result<(), Exhausted> {
        let filled = self.types_and_members(found, content);
        if let Err(exhausted) = &filled {
            found.state = State::Stopped(exhausted.kind);
        }
        filled
    }

    fn types_and_members(&self, found: &mut Found, content: &Bytes) -> Result<(), Exhausted> {
        self.budget.time()?;
        let seen = detect::detect(content, found.name.as_deref(), self.budget)?;
        (found.types, found.by_name) = (seen.types, seen.by_name);
        let Some(container) = seen.container else { return Ok(()) };
        let open = self.archives || container.is_envelope();
        if !open && !container.says_closed() {
            return Ok(());
        }
        let _level = self.budget.enter()?;
        let counted = matches!(container, Container::Zip(_)); // with its directory
        let mut closed = false;
        let listed = archive::each(&container, content, self.budget, &mut |place, entry| {
            if !counted {
                self.budget.part()?;
            }
            closed |= entry.closed;
            if !open {
                return Ok(());
            }
            let (member, ended) = self.member(place, entry);
            found.members.push(member);
            ended
        });
        if closed || matches!(listed, Ok(Listed { closed: true, .. })) {
            found.types = found.types.with(T::Encrypted);
        }
        match listed? {
            Listed { closed: true, .. } => found.state = State::Closed,
            Listed { whole: false, .. } if !closed => found.state = State::Damaged,
            _ => {}
        }
        Ok(())
    }

    fn member(&self, place: usize, entry: Entry<'_>) -> (Found, Result<(), Exhausted>) {
        let mut member = Found { name: entry.name, size: entry.size, place, ..Found::default() };
        let read = match entry.data {
            Data::Slice(content) => self.budget.bytes(content.len()).map(|()| Some((content, End::Whole))),
            Data::Stream(source) => read::member(source, entry.packed, self.budget).map(Some),
            Data::Unread => Ok(None),
        };
        let ended = match read {
            Ok(Some((content, end))) => {
                member.size = content.len() as u64;
                let filled = self.fill(&mut member, &content);
                match end {
                    End::Damaged if member.state == State::Whole => member.state = State::Damaged,
                    End::Cut(kind) if member.state == State::Whole => {
                        member.state = State::Cut(kind);
                        member.size = member.size.max(entry.size);
                    }
                    _ => {}
                }
                filled
            }
            Ok(None) => {
                let by_name = member.name.as_deref().map_or(Types::NONE, names::of_the_unread);
                member.by_name = !by_name.is_empty();
                (member.types, member.state) =
                    if entry.closed { (by_name.with(T::Encrypted), State::Closed) } else { (by_name, State::Unread) };
                Ok(())
            }
            Err(exhausted) => {
                member.types = member.name.as_deref().map_or(Types::NONE, names::of_the_unread);
                member.by_name = !member.types.is_empty();
                member.state = State::Stopped(exhausted.kind);
                Err(exhausted)
            }
        };
        (member, ended)
    }
}
