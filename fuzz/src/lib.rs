//! What each fuzz target does with its octets: one function a parser.
//!
//! A target calls everything that a stranger's octets reach in one room and asserts what must hold for any
//! input; a panic, a hang or too much memory is a finding. `fuzz_targets/` wraps these functions for
//! libFuzzer; `fuzz/smoke SECONDS` builds and runs them all on the stable toolchain. Only parser rooms are
//! used here: no I/O, no clock but the budget's.

mod attachment;
mod auth;
mod autodiscover;
mod cms;
mod dns;
mod file;
mod form_data;
mod key_file;
mod mail;
mod openpgp;
mod phone;
mod phone_content;
mod revocation;
mod rule;
mod scanner;
mod sealed;
mod segment;
mod sheet;
mod smtp_in;
mod smtp_neighbours;
mod smtp_out;
mod story;
mod sts;

pub use attachment::sealed_attachment;
pub use auth::mailauth;
pub use autodiscover::autodiscover;
pub use cms::cms;
pub use dns::dns_texts;
pub use file::{archives, file_types, tnef};
pub use form_data::form_data;
pub use key_file::key_file;
pub use mail::mime;
pub use openpgp::openpgp;
pub use phone::{eas_query, multipart, wbxml, wbxml_text};
pub use phone_content::phone_content;
pub use revocation::revocation_list;
pub use rule::{rule_evaluator, rule_parser};
pub use scanner::scanner_answers;
pub use sealed::sealed_records;
pub use segment::segment_reader;
pub use sheet::device_sheet;
pub use smtp_in::{smtp_command, smtp_data};
pub use smtp_neighbours::{auth_exchange, proxy_header, xtext_values};
pub use smtp_out::smtp_reply;
pub use story::story_log;
pub use sts::mta_sts;
