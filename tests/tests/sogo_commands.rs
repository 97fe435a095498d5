//! Story: every command at every version that SOGo speaks, by a client that is not ours, with and without the gate between: what a
//! phone hears is the same, SOGo's own refusals too.

use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::{Answer, run};
use testkit::{Gateway, Room};

/// Runs through all commands with the client beside SOGo.
const EVERY: &str = include_str!("../src/every.py");

/// Empties the mailboxes and takes folders of their own away, so that both users have the same.
const CLEAR: &str = r#"import imaplib, sys
for user in sys.argv[1:]:
    box = imaplib.IMAP4("127.0.0.1", 10143)
    box.login(user, user + "pw")
    for line in box.list()[1]:
        folder = line.decode().rsplit(" ", 1)[1].strip('"')
        if folder not in ("INBOX", "Drafts", "Sent", "Trash", "Junk", "Templates"):
            box.delete(folder)
        elif box.select(folder)[1][0] != b"0" and box.state == "SELECTED":
            box.store("1:*", "+FLAGS", "\\Deleted")
            box.expunge()
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

/// SOGo with the same mails for alice, who goes there straight, and bob, who goes through the gate.
fn world(name: &str) -> Option<World> {
    let sogo = Sogo::start()?;
    let gateway = Gateway::start(name, "[smtp]\nlisten = []\n[mobile]\nrequests = 0\n");
    gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n", sogo.url()));
    let room = gateway.room();
    let cleared = run("python3", &[&room.write("clear.py", CLEAR), "alice", "bob"], b"");
    assert!(cleared.ok, "{}", cleared.err);
    for user in ["alice", "bob"] {
        assert!(run("python3", &[sogo.client().join("putmail.py").to_str().unwrap(), user], b"").ok);
    }
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
