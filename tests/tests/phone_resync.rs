//! Story: an administrator renews the key of a phone's attachments; the phone, beside a real ActiveSync server, syncs its mails
//! anew, also after the gate was killed in between, and old files still open.

use serde_json::{Value, json};
use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;
use testkit::{Gateway, Room};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";
const NODE: &str = "[smtp]\nlisten = []\n";

/// Puts one mail with a file into alice's empty Inbox.
const PUT: &str = r#"
import imaplib, time
from email.message import EmailMessage
from email.utils import formatdate
M = imaplib.IMAP4("127.0.0.1", 10143); M.login("alice", "alicepw"); M.select("INBOX")
if M.search(None, "ALL")[1][0]: M.store("1:*", "+FLAGS", "\\Deleted"); M.expunge()
m = EmailMessage(); m["From"] = "bob@example.test"; m["To"] = "alice@example.test"; m["Subject"] = "files"
m["Date"] = formatdate(); m["Message-ID"] = f"<{time.time()}@example.test>"; m.set_content("see the file\n")
m.add_attachment(b"%PDF-1.7\nTHE-DOCUMENT", maintype="application", subtype="pdf", filename="report.pdf")
M.append("INBOX", "", imaplib.Time2Internaldate(time.time()), m.as_bytes())
"#;

/// A phone that keeps its keys between runs, and begins with 0 where it is told to. Prints what it heard.
const PHONE: &str = r#"
import sys, json, base64, os; sys.path.insert(0, sys.argv[1])
from eas import *
url, memory = sys.argv[2], sys.argv[3]
known = json.load(open(memory)) if os.path.exists(memory) else {"folders": "0", "keys": {}, "ids": [], "pk": 0}
e = EAS(url, "alice", "alicepw", dev="RENEW1", ver="14.1", timeout=60); e.keys = known["keys"]; e.pk = known["pk"]
if not e.pk: e.provision()
heard = {"folders": [], "sync": [], "mails": [], "files": []}
def folders():
    for _ in range(3):
        st, h, x = e.foldersync(known["folders"]); status = text(x, "FolderHierarchy:Status"); heard["folders"].append(status)
        if status == "1":
            known["folders"] = text(x, "FolderHierarchy:SyncKey")
            known["ids"] += [text(a, "FolderHierarchy:ServerId") for a in find(x, "FolderHierarchy:Add") if text(a, "FolderHierarchy:Type") == "2"]
            return
        known["folders"] = "0"; known["ids"] = []
folders(); inbox = known["ids"][0]
for _ in range(6):
    st, h, x = e.sync(inbox, body=(2, 2000), window=50)
    if not isinstance(x, list): heard["sync"].append("empty"); break
    status = text(find(x, "AirSync:Collection")[0], "AirSync:Status"); heard["sync"].append(status)
    if status == "3": e.keys[inbox] = "0"; continue
    for add in find(x, "AirSync:Add"):
        heard["mails"].append(text(add, "Email:Subject"))
        for a in find(add, "AirSyncBase:Attachment"):
            st, h, f = e.fetch_att(text(a, "AirSyncBase:FileReference"))
            heard["files"].append([text(a, "AirSyncBase:DisplayName"), text(f, "ItemOperations:Data", "")])
    if heard["mails"]: break
known["keys"] = e.keys; known["pk"] = e.pk; json.dump(known, open(memory, "w")); print(json.dumps(heard))
"#;

const SITE: &str = r#"
[[mobile.policy]]
type = "attachments"
enabled = true
classes = { managed = [{ types = ["PDF"], action = "encrypt" }] }

[[device]]
id = "renew1"
user = "alice"
managed = true
platform = "windows"
"#;

fn phone(sogo: &Sogo, room: &Room) -> Value {
    let script = room.write("phone.py", PHONE);
    let answer = run("python3", &[&script, sogo.client().to_str().unwrap(), GATE, &room.file("memory.json")], b"");
    assert!(answer.ok, "{}{}", answer.text(), answer.err);
    serde_json::from_str(answer.text().lines().last().unwrap_or_default()).unwrap()
}

/// The only file that the phone got, as it lies on its disk.
fn sealed(room: &Room, heard: &Value, name: &str) -> (String, Vec<u8>) {
    let file = &heard["files"][0];
    assert_eq!(file[0], "report.pdf.sgenc", "{heard}");
    let text = room.write("file.b64", file[1].as_str().unwrap());
    let octets = run("base64", &["-d", &text], b"").out;
    (room.write(name, &octets), octets)
}

fn opens(gateway: &Gateway, path: &str) {
    let opened = gateway.command(&["mobile", "open", path]);
    assert_eq!(String::from_utf8_lossy(&opened.stdout), "%PDF-1.7\nTHE-DOCUMENT", "{}", String::from_utf8_lossy(&opened.stderr));
}

#[test]
fn g_25_a_8_sogo_a_renewed_key_reaches_the_phone_by_a_new_sync_and_old_files_open() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let gateway = Gateway::start("renew", NODE);
        let room = gateway.room();
        assert!(run("python3", &[&room.write("put.py", PUT)], b"").ok);
        gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n{SITE}", sogo.url()));
        let heard = phone(&sogo, &room);
        assert_eq!((&heard["folders"], &heard["mails"]), (&json!(["1"]), &json!(["files"])), "{heard}");
        let (first, octets) = sealed(&room, &heard, "first.sgenc");
        assert_eq!(octets[..8], *b"SGat\0\x01\0\0");
        let quiet = phone(&sogo, &room);
        assert_eq!((&quiet["folders"], &quiet["mails"]), (&json!(["1"]), &json!([])), "nothing new: {quiet}");

        let ordered: Value = serde_json::from_str(&gateway.run(&["device", "renew-key", "alice", "renew1", "--json"])).unwrap();
        assert_eq!(ordered, json!({ "count": 1 }));
        let room = gateway.kill();
        let gateway = Gateway::start_in(room.clone(), NODE, &[]);
        let heard = phone(&sogo, &room);
        assert_eq!(heard["folders"], json!(["9", "1"]), "{heard}");
        assert_eq!((&heard["sync"][0], &heard["mails"]), (&json!("3"), &json!(["files"])), "{heard}");
        let (second, octets) = sealed(&room, &heard, "second.sgenc");
        assert_eq!(octets[..8], *b"SGat\0\x02\0\0", "it says which key it is");
        opens(&gateway, &first);
        opens(&gateway, &second);
        let quiet = phone(&sogo, &room);
        assert_eq!((&quiet["folders"], &quiet["mails"]), (&json!(["1"]), &json!([])), "once: {quiet}");
        let room = gateway.kill();
        let gateway = Gateway::start_in(room.clone(), NODE, &[]);
        assert_eq!(phone(&sogo, &room)["folders"], json!(["1"]), "a restart changes nothing");

        gateway.run(&["device", "sync-again", "alice", "renew1"]);
        let heard = phone(&sogo, &room);
        assert_eq!((&heard["folders"], &heard["mails"]), (&json!(["9", "1"]), &json!(["files"])), "{heard}");
        gateway.run(&["device", "renew-key", "--all"]);
        let heard = phone(&sogo, &room);
        assert_eq!((&heard["folders"], &heard["mails"]), (&json!(["9", "1"]), &json!(["files"])), "{heard}");
        let (third, octets) = sealed(&room, &heard, "third.sgenc");
        assert_eq!(octets[8..16], 2_i64.to_be_bytes(), "a new data key of the site");
        for file in [&first, &second, &third] {
            opens(&gateway, file);
        }
        let shown: Value = serde_json::from_str(&gateway.run(&["device", "show", "alice", "renew1", "--json"])).unwrap();
        assert!(shown["key_renewed"].is_string() && shown["resync_ordered"].is_string(), "{shown}");
        let unknown = gateway.command(&["device", "sync-again", "alice", "nowhere"]);
        assert_eq!(unknown.status.code(), Some(1));
    });
}
