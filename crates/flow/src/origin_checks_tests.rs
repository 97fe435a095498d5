//! Checks of mail from outside against a table in place of the DNS.

use std::collections::HashMap;

use bytes::Bytes;

use super::*;
use crate::kit_tests::{OURS, STRANGER, work};

/// TXT records by name; `hangs` never answers.
#[derive(Default)]
pub(crate) struct Zone {
    pub(crate) txt: HashMap<String, String>,
    pub(crate) hangs: bool,
}

impl Zone {
    pub(crate) fn of(rows: &[(&str, &str)]) -> Self {
        Self { txt: rows.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(), hangs: false }
    }
}

#[async_trait]
impl Resolver for Zone {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(self.txt.get(name).map(|text| text.clone().into_bytes()).into_iter().collect())
    }

    async fn mx(&self, _: &str) -> Result<Vec<String>, LookupError> {
        Ok(Vec::new())
    }

    async fn addresses(&self, _: &str, _: Family) -> Result<Vec<IpAddr>, LookupError> {
        Ok(Vec::new())
    }

    async fn names(&self, _: IpAddr) -> Result<Vec<String>, LookupError> {
        Ok(Vec::new())
    }
}

fn mail(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Budget::default()).unwrap()
}

async fn checked(zone: &Zone, from: &str, header: &str) -> (Checks, Work) {
    let mut work = work(STRANGER, from, &["bob@company.example"]);
    if zone.hangs {
        work.budget = Budget::new(model::Limits { time: Duration::from_millis(100), ..model::Limits::default() });
    }
    let Origin::Smtp { peer } = &work.origin else { panic!("no client") };
    let checks = run(zone, &work, peer, &mail(&format!("{header}\r\n\r\nhi\r\n")), "gate.company.example").await;
    (checks, work)
}

#[tokio::test]
async fn m_t11_only_strangers_are_checked() {
    let who = |client: &str| {
        let work = work(client, "a@b.example", &["bob@company.example"]);
        from_outside(&work.site, &work.origin).is_some()
    };
    assert!(who(STRANGER) && !who(OURS));
    let site = Site::default();
    let account = Some(Address::parse("alice@company.example").unwrap());
    let peer = Peer { address: STRANGER.parse().unwrap(), helo: String::new(), tls: None, account, proof: model::Proof::default() };
    assert!(from_outside(&site, &Origin::Smtp { peer }).is_none(), "signed in");
    assert!(from_outside(&site, &Origin::Notice { about: None }).is_none());
}

#[tokio::test]
async fn m_t11_a_policy_of_reject_is_marked_or_refused_as_set() {
    let zone = Zone::of(&[("_dmarc.bank.example", "v=DMARC1; p=reject"), ("evil.example", "v=spf1 +all"), ("bank.example", "v=spf1 -all")]);
    let (checks, work) = checked(&zone, "x@evil.example", "From: Bank <info@bank.example>").await;
    assert_eq!((checks.findings.spf.verdict, checks.findings.dmarc.verdict), (Verdict::Pass, Verdict::Fail));
    assert!(refuse(&work.site, &checks).is_ok(), "mark is the default");
    let mut site = work.site.as_ref().clone();
    site.mail = Arc::new(model::site::MailSettings { dmarc: "refuse".into(), ..(*site.mail).clone() });
    let fault = refuse(&site, &checks).unwrap_err();
    assert_eq!((fault.code, crate::gate::reply_for(&fault).to_string().get(..9)), ("dmarc-refused", Some("550 5.7.1")));
    // A milder policy, a good sender, and two domains in From of which the worse counts.
    let quarantine = Zone::of(&[("_dmarc.bank.example", "v=DMARC1; p=quarantine")]);
    let (mild, _) = checked(&quarantine, "x@evil.example", "From: info@bank.example").await;
    assert!(refuse(&site, &mild).is_ok() && mild.findings.dmarc.verdict == Verdict::Fail);
    let two = Zone::of(&[
        ("_dmarc.bank.example", "v=DMARC1; p=reject"),
        ("evil.example", "v=spf1 +all"),
        ("_dmarc.evil.example", "v=DMARC1; p=none"),
    ]);
    let (both, _) = checked(&two, "x@evil.example", "From: x@evil.example, info@bank.example").await;
    assert!(refuse(&site, &both).is_err(), "a second author hides nothing");
}

#[tokio::test]
async fn x_6_an_author_whom_nobody_can_name_passes_no_policy() {
    let zone = Zone::of(&[("_dmarc.zbank.example", "v=DMARC1; p=reject")]);
    for from in [
        "From: a@a.example, b@b.example, c@c.example, d@d.example, boss@zbank.example",
        "From: \"Bank\" <s@zbank.example",
        "From: ",
        "Subject: no author",
    ] {
        let (checks, work) = checked(&zone, "x@evil.example", from).await;
        assert!(refuse(&work.site, &checks).is_ok(), "mark is the default");
        let mut site = work.site.as_ref().clone();
        site.mail = Arc::new(model::site::MailSettings { dmarc: "refuse".into(), ..(*site.mail).clone() });
        assert_eq!(refuse(&site, &checks).map_err(|fault| fault.code), Err("author-unclear"), "{from}");
    }
}

#[tokio::test]
async fn m_t11_a_silent_dns_is_temperror_and_no_refusal() {
    let zone = Zone { hangs: true, ..Zone::default() };
    let (checks, work) =
        checked(&zone, "x@a.example", "From: x@a.example\r\nDKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from; bh=AAAA; b=AAAA")
            .await;
    let found = &checks.findings;
    assert_eq!(
        (found.spf.verdict, found.dkim_verdict(), found.dmarc.verdict),
        (Verdict::TempError, Verdict::TempError, Verdict::TempError)
    );
    let mut site = work.site.as_ref().clone();
    site.mail = Arc::new(model::site::MailSettings { dmarc: "refuse".into(), ..(*site.mail).clone() });
    assert!(refuse(&site, &checks).is_ok());
    let words: Vec<String> = ["spf", "dkim", "dmarc"].iter().map(|name| variable(Some(&checks), name)).collect();
    assert_eq!(words, ["temperror"; 3]);
    assert_eq!(variable(None, "spf"), "none");
}

#[tokio::test]
async fn x_6_forged_results_are_removed_and_nothing_else() {
    let (own, foreign) =
        ("Authentication-Results: GATE.company.example (x); dkim=pass\r\n", "Authentication-Results: other.example; none\r\n");
    let rest = "From: a@b.example\r\nX-Odd :  kept \r\n\r\nhi\r\n";
    let budget = Budget::default();
    let strip = |text: &str| strip_claims(mail(text), "gate.company.example", &budget).unwrap().bytes().clone();
    assert_eq!(strip(&format!("{own}{foreign}{own}{rest}")), format!("{foreign}{rest}"));
    assert_eq!(strip(&format!("{foreign}{rest}")), format!("{foreign}{rest}"), "byte for byte");
}
