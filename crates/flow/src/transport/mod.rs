//! What DNS and published policies say of the servers that mail goes to: DANE (RFC 7672), MTA-STS (RFC 8461), the reports
//! about both (RFC 8460), and what their certificates' issuers say was revoked (RFC 5280, RFC 6960).
//!
//! The queue asks for each server before it connects ([`crate::queue::Evidence`], filled by [`Transport`]). What is known raises
//! the levels `may` and `encrypt`; nothing here lowers one, and a question that nobody could answer makes mail wait, never
//! go out with less (security.md X-23). Policies and counts are soft state: this node's own, losable.

mod daily;
mod evidence;
mod lists;
mod report;
mod responders;
mod results;
mod sts;
mod sts_file;
#[cfg(test)]
mod testing;
mod turns;

pub use daily::Daily;
pub use evidence::Transport;
pub use lists::{ListSettings, Lists};
pub use results::{Policy, Results};
pub use sts::{StsPolicies, StsSettings};
