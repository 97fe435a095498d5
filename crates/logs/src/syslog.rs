//! Syslog to other machines: RFC 5424 messages over UDP (RFC 5426), TCP with octet counting (RFC 6587 §3.4.1), or TLS (RFC 5425).
//!
//! 1. [`message`]: an event becomes one message; [`target`]: where to, and how far its certificate is trusted.
//! 2. [`forward`]: one task a target with a bounded queue. [`Forward::offer`] never waits: what does not fit is dropped and counted.
//!
//! Must never: hold up mail, let a value of an event look like another message, or send to a TLS receiver whose certificate does not lead
//! to the trusted roots and bear its name.

pub mod forward;
pub mod message;
pub mod target;

pub use forward::{Forward, Settings};
pub use message::{Event, Origin, Severity};
pub use target::Target;
