//! Story: what the postmaster hears of the gateway itself (M-T10).

use sealgate_tests::scene::header;
use sealgate_tests::sink::Sink;
use testkit::net::isolated;
use testkit::tools::must;
use testkit::{Gateway, Room};

const SITE: &str = "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\n\
                    [[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\nlanguage = \"en\"\n";

/// A certificate for a listener, good for so many days.
fn certificate(room: &Room, days: u32) -> (String, String) {
    let (cert, key) = (room.file(&format!("{days}.crt")), room.file(&format!("{days}.key")));
    let days = days.to_string();
    let _ = must(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &cert,
            "-days",
            &days,
            "-subj",
            "/CN=gate.company.example",
        ],
        b"",
    );
    (cert, key)
}

#[test]
fn m_t10_the_postmaster_hears_of_a_full_disk_a_scanner_and_certificates_once() {
    isolated(|| {
        let room = std::sync::Arc::new(Room::new("alarms"));
        let (cert, key) = certificate(&room, 20);
        let (good, good_key) = certificate(&room, 400);
        let node = format!(
            "[certificate]\ncert = \"{good}\"\nkey = \"{good_key}\"\n[mobile]\nlisten = []\n\
             [console.certificate]\ncert = \"{cert}\"\nkey = \"{key}\"\n[limits]\ndisk_free = \"900000GB\"\n\
             [times]\nalarms = \"200ms\"\ncertificates = \"200ms\"\nscanners = \"200ms\"\nscanner_away = \"1s\"\n"
        );
        let company = Sink::start("127.0.0.10:25");
        let gateway = Gateway::start_in(room, &node, &[]);
        gateway.apply(&format!("{SITE}[protection]\nclamd = \"127.0.0.99:3310\"\n"));
        let told = gateway.events("alarm.raised", 3, |_| true);
        let mut kinds: Vec<&str> = told.iter().map(|event| event["kind"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["certificate", "disk", "scanner"]);
        let mails = company.wait_for(3);
        let mut subjects: Vec<String> = mails.iter().map(|mail| header(&mail.content, "subject")).collect();
        subjects.sort();
        assert_eq!(
            subjects,
            ["a disk is nearly full", "certificates end soon", "clamd is away"]
                .map(|what| format!("Alarm at gate.company.example: {what}"))
        );
        for mail in &mails {
            assert_eq!(mail.envelope, ["MAIL FROM:<>", "RCPT TO:<postmaster@company.example>"].map(str::to_owned), "{mail:?}");
        }
        let all: String = mails.iter().map(|mail| String::from_utf8_lossy(&mail.content).replace("=\r\n", "")).collect();
        assert!(all.contains("20.crt") && !all.contains("400.crt"), "{all}");
        // Told once, also by the next life of the node.
        let room = gateway.stop();
        // A job that has failed for good, as the store keeps it.
        let script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    db.execute(\"INSERT INTO job (id, realm, kind, key, body, created, due, \
                      lease, lease_until, tries, max_tries, last_error, failed, again) VALUES \
                      ('7', 1, 'renewal', 'bob', '', 1, 1, '', 0, 3, 3, 'the CA is away', 1, 0)\")\n";
        let _ = must("python3", &["-c", script, &room.file("data/store.db")], b"");
        let gateway = Gateway::start_in(room, &node, &[]);
        let _ = gateway.events("alarm.known", 3, |_| true);
        let mails = company.wait_for(4);
        assert_eq!((mails.len(), header(&mails[3].content, "subject").as_str()), (4, "Alarm at gate.company.example: a job has failed"));
        assert!(String::from_utf8_lossy(&mails[3].content).contains("the CA is away"));
        drop(gateway);
    });
}
