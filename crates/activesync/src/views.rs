//! What bodies mean to who judges them: views on a [`crate::wbxml::Document`] that name the elements to look at.
//!
//! Come after a body is read and before a policy looks at it. They hold no copies: each says which element holds a text, so
//! that a change is made there ([`crate::wbxml::Edits`]). They say where bodies, attachments and MIME are, and for whom;
//! never what is allowed. What is not there, or not as the standard has it, is left out; the octets pass as they came.

pub mod device;
pub mod folders;
pub mod items;
pub mod outgoing;
pub mod people;

pub use items::{Attachment, Body, BodyKind, Content, Item, Place};
