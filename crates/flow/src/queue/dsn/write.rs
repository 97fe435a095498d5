//! The mail of a report: text for people, fields for machines, what goes back (RFC 3464 §2, RFC 6522).
//!
//! Before: [`super::plan`] has decided whom it names. What servers said is quoted as text, never as a line of ours; of mail on
//! which a private key was used it is not quoted at all: it may speak of what was inside (security.md X-3).

use bytes::Bytes;
use message::Message;
use message::build::Builder;
use message::report::{self, Action, DeliveryStatus, RecipientStatus, Returned};
use model::{Address, Budget, Language, Outcome, Timestamp, TraceId};

use super::super::pending::{Rcpt, Stored};
use super::{Report, Subject};

/// A reply is quoted for people up to this length.
const REASON_MOST: usize = 500;

pub(super) struct Writer {
    pub(super) host: String,
    pub(super) postmaster: String,
    /// `None`: not known, then all languages in one text.
    pub(super) language: Option<Language>,
    pub(super) now: Timestamp,
    pub(super) expires: Timestamp,
    /// Mail up to this size goes back whole unless the sender has said what he wants.
    pub(super) whole_most: usize,
}

impl Writer {
    pub(super) fn write(&self, report: &Report, to: &Address, trace: TraceId, original: Option<&Stored>) -> Bytes {
        let parsed = |stored: &Stored| Message::parse(stored.content.clone(), &Budget::default()).ok();
        let original = original.and_then(|stored| parsed(stored).map(|message| (message, stored)));
        let returned = original.as_ref().and_then(|(message, stored)| report.returned(message, stored, self.whole_most));
        let whole = matches!(returned, Some(Returned::Whole(_)));
        let status = DeliveryStatus {
            reporting: self.host.clone(),
            envelope_id: report.envelope_id.clone(),
            arrival: Some(report.received),
            recipients: report.recipients.iter().map(|(subject, rcpt)| self.status(*subject, rcpt, report.hides())).collect(),
        };
        let word = report.worst().unwrap_or(Subject::Failed).word();
        let subject = self.text(self.language.unwrap_or_default(), &format!("dsn-subject-{word}"), &[]);
        let mail = Builder::new()
            .header("From", &format!("<{}>", self.postmaster))
            .mailbox("To", None, to)
            .header("Subject", &subject)
            .date(self.now)
            .message_id(&format!("{trace}@{}", self.host));
        report::delivery(mail, &self.people(report, !whole), &status, returned)
    }

    fn status(&self, subject: Subject, rcpt: &Rcpt, hides: bool) -> RecipientStatus {
        let (status, remote) = match (subject, &rcpt.last) {
            (subject, _) if hides => (subject.fixed_status().to_owned(), None),
            (Subject::Removed, _) => ("5.7.1".to_owned(), None),
            (Subject::Relayed, last) => (relayed_status(last.as_ref()), None),
            // What was temporary to the end has expired (RFC 3463 §3.5, X.4.7).
            (Subject::Failed, Some(Outcome::NotDone { temporary: true, by, .. })) => ("5.4.7".to_owned(), Some(by)),
            (_, Some(Outcome::NotDone { status, by, .. })) => (status.clone(), Some(by)),
            (Subject::Failed, _) => ("5.4.7".to_owned(), None),
            (Subject::Delayed, _) => ("4.4.7".to_owned(), None),
        };
        let remote = remote.map(String::as_str).map(name_of).filter(|by| !by.is_empty());
        // Only what a server said is an SMTP reply (RFC 3464 §2.3.6).
        let diagnostic = rcpt.last.as_ref().filter(|_| remote.is_some());
        RecipientStatus {
            original: rcpt.recipient.original.clone(),
            recipient: rcpt.recipient.address.clone(),
            action: match subject {
                Subject::Failed | Subject::Removed => Action::Failed,
                Subject::Delayed => Action::Delayed,
                Subject::Relayed => Action::Relayed,
            },
            status,
            diagnostic: diagnostic.map(|last| last.reply().to_owned()),
            remote,
            last_attempt: rcpt.last_try,
            retry_until: (subject == Subject::Delayed).then_some(self.expires),
        }
    }

    /// The text for people.
    fn people(&self, report: &Report, headers_only: bool) -> String {
        let one = self.language.map(|language| vec![language]);
        let languages = one.unwrap_or_else(|| {
            // English first: the reader's guess; then the others.
            let others = Language::ALL.into_iter().filter(|language| *language != Language::En);
            std::iter::once(Language::En).chain(others).collect()
        });
        let blocks: Vec<String> = languages.into_iter().map(|language| self.block(language, report, headers_only)).collect();
        blocks.join("\n\n-- \n\n")
    }

    /// One language: what happened, each with whom it concerns, the worst first.
    fn block(&self, language: Language, report: &Report, headers_only: bool) -> String {
        let mut text = String::new();
        for subject in Subject::ALL {
            let concerned: Vec<&Rcpt> = report.recipients.iter().filter(|(told, _)| *told == subject).map(|(_, rcpt)| rcpt).collect();
            if concerned.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&self.text(language, &format!("dsn-intro-{}", subject.word()), &[]));
            concerned.into_iter().for_each(|rcpt| self.recipient(language, (subject, report.hides()), rcpt, &mut text));
        }
        if headers_only && report.opened {
            text.push_str("\n\n");
            text.push_str(&self.text(language, "dsn-headers-only", &[]));
        }
        text
    }

    fn recipient(&self, language: Language, (subject, hides): (Subject, bool), rcpt: &Rcpt, text: &mut String) {
        text.push_str("\n\n");
        text.push_str(&self.text(language, "dsn-recipient", &[("recipient", rcpt.recipient.address.to_string())]));
        let reason = rcpt.last.as_ref().filter(|_| matches!(subject, Subject::Failed | Subject::Delayed));
        if hides {
            let withheld = matches!(subject, Subject::Failed | Subject::Delayed).then(|| self.text(language, "dsn-reason-withheld", &[]));
            withheld.into_iter().for_each(|words| text.extend(["\n", words.as_str()]));
        } else if let Some(last) = reason {
            let reason: String = last.reply().chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MOST).collect();
            text.push('\n');
            text.push_str(&self.text(language, "dsn-reason", &[("reason", reason)]));
        }
    }

    fn text(&self, language: Language, id: &str, more: &[(&str, String)]) -> String {
        let mut args = vec![("host", self.host.clone()), ("expires", self.expires.rfc5322())];
        args.extend_from_slice(more);
        texts::text(language, id, &args)
    }
}

/// The enhanced code of the next hop's reply, if it gave one of success (RFC 2034).
fn relayed_status(last: Option<&Outcome>) -> String {
    let reply = if let Some(Outcome::Done { reply }) = last { reply.as_str() } else { "" };
    let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit());
    let fits = |word: &&str| word.starts_with("2.") && word.split('.').count() == 3 && word.split('.').all(digits);
    reply.split(' ').take(2).find(fits).unwrap_or("2.0.0").to_owned()
}

/// The server's name without its address, if it has one (RFC 3464 §2.1.2).
fn name_of(by: &str) -> String {
    let by = by.trim_start_matches("dns; ");
    by.split_once(" [").map_or(by, |(name, _)| name).to_owned()
}
