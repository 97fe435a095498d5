//! The generator (mail-gateway.md M-R2, M-R3): switches in, readable rule text out.
//!
//! The text is what runs; it can be shown, downloaded, changed and uploaded. Sections stand in the order of
//! the specification. A switch that needs commands of a later version is never silently passed over: switched
//! on it is refused; on by default it is named in the text and in [`Generated::left_out`]. Whatever is left
//! out, a demand for encryption stays one (security.md X-13).

mod incoming;
mod outgoing;
mod scanners;
pub mod switches;
mod writer;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Report};
use crate::{lexer, parser};
use switches::Switches;
use writer::{Writer, quoted};

/// Version of the generated text's grammar and layout.
pub const GRAMMAR: u32 = 1;

/// A generated rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The rule text.
    pub text: String,
    /// Switches that are on and that this version can't carry out.
    pub left_out: Vec<String>,
}

/// Writes the rule text for these switches; those not given have their defaults.
///
/// # Errors
/// Unknown keys, values of the wrong kind, switches that are not available yet, custom rule text that does
/// not parse by itself.
pub fn generate(switches: &BTreeMap<String, Value>) -> Result<Generated, Vec<Diagnostic>> {
    let switches = Switches::read(switches)?;
    for key in ["custom_incoming", "custom_outgoing", "custom_user_creation"] {
        check_custom(key, switches.text(key))?;
    }
    let left_out = switches.left_out();
    let mut out = Writer::default();
    out.note(&format!("Written by Sealgate's rule generator, grammar {GRAMMAR}, from the switches under [rules.generator]."));
    if !left_out.is_empty() {
        out.note(&format!("Not available yet, so left out: {}.", left_out.join(", ")));
    }
    if switches.on("log_subject") {
        out.section("Subjects are shown in the log");
        out.line(r#"log(1, "subject: $subject");"#);
    }
    if switches.on("reprocess") {
        out.section("Messages that users send in to have them opened with their own keys");
        out.block(r#"if (rmatchsplit("^reprocess@decrypt\.reprocess$"))"#, |out| out.line("reprocess();"));
    }
    out.line("");
    out.either("if (incoming())", |out| incoming::write(out, &switches), |out| outgoing::write(out, &switches));
    Ok(Generated { text: out.finish(), left_out })
}

/// The copy of every mail, if one is wanted (M-R7).
fn archive(out: &mut Writer, switches: &Switches) {
    if switches.on("archive_to") {
        out.line(&format!("archive({});", quoted(switches.text("archive_to"))));
    }
}

/// Custom text must stand by itself: it can't close a block of ours.
fn check_custom(key: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
    let mut report = Report::new(key, text);
    let tokens = lexer::tokens(text, &mut report);
    parser::parse(&tokens, text.len(), &mut report);
    if report.failed() { Err(report.into_found()) } else { Ok(()) }
}
