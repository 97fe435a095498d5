//! Interop: Exim and OpenSMTPD on either side of the gateway, beside Postfix on the other, and the table of who has sent to whom.

use std::time::Duration;

use sealgate_tests::interop::{Between, Kind};
use sealgate_tests::scene::{header, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{MailServer, wait};

/// What docs/interop.md says: sender, receiver, what was seen, and the test that saw it.
const SEEN: &[(&str, &str, &str, &str)] = &[
    (
        "Exim 4.96 (company)",
        "gateway → Postfix 3.7",
        "STARTTLS both hops, 8-bit text, leading dots, long lines",
        "m_t1_m_t3_exim_as_the_companys_server",
    ),
    (
        "Exim 4.96 (company)",
        "gateway → Postfix 3.7",
        "one mail to several recipients, pipelined: one copy each",
        "m_t1_m_t3_exim_as_the_companys_server",
    ),
    ("Postfix 3.7", "gateway → Exim 4.96 (company)", "STARTTLS both hops, our headers on top", "m_t1_m_t3_exim_as_the_companys_server"),
    (
        "Exim 4.96 (company)",
        "gateway → Postfix 3.7",
        "a recipient that the partner refuses: our DSN comes back through Exim",
        "m_t1_m_t3_exim_as_the_companys_server",
    ),
    (
        "Postfix 3.7",
        "gateway → Exim 4.96 (partner)",
        "STARTTLS both hops, 8-bit text, leading dots, long lines; several recipients; a bounce",
        "m_t1_m_t3_exim_as_the_partners_server",
    ),
    (
        "Exim 4.96 (partner)",
        "gateway → Postfix 3.7",
        "STARTTLS both hops; relaying refused: Exim bounces to its own user",
        "m_t1_m_t3_exim_as_the_partners_server",
    ),
    (
        "OpenSMTPD 6.8 (company)",
        "gateway → Postfix 3.7",
        "STARTTLS both hops, 8-bit text, leading dots, long lines; several recipients; a bounce",
        "m_t1_m_t3_opensmtpd_as_the_companys_server",
    ),
    (
        "Postfix 3.7",
        "gateway → OpenSMTPD 6.8 (company)",
        "STARTTLS both hops, our headers on top",
        "m_t1_m_t3_opensmtpd_as_the_companys_server",
    ),
    (
        "Postfix 3.7",
        "gateway → OpenSMTPD 6.8 (partner)",
        "STARTTLS both hops, several recipients; a bounce after its 5xx of its own number (524)",
        "m_t1_m_t3_opensmtpd_as_the_partners_server",
    ),
    (
        "OpenSMTPD 6.8 (partner)",
        "gateway → Postfix 3.7",
        "STARTTLS both hops; relaying refused: OpenSMTPD bounces to its own user",
        "m_t1_m_t3_opensmtpd_as_the_partners_server",
    ),
    (
        "Exim 4.96 (company)",
        "gateway → OpenSMTPD 6.8 (partner)",
        "both ways without any Postfix",
        "m_t1_m_t3_exim_and_opensmtpd_talk_through_the_gateway",
    ),
    (
        "Exim 4.96 (company)",
        "gateway → Postfix 3.7",
        "BDAT (CHUNKING): Exim's log says that it sent chunks; the gateway passes them on by DATA",
        "m_t1_m_t3_exim_as_the_companys_server",
    ),
    (
        "Exim 4.96 (partner)",
        "gateway → Postfix 3.7",
        "BDAT (CHUNKING): Exim's log says that it sent chunks; the gateway passes them on by DATA",
        "m_t1_m_t3_exim_as_the_partners_server",
    ),
    (
        "Exim 4.96 (company)",
        "gateway → Postfix 3.7",
        "SMTPUTF8: a sender, a subject and a recipient at Exim beyond US-ASCII, both ways",
        "m_t1_smtputf8_with_exim_as_the_companys_server",
    ),
    (
        "Postfix 3.7",
        "gateway → Exim 4.96 (partner)",
        "SMTPUTF8: a sender, a subject and a recipient at Exim beyond US-ASCII, both ways",
        "m_t1_smtputf8_with_exim_as_the_partners_server",
    ),
    (
        "Postfix 3.7",
        "gateway → OpenSMTPD 6.8 (partner)",
        "OpenSMTPD offers no SMTPUTF8: such mail comes back with 5.6.7, nothing of it is sent",
        "m_t1_opensmtpd_has_no_smtputf8_and_such_mail_comes_back",
    ),
    ("Postfix 3.7", "gateway → Postfix 3.7", "mail in clear, both ways", "m_t2_m_t3_mail_passes_both_ways"),
];

const BODY: &str = "Grüße\r\n.\r\n..two\r\n.leading\r\n\r\n\r\n last  \r\n";

/// Mail both ways, several recipients, a bounce each way: what any pair has to do.
fn converse(company: Kind, partner: Kind) {
    let scene = Between::start(company, partner);
    let long = "x".repeat(900);
    let sent = scene.company_sends(
        "alice@company.example",
        &["bob@partner.example", "carol@partner.example", "dave@partner.example"],
        &text("alice@company.example", "bob@partner.example", "Out", &format!("{BODY}{long}")),
    );
    assert!(sent.ok, "{}", sent.text());
    for who in ["bob", "carol", "dave"] {
        let mails = scene.partner.wait_for(who, 1);
        assert_eq!(mails.len(), 1, "{who} has one copy");
        let shown = String::from_utf8_lossy(&mails[0]).replace("\r\n", "\n");
        let body = shown.split_once("\n\n").expect("a body").1;
        assert!(body.starts_with(&format!("{}{long}", BODY.replace("\r\n", "\n"))), "{shown}");
        assert!(received(&shown).contains("by gate.company.example with ESMTPS"), "the company's server came by TLS: {shown}");
        assert!(!shown.contains("X-Sealgate"), "{shown}");
    }
    let accepted = scene.gateway.event("mail.accepted", |e| e["from"] == "alice@company.example");
    let delivered = scene.gateway.events("mail.delivered", 3, |e| e["to"].as_str().is_some_and(|to| to.ends_with("@partner.example")));
    assert_eq!(delivered.len(), 3);
    // OpenSMTPD may send a mail of its own to each recipient; the others send one.
    assert!(accepted["recipients"] == 3 || company == Kind::OpenSmtpd, "{accepted}");

    let sent = scene.partner_sends(
        "bob@partner.example",
        &["alice@company.example", "eve@company.example"],
        &text("bob@partner.example", "alice@company.example", "In", BODY),
    );
    assert!(sent.ok, "{}", sent.text());
    let mail = scene.company.wait_for("alice", 1).remove(0);
    let shown = String::from_utf8_lossy(&mail).into_owned();
    assert!(received(&shown).contains("by gate.company.example with ESMTPS"), "the partner's server came by TLS: {shown}");
    assert_eq!(header(&mail, "x-sealgate-signature"), "none");
    assert!(shown.contains("Grüße"), "{shown}");
    let _ = scene.company.wait_for("eve", 1);

    for (kind, server) in [(company, &scene.company), (partner, &scene.partner)] {
        if kind == Kind::Exim {
            chunked(server.as_ref());
        }
    }
    bounces(&scene);
    assert!(!scene.partner.log().contains("panic") && !scene.company.log().contains("panic"));
}

/// Exim notes with `K` that the server took a mail by BDAT.
fn chunked(exim: &dyn MailServer) {
    let said = || exim.log().lines().any(|line| line.contains(" => ") && line.contains(" K C=\"250")).then_some(());
    wait::until(Duration::from_secs(30), "Exim to have sent chunks", said);
}

/// A name beyond US-ASCII.
const UTF8: &str = "bj\u{f8}rn";

/// What a server says to a mail that needs SMTPUTF8.
fn hand_over(server: &dyn MailServer, client: &str, from: &str, to: &str) -> String {
    let mut session = Client::connect(server.address(), client).unwrap();
    assert!(session.say("EHLO client.example").unwrap().contains("SMTPUTF8"));
    assert!(session.say(&format!("MAIL FROM:<{from}> SMTPUTF8")).unwrap().starts_with("250"));
    let reply = session.say(&format!("RCPT TO:<{to}>")).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    session.say("DATA").unwrap();
    session.send(text(from, to, "Gr\u{fc}\u{df}e", "hello").as_bytes()).unwrap();
    session.say("\r\n.").unwrap()
}

fn got_utf8(server: &dyn MailServer, who: &str, from: &str) {
    let mail = server.wait_for(who, 1).remove(0);
    let shown = String::from_utf8_lossy(&mail).into_owned();
    assert!(shown.contains("Subject: Gr\u{fc}\u{df}e"), "as it came, not encoded: {shown}");
    assert!(header(&mail, "return-path").contains(from), "{shown}");
    assert!(received(&shown).contains("by gate.company.example with UTF8SMTPS id "), "{shown}");
}

/// Senders and a header beyond US-ASCII, both ways.
fn converse_in_utf8(company: Kind, partner: Kind) {
    let scene = Between::start(company, partner);
    // Exim has a mailbox of such a name, too.
    let name = |kind, plain| if kind == Kind::Exim { UTF8 } else { plain };
    let (from, who) = (format!("{UTF8}@company.example"), name(partner, "bob"));
    let reply = hand_over(scene.company.as_ref(), "127.0.0.10", &from, &format!("{who}@partner.example"));
    assert!(reply.starts_with("250"), "{reply}");
    let _ = scene.gateway.event("mail.delivered", |event| event["to"] == format!("{who}@partner.example"));
    got_utf8(scene.partner.as_ref(), who, &from);
    let (from, who) = (format!("{UTF8}@partner.example"), name(company, "alice"));
    let reply = hand_over(scene.partner.as_ref(), "127.0.0.20", &from, &format!("{who}@company.example"));
    assert!(reply.starts_with("250"), "{reply}");
    let _ = scene.gateway.event("mail.delivered", |event| event["to"] == format!("{who}@company.example"));
    got_utf8(scene.company.as_ref(), who, &from);
}

/// A recipient whom the partner does not have, and one to whom the gateway does not relay.
fn bounces(scene: &Between) {
    let sent = scene.company_sends(
        "carol@company.example",
        &["nobody@partner.example"],
        &text("carol@company.example", "nobody@partner.example", "Lost", "x"),
    );
    assert!(sent.ok, "{}", sent.text());
    let report = scene.company.wait_for("carol", 1).remove(0);
    let shown = String::from_utf8_lossy(&report).into_owned();
    assert!(header(&report, "content-type").contains("multipart/report"), "{shown}");
    assert!(shown.contains("Action: failed") && shown.contains("nobody@partner.example"), "{shown}");
    let failed = scene.gateway.event("mail.bounced", |e| e["to"] == "nobody@partner.example");
    assert!(failed["reply"].as_str().is_some_and(|reply| reply.starts_with('5')), "{failed}");

    let sent = scene.partner_sends(
        "carol@partner.example",
        &["somebody@elsewhere.example"],
        &text("carol@partner.example", "somebody@elsewhere.example", "Relay", "x"),
    );
    assert!(sent.ok, "{}", sent.text());
    let report = scene.partner.wait_for("carol", 2).into_iter().find(|mail| header(mail, "subject") != "Out").expect("a bounce");
    let shown = String::from_utf8_lossy(&report).into_owned();
    assert!(shown.contains("somebody@elsewhere.example") && shown.contains("550"), "{shown}");
}

fn received(mail: &str) -> String {
    mail.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn m_t1_m_t3_exim_as_the_companys_server() {
    isolated(|| converse(Kind::Exim, Kind::Postfix));
}

#[test]
fn m_t1_m_t3_exim_as_the_partners_server() {
    isolated(|| converse(Kind::Postfix, Kind::Exim));
}

#[test]
fn m_t1_m_t3_opensmtpd_as_the_companys_server() {
    isolated(|| converse(Kind::OpenSmtpd, Kind::Postfix));
}

#[test]
fn m_t1_m_t3_opensmtpd_as_the_partners_server() {
    isolated(|| converse(Kind::Postfix, Kind::OpenSmtpd));
}

#[test]
fn m_t1_m_t3_exim_and_opensmtpd_talk_through_the_gateway() {
    isolated(|| converse(Kind::Exim, Kind::OpenSmtpd));
}

#[test]
fn m_t1_smtputf8_with_exim_as_the_companys_server() {
    isolated(|| converse_in_utf8(Kind::Exim, Kind::Postfix));
}

#[test]
fn m_t1_smtputf8_with_exim_as_the_partners_server() {
    isolated(|| converse_in_utf8(Kind::Postfix, Kind::Exim));
}

#[test]
fn m_t1_opensmtpd_has_no_smtputf8_and_such_mail_comes_back() {
    isolated(|| {
        let scene = Between::start(Kind::Postfix, Kind::OpenSmtpd);
        let mut session = Client::connect(scene.partner.address(), "127.0.0.1").unwrap();
        assert!(!session.say("EHLO client.example").unwrap().contains("SMTPUTF8"));
        let from = format!("{UTF8}@company.example");
        let reply = hand_over(scene.company.as_ref(), "127.0.0.10", &from, "bob@partner.example");
        assert!(reply.starts_with("250"), "{reply}");
        let back = scene.gateway.event("mail.bounced", |event| event["to"] == "bob@partner.example");
        assert_eq!(back["status"], "5.6.7", "{back}");
        assert!(scene.partner.mailbox("bob").is_empty());
    });
}

/// Mail server, client, what, and the test or the file of tests.
const PHONES: &[(&str, &str, &str, &str)] = &[
    (
        "SOGo 5.8",
        "the client beside it (its own WBXML) at 14.1",
        "attachments blocked and encrypted in Sync, ItemOperations (in parts too), GetAttachment and MIME; links there and back; a classified mail; forwards refused; octet for octet where no policy applies",
        "g_21_g_22_g_23_phones_see_what_they_may_of_mails_in_sogo",
    ),
    (
        "SOGo 5.8",
        "the client beside it at 2.5, 12.1, 14.0 and 14.1",
        "all commands of the version, with and without the gateway: the same answers, SOGo's own 500 and 501 too",
        "g_1_g_4_sogo_hears_and_says_the_same_in_every_command_at_each_version",
    ),
    (
        "SOGo 5.8",
        "pyactivesync 0.17 from PyPI, which says 16.1",
        "FolderSync, Sync, estimates, items, attachments, Search, Find (SOGo's own 501), SendMail, moves, folders, Ping",
        "g_1_g_4_a_client_from_pypi_gets_the_same_from_sogo",
    ),
    (
        "SOGo 5.8",
        "curl with bodies by hand",
        "each kind of policy, and what others have blocked: one phone passes, one hears the reason",
        "g_10_g_11_g_12a_sogo_answers_one_phone_and_one_gets_a_reason_for_each_policy",
    ),
    (
        "nginx with TLS",
        "curl",
        "its certificate taken back by its issuer, by list; through proxies (tinyproxy)",
        "g_2_requests_and_questions_each_go_through_their_proxy",
    ),
    (
        "the tests' own, octets by hand from MS-ASWBXML",
        "the tests' own",
        "the same at 16.1, 12.1 and 2.5; answers that are too big or can't be read; a policy that comes while a Sync hangs",
        "crates/mobile/tests/content.rs",
    ),
];

/// S/MIME: maker, reader, what was seen, and the test or the tests' file that saw it.
const SMIME: &[(&str, &str, &str, &str)] = &[
    (
        "openssl 3.0",
        "gateway",
        "signed, encrypted with CBC and GCM, by itself and after each other: opened, with the right verdict",
        "m_c1_what_openssl_made_arrives_opened_with_its_verdict",
    ),
    ("gateway", "openssl 3.0", "signed and encrypted", "m_c1_openssl_opens_and_verifies_what_leaves"),
    (
        "gateway",
        "openssl 3.0",
        "PSS, OAEP, protected fields with a hidden subject (RFC 9788)",
        "m_c1_openssl_reads_pss_and_oaep_and_protected_fields",
    ),
    ("openssl 3.0", "gateway", "a hidden subject, which comes back", "m_c1_openssl_reads_pss_and_oaep_and_protected_fields"),
    ("gpgsm 2.2", "gateway", "signed; signed and encrypted (RSA PKCS #1, AES-256-CBC)", "m_c1_gpgsm_signs_encrypts_opens_and_verifies"),
    ("gateway", "gpgsm 2.2", "the same. It reads neither PSS, OAEP, GCM nor ECDH", "m_c1_gpgsm_signs_encrypts_opens_and_verifies"),
    (
        "openssl 3.0 (as a client)",
        "gateway → openssl 3.0",
        "signed by the client: untouched, and encrypted as a whole; encrypted by the client: untouched",
        "m_c14_what_the_client_protected_passes_as_it_is",
    ),
    (
        "openssl 3.0",
        "gateway",
        "revoked, by list and by OCSP, of a signer and of a CA between",
        "m_c1_signers_whose_certificates_were_revoked_are_not_valid",
    ),
    (
        "openssl 3.0, both ways",
        "gateway",
        "RSA, P-256, P-384; CBC, GCM, 3DES, RC2-40 to RC2-128; every digest; PSS; OAEP with two hashes; each ECDH digest and the 3DES key wrap; opaque, streamed, CAdES, key identifiers",
        "crates/crypto/tests/interop/both_ways.rs, algorithms.rs",
    ),
    (
        "Python (cryptography), both ways",
        "gateway",
        "Ed25519 signatures; X25519 with HKDF (with and without user keying material) and X9.63, which openssl 3.0 does not have in CMS",
        "crates/crypto/tests/interop/algorithms.rs",
    ),
    (
        "RFC 4134, RFC 9216, OpenSSL's test data",
        "gateway",
        "old and malformed messages; RSA and curve 25519 key pairs",
        "crates/crypto/tests/interop/material.rs",
    ),
    (
        "openssl, gpgsm, Python (PKCS7), the gateway",
        "gateway",
        "over 60 good mails in variants of charset, encoding, folding and wrapping: each `valid`",
        "crates/keyring/tests/smime/good.rs",
    ),
    (
        "openssl and by hand",
        "gateway",
        "over 100 changed, re-used, wrapped and spoofed signatures: none `valid`",
        "crates/keyring/tests/smime/spoofed.rs",
    ),
];

/// OpenPGP: who made it, who read it, what, and the test that saw it.
const OPENPGP: &[(&str, &str, &str, &str)] = &[
    (
        "gateway",
        "GnuPG 2.2.40",
        "PGP/MIME signed and encrypted in one message, through Postfix: decrypted, `GOODSIG`",
        "m_c2_gnupg_opens_and_verifies_what_leaves",
    ),
    (
        "GnuPG 2.2.40",
        "gateway",
        "signed and encrypted, hidden recipients, another's, an unknown and a revoked key",
        "m_c2_m_c13_what_gnupg_made_arrives_opened_with_its_verdict",
    ),
    (
        "GnuPG 2.2.40",
        "gateway",
        "inline among text, an attached file, clear-signed text",
        "m_c2_texts_and_files_are_opened_in_their_places",
    ),
    ("gateway", "GnuPG 2.2.40", "keys of Curve25519 and RSA, to Curve25519 and RSA", "m_c2_gnupg_reads_what_we_make"),
    (
        "GnuPG 2.2.40",
        "gateway",
        "keys of Curve25519, RSA and P-384, to Curve25519 and RSA; its private keys imported",
        "m_c2_we_read_what_gnupg_makes",
    ),
    ("gateway", "GnuPG 2.2.40 and back", "a private key under a pass phrase", "m_c5_a_key_goes_to_gnupg_and_back_under_a_pass_phrase"),
    ("gateway, sq 0.27", "sq 0.27, gateway", "signed and encrypted both ways; private keys both ways", "m_c2_sequoia_both_ways"),
    (
        "the OpenPGP interoperability test suite",
        "gateway",
        "its keys with their private parts, revocations for each reason; SHA-1 collisions and signatures by revoked keys are not valid",
        "m_c2_the_interoperability_suites_keys_are_read",
    ),
    (
        "GnuPG 2.2.40 (Curve25519, RSA, P-256)",
        "gateway",
        "over 100 good mails: signed, sealed and clear text in every charset and transfer encoding, re-wrapped as servers do, From in all its forms: each `valid`",
        "crates/keyring/src/pgp/tests/good.rs",
    ),
    (
        "sq 0.27 (Curve25519, RSA)",
        "gateway",
        "PGP/MIME signed; signed and encrypted: each `valid`",
        "m_c2_m_c13_mails_of_sequoias_command_are_valid",
    ),
    (
        "GnuPG 2.2.40 and by hand",
        "gateway",
        "over 150 changed, re-used, wrapped and spoofed signatures, keys of others, expired and revoked ones: none `valid`",
        "crates/keyring/src/pgp/tests/forged.rs",
    ),
    (
        "GnuPG 2.2.40 and by hand",
        "gateway",
        "wrong padding, wrong keys, foreign ones and changed content, RSA and Curve25519: one reply, and times alike",
        "tests/tests/openpgp_privacy.rs",
    ),
    (
        "gateway",
        "GnuPG 2.2.40, openssl 3.0",
        "20 mails at once to 20 people each, by certificates, OpenPGP keys or in clear: whom the packets and the ASN.1 name, signatures and whom they were made for",
        "m_r9_m_c1_m_c2_x_13_twenty_mails_to_twenty_people_of_mixed_methods",
    ),
];

#[test]
fn the_table_of_who_was_seen_is_fresh() {
    let tests = concat!(
        include_str!("interop.rs"),
        include_str!("mail_in_clear.rs"),
        include_str!("mixed_methods.rs"),
        include_str!("openpgp.rs"),
        include_str!("../../crates/crypto/tests/interop/openpgp.rs"),
        include_str!("../../crates/keyring/src/pgp/tests/good.rs"),
        include_str!("phone_content.rs"),
        include_str!("phone_policies.rs"),
        include_str!("phone_upstream.rs"),
        include_str!("smime.rs"),
        include_str!("smime_interop.rs"),
        include_str!("smime_revocation.rs"),
        include_str!("sogo_commands.rs")
    );
    let mut table = String::from(
        "# Who has sent mail to whom\n\nWritten by `tests/tests/interop.rs`; `SEALGATE_WRITE=1` writes it anew. Each line is seen by the test that it names, with the real servers.\n\n| sender | receiver | what | test |\n| --- | --- | --- | --- |\n",
    );
    for (sender, receiver, what, test) in SEEN {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
        table += &format!("| {sender} | {receiver} | {what} | `{test}` |\n");
    }
    table += "\nThe gateway takes BDAT and sends DATA: no next hop is known that takes one and not the other. How its TLS levels compare with Postfix's: [tls-levels.md](tls-levels.md).\n";
    table += "\n## Phones\n\n| mail server | client | what | test |\n| --- | --- | --- | --- |\n";
    for (server, client, what, test) in PHONES {
        assert!(test.ends_with(".rs") || tests.contains(&format!("fn {test}()")), "there is no test {test}");
        table += &format!("| {server} | {client} | {what} | `{test}` |\n");
    }
    table += "\n## S/MIME\n\n| maker | reader | what | test |\n| --- | --- | --- | --- |\n";
    for (maker, reader, what, test) in SMIME {
        assert!(test.ends_with(".rs") || tests.contains(&format!("fn {test}()")), "there is no test {test}");
        table += &format!("| {maker} | {reader} | {what} | `{test}` |\n");
    }
    table += "\n## OpenPGP\n\n| made by | read by | what | test |\n| --- | --- | --- | --- |\n";
    for (maker, reader, what, test) in OPENPGP {
        assert!(test.ends_with(".rs") || tests.contains(&format!("fn {test}()")), "there is no test {test}");
        table += &format!("| {maker} | {reader} | {what} | `{test}` |\n");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/interop.md");
    if std::env::var_os("SEALGATE_WRITE").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), table, "docs/interop.md is stale: run this test with SEALGATE_WRITE=1");
}
