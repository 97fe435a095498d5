//! Story: a company decides which phones may have mail, and a real ActiveSync server shows who got it.
//!
//! For each kind of policy one phone that it lets pass and one that it blocks; both ask the same through the gate. What a phone
//! gets is SOGo's own answer, or the gate's refusal in the protocol's words.

use std::time::{Duration, Instant};

use testkit::Gateway;
use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";

/// One kind: the policy, what makes a phone good and bad, and the reason.
struct Case {
    policy: &'static str,
    good: Phone,
    bad: Phone,
    reason: &'static str,
}

/// What a phone says, and what its management reports of it (lines of `[[device]]`).
#[derive(Clone, Copy)]
struct Phone {
    user: &'static str,
    kind: &'static str,
    agent: &'static str,
    facts: &'static str,
}

const PLAIN: Phone = Phone { user: "alice", kind: "iPhone", agent: "Apple-iPhone12C1/1402.100", facts: "" };

const fn facts(facts: &'static str) -> Phone {
    Phone { facts, ..PLAIN }
}

const CASES: [Case; 14] = [
    Case { policy: "type = 'managed_device'", good: facts("managed = true\nenrolled = true"), bad: PLAIN, reason: "not_managed" },
    Case {
        policy: "type = 'managed_device'",
        good: facts("managed = true\nenrolled = true"),
        bad: facts("managed = true"),
        reason: "not_enrolled",
    },
    Case { policy: "type = 'mdm_compliance'", good: PLAIN, bad: facts("mdm_compliant = false"), reason: "not_mdm_compliant" },
    Case { policy: "type = 'compromised'", good: facts("compromised = false"), bad: facts("compromised = true"), reason: "compromised" },
    Case { policy: "type = 'encryption'\nstrict = true", good: facts("encrypted = true"), bad: PLAIN, reason: "not_encrypted" },
    Case {
        policy: "type = 'inactivity'\ndays = 32767",
        good: facts("last_seen = '2026-01-01T00:00:00Z'"),
        bad: facts("last_seen = '1900-01-01T00:00:00Z'"),
        reason: "inactive",
    },
    Case {
        policy: "type = 'eas_profile'",
        good: facts("managed = true\neas_profile = true"),
        bad: facts("managed = true\neas_profile = false"),
        reason: "no_eas_profile",
    },
    Case {
        policy: "type = 'model'\naction = 'block'\nlist = ['SM-*']",
        good: facts("model = 'iPhone15,2'"),
        bad: facts("model = 'SM-G900'"),
        reason: "model",
    },
    Case {
        policy: "type = 'os'\nlist = [{ platform = 'ios', from = '16.4' }]",
        good: facts("platform = 'ios'\nos = '17.2'"),
        bad: facts("platform = 'ios'\nos = '15.8'"),
        reason: "os",
    },
    // What somebody else has blocked needs no policy.
    Case { policy: "type = 'compromised'", good: PLAIN, bad: facts("external = 'global'"), reason: "external_global" },
    Case { policy: "type = 'compromised'", good: PLAIN, bad: facts("external = 'individual'"), reason: "external_individual" },
    Case { policy: "type = 'user'\nlist = ['ali*']", good: PLAIN, bad: Phone { user: "bob", ..PLAIN }, reason: "user" },
    Case {
        policy: "type = 'mail_client'\nlist = ['Apple-*']",
        good: PLAIN,
        bad: Phone { agent: "Outlook-iOS-Android/1.0", ..PLAIN },
        reason: "mail_client",
    },
    Case {
        policy: "type = 'eas_device_type'\naction = 'block'\nlist = ['android']",
        good: PLAIN,
        bad: Phone { kind: "Android", ..PLAIN },
        reason: "eas_device_type",
    },
];

/// A first FolderSync in WBXML (MS-ASWBXML §2.1.2.1.8): status line and octets of the answer.
fn folder_sync(gateway: &Gateway, phone: &Phone, device: &str) -> (String, Vec<u8>) {
    let room = gateway.room();
    let body = room.write("first.wbxml", b"\x03\x01\x6a\x00\x00\x07\x56\x52\x030\x00\x01\x01");
    let url = format!("{GATE}?Cmd=FolderSync&User={}&DeviceId={device}&DeviceType={}", phone.user, phone.kind);
    let (data, out) = (format!("@{body}"), room.file("answer.wbxml"));
    let login = format!("{0}:{0}pw", phone.user);
    let args = ["-sk", "-u", &login, "-A", phone.agent, "-H", "MS-ASProtocolVersion: 14.1", "-H"];
    let more = ["Content-Type: application/vnd.ms-sync.wbxml", "--data-binary", &data, "-o", &out, "-w", "%{http_code}", &url];
    let answer = run("curl", &[&args[..], &more[..]].concat(), b"");
    (answer.text(), std::fs::read(out).unwrap_or_default())
}

/// The gate's refusal in the root of a FolderSync answer.
fn refusal(status: &str) -> Vec<u8> {
    [&b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x03"[..], status.as_bytes(), b"\x00\x01\x01"].concat()
}

fn device(phone: &Phone, id: &str) -> String {
    format!("[[device]]\nid = '{id}'\nuser = '{}'\n{}\n", phone.user, phone.facts)
}

#[test]
fn g_10_g_11_g_12a_sogo_answers_one_phone_and_one_gets_a_reason_for_each_policy() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let gateway = Gateway::start("policies", "[smtp]\nlisten = []\n");
        gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n", sogo.url()));
        for (number, case) in CASES.iter().enumerate() {
            let (good, bad) = (format!("good{number}"), format!("bad{number}"));
            let site =
                format!("[[mobile.policy]]\n{}\nenabled = true\n{}{}", case.policy, device(&case.good, &good), device(&case.bad, &bad));
            gateway.apply(&site);
            let (status, answer) = folder_sync(&gateway, &case.good, &good);
            assert_eq!(status, "200", "{}", case.reason);
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(text.contains("folderINBOX") || text.contains("INBOX"), "{}: SOGo's folders: {text:?}", case.reason);
            let (status, answer) = folder_sync(&gateway, &case.bad, &bad);
            let expected = refusal(if case.reason == "user" { "130" } else { "129" });
            assert_eq!((status.as_str(), &answer), ("200", &expected), "{}", case.reason);
            let blocked = gateway.event("device.blocked", |e| e["device"] == bad.as_str());
            assert_eq!((&blocked["reason"], &blocked["user"]), (&case.reason.into(), &case.bad.user.into()));
            let allowed = gateway.event("device.allowed", |e| e["device"] == good.as_str());
            assert_eq!(allowed["reason"], "compliant");
        }
    });
}

#[test]
fn g_12_g_13_a_fact_of_a_device_stops_it_at_once_and_test_mode_stops_nobody() {
    isolated(|| {
        // A mail server that never answers, so that a Ping hangs.
        let silent = std::net::TcpListener::bind("127.0.0.1:8080").unwrap();
        let gateway = Gateway::start("facts", "[smtp]\nlisten = []\n");
        gateway.apply("[[mobile.gateway]]\nid = \"silent\"\nmail_server = \"http://127.0.0.1:8080\"\n");
        gateway.run(&["policy", "add", "compromised", "enabled=true"]);
        let url = format!("{GATE}?Cmd=Ping&User=alice&DeviceId=FACT1&DeviceType=iPhone");
        let room = gateway.room();
        let out = room.file("ping.wbxml");
        let mut ping = std::process::Command::new("curl")
            .args(["-sk", "-u", "alice:alicepw", "-H", "MS-ASProtocolVersion: 14.1", "-X", "POST", "-o", &out, &url])
            .spawn()
            .unwrap();
        let _held = silent.accept().unwrap();
        let _ = gateway.event("device.allowed", |e| e["device"] == "fact1");
        gateway.run(&["device", "edit", "alice", "FACT1", "compromised=true", "model=X"]);
        let entered = Instant::now();
        assert!(ping.wait().unwrap().success() && entered.elapsed() < Duration::from_secs(1), "{:?}", entered.elapsed());
        assert!(std::fs::read(&out).unwrap().windows(3).any(|w| w == b"129"), "Status 129 in the command's root");
        let decided = |gateway: &Gateway| {
            let words = ["mobile", "decide", "--user", "EX\\alice", "--device", "fact1", "--json"];
            let text = gateway.run(&words);
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            let named = answer["reason"].as_str().unwrap().contains("compromised").then_some("compromised");
            assert_eq!(answer["policy"].as_str(), named, "{text}");
            format!("{} {}", answer["decision"].as_str().unwrap(), answer["reason"].as_str().unwrap())
        };
        assert_eq!(decided(&gateway), "block compromised");
        let shown = gateway.run(&["device", "show", "alice", "fact1", "--json"]);
        assert!(shown.contains("\"compromised\":true") || shown.contains("\"compromised\": true"), "{shown}");

        gateway.apply("[mobile]\ntest_mode = true\n");
        assert_eq!(decided(&gateway), "allow test_mode:compromised");
        gateway.apply("[mobile]\ntest_mode = false\n");
        gateway.run(&["device", "edit", "alice", "FACT1", "compromised=null"]);
        assert_eq!(decided(&gateway), "allow compliant", "not reported any more");
        gateway.run(&["policy", "edit", "compromised", "strict=true"]);
        assert_eq!(decided(&gateway), "block compromised", "and the policy is strict");
        gateway.run(&["device", "edit", "alice", "FACT1", "--override", "whitelist"]);
        assert_eq!(decided(&gateway), "allow whitelisted", "the list comes first");
        assert!(!gateway.command(&["policy", "add", "inactivity", "enabled=true"]).status.success(), "days are missing");
        let bare = gateway.command(&["policy", "add", "hyperlinks", "enabled=true"]);
        let said = format!("{}{}", String::from_utf8_lossy(&bare.stdout), String::from_utf8_lossy(&bare.stderr));
        assert!(!bare.status.success() && said.contains("mobile.policy.schemes"), "what is missing is named: {said}");
        assert!(gateway.run(&["policy", "list", "--json"]).contains("compromised"));
    });
}

/// Starts a Ping that a silent mail server holds.
fn hanging(gateway: &Gateway, device: &str, out: &str) -> std::process::Child {
    let url = format!("{GATE}?Cmd=Ping&User=alice&DeviceId={device}&DeviceType=iPhone");
    let child = std::process::Command::new("curl")
        .args(["-sk", "-u", "alice:alicepw", "-H", "MS-ASProtocolVersion: 14.1", "-d", "hidden body", "-o", out, &url])
        .spawn()
        .unwrap();
    let _ = gateway.event("device.allowed", |e| e["device"] == device);
    child
}

fn json_of(gateway: &Gateway, words: &[&str]) -> serde_json::Value {
    let text = gateway.run(&[words, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn g_3_g_14_g_31_a_policy_that_is_turned_on_ends_a_hanging_ping_and_diagnostics_tell_it() {
    isolated(|| {
        let silent = std::net::TcpListener::bind("127.0.0.1:8080").unwrap();
        let gateway = Gateway::start("policy-push", "[smtp]\nlisten = []\n");
        let site = "[[mobile.gateway]]\nid = \"silent\"\nmail_server = \"http://127.0.0.1:8080\"\n";
        gateway.apply(&format!("{site}diagnostic = {{ count = 2, every_minutes = 60 }}\n"));
        gateway.run(&["device", "add", "alice", "PUSH1", "compromised=true"]);
        gateway.run(&["device", "diagnostics", "alice", "PUSH1", "on"]);
        let out = gateway.room().file("ping.wbxml");
        let mut ping = hanging(&gateway, "push1", &out);
        let _held = silent.accept().unwrap();
        let changed = Instant::now();
        gateway.run(&["policy", "add", "compromised", "enabled=true"]);
        assert!(ping.wait().unwrap().success() && changed.elapsed() < Duration::from_secs(2), "{:?}", changed.elapsed());
        assert!(std::fs::read(&out).unwrap().windows(3).any(|w| w == b"129"), "Status 129 in the command's root");
        let _ = gateway.event("device.blocked", |e| e["device"] == "push1" && e["reason"] == "compromised");

        // What diagnostics keep of it: the request with the decision that ended it, and nothing else.
        let kept = testkit::wait::until(Duration::from_secs(20), "the transaction", || {
            let kept = json_of(&gateway, &["device", "transactions", "alice", "push1"]);
            (!kept["items"].as_array().unwrap().is_empty()).then_some(kept)
        });
        let one = &kept["items"][0];
        assert_eq!((&one["command"], &one["reason"], &one["allowed"]), (&"Ping".into(), &"compromised".into(), &false.into()), "{kept}");
        assert_eq!((&one["version"], &one["status"], &one["whole"]), (&"14.1".into(), &200.into(), &true.into()), "{kept}");
        for secret in ["alicepw", "YWxpY2U6", "hidden body"] {
            assert!(!kept.to_string().contains(secret), "{kept}");
        }
        let on = json_of(&gateway, &["device", "diagnostics"]);
        assert_eq!((&on["items"][0]["id"], on["items"].as_array().unwrap().len()), (&"push1".into(), 1), "{on}");
        gateway.run(&["device", "diagnostics", "alice", "PUSH1", "off"]);
        assert_eq!(json_of(&gateway, &["device", "diagnostics"])["items"].as_array().unwrap().len(), 0);

        // Not pushed: the policy waits for the delta sync, and is in force at once when pushing is turned on again.
        gateway.run(&["policy", "remove", "compromised"]);
        gateway.run(&["gateway", "edit", "silent", "realtime_push=false"]);
        gateway.run(&["policy", "add", "compromised", "enabled=true"]);
        let mut ping = hanging(&gateway, "push1", &out);
        let _held = silent.accept().unwrap();
        assert!(ping.try_wait().unwrap().is_none(), "it hangs: the policy is not in force yet");
        gateway.run(&["gateway", "edit", "silent", "realtime_push=true"]);
        assert!(ping.wait().unwrap().success());
        assert!(std::fs::read(&out).unwrap().windows(3).any(|w| w == b"129"));
    });
}
