//! Story: a real ActiveSync server behind the gate, with the independent client beside it.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;
use testkit::{Gateway, wait};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";

fn gateway(sogo: &Sogo) -> Gateway {
    let gateway = Gateway::start("phones", "[smtp]\nlisten = []\n");
    gateway.apply(&format!("[[mobile.gateway]]\nid = \"sogo\"\nmail_server = \"{}\"\nverify_tls_mail = false\n", sogo.url()));
    gateway
}

fn smoke(sogo: &Sogo, url: &str, more: &[&str]) -> String {
    let script = sogo.client().join("smoke.py");
    let script = script.to_str().unwrap();
    let args: Vec<&str> = [script, url, "alice", "alicepw", "14.1"].into_iter().chain(more.iter().copied()).collect();
    let answer = run("python3", &args, b"");
    assert!(answer.ok, "{}{}", answer.text(), answer.err);
    answer.text()
}

#[test]
fn g_1_g_3_sogo_through_the_gate_plain_and_base64() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        assert!(run("python3", &[sogo.client().join("putmail.py").to_str().unwrap(), "alice"], b"").ok);
        let gateway = gateway(&sogo);
        for more in [&[][..], &["b64"]] {
            let direct = smoke(&sogo, &format!("{}/Microsoft-Server-ActiveSync", sogo.url()), more);
            let through = smoke(&sogo, GATE, more);
            assert!(
                through.contains("OPTIONS 200") && through.contains("FOLDERSYNC 200") && through.trim_end().ends_with("OK"),
                "{through}"
            );
            assert_eq!(steady(&direct), steady(&through), "the same answers with and without the gate");
        }
        let _ = gateway.event("device.allowed", |e| e["command"] == "Ping");
        let devices = gateway.run(&["device", "list", "--json"]);
        assert!(devices.contains("pydev141"), "unknown devices are recorded: {devices}");
    });
}

/// What two runs of the client say alike: not how long a Ping hung, nor keys that count up with each run.
fn steady(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| {
        ["OPTIONS", "FOLDERSYNC", "    ", "ITEMOP", "GETATTACHMENT", "SENDMAIL", "OK"].iter().any(|start| line.starts_with(start))
    });
    lines.filter(|line| !line.contains("SyncKey")).map(str::to_owned).collect()
}

/// A Ping for the Inbox with a heartbeat of 60 s, in WBXML (MS-ASWBXML §2.1.2.1.14).
fn ping_body() -> Vec<u8> {
    let mut body = vec![0x03, 0x01, 0x6a, 0x00, 0x00, 0x0d, 0x45, 0x48, 0x03];
    body.extend(b"60\0");
    body.extend([0x01, 0x49, 0x4a, 0x4b, 0x03]);
    body.extend(b"folderINBOX\0");
    body.extend([0x01, 0x4c, 0x03]);
    body.extend(b"Email\0");
    body.extend([0x01, 0x01, 0x01, 0x01]);
    body
}

fn hanging_ping(room: &testkit::Room, url: &str, device: &str) -> std::process::Child {
    let body = room.write("ping.wbxml", ping_body());
    let url = format!("{url}?Cmd=Ping&User=alice&DeviceId={device}&DeviceType=iPhone");
    let out = room.file(&format!("{device}.out"));
    Command::new("curl")
        .args([
            "-sk",
            "-u",
            "alice:alicepw",
            "-H",
            "MS-ASProtocolVersion: 14.1",
            "-H",
            "Content-Type: application/vnd.ms-sync.wbxml",
            "--data-binary",
            &format!("@{body}"),
            "-o",
            &out,
            "-w",
            "%{http_code}",
            &url,
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn g_8_g_3_a_blocked_device_is_answered_and_its_hanging_ping_ends_within_a_second() {
    isolated(|| {
        // A mail server that never answers, written from the standard: only so can the test see its socket close.
        let silent = std::net::TcpListener::bind("127.0.0.1:8080").unwrap();
        let gateway = Gateway::start("block", "[smtp]\nlisten = []\n");
        gateway.apply("[[mobile.gateway]]\nid = \"silent\"\nmail_server = \"http://127.0.0.1:8080\"\n");
        let room = gateway.room();
        let mut ping = hanging_ping(&room, GATE, "BLOCKME1");
        let mut upstream = silent.accept().unwrap().0;
        let _ = gateway.event("device.allowed", |e| e["device"] == "blockme1");
        wait::until(Duration::from_secs(10), "the device to be recorded", || {
            gateway.run(&["device", "list", "--json"]).contains("blockme1").then_some(())
        });
        gateway.run(&["device", "edit", "alice", "BLOCKME1", "--override", "blacklist"]);
        let blocked = Instant::now();
        let status = ping.wait().unwrap();
        assert!(status.success() && blocked.elapsed() < Duration::from_secs(1), "{:?}", blocked.elapsed());
        let answer = std::fs::read(room.file("BLOCKME1.out")).unwrap();
        assert!(answer.windows(3).any(|w| w == b"129"), "Status 129 in the command's root: {answer:02x?}");
        drain(&mut upstream);

        let mut out = String::new();
        std::io::Read::read_to_string(&mut hanging_ping(&room, GATE, "BLOCKME1").stdout.take().unwrap(), &mut out).unwrap();
        assert_eq!(out, "200");
        let old = run(
            "curl",
            &[
                "-sk",
                "-u",
                "alice:alicepw",
                "-H",
                "MS-ASProtocolVersion: 12.1",
                "-X",
                "POST",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code} %{size_download}",
                &format!("{GATE}?Cmd=Sync&User=alice&DeviceId=BLOCKME1&DeviceType=iPhone"),
            ],
            b"",
        );
        assert_eq!(old.text(), "403 0");

        // The phone goes: the upstream socket closes within a second.
        let mut ping = hanging_ping(&room, GATE, "GOESAWAY");
        let mut upstream = silent.accept().unwrap().0;
        let _ = gateway.event("device.allowed", |e| e["device"] == "goesaway");
        ping.kill().unwrap();
        ping.wait().unwrap();
        let gone = Instant::now();
        drain(&mut upstream);
        assert!(gone.elapsed() < Duration::from_secs(1), "{:?}", gone.elapsed());
    });
}

/// Reads until the gateway closes.
fn drain(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut all = Vec::new();
    let _ = std::io::Read::read_to_end(stream, &mut all);
}
