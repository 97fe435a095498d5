//! DMARC (RFC 9989, which replaced RFC 7489): does SPF or DKIM speak for the domain that people see in From, and what
//! does that domain wish for mail where none does?

mod evaluate;
mod record;

pub use evaluate::{DmarcResult, Identifiers, evaluate};
pub use record::Policy;
