//! Story: somebody sets the machine's clock by ten days, forwards and back, while mail waits; and sets it back while nobody runs.
//! The gateway runs under libfaketime, which hands it the wall clock of a file; the kernel's monotonic clock stays true.

use std::sync::Arc;
use std::time::Duration;

use sealgate_tests::scene::{GATE, NODE, SITE, header, text};
use sealgate_tests::sink::Sink;
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{Gateway, Room, wait};

const HOP: &str = "127.0.0.20:25";

/// The wall clock of a gateway, and the gateway.
struct Scene {
    room: Arc<Room>,
    wrapper: Vec<String>,
    gateway: Gateway,
}

impl Scene {
    fn start(offset: &str) -> Self {
        let room = Arc::new(Room::new("clock"));
        let file = room.write("clock", format!("{offset}\n"));
        let library = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
        let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
        let library = library.expect("the package faketime is installed").display().to_string();
        let wrapper: Vec<String> = [
            "env",
            &format!("LD_PRELOAD={library}"),
            &format!("FAKETIME_TIMESTAMP_FILE={file}"),
            "FAKETIME_NO_CACHE=1",
            "DONT_FAKE_MONOTONIC=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        ]
        .map(str::to_owned)
        .to_vec();
        let gateway = Self::run(&room, &wrapper);
        gateway.apply(SITE);
        Self { room, wrapper, gateway }
    }

    fn run(room: &Arc<Room>, wrapper: &[String]) -> Gateway {
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        Gateway::start_in(room.clone(), NODE, &wrapper)
    }

    /// Sets the clock; the file is replaced as a whole, so that nobody reads half of it.
    fn set(&self, offset: &str) {
        let fresh = self.room.write("clock.new", format!("{offset}\n"));
        std::fs::rename(fresh, self.room.file("clock")).unwrap();
    }

    /// Kills the gateway; it comes back with this wall clock.
    fn again(self, offset: &str) -> Self {
        let Self { room, wrapper, gateway } = self;
        gateway.kill();
        room.write("clock", format!("{offset}\n"));
        Self { gateway: Self::run(&room, &wrapper), room, wrapper }
    }

    fn stepped(&self, days: i64) {
        let near = |seconds: i64| (seconds - days * 86_400).abs() < 3_600;
        let _ = self.gateway.event("clock.stepped", |e| e["seconds"].as_i64().is_some_and(near));
    }

    /// Waits until this mail was tried so many times from now on.
    fn tried_again(&self, to: &str, times: usize) {
        let before = self.gateway.log_text().lines().filter(|line| line.contains("mail.deferred") && line.contains(to)).count();
        let _ = self.gateway.events("mail.deferred", before + times, |e| e["to"] == to);
    }
}

fn mail(to: &str) -> String {
    text("alice@company.example", to, to, "words")
}

/// The company sends; the connection ends without a word after the answer was read.
fn send(to: &str) {
    let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
    client.say("EHLO company.example").unwrap();
    let reply = client.mail("alice@company.example", &[to], mail(to).as_bytes()).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

#[test]
fn m_t7_the_clock_is_set_by_ten_days_while_mail_waits() {
    isolated(|| {
        let scene = Scene::start("+0");
        send("first@partner.example");
        scene.tried_again("first@partner.example", 1);

        scene.set("+10d");
        scene.stepped(10);
        // Its 250 may not have been read: the same octets are the same mail still.
        send("first@partner.example");
        let _ = scene.gateway.event("mail.repeated", |_| true);
        scene.tried_again("first@partner.example", 2);
        send("second@partner.example");
        scene.tried_again("second@partner.example", 2);

        scene.set("-10d");
        scene.stepped(-20);
        scene.tried_again("first@partner.example", 2);
        scene.tried_again("second@partner.example", 2);
        send("third@partner.example");
        scene.tried_again("third@partner.example", 2);

        let hop = Sink::start(HOP);
        for to in ["first@partner.example", "second@partner.example", "third@partner.example"] {
            let _ = scene.gateway.event("mail.delivered", |e| e["to"] == to);
        }
        assert!(!scene.gateway.log_text().contains("mail.bounced"), "{}", scene.gateway.log_text());
        let subjects: Vec<String> = hop.wait_for(3).iter().map(|mail| header(&mail.content, "subject")).collect();
        assert_eq!(subjects.len(), 3, "{subjects:?}");
    });
}

#[test]
fn m_t7_a_clock_that_was_days_ahead_is_put_right_while_nobody_runs() {
    isolated(|| {
        let scene = Scene::start("+10d");
        send("ahead@partner.example");
        scene.tried_again("ahead@partner.example", 1);
        let scene = scene.again("+0");
        scene.tried_again("ahead@partner.example", 2);
        let hop = Sink::start(HOP);
        let _ = scene.gateway.event("mail.delivered", |e| e["to"] == "ahead@partner.example");
        wait::until(Duration::from_secs(30), "the queue to be empty", || {
            scene.gateway.run(&["queue", "list", "--json"]).contains(r#""items":[]"#).then_some(())
        });
        assert_eq!(hop.wait_for(1).len(), 1);
    });
}
