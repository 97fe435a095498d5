//! Story: the owner of a managed phone reads an encrypted attachment in a browser, by keyboard alone; after the phone is blocked
//! nobody does. A real ActiveSync server says whose password is right.

use serde_json::{Value, json};
use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;
use testkit::{Browser, Gateway, wait};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";
const PAGE: &str = "https://127.0.0.1:9443/open";

/// Puts one mail with a text file into alice's empty Inbox.
const PUT: &str = r#"
import imaplib, time
from email.message import EmailMessage
from email.utils import formatdate
M = imaplib.IMAP4("127.0.0.1", 10143); M.login("alice", "alicepw"); M.select("INBOX")
if M.search(None, "ALL")[1][0]: M.store("1:*", "+FLAGS", "\\Deleted"); M.expunge()
m = EmailMessage(); m["From"] = "bob@example.test"; m["To"] = "alice@example.test"; m["Subject"] = "files"
m["Date"] = formatdate(); m["Message-ID"] = f"<{time.time()}@example.test>"; m.set_content("see the file\n")
m.add_attachment(b"CANARY-OF-THE-PLAN in the open", maintype="text", subtype="plain", filename="canary-plan.txt")
M.append("INBOX", "", imaplib.Time2Internaldate(time.time()), m.as_bytes())
"#;

/// The phone: fetches the only attachment, in base64.
const PHONE: &str = r#"
import sys, json; sys.path.insert(0, sys.argv[1])
from eas import *
e = EAS(sys.argv[2], "alice", "alicepw", dev="READER1", ver="14.1", timeout=60); e.provision(); st, h, x = e.foldersync()
inbox = [text(a, "FolderHierarchy:ServerId") for a in find(x, "FolderHierarchy:Add") if text(a, "FolderHierarchy:Type") == "2"][0]
e.sync(inbox); st, h, x = e.sync(inbox, body=(2, 2000), window=50)
a = find(x, "AirSyncBase:Attachment")[0]; st, h, f = e.fetch_att(text(a, "AirSyncBase:FileReference"))
print(json.dumps([text(a, "AirSyncBase:DisplayName"), text(f, "ItemOperations:Data", "")]))
"#;

const SITE: &str = r#"
[[mobile.policy]]
type = "attachments"
enabled = true
classes = { managed_reader = [{ types = "*", action = "encrypt" }] }

[[device]]
id = "reader1"
user = "alice"
managed = true
platform = "ios"
"#;

/// What the page must keep: a label at each input, one heading, nothing wider than the window, no script.
fn well_made(browser: &Browser, page: &str) {
    let wrong = browser.script(
        "const bad = [];
         for (const i of document.querySelectorAll('main input'))
           if (!i.labels.length || !i.labels[0].textContent.trim()) bad.push('no label: ' + i.name);
         if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1');
         if (document.documentElement.scrollWidth > window.innerWidth) bad.push('wider than the window');
         if (document.scripts.length) bad.push('a script');
         if (!document.documentElement.lang) bad.push('no language');
         return bad.join('; ');",
    );
    assert_eq!(wrong, "", "{page}");
}

/// Goes on with Tab until the element is reached.
fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..30 {
        if browser.script(&format!("return document.activeElement.matches({})", json!(selector))) == true {
            return;
        }
        browser.keys("\u{E004}");
    }
    panic!("{selector} can't be reached by keyboard");
}

fn fill(browser: &Browser, password: &str, file: &str) {
    browser.open(PAGE);
    tab_to(browser, "input[name=user]");
    browser.keys("alice\u{E004}");
    browser.keys(password);
    browser.type_into("input[name=file]", file);
    tab_to(browser, "button[type=submit]");
    browser.keys("\u{E007}");
}

fn said(browser: &Browser, what: &str) {
    let second = std::time::Duration::from_secs(20);
    wait::until(second, what, || browser.text("body").contains(what).then_some(()));
}

#[test]
fn g_21_sogo_the_owner_opens_an_attachment_in_a_browser_and_a_blocked_phones_stays_shut() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let gateway = Gateway::start("open", "[smtp]\nlisten = []\n");
        let room = gateway.room();
        assert!(run("python3", &[&room.write("put.py", PUT)], b"").ok);
        gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n{SITE}", sogo.url()));
        let answer = run("python3", &[&room.write("phone.py", PHONE), sogo.client().to_str().unwrap(), GATE], b"");
        assert!(answer.ok, "{}{}", answer.text(), answer.err);
        let got: Value = serde_json::from_str(answer.text().lines().last().unwrap_or_default()).unwrap();
        assert_eq!(got[0], "canary-plan.txt.sgenc");
        let octets = run("base64", &["-d", &room.write("file.b64", got[1].as_str().unwrap())], b"").out;
        assert!(octets.starts_with(b"SGat"));
        let file = room.write("canary-plan.txt.sgenc", &octets);

        let browser = Browser::start("de");
        browser.open(PAGE);
        well_made(&browser, "the form");
        assert!(browser.text("h1").contains("Anhang öffnen"), "{}", browser.text("body"));
        browser.screenshot("open");
        browser.click("footer a[lang=fr]");
        said(&browser, "Ouvrir une pièce jointe");
        fill(&browser, "wrong", &file);
        said(&browser, "Passwort ist falsch");
        well_made(&browser, "a refusal");
        assert_eq!(browser.script("return document.querySelector('[name=user]').value"), "alice", "what was typed stays");
        assert_eq!(browser.script("return document.querySelector('[name=password]').value"), "");
        browser.screenshot("open-refused");
        fill(&browser, "alicepw", &file);
        said(&browser, "CANARY-OF-THE-PLAN in the open");
        browser.screenshot("open-shown");
        let _ = gateway.event("attachment.opened", |event| event["device"] == "reader1" && event["user"] == "alice");
        wait::until(std::time::Duration::from_secs(20), "the opening in the console", || {
            let shown: Value = serde_json::from_str(&gateway.run(&["device", "show", "alice", "reader1", "--json"])).ok()?;
            (shown["last_command"] == "Open").then_some(())
        });
        let plain = room.write("plain.txt", "CANARY-OF-THE-PLAN");
        fill(&browser, "alicepw", &plain);
        said(&browser, "kein verschlüsselter Anhang");

        gateway.run(&["device", "edit", "alice", "reader1", "--override", "blacklist"]);
        fill(&browser, "alicepw", &file);
        said(&browser, "gesperrt oder nicht mit einem Leser");
        let _ = gateway.event("attachment.refused", |event| event["reason"] == "kept");
        let log = gateway.log_text();
        assert!(!log.contains("CANARY") && !log.contains("canary-plan") && !log.contains("alicepw"), "nothing of it is logged");
        let found = run("grep", &["-rlaE", "CANARY-OF|canary-plan", &room.file("data")], b"").text();
        assert_eq!(found, "", "nothing of it is kept");
    });
}
