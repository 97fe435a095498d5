//! Story: mail that nobody's rules touch leaves as it came, octet by octet, but for our own fields on top.
//!
//! Sends every mail of the test material (`testdata/mime`) with CR LF line ends through the real binary to a server that
//! keeps octets. What is refused is counted by the gateway's own words: a bare CR in a line (mixed line ends), a NUL, and
//! what two programs would read in two ways (X-9).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealgate_tests::scene::{GATE, NODE};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{Gateway, Room, Sink};

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
smart_host = "[127.0.0.30]:25"

[[domain]]
name = "company.example"
forward = "[127.0.0.30]:25"
"#;

fn material(folder: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEALGATE_MATERIAL").map(PathBuf::from);
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")).join("testdata").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs the test material; {} is missing", path.display());
    println!("skipped: {} is missing", path.display());
    None
}

/// The mails: what mail readers' test suites call so.
fn mails(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            mails(&path, found);
        } else if name.ends_with(".msg") || name.ends_with(".eml") || (name.starts_with("msg_") && name.ends_with(".txt")) {
            found.push(path);
        }
    }
}

/// Every line end as CR LF, nothing else changed; the last line ended, as SMTP has no other.
fn crlf(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 20);
    let mut last = 0;
    for byte in content {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    if !out.ends_with(b"\r\n") {
        out.extend(b"\r\n");
    }
    out
}

/// Is this nothing but whole fields of ours? Gives their names.
fn own_fields(top: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(top).ok()?;
    let mut names = Vec::new();
    for line in text.split_terminator("\r\n") {
        if !line.starts_with([' ', '\t']) {
            names.push(line.split_once(':')?.0.to_owned());
        }
    }
    let ours = |name: &String| ["Received", "Authentication-Results"].contains(&name.as_str()) || name.starts_with("X-Sealgate-");
    (top.is_empty() || top.ends_with(b"\r\n")).then_some(names).filter(|names| names.iter().all(ours))
}

#[test]
fn m_r4_interop_what_no_rule_touches_keeps_every_octet() {
    let Some(folder) = material("mime") else { return };
    let mut paths = Vec::new();
    mails(&folder, &mut paths);
    assert!(paths.len() > 120, "only {} mails", paths.len());
    isolated(move || {
        let sink = Sink::start("127.0.0.30:25");
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(SITE);
        let room = Room::new("files");
        gateway.run(&["rules", "apply", &room.write("own.rules", "deliver();\n")]);
        // From outside to the company: all our fields are put on top. From the company to outside: the Received line only.
        for (client, from, to) in
            [("127.0.0.99", "bob@partner.example", "alice@company.example"), ("127.0.0.10", "alice@company.example", "bob@partner.example")]
        {
            one_way((&sink, &gateway), &paths, &folder, (client, from, to));
        }
    });
}

fn one_way((sink, gateway): (&Sink, &Gateway), paths: &[PathBuf], folder: &Path, (client, from, to): (&str, &str, &str)) {
    let (mut passed, mut refused, mut changed) = (0, BTreeMap::<String, Vec<String>>::new(), Vec::new());
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let content = crlf(&std::fs::read(path).unwrap());
        let before = sink.count();
        let mut session = Client::connect(GATE, client).unwrap();
        session.say("EHLO sender.example").unwrap();
        let reply = session.mail(from, &[to], &content).unwrap();
        // The reply is known to have come: two mails of the material that are the same are two mails.
        session.say("QUIT").unwrap();
        if !reply.starts_with("250") {
            refused.entry(reply.lines().next().unwrap_or_default().chars().take(70).collect()).or_default().push(name);
            continue;
        }
        let Some(mut all) = sink.wait_at_most(before + 1, Duration::from_secs(10)) else {
            let log = gateway.log_text();
            changed.push(format!("{name}: accepted and not sent on: {}", log.lines().rev().take(3).collect::<Vec<_>>().join("\n")));
            continue;
        };
        let kept = all.remove(before).content;
        // Of what our own people send, the fields of blind recipients are taken away.
        let content = if client == "127.0.0.10" { without_blind(&content) } else { content };
        match kept.strip_suffix(content.as_slice()).map(own_fields) {
            Some(Some(_)) => passed += 1,
            Some(None) => changed.push(format!("{name}: something else stands on top")),
            None => changed.push(format!("{name}: not the same octets from {:?}", first_difference(&kept, &content))),
        }
    }
    println!("{from} to {to}: {passed} of {} passed unchanged", paths.len());
    for (why, names) in &refused {
        println!("  {} refused, {why}: {}", names.len(), names.join(" "));
    }
    println!("{}", changed.join("\n"));
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    assert!(passed >= 100, "only {passed} passed");
}

/// The mail without Bcc and Resent-Bcc, and the lines that belong to them.
fn without_blind(content: &[u8]) -> Vec<u8> {
    let (mut out, mut blind, mut header) = (Vec::with_capacity(content.len()), false, true);
    for line in content.split_inclusive(|octet| *octet == b'\n') {
        header &= line != b"\r\n";
        let lower = line.to_ascii_lowercase();
        blind = header
            && if line.starts_with(b" ") || line.starts_with(b"\t") {
                blind
            } else {
                lower.starts_with(b"bcc:") || lower.starts_with(b"resent-bcc:")
            };
        if !blind {
            out.extend(line);
        }
    }
    out
}

/// Where the common end of both begins, in the mail as it was sent.
fn first_difference(kept: &[u8], sent: &[u8]) -> (usize, String) {
    let same = kept.iter().rev().zip(sent.iter().rev()).take_while(|(a, b)| a == b).count();
    let at = sent.len() - same;
    let around = |bytes: &[u8], end: usize| String::from_utf8_lossy(&bytes[end.saturating_sub(60)..end]).into_owned();
    (at, format!("sent …{:?}, kept …{:?}", around(sent, at), around(kept, kept.len() - same)))
}
