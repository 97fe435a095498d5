//! Exchange ActiveSync as a protocol: what a phone's request says, and what a small answer looks like.
//!
//! No I/O, no policy. `mobile` calls it in this order:
//! [`query::parse`] reads the request line's query (plain or base64, MS-ASHTTP §2.2.1.1.1), [`user`] reads who asks
//! from the credentials, [`command`] tells what is known of each command, [`wbxml`] reads and writes the bodies, and
//! [`answer`] makes the answers that the gate gives on its own. Every parser is total and bounded by a
//! [`model::Budget`] or by the length of its input.

pub mod answer;
pub mod command;
pub mod query;
pub mod user;
pub mod version;
pub mod wbxml;

pub use command::Command;
pub use query::{Query, QueryError};
pub use version::Version;
