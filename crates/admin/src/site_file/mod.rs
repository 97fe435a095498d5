//! The site file, `site.toml` (contract.md "Site configuration"): read, compared with the store, written.
//!
//! Before: a person's editor. [`read()`] gives records with every fault placed by line and column; [`diff`] says what
//! would change; `config` makes the changes; [`export`] writes the file from the store. Every key of the contract is
//! known in [`keys`]: one that is not built yet is refused by name, an unknown one with the nearest known name.

mod brought;
pub mod diff;
pub mod export;
mod finding;
mod inline;
pub mod keys;
mod read;
mod rules_section;

pub use diff::{Change, Kind};
pub use finding::Finding;
pub use inline::inline_files;
pub use read::{Entered, FileDevice, FilePartner, SiteFile, read};
