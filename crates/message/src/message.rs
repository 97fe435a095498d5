//! A mail: its bytes and the index over them.
//!
//! Made once by [`Message::parse`] and never changed; a clone is two counters. What comes after it are
//! questions (fields, parts, author, shape) and [`Message::edit`], which gives new bytes.

use std::sync::Arc;

use bytes::Bytes;
use model::{Address, Budget, Fault, Guilty, Timestamp};

use crate::anomaly::{self, Anomaly, AnomalyKind, SINGLE};
use crate::bytes_of::slice;
use crate::header::{self, Field, HeaderLimits, Section};
use crate::tree::{self, Part};
use crate::{Edit, FromError, Mailbox, MessageError, address};

/// One mail, immutable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Message(Arc<Index>);

#[derive(Debug)]
struct Index {
    bytes: Bytes,
    section: Section,
    root: Part,
    anomalies: Vec<Anomaly>,
}

impl Message {
    /// Reads `bytes` with the usual header limits. The budget counts the bytes and the time; its bounds on parts
    /// and depth hold for each message that is read.
    ///
    /// # Errors
    /// When the header or the tree passes a limit; no bytes are malformed otherwise.
    pub fn parse(bytes: Bytes, budget: &Budget) -> Result<Self, MessageError> {
        let limits = budget.limits();
        Self::parse_within(bytes, budget, HeaderLimits { bytes: limits.header, lines: limits.header_lines })
    }

    /// Reads `bytes` with other header limits.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_within(bytes: Bytes, budget: &Budget, limits: HeaderLimits) -> Result<Self, MessageError> {
        budget.bytes(bytes.len())?;
        let section = header::scan(&bytes, 0, Some(limits), |_| false)?;
        let (root, mut anomalies) = tree::scan::tree(&bytes, &section, budget)?;
        duplicates(&bytes, &section, &mut anomalies);
        Ok(Self(Arc::new(Index { bytes, section, root, anomalies })))
    }

    /// All bytes, as they came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The header section with the line end of its last field, without the empty line.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        slice(&self.0.bytes, 0..self.0.section.end)
    }

    /// What follows the empty line.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        slice(&self.0.bytes, self.0.section.body..self.0.bytes.len())
    }

    /// The part that is the whole message, id `1`.
    #[must_use]
    pub fn root(&self) -> &Part {
        &self.0.root
    }

    /// The part of this id.
    #[must_use]
    pub fn part(&self, id: &str) -> Option<&Part> {
        let mut numbers = id.split('.');
        if numbers.next() != Some("1") {
            return None;
        }
        numbers.try_fold(self.root(), |part, number| {
            let number: usize = number.parse().ok()?;
            part.children.get(number.checked_sub(1)?)
        })
    }

    /// All parts, from the first to the last in the bytes.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.root().walk()
    }

    /// The header's fields in their order. Lines that are no field yield none.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        header::fields(&self.0.bytes, &self.0.section.items)
    }

    /// The fields of this name, in any case.
    pub fn fields_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Field<'a>> {
        self.fields().filter(move |field| field.is(name))
    }

    /// The text of the first field of this name: unfolded, RFC 2047 decoded, no control characters.
    #[must_use]
    pub fn decoded(&self, name: &str) -> Option<String> {
        self.fields_named(name).next().map(|field| field.text())
    }

    /// The texts of all fields of this name.
    #[must_use]
    pub fn decoded_all(&self, name: &str) -> Vec<String> {
        self.fields_named(name).map(|field| field.text()).collect()
    }

    /// The one author: exactly one From field with exactly one mailbox by a strict reading, and no Sender
    /// field that names somebody else (CVE-2026-27444).
    ///
    /// # Errors
    /// [`FromError`] says what stands against it.
    pub fn sole_from(&self) -> Result<Address, FromError> {
        let from = self.author()?;
        let mut senders = self.fields_named("sender");
        match (senders.next(), senders.next()) {
            (None, _) => Ok(from),
            (Some(_), Some(_)) => Err(FromError::Several),
            (Some(sender), None) if address::sole(sender.value)?.address.key() == from.key() => Ok(from),
            _ => Err(FromError::SenderDiffers),
        }
    }

    /// The one author by From alone, whoever the Sender field names (a secretary, a mailing list).
    ///
    /// # Errors
    /// As [`Self::sole_from`], but for Sender.
    pub fn author(&self) -> Result<Address, FromError> {
        let mut fields = self.fields_named("from");
        match (fields.next(), fields.next()) {
            (None, _) => Err(FromError::Missing),
            (Some(_), Some(_)) => Err(FromError::Several),
            (Some(field), None) => address::sole(field.value).map(|mailbox| mailbox.address),
        }
    }

    /// The mailboxes of all fields of this name; fields that can't be read strictly yield none.
    #[must_use]
    pub fn mailboxes(&self, name: &str) -> Vec<Mailbox> {
        self.fields_named(name).filter_map(|field| address::list(field.value).ok()).flatten().collect()
    }

    /// The Date field, if it can be read (RFC 5322 §3.3).
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        let date = mail_parser::DateTime::parse_rfc822(&self.decoded("date")?)?;
        date.is_valid().then(|| Timestamp(date.to_timestamp().saturating_mul(1_000_000)))
    }

    /// The Message-ID without angle brackets.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        let id = self.decoded("message-id")?;
        let id = id.trim_start_matches('<').trim_end_matches('>');
        (!id.is_empty()).then(|| id.to_owned())
    }

    /// What two programs could read in two ways. Looks through all bytes: ask once.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let mut all = self.0.anomalies.clone();
        let kinds = [
            (self.header(), AnomalyKind::HeaderNul, AnomalyKind::HeaderBareCr),
            (self.body(), AnomalyKind::BodyNul, AnomalyKind::BodyBareCr),
        ];
        for (bytes, nul, bare) in kinds {
            let (has_nul, has_bare) = anomaly::stray(bytes);
            let found = [(has_nul, nul), (has_bare, bare)].into_iter().filter(|(found, _)| *found);
            all.extend(found.map(|(_, kind)| Anomaly { kind, part: "1".to_owned() }));
        }
        all
    }

    /// Refuses a mail that two usual programs would read differently (security.md X-9).
    ///
    /// # Errors
    /// A permanent fault `mail-ambiguous` of the sender; its cause names the findings.
    pub fn refuse_ambiguous(&self) -> Result<(), Fault> {
        let found: Vec<String> = self.anomalies().iter().filter(|a| a.kind.is_dangerous()).map(ToString::to_string).collect();
        if found.is_empty() { Ok(()) } else { Err(Fault::permanent(Guilty::Sender, "mail-ambiguous", found.join(", "))) }
    }

    /// Starts a change; this message stays as it is.
    #[must_use]
    pub fn edit(&self) -> Edit {
        Edit::new(self)
    }

    pub(crate) fn section(&self) -> &Section {
        &self.0.section
    }
}

fn duplicates(bytes: &[u8], section: &Section, anomalies: &mut Vec<Anomaly>) {
    let mut seen = [0usize; SINGLE.len()];
    for field in header::fields(bytes, &section.items) {
        if let Some(count) = SINGLE.iter().position(|name| field.is(name)).and_then(|which| seen.get_mut(which)) {
            *count += 1;
        }
    }
    for (name, count) in SINGLE.iter().zip(seen) {
        if count > 1 {
            anomalies.push(Anomaly { kind: AnomalyKind::Duplicate((*name).to_owned()), part: "1".to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{BudgetKind, Exhausted, Limits};

    fn parts(count: usize) -> Bytes {
        let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
        format!("{head}{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(count)).into()
    }

    fn nested(depth: usize) -> Bytes {
        format!("{}\r\nx", "Content-Type: message/rfc822\r\n\r\n".repeat(depth - 1)).into()
    }

    #[test]
    fn m_t6_depth_and_parts_are_bounded_per_message() {
        let budget = Budget::default();
        for _ in 0..3 {
            assert!(Message::parse(parts(999), &budget).is_ok(), "the multipart itself is the thousandth");
        }
        let exhausted = |kind, limit| Some(MessageError::TooComplex(Exhausted { kind, limit }));
        assert_eq!(Message::parse(parts(1_000), &budget).err(), exhausted(BudgetKind::Parts, 1_000));
        assert!(Message::parse(nested(50), &budget).is_ok());
        assert_eq!(Message::parse(nested(51), &budget).err(), exhausted(BudgetKind::Depth, 50));
        let few = Budget::new(Limits { bytes: 10, ..Limits::default() });
        assert_eq!(Message::parse(parts(2), &few).err(), exhausted(BudgetKind::Bytes, 10));
        let deep = Budget::new(Limits { depth: 100_000, ..Limits::default() });
        assert_eq!(Message::parse(nested(10_000), &deep).err(), exhausted(BudgetKind::Depth, 200), "the stack must bear it");
    }

    #[test]
    fn m_t6_the_header_is_bounded_at_its_default() {
        let lines = |count: usize| Bytes::from(format!("{}\r\n", "A: 1\r\n".repeat(count)));
        assert!(Message::parse(lines(1_000), &Budget::default()).is_ok());
        assert!(matches!(Message::parse(lines(1_001), &Budget::default()), Err(MessageError::HeaderTooLarge { .. })));
        let long = |octets: usize| Bytes::from(format!("A: {}\r\n\r\n", "x".repeat(octets - 5)));
        assert!(Message::parse(long(256 * 1024), &Budget::default()).is_ok());
        assert!(matches!(Message::parse(long(256 * 1024 + 1), &Budget::default()), Err(MessageError::HeaderTooLarge { .. })));
    }

    #[test]
    fn cve_2026_27444_sole_from_needs_one_author() {
        let from = |header: &str| Message::parse(Bytes::from(format!("{header}\r\n\r\n")), &Budget::default()).unwrap().sole_from();
        assert_eq!(from("From: A <a@b.example>").unwrap().as_str(), "a@b.example");
        assert_eq!(from("From: A <a@b.example>\r\nSender: a@B.example").unwrap().as_str(), "a@b.example");
        assert_eq!(from("To: a@b.example"), Err(FromError::Missing));
        assert_eq!(from("From:"), Err(FromError::Missing));
        assert_eq!(from("From: a@b.example\r\nfrom : c@d.example"), Err(FromError::Several), "with a blank before the colon too");
        assert_eq!(from("From: a@b.example\r\nSender: c@d.example"), Err(FromError::SenderDiffers));
        assert_eq!(from("From: a@b.example\r\nSender: a@b.example\r\nSender: a@b.example"), Err(FromError::Several));
    }

    #[test]
    fn x_9_ambiguous_mail_is_refused_with_its_reasons() {
        let bytes = Bytes::from_static(b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nx");
        let fault = Message::parse(bytes, &Budget::default()).unwrap().refuse_ambiguous().unwrap_err();
        assert_eq!((fault.code, fault.temporary), ("mail-ambiguous", false));
        assert_eq!(fault.cause, "duplicate-field in part 1: from");
        assert!(Message::parse(parts(3), &Budget::default()).unwrap().refuse_ambiguous().is_ok());
    }

    #[test]
    fn dates_and_ids() {
        let bytes = Bytes::from_static(b"Date: Sat, 21 Nov 2026 22:44:34 +0100 (CET)\r\nMessage-ID: <1@b.example>\r\n\r\n");
        let message = Message::parse(bytes, &Budget::default()).unwrap();
        assert_eq!(message.date().map(Timestamp::rfc3339).as_deref(), Some("2026-11-21T21:44:34Z"));
        assert_eq!(message.message_id().as_deref(), Some("1@b.example"));
    }
}
