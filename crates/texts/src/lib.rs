//! What people read: every text in German, English, French and Italian, and the templates of our own mails.
//!
//! Pages (`web`, `console`), SMTP replies, problem+json and the mails that the gateway writes take their words
//! from here, by id; no other room holds a sentence for people. Logs, the command line and the
//! documentation stay English and do not come through here. No HTTP, no HTML, no I/O at run time: all
//! files are in the program.
//!
//! 1. [`bundle`]: a text by language and id (Project Fluent), and the public text of a [`model::Fault`].
//! 2. [`mail`]: templates of mails (`bounce_noenc`, an administrator's own), rendered strictly.

pub mod bundle;
pub mod mail;

pub use bundle::{fault, has, ids, text, try_text};
pub use mail::{BUILT_IN, RenderedMail, TemplateError, VARIABLES, check, mail_template, render};
