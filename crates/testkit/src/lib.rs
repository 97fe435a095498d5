//! The peers' kit: one small type per real server (start, ready, stop, own ports, dies with the test, cleans what a killed run
//! left), the gateway under test as a process, and a network of the test's own.
//!
//! For tests only. Imports no room of the product: what tests a room must not share its code.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test kit fails by panicking")]

pub mod browser;
pub mod child;
pub mod exim;
pub mod gateway;
pub mod gpg;
pub mod knot;
pub mod lying_dns;
pub mod net;
pub mod nginx;
pub mod opensmtpd;
pub mod peer;
pub mod policy_host;
pub mod postfix;
pub mod postgres;
pub mod rsyslog;
pub mod sasl;
pub mod scanners;
pub mod sink;
pub mod slapd;
pub mod sogo;
pub mod tools;
pub mod wait;

pub use browser::Browser;
pub use child::{Room, Server};
pub use exim::Exim;
pub use gateway::Gateway;
pub use knot::Knot;
pub use lying_dns::LyingDns;
pub use opensmtpd::OpenSmtpd;
pub use peer::MailServer;
pub use policy_host::PolicyHost;
pub use postfix::Postfix;
pub use postgres::Postgres;
pub use rsyslog::Rsyslog;
pub use sink::Sink;
pub use slapd::Slapd;
