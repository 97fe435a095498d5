//! Promise: 250 means durable. The order of system calls shows it (a kill alone would not: it leaves the page cache).

use std::collections::HashMap;
use std::sync::Arc;

use sealgate_tests::scene::{GATE, SITE, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{Gateway, Room};

/// For each 250 that answers a final dot, an `fdatasync` of a segment must have returned between the write of the record and
/// the write of the reply.
#[test]
fn m_t7_each_250_after_data_is_written_after_an_fdatasync_returned() {
    isolated(|| {
        let room = Arc::new(Room::new("strace"));
        let trace = room.file("trace");
        let wrapper = [
            "strace",
            "-f",
            "-ttt",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=fdatasync,recvfrom,read,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2",
            "-o",
            &trace,
        ];
        let gateway =
            Gateway::start_in(room.clone(), "[limits]\nsessions_per_peer = 400\n[console]\nlisten = []\n[mobile]\nlisten = []\n", &wrapper);
        gateway.apply(&SITE.replace("[127.0.0.20]:25", "[127.0.0.20]:9").replace("[127.0.0.10]:25", "[127.0.0.10]:9"));
        for sessions in [1, 200] {
            let threads: Vec<_> = (0..sessions)
                .map(|n| {
                    std::thread::spawn(move || {
                        let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
                        client.say("EHLO load.example").unwrap();
                        let message = text("alice@company.example", "bob@partner.example", &format!("durable {n} of {sessions}"), "x");
                        client.mail("alice@company.example", &["bob@partner.example"], message.as_bytes()).unwrap()
                    })
                })
                .collect();
            for thread in threads {
                assert!(thread.join().unwrap().starts_with("250"));
            }
        }
        drop(gateway);
        check(&std::fs::read_to_string(&trace).unwrap(), 201);
    });
}

/// For each 250: the client's last bytes were read, then a segment was written, then an `fdatasync` of it began and returned,
/// and only then the reply was written.
fn check(trace: &str, mails: usize) {
    let mut read: HashMap<&str, usize> = HashMap::new();
    let mut writes = Vec::new();
    let mut syncs = Vec::new();
    let mut open: HashMap<&str, usize> = HashMap::new();
    let mut reading: HashMap<&str, &str> = HashMap::new();
    let mut replies = 0;
    for (at, line) in trace.lines().enumerate() {
        let pid = line.split_whitespace().next().unwrap_or_default();
        let socket = line.split_once("<socket:[").and_then(|(_, rest)| rest.split_once("]>")).map(|(id, _)| id);
        if line.contains(".seg>") && line.contains("write") {
            writes.push(at);
        } else if line.contains(".seg>") && line.contains("fdatasync(") {
            if line.contains("unfinished") {
                open.insert(pid, at);
            } else {
                syncs.push((at, at));
            }
        } else if line.contains("fdatasync resumed") {
            syncs.extend(open.remove(pid).map(|start| (start, at)));
        } else if let Some(socket) = socket {
            if line.contains("250 2.0.0 Accepted as") {
                replies += 1;
                let dot = *read.get(socket).unwrap_or_else(|| panic!("a reply on a socket that was never read: {line}"));
                let durable = syncs.iter().any(|(start, end)| *end < at && writes.iter().any(|write| dot < *write && write < start));
                assert!(durable, "no write and fdatasync between the final dot and this reply: {line}");
            } else if line.contains("recvfrom(") || line.contains(" read(") {
                if line.contains("unfinished") {
                    reading.insert(pid, socket);
                } else if brought_octets(line) {
                    read.insert(socket, at);
                }
            }
        } else if (line.contains("recvfrom resumed") || line.contains("read resumed"))
            && let Some(socket) = reading.remove(pid)
            && brought_octets(line)
        {
            read.insert(socket, at);
        }
    }
    assert!(replies >= mails, "{replies} replies for {mails} mails in the trace");
}

/// A read that found nothing (`= -1 EAGAIN`) is none: a session looks once more before it replies.
fn brought_octets(line: &str) -> bool {
    line.rsplit_once(" = ").is_some_and(|(_, result)| result.starts_with(|first: char| first.is_ascii_digit() && first != '0'))
}
