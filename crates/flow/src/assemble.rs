//! What the rules decided becomes a plan: outputs and effects, and the reply to the client.
//!
//! Before: [`crate::decide`]. After: the commit in [`crate::queue`]. Here, and only here, our own header fields are put on
//! top: Received on everything, DKIM signatures on what leaves,
//! `X-Sealgate-…`, Authentication-Results and ARC on mail to managed domains only (M-R10, M-T11).

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use message::Message;
use model::plan::Issuer;
use model::{Address, Counter, Effect, Fault, Origin, Output, Plan, Recipient, Route, SignatureVerdict, TraceId};
use rules::outcome::{End, Fate, GroupEnd, WholeMail};
use smtp::inbound::Reply;

use crate::decide::Decision;
use crate::limits::Notices;
use crate::notice;
use crate::reinject;
use crate::reprocess::Returned;
use crate::state::{Account, Extra, MailState, Work};

/// The reply to an accepted mail.
#[must_use]
pub fn accepted(trace: TraceId) -> Reply {
    Reply::new(250, "2.0.0", &format!("Accepted as {trace}"))
}

/// What became of a mail.
pub struct Assembled {
    /// To be committed; `None`: nothing of this mail is kept.
    pub plan: Option<Plan>,
    /// Places of those outputs that we have written ourselves: bounces and notices.
    pub own: Vec<usize>,
    /// To be given once the plan is committed.
    pub reply: Reply,
}

/// The plan, and the reply. `notices` bounds what each receiver gets of bounces and notices.
///
/// # Errors
/// When a notice can't be written or a message can't be read again within the budget.
pub fn plan(work: &Work, decision: Decision, hostname: &str, notices: &Notices, digest: String) -> Result<Assembled, Fault> {
    let known = work.sender_known();
    let ends: Vec<GroupEnd> = decision.ends.iter().map(|(end, _)| end.clone()).collect();
    match rules::outcome(&ends, known) {
        WholeMail::TryLater { cause: Some(fault), .. } => Err(fault),
        WholeMail::TryLater { code, text, cause: None } => {
            tracing::info!(event = "mail.refused", trace = %work.trace, code, "by rule");
            Ok(nothing(refusal(code, &text)))
        }
        WholeMail::Refused { code, text, .. } => {
            tracing::info!(event = "mail.refused", trace = %work.trace, code, "by rule");
            Ok(Assembled { reply: refusal(code, &text), ..refused(work, &decision, notices) })
        }
        WholeMail::Accepted(fates) => {
            let mut outputs = Vec::new();
            let mut own = Vec::new();
            let mut told = Vec::new();
            let silenced = Cell::new(0);
            let may = |output: &Output| may_send(work, notices, output, &silenced);
            for ((end, state), fate) in decision.ends.iter().zip(&fates) {
                let work = &state.work(work);
                match fate {
                    Fate::Deliver if state.reply && !may_reply(work, state, notices) => {}
                    Fate::Deliver => deliver(work, end, state, hostname, &mut outputs)?,
                    Fate::Reprocess => send_back(work, state, hostname, &mut outputs, &mut own)?,
                    Fate::Bounce => ours(&mut outputs, &mut own, bounce(work, end, state)?.filter(may)),
                    Fate::TellSender => told.extend(work.addresses(&end.recipients)),
                    Fate::Discard => discard(work, end),
                }
            }
            if outputs.is_empty() && silenced.get() > 0 && fates.iter().all(|fate| *fate == Fate::Bounce) {
                // Nothing is delivered and no bounce may be sent: the client must not take it for sent.
                return Ok(nothing(Reply::new(550, "5.7.1", "This message cannot be accepted as it is")));
            }
            ours(&mut outputs, &mut own, notice::dropped(work, &told, hostname)?.filter(may));
            for extra in extras(&decision.ends, &may) {
                match extra {
                    Extra::Archive(copy) => outputs.push(copy),
                    Extra::Notice(notice) => ours(&mut outputs, &mut own, Some(notice)),
                }
            }
            let effects = effects(work, &decision, &fates);
            let plan = Plan { trace: work.trace, received: work.now, outputs, effects, digest };
            Ok(Assembled { plan: Some(plan), own, reply: accepted(work.trace) })
        }
    }
}

/// The answer is final, so notices about it are sent (ruleset-language.md "When it runs"): but for the sender, who has the answer.
/// Without a digest, so that a retry is refused again.
fn refused(work: &Work, decision: &Decision, notices: &Notices) -> Assembled {
    let (silenced, sender) = (Cell::new(0), work.envelope.sender.as_ref().map(Address::key));
    let to_sender = |output: &Output| output.recipients.iter().any(|receiver| Some(receiver.address.key()) == sender);
    let may = |output: &Output| (work.sender_known() || !to_sender(output)) && may_send(work, notices, output, &silenced);
    let (mut outputs, mut own) = (Vec::new(), Vec::new());
    for extra in extras(&decision.ends, &may) {
        if let Extra::Notice(notice) = extra {
            ours(&mut outputs, &mut own, Some(notice));
        }
    }
    let plan = Plan { trace: work.trace, received: work.now, outputs, effects: Vec::new(), digest: String::new() };
    Assembled { plan: Some(plan).filter(|plan| !plan.outputs.is_empty()), own, reply: accepted(work.trace) }
}

/// Attached messages go back to their user, as mail of our own with the null sender (M-R7a).
fn send_back(work: &Work, state: &MailState, hostname: &str, outputs: &mut Vec<Output>, own: &mut Vec<usize>) -> Result<(), Fault> {
    let Some(user) = &state.user.address else { return Ok(()) };
    for returned in &state.returned {
        match returned {
            Returned::Processed(state) => {
                let mut edit = state.message.edit();
                edit.set("Message-ID", &format!("<{}@{hostname}>", TraceId::new()));
                let renamed = state.with_bytes(edit.finish(), &work.budget)?;
                let content = with_own_fields(work, &renamed, hostname, true, None)?;
                outputs.push(Output { opened: true, inside: true, ..Output::own(Recipient::plain(user.clone()), content) });
            }
            Returned::Closed(content) => ours(outputs, own, Some(notice::not_opened(work, user, content))),
        }
    }
    Ok(())
}

const fn nothing(reply: Reply) -> Assembled {
    Assembled { plan: None, own: Vec::new(), reply }
}

/// Adds a mail that we have written, and notes its place.
fn ours(outputs: &mut Vec<Output>, own: &mut Vec<usize>, output: Option<Output>) {
    if let Some(output) = output {
        own.push(outputs.len());
        outputs.push(output);
    }
}

/// Bounces and notices are limited per receiver; what is over the limit is logged and left out.
fn may_send(work: &Work, notices: &Notices, output: &Output, silenced: &Cell<usize>) -> bool {
    let all = output.recipients.iter().all(|receiver| notices.take(&receiver.address.key(), work.now));
    if !all {
        silenced.set(silenced.get() + 1);
        let to = output.recipients.first().map_or("", |receiver| receiver.address.as_str());
        tracing::warn!(event = "mail.notice_withheld", trace = %work.trace, to, "this receiver has had too many of late");
    }
    all
}

/// One reply a day between two, and no more than what anybody gets of us (RFC 3834 §2, X-12).
fn may_reply(work: &Work, state: &MailState, notices: &Notices) -> bool {
    let (from, to) = (state.user.address.as_ref().map(Address::key), work.envelope.recipients.first().map(|to| to.address.key()));
    let may = from.zip(to).is_some_and(|(from, to)| work.scans.may_reply(&from, &to, work.now) && notices.take(&to, work.now));
    if !may {
        tracing::info!(event = "mail.not_replied", trace = %work.trace, "this sender has had a reply of late");
    }
    may
}

/// A rule's own words; they may begin with an enhanced status.
fn refusal(code: u16, text: &str) -> Reply {
    let (status, words) = match text.split_once(' ') {
        Some((first, rest)) if first.split('.').count() == 3 && first.bytes().all(|b| b.is_ascii_digit() || b == b'.') => (first, rest),
        _ => (if code < 500 { "4.7.1" } else { "5.7.1" }, text),
    };
    Reply::new(code, status, words)
}

fn deliver(work: &Work, end: &GroupEnd, state: &MailState, hostname: &str, outputs: &mut Vec<Output>) -> Result<(), Fault> {
    let server = if let End::Deliver { server } = &end.end { server.clone() } else { None };
    let (mut route, back) = route_of(work, server);
    // What a next hop says of an opened mail may not show on the wire to a stranger.
    if route == Route::Queueless && state.key_used && !work.sender_known() {
        route = Route::Usual;
    }
    if back {
        reinject::check_passes(&state.message, hostname)?;
    }
    let mark = if back { Some(work.marks.mark(&state.message, work.envelope.sender.as_ref(), work.now)?) } else { None };
    let all = end.recipients.iter().filter_map(|n| work.envelope.recipients.get(*n));
    let unproven = !work.sender_proven();
    // Of success and delay only senders hear who prove who they are: others may be made to write to anybody by us.
    let asked = |recipient: &Recipient| if unproven { recipient.clone().only_failure() } else { recipient.clone() };
    let (ours, others): (Vec<Recipient>, Vec<Recipient>) = all.map(asked).partition(|r| work.site.is_managed(&r.address));
    for (recipients, managed) in [(ours, true), (others, false)] {
        if recipients.is_empty() {
            continue;
        }
        let content = with_own_fields(work, state, hostname, managed, mark.as_deref())?;
        outputs.push(Output {
            sender: work.envelope.sender.clone(),
            recipients,
            route: route.clone(),
            eight_bit: !content.is_ascii(),
            content,
            // Whoever hears of it sees what he sent, not what we put on top.
            header: if managed || state.key_used || mark.is_some() { state.came.clone() } else { Bytes::new() },
            opened: state.key_used,
            inside: managed,
            unproven,
            envelope_id: work.envelope.envelope_id.clone(),
            ret: work.envelope.ret,
            smtputf8: work.envelope.smtputf8,
            waits_for: None,
        });
    }
    Ok(())
}

/// The way that the rules named; second: it leads back to the server that the mail came from.
fn route_of(work: &Work, server: Option<String>) -> (Route, bool) {
    match (server.as_deref(), &work.origin) {
        (None | Some(""), _) => (Route::Usual, false),
        (Some("queueless"), _) => (Route::Queueless, false),
        (Some("loop"), Origin::Smtp { peer }) if work.site.may_relay(peer.address) => {
            (Route::Server { server: format!("[{}]", peer.address) }, true)
        }
        // Only the company's own server gets its mail back: a stranger's goes where it is addressed to.
        (Some("loop"), _) => (Route::Usual, false),
        (Some(server), _) => (Route::Server { server: server.to_owned() }, false),
    }
}

/// The plan for a mail that was here before and came back marked: nothing of it is touched (M-T8).
#[must_use]
pub fn untouched(work: &Work, message: Message, hostname: &str, digest: String) -> Plan {
    let mut edit = message.edit();
    edit.prepend("Received", &received(work, hostname));
    let content = edit.finish();
    let output = Output {
        sender: work.envelope.sender.clone(),
        recipients: work.envelope.recipients.clone(),
        route: Route::Usual,
        eight_bit: !content.is_ascii(),
        content,
        header: Bytes::new(),
        opened: false,
        inside: false,
        unproven: false,
        envelope_id: work.envelope.envelope_id.clone(),
        ret: work.envelope.ret,
        smtputf8: work.envelope.smtputf8,
        waits_for: None,
    };
    Plan { trace: work.trace, received: work.now, outputs: vec![output], effects: Vec::new(), digest }
}

fn with_own_fields(work: &Work, state: &MailState, hostname: &str, managed: bool, mark: Option<&str>) -> Result<Bytes, Fault> {
    let mut edit = state.message.edit();
    edit.prepend("Received", &received(work, hostname));
    if !managed {
        // The first signature stands first.
        for field in state.signatures.iter().rev() {
            edit.prepend_raw(field).map_err(Fault::from)?;
        }
    }
    if let Some(mark) = mark {
        edit.prepend(reinject::FIELD, mark);
    }
    if managed {
        // The last one put on top stands first.
        if let Some(checks) = &work.checks {
            let field = format!("Authentication-Results: {}\r\n", checks.findings.text(hostname));
            edit.prepend_raw(field.as_bytes()).map_err(Fault::from)?;
        }
        if let Some(seal) = &state.seal {
            edit.prepend_fields(seal).map_err(Fault::from)?;
        }
        if let Some(word) = &state.scanned {
            edit.prepend("X-Sealgate-Scan", word);
        }
        edit.prepend("X-Sealgate-Encryption", state.judgement.encryption.word());
        edit.prepend("X-Sealgate-Signature", state.judgement.signature.word());
        edit.prepend("X-Sealgate-Trace", &work.trace.to_string());
    }
    Ok(edit.finish())
}

/// RFC 5321 §4.4; the id is the trace id.
fn received(work: &Work, hostname: &str) -> String {
    let Origin::Smtp { peer } = &work.origin else {
        return format!("by {hostname} id {}; {}", work.trace, work.now.rfc5322());
    };
    // RFC 3848, RFC 6531 §4.3.
    let first = if work.envelope.smtputf8 { "UTF8SMTP" } else { "ESMTP" };
    let (tls, account) = (if peer.tls.is_some() { "S" } else { "" }, if peer.account.is_some() { "A" } else { "" });
    let helo: String = peer.helo.chars().filter(|c| c.is_ascii_graphic() && !"()<>;\\\"".contains(*c)).take(255).collect();
    let literal = match peer.address {
        std::net::IpAddr::V4(v4) => format!("[{v4}]"),
        std::net::IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    };
    let name = if helo.is_empty() { literal.clone() } else { helo };
    format!("from {name} ({literal}) by {hostname} with {first}{tls}{account} id {}; {}", work.trace, work.now.rfc5322())
}

/// The template goes to the sender, unless that is nobody.
fn bounce(work: &Work, end: &GroupEnd, state: &MailState) -> Result<Option<Output>, Fault> {
    let End::Bounce { template, headers } = &end.end else { return Ok(None) };
    let Some(sender) = &work.envelope.sender else { return Ok(None) };
    let to = work.addresses(&end.recipients).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(event = "mail.bounced", trace = %work.trace, to, template, recipients = end.recipients.len(), reply = "by rule");
    notice::bounce(work, state, template, *headers, sender, &work.addresses(&end.recipients)).map(Some)
}

fn discard(work: &Work, end: &GroupEnd) {
    let why = if matches!(end.end, End::Bounce { .. }) { "a bounce to an unknown sender" } else { "by rule" };
    for recipient in work.addresses(&end.recipients) {
        tracing::info!(event = "mail.discarded", trace = %work.trace, to = %recipient, why, "nothing is sent");
    }
}

/// Notices and archive copies; one copy of one content to one address, however many groups asked. What bounces did
/// not take place, so it is not archived.
fn extras(ends: &[(GroupEnd, MailState)], may: &dyn Fn(&Output) -> bool) -> Vec<Extra> {
    let mut kept: BTreeMap<(String, Bytes), &Extra> = BTreeMap::new();
    for (end, state) in ends {
        for extra in &state.extra {
            let output = match extra {
                Extra::Archive(_) if matches!(end.end, End::Bounce { .. }) => continue,
                Extra::Archive(output) | Extra::Notice(output) => output,
            };
            let to = output.recipients.iter().map(|r| r.address.key().as_str().to_owned()).collect::<Vec<_>>().join(",");
            kept.entry((to, output.content.clone())).or_insert(extra);
        }
    }
    let sent = |extra: &&Extra| match extra {
        Extra::Archive(_) => true,
        Extra::Notice(output) => may(output),
    };
    kept.into_values().filter(sent).cloned().collect()
}

fn effects(work: &Work, decision: &Decision, fates: &[Fate]) -> Vec<Effect> {
    let delivered: Vec<&MailState> =
        decision.ends.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Deliver).map(|((_, state), _)| state).collect();
    let mut effects: Vec<Effect> = counters(work, &delivered, fates).into_iter().map(|counter| Effect::Count { counter, by: 1 }).collect();
    let mut learned: Vec<&Address> = Vec::new();
    for (address, certificate) in delivered.iter().filter_map(|state| state.learned.as_ref()) {
        if !learned.contains(&address) {
            learned.push(address);
            effects.push(Effect::LearnCertificate { address: address.clone(), certificate: certificate.der().to_vec() });
        }
    }
    let mut met: Vec<&(Address, Vec<Issuer>)> = Vec::new();
    for one in delivered.iter().filter_map(|state| state.met.as_ref()) {
        if !met.contains(&one) {
            met.push(one);
            effects.push(Effect::MeetIssuers { address: one.0.clone(), issuers: one.1.clone() });
        }
    }
    if let Some(Account { address, name, user_id }) = decision.ends.iter().find_map(|(_, state)| state.account.clone()) {
        effects.push(Effect::CreateAccount { address, name, user_id });
    }
    for effect in decision.ends.iter().flat_map(|(_, state)| &state.attributes) {
        if !effects.contains(effect) {
            effects.push(effect.clone());
        }
    }
    effects
}

/// Each counter at most once a message.
fn counters(work: &Work, delivered: &[&MailState], fates: &[Fate]) -> Vec<Counter> {
    let any = |fits: &dyn Fn(&MailState) -> bool| delivered.iter().any(|state| fits(state));
    let to_us = work.envelope.recipients.iter().any(|r| work.site.is_managed(&r.address));
    let to_others = work.envelope.recipients.iter().any(|r| !work.site.is_managed(&r.address));
    let signature = |state: &MailState| state.judgement.signature;
    let mut counters = Vec::new();
    for (counter, counts) in [
        (Counter::MailReceived, to_us),
        (Counter::MailSent, to_others),
        (Counter::SmimeDecrypted, any(&|s| s.opened)),
        (Counter::SmimeEncrypted, any(&|s| s.encrypted)),
        (Counter::SmimeSigned, any(&|s| s.signed)),
        (Counter::SmimeValid, any(&|s| signature(s) == SignatureVerdict::Valid)),
        (Counter::SmimeNotValid, any(&|s| signature(s) > SignatureVerdict::Valid)),
        (Counter::Bounced, fates.contains(&Fate::Bounce)),
    ] {
        if counts {
            counters.push(counter);
        }
    }
    counters
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
