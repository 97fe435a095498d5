//! Story: the demonstration does what it says, and says which step failed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use testkit::Room;
use testkit::gateway::{program, signal};
use testkit::net::isolated;

#[test]
fn demo_check_passes() {
    isolated(|| {
        let room = Room::new("demo");
        let out = Command::new(program()).args(["demo", "--check", "--data", &room.file("demo-data")]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
        assert!(text.contains("signature valid") && text.contains("Every step gave what it should"), "{text}");
    });
}

#[test]
fn demo_check_names_the_step_when_the_partners_server_is_gone() {
    isolated(|| {
        let room = Room::new("demo-broken");
        let mut child = Command::new(program())
            .args(["demo", "--check", "--data", &room.file("demo-data")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while output.read_line(&mut text).unwrap() > 0 {
            let line = text.lines().last().unwrap_or_default();
            if let Some((_, pid)) = line.split_once("the partner's mail server: ").and_then(|(_, rest)| rest.split_once("(process ")) {
                signal(pid.trim_end_matches(')').parse().unwrap(), "KILL");
                break;
            }
        }
        output.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
        assert!(text.contains("FAILED: Alice writes to Bob"), "{text}");
    });
}
