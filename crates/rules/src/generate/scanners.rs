//! The scanners' part: after every incoming decryption, before outgoing signing and encryption (mail-gateway.md M-P4, M-P5, M-P9).

use super::switches::{Switches, UNSCANNED};
use super::writer::{Writer, quoted};

/// Said by the generated rules; `$vscanresult` is the virus's name.
const INFECTED: &str = r#"drop(550, "5.7.1 A virus was found in this message: $vscanresult");"#;
const CLOSED: &str = r#"drop(550, "5.7.1 A part of this message can not be scanned for viruses, so it is not taken");"#;
const UNSCANNED_RESULT: &str = r#"if (compareattr("vscanresult", "equal", "unscanned"))"#;

pub(super) fn incoming(out: &mut Writer, switches: &Switches) {
    if switches.on("virus_check") {
        out.section("Viruses: after opening, so that encryption is no way round the scanner");
        out.block(r#"if (vscan("info"))"#, |out| match switches.text("virus_to") {
            "" => out.line(INFECTED),
            to => aside(out, to, "infected"),
        });
        match switches.text("virus_unscanned") {
            "tag" => out.block(UNSCANNED_RESULT, |out| out.line(&format!("tag_subject({});", quoted(UNSCANNED)))),
            "refuse" => out.block(UNSCANNED_RESULT, |out| out.line(CLOSED)),
            _ => out.note("What stays closed (an archive with a password, say) passes, marked `unscanned`"),
        }
    }
    if switches.on("spam_check") {
        out.section("Spam, by its score");
        let (mark, tag, limit) = (switches.number("spam_tag_level"), switches.text("spam_tag"), switches.number("spam_drop_level"));
        let asked = format!("isspam({mark}, {}, {limit})", quoted(tag));
        if switches.on("spam_redirect") {
            out.block(&format!("if ({asked})"), |out| match switches.text("spam_to") {
                "" => out.line(r#"drop(550, "5.7.1 This message looks like spam");"#),
                to => aside(out, to, "spam"),
            });
        } else {
            out.line(&format!("{asked};"));
        }
    }
}

/// To this address in place of the recipients; the sender learns nothing.
fn aside(out: &mut Writer, to: &str, what: &str) {
    out.line(&format!("archive({});", quoted(to)));
    out.line(&format!(r#"drop(250, "2.0.0 {what}: put aside");"#));
}

pub(super) fn outgoing(out: &mut Writer, switches: &Switches) {
    if !switches.on("virus_check_outgoing") {
        return;
    }
    out.section("Viruses in outgoing mail: refused, the sender sees it at once");
    out.block(r#"if (vscan("info"))"#, |out| out.line(INFECTED));
    if switches.text("virus_unscanned") == "refuse" {
        out.block(UNSCANNED_RESULT, |out| out.line(CLOSED));
    }
}
