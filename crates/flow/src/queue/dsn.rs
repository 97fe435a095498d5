//! Reports to senders: mail that failed, is late, was removed or was passed on (RFC 3461, RFC 3464, RFC 6522).
//!
//! What is told to whom is decided here; the mail itself is written in `write`. One report tells all that is to
//! be told of an output at that moment, also mixed. Null sender, `Auto-Submitted` (RFC 3834). Of a message that
//! we opened only the header goes back (mail-gateway.md M-T7). Nobody is told of a failed bounce but the
//! postmaster, and nobody of a failed mail to the postmaster: no bounce to a bounce (RFC 5321 §6.1). `NOTIFY` is
//! obeyed (RFC 3461 §4.1). A next hop that offers DSN reports success itself; where it doesn't, we say
//! "relayed" (RFC 3461 §5.2.2).

mod write;

use bytes::Bytes;
use model::{Address, Notify, Output, Plan, Recipient, Return, Route, Site, Timestamp, TraceId};

use self::write::Writer;
use super::core::Core;
use super::pending::{Fate, Out, Rcpt};
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
        any.then_some(Self { about, received, sender, opened: out.opened, envelope_id, ret: out.ret, recipients })
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

    /// True if all of the mail goes back. `RET` speaks of failures only (RFC 3461 §4.3); without it small mail goes
    /// back whole. What we opened never does.
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
    let original = core.content(report.about.trace, report.about.output).await.ok();
    plan_on(core, report, original).await
}

/// [`plan`] on a mail with this content.
pub(crate) async fn plan_on(core: &Core, report: Report, original: Option<Bytes>) -> Option<Plan> {
    let site = core.facts.site();
    let mut plan = written(core, &site, report, original)?;
    core.own_mail.sign(&site, &mut plan, &[0]).await;
    Some(plan)
}

fn written(core: &Core, site: &Site, report: Report, original: Option<Bytes>) -> Option<Plan> {
    let mut report = report.moved(core.clock.drift());
    if report.recipients.is_empty() {
        return None;
    }
    let Some(to) = report.receiver(site) else {
        tracing::warn!(event = "mail.unreported", trace = %report.about.trace, "nobody is told: it has no sender");
        return None;
    };
    let writer = Writer {
        host: core.hostname(site),
        postmaster: notice::postmaster(site),
        language: site.domain(to.domain()).and_then(|domain| domain.language),
        now: core.clock.now(),
        expires: report.received.after(site.mail.expire.0),
        whole_most: core.settings.bounce_whole,
    };
    let trace = TraceId::new();
    let content = writer.write(&report, &to, trace, original);
    let smtputf8 = to.needs_utf8();
    let output = Output {
        sender: None,
        recipients: vec![Recipient::plain(to)],
        route: Route::Usual,
        eight_bit: !content.is_ascii(),
        content,
        opened: true,
        envelope_id: None,
        ret: None,
        smtputf8,
        waits_for: None,
    };
    Some(Plan { trace, received: writer.now, outputs: vec![output], effects: Vec::new(), digest: String::new() })
}

#[cfg(test)]
mod tests;
