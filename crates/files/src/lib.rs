//! What a file is, by its content, and what is inside it.
//!
//! The rule command `partoftype`, `message parts` and, later, scanners ask here. Names of types are in
//! `message::file_type`; this room holds what it takes to tell them and to open archives, whose crates are kept out of
//! `message` so that whoever only reads mail does not build them. The order of the files:
//!
//! 1. [`detect`]: types of one content, and whether it is a [`Container`] of others;
//! 2. [`archive`]: the members of each kind of container, one file for each;
//! 3. [`look`]: the walk: content, members, members of members, within one [`model::Budget`];
//! 4. [`mail`]: the walk through all parts of a mail;
//! 5. [`strip`]: the same file without the members that a rule takes out.
//!
//! All input is hostile (security.md X-11): every reader is total; bytes that come out, members, depth, ratio and time
//! are counted, memory of decoders is bounded before they are made. No I/O, no clock but the budget's, no names of
//! members ever become paths.

pub mod archive;
pub mod detect;
pub mod mail;
mod octets;
mod read;
mod strip;
mod walk;

pub use detect::Container;
pub use strip::{Stripped, strip};
pub use walk::{Found, Looked, State, limits, look};
