//! The outgoing half: custom commands, what the sender demands, do-not-touch, accounts, what the client
//! encrypted, virus scan, archive, signing, encryption, deliver.

use super::archive;
use super::switches::Switches;
use super::writer::{Writer, quoted, take_from_subject};

/// Set when this mail must not leave in clear. Custom commands may set it too.
const DEMANDED: &str = r#"compareattr("encrypt", "equal", "demanded")"#;
const DEMAND: &str = r#"setvar("encrypt", "demanded");"#;

pub(super) fn write(out: &mut Writer, switches: &Switches) {
    out.note("Outgoing mail");
    out.line(r#"setvar("encrypt", "");"#);
    out.line(r#"setvar("sign", "");"#);
    if by_domain_text(switches) {
        out.line(r#"setvar("company", "");"#);
    }
    out.custom("Custom commands", switches.text("custom_outgoing"));
    out.line("");
    let foreign = switches.commands();
    let known = |out: &mut Writer| {
        demands(out, switches);
        no_touch(out, switches);
        other_texts(out, switches);
        accounts(out, switches);
    };
    if foreign.is_empty() {
        out.block("if (authenticated())", known);
    } else {
        out.either("if (authenticated())", known, |out| {
            out.note("A source that may relay and not speak for the sender commands nothing");
            out.line(&format!("{};", take_from_subject(&foreign)));
        });
    }
    out.section("What the client has encrypted passes as it is");
    out.block("if (smime_encrypted() || pgp_encrypted())", |out| {
        archive(out, switches);
        out.line(switches.deliver());
    });
    super::scanners::outgoing(out, switches);
    disclaimer(out, switches);
    if switches.on("archive_to") {
        out.line("");
        archive(out, switches);
    }
    company(out, switches);
    signing(out, switches);
    encryption(out, switches);
}

fn demands(out: &mut Writer, switches: &Switches) {
    out.note("Encryption demanded: then this mail leaves encrypted or not at all");
    let by_text = |out: &mut Writer, key: &str| {
        if switches.on(key) {
            out.block(&format!("if ({})", take_from_subject(&[switches.text(key)])), |out| out.line(DEMAND));
        }
    };
    let by_flag = |out: &mut Writer, pattern: &str| {
        out.block(&format!(r#"if (compare("sensitivity", "match", "{pattern}"))"#), |out| out.line(DEMAND));
    };
    by_text(out, "out_encrypt_tag");
    if switches.on("out_encrypt_confidential") {
        by_flag(out, r"^\s*company-*confidential\s*$");
    }
    if switches.on("out_webmail_tag") || switches.on("out_webmail_private") {
        out.note("Secure webmail is not available yet: what asks for it demands encryption, so that nothing leaves in clear");
    }
    by_text(out, "out_webmail_tag");
    if switches.on("out_webmail_private") {
        by_flag(out, r"^\s*private\s*$");
    }
}

fn no_touch(out: &mut Writer, switches: &Switches) {
    if !switches.on("no_touch_tag") {
        return;
    }
    out.section("Do not touch: beaten only by a demand for encryption");
    let tag = take_from_subject(&[switches.text("no_touch_tag")]);
    out.block(&format!("if ({tag} && !{DEMANDED})"), |out| {
        archive(out, switches);
        out.line(switches.deliver());
    });
}

fn other_texts(out: &mut Writer, switches: &Switches) {
    let texts = [
        ("out_no_encrypt_tag", r#"setvar("encrypt", "no");"#, Some(DEMANDED)),
        ("out_sign_tag", r#"setvar("sign", "demanded");"#, None),
        ("out_no_sign_tag", r#"setvar("sign", "no");"#, None),
        ("out_sign_domain_tag", r#"setvar("company", "demanded");"#, None),
    ];
    if texts.iter().any(|(key, ..)| switches.on(key)) {
        out.section("Other subject texts");
    }
    for (key, set, unless) in texts {
        if switches.on(key) {
            let tag = take_from_subject(&[switches.text(key)]);
            let condition = unless.map_or(tag.clone(), |unless| format!("{tag} && !{unless}"));
            out.block(&format!("if ({condition})"), |out| out.line(set));
        }
    }
}

fn accounts(out: &mut Writer, switches: &Switches) {
    out.section("Accounts");
    out.custom("Custom commands", switches.text("custom_user_creation"));
    let pgp = switches.on("new_user_pgp");
    let create = if pgp { "createaccount(1);" } else { "createaccount();" };
    let keys = if pgp { "; a new one gets an OpenPGP key, which the mail waits for" } else { "" };
    match switches.text("user_creation") {
        "manual" => {
            out.note("Made by hand only: mail of senders without one passes, unless it demands encryption");
            out.block(r#"if (!compareattr("user_mail", "match", "@"))"#, |out| {
                out.block(&format!("if ({DEMANDED} && !smime_encrypted() && !pgp_encrypted())"), |out| {
                    out.line(r#"bounce("bounce_noenc");"#)
                });
                archive(out, switches);
                out.line(switches.deliver());
            });
        }
        "all" => {
            out.note(&format!("For each sender{keys}"));
            out.line(create);
        }
        _ => {
            out.note(&format!("Made when a sender asks for a signature or for encryption{keys}"));
            out.block(&format!(r#"if ({DEMANDED} || compareattr("sign", "equal", "demanded"))"#), |out| out.line(create));
        }
    }
}

/// Where all mail gets the company signature, no text asks for it.
fn by_domain_text(switches: &Switches) -> bool {
    switches.on("out_sign_domain_tag")
}

fn disclaimer(out: &mut Writer, switches: &Switches) {
    let (all, replies) = (switches.on("disclaimer_outgoing"), switches.on("disclaimer_replies"));
    if !all {
        return;
    }
    out.section("The disclaimer of the sender's domain; signed, encrypted and calendar mail never gets one");
    let add = |out: &mut Writer| out.line("disclaimer();");
    let reply = r#"compare("in-reply-to", "match", "\S")"#;
    if replies {
        add(out);
    } else {
        out.block(&format!("if (!{reply})"), add);
    }
}

/// Not what the client has signed, nor against the sender's wish; calendar mail only if that is wanted.
fn may_be_signed(switches: &Switches) -> String {
    let calendar = if switches.on("out_sign_calendar") { "" } else { " && !iscalendar()" };
    format!(r#"authenticated() && !smime_signed() && !pgp_signed() && !compareattr("sign", "equal", "no"){calendar}"#)
}

/// Company signature (M-C10): it takes the place of the personal one.
fn company(out: &mut Writer, switches: &Switches) {
    let (by_text, all) = (by_domain_text(switches), switches.on("out_sign_domain_all"));
    if !by_text && !all {
        return;
    }
    out.section("Company signature: with the domain's certificate, whose address becomes the technical sender");
    let mut condition = may_be_signed(switches);
    if !all {
        condition.push_str(r#" && compareattr("company", "equal", "demanded")"#);
    }
    let texts = ["domain_cert", "name_prefix", "name_suffix"].map(|key| quoted(switches.text(key)));
    out.block(&format!("if ({condition})"), |out| {
        out.block(&format!("if (!sign_smime({}))", texts.join(", ")), |out| {
            out.line(r#"log(3, "a company signature was asked for, and its certificate can not sign");"#);
        });
    });
}

fn signing(out: &mut Writer, switches: &Switches) {
    let (by_text, all) = (switches.on("out_sign_tag"), switches.on("out_sign_all"));
    if !by_text && !all {
        return;
    }
    out.section("Signing: not what the client has signed, nor against the sender's wish");
    let mut condition = may_be_signed(switches);
    if !all {
        condition.push_str(r#" && compareattr("sign", "equal", "demanded")"#);
    }
    out.block(&format!("if ({condition})"), |out| {
        if by_text {
            out.block(r#"if (!sign_smime() && compareattr("sign", "equal", "demanded"))"#, |out| {
                out.line(r#"log(3, "a signature was asked for, and $from has no certificate to sign with");"#);
            });
        } else {
            out.line("sign_smime();");
        }
    });
}

/// Encryption by OpenPGP, with a signature inside where the sender wants one and nothing has signed the mail before.
fn pgp(switches: &Switches) -> &'static str {
    match (switches.on("out_sign_all"), switches.on("out_sign_tag")) {
        (true, _) => r#"(!compareattr("sign", "equal", "no") && encrypt_pgp("true")) || encrypt_pgp("false")"#,
        (false, true) => r#"(compareattr("sign", "equal", "demanded") && encrypt_pgp("true")) || encrypt_pgp("false")"#,
        (false, false) => r#"encrypt_pgp("false")"#,
    }
}

fn encryption(out: &mut Writer, switches: &Switches) {
    let by_pgp = pgp(switches);
    let encrypt = |out: &mut Writer| {
        for method in ["encrypt_smime()", by_pgp] {
            out.block(&format!("if ({method})"), |out| out.line(switches.deliver()));
        }
    };
    let refuse = |out: &mut Writer| out.line(r#"bounce("bounce_noenc");"#);
    if switches.on("out_always_keys") {
        out.section("Encryption whenever a recipient has a certificate, else an OpenPGP key");
        if switches.on("out_no_encrypt_tag") {
            out.block(r#"if (!compareattr("encrypt", "equal", "no"))"#, encrypt);
        } else {
            encrypt(out);
        }
        out.section("Demanded and impossible: nothing leaves, the sender is told");
        out.block(&format!("if ({DEMANDED})"), refuse);
    } else {
        out.section("Encryption only when it is demanded; where it is impossible nothing leaves, and the sender is told");
        out.block(&format!("if ({DEMANDED})"), |out| {
            encrypt(out);
            refuse(out);
        });
    }
    out.line(switches.deliver());
}
