//! Story: the name server is away, fails or lies. Mail waits, or its sender hears of it; nothing goes where a lie leads.

use std::net::Ipv4Addr;
use std::time::Duration;

use sealgate_tests::dying_hop::DyingHop;
use sealgate_tests::scene::{BY_MX as SITE, GATE, text};
use sealgate_tests::sink::Sink;
use sealgate_tests::smtp::Client;
use testkit::lying_dns::{Answer, LyingDns};
use testkit::net::isolated;
use testkit::{Gateway, wait};

const DNS: &str = "127.0.0.40:53";
/// Where mail goes by the truth, and by lies.
const HOP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 20);
const TRAP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

const NODE: &str = "roles = [\"mail\", \"console\"]\n[dns]\nservers = [\"127.0.0.40:53\"]\ntimeout = \"500ms\"\n";

struct Scene {
    gateway: Gateway,
    hop: DyingHop,
    trap: DyingHop,
    company: Sink,
}

impl Scene {
    fn start() -> Self {
        let (hop, trap, company) =
            (DyingHop::start(&format!("{HOP}:25")), DyingHop::start(&format!("{TRAP}:25")), Sink::start("127.0.0.10:25"));
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(SITE);
        Self { gateway, hop, trap, company }
    }

    /// Mail to `bob@DOMAIN`, with the domain as its subject.
    fn send(&self, domain: &str) {
        let to = format!("bob@{domain}");
        let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
        client.say("EHLO company.example").unwrap();
        let message = text("alice@company.example", &to, domain, "words");
        let reply = client.mail("alice@company.example", &[&to], message.as_bytes()).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// Mail to it has failed so many times for want of a name server's word; nothing went anywhere.
    fn waits(&self, domain: &str, times: usize) {
        let to = format!("bob@{domain}");
        let seen = self.gateway.events("mail.deferred", times, |e| e["to"] == to.as_str());
        assert!(seen.iter().all(|e| e["reply"].as_str().is_some_and(|reply| reply.contains("looking up"))), "{seen:?}");
        assert_eq!((self.hop.copies(domain), self.trap.copies(domain)), (0, 0), "{domain}");
    }

    fn arrives(&self, domain: &str) {
        let to = format!("bob@{domain}");
        let _ = self.gateway.event("mail.delivered", |e| e["to"] == to.as_str());
        assert_eq!((self.hop.copies(domain), self.trap.copies(domain)), (1, 0), "{domain}");
    }

    /// The sender has a report with this status.
    fn reported(&self, domain: &str, status: &str, reports: usize) {
        let to = format!("bob@{domain}");
        let _ = self.gateway.event("mail.bounced", |e| e["to"] == to.as_str());
        let mails = self.company.wait_for(reports);
        let report = mails.iter().map(|mail| String::from_utf8_lossy(&mail.content).into_owned()).find(|mail| mail.contains(&to));
        let report = report.unwrap_or_else(|| panic!("no report about {to}"));
        assert!(report.contains(&format!("Status: {status}")) && report.contains("Action: failed"), "{report}");
        assert_eq!((self.hop.copies(domain), self.trap.copies(domain)), (0, 0), "{domain}");
    }

    fn queue_is_empty(&self) {
        wait::until(Duration::from_secs(30), "the queue to be empty", || {
            self.gateway.run(&["queue", "list", "--json"]).contains(r#""items":[]"#).then_some(())
        });
    }
}

#[test]
fn m_t3_mail_waits_while_dns_is_down_and_goes_when_it_is_back() {
    isolated(|| {
        let scene = Scene::start();
        scene.send("down.example");
        scene.waits("down.example", 2);
        let dns = LyingDns::start(DNS);
        dns.says("", Answer::True(HOP));
        scene.arrives("down.example");
        scene.queue_is_empty();
        assert!(!scene.gateway.log_text().contains("mail.bounced"));
    });
}

#[test]
fn m_t3_what_a_name_server_can_not_say_makes_mail_wait() {
    isolated(|| {
        let (scene, dns) = (Scene::start(), LyingDns::start(DNS));
        let cases = [
            ("silence.example", Answer::Silence),
            ("failure.example", Answer::Failure),
            ("noise.example", Answer::Noise),
            ("id.example", Answer::WrongId(TRAP)),
            ("question.example", Answer::WrongQuestion(TRAP)),
        ];
        for (domain, answer) in &cases {
            dns.says(domain, answer.clone());
            scene.send(domain);
        }
        for (domain, _) in &cases {
            scene.waits(domain, 2);
            dns.says(domain, Answer::True(HOP));
        }
        for (domain, _) in &cases {
            scene.arrives(domain);
        }
        scene.queue_is_empty();
        assert!(!scene.gateway.log_text().contains("mail.bounced"));
    });
}

#[test]
fn m_t3_a_truncated_answer_is_asked_again_by_tcp() {
    isolated(|| {
        let (scene, dns) = (Scene::start(), LyingDns::start(DNS));
        dns.says("long.example", Answer::Truncated(HOP));
        scene.send("long.example");
        scene.arrives("long.example");
        let asked = dns.asked();
        assert!(["long.example/15/udp", "long.example/15/tcp"].iter().all(|one| asked.iter().any(|asked| asked == one)), "{asked:?}");
    });
}

#[test]
fn m_t3_a_name_that_does_not_exist_or_leads_nowhere_is_told_to_the_sender() {
    isolated(|| {
        let (scene, dns) = (Scene::start(), LyingDns::start(DNS));
        let cases = [
            ("gone.example", Answer::NoSuchNameBySoa, "5.1.2"),
            ("bare.example", Answer::NoSuchName, "5.1.2"),
            ("names.example", Answer::WrongName(TRAP), "5.4.4"),
            ("loop.example", Answer::Loop, "5.4.4"),
        ];
        for (number, (domain, answer, status)) in cases.into_iter().enumerate() {
            dns.says(domain, answer);
            scene.send(domain);
            scene.reported(domain, status, number + 1);
        }
        scene.queue_is_empty();
    });
}
