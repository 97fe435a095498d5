//! Story: a company's phones see what they may of a mail, with a real ActiveSync server and an independent client.
//!
//! SOGo keeps the mails; the client beside it (its own WBXML) asks the gate as four phones: one that no policy names, one that
//! nobody manages, a managed one with a browser, and one whose files are encrypted. What the first one gets is what SOGo says,
//! octet for octet.

use std::path::Path;

use serde_json::Value;
use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;
use testkit::{Gateway, Room};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";

/// Puts two mails into alice's empty Inbox: a link and two files; a classified one with a file.
const PUT: &str = r#"
import imaplib, sys, time
from email.message import EmailMessage
from email.utils import formatdate
def inbox(user):
    m = imaplib.IMAP4("127.0.0.1", 10143); m.login(user, user + "pw"); m.select("INBOX")
    # The server outlives one run; what other stories left is not looked at.
    if m.search(None, "ALL")[1][0]: m.store("1:*", "+FLAGS", "\\Deleted"); m.expunge()
    return m
inbox("bob"); M = inbox("alice")
def put(subject, build):
    m = EmailMessage(); m["From"] = "Bob <bob@example.test>"; m["To"] = "alice@example.test"; m["Subject"] = subject
    # Without a date the server would tell the time of each question.
    m["Date"] = formatdate(); m["Message-ID"] = f"<{time.time()}@example.test>"; build(m)
    M.append("INBOX", "", imaplib.Time2Internaldate(time.time()), m.as_bytes())
def files(m):
    m.set_content("See https://intra.example.test/plan and CANARY-TEXT.\n")
    m.add_alternative('<html><body><a href="https://intra.example.test/plan">CANARY-HTML</a></body></html>', subtype="html")
    m.add_attachment(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0CANARY-PROGRAM", maintype="application", subtype="octet-stream", filename="tool.bin")
    m.add_attachment(b"%PDF-1.7\nCANARY-DOCUMENT", maintype="application", subtype="pdf", filename="report.pdf")
put("files", files)
def secret(m):
    m.set_content("CANARY-SECRET\n"); m.add_attachment(b"CANARY-PLAN", maintype="text", subtype="csv", filename="plan.csv")
put("[Confidential] plans", secret)
"#;

/// One phone: everything that it gets of each mail, as JSON.
const PHONE: &str = r#"
import sys, json, base64; sys.path.insert(0, sys.argv[1])
from eas import *
url, dev, forward = sys.argv[2], sys.argv[3], sys.argv[4] == "forward"
e = EAS(url, "alice", "alicepw", dev=dev, ver="14.1", timeout=60); e.provision(); st, h, x = e.foldersync()
inbox = [text(a, "FolderHierarchy:ServerId") for a in find(x, "FolderHierarchy:Add") if text(a, "FolderHierarchy:Type") == "2"][0]
e.sync(inbox); st, h, x = e.sync(inbox, body=(2, 200000), window=50)
out = []
def data(v): return v.decode("latin-1") if isinstance(v, bytes) else v
def whole(v): return data(base64.b64decode(v))
for add in find(x, "AirSync:Add"):
    sid = text(add, "AirSync:ServerId")
    mail = {"subject": text(add, "Email:Subject"), "body": data(text(add, "AirSyncBase:Data", "")), "files": []}
    st, h, m = e.fetch_item(inbox, sid, 4); mail["mime"] = data(text(m, "AirSyncBase:Data", "") or text(m, "ItemOperations:Data", ""))
    for a in find(add, "AirSyncBase:Attachment"):
        ref = text(a, "AirSyncBase:FileReference")
        st, h, f = e.fetch_att(ref); got = text(f, "ItemOperations:Data", "")
        st, h, p = e.fetch_att(ref, multipart=True); parts = split_multipart(p) if isinstance(p, bytes) else []
        st, h, g = e.post("GetAttachment", AttachmentName=ref)
        mail["files"].append({"name": text(a, "AirSyncBase:DisplayName"), "reference": ref, "data": whole(got), "type": text(f, "AirSyncBase:ContentType"),
            "again": text(f, "AirSyncBase:FileReference"), "part": data(parts[-1]) if parts else None, "plain": data(g) if isinstance(g, bytes) else None})
    if forward:
        mime = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: Fwd\r\n\r\nsee xs://intra.example.test/plan\r\n"
        st, h, r = e.post("SmartForward", ["ComposeMail:SmartForward", ["ComposeMail:ClientId", "c" + sid], ["ComposeMail:Source", ["ComposeMail:FolderId", inbox], ["ComposeMail:ItemId", sid]], ["ComposeMail:Mime", mime]])
        mail["forward"] = [st, text(r, "ComposeMail:Status") if isinstance(r, list) else None]
    out.append(mail)
print(json.dumps(out))
"#;

/// All that bob got.
const READ: &str = r#"
import imaplib
M = imaplib.IMAP4("127.0.0.1", 10143); M.login("bob", "bobpw"); M.select("INBOX")
for n in M.search(None, "ALL")[1][0].split(): print(M.fetch(n, "(RFC822)")[1][0][1].decode("latin-1"))
"#;

const SITE: &str = r#"
[[mobile.policy]]
type = "attachments"
enabled = true
classes = { unmanaged = [{ types = ["EXE"], action = "block", text = "No programs." }], managed = [{ types = ["PDF"], action = "encrypt" }] }

[[mobile.policy]]
type = "classification"
enabled = true
labels = ["tags"]
rows = [{ tag = "Confidential", action = "block", template = "Ask the office." }]

[[mobile.policy]]
type = "hyperlinks"
enabled = true
schemes = [{ profile = "browser", http = "x", https = "xs" }]

[[device]]
id = "plain1"
user = "alice"
managed = true
platform = "ios"

[[device]]
id = "strange1"
user = "alice"
labels = ["tags"]

[[device]]
id = "browser1"
user = "alice"
managed = true
platform = "ios"
labels = ["browser"]

[[device]]
id = "sealed1"
user = "alice"
managed = true
platform = "windows"
"#;

fn phone(sogo: &Sogo, room: &Room, url: &str, device: &str, word: &str) -> Vec<Value> {
    let script = room.write("phone.py", PHONE);
    let answer = run("python3", &[&script, sogo.client().to_str().unwrap(), url, device, word], b"");
    assert!(answer.ok, "{device}: {}{}", answer.text(), answer.err);
    let mut mails: Vec<Value> = serde_json::from_str(answer.text().lines().last().unwrap_or_default()).unwrap();
    mails.sort_by_key(|mail| mail["subject"].to_string());
    mails
}

fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Files in the folder that hold one of the words.
fn kept(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(kept(&path, words));
        } else if let Ok(octets) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&octets);
            found.extend(words.iter().filter(|word| text.contains(**word)).map(|word| format!("{}: {word}", path.display())));
        }
    }
    found
}

fn file<'m>(mail: &'m Value, name: &str) -> &'m Value {
    let files = mail["files"].as_array().unwrap();
    files.iter().find(|file| file["name"] == name).unwrap_or_else(|| panic!("no {name} in {files:?}"))
}

#[test]
fn g_21_g_22_g_23_phones_see_what_they_may_of_mails_in_sogo() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let gateway = Gateway::start("content", "[smtp]\nlisten = []\n");
        let room = gateway.room();
        assert!(run("python3", &[&room.write("put.py", PUT)], b"").ok);
        gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n{SITE}", sogo.url()));
        let direct = phone(&sogo, &room, &format!("{}/Microsoft-Server-ActiveSync", sogo.url()), "direct1", "");
        let [secret, files] = &direct[..] else { panic!("{} mails", direct.len()) };
        assert!(files["subject"] == "files" && secret["subject"] == "[Confidential] plans");
        assert_eq!(phone(&sogo, &room, GATE, "plain1", ""), direct, "no policy is for it");

        let [secret, files] = &phone(&sogo, &room, GATE, "strange1", "forward")[..] else { panic!() };
        assert_eq!((said(&secret["body"]), secret["files"].as_array().unwrap().len()), ("Ask the office.", 0), "g_23");
        assert!(said(&secret["mime"]).contains("Ask the office.") && !said(&secret["mime"]).contains("CANARY"));
        let tool = file(files, "tool.bin");
        assert_eq!(said(&tool["data"]), "No programs.", "judged by what is in it: {tool}");
        assert_eq!((said(&tool["part"]), said(&tool["plain"])), ("No programs.", "No programs."));
        assert_eq!(tool["again"], tool["reference"], "the phone knows its own reference again");
        assert!(tool["reference"].as_str().unwrap().len() <= 255);
        assert!(said(&file(files, "report.pdf")["data"]).contains("CANARY-DOCUMENT"));
        assert!(!said(&files["mime"]).contains("f0VMRg") && said(&files["mime"]).contains("tool.bin.txt"));
        assert_eq!((secret["forward"][1].as_str(), files["forward"][1].as_str()), (Some("117"), Some("117")), "nothing is carried out");

        let [secret, files] = &phone(&sogo, &room, GATE, "browser1", "forward")[..] else { panic!() };
        assert!(said(&files["body"]).contains("href=\"xs://intra.example.test/plan\""), "{}", files["body"]);
        assert!(said(&files["mime"]).contains("See xs://intra.example.test/plan"));
        assert!(said(&secret["body"]).contains("CANARY-SECRET"));
        assert_eq!((&files["forward"][0], &files["forward"][1]), (&Value::from(200), &Value::Null));
        let sent = run("python3", &[&room.write("read.py", READ)], b"").text();
        assert!(sent.contains("see https://intra.example.test/plan") && !sent.contains("see xs://"), "links are what they were");

        let [_, files] = &phone(&sogo, &room, GATE, "sealed1", "")[..] else { panic!() };
        let sealed = file(files, "report.pdf.sgenc");
        let octets: Vec<u8> = said(&sealed["data"]).chars().map(|c| u8::try_from(c).unwrap()).collect();
        assert!(octets.starts_with(b"SGat") && !said(&sealed["data"]).contains("CANARY"));
        let path = room.write("report.pdf.sgenc", &octets);
        let opened = gateway.command(&["mobile", "open", &path]);
        assert_eq!(String::from_utf8_lossy(&opened.stdout), "%PDF-1.7\nCANARY-DOCUMENT", "{}", String::from_utf8_lossy(&opened.stderr));
        gateway.apply(&SITE.replace("id = \"sealed1\"\nuser = \"alice\"\nmanaged = true", "id = \"sealed1\"\nuser = \"alice\""));
        let refused = gateway.command(&["mobile", "open", &path]);
        assert!(refused.status.code() == Some(1) && refused.stdout.is_empty(), "nobody manages it any more");
        let words = ["CANARY", "[Confidential]", "No programs", "intra.example.test"];
        let said: Vec<_> = words.iter().filter(|word| gateway.log_text().contains(**word)).collect();
        assert!(said.is_empty(), "the gate keeps no content: {said:?}");
        assert_eq!(kept(&room.path().join("data"), &words[..1]), Vec::<String>::new());
    });
}
