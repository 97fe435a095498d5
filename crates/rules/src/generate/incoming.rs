//! The incoming half: custom commands, marks from outside, decryption, signature check, scanners, archive, deliver.

use super::archive;
use super::switches::Switches;
use super::writer::{Writer, quoted, take_from_subject};

/// Layers that are opened in all (M-R9).
const LAYERS: usize = 10;

pub(super) fn write(out: &mut Writer, switches: &Switches) {
    out.note("Incoming mail");
    out.custom("Custom commands", switches.text("custom_incoming"));
    marks(out, switches);
    decryption(out, switches);
    signature(out, switches);
    super::scanners::incoming(out, switches);
    out.line("");
    archive(out, switches);
    out.line(switches.deliver());
}

fn marks(out: &mut Writer, switches: &Switches) {
    let verdicts = switches.verdicts();
    let mut all = verdicts.clone();
    all.extend(switches.commands());
    all.push(switches.text("in_tag_decrypted"));
    all.retain(|tag| !tag.is_empty());
    all.sort_unstable_by_key(|tag| (std::cmp::Reverse(tag.len()), *tag));
    all.dedup();
    if all.is_empty() {
        return;
    }
    out.section("Subject texts that only this gateway sets, or that command it, count from nobody outside");
    if verdicts.is_empty() {
        out.block("if (!authenticated())", |out| out.line(&format!("{};", take_from_subject(&all))));
    } else {
        out.either(
            "if (authenticated())",
            |out| out.line(&format!("{};", take_from_subject(&verdicts))),
            |out| out.line(&format!("{};", take_from_subject(&all))),
        );
    }
}

/// One more layer, by whichever method; what is signed by OpenPGP in sight is left to the check below.
const OPEN: &str = "decrypt_smime() || (!pgp_signed() && decrypt_pgp())";

fn decryption(out: &mut Writer, switches: &Switches) {
    out.section("Decryption, only with keys that the recipients own");
    if switches.on("in_reject_undecryptable") {
        for condition in ["smime_encrypted() && !smime_key_known()", "pgp_encrypted() && !pgp_key_known()"] {
            out.block(&format!("if ({condition})"), |out| {
                out.line(r#"drop(550, "5.7.5 This message is encrypted for a key that its recipient does not have here");"#);
            });
        }
    }
    out.block(&format!("if ({OPEN})"), |out| {
        out.note(&format!("Mail may be wrapped several times: up to {LAYERS} layers in all"));
        let more = vec![format!("({OPEN})"); LAYERS - 1];
        let condition = more.join(&format!(" &&\n{}", " ".repeat(12)));
        out.block(&format!("if ({condition})"), |out| {
            out.line(&format!(r#"log(2, "{LAYERS} layers of encryption opened; what is below stays closed");"#));
        });
        if switches.on("in_tag_decrypted") {
            out.line(&format!("tag_subject({});", quoted(switches.text("in_tag_decrypted"))));
        }
        if switches.on("in_set_confidential") {
            out.line(r#"set_sensitivity("confidential");"#);
        }
    });
}

fn signature(out: &mut Writer, switches: &Switches) {
    out.section("Signature: checked; a good one's certificate serves for encryption from now on");
    let tag = |out: &mut Writer, key: &str| {
        if switches.on(key) {
            out.line(&format!("tag_subject({});", quoted(switches.text(key))));
        }
    };
    let verdict = |out: &mut Writer, key: &str, strip: &str, delete: &str| {
        tag(out, key);
        if switches.on(strip) {
            out.line(delete);
        }
    };
    for (signed, check, delete) in [
        ("if (smime_signed())", "if (validate_smime_sig())", "delete_smime_sig();"),
        ("if (pgp_signed())", "if (decrypt_pgp())", "delete_pgp_sig();"),
    ] {
        out.block(signed, |out| {
            out.either(
                check,
                |out| verdict(out, "in_tag_sig_ok", "in_strip_sig_ok", delete),
                |out| verdict(out, "in_tag_sig_bad", "in_strip_sig_bad", delete),
            );
        });
    }
}
