//! The members of each kind of container.
//!
//! [`each`] calls a visitor with every member in its order: its name, whether it is closed, and its content, which is
//! decoded only when it is read. Formats whose compression has no free reader are listed: of their members only what is
//! stored without compression can be read. What is damaged ends the listing, and the answer says so.

mod ace;
mod ar;
mod arj;
mod cab;
mod iso;
mod lha;
mod mail;
mod ole;
mod packed;
mod rar;
mod seven;
pub(crate) mod tar;
mod tnef;
pub mod zip;
mod zoo;

use std::io::Read;

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::detect::Container;

/// One member as its container describes it.
pub struct Entry<'a> {
    /// As written (decoded, without control characters). Never a path for us.
    pub name: Option<String>,
    /// Only a password opens it.
    pub closed: bool,
    /// Octets, as the container says.
    pub size: u64,
    /// Octets that it takes in the container.
    pub packed: usize,
    /// Its content.
    pub data: Data<'a>,
}

/// How a member's content can be had.
pub enum Data<'a> {
    /// It lies there as it is.
    Slice(Bytes),
    /// It is decoded while it is read.
    Stream(&'a mut dyn Read),
    /// It can't be read: closed, or compressed in a way that is only listed.
    Unread,
}

impl Entry<'_> {
    /// A member that can only be listed.
    pub(crate) fn listed(name: Option<String>, closed: bool, size: u64, packed: usize) -> Self {
        Self { name, closed, size, packed, data: Data::Unread }
    }

    /// A member that lies there as it is.
    pub(crate) fn stored(name: Option<String>, content: Bytes) -> Self {
        Self { name, closed: false, size: content.len() as u64, packed: content.len(), data: Data::Slice(content) }
    }
}

/// Called for each member with its place. An error ends the listing.
pub type Visitor<'v> = dyn FnMut(usize, Entry<'_>) -> Result<(), Exhausted> + 'v;

/// How a listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// False if the container is damaged or can't be read to its end.
    pub whole: bool,
    /// True if the list itself is closed: there are members that nobody sees without a password.
    pub closed: bool,
}

impl Listed {
    pub(crate) const WHOLE: Self = Self { whole: true, closed: false };
    pub(crate) const DAMAGED: Self = Self { whole: false, closed: false };
    pub(crate) const CLOSED: Self = Self { whole: false, closed: true };

    pub(crate) const fn whole(whole: bool) -> Self {
        Self { whole, closed: false }
    }
}

/// Visits the members.
///
/// # Errors
/// The visitor's, and what of the budget runs out while the list is read.
pub fn each(container: &Container, content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    match container {
        Container::Ace => ace::each(content, visit),
        Container::Ar => ar::each(content, visit),
        Container::Arj => arj::each(content, visit),
        Container::Bzip2 | Container::Gzip | Container::Xz | Container::Zstd => packed::each(container, content, visit),
        Container::Cab => cab::each(content, visit),
        Container::Iso9660 => iso::each(content, budget, visit),
        Container::Lha => lha::each(content, visit),
        Container::Mail => mail::each(content, budget, visit),
        Container::Ole => ole::each(content, budget, visit),
        Container::Rar { start } => rar::each(&content.slice(*start.min(&content.len())..), visit),
        Container::SevenZ { start } => seven::each(&content.slice(*start.min(&content.len())..), budget, visit),
        Container::Tar => tar::each(content, visit),
        Container::Tnef => tnef::each(content, budget, visit),
        Container::Zip(directory) => zip::each(directory, content, visit),
        Container::Zoo => zoo::each(content, visit),
    }
}
