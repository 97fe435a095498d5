//! Types of one content (ruleset-language.md "File types").
//!
//! First what the first octets say ([`magic`]), then what a closer look at documents and archives says ([`ole`],
//! [`package`]), then what hides at the end or in the middle of something else (a ZIP behind a program or a PDF, HTML in
//! a picture), then text. Only where nothing was found the name counts, and only for types that have nothing of their
//! own in their content ([`names`]).

mod image;
mod magic;
mod media;
pub(crate) mod names;
mod ole;
mod package;
mod pdf;
mod text;

use bytes::Bytes;
use message::file_type::{FileType as T, Types};
use model::{Budget, Exhausted};

use crate::archive::zip::Directory;
use crate::octets::{head, holds_any_case};

/// Octets from the beginning by which a container is known.
pub(crate) const HEAD: usize = 64 << 10;

/// Something with members inside.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is the format of its name")]
pub enum Container {
    Ace,
    Ar,
    Arj,
    Bzip2,
    Cab,
    Gzip,
    Iso9660,
    Lha,
    Mail,
    Ole,
    Rar { start: usize },
    SevenZ { start: usize },
    Tar,
    Tnef,
    Xz,
    Zip(Directory),
    Zoo,
    Zstd,
}

impl Container {
    /// True for what is a wrapping of mail, not an archive: opened whether archives are asked for or not.
    #[must_use]
    pub const fn is_envelope(&self) -> bool {
        matches!(self, Self::Tnef | Self::Mail)
    }

    /// True if its headers say which members are closed.
    pub(crate) const fn says_closed(&self) -> bool {
        matches!(self, Self::Zip(_) | Self::Rar { .. } | Self::SevenZ { .. } | Self::Arj | Self::Ace)
    }
}

/// What was found out about one content.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its types; none for what is not in the list.
    pub types: Types,
    /// Whether it has members.
    pub container: Option<Container>,
    /// True if the types come from the name alone.
    pub by_name: bool,
}

/// The types of a content, read whole or as far as it goes. `name` is looked at only where the content says nothing.
///
/// # Errors
/// When a directory inside passes the budget's members or time.
pub fn detect(content: &Bytes, name: Option<&str>, budget: &Budget) -> Result<Seen, Exhausted> {
    let mut seen = magic::of(content);
    match &seen.container {
        Some(Container::Ole) => seen.types = seen.types.and(ole::types(content, budget)?),
        Some(Container::Zip(_)) => {}
        _ => {}
    }
    if seen.types.has(T::Pdf) {
        seen.types = seen.types.and(pdf::traits(content));
    }
    zipped(content, &mut seen, budget)?;
    if seen.types.has(T::Exe) && seen.container.is_none() {
        seen.container = magic::behind_a_program(content);
        match &seen.container {
            Some(Container::Rar { .. }) => seen.types = seen.types.with(T::Rar),
            Some(Container::SevenZ { .. }) => seen.types = seen.types.with(T::SevenZ),
            _ => {}
        }
    }
    let image = seen.types.iter().any(|known| matches!(known, T::Gif | T::Bmp | T::Jpeg | T::Png | T::Ico | T::Tiff));
    if image && ["<script", "<html", "<body"].iter().any(|tag| holds_any_case(head(content, 4_096), tag.as_bytes())) {
        seen.types = seen.types.with(T::Html).with(T::Macro);
    }
    if seen.types.is_empty() && seen.container.is_none() {
        seen.types = text::types(content);
    }
    if seen.types.is_empty() && seen.container.is_none() {
        seen.types = image::without_signature(content).and(media::audio_frames(content));
    }
    if seen.types.is_empty() && seen.container.is_none() {
        seen.types = name.map_or(Types::NONE, names::of_the_untellable);
        seen.by_name = !seen.types.is_empty();
    }
    Ok(seen)
}

/// Endings of names and the types that they stand for: where content says nothing, or (`unread`) can't be read.
#[must_use]
pub fn endings(unread: bool) -> Vec<(&'static [&'static str], Types)> {
    names::table(unread).iter().map(|(endings, types)| (*endings, Types::of(types))).collect()
}

/// A content that begins like something with members: known from its first octets, before it is read whole.
#[must_use]
pub fn begins_a_container(start: &[u8]) -> bool {
    magic::of(start).container.is_some()
}

/// ZIP by its beginning, or by the directory at its end whatever stands before it.
fn zipped(content: &Bytes, seen: &mut Seen, budget: &Budget) -> Result<(), Exhausted> {
    let begins = matches!(seen.container, Some(Container::Zip(_)));
    if !begins && (seen.container.is_some() || !Directory::is_at_the_end_of(content)) {
        return Ok(());
    }
    let directory = Directory::read(content, budget)?;
    if !begins && directory.entries.is_empty() {
        return Ok(());
    }
    seen.types = if seen.types.has(T::Exe) {
        seen.types.with(T::ZipSfx)
    } else if begins {
        package::types(content, &directory, budget)?
    } else {
        seen.types.with(T::Zip)
    };
    if directory.entries.iter().any(|entry| entry.closed()) {
        seen.types = seen.types.with(T::Encrypted);
    }
    seen.container = Some(Container::Zip(directory));
    Ok(())
}
