//! Whatever a stranger writes into his zone or his mail: a verdict comes out, and our own field stays well formed.

use mailauth::dkim::{self, Found};
use mailauth::dmarc::{self, Identifiers};
use mailauth::results::{Findings, claims};
use mailauth::spf::{Query, check_host};
use mailauth::{KeySet, arc};
use model::Timestamp;
use proptest::prelude::*;

use crate::kit::{Zone, crlf, parsed};

/// Pieces of all the languages that are read here.
const PIECES: &[&str] = &[
    "v=spf1",
    " ",
    "a",
    "mx",
    "ptr",
    "include:",
    "exists:",
    "ip4:192.0.2.0/24",
    "ip6:2001:db8::/32",
    "redirect=",
    "exp=",
    "a.example",
    "%{",
    "%{d}",
    "%{i1r}",
    "%{p}",
    "%{S}",
    "}",
    "%",
    "/",
    "//",
    "-",
    "~",
    "?",
    "all",
    "v=DMARC1",
    ";",
    "p=reject",
    "sp=none",
    "np=reject",
    "psd=y",
    "t=y",
    "v=DKIM1",
    "k=ed25519",
    "k=rsa",
    "p=",
    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "=",
    "\"",
    "(",
    ")",
    "\\",
    "é",
    "\t",
    "\0",
    "d=a.example",
    "s=s",
    "b=AAAA",
    "bh=AAAA",
    "h=from:to",
    "i=1",
    "l=1",
    "x=1",
    "cv=none",
    "a=rsa-sha256",
    "c=relaxed/simple",
    "v=1",
    "gate.example",
];
const FIELDS: &[&str] = &[
    "DKIM-Signature:",
    "ARC-Seal:",
    "ARC-Message-Signature:",
    "ARC-Authentication-Results:",
    "Authentication-Results:",
    "From: <x@a.example>",
    "From:",
    "To:",
    "\r\n ",
    "\r\n",
    "\r\n\r\n",
];

fn text(pieces: &'static [&'static str], more: &'static [&'static str]) -> impl Strategy<Value = String> {
    let all: Vec<&str> = pieces.iter().chain(more).copied().collect();
    prop::collection::vec(prop::sample::select(all), 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn x_11_every_record_and_every_mail_gets_a_verdict(record in text(PIECES, &[]), policy in text(PIECES, &[]), mail in text(PIECES, FIELDS)) {
        let mut zone = Zone::default();
        for name in ["a.example", "s._domainkey.a.example", "_dmarc.a.example", "_dmarc.example"] {
            zone.add(name, "TXT", record.as_bytes());
        }
        zone.add("_spf.a.example", "TXT", format!("v=spf1 {policy}").as_bytes());
        zone.add("1.2.0.192.in-addr.arpa", "PTR", b"a.example");
        zone.add("a.example", "A", b"192.0.2.1");
        let message = parsed(crlf(&format!("DKIM-Signature: v=1; a=ed25519-sha256; d=a.example; s=s; h=from; bh=AAAA; b=AAAA\n{mail}")));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for sender in ["x@a.example", "x@_spf.a.example", ""] {
                let query = Query { address: [192, 0, 2, 1].into(), helo: "a.example", sender, receiver: "gate.example", now: Timestamp(0) };
                let spf = check_host(&zone, query).await;
                let (found, chain) = (dkim::signatures(&message, 8), arc::Chain::of(&message));
                let keys = KeySet::fetch(&zone, found.iter().filter_map(Found::key).chain(chain.keys())).await;
                let dkim = dkim::verify(&message, &found, &keys, Timestamp(0));
                prop_assert!(dkim.iter().all(|result| result.verdict.word() != "pass"), "nothing here was signed");
                let dmarc = dmarc::evaluate(&zone, Identifiers { author: "a.example", spf: &spf, dkim: &dkim }).await;
                let arc = arc::verify(&message, &chain, &keys);
                let findings = Findings { spf, sender: mail.clone(), helo: record.clone(), dkim, dmarc, arc };
                let field = format!("Authentication-Results: {}\r\n", findings.text("gate.example"));
                prop_assert!(message.edit().prepend_raw(field.as_bytes()).is_ok(), "{field:?}");
                prop_assert!(claims(&field.as_bytes()["Authentication-Results:".len()..], "gate.example"));
            }
            Ok(())
        })?;
    }
}
