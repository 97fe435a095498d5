//! Message bytes: one immutable string with an index over it.
//!
//! **Bytes are evidence.** [`Message::parse`] reads a mail once and notes byte ranges; nothing here ever
//! serialises a whole mail again. Edits are ropes of old and new slices ([`edit`]), so that what nobody
//! touched leaves byte for byte. No I/O, no clock, no randomness, no keys.
//!
//! The order in which a mail meets these files:
//!
//! 1. [`header`]: lines, fields, limits; [`text`]: what a field says to a person (RFC 2047, charsets);
//! 2. [`content`]: `Content-Type` and `Content-Disposition`; [`tree`]: parts and their ranges;
//! 3. [`anomaly`]: what two programs could read in two ways (refused or defused, never guessed);
//! 4. [`address`]: the one parser of address fields; [`transfer`]: base64 and quoted-printable;
//! 5. [`shape`]: is it signed or encrypted, by structure; [`entity`]: what a signature protects;
//! 6. [`edit`], [`subject`], [`build`], [`report`]: changes, subject texts, mails of our own.
//! 7. [`file_type`]: the names of file types (what a file is, says the room `files`); [`tnef`]: Outlook's winmail.dat.
//!
//! `smtp` refuses what has no valid line ends before it comes here; command line and tests read files, so
//! a bare LF counts as a line end here, a bare CR never does.

pub mod addition;
pub mod address;
pub mod anomaly;
pub mod build;
mod bytes_of;
pub mod confusables;
pub mod content;
pub mod edit;
pub mod encode;
pub mod entity;
mod error;
pub mod file_type;
pub mod form_data;
pub mod header;
mod message;
pub mod protected;
pub mod report;
mod seven_bit;
pub mod shape;
pub mod subject;
pub mod text;
pub mod tnef;
pub mod transfer;
pub mod tree;
mod well_formed;

pub use address::Mailbox;
pub use anomaly::{Anomaly, AnomalyKind};
pub use build::Builder;
pub use confusables::fold_confusables;
pub use content::{ContentType, Disposition};
pub use edit::Edit;
pub use error::{FromError, MessageError};
pub use header::{Field, HeaderLimits};
pub use message::Message;
pub use shape::{CmsKind, Shape};
pub use transfer::Encoding;
pub use tree::Part;
