//! Everything of SPF, DKIM, DMARC, ARC and Authentication-Results that strangers write: fields of a mail, and records in
//! their own zones.

use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use mailauth::dkim::{self, Found};
use mailauth::dmarc::{self, Identifiers};
use mailauth::spf::{self, Query};
use mailauth::{Family, KeySet, LookupError, Resolver, Verdict, arc, results};
use message::Message;
use model::{Budget, Timestamp};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// Each line of the input is a record that any name has; addresses and names come from it too.
struct Zone<'d>(Vec<&'d [u8]>);

#[async_trait]
impl Resolver for Zone<'_> {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        assert!(name.len() <= 253 && !name.is_empty(), "a name that no query can hold");
        match self.0.get(name.len() % (self.0.len() + 1)) {
            Some(record) => Ok(vec![record.to_vec()]),
            None => Err(LookupError("none".to_owned())),
        }
    }

    async fn mx(&self, name: &str) -> Result<Vec<String>, LookupError> {
        Ok(self.0.iter().map(|line| String::from_utf8_lossy(line).into_owned()).chain([name.to_owned()]).collect())
    }

    async fn addresses(&self, _: &str, _: Family) -> Result<Vec<IpAddr>, LookupError> {
        Ok(self.0.iter().filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok()).collect())
    }

    async fn names(&self, _: IpAddr) -> Result<Vec<String>, LookupError> {
        Ok(self.0.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }
}

/// The zone answers at once, so one poll is the whole work.
fn done<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nothing waits"),
    }
}

/// Up to an empty line: records; behind it: a mail.
pub fn mailauth(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (records, mail) = data.split_at(end);
    let zone = Zone(records.split(|b| *b == b'\n').take(12).collect());
    let Ok(message) = Message::parse(Bytes::copy_from_slice(mail.get(2..).unwrap_or_default()), &Budget::default()) else { return };
    let sender = message.author().map(|author| author.to_string()).unwrap_or_default();
    let (address, helo) = (IpAddr::from([192, 0, 2, 1]), "client.example");
    let spf = done(spf::check_host(&zone, Query { address, helo, sender: &sender, receiver: "gate.example", now: NOW }));
    if let Some(text) = &spf.explanation {
        assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b)), "an explanation with more than printable ASCII");
    }
    let found = dkim::signatures(&message, 8);
    let chain = arc::Chain::of(&message);
    let keys = done(KeySet::fetch(&zone, found.iter().filter_map(Found::key).chain(chain.keys())));
    let dkim = dkim::verify(&message, &found, &keys, NOW);
    let arc = arc::verify(&message, &chain, &keys);
    assert_eq!(arc.verdict == Verdict::None, chain.is_empty());
    let author = sender.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
    let dmarc = done(dmarc::evaluate(&zone, Identifiers { author: &author, spf: &spf, dkim: &dkim }));
    let findings = results::Findings { spf, sender, helo: helo.to_owned(), dkim, dmarc, arc };
    let field = format!("Authentication-Results: {}\r\n", findings.text("gate.example"));
    let mut edit = message.edit();
    assert!(edit.prepend_raw(field.as_bytes()).is_ok(), "our own field is not well formed: {field:?}");
    let value = field.trim_start_matches("Authentication-Results:");
    assert!(results::claims(value.as_bytes(), "gate.example"), "our own field is not found");
    for field in message.fields() {
        let _ = (results::claims(field.value, "gate.example"), results::payload(field.value));
    }
}
