//! The life of a mail, from the connection to the last delivery.
//!
//! The order of steps, and the file of each:
//!
//! 1. [`gate`]: one SMTP session's questions come in (`smtp::inbound::Gate`).
//! 2. [`sign_in`]: AUTH; [`accept`]: at RCPT, whom we take mail for; [`welcome`]: whom mail is taken from; [`recipients`]: whether there is such a recipient; [`limits`]:
//!    how many sessions; [`room`]: how much memory.
//! 3. [`poison`]: a mail that ended the process before is worked on alone. [`authenticate`]: after the final dot, who may speak as
//!    whom; marks of our own from outside are removed. [`origin_checks`]: what SPF, DKIM, DMARC and ARC say of a mail from outside.
//! 4. [`decide`]: the rules are evaluated; each command is a file in [`commands`], the scanners are asked by [`scan`]. Nothing is
//!    touched.
//!    [`new_keys`]: keys for users who have none; the mail waits for them. [`reprocess`]: messages that a user attached to have them opened.
//!    [`domain_signatures`]: DKIM for what leaves, ARC for what we changed.
//! 5. [`assemble`]: what the rules decided becomes a plan: outputs and effects. [`own_mail`]: DKIM for what we wrote ourselves.
//! 6. [`queue`]: the plan is committed as one record; only then comes 250. Then effects, delivery, DSNs;
//!    [`transport`] says what DNS and published policies demand of each server.
//!
//! A mail that did not get 250 changed nothing anywhere.

pub mod accept;
pub mod alarm;
pub mod assemble;
pub mod authenticate;
mod client_protection;
pub mod commands;
pub mod decide;
pub mod domain_signatures;
pub mod gate;
mod inner_fields;
pub mod issuers;
pub mod key_mail;
pub mod limits;
pub mod new_keys;
pub mod notice;
pub mod origin_checks;
pub mod own_mail;
pub mod poison;
pub mod queue;
pub mod recipients;
pub mod reinject;
pub mod reprocess;
pub mod room;
pub mod ruleset;
pub mod scan;
pub mod sign_in;
pub mod simulate;
pub mod state;
pub mod transport;
pub mod welcome;
mod wrapped;

pub use gate::{MailGate, Parts, Session};
pub use welcome::Welcome;

#[cfg(test)]
mod kit_tests;
