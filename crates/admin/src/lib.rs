//! The use cases of administration: authorise, validate, change, audit, feed, in one transaction.
//!
//! Pages, `/api/v1`, the command line and `config apply` call the same functions here, so that what one of them may do
//! the others may do, and no more. The order inside each use case:
//!
//! 1. [`authorise`]: the [`model::Actor`] has the right, or it ends here. Denied by default.
//! 2. [`record`] (or the use case's own file): what came in is valid; the answer names the field and what is expected.
//! 3. `change`: one write transaction of the store changes the rows, writes the audit entry ([`audit`], secrets
//!    masked) and the feed.
//! 4. The node's memory has caught up before the answer is given, so that who asks next sees the change.
//!
//! What lies behind: [`records`] (domains, users, partners, roots, templates, gateways, settings), [`config`] (the site
//! file, read by [`site_file`]), [`rule_sets`], [`rule_versions`], [`rule_tests`], [`rule_replay`], [`keys`], [`partner_keys`], [`new_keys`], [`key_mail`], [`domain_keys`], [`domain_removal`], [`devices`], [`device_csv`], [`diagnostics`], [`compliance`], [`mod@gateway`], [`gateway_test`], [`profiles`], [`redirects`], [`policy_effects`], [`secrets`], [`administrators`], [`sign_in`], [`tokens`],
//! [`counts`], [`queue`], [`log`].
//! Must never: change anything without an audit entry, or trust a name that a form sent for the owner of something.

pub mod administrators;
pub mod attachments;
pub mod audit;
pub mod authorise;
mod change;
pub mod compliance;
pub mod config;
mod content_policy;
mod context;
pub mod counts;
pub mod device_csv;
pub mod devices;
pub mod diagnostics;
pub mod domain_keys;
pub mod domain_removal;
mod error;
pub mod gateway;
pub mod gateway_test;
pub mod key_mail;
pub mod key_upkeep;
pub mod key_uses;
pub mod key_view;
pub mod keys;
mod link_domains;
pub mod log;
pub mod master_key;
mod names;
pub mod new_keys;
pub mod orders;
pub mod partner_keys;
pub mod pgp_keys;
mod policy;
pub mod policy_effects;
mod ports;
pub mod profiles;
pub mod queue;
pub mod record;
pub mod records;
pub mod redirects;
pub mod rule_replay;
mod rule_secrets;
pub mod rule_sets;
pub mod rule_tests;
pub mod rule_versions;
pub mod secrets;
pub mod sign_in;
pub mod site_file;
pub mod tokens;
pub mod trust_store;

pub use context::{Admin, Parts, Settings};
pub use error::AdminError;
pub use names::SiteNames;
pub use ports::{PhoneGate, QueueAdopted, QueueAsk, QueueControl, QueueEntry, Redirect, ServerProbe, Simulation, Simulator};
pub use record::Record;
pub use records::Kept;
pub use store::Expect;
