//! Story: whom mail is taken from. A greylist that survives a restart; the list by hand; who is exempt; what the DNS says.

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, NODE, text};
use sealgate_tests::smtp::Client;
use testkit::lying_dns::Answer;
use testkit::net::isolated;
use testkit::tools::must;
use testkit::{Gateway, LyingDns, Room, Server};

const ALICE: &str = "alice@company.example";

/// No company's server runs in most of these stories, so nobody is asked who is there.
fn site() -> String {
    sealgate_tests::scene::SITE.replace("retry_first", "verify_recipients = false\nretry_first")
}

/// What the client is told of its recipients.
fn asks(client: &str, helo: &str, from: &str, to: &[&str]) -> Vec<String> {
    let mut session = Client::connect(GATE, client).unwrap();
    session.say(&format!("EHLO {helo}")).unwrap();
    session.say(&format!("MAIL FROM:<{from}>")).unwrap();
    to.iter().map(|to| session.say(&format!("RCPT TO:<{to}>")).unwrap()).collect()
}

fn ask(client: &str, from: &str) -> String {
    asks(client, "mx.partner.example", from, &[ALICE]).remove(0)
}

#[test]
fn m_p1_unknown_mail_waits_and_its_retry_passes_also_after_a_restart() {
    isolated(|| {
        let scene = Scene::start("[protection]\ngreylist = true\ngreylist_delay = \"1s\"\n");
        assert!(ask("127.0.0.50", "eve@elsewhere.example").starts_with("451 4.7.1"), "unknown");
        let event = scene.gateway.event("mail.greylisted", |event| event["peer"] == "127.0.0.50");
        assert_eq!((&event["why"], &event["from"], &event["to"]), (&"first try".into(), &"eve@elsewhere.example".into(), &ALICE.into()));
        // The partner's Postfix tries again by itself, as every mail server does.
        assert!(scene.partner_sends("bob@partner.example", &[ALICE], &text("bob@partner.example", ALICE, "Grey", "hello")).ok);
        let _ = scene.gateway.event("mail.greylisted", |event| event["peer"] == "127.0.0.20");
        testkit::wait::until(std::time::Duration::from_secs(20), "the retry to pass", || {
            scene.partner.flush();
            Some(scene.company.mailbox("alice")).filter(|mails| mails.len() == 1)
        });
        let passed = scene.gateway.event("mail.greylist_passed", |event| event["peer"] == "127.0.0.20");
        assert!(passed["waited_seconds"].as_u64().unwrap() >= 1);
        assert!(ask("127.0.0.20", "bob@partner.example").starts_with("250"), "known");
        assert!(ask("127.0.0.77", "bob@partner.example").starts_with("250"), "the same /24");
        // The company's own server is in a relay network (M-P8).
        assert!(ask("127.0.0.10", "new@company.example").starts_with("250"));
        let Scene { gateway, .. } = scene;
        let room = gateway.stop();
        let gateway = Gateway::start_in(room, NODE, &[]);
        testkit::wait::until(std::time::Duration::from_secs(20), "the triplets to be read", || {
            ask("127.0.0.20", "bob@partner.example").starts_with("250").then_some(())
        });
        drop(gateway);
    });
}

#[test]
fn m_p1_what_was_delayed_and_why_is_found_in_the_log() {
    isolated(|| {
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(&format!("{}[protection]\ngreylist = \"learn\"\n", site()));
        assert!(ask("127.0.0.50", "known@elsewhere.example").starts_with("250"));
        assert!(ask("127.0.0.50", "known@elsewhere.example").starts_with("250"));
        gateway.apply("[protection]\ngreylist = \"on\"\n");
        assert!(ask("127.0.0.60", "eve@elsewhere.example").starts_with("451 4.7.1"));
        let _ = gateway.event("mail.greylisted", |_| true);
        let found = |args: &[&str]| -> Vec<serde_json::Value> {
            let all: Vec<&str> = ["log", "search", "--json"].into_iter().chain(args.iter().copied()).collect();
            let answer: serde_json::Value = serde_json::from_str(&gateway.run(&all)).unwrap();
            answer["items"].as_array().unwrap().clone()
        };
        let delayed = found(&["--outcome", "greylisted"]);
        assert_eq!(delayed.len(), 1, "{delayed:#?}");
        let one = &delayed[0];
        assert_eq!(
            (&one["peer"], &one["from"], &one["recipients"][0]["address"]),
            (&"127.0.0.60".into(), &"eve@elsewhere.example".into(), &ALICE.into())
        );
        assert!(one["reason"].as_str().unwrap().starts_with("first try, "), "{one:#}");
        let learned = found(&["--from", "known@elsewhere.example"]);
        assert_eq!((learned.len(), learned[0]["reason"].as_str().unwrap().starts_with("learned")), (1, true), "once: {learned:#?}");
    });
}

#[test]
fn m_p1_learning_records_and_accepts() {
    isolated(|| {
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(&format!("{}[protection]\ngreylist = \"learn\"\n", site()));
        assert!(ask("127.0.0.50", "eve@elsewhere.example").starts_with("250"));
        gateway.apply("[protection]\ngreylist = \"on\"\n");
        assert!(ask("127.0.0.50", "eve@elsewhere.example").starts_with("250"), "known by now");
        assert!(ask("127.0.0.50", "new@elsewhere.example").starts_with("451 4.7.1"));
        gateway.apply("[protection]\n");
        assert!(ask("127.0.0.50", "new@elsewhere.example").starts_with("250"), "off");
    });
}

#[test]
fn m_p3_m_p8_the_list_by_hand() {
    isolated(|| {
        let gateway = Gateway::start("gateway", NODE);
        let list = "[protection]\nhelo_fqdn = true\naccess = [\n  { network = \"127.0\", action = \"reject\", comment = \"all of them\" },\n  \
                    { network = \"127.0.0.60\", action = \"accept\" },\n]\n";
        gateway.apply(&format!("{}{list}", site()));
        let refused = ask("127.0.0.50", "eve@elsewhere.example");
        assert!(refused.starts_with("554 5.7.1"), "{refused}");
        let event = gateway.event("mail.refused", |event| event["code"] == "access-rejected");
        assert!(event["cause"].as_str().unwrap().contains("127.0.0.0/16 (all of them)"), "{event}");
        assert!(ask("127.0.0.10", "eve@elsewhere.example").starts_with("250"), "a relay network is not concerned");
        let accepted = asks("127.0.0.60", "no-fqdn", "eve@elsewhere.example", &[ALICE, "bob@partner.example"]);
        assert!(accepted[0].starts_with("250"), "the longest prefix wins, and skips the checks");
        assert!(accepted[1].starts_with("550 5.7.1"), "but not the relay rule");
        let postmaster = asks("127.0.0.50", "no-fqdn", "eve@elsewhere.example", &["postmaster@company.example"]);
        assert!(postmaster[0].starts_with("250"));
        let exported = gateway.run(&["config", "export"]);
        assert!(exported.contains("{ network = \"127.0.0.0/16\", action = \"reject\", comment = \"all of them\" },"), "{exported}");
        gateway.apply(&exported);
        gateway.apply("[protection]\nhelo_fqdn = true\n");
        assert!(asks("127.0.0.50", "no-fqdn", "eve@elsewhere.example", &[ALICE])[0].starts_with("550 5.7.1"));
        assert!(asks("127.0.0.50", "mx.elsewhere.example", "eve@elsewhere.example", &[ALICE])[0].starts_with("250"));
    });
}

#[test]
fn m_p2_m_p8_strangers_say_helo_where_it_is_demanded() {
    isolated(|| {
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(&format!("{}[protection]\nhelo_required = true\n", site()));
        let mut session = Client::connect(GATE, "127.0.0.50").unwrap();
        assert!(session.say("MAIL FROM:<eve@elsewhere.example>").unwrap().starts_with("503 5.5.1"));
        // Not for a relay network, and for nobody while it is off.
        let without = |from: &str| Client::connect(GATE, from).unwrap().say("MAIL FROM:<eve@elsewhere.example>").unwrap();
        assert!(without("127.0.0.10").starts_with("250"));
        gateway.apply(&format!("{}[protection]\nhelo_required = false\n", site()));
        assert!(without("127.0.0.50").starts_with("250"));
    });
}

/// Knot with the zones of this story at 127.0.0.53.
fn names(room: &Room) -> Server {
    let soa = "@ 1 IN SOA ns admin 1 60 60 600 1\n@ 1 IN NS ns\n";
    let forward = format!(
        "$ORIGIN example.\n{soa}ns A 127.0.0.53\nmx.partner A 198.51.100.20\npartner MX 10 mx.partner\nliar A 198.51.100.99\nlisted A 198.51.100.70\n\
         plain A 198.51.100.9\nnomail MX 0 .\nempty TXT nothing\n70.100.51.198.list A 127.0.0.2\n70.100.51.198.list TXT \"spam was seen\"\n\
         20.100.51.198.list A 127.255.255.254\n"
    );
    let backward = format!(
        "$ORIGIN 100.51.198.in-addr.arpa.\n{soa}ns A 127.0.0.53\n20 PTR mx.partner.example.\n50 PTR liar.example.\n70 PTR listed.example.\n"
    );
    room.write("example.zone", forward);
    room.write("reverse.zone", backward);
    let folder = room.path().display().to_string();
    let config = room.write(
        "knot.conf",
        format!(
            "server:\n  rundir: {folder}\n  user: root:root\n  listen: 127.0.0.53@53\ndatabase:\n  storage: {folder}\nlog:\n  - target: {folder}/log\n    any: info\n\
             zone:\n  - domain: example\n    file: {folder}/example.zone\n  - domain: 100.51.198.in-addr.arpa\n    file: {folder}/reverse.zone\n"
        ),
    );
    let server = Server::start("/usr/sbin/knotd", &["-c", &config], &room.path().join("start.log"));
    testkit::wait::port("127.0.0.53:53");
    server
}

#[test]
fn m_p2_m_p3_what_the_dns_says_of_strangers() {
    isolated(|| {
        let room = Room::new("names");
        // Of 127/8 every resolver knows the names by itself (RFC 6761 §6.3), so strangers come from other addresses here.
        for client in [20, 50, 60, 70, 80] {
            let _ = must("ip", &["address", "add", &format!("198.51.100.{client}/32"), "dev", "lo"], b"");
        }
        let dns = names(&room);
        let gateway = Gateway::start("gateway", &format!("{NODE}[dns]\nservers = [\"127.0.0.53:53\"]\ntimeout = \"500ms\"\n"));
        let with = |protection: &str| gateway.apply(&format!("{}[protection]\n{protection}\n", site()));
        let reply = |client: &str, helo: &str, from: &str| asks(client, helo, from, &[ALICE]).remove(0);
        let good = |reply: String| assert!(reply.starts_with("250"), "{reply}");
        let refused = |reply: String, status: &str| assert!(reply.starts_with(status), "{reply}, expected {status}");

        with("helo_valid = true");
        good(reply("198.51.100.20", "mx.partner.example", "bob@partner.example"));
        good(reply("198.51.100.20", "[198.51.100.20]", "bob@partner.example"));
        refused(reply("198.51.100.20", "gone.example", "bob@partner.example"), "550 5.7.1");

        with("ptr = true");
        good(reply("198.51.100.50", "x", "bob@partner.example"));
        refused(reply("198.51.100.60", "x", "bob@partner.example"), "550 5.7.25");
        with("ptr_strict = true");
        good(reply("198.51.100.20", "x", "bob@partner.example"));
        refused(reply("198.51.100.50", "x", "bob@partner.example"), "550 5.7.25");
        good(reply("127.0.0.10", "x", "ann@company.example"));

        with("sender_domain = true");
        good(reply("198.51.100.60", "x", "bob@partner.example"));
        good(reply("198.51.100.60", "x", "bob@plain.example"));
        good(reply("198.51.100.60", "x", ""));
        refused(reply("198.51.100.60", "x", "bob@gone.example"), "550 5.1.8");
        refused(reply("198.51.100.60", "x", "bob@empty.example"), "550 5.1.8");
        refused(reply("198.51.100.60", "x", "bob@nomail.example"), "550 5.7.27");

        with("rbl = [\"gone.example\", \"list.example\"]");
        let listed = reply("198.51.100.70", "x", "bob@partner.example");
        assert!(listed.starts_with("554 5.7.1") && listed.contains("list.example"), "{listed}");
        let event = gateway.event("mail.refused", |event| event["code"] == "block-listed");
        assert!(event["cause"].as_str().unwrap().contains("spam was seen"), "{event}");
        good(reply("198.51.100.20", "x", "bob@partner.example"));
        let _ = gateway.event("rbl.refused", |event| event["zone"] == "list.example");

        // Nobody answers: nobody is refused for good.
        drop(dns);
        with("helo_valid = true\nptr = true\nrbl = [\"list.example\"]");
        good(reply("198.51.100.80", "silent.example", "eve@silent.example"));
        with("ptr_strict = true");
        refused(reply("198.51.100.80", "silent.example", "eve@silent.example"), "451 4.4.3");
        with("sender_domain = true");
        refused(reply("198.51.100.80", "silent.example", "eve@silent.example"), "451 4.4.3");
    });
}

#[test]
fn m_t10_checks_of_clients_and_of_mail_ask_one_cache() {
    isolated(|| {
        let company = sealgate_tests::scene::company();
        let dns = LyingDns::start("127.0.0.53:53");
        dns.says("", Answer::Kept("127.0.0.66".parse().unwrap()));
        let gateway = Gateway::start("gateway", &format!("{NODE}[dns]\nservers = [\"127.0.0.53:53\"]\ndnssec = \"off\"\n"));
        gateway.apply(&format!("{}[protection]\nsender_domain = true\n", site()));
        let mut client = Client::connect(GATE, "127.0.0.66").unwrap();
        client.say("EHLO mx.partner.example").unwrap();
        let mail = text("bob@partner.example", ALICE, "Names", "hello");
        assert!(client.mail("bob@partner.example", &[ALICE], mail.as_bytes()).unwrap().starts_with("250"));
        let checked = gateway.event("mail.checked", |_| true);
        assert_eq!(checked["spf"], "pass", "by the MX hosts: {checked}");
        let _ = company.wait_for("alice", 1);
        // The sender's domain was looked up at MAIL, its MX again for SPF.
        let asked = dns.asked();
        assert_eq!(asked.iter().filter(|name| *name == "partner.example/15/udp").count(), 1, "{asked:?}");
        // The site's own names come first, at once.
        gateway.apply(&format!(
            "{}[protection]\nsender_domain = true\n",
            site().replace(
                "[mail]\n",
                "[mail]\nzones = [{ domain = \"partner.example\", host = \"mx.local\", mx = 10, ip = \"127.0.0.77\" }]\n"
            )
        ));
        let mail = text("bob@partner.example", ALICE, "Zones", "hello");
        assert!(client.mail("bob@partner.example", &[ALICE], mail.as_bytes()).unwrap().starts_with("250"));
        let _ = gateway.events("mail.checked", 2, |_| true);
        assert!(dns.asked().iter().any(|name| name == "mx.local/1/udp"), "its host is the zone's: {:?}", dns.asked());
    });
}
