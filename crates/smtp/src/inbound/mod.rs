//! The server's side of SMTP (RFC 5321), over any byte stream.
//!
//! The order of a session: [`serve`] greets, `lines` cuts command lines, [`command::parse`] reads them, the
//! [`Gate`] is asked, and the answer goes out. `mail` and `rcpt` check what the protocol says about MAIL and
//! RCPT, `receive` takes the content with [`data::Reader`], `chunks` takes it by BDAT, `tls` upgrades on STARTTLS,
//! `auth` signs in, `xclient` and [`proxy`] take the word of listed neighbours. Every answer is a
//! [`Reply`]; [`reply_for`] is the SMTP face of a `model::Fault`.

pub mod auth;
pub mod chunks;
pub mod command;
pub mod data;
mod faults;
mod gate;
mod lines;
mod mail;
mod pace;
mod path;
pub mod proxy;
mod rcpt;
mod receive;
mod reply;
mod session;
mod settings;
mod tls;
pub mod xclient;
pub mod xtext;

pub use faults::reply_for;
pub use gate::{Gate, Limits, MailParams, RcptParams};
pub use reply::Reply;
pub use session::{Ended, Why, serve, serve_tls};
pub use settings::{BareNewline, CertificateProvider, ClientNames, SessionSettings};
