//! SMTP, both ways, protocol only.
//!
//! [`inbound`] is the server's side: it reads commands and mail from a client, keeps every line end strict
//! and asks a [`inbound::Gate`] what to answer. [`outbound`] is the client's side: it finds the next hop's
//! servers, opens a connection and delivers one transaction after the other.
//!
//! Neither side knows rules, domains, queues or texts for people; `flow` does and comes above. What both
//! sides promise: a mail ends with CR LF `.` CR LF and nothing else, in and out (RFC 5321 §4.1.1.4, §2.3.8).

pub mod inbound;
pub mod outbound;
mod wire;

pub use wire::tls_facts;
