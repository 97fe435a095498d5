//! Mail at rest: one short string of octets for each mail that waits, in memory as in the indexes of segments.
//!
//! What the scheduler must know of a mail is written once, when it is committed (its *summary*), and after each try
//! (its *state*). Both lie beside the record in the segment's index, so that a start reads neither records nor
//! contents; and both, one behind the other, are all that memory holds of a mail that waits (at first where the
//! start found them: `shelf`). Only mail that flies,
//! is fresh, or is looked at becomes a [`Mail`]. Reading is total: octets that are none of ours give `None`.
//!
//! ```text
//! summary  1 version · 16 trace · 8 received · 8 marks · flags · digest · effects (both short) · outputs · about
//! state    16 trace · flags · outputs of recipients: flags · tries · next try · what was seen last
//! rest     8 record · 8 state's record (0: none) · length · summary · state
//! ```
//! Numbers without a size are LEB128, texts have their length in front.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use model::{Address, Notify, Plan, Recipient, Return, Route, Timestamp, TraceId};
use segments::RecordId;

use super::marks;
use super::octets::{self, Reader, Writer};
use super::pending::{Mail, Out, Rcpt};
use super::record::{About, RcptState, State};
use super::shelf::Shelf;
use super::short;

/// A summary of another version is made anew, from its record.
const VERSION: u8 = 2;
/// Longer words of a server are cut.
const SEEN_MOST: usize = 500;

const HAS_ABOUT: u8 = 1;
/// Of the plan's outputs that have a sender: nothing proves it. An older program does not look at it.
const UNPROVEN: u8 = 2;
const EFFECTS_DONE: u8 = 1;
const HELD: u8 = 2;
const CONFIRMED: u8 = 4;

/// The summary of a plan.
pub(crate) fn summary(plan: &Plan, about: Option<&About>) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Writer::default();
    out.octet(VERSION);
    out.trace(plan.trace);
    out.fixed(plan.received.0.cast_unsigned());
    out.fixed(marks::of(plan));
    let unproven = plan.outputs.iter().any(|output| output.unproven);
    out.octet(if about.is_some() { HAS_ABOUT } else { 0 } | if unproven { UNPROVEN } else { 0 });
    out.bytes(&short::digest(&plan.digest));
    out.bytes(&short::effects(&plan.effects)?);
    out.count(plan.outputs.len());
    for output in &plan.outputs {
        let server = if let Route::Server { server } = &output.route { Some(server.as_str()) } else { None };
        out.flags([
            output.sender.is_some(),
            output.opened,
            server.is_some(),
            output.envelope_id.is_some(),
            output.ret == Some(Return::Full),
            output.ret == Some(Return::Headers),
            output.waits_for.is_some(),
            output.smtputf8,
        ]);
        let texts = [output.sender.as_ref().map(Address::as_str), server, output.envelope_id.as_deref()];
        texts.into_iter().flatten().for_each(|text| out.text(text));
        output.waits_for.into_iter().for_each(|number| out.count(number as usize));
        out.count(output.content.len());
        out.count(output.recipients.len());
        output.recipients.iter().for_each(|recipient| put_recipient(&mut out, recipient, output.inside));
    }
    if let Some(about) = about {
        out.trace(about.trace);
        out.count(about.output);
        for places in [&about.failed, &about.delayed, &about.relayed] {
            out.count(places.len());
            places.iter().for_each(|place| out.count(*place));
        }
    }
    Ok(out.done())
}

/// Where the time stands in a summary.
const RECEIVED: std::ops::Range<usize> = 17..25;

/// The same summary with another time of arrival; the same octets where nothing changes.
pub(crate) fn received_at(summary: Bytes, at: Timestamp) -> Bytes {
    if front_of(&summary).is_none_or(|front| front.received == at) {
        return summary;
    }
    let mut octets = summary.to_vec();
    if let Some(place) = octets.get_mut(RECEIVED) {
        place.copy_from_slice(&at.0.to_be_bytes());
    }
    octets.into()
}

fn put_recipient(out: &mut Writer, recipient: &Recipient, inside: bool) {
    out.text(recipient.address.as_str());
    let notify = recipient.notify.unwrap_or(Notify::NEVER);
    let given = recipient.notify.is_some();
    out.flags([recipient.original.is_some(), given, notify.success, notify.failure, notify.delay, inside, false, false]);
    recipient.original.iter().for_each(|original| out.text(original));
}

/// What stands at the front of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Front<'a> {
    pub(crate) trace: TraceId,
    pub(crate) received: Timestamp,
    /// See [`marks`].
    pub(crate) marks: u64,
    pub(crate) has_about: bool,
    pub(crate) unproven: bool,
    /// See [`short`]; empty if there is none.
    pub(crate) digest: &'a [u8],
    /// See [`short`]; empty if there are none.
    pub(crate) effects: &'a [u8],
    pub(crate) outputs: usize,
}

/// Reads the front; the reader stands at the first output then.
fn front<'a>(from: &mut Reader<'a>) -> Option<Front<'a>> {
    if from.octet()? != VERSION {
        return None;
    }
    let (trace, received, marks, flags) = (from.trace()?, Timestamp(from.fixed()?.cast_signed()), from.fixed()?, from.octet()?);
    Some(Front {
        trace,
        received,
        marks,
        has_about: flags & HAS_ABOUT != 0,
        unproven: flags & UNPROVEN != 0,
        digest: from.bytes()?,
        effects: from.bytes()?,
        outputs: from.count()?,
    })
}

/// The front of a summary.
pub(crate) fn front_of(summary: &[u8]) -> Option<Front<'_>> {
    front(&mut Reader::new(summary))
}

/// What a summary says that its plan reports on.
pub(crate) fn about_of(summary: &[u8]) -> Option<About> {
    let mut from = Reader::new(summary);
    let front = front(&mut from)?;
    for _ in 0..front.outputs {
        take_output(&mut from, &front)?;
    }
    let (trace, output) = (from.trace()?, from.count()?);
    let mut places = || (0..from.count()?).map(|_| from.count()).collect::<Option<Vec<_>>>();
    Some(About { trace, output, failed: places()?, delayed: places()?, relayed: places()? })
}

fn take_output(from: &mut Reader<'_>, plan: &Front<'_>) -> Option<Out> {
    let [has_sender, opened, has_server, has_id, full, headers, waits, smtputf8] = from.flags()?;
    let sender = if has_sender { Some(Address::parse(from.text()?).ok()?) } else { None };
    let route = if has_server { Route::Server { server: from.text()?.to_owned() } } else { Route::Usual };
    let envelope_id = if has_id { Some(from.text()?.to_owned()) } else { None };
    let waits_for = if waits { Some(u32::try_from(from.count()?).ok()?) } else { None };
    let length = from.count()?;
    let count = from.count()?;
    // Not reserved: the count is not to be believed before the recipients are there.
    let (mut recipients, mut inside) = (Vec::new(), false);
    for _ in 0..count {
        let (recipient, ours) = take_recipient(from)?;
        inside |= ours;
        recipients.push(Rcpt::new(recipient, plan.received));
    }
    let ret = match (full, headers) {
        (true, _) => Some(Return::Full),
        (false, true) => Some(Return::Headers),
        (false, false) => None,
    };
    let unproven = plan.unproven && sender.is_some();
    Some(Out { sender, route, opened, unproven, inside, envelope_id, ret, smtputf8, waits_for, length, recipients, flying: 0, due: None })
}

/// A recipient, and whether its output goes to our own people.
fn take_recipient(from: &mut Reader<'_>) -> Option<(Recipient, bool)> {
    let address = Address::parse(from.text()?).ok()?;
    let [has_original, given, success, failure, delay, inside, ..] = from.flags()?;
    let original = if has_original { Some(from.text()?.to_owned()) } else { None };
    Some((Recipient { address, original, notify: given.then_some(Notify { success, failure, delay }) }, inside))
}

/// The octets of a state.
pub(crate) fn state(state: &State) -> Vec<u8> {
    let mut out = Writer::default();
    out.trace(state.trace);
    out.flags([state.effects_done, state.held, state.confirmed, false, false, false, false, false]);
    out.count(state.outputs.len());
    for recipients in &state.outputs {
        out.count(recipients.len());
        for rcpt in recipients {
            out.flags([rcpt.over, rcpt.told, rcpt.relayed, rcpt.last_error.is_some(), false, false, false, false]);
            out.count(rcpt.tries as usize);
            out.fixed(rcpt.next_try.0.cast_unsigned());
            let seen = rcpt.last_error.as_ref().map(|seen| seen.chars().take(SEEN_MOST).collect::<String>());
            seen.iter().for_each(|seen| out.text(seen));
        }
    }
    out.done()
}

/// Whose state it is.
pub(crate) fn trace_of(state: &[u8]) -> Option<TraceId> {
    Reader::new(state).trace()
}

/// Reads a state.
pub(crate) fn state_of(octets: &[u8]) -> Option<State> {
    let mut from = Reader::new(octets);
    let trace = from.trace()?;
    let flags = from.octet()?;
    let mut outputs = Vec::new();
    for _ in 0..from.count()? {
        let mut recipients = Vec::new();
        for _ in 0..from.count()? {
            recipients.push(take_rcpt_state(&mut from)?);
        }
        outputs.push(recipients);
    }
    let is = |flag: u8| flags & flag != 0;
    Some(State { trace, effects_done: is(EFFECTS_DONE), held: is(HELD), confirmed: is(CONFIRMED), outputs })
}

fn take_rcpt_state(from: &mut Reader<'_>) -> Option<RcptState> {
    let [over, told, relayed, has_seen, ..] = from.flags()?;
    let tries = u32::try_from(from.count()?).ok()?;
    let next_try = Timestamp(from.fixed()?.cast_signed());
    let last_error = if has_seen { Some(from.text()?.to_owned()) } else { None };
    Some(RcptState { over, tries, next_try, told, relayed, last_error })
}

/// What a start needs of a mail without waking it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) confirmed: bool,
    pub(crate) held: bool,
    /// When each output is to be tried; `None` for those that are over.
    pub(crate) due: Vec<Option<Timestamp>>,
}

/// Looks at summary and state (empty: there is none). `None` if the mail must be woken: its effects wait, or it is
/// over.
pub(crate) fn look(summary: &[u8], state: &[u8]) -> Option<Look> {
    let front = front_of(summary)?;
    if state.is_empty() {
        let fresh = front.effects.is_empty() && front.outputs > 0;
        return fresh.then(|| Look { confirmed: false, held: false, due: vec![Some(front.received); front.outputs] });
    }
    let mut from = Reader::new(state);
    from.trace()?;
    let flags = from.octet()?;
    let mut due = Vec::new();
    for _ in 0..from.count()? {
        let mut next: Option<Timestamp> = None;
        for _ in 0..from.count()? {
            let [over, _, _, has_seen, ..] = from.flags()?;
            from.count()?;
            let at = Timestamp(from.fixed()?.cast_signed());
            if has_seen {
                from.bytes()?;
            }
            if !over {
                next = Some(next.map_or(at, |other| other.min(at)));
            }
        }
        due.push(next);
    }
    let quiet = flags & EFFECTS_DONE != 0 && due.iter().any(Option::is_some);
    quiet.then_some(Look { confirmed: flags & CONFIRMED != 0, held: flags & HELD != 0, due })
}

/// One mail at rest.
pub(crate) enum Rest {
    /// In octets of its own.
    Own(Box<[u8]>),
    /// As a start found it: the places of its plan and of its state.
    Shelved { shelf: Arc<Shelf>, plan: u32, state: Option<NonZeroU32> },
}

/// What is known of a mail at rest.
struct Parts<'a> {
    record: RecordId,
    state_record: Option<RecordId>,
    summary: &'a [u8],
    /// Empty: there is none.
    state: &'a [u8],
}

impl Rest {
    /// Octets of its own.
    fn own(parts: &Parts<'_>) -> Self {
        let Parts { record, state_record, summary, state } = parts;
        // Exactly: it is kept by the million.
        let mut out = Writer::with_room(16 + octets::of_count(summary.len()) + summary.len() + state.len());
        out.fixed(record.0);
        // Ids begin with 1.
        out.fixed(state_record.map_or(0, |record| record.0));
        out.bytes(summary);
        out.rest(state);
        Self::Own(out.done().into())
    }

    /// A mail that may rest: nothing of it flies, its effects are applied, its content is not cached.
    pub(crate) fn of(trace: TraceId, mail: &Mail) -> Self {
        let state = state(&State::of(trace, mail));
        Self::own(&Parts { record: mail.record, state_record: mail.state_record, summary: &mail.summary, state: &state })
    }

    /// A mail on the shelf: its plan and state there, which must be.
    pub(crate) fn shelved(shelf: &Arc<Shelf>, plan: usize, state: Option<usize>) -> Self {
        let place = |state: usize| u32::try_from(state).ok()?.checked_add(1).and_then(NonZeroU32::new);
        match (u32::try_from(plan), state.map(place)) {
            (Ok(plan), None) => Self::Shelved { shelf: Arc::clone(shelf), plan, state: None },
            (Ok(plan), Some(Some(state))) => Self::Shelved { shelf: Arc::clone(shelf), plan, state: Some(state) },
            // More than four thousand million of them.
            _ => Self::own(&on(shelf, plan, state).unwrap_or(Parts { record: RecordId(0), state_record: None, summary: &[], state: &[] })),
        }
    }

    fn parts(&self) -> Option<Parts<'_>> {
        match self {
            Self::Own(octets) => {
                let mut from = Reader::new(octets);
                let (record, state_record) = (RecordId(from.fixed()?), from.fixed()?);
                let state_record = (state_record > 0).then_some(RecordId(state_record));
                Some(Parts { record, state_record, summary: from.bytes()?, state: from.remaining() })
            }
            Self::Shelved { shelf, plan, state } => on(shelf, *plan as usize, state.map(|state| state.get() as usize - 1)),
        }
    }

    /// Leaves the shelf.
    pub(crate) fn leave_shelf(&mut self) {
        if let Self::Shelved { .. } = self
            && let Some(own) = self.parts().map(|parts| Self::own(&parts))
        {
            *self = own;
        }
    }

    /// When it came.
    pub(crate) fn received(&self) -> Option<Timestamp> {
        front_of(self.parts()?.summary).map(|front| front.received)
    }

    /// The mail; `due` says which outputs have a place in time.
    pub(crate) fn wake(&self, trace: TraceId, due: &BTreeSet<(Timestamp, TraceId, u32)>) -> Option<Mail> {
        let Parts { record, state_record, summary, state } = self.parts()?;
        let mut mail = mail_of(record, summary)?;
        mail.state_record = state_record;
        if !state.is_empty() {
            mail.restore(state_of(state)?);
        }
        for (number, out) in (0..).zip(&mut mail.outputs) {
            out.due = out.next_try().filter(|at| due.contains(&(*at, trace, number)));
        }
        Some(mail)
    }
}

/// A mail on the shelf.
fn on(shelf: &Shelf, plan: usize, state: Option<usize>) -> Option<Parts<'_>> {
    let plan = shelf.plans.get(plan)?;
    let state = match state {
        Some(state) => Some(shelf.states.get(state)?),
        None => None,
    };
    Some(Parts {
        record: plan.record,
        state_record: state.map(|state| state.record),
        summary: &plan.summary,
        state: state.map_or(&[], |state| &state.octets),
    })
}

/// The mail that a summary tells of, nothing tried yet.
pub(crate) fn mail_of(record: RecordId, summary: &[u8]) -> Option<Mail> {
    let mut from = Reader::new(summary);
    let front = front(&mut from)?;
    let effects = short::effects_of(front.effects)?;
    let mut outputs = Vec::new();
    for _ in 0..front.outputs {
        outputs.push(take_output(&mut from, &front)?);
    }
    Some(Mail {
        record,
        state_record: None,
        received: front.received,
        effects_done: effects.is_empty(),
        effects,
        held: false,
        removing: None,
        confirmed: false,
        outputs,
        cached: None,
        summary: Bytes::copy_from_slice(summary),
    })
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
