//! Story: every command at every version that SOGo speaks, by two clients that are not ours, with and without the gate between: what a
//! phone hears is the same, SOGo's own refusals too.

use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::{Answer, run};
use testkit::{Gateway, Room};

/// Runs through all commands with the client beside SOGo.
const EVERY: &str = include_str!("../src/every.py");
/// The same with the client from PyPI.
const LIBRARY: &str = include_str!("../src/library.py");

/// Gives each user a folder `Story` of the same mails and no other folder of their own: what other stories left in the inboxes is
/// nobody's affair here. A phone at 14.1 opens it first: of a folder that no phone has opened SOGo tells one at 2.5 or 16.1 nothing, for ever.
const FOLDERS: &str = r#"import imaplib, subprocess, sys
client, url, *users = sys.argv[1:]
sys.path.insert(0, client)
from eas import EAS, find, text
for user in users:
    subprocess.run(["python3", client + "/putmail.py", user], check=True)
    box = imaplib.IMAP4("127.0.0.1", 10143)
    box.login(user, user + "pw")
    for line in box.list()[1]:
        folder = line.decode().rsplit(" ", 1)[1].strip('"')
        if folder not in ("INBOX", "Drafts", "Sent", "Trash", "Junk", "Templates"):
            box.delete(folder)
    box.create("Story")
    box.select("INBOX")
    for subject in ("Plain text", "With attachment", "Inline image", "Attached message", "Large body"):
        # The newest of this name: other stories' mails may come in between.
        found = box.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
        assert box.copy(found[-1], "Story")[0] == "OK"
    box.logout()
    phone = EAS(url, user, user + "pw", dev="OPENER")
    adds = find(phone.foldersync()[2], "FolderHierarchy:Add")
    story = next(text(add, "FolderHierarchy:ServerId") for add in adds if text(add, "FolderHierarchy:DisplayName") == "Story")
    seen = [len(find(phone.sync(story)[2], "AirSync:Add")) for _ in range(2)]
    assert seen == [0, 5], seen
"#;

/// What SOGo 5.8 itself refuses, by version; it has neither GetHierarchy nor, below 14.0, these forms of replies and forwards.
const REFUSED: [(&str, &[(&str, i64)]); 4] = [
    ("2.5", &[("ItemOperations parts", 501), ("SmartReply", 500), ("SmartForward", 500), ("GetHierarchy", 500)]),
    ("12.1", &[("SmartReply", 500), ("SmartForward", 500), ("GetHierarchy", 500)]),
    ("14.0", &[("GetHierarchy", 500)]),
    ("14.1", &[("GetHierarchy", 500)]),
];

struct World {
    sogo: Sogo,
    gateway: Gateway,
    room: std::sync::Arc<Room>,
}

/// SOGo with the same folder for alice, who goes there straight, and bob, who goes through the gate.
fn world(name: &str) -> Option<World> {
    let sogo = Sogo::start()?;
    let gateway = Gateway::start(name, "[smtp]\nlisten = []\n[mobile]\nrequests = 0\n");
    gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n", sogo.url()));
    let room = gateway.room();
    let url = format!("{}/Microsoft-Server-ActiveSync", sogo.url());
    let made = run("python3", &[&room.write("folders.py", FOLDERS), sogo.client().to_str().unwrap(), &url, "alice", "bob"], b"");
    assert!(made.ok, "{}", made.err);
    Some(World { sogo, gateway, room })
}

/// Both at once; the lines of each.
fn both(program: &str, alice: &[&str], bob: &[&str]) -> (Vec<String>, Vec<String>) {
    let lines = |answer: Answer| -> Vec<String> {
        assert!(answer.ok, "{}{}", answer.text(), answer.err);
        answer.text().lines().map(str::to_owned).collect()
    };
    std::thread::scope(|scope| {
        let straight = scope.spawn(|| run(program, alice, b""));
        let through = lines(run(program, bob, b""));
        (lines(straight.join().unwrap()), through)
    })
}

#[test]
fn g_1_g_4_sogo_hears_and_says_the_same_in_every_command_at_each_version() {
    isolated(|| {
        let Some(World { sogo, gateway, room }) = world("every") else { return };
        let (script, client) = (room.write("every.py", EVERY), sogo.client());
        let client = client.to_str().unwrap();
        let (direct, gate) = (format!("{}/Microsoft-Server-ActiveSync", sogo.url()), "https://127.0.0.1:9443/Microsoft-Server-ActiveSync");
        for (version, refused) in REFUSED {
            let (straight, through) =
                both("python3", &[&script, client, &direct, "alice", version], &[&script, client, gate, "bob", version]);
            assert_eq!(straight, through, "{version}: the same with and without the gate");
            let steps: Vec<serde_json::Value> = through.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(steps.len() > 30, "{version}: {} steps", steps.len());
            let not_done: Vec<(&str, i64)> = steps
                .iter()
                .map(|step| (step[0].as_str().unwrap(), step[1].as_i64().unwrap()))
                .filter(|(_, status)| *status != 200)
                .collect();
            assert_eq!(not_done, refused, "{version}: SOGo's own refusals come through unchanged");
            let _ =
                gateway.event("device.allowed", |e| e["command"] == "Ping" && e["device"] == format!("every{}", version.replace('.', "")));
        }
    });
}

#[test]
fn g_1_g_4_a_client_from_pypi_gets_the_same_from_sogo() {
    isolated(|| {
        let python = testkit::peer::pypi();
        let Some(World { sogo, gateway, room }) = world("library") else { return };
        let script = room.write("library.py", LIBRARY);
        let direct = sogo.url().trim_start_matches("https://");
        let (straight, through) = both(python.to_str().unwrap(), &[&script, direct, "alice"], &[&script, "127.0.0.1:9443", "bob"]);
        assert_eq!(straight, through);
        for step in ["[\"Fetch attachment\", 10240]", "[\"Find\", 501]", "[\"SendMail\", null]", "[\"Ping\", [\"1\"]]"] {
            assert!(through.iter().any(|line| line == step), "{step} in {through:#?}");
        }
        // It names a version that SOGo does not know, and is answered.
        let _ = gateway.event("device.allowed", |e| e["device"] == "library1" && e["command"] == "FolderDelete");
    });
}
