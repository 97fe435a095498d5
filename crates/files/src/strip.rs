//! The same file without the members that a rule takes out.
//!
//! What is not taken out keeps its octets: members of ZIP, tar and TNEF are cut out of the bytes that came. Where an archive
//! was changed inside another, the outer one gets it in place of the old. What can't be written (7-Zip, RAR, documents,
//! …) can't give up a member: it goes whole.

mod packed;
mod tar;
mod zip;

use std::collections::BTreeMap;

use bytes::Bytes;
use message::file_type::FileType;
use message::tnef;
use model::{Budget, Exhausted};

use crate::archive::{self, Data};
use crate::detect::{self, Container};
use crate::{Found, look, read};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stripped {
    /// Nothing of it was meant.
    Same,
    /// These are its octets without what was taken out.
    Changed(Bytes),
    /// It goes whole.
    Gone,
}

/// What becomes of one member.
pub(crate) enum Change {
    /// Taken out.
    Gone,
    /// Another content.
    Content(Bytes),
}

/// Takes out of a content what `fits`. `found` is what [`crate::look`] found in it. What is left is looked at once more: where it
/// reads as another archive that still holds such a member, the file goes whole.
///
/// # Errors
/// When the budget runs out.
pub fn strip(content: &Bytes, found: &Found, fits: &dyn Fn(&Found) -> bool, budget: &Budget) -> Result<Stripped, Exhausted> {
    let new = match cut(content, found, fits, budget)? {
        Stripped::Changed(new) => new,
        same_or_gone => return Ok(same_or_gone),
    };
    // As deep as before: what was not opened then is not judged now.
    let envelope = found.types.has(FileType::Tnef);
    let archives = !envelope || found.members.iter().any(|member| !member.members.is_empty());
    let again = look(&new, found.name.as_deref(), archives, budget);
    match again.stopped {
        Some(stopped) => Err(stopped),
        None if again.found.walk().any(fits) => Ok(Stripped::Gone),
        None => Ok(Stripped::Changed(new)),
    }
}

fn cut(content: &Bytes, found: &Found, fits: &dyn Fn(&Found) -> bool, budget: &Budget) -> Result<Stripped, Exhausted> {
    if fits(found) {
        return Ok(Stripped::Gone);
    }
    if !found.walk().any(fits) {
        return Ok(Stripped::Same);
    }
    let _level = budget.enter()?;
    let Some(container) = detect::detect(content, found.name.as_deref(), budget)?.container else { return Ok(Stripped::Gone) };
    if !is_writable(&container) {
        return Ok(Stripped::Gone);
    }
    let changes = changes(&container, content, found, fits, budget)?;
    let new = match &container {
        Container::Zip(directory) => zip::without(content, directory, &changes),
        Container::Tar => tar::without(content, &changes),
        Container::Gzip | Container::Bzip2 => packed::with(&container, content, &changes),
        Container::Tnef => tnef::parse(content, budget)?.and_then(|tnef| out_of_tnef(content, &tnef, &changes)),
        _ => None,
    };
    Ok(new.map_or(Stripped::Gone, Stripped::Changed))
}

const fn is_writable(container: &Container) -> bool {
    matches!(container, Container::Zip(_) | Container::Tar | Container::Gzip | Container::Bzip2 | Container::Tnef)
}

/// Attachments go; the message's own text can't go without the message.
fn out_of_tnef(content: &Bytes, found: &tnef::Tnef, changes: &BTreeMap<usize, Change>) -> Option<Bytes> {
    let only_attachments = changes.keys().all(|place| *place < found.attachments.len());
    only_attachments.then(|| tnef::without(content, found, &|place| changes.contains_key(&place)))
}

/// By place: what is taken out, and what is changed inside. What is changed inside needs its content once more.
fn changes(
    container: &Container,
    content: &Bytes,
    found: &Found,
    fits: &dyn Fn(&Found) -> bool,
    budget: &Budget,
) -> Result<BTreeMap<usize, Change>, Exhausted> {
    let concerned: BTreeMap<usize, &Found> =
        found.members.iter().filter(|member| member.walk().any(fits)).map(|member| (member.place, member)).collect();
    let mut changes: BTreeMap<usize, Change> =
        concerned.iter().filter(|(_, member)| fits(member)).map(|(place, _)| (*place, Change::Gone)).collect();
    if changes.len() == concerned.len() {
        return Ok(changes);
    }
    archive::each(container, content, budget, &mut |place, entry| {
        let Some(member) = concerned.get(&place).filter(|_| !changes.contains_key(&place)) else {
            return Ok(());
        };
        let inner = match entry.data {
            Data::Slice(inner) => inner,
            Data::Stream(source) => read::member(source, entry.packed, budget)?.0,
            Data::Unread => Bytes::new(),
        };
        let change = match cut(&inner, member, fits, budget)? {
            Stripped::Same | Stripped::Gone => Change::Gone,
            Stripped::Changed(new) => Change::Content(new),
        };
        changes.insert(place, change);
        Ok(())
    })?;
    Ok(changes)
}

#[cfg(test)]
#[path = "strip/tests.rs"]
mod tests;
