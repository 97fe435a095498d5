//! DKIM (RFC 6376 with RFC 8301 and RFC 8463): [`verify`] on the way in, [`sign`] on the way out.

mod sign;
mod verify;

pub(crate) use sign::folded_names;
pub use sign::{SIGNED_FIELDS, SignRequest, sign};
pub use verify::{DkimResult, Found, signatures, verify};
