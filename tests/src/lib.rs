//! Stories, dialogues and house rules: what a user sees, told with the real binary between real servers.
//!
//! The tests are in `tests/tests/`, one story a file; this library holds the scene that several stories share: a company's
//! Postfix on 127.0.0.10, a partner's on 127.0.0.20, the gateway on 127.0.0.1 between them.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

pub mod copies;
pub mod dying_hop;
pub mod interop;
pub mod late_scanner;
pub mod memory;
pub mod oracle;
pub mod pages;
pub mod ranks;
pub mod scene;
pub mod sink;
pub mod smtp;

pub use scene::Scene;
pub use sink::Sink;
