//! The server's side of SMTP (RFC 5321), over any byte stream.
//!
//! The order of a session: [`session::serve`] greets, reads one command line after the other
//! ([`command::parse`]), asks the [`Gate`] and answers. [`mail`] and [`rcpt`] check what the protocol says
//! about MAIL and RCPT, [`receive`] takes the content with [`data::Reader`], [`tls`] upgrades on STARTTLS.
//! Every answer is a [`Reply`]; [`reply_for`] is the SMTP face of a `model::Fault`.



mod faults;
mod gate;




mod reply;
mod session;
mod settings;


pub use faults::reply_for;
pub use gate::{Gate, Limits, MailParams, RcptParams};
pub use reply::Reply;
pub use session::{Ended, Why, serve};
pub use settings::{BareNewline, CertificateProvider, SessionSettings};
