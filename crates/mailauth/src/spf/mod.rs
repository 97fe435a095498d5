//! SPF (RFC 7208): may this client send for this domain?
//!
//! [`record`] reads a policy whole before anything of it counts; [`macros`] fills in names; [`check_host`] evaluates,
//! within the standard's bounds on look-ups (§4.6.4) and a budget of its own on what one mail may ask.

mod check;
mod macros;
mod record;

pub use check::{Query, SpfResult, check_host};
