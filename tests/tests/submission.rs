//! Story: people sign in to send. Over STARTTLS and implicit TLS, by passwords of the site or of a real directory; who has signed in
//! sends as own addresses only; guessing leads nowhere; no password is ever shown (mail-gateway.md M-T1, M-T5).

use std::sync::Arc;

use sealgate_tests::scene::{NODE, company, partner, text};
use testkit::gateway::cli;
use testkit::net::isolated;
use testkit::slapd::{BASE, READER, READER_PASSWORD};
use testkit::tools::{Answer, Ca, must, swaks};
use testkit::{Gateway, Room, Slapd};

const LISTENERS: &str = r#"
[smtp]
submission = ["127.0.0.1:2587", "127.0.0.1:2465"]
implicit_tls = ["127.0.0.1:2465", "127.0.0.1:2466"]

[times]
smtp_sign_in = "200ms"
directory = "2s"
"#;

const MAIL: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
smart_host = "[127.0.0.20]:25"
retry_first = "1s"
retry_max = "2s"
"#;

const DOMAIN: &str = r#"
[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

const PASSWORD: &str = "correct horse battery";

const USERS: &str = r#"
[[user]]
address = "alice@company.example"
user_id = "alice"
password = "correct horse battery"
send_as = ["sales@company.example"]

[[user]]
address = "bob@company.example"
"#;

/// Somebody on the road sends to the partner: `swaks` from a network that has no rights.
fn sends(port: u16, from: &str, message_from: &str, more: &[&str]) -> Answer {
    let server = format!("127.0.0.1:{port}");
    let message = text(message_from, "bob@partner.example", &format!("by {port}"), "hello");
    let mut args = vec!["--local-interface", "127.0.0.99"];
    args.extend(more);
    swaks(&server, from, &["bob@partner.example"], &message, &args)
}

fn signed_in<'a>(tls: &'a str, how: &'a str, name: &'a str, password: &'a str) -> Vec<&'a str> {
    vec![tls, "--auth", how, "--auth-user", name, "--auth-password", password]
}

fn alice(port: u16, tls: &str, how: &str) -> Answer {
    sends(port, "alice@company.example", "alice@company.example", &signed_in(tls, how, "alice@company.example", PASSWORD))
}

#[test]
fn m_t1_auth_over_starttls_and_implicit_tls() {
    isolated(|| {
        let (_company, partner) = (company(), partner());
        let gateway = Gateway::start("submission", &format!("{NODE}{LISTENERS}"));
        gateway.apply(&format!("{MAIL}{DOMAIN}{USERS}"));
        let mut count = 0;
        for (port, tls) in [(2525, "--tls"), (2587, "--tls"), (2465, "--tls-on-connect"), (2466, "--tls-on-connect")] {
            for how in ["PLAIN", "LOGIN"] {
                let sent = alice(port, tls, how);
                assert!(sent.ok, "{port} {how}: {}{}", sent.text(), sent.err);
                count += 1;
            }
        }
        let mails = partner.wait_for("bob", count);
        assert!(String::from_utf8_lossy(&mails[0]).contains("ESMTPSA id "), "{}", String::from_utf8_lossy(&mails[0]));
        // By user id too.
        let by_id = sends(2587, "alice@company.example", "alice@company.example", &signed_in("--tls", "PLAIN", "alice", PASSWORD));
        assert!(by_id.ok, "{}", by_id.text());
        // In clear nothing is offered, and a port for people takes nothing without.
        let clear = sends(
            2587,
            "alice@company.example",
            "alice@company.example",
            &["--auth", "PLAIN", "--auth-user", "alice@company.example", "--auth-password", PASSWORD],
        );
        assert!(!clear.ok && !clear.text().contains("AUTH PLAIN LOGIN") && !clear.text().contains("235"), "{}", clear.text());
        for (port, tls) in [(2587, "--tls"), (2465, "--tls-on-connect")] {
            let nobody = sends(port, "alice@company.example", "alice@company.example", &[tls]);
            assert!(!nobody.ok && nobody.text().contains("530 5.7.0"), "{}", nobody.text());
        }
        // A network's right to relay is none on a port for people; elsewhere nobody relays without.
        let relay = sends(2466, "alice@company.example", "alice@company.example", &["--tls-on-connect"]);
        assert!(!relay.ok && relay.text().contains("550 5.7.1"), "{}", relay.text());
        drop(gateway);
    });
}

#[test]
fn m_t5_who_signed_in_sends_as_own_addresses_only() {
    isolated(|| {
        let (_company, partner) = (company(), partner());
        let gateway = Gateway::start("send-as", &format!("{NODE}{LISTENERS}"));
        gateway.apply(&format!("{}{DOMAIN}{USERS}", MAIL.replace("smart_host", "relay_networks = [\"127.0.0.99/32\"]\nsmart_host")));
        let login = signed_in("--tls", "PLAIN", "alice@company.example", PASSWORD);
        for (envelope, from, code) in [
            ("sales@company.example", "sales@company.example", ""),
            ("alice@company.example", "sales@company.example", ""),
            ("<>", "alice@company.example", ""),
            ("bob@company.example", "alice@company.example", "550 5.7.1"),
            ("alice@company.example", "bob@company.example", "550 5.7.1"),
            ("<>", "bob@company.example", "550 5.7.1"),
            ("alice@company.example", "alice@company.example>\r\nSender: <bob@company.example", "550 5.7.1"),
            ("alice@company.example", "alice@company.example>\r\nFrom: <bob@company.example", "55"),
            ("alice@company.example", "alice@company.example>, <bob@company.example", "550 5.7.1"),
            ("alice@company.example", "alice@company.example> <bob@company.example", "550 5.7.1"),
        ] {
            // The network itself may relay and speak for everybody; who has signed in may not.
            let sent = sends(2587, envelope, from, &login);
            assert_eq!(sent.ok, code.is_empty(), "{envelope} {from}: {}", sent.text());
            assert!(sent.text().contains(code), "{envelope} {from}: {}", sent.text());
        }
        let _ = partner.wait_for("bob", 3);
        assert_eq!(partner.mailbox("bob").len(), 3);
        // A leaver's session ends with the next mail, and there is no new one.
        gateway.apply(&format!("{MAIL}{DOMAIN}{}", USERS.replace("user_id = \"alice\"", "may_not_sign = true\nmay_not_encrypt = true")));
        let gone = alice(2587, "--tls", "PLAIN");
        assert!(!gone.ok && gone.text().contains("535 5.7.8"), "{}", gone.text());
    });
}

#[test]
fn x_16_guesses_have_one_answer_and_lead_nowhere() {
    isolated(|| {
        let gateway = Gateway::start("locked", &format!("{NODE}{LISTENERS}"));
        gateway.apply(&format!("{MAIL}{DOMAIN}{USERS}"));
        let answer = |name: &str, password: &str| {
            let tried = sends(2587, "alice@company.example", "alice@company.example", &signed_in("--tls", "PLAIN", name, password));
            assert!(!tried.ok, "{}", tried.text());
            tried.text().lines().find(|line| line.contains("535 ")).unwrap_or_else(|| panic!("{}", tried.text())).to_owned()
        };
        let wrong = answer("alice@company.example", "wrong-canary");
        assert_eq!(answer("nobody@company.example", "wrong-canary"), wrong);
        assert_eq!(answer("bob@company.example", "wrong-canary"), wrong, "an account without a password");
        for _ in 0..4 {
            assert_eq!(answer("alice@company.example", "wrong-canary"), wrong);
        }
        assert_eq!(answer("alice@company.example", PASSWORD), wrong, "locked: the right password has the same answer");
        let locked = gateway.event("smtp.sign_in_refused", |e| e["reason"] == "locked");
        assert_eq!(locked["account"], "alice@company.example");
        assert!(!gateway.log_text().contains("wrong-canary") && !gateway.log_text().contains(PASSWORD), "a password in the log");
    });
}

#[test]
fn x_22_passwords_are_kept_as_hashes_and_never_shown() {
    isolated(|| {
        let gateway = Gateway::start("hashes", &format!("{NODE}{LISTENERS}"));
        let site = format!(
            "{MAIL}auth = \"users\"\nauth_ldap = \"ldap://127.0.0.1:3890;{READER};directory-canary;{BASE};(mail=$user)\"\n{DOMAIN}{USERS}"
        );
        gateway.apply(&site);
        let file = gateway.room().write("again.toml", &site);
        let again = gateway.run(&["config", "apply", &file]);
        let exported = gateway.run(&["config", "export"]);
        for shown in [&again, &exported, &gateway.run(&["user", "list", "--json"]), &gateway.run(&["config", "diff", &file])] {
            for secret in [PASSWORD, "directory-canary", "argon2id"] {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
        assert!(!again.contains("secret/"), "applying the same again changes nothing: {again}");
        assert!(
            exported.contains("@secret(user/alice@company.example/password)") && exported.contains("@secret(mail/auth_ldap)"),
            "{exported}"
        );
        let file = gateway.room().write("exported.toml", &exported);
        let back = gateway.run(&["config", "apply", &file]);
        assert!(!back.contains("secret/"), "an export keeps what is stored: {back}");
        let sent = alice(2587, "--tls", "PLAIN");
        assert!(sent.ok, "{}", sent.text());
        // A name that nothing is stored under is refused.
        let unknown = gateway.room().write(
            "unknown.toml",
            "[[user]]\naddress = \"carol@company.example\"\npassword = \"@secret(user/carol@company.example/password)\"\n",
        );
        let refused = gateway.command(&["config", "apply", &unknown]);
        assert!(!refused.status.success(), "{}", String::from_utf8_lossy(&refused.stdout));
        let room = gateway.stop();
        let grep = |secret: &str| testkit::tools::run("grep", &["-rlF", secret, &room.file("data"), &room.file("gateway.log")], b"");
        for secret in [PASSWORD, "directory-canary"] {
            assert!(!grep(secret).ok, "{secret} lies in {}", grep(secret).text());
        }
        assert!(cli(&room, &["user", "list"]).status.success());
    });
}

fn directory_site(servers: &str, filter: &str) -> String {
    format!("{MAIL}auth = \"ldap\"\nauth_ldap = \"{servers};{READER};{READER_PASSWORD};{BASE};{filter}\"\n{DOMAIN}")
}

#[test]
fn m_t5_a_real_directory_checks_passwords() {
    isolated(|| {
        let (_company, partner) = (company(), partner());
        let people: [(&str, &[&str], &str); 2] = [
            ("alice", &["alice@company.example", "a.liddell@company.example"], "ldap password"),
            ("bob", &["bob@company.example"], "bob's password"),
        ];
        let mut slapd = Slapd::start("slapd", "127.0.0.30:3890", &people, None);
        let gateway = Gateway::start("directory", &format!("{NODE}{LISTENERS}"));
        // The first server is not there.
        gateway.apply(&directory_site("ldap://127.0.0.31:3890,ldap://127.0.0.30:3890", "(|(mail=$user)(uid=$user))"));
        let tries = |name: &str, password: &str, from: &str| sends(2587, from, from, &signed_in("--tls", "PLAIN", name, password));
        for (name, from) in [
            ("alice@company.example", "alice@company.example"),
            ("alice", "alice@company.example"),
            ("a.liddell@company.example", "a.liddell@company.example"),
        ] {
            let sent = tries(name, "ldap password", from);
            assert!(sent.ok, "{name}: {}{}\n{}", sent.text(), sent.err, slapd.log());
        }
        let _ = partner.wait_for("bob", 3);
        for (name, password) in [("alice", "bob's password"), ("nobody", "x")] {
            let tried = tries(name, password, "alice@company.example");
            assert!(!tried.ok && !tried.text().contains("235 "), "{name}: {}", tried.text());
        }
        let other = tries("bob", "bob's password", "alice@company.example");
        assert!(!other.ok && other.text().contains("550 5.7.1"), "{}", other.text());
        // X-10: what is typed never changes the filter.
        for name in ["*", "al*", "alice)(uid=*", "*)(|(uid=bob"] {
            let tried = tries(name, "ldap password", "alice@company.example");
            assert!(!tried.ok && tried.text().contains("535 5.7.8"), "{name}: {}", tried.text());
        }
        assert!(slapd.log().contains("(uid=\\2A)") || slapd.log().contains("(uid=\\2a)"), "{}", slapd.log());
        // Nobody answers: a temporary no, and nobody's guess.
        slapd.down();
        for _ in 0..6 {
            let away = tries("alice", "ldap password", "alice@company.example");
            assert!(!away.ok && away.text().contains("454 4.7.0"), "{}", away.text());
        }
        slapd.up();
        assert!(tries("alice", "ldap password", "alice@company.example").ok);
    });
}

#[test]
fn x_23_a_directory_under_tls_is_checked() {
    isolated(|| {
        let files = Room::new("ldaps-files");
        let ca = Ca::new(&files, "ca");
        let (key, request, ext, cert) =
            (files.file("ldap.key"), files.file("ldap.csr"), files.write("ext", "subjectAltName=IP:127.0.0.30\n"), files.file("ldap.crt"));
        let _ =
            must("openssl", &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ldap", "-keyout", &key, "-out", &request], b"");
        let _ = must(
            "openssl",
            &[
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                &ca.cert(),
                "-CAkey",
                &files.file("ca.key"),
                "-CAcreateserial",
                "-days",
                "5",
                "-extfile",
                &ext,
                "-out",
                &cert,
            ],
            b"",
        );
        let people: [(&str, &[&str], &str); 1] = [("alice", &["alice@company.example"], "ldap password")];
        let slapd = Slapd::start("slapd", "127.0.0.30:6360", &people, Some((&cert, &key)));
        let site = directory_site(&slapd.uri(), "(mail=$user)");
        let (_company, _partner) = (company(), partner());
        let trusting = Gateway::start_in(
            Arc::new(Room::new("trusting")),
            &format!("{NODE}{LISTENERS}"),
            &["env", &format!("SSL_CERT_FILE={}", ca.cert())],
        );
        trusting.apply(&site);
        let tries = || {
            sends(
                2587,
                "alice@company.example",
                "alice@company.example",
                &signed_in("--tls", "PLAIN", "alice@company.example", "ldap password"),
            )
        };
        let sent = tries();
        assert!(sent.ok, "{}{}\n{}", sent.text(), sent.err, trusting.log_text());
        drop(trusting);
        let doubting = Gateway::start("doubting", &format!("{NODE}{LISTENERS}"));
        doubting.apply(&site);
        let refused = tries();
        assert!(!refused.ok && refused.text().contains("454 4.7.0"), "{}", refused.text());
    });
}
