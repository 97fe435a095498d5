//! Exchange ActiveSync as a protocol: what a phone's request says, and what a small answer looks like.
//!
//! No I/O, no policy. `mobile` calls it in this order:
//! [`query::parse`] reads the request line's query (plain or base64, MS-ASHTTP §2.2.1.1.1), [`user`] reads who asks
//! from the credentials, [`command`] tells what is known of each command, [`wbxml`] reads, changes and writes
//! the bodies ([`multipart`] the answers in parts), [`views`] says where in them subjects, bodies and attachments are, and
//! [`answer`] makes the answers that the gate gives on its own. Every parser is total and bounded by a
//! [`model::Budget`] or by the length of its input.

pub mod answer;
pub mod autodiscover;
pub mod code_pages;
pub mod command;
pub mod multipart;
pub mod query;
pub mod tags;
pub mod user;
pub mod version;
pub mod views;
pub mod wbxml;
pub mod xml;

pub use code_pages::Tag;
pub use command::Command;
pub use query::{Query, QueryError};
pub use version::Version;
