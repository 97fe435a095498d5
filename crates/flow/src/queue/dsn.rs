//! Reports to senders: mail that failed, is late, was removed or was passed on (RFC 3461, RFC 3464, RFC 6522).
//!
//! What is told to whom is decided here; the mail itself is written in `write`. One report tells all that is to
//! be told of an output at that moment, also mixed. Null sender, `Auto-Submitted` (RFC 3834). Of a message that
//! a private key was used on or tried only the header goes back, as it came, and no word of a next hop: what a key did
//! makes no difference to the report (mail-gateway.md M-T7, security.md X-3, 0021-reports.md). Nobody is told of a failed bounce but the
//! postmaster, and nobody of a failed mail to the postmaster: no bounce to a bounce (RFC 5321 §6.1). `NOTIFY` is
//! obeyed (RFC 3461 §4.1). A next hop that offers DSN reports success itself; where it doesn't, we say
//! "relayed" (RFC 3461 §5.2.2). Senders that nothing proves get so many reports an hour and no more.

mod write;

use message::Message;
use message::report::Returned;
use model::{Address, Notify, Output, Plan, Recipient, Return, Site, Timestamp, TraceId};

use self::write::Writer;
use super::core::Core;
use super::pending::{Fate, Out, Rcpt, Stored};
use super::record::About;
use crate::notice;

/// What is to be told about one recipient. The worst stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// It will not be delivered.
    Failed,
    /// An administrator has removed it.
    Removed,
    /// It waits.
    Delayed,
    /// The next hop has it and reports nothing more.
    Relayed,
}

impl Subject {
    const ALL: [Self; 4] = [Self::Failed, Self::Removed, Self::Delayed, Self::Relayed];

    /// What there is to tell now.
    pub(crate) const fn of(rcpt: &Rcpt) -> Option<Self> {
        match rcpt.fate {
            Fate::Failing => Some(Self::Failed),
            Fate::Relaying => Some(Self::Relayed),
            Fate::Waiting if rcpt.tell => Some(Self::Delayed),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::Delayed => "delayed",
            Self::Relayed => "relayed",
        }
    }

    /// The status of mail on which a private key was used: of the right class, and without detail.
    const fn fixed_status(self) -> &'static str {
        match self {
            Self::Failed => "5.0.0",
            Self::Removed => "5.7.1",
            Self::Delayed => "4.0.0",
            Self::Relayed => "2.0.0",
        }
    }

    const fn is_final_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Removed)
    }

    const fn wanted(self, reports: Notify) -> bool {
        match self {
            Self::Failed | Self::Removed => reports.failure,
            Self::Delayed => reports.delay,
            Self::Relayed => reports.success,
        }
    }
}

/// All that a report needs to know.
pub(crate) struct Report {
    /// What it settles, also for recipients that nobody is told about.
    pub(crate) about: About,
    received: Timestamp,
    sender: Option<Address>,
    opened: bool,
    unproven: bool,
    envelope_id: Option<String>,
    ret: Option<Return>,
    /// Whom it names, in the order of the output.
    recipients: Vec<(Subject, Rcpt)>,
}

impl Report {
    /// A report on those recipients of an output that there is something to tell about; `None` without any.
    pub(crate) fn new(
        (trace, output): (TraceId, usize),
        received: Timestamp,
        out: &Out,
        subject: impl Fn(&Rcpt) -> Option<Subject>,
    ) -> Option<Self> {
        let mut about = About::nothing(trace, output);
        let mut recipients = Vec::new();
        for (place, rcpt) in out.recipients.iter().enumerate() {
            let Some(subject) = subject(rcpt) else { continue };
            match subject {
                Subject::Failed | Subject::Removed => about.failed.push(place),
                Subject::Delayed => about.delayed.push(place),
                Subject::Relayed => about.relayed.push(place),
            }
            if subject.wanted(rcpt.recipient.reports()) {
                recipients.push((subject, rcpt.clone()));
            }
        }
        let (sender, envelope_id) = (out.sender.clone(), out.envelope_id.clone());
        let any = !about.is_empty();
        let (opened, unproven) = (out.opened, out.unproven);
        any.then_some(Self { about, received, sender, opened, unproven, envelope_id, ret: out.ret, recipients })
    }

    /// With all its times so many microseconds later: what is written down goes by the wall clock.
    fn moved(mut self, micros: i64) -> Self {
        self.received = self.received.moved(micros);
        for (_, rcpt) in &mut self.recipients {
            rcpt.last_try = rcpt.last_try.map(|at| at.moved(micros));
        }
        self
    }

    /// The worst that it tells.
    fn worst(&self) -> Option<Subject> {
        self.recipients.iter().map(|(subject, _)| *subject).min()
    }

    /// Who is told. Of mail without a sender the postmaster hears what failed, and nothing else.
    fn receiver(&mut self, site: &Site) -> Option<Address> {
        if self.sender.is_some() {
            return self.sender.clone();
        }
        self.recipients.retain(|(subject, _)| *subject == Subject::Failed);
        let postmaster = Address::parse(&notice::postmaster(site)).ok().filter(|_| !self.recipients.is_empty())?;
        let is_postmaster = |rcpt: &Rcpt| rcpt.recipient.address.key() == postmaster.key();
        let usable = !self.recipients.iter().any(|(_, rcpt)| is_postmaster(rcpt));
        usable.then_some(postmaster)
    }

    /// True if nothing may be told that depends on what was inside: a key was used, and somebody else than our postmaster reads it.
    const fn hides(&self) -> bool {
        self.opened && self.sender.is_some()
    }

    /// What of the mail goes back; `message` is its content, parsed. What we put on top of it or wrote into its header never
    /// does. Where we changed more than that, or a key was used, it is the header as it came.
    fn returned<'m>(&self, message: &'m Message, stored: &'m Stored, whole_most: usize) -> Option<Returned<'m>> {
        let came = stored.header.as_ref();
        // Queued by an older program, which kept no header: what may be told of it is not known.
        if self.hides() && came.is_empty() {
            return None;
        }
        let header = if came.is_empty() { message.header() } else { came };
        let start = message.header().len().checked_sub(header.len()).filter(|_| message.header().ends_with(header));
        let whole = start.and_then(|start| message.bytes().get(start..)).filter(|whole| self.returns_whole(whole.len(), whole_most));
        Some(whole.map_or(Returned::Headers(header), Returned::Whole))
    }

    /// True if all of the mail goes back. `RET` speaks of failures only (RFC 3461 §4.3); without it small mail goes
    /// back whole. What a key was used on never does.
    fn returns_whole(&self, length: usize, whole_most: usize) -> bool {
        let failure = self.recipients.iter().any(|(subject, _)| subject.is_final_failure());
        let asked = match self.ret {
            Some(Return::Full) => true,
            Some(Return::Headers) => false,
            None => length <= whole_most,
        };
        failure && asked && !self.opened
    }
}

/// The report as a plan of its own; `None` if nobody is to be told.
pub(crate) async fn plan(core: &Core, report: Report) -> Option<Plan> {
    if report.recipients.is_empty() {
        return None;
    }
    let original = core.stored(report.about.trace, report.about.output).await.ok();
    plan_on(core, report, original).await
}

/// [`plan`] on a mail with these octets.
pub(crate) async fn plan_on(core: &Core, report: Report, original: Option<Stored>) -> Option<Plan> {
    let site = core.facts.site();
    let mut plan = written(core, &site, report, original)?;
    core.own_mail.sign(&site, &mut plan, &[0]).await;
    Some(plan)
}

fn written(core: &Core, site: &Site, report: Report, original: Option<Stored>) -> Option<Plan> {
    let mut report = report.moved(core.clock.drift());
    if report.recipients.is_empty() {
        return None;
    }
    let Some(to) = report.receiver(site) else {
        tracing::warn!(event = "mail.unreported", trace = %report.about.trace, "nobody is told: it has no sender");
        return None;
    };
    if report.unproven && report.sender.is_some() && !core.notices.take(&to.key(), core.clock.now()) {
        tracing::warn!(event = "mail.notice_withheld", trace = %report.about.trace, %to, "this receiver has had too many of late");
        return None;
    }
    let writer = Writer {
        host: core.hostname(site),
        postmaster: notice::postmaster(site),
        language: site.language_of(&to),
        now: core.clock.now(),
        expires: report.received.after(site.mail.expire.0),
        whole_most: core.settings.bounce_whole,
    };
    let trace = TraceId::new();
    let content = writer.write(&report, &to, trace, original.as_ref());
    let smtputf8 = to.needs_utf8();
    let output = Output { opened: true, smtputf8, ..Output::own(Recipient::plain(to), content) };
    Some(Plan { trace, received: writer.now, outputs: vec![output], effects: Vec::new(), digest: String::new() })
}

#[cfg(test)]
mod tests;
