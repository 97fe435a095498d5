//! Re-injection: processed mail goes back to the server it came from, and knows that it was here (mail-gateway.md M-T8).
//!
//! The mail that goes back bears a keyed mark: HMAC over Message-ID, envelope sender and day, with a key of the site. A
//! marked mail that comes from a relay network passes untouched and goes out; a mark from anywhere else is stripped like
//! every field of ours (security.md X-6). Each pass adds a Received field of ours: beyond three the mail turns in
//! circles (X-12).

use std::sync::Arc;

use message::Message;
use model::{Address, Fault, Guilty, Peer, Site, Timestamp};

/// The field of the mark.
pub const FIELD: &str = "X-Sealgate-Reinjected";
/// Passes of one mail through this site.
const PASSES_MOST: usize = 3;
const DAY: i64 = 86_400 * 1_000_000;

/// The site's key for marks. It never leaves who holds it.
pub trait MarkKey: Send + Sync {
    /// The MAC of these octets; `None` while there is no key.
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>>;
    /// True if the MAC is that of these octets, under the present key or an older one. In constant time.
    fn fits(&self, octets: &[u8], mac: &[u8]) -> bool;
}

/// Marks nothing, and knows no mark.
pub struct NoMarks;

impl MarkKey for NoMarks {
    fn mac(&self, _octets: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn fits(&self, _octets: &[u8], _mac: &[u8]) -> bool {
        false
    }
}

/// What marks are made and known with.
#[derive(Clone)]
pub struct Marks(pub Arc<dyn MarkKey>);

impl Marks {
    /// The value of the mark's field.
    ///
    /// # Errors
    /// `reinject-unmarked`: there is no key, or no Message-ID; without a mark the mail would be processed for ever.
    pub fn mark(&self, message: &Message, sender: Option<&Address>, now: Timestamp) -> Result<String, Fault> {
        let missing = |what: &str| Fault::temporary(Guilty::Configuration, "reinject-unmarked", format!("there is no {what} for the mark"));
        let id = message_id(message).ok_or_else(|| missing("Message-ID"))?;
        let day = now.0.div_euclid(DAY);
        let mac = self.0.mac(&octets(&id, sender, day)).ok_or_else(|| missing("key"))?;
        Ok(format!("v1 {day} {}", data_encoding::HEXLOWER.encode(&mac)))
    }

    /// True if the mail bears a mark of ours of today or yesterday, once, and comes from a relay network.
    #[must_use]
    pub fn is_ours(&self, site: &Site, peer: &Peer, message: &Message, sender: Option<&Address>, now: Timestamp) -> bool {
        if !site.may_relay(peer.address) {
            return false;
        }
        let mut marks = message.fields_named(FIELD);
        let (Some(mark), None) = (marks.next(), marks.next()) else { return false };
        let text = mark.text();
        let mut words = text.trim().split(' ');
        let (version, day, mac, more) = (words.next(), words.next(), words.next(), words.next());
        let day: Option<i64> = day.and_then(|day| day.parse().ok());
        let (Some("v1"), Some(day), Some(mac), None) = (version, day, mac, more) else { return false };
        let today = now.0.div_euclid(DAY);
        let Some(id) = message_id(message).filter(|_| (today - 1..=today + 1).contains(&day)) else { return false };
        data_encoding::HEXLOWER.decode(mac.as_bytes()).is_ok_and(|mac| self.0.fits(&octets(&id, sender, day), &mac))
    }
}

/// Refuses a mail that has passed here too often.
///
/// # Errors
/// `mail-loop`, 5.4.6.
pub fn check_passes(message: &Message, hostname: &str) -> Result<(), Fault> {
    let by_us = format!("by {} ", hostname.to_ascii_lowercase());
    let passes = message.fields_named("received").filter(|field| field.text().to_ascii_lowercase().contains(&by_us)).count();
    if passes <= PASSES_MOST {
        return Ok(());
    }
    Err(Fault::permanent(Guilty::Sender, "mail-loop", format!("{passes} passes through this site")).with("hops", passes))
}

/// The one Message-ID.
fn message_id(message: &Message) -> Option<String> {
    let mut fields = message.fields_named("message-id");
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    Some(field.text().trim().to_owned()).filter(|id| !id.is_empty())
}

fn octets(id: &str, sender: Option<&Address>, day: i64) -> Vec<u8> {
    let sender = sender.map(|sender| sender.key().as_str().to_owned()).unwrap_or_default();
    format!("{}\0{id}\0{sender}\0{day}", id.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Budget;
    use model::site::{Section, SiteRow};

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

    /// A key that is a hash of a word.
    struct Word(&'static str);

    impl MarkKey for Word {
        fn mac(&self, octets: &[u8]) -> Option<Vec<u8>> {
            Some(openssl::sha::sha256(&[self.0.as_bytes(), octets].concat()).to_vec())
        }

        fn fits(&self, octets: &[u8], mac: &[u8]) -> bool {
            self.mac(octets).is_some_and(|ours| ours == mac)
        }
    }

    fn message(head: &str) -> Message {
        Message::parse(Bytes::from(format!("{head}\r\n\r\nx\r\n")), &Budget::default()).unwrap()
    }

    fn site() -> Site {
        let mut site = Site::default();
        let body = r#"{"relay_networks":["192.0.2.0/24"]}"#.to_owned();
        site.apply(&SiteRow { section: Section::Mail, key: String::new(), version: 1, body }).unwrap();
        site
    }

    fn peer(address: &str) -> Peer {
        Peer { address: address.parse().unwrap(), helo: String::new(), tls: None, account: None, proof: model::Proof::default() }
    }

    #[test]
    fn x_6_a_mark_counts_from_a_relay_network_for_its_own_mail_and_day_only() {
        let (marks, site) = (Marks(Arc::new(Word("key"))), site());
        let sender = Address::parse("a@company.example").unwrap();
        let mark = marks.mark(&message("Message-ID: <1@company.example>"), Some(&sender), NOW).unwrap();
        let marked = |mark: &str| message(&format!("{FIELD}: {mark}\r\nMessage-ID: <1@company.example>"));
        let is_ours =
            |message: &Message, client: &str, sender: Option<&Address>, now| marks.is_ours(&site, &peer(client), message, sender, now);
        assert!(is_ours(&marked(&mark), "192.0.2.7", Some(&sender), NOW));
        assert!(!is_ours(&marked(&mark), "198.51.100.7", Some(&sender), NOW), "from anywhere else");
        let tomorrow = Timestamp(NOW.0 + DAY);
        assert!(is_ours(&marked(&mark), "192.0.2.7", Some(&sender), tomorrow));
        assert!(!is_ours(&marked(&mark), "192.0.2.7", Some(&sender), Timestamp(NOW.0 + 2 * DAY)), "old");
        let other = Address::parse("b@company.example").unwrap();
        assert!(!is_ours(&marked(&mark), "192.0.2.7", Some(&other), NOW) && !is_ours(&marked(&mark), "192.0.2.7", None, NOW));
        let another = message(&format!("{FIELD}: {mark}\r\nMessage-ID: <2@company.example>"));
        assert!(!is_ours(&another, "192.0.2.7", Some(&sender), NOW), "of another mail");
        let twice = message(&format!("{FIELD}: {mark}\r\n{FIELD}: {mark}\r\nMessage-ID: <1@company.example>"));
        assert!(!is_ours(&twice, "192.0.2.7", Some(&sender), NOW));
        for spoilt in [mark.replace("v1", "v2"), format!("{mark} x"), mark[..mark.len() - 1].to_owned(), "v1".to_owned(), String::new()] {
            assert!(!is_ours(&marked(&spoilt), "192.0.2.7", Some(&sender), NOW), "{spoilt}");
        }
        assert!(!Marks(Arc::new(Word("other"))).is_ours(&site, &peer("192.0.2.7"), &marked(&mark), Some(&sender), NOW));
    }

    #[test]
    fn m_t8_without_a_mark_nothing_goes_back() {
        let marks = Marks(Arc::new(Word("key")));
        assert_eq!(marks.mark(&message("Subject: none"), None, NOW).unwrap_err().code, "reinject-unmarked");
        assert_eq!(Marks(Arc::new(NoMarks)).mark(&message("Message-ID: <1@x>"), None, NOW).unwrap_err().code, "reinject-unmarked");
    }

    #[test]
    fn x_12_more_than_three_passes_are_a_loop() {
        let passed = |times: usize| {
            let ours = "Received: from a by Gate.Company.example with ESMTP id x;\r\n Sat, 21 Nov 2026 21:44:34 +0000\r\n";
            message(&format!("{}Received: from b by other.example; x\r\nSubject: s", ours.repeat(times)))
        };
        assert!(check_passes(&passed(3), "gate.company.example").is_ok());
        let fault = check_passes(&passed(4), "gate.company.example").unwrap_err();
        assert_eq!((fault.code, fault.temporary), ("mail-loop", false));
        assert!(check_passes(&passed(9), "company.example").is_ok(), "another's name");
    }
}
