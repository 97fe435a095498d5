//! Tests of [`super`] with a DNS of fixed answers.

use std::collections::HashMap;
use std::net::IpAddr;

use async_trait::async_trait;
use model::SiteRow;
use model::site::Section;

use super::lookups::NoAnswer;
use super::*;

/// Names by what is asked; `silent` answers nothing at all.
#[derive(Default)]
struct Zone {
    records: HashMap<&'static str, Vec<&'static str>>,
    silent: bool,
    hangs: bool,
    /// Questions that hang while others are answered.
    stuck: Vec<&'static str>,
}

impl Zone {
    async fn ask(&self, key: &str) -> Result<Vec<String>, NoAnswer> {
        if self.hangs || self.stuck.contains(&key) {
            std::future::pending::<()>().await;
        }
        if self.silent {
            return Err(NoAnswer::Temporary("silent".into()));
        }
        let found = self.records.get(key).ok_or(NoAnswer::NoSuchName)?;
        Ok(found.iter().map(|text| (*text).to_owned()).collect())
    }
}

#[async_trait]
impl Lookups for Zone {
    async fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer> {
        self.ask(&format!("ptr {address}")).await
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        Ok(self.ask(&format!("a {host}")).await?.iter().map(|text| text.parse().unwrap()).collect())
    }

    async fn ipv4(&self, name: &str) -> Result<Vec<std::net::Ipv4Addr>, NoAnswer> {
        Ok(self.ask(&format!("a {name}")).await?.iter().map(|text| text.parse().unwrap()).collect())
    }

    async fn exchangers(&self, domain: &str) -> Result<Vec<String>, NoAnswer> {
        self.ask(&format!("mx {domain}")).await
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.ask(&format!("txt {name}")).await
    }
}

fn zone() -> Zone {
    let records = HashMap::from([
        ("ptr 198.51.100.1", vec!["mx.good.example"]),
        ("a mx.good.example", vec!["198.51.100.1"]),
        ("ptr 198.51.100.2", vec!["liar.example"]),
        ("a liar.example", vec!["203.0.113.9"]),
        ("ptr 198.51.100.66", vec!["mx.slow.example"]),
        ("a mx.slow.example", vec!["198.51.100.66"]),
        ("a empty.example", vec![]),
        ("mx good.example", vec!["mx.good.example"]),
        ("mx plain.example", vec![]),
        ("a plain.example", vec!["198.51.100.7"]),
        ("mx null.example", vec!["."]),
        ("mx hollow.example", vec![]),
        ("a 66.100.51.198.list.example", vec!["127.0.0.2"]),
        ("txt 66.100.51.198.list.example", vec!["spam seen"]),
        ("a 67.100.51.198.list.example", vec!["127.255.255.254"]),
    ]);
    Zone { records, ..Zone::default() }
}

fn site(protection: serde_json::Value) -> Site {
    let mut site = Site::default();
    for (section, key, body) in
        [(Section::Protection, "", protection.to_string()), (Section::Mail, "", r#"{"relay_networks":["192.0.2.0/24"]}"#.to_owned())]
    {
        site.apply(&SiteRow { section, key: key.into(), version: 1, body }).unwrap();
    }
    site
}

fn peer(client: &str, helo: &str) -> Peer {
    Peer { helo: helo.into(), ..Peer::new(client.parse().unwrap()) }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

async fn word(zone: Zone, protection: serde_json::Value, peer: &Peer, sender: &str) -> &'static str {
    let sender = (!sender.is_empty()).then(|| address(sender));
    let settings = Settings { longest: Duration::from_millis(50), ..Settings::default() };
    match Welcome::new(Arc::new(zone), settings).standing(&site(protection), peer, sender.as_ref()).await {
        Standing::Exempt => "exempt",
        Standing::Stranger => "stranger",
        Standing::Unwelcome(fault) => fault.code,
    }
}

#[tokio::test]
async fn m_p2_helo_is_qualified_and_known() {
    let fqdn = || serde_json::json!({"helo_fqdn": true});
    let valid = || serde_json::json!({"helo_valid": true});
    for (name, qualified, known) in [
        ("mx.good.example", "stranger", "stranger"),
        ("localhost", "helo-not-qualified", "helo-unknown"),
        ("gone.example", "stranger", "helo-unknown"),
        ("empty.example", "stranger", "helo-unknown"),
        ("[198.51.100.1]", "stranger", "stranger"),
        ("[198.51.100.2]", "stranger", "helo-unknown"),
        ("[IPv6:::ffff:198.51.100.1]", "stranger", "stranger"),
        ("a..b", "helo-not-qualified", "helo-unknown"),
        ("under score.example", "helo-not-qualified", "helo-unknown"),
    ] {
        let client = peer("198.51.100.1", name);
        assert_eq!(word(zone(), fqdn(), &client, "a@good.example").await, qualified, "{name}");
        assert_eq!(word(zone(), valid(), &client, "a@good.example").await, known, "{name}");
    }
}

#[tokio::test]
async fn m_p2_ptr_and_its_strict_form() {
    for (client, plain, strict) in [
        ("198.51.100.1", "stranger", "stranger"),
        ("198.51.100.2", "stranger", "client-name-unconfirmed"),
        ("198.51.100.3", "client-without-name", "client-without-name"),
    ] {
        let client = peer(client, "x");
        assert_eq!(word(zone(), serde_json::json!({"ptr": true}), &client, "").await, plain);
        assert_eq!(word(zone(), serde_json::json!({"ptr_strict": true}), &client, "").await, strict);
    }
}

#[tokio::test]
async fn m_p2_the_senders_domain_exists() {
    for (sender, expected) in [
        ("a@good.example", "stranger"),
        ("a@plain.example", "stranger"),
        ("a@gone.example", "sender-domain-unknown"),
        ("a@hollow.example", "sender-domain-unknown"),
        ("a@null.example", "sender-domain-takes-no-mail"),
        ("", "stranger"),
    ] {
        let client = peer("198.51.100.1", "x");
        assert_eq!(word(zone(), serde_json::json!({"sender_domain": true}), &client, sender).await, expected, "{sender}");
    }
}

#[tokio::test]
async fn m_p3_block_lists() {
    let rbl = || serde_json::json!({"rbl": ["other.example", "list.example"]});
    assert_eq!(word(zone(), rbl(), &peer("198.51.100.66", "x"), "").await, "block-listed");
    assert_eq!(word(zone(), rbl(), &peer("198.51.100.67", "x"), "").await, "stranger", "\"you may not ask\" is no listing");
    assert_eq!(word(zone(), rbl(), &peer("198.51.100.1", "x"), "").await, "stranger");
}

#[tokio::test]
async fn m_p2_a_silent_dns_refuses_nobody_for_good() {
    let all = serde_json::json!({"helo_valid": true, "ptr": true, "rbl": ["list.example"]});
    let client = peer("198.51.100.66", "gone.example");
    let demands = [serde_json::json!({"ptr_strict": true}), serde_json::json!({"sender_domain": true})];
    for hangs in [false, true] {
        let quiet = || Zone { silent: !hangs, hangs, ..zone() };
        assert_eq!(word(quiet(), all.clone(), &client, "a@gone.example").await, "stranger");
        for demand in &demands {
            assert_eq!(word(quiet(), demand.clone(), &client, "a@gone.example").await, "sender-unsure", "for now only");
        }
    }
    assert!(unsure(String::new()).temporary);
}

#[tokio::test]
async fn m_p3_a_look_up_that_hangs_takes_no_other_answer_away() {
    let rules = serde_json::json!({"helo_valid": true, "ptr": true, "rbl": ["dead.example", "list.example"]});
    for stuck in ["a mx.slow.example", "ptr 198.51.100.66", "a 66.100.51.198.dead.example"] {
        let slow = Zone { stuck: vec![stuck], ..zone() };
        assert_eq!(word(slow, rules.clone(), &peer("198.51.100.66", "mx.slow.example"), "a@good.example").await, "block-listed", "{stuck}");
    }
    // A firm no beside a proof that can't be had.
    let slow = Zone { stuck: vec!["mx good.example"], ..zone() };
    let rules = serde_json::json!({"sender_domain": true, "rbl": ["list.example"]});
    assert_eq!(word(slow, rules, &peer("198.51.100.66", "x"), "a@good.example").await, "block-listed");
}

#[tokio::test]
async fn m_p8_whom_the_checks_concern() {
    let strict = |access: serde_json::Value| serde_json::json!({"helo_fqdn": true, "helo_valid": true, "ptr_strict": true, "sender_domain": true, "rbl": ["list.example"], "access": access});
    let none = || strict(serde_json::json!([]));
    let stranger = peer("198.51.100.66", "x");
    let mut signed_in = stranger.clone();
    signed_in.account = Some(address("bob@company.example"));
    assert_eq!(word(zone(), none(), &stranger, "a@gone.example").await, "helo-not-qualified");
    assert_eq!(word(zone(), none(), &signed_in, "a@gone.example").await, "exempt");
    assert_eq!(word(zone(), none(), &peer("192.0.2.1", "x"), "a@gone.example").await, "exempt", "a relay network");
    let accept = || strict(serde_json::json!([{"network": "198.51.100", "action": "accept"}]));
    assert_eq!(word(zone(), accept(), &stranger, "a@gone.example").await, "exempt");
    let reject = || serde_json::json!({"access": [{"network": "0.0.0.0/0", "action": "reject"}]});
    assert_eq!(word(zone(), reject(), &stranger, "").await, "access-rejected");
    assert_eq!(word(zone(), reject(), &signed_in, "").await, "exempt");
    assert_eq!(word(zone(), reject(), &peer("192.0.2.1", "x"), "").await, "exempt", "a reject entry concerns external peers only");
}

#[tokio::test]
async fn m_p1_greylisting_at_rcpt() {
    let site = site(serde_json::json!({"greylist": "on"}));
    let welcome = Welcome::new(Arc::new(zone()), Settings::default());
    let (client, sender, bob) = (peer("198.51.100.1", "x"), address("a@good.example"), address("bob@company.example"));
    let (start, later) = (Timestamp(1_000_000), Timestamp(1_000_000).after(Duration::from_secs(300)));
    let ask = |standing: &Standing, to: &Address, now: Timestamp| {
        let met = Met { peer: &client, sender: Some(&sender), standing };
        welcome.recipient(&site, met, to, now).map_err(|fault| (fault.code, fault.temporary))
    };
    assert_eq!(ask(&Standing::Stranger, &bob, start), Err(("greylisted", true)));
    assert_eq!(ask(&Standing::Exempt, &bob, start), Ok(()), "m_p8");
    assert_eq!(ask(&Standing::Stranger, &address("Postmaster@company.example"), start), Ok(()));
    assert_eq!(ask(&Standing::Stranger, &bob, later), Ok(()));
    let unwelcome = Standing::Unwelcome(Fault::permanent(Guilty::Sender, "block-listed", ""));
    assert_eq!(ask(&unwelcome, &bob, later), Err(("block-listed", false)));
    assert_eq!(ask(&unwelcome, &address("postmaster@company.example"), later), Ok(()), "RFC 5321 §4.5.1");
}

#[tokio::test]
async fn m_p1_one_network_brings_only_so_many_triplets() {
    let settings = Settings { newcomers: 3, ..Settings::default() };
    let (start, later) = (Timestamp(1_000_000), Timestamp(1_000_000).after(Duration::from_secs(300)));
    for mode in ["on", "learn"] {
        let site = site(serde_json::json!({ "greylist": mode }));
        let welcome = Welcome::new(Arc::new(zone()), settings);
        let ask = |client: &str, sender: &str, now: Timestamp| {
            let (client, sender) = (peer(client, "x"), address(sender));
            let met = Met { peer: &client, sender: Some(&sender), standing: &Standing::Stranger };
            welcome.recipient(&site, met, &address("bob@company.example"), now).is_ok()
        };
        let learns = mode == "learn";
        for n in 0..50 {
            assert_eq!(ask(&format!("198.51.100.{n}"), &format!("a{n}@good.example"), start), learns);
        }
        assert_eq!(welcome.greylist().len(), 3, "beyond it nothing is noted");
        assert_eq!(ask("203.0.113.1", "a@good.example", start), learns);
        assert_eq!(welcome.greylist().len(), 4, "others have their own");
        assert!(ask("198.51.100.1", "a0@good.example", later), "what was noted passes");
        assert_eq!(ask("198.51.100.1", "a9@good.example", later), learns, "what was not waits on");
    }
}
