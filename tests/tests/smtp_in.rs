//! Story: the odd corners of the server's side, with swaks and a client that holds each octet: chunks, SMTPUTF8, DSN parameters,
//! balancers and filters in front, client certificates and tenants, and a code for each limit (M-T1, M-T5, M-T6).

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, NODE, SITE, company, header, partner, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::tools::{Answer, Ca, must, swaks};
use testkit::{Gateway, Room};

#[test]
fn m_t1_chunks_go_through_as_they_came() {
    isolated(|| {
        let scene = Scene::start("");
        let mut client = Client::connect(GATE, "127.0.0.99").unwrap();
        assert!(client.say("EHLO client.example").unwrap().contains("CHUNKING"));
        let mail = text("eve@elsewhere.example", "alice@company.example", "Chunks", "line one\r\n.\r\n..\r\nline four");
        client.send(b"MAIL FROM:<eve@elsewhere.example>\r\nRCPT TO:<alice@company.example>\r\n").unwrap();
        for piece in mail.as_bytes().chunks(100) {
            client.send(&[format!("BDAT {}\r\n", piece.len()).as_bytes(), piece].concat()).unwrap();
        }
        client.send(b"BDAT 0 LAST\r\n").unwrap();
        let replies: Vec<String> = (0..mail.len().div_ceil(100) + 3).map(|_| client.reply().unwrap()).collect();
        assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
        let got = scene.company.wait_for("alice", 1).remove(0);
        let body = String::from_utf8_lossy(&got).replace("\r\n", "\n");
        assert!(body.ends_with("\n\nline one\n.\n..\nline four\n"), "{body}");
    });
}

#[test]
fn m_t1_dsn_parameters_are_carried() {
    isolated(|| {
        let scene = Scene::start("");
        let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
        assert!(client.say("EHLO company.example").unwrap().contains("250-DSN\r\n"));
        client.say("MAIL FROM:<alice@company.example> RET=HDRS ENVID=QQ+2B314").unwrap();
        // The partner's server has no such mailbox, and says so at RCPT.
        client.say("RCPT TO:<nobody@partner.example> NOTIFY=FAILURE ORCPT=rfc822;First+2BName@partner.example").unwrap();
        client.say("DATA").unwrap();
        client.send(text("alice@company.example", "nobody@partner.example", "Report", "the body").as_bytes()).unwrap();
        client.send(b".\r\n").unwrap();
        assert!(client.reply().unwrap().starts_with("250"));
        let report = scene.company.wait_for("alice", 1).remove(0);
        let shown = String::from_utf8_lossy(&report).into_owned();
        assert!(shown.contains("Original-Envelope-Id: QQ+314"), "{shown}");
        assert!(shown.contains("First+Name@partner.example"), "{shown}");
    });
}

#[test]
fn m_t1_smtputf8_is_taken_where_it_is_asked_for() {
    isolated(|| {
        let scene = Scene::start("");
        let mut client = Client::connect(GATE, "127.0.0.99").unwrap();
        assert!(client.say("EHLO client.example").unwrap().contains("SMTPUTF8"));
        assert!(client.say("MAIL FROM:<j\u{f6}rg@elsewhere.example>").unwrap().starts_with("553 5.6.7"));
        assert!(client.say("MAIL FROM:<eve@elsewhere.example> SMTPUTF8").unwrap().starts_with("250"));
        assert!(client.say("RCPT TO:<alice@company.example>").unwrap().starts_with("250"));
        client.say("DATA").unwrap();
        client.send(text("eve@elsewhere.example", "alice@company.example", "Gr\u{fc}\u{df}e", "hello").as_bytes()).unwrap();
        client.send(b".\r\n").unwrap();
        assert!(client.reply().unwrap().starts_with("250"));
        let got = scene.company.wait_for("alice", 1).remove(0);
        let shown = String::from_utf8_lossy(&got).into_owned();
        assert!(shown.contains("UTF8SMTP id ") && shown.contains("Subject: Gr\u{fc}\u{df}e"), "{shown}");
    });
}

fn to_alice(more: &[&str]) -> Answer {
    swaks(
        GATE,
        "eve@elsewhere.example",
        &["alice@company.example"],
        &text("eve@elsewhere.example", "alice@company.example", "Hi", "x"),
        more,
    )
}

fn to_bob(more: &[&str]) -> Answer {
    swaks(GATE, "alice@company.example", &["bob@partner.example"], &text("alice@company.example", "bob@partner.example", "Hi", "x"), more)
}

const PROXY: [&str; 12] = [
    "--proxy-version",
    "2",
    "--proxy-family",
    "AF_INET",
    "--proxy-protocol",
    "STREAM",
    "--proxy-source-port",
    "1234",
    "--proxy-dest",
    "127.0.0.1",
    "--proxy-dest-port",
    "25",
];

fn proxied<'a>(from: &'a str, source: &'a str) -> Vec<&'a str> {
    [&["--local-interface", from, "--proxy-source", source][..], &PROXY].concat()
}

#[test]
fn x_20_only_listed_balancers_speak_for_clients() {
    isolated(|| {
        let (company, partner) = (company(), partner());
        let gateway = Gateway::start("proxy", &format!("{NODE}[smtp]\nproxy_protocol_from = [\"127.0.0.40/32\"]\n"));
        gateway.apply(SITE);
        // The client behind the balancer counts: the company's server may relay, a stranger not, whatever the balancer's address is.
        assert!(to_bob(&proxied("127.0.0.40", "127.0.0.10")).ok);
        let got = partner.wait_for("bob", 1).remove(0);
        assert!(header(&got, "received").contains("by gate.company.example") || String::from_utf8_lossy(&got).contains("([127.0.0.10])"));
        let stranger = to_bob(&proxied("127.0.0.40", "203.0.113.9"));
        assert!(!stranger.ok && stranger.text().contains("550 5.7.1"), "{}", stranger.text());
        assert!(to_alice(&proxied("127.0.0.40", "203.0.113.9")).ok);
        let got = company.wait_for("alice", 1).remove(0);
        assert!(String::from_utf8_lossy(&got).contains("([203.0.113.9])"), "{}", String::from_utf8_lossy(&got));
        // From everybody else it is an error, and no mail comes of it.
        for from in ["127.0.0.99", "127.0.0.10"] {
            let forged = to_bob(&proxied(from, "127.0.0.10"));
            assert!(!forged.ok, "{from}: {}", forged.text());
        }
        // A listed balancer without the header, with version 1, with nonsense: closed without a word.
        for first in [
            &b"EHLO balancer.example\r\n"[..],
            b"PROXY TCP4 127.0.0.10 127.0.0.1 1234 25\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
            b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0",
        ] {
            assert!(silent("127.0.0.40", first), "{}", first.escape_ascii());
        }
        let _ = gateway.events("smtp.turned_away", 4, |e| e["peer"] == "127.0.0.40");
        assert_eq!(partner.mailbox("bob").len(), 1);
    });
}

/// Sends these octets and says whether the gateway closed without an answer.
fn silent(from: &str, octets: &[u8]) -> bool {
    use std::io::{Read, Write};
    let mut stream = sealgate_tests::smtp::dial(GATE.parse().unwrap(), from.parse().unwrap()).unwrap();
    stream.write_all(octets).unwrap();
    // What is too short is known to be when the client has nothing more to say.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer.is_empty()
}

#[test]
fn x_20_only_listed_filters_speak_for_clients() {
    isolated(|| {
        let (_company, partner) = (company(), partner());
        let gateway = Gateway::start("xclient", &format!("{NODE}[smtp]\nxclient_from = [\"127.0.0.40/32\"]\n"));
        gateway.apply(&format!("{SITE}[[user]]\naddress = \"alice@company.example\"\n"));
        let filter = |more: &[&str]| to_bob(&[&["--local-interface", "127.0.0.40"][..], more].concat());
        let company = filter(&["--xclient-addr", "127.0.0.10", "--xclient-helo", "mail.company.example", "--xclient-proto", "ESMTP"]);
        assert!(company.ok && company.text().contains("XCLIENT NAME ADDR PORT PROTO HELO LOGIN"), "{}", company.text());
        let got = partner.wait_for("bob", 1).remove(0);
        assert!(String::from_utf8_lossy(&got).contains("([127.0.0.10])"), "{}", String::from_utf8_lossy(&got));
        assert!(filter(&["--xclient-addr", "203.0.113.9", "--xclient-login", "alice@company.example"]).ok, "signed in at the filter");
        let stranger = filter(&["--xclient-addr", "203.0.113.9"]);
        assert!(!stranger.ok && stranger.text().contains("550 5.7.1"), "{}", stranger.text());
        let mut forged = Client::connect(GATE, "127.0.0.99").unwrap();
        assert!(!forged.say("EHLO filter.example").unwrap().contains("XCLIENT"));
        assert!(forged.say("XCLIENT ADDR=127.0.0.10").unwrap().starts_with("550 5.7.0"));
        let refused = forged.mail("alice@company.example", &["bob@partner.example"], b"Subject: x\r\n\r\nx\r\n").unwrap();
        assert!(refused.starts_with("550 5.7.1"), "{refused}");
        let _ = partner.wait_for("bob", 2);
        assert_eq!(partner.mailbox("bob").len(), 2);
    });
}

#[test]
fn m_t5_a_shared_network_shows_a_certificate_or_a_tenant() {
    isolated(|| {
        let (_company, partner) = (company(), partner());
        let gateway = Gateway::start("cloud", NODE);
        let files = Room::new("cloud-files");
        let ca = Ca::new(&files, "ca");
        let chain = |name: &str, host: &str| {
            let (key, request, cert) =
                (files.file(&format!("{name}.key")), files.file(&format!("{name}.csr")), files.file(&format!("{name}.crt")));
            let ext = files.write(&format!("{name}.ext"), format!("subjectAltName=DNS:{host}\n"));
            let _ = must(
                "openssl",
                &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", &key, "-out", &request],
                b"",
            );
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
            (cert, key)
        };
        gateway.apply(&format!(
            "{SITE}[[mail.source]]\nnetwork = \"127.0.0.50/32\"\ntls_name = \"out.cloud.example\"\n[[mail.source]]\nnetwork = \"127.0.0.51/32\"\ntenant_header = \"X-Tenant-Id: 42\"\n"
        ));
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
        let (good, other) = (chain("good", "out.cloud.example"), chain("other", "elsewhere.cloud.example"));
        let by = |from: &str, more: &[&str]| to_bob(&[&["--local-interface", from][..], more].concat());
        let with = |cert: &(String, String)| by("127.0.0.50", &["--tls", "--tls-cert", &cert.0, "--tls-key", &cert.1]);
        assert!(with(&good).ok, "{}", with(&good).text());
        for refused in [
            with(&other),
            by("127.0.0.50", &["--tls"]),
            by("127.0.0.50", &[]),
            by("127.0.0.99", &["--tls", "--tls-cert", &good.0, "--tls-key", &good.1]),
        ] {
            assert!(!refused.ok && refused.text().contains("550 5.7.1"), "{}", refused.text());
        }
        let tenant = |line: &str| {
            let message = text("alice@company.example", "bob@partner.example", "Tenant", "x");
            swaks(
                GATE,
                "alice@company.example",
                &["bob@partner.example"],
                &format!("{line}{message}"),
                &["--local-interface", "127.0.0.51"],
            )
        };
        assert!(tenant("X-Tenant-Id: 42\r\n").ok);
        for line in ["", "X-Tenant-Id: 43\r\n", "X-Tenant-Id: 42\r\nX-Tenant-Id: 43\r\n"] {
            let refused = tenant(line);
            assert!(!refused.ok && refused.text().contains("550 5.7.1"), "{line:?}: {}", refused.text());
        }
        let _ = partner.wait_for("bob", 2);
        assert_eq!(partner.mailbox("bob").len(), 2);
    });
}

/// Header of a multipart.
fn multipart(boundary: &str) -> String {
    format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n")
}

#[test]
fn m_t6_each_limit_has_its_code() {
    isolated(|| {
        let company = company();
        let gateway =
            Gateway::start("limits", &format!("{NODE}[limits]\nsessions_per_peer = 3\nrate_per_peer = 30\n[times]\nsmtp_idle = \"1s\"\n"));
        gateway.apply(&SITE.replace("[mail]\n", "[mail]\nmax_message_size = \"400kB\"\nmax_recipients = 2\n"));
        let greeted = |from: &str| {
            let mut client = Client::connect(GATE, from).unwrap();
            client.say("EHLO client.example").unwrap();
            client
        };
        let sent = |head: &str| {
            let mut client = greeted("127.0.0.99");
            client.mail("eve@elsewhere.example", &["alice@company.example"], format!("{head}Subject: x\r\n\r\nx\r\n").as_bytes()).unwrap()
        };
        for (head, code) in [
            ("X: y\r\n".repeat(1_001), "554 5.6.0"),
            (format!("X: {}\r\n", "y".repeat(60_000)).repeat(5), "554 5.6.0"),
            ("Received: by x\r\n".repeat(51), "554 5.4.6"),
            ("Received: by x\r\n".repeat(40), "250"),
            (format!("\r\n{}\r\n", "x".repeat(70_000)), "554 5.6.0"),
            (format!("{}{}--b--\r\n", multipart("b"), "--b\r\n\r\nx\r\n".repeat(1_001)), "554 5.6.0"),
            (format!("{}x\r\n", (0..51).map(|n| format!("{}--b{n}\r\n", multipart(&format!("b{n}")))).collect::<String>()), "554 5.6.0"),
            (format!("\r\n{}", "x\r\n".repeat(150_000)), "552 5.3.4"),
        ] {
            let reply = sent(&head);
            assert!(reply.starts_with(code), "{}…: {reply}", &head[..40.min(head.len())]);
        }
        let mut client = greeted("127.0.0.98");
        assert!(client.say("MAIL FROM:<eve@elsewhere.example> SIZE=400001").unwrap().starts_with("552 5.3.4"));
        client.say("MAIL FROM:<eve@elsewhere.example>").unwrap();
        for code in ["250", "250", "452 4.5.3"] {
            assert!(client.say("RCPT TO:<alice@company.example>").unwrap().starts_with(code), "{code}");
        }
        let mut client = greeted("127.0.0.98");
        let replies: Vec<String> = (0..10).map(|_| client.say("FROB").unwrap()).collect();
        assert!(replies[..9].iter().all(|reply| reply.starts_with("500 5.5.1")) && replies[9].starts_with("421 4.7.0"), "{replies:?}");
        // Silence.
        assert!(greeted("127.0.0.98").rest().unwrap().starts_with("421 4.4.2"));
        // Sessions at once, then connections in a minute.
        let open: Vec<Client> = (0..3).map(|_| greeted("127.0.0.97")).collect();
        let fourth = sealgate_tests::smtp::first_line(GATE, "127.0.0.97").unwrap();
        assert!(fourth.starts_with("421 4.7.0"), "{fourth}");
        drop(open);
        let lines: Vec<String> = (0..40).map(|_| sealgate_tests::smtp::first_line(GATE, "127.0.0.96").unwrap()).collect();
        assert!(lines[0].starts_with("220") && lines[39].starts_with("421 4.7.0 You connect too often"), "{lines:?}");
        // The company's own server is exempt from both.
        let ours: Vec<Client> = (0..40).map(|_| greeted("127.0.0.10")).collect();
        drop(ours);
        let _ = company.wait_for("alice", 1);
    });
}
