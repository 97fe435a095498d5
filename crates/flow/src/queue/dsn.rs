//! Reports to senders: mail that failed, is late, or was removed (RFC 3461, RFC 3464, RFC 6522).
//!
//! Null sender, `Auto-Submitted` (RFC 3834). Of a message that we opened only the header goes back
//! (mail-gateway.md M-T7). Nobody is told of a failed bounce but the postmaster, and nobody of a failed mail to
//! the postmaster: no bounce to a bounce (RFC 5321 §6.1). `NOTIFY=NEVER` is obeyed (RFC 3461 §4.1).

use bytes::Bytes;
use message::Message;
use message::build::Builder;
use message::report::{self, Action, DeliveryStatus, RecipientStatus, Returned};
use model::{Address, Budget, Language, Outcome, Output, Plan, Recipient, Route, Site, Timestamp, TraceId};

use super::core::Core;
use super::pending::{Out, Rcpt};
use super::record::About;
use crate::notice;

/// A reply is quoted for people up to this length.
const REASON_MOST: usize = 500;

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// It will not be delivered.
    Failed,
    /// It waits.
    Delayed,
    /// An administrator has removed it.
    Removed,
}

impl Subject {
    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Removed => "removed",
        }
    }
}

/// All that a report needs to know.
pub(crate) struct Report {
    pub(crate) about: About,
    subject: Subject,
    received: Timestamp,
    sender: Option<Address>,
    opened: bool,
    envelope_id: Option<String>,
    recipients: Vec<Rcpt>,
}

impl Report {
    pub(crate) fn new(about: About, subject: Subject, received: Timestamp, out: &Out) -> Self {
        let recipients = about.recipients.iter().filter_map(|place| out.recipients.get(*place)).cloned();
        let wanted = |reports: model::Notify| match subject {
            Subject::Failed | Subject::Removed => reports.failure,
            Subject::Delayed => reports.delay,
        };
        Self {
            subject,
            received,
            sender: out.sender.clone(),
            opened: out.opened,
            envelope_id: out.envelope_id.clone(),
            recipients: recipients.filter(|rcpt| wanted(rcpt.recipient.reports())).collect(),
            about,
        }
    }

    /// Who is told.
    fn receiver(&self, site: &Site) -> Option<Address> {
        if self.sender.is_some() {
            return self.sender.clone();
        }
        let postmaster = Address::parse(&notice::postmaster(site)).ok().filter(|_| self.subject == Subject::Failed)?;
        let is_postmaster = |rcpt: &Rcpt| rcpt.recipient.address.key() == postmaster.key();
        let usable = !self.recipients.iter().any(is_postmaster);
        usable.then_some(postmaster)
    }
}

/// The report as a plan of its own; `None` if nobody is to be told.
pub(crate) async fn plan(core: &Core, report: Report) -> Option<Plan> {
    let site = core.facts.site();
    if report.recipients.is_empty() {
        return None;
    }
    let Some(to) = report.receiver(&site) else {
        tracing::warn!(event = "mail.unreported", trace = %report.about.trace, "nobody is told: it has no sender");
        return None;
    };
    let original = core.content(report.about.trace, report.about.output).await.ok();
    let writer = Writer {
        host: core.hostname(&site),
        postmaster: notice::postmaster(&site),
        language: site.domain(to.domain()).and_then(|domain| domain.language),
        now: core.clock.now(),
        expires: report.received.after(site.mail.expire.0),
        whole_most: core.settings.bounce_whole,
    };
    let trace = TraceId::new();
    let content = writer.write(&report, &to, trace, original);
    let output = Output {
        sender: None,
        recipients: vec![Recipient::plain(to)],
        route: Route::Usual,
        eight_bit: !content.is_ascii(),
        content,
        opened: true,
        envelope_id: None,
        ret: None,
        smtputf8: false,
        waits_for: None,
    };
    Some(Plan { trace, received: writer.now, outputs: vec![output], effects: Vec::new(), digest: String::new() })
}

struct Writer {
    host: String,
    postmaster: String,
    /// `None`: not known, then all languages in one text.
    language: Option<Language>,
    now: Timestamp,
    expires: Timestamp,
    whole_most: usize,
}

impl Writer {
    fn write(&self, report: &Report, to: &Address, trace: TraceId, original: Option<Bytes>) -> Bytes {
        let original = original.and_then(|content| Message::parse(content, &Budget::default()).ok());
        let whole = original
            .as_ref()
            .filter(|message| report.subject != Subject::Delayed && !report.opened && message.bytes().len() <= self.whole_most);
        let returned = whole.map(Returned::Whole).or(original.as_ref().map(Returned::Headers));
        let status = DeliveryStatus {
            reporting: self.host.clone(),
            envelope_id: report.envelope_id.clone(),
            arrival: Some(report.received),
            recipients: report.recipients.iter().map(|rcpt| self.status(report.subject, rcpt)).collect(),
        };
        let subject = self.text(self.language.unwrap_or_default(), &format!("dsn-subject-{}", report.subject.word()), &[]);
        let mail = Builder::new()
            .header("From", &format!("<{}>", self.postmaster))
            .mailbox("To", None, to)
            .header("Subject", &subject)
            .date(self.now)
            .message_id(&format!("{trace}@{}", self.host));
        report::delivery(mail, &self.people(report, whole.is_none()), &status, returned)
    }

    fn status(&self, subject: Subject, rcpt: &Rcpt) -> RecipientStatus {
        let (status, remote) = match (&rcpt.last, subject) {
            (_, Subject::Removed) => ("5.7.1".to_owned(), None),
            // What was temporary to the end has expired (RFC 3463 §3.5, X.4.7).
            (Some(Outcome::NotDone { temporary: true, by, .. }), Subject::Failed) => ("5.4.7".to_owned(), Some(by)),
            (Some(Outcome::NotDone { status, by, .. }), _) => (status.clone(), Some(by)),
            (_, Subject::Failed) => ("5.4.7".to_owned(), None),
            (_, Subject::Delayed) => ("4.4.7".to_owned(), None),
        };
        let remote = remote.map(String::as_str).map(name_of).filter(|by| !by.is_empty());
        // Only what a server said is an SMTP reply (RFC 3464 §2.3.6).
        let diagnostic = rcpt.last.as_ref().filter(|_| remote.is_some() && subject != Subject::Removed);
        RecipientStatus {
            original: rcpt.recipient.original.clone(),
            recipient: rcpt.recipient.address.clone(),
            action: if subject == Subject::Delayed { Action::Delayed } else { Action::Failed },
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

    fn block(&self, language: Language, report: &Report, headers_only: bool) -> String {
        let mut text = self.text(language, &format!("dsn-intro-{}", report.subject.word()), &[]);
        for rcpt in &report.recipients {
            text.push_str("\n\n");
            text.push_str(&self.text(language, "dsn-recipient", &[("recipient", rcpt.recipient.address.to_string())]));
            if let Some(last) = rcpt.last.as_ref().filter(|_| report.subject != Subject::Removed) {
                let reason: String = last.reply().chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MOST).collect();
                text.push('\n');
                text.push_str(&self.text(language, "dsn-reason", &[("reason", reason)]));
            }
        }
        if headers_only && report.opened {
            text.push_str("\n\n");
            text.push_str(&self.text(language, "dsn-headers-only", &[]));
        }
        text
    }

    fn text(&self, language: Language, id: &str, more: &[(&str, String)]) -> String {
        let mut args = vec![("host", self.host.clone()), ("expires", self.expires.rfc5322())];
        args.extend_from_slice(more);
        texts::text(language, id, &args)
    }
}

/// The server's name without its address, if it has one (RFC 3464 §2.1.2).
fn name_of(by: &str) -> String {
    let by = by.trim_start_matches("dns; ");
    by.split_once(" [").map_or(by, |(name, _)| name).to_owned()
}

#[cfg(test)]
#[path = "dsn_tests.rs"]
mod tests;
