//! ARC (RFC 8617): what those who handled a mail before say about it, and our own seal when we change a signed one.
//!
//! [`Chain::of`] reads the sets; [`verify`] checks them with fetched keys; [`seal`] adds one.

mod chain;
mod seal;
mod verify;

pub use chain::Chain;
pub use seal::{SEALED_FIELDS, SealRequest, seal};
pub use verify::{ArcResult, verify};
