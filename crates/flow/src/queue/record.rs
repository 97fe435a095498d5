//! What the queue writes into segments: plans, states of delivery, remembered replies.
//!
//! Each record starts with the versioned header of its format. A plan is header, length of its JSON, JSON,
//! then contents and headers one after the other; outputs that share one name the same. Reading is total:
//! octets that are no plan give an error, never a panic. A change of what stands in a record takes a new version; `older` reads what
//! was written before.

mod older;

use bytes::{Buf, Bytes, BytesMut};
use model::format::{Format, FormatError, HEADER_LENGTH};
use model::{Plan, Timestamp, TraceId};
use segments::Kind;
use serde::{Deserialize, Serialize};

use super::pending::{Fate, Mail, Rcpt};
use super::rest;

/// A committed plan.
pub(crate) const PLAN: Kind = Kind(1);
/// How far the delivery of a plan has come.
pub(crate) const STATE: Kind = Kind(2);
/// A reply that the client may not have read.
pub(crate) const REPLY: Kind = Kind(3);

/// Version 1 in several forms: see [`older`].
const PLAN_FORMAT: Format = Format { magic: *b"SGqp", version: 2, name: "queued mail" };
/// From version 2 on as `rest` writes it; before as JSON.
const STATE_FORMAT: Format = Format { magic: *b"SGqs", version: 2, name: "delivery state" };
const REPLY_FORMAT: Format = Format { magic: *b"SGqr", version: 1, name: "remembered reply" };
const LENGTH: usize = 4;

/// Why a record can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Foreign or newer.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The JSON is not what this version writes.
    #[error("a queue record can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A length points outside the record.
    #[error("a queue record is shorter than it says")]
    Short,
}

/// Says that a plan is the report of another plan's fate: after a crash between both, the report is not
/// written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The plan that it reports on.
    pub(crate) trace: TraceId,
    /// Its output.
    pub(crate) output: usize,
    /// Places of those recipients in the output that will not get it.
    pub(crate) failed: Vec<usize>,
    /// Of those for whom it is late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delayed: Vec<usize>,
    /// Of those for whom the next hop has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) relayed: Vec<usize>,
}

impl About {
    /// Tells nothing yet.
    pub(crate) const fn nothing(trace: TraceId, output: usize) -> Self {
        Self { trace, output, failed: Vec::new(), delayed: Vec::new(), relayed: Vec::new() }
    }

    /// True if it tells nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.failed.is_empty() && self.delayed.is_empty() && self.relayed.is_empty()
    }
}

#[derive(Serialize)]
struct MetaOut<'a> {
    plan: &'a Plan,
    /// For each output the place of its content.
    contents: &'a [usize],
    /// For each output the place of the header that reports bring back, if it is not the content's own.
    headers: &'a [Option<usize>],
    lengths: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a About>,
}

#[derive(Deserialize)]
struct MetaIn {
    plan: Plan,
    contents: Vec<usize>,
    #[serde(default)]
    headers: Vec<Option<usize>>,
    lengths: Vec<usize>,
    #[serde(default)]
    about: Option<About>,
}

/// A plan as it was read: contents are slices of the record.
#[derive(Debug)]
pub(crate) struct StoredPlan {
    pub(crate) plan: Plan,
    pub(crate) about: Option<About>,
}

/// The octets of a plan, ready for the segment; contents are not copied.
pub(crate) fn encode_plan(plan: &Plan, about: Option<&About>) -> Result<Vec<Bytes>, RecordError> {
    let mut distinct: Vec<&Bytes> = Vec::new();
    let (mut contents, mut headers) = (Vec::with_capacity(plan.outputs.len()), Vec::with_capacity(plan.outputs.len()));
    for output in &plan.outputs {
        contents.push(place_of(&output.content, &mut distinct));
        headers.push((!output.header.is_empty()).then(|| place_of(&output.header, &mut distinct)));
    }
    let lengths: Vec<usize> = distinct.iter().map(|content| content.len()).collect();
    let json = serde_json::to_vec(&MetaOut { plan, contents: &contents, headers: &headers, lengths: &lengths, about })?;
    let mut head = BytesMut::with_capacity(HEADER_LENGTH + LENGTH + json.len());
    head.extend_from_slice(&PLAN_FORMAT.header());
    head.extend_from_slice(&u32::try_from(json.len()).map_err(|_| RecordError::Short)?.to_be_bytes());
    head.extend_from_slice(&json);
    Ok(std::iter::once(head.freeze()).chain(distinct.into_iter().cloned()).collect())
}

/// The place of these octets among those that are written; shared ones are written once.
fn place_of<'p>(octets: &'p Bytes, distinct: &mut Vec<&'p Bytes>) -> usize {
    let same = |known: &&Bytes| (known.as_ptr(), known.len()) == (octets.as_ptr(), octets.len());
    distinct.iter().position(same).unwrap_or_else(|| {
        distinct.push(octets);
        distinct.len() - 1
    })
}

/// Reads a plan, of this program or an older one.
pub(crate) fn decode_plan(record: &Bytes) -> Result<StoredPlan, RecordError> {
    let (version, _) = PLAN_FORMAT.read(record)?;
    let mut rest = record.slice(HEADER_LENGTH..);
    let length = rest.try_get_u32().map_err(|_| RecordError::Short)? as usize;
    let json = rest.get(..length).ok_or(RecordError::Short)?;
    let MetaIn { mut plan, contents, headers, lengths, about } = match version {
        1 => serde_json::from_value(older::upgraded(serde_json::from_slice(json)?))?,
        _ => serde_json::from_slice(json)?,
    };
    rest.advance(length);
    let mut slices = Vec::with_capacity(lengths.len().min(1024));
    for length in lengths {
        if length > rest.len() {
            return Err(RecordError::Short);
        }
        slices.push(rest.split_to(length));
    }
    for (number, output) in plan.outputs.iter_mut().enumerate() {
        let slice = contents.get(number).and_then(|place| slices.get(*place)).ok_or(RecordError::Short)?;
        output.content = slice.clone();
        if let Some(place) = headers.get(number).copied().flatten() {
            output.header = slices.get(place).ok_or(RecordError::Short)?.clone();
        }
    }
    Ok(StoredPlan { plan, about })
}

/// What has to survive of a mail that is neither untouched nor done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) trace: TraceId,
    pub(crate) effects_done: bool,
    pub(crate) held: bool,
    /// The client has read the reply: the same bytes are another mail from now on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) confirmed: bool,
    /// For each output its recipients, in the plan's order.
    pub(crate) outputs: Vec<Vec<RcptState>>,
}

/// One recipient's part of [`State`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RcptState {
    /// Delivered or failed: nothing more is done.
    pub(crate) over: bool,
    pub(crate) tries: u32,
    pub(crate) next_try: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) told: bool,
    /// The next hop has it; the sender is to be told so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) relayed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

impl State {
    /// The state of this mail.
    pub(crate) fn of(trace: TraceId, mail: &Mail) -> Self {
        let recipient = |rcpt: &Rcpt| RcptState {
            over: rcpt.is_over(),
            tries: rcpt.tries,
            next_try: rcpt.next_try,
            told: rcpt.told,
            relayed: rcpt.fate == Fate::Relaying,
            last_error: rcpt.last.as_ref().map(|last| last.reply().to_owned()),
        };
        let outputs = mail.outputs.iter().map(|out| out.recipients.iter().map(recipient).collect()).collect();
        Self { trace, effects_done: mail.effects_done, held: mail.held, confirmed: mail.confirmed, outputs }
    }

    /// The same with all its times so many microseconds later: from one clock's scale to another's.
    pub(crate) fn moved(mut self, micros: i64) -> Self {
        for rcpt in self.outputs.iter_mut().flatten() {
            rcpt.next_try = rcpt.next_try.moved(micros);
        }
        self
    }
}

/// A reply that its client may not have read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredReply {
    pub(crate) digest: String,
    pub(crate) trace: TraceId,
    pub(crate) at: Timestamp,
}

pub(crate) fn encode_state(state: &State) -> Bytes {
    let mut out = STATE_FORMAT.header().to_vec();
    out.extend_from_slice(&rest::state(state));
    out.into()
}

/// The state in a record, as [`rest::state`] writes it; also that of an older program.
pub(crate) fn state_octets(record: &Bytes) -> Result<Bytes, RecordError> {
    match STATE_FORMAT.read(record)? {
        (1, json) => Ok(rest::state(&serde_json::from_slice(json)?).into()),
        _ => Ok(record.slice(HEADER_LENGTH..)),
    }
}

/// What the indexes of segments hold of the queue's records: of a plan its summary, of anything else all of it.
pub(crate) struct Summaries;

impl segments::Summary for Summaries {
    fn of(&self, kind: Kind, content: &Bytes) -> Bytes {
        if kind != PLAN {
            return content.clone();
        }
        // Without a summary the start reads the record, and says what is wrong with it.
        let made = decode_plan(content).ok().and_then(|stored| rest::summary(&stored.plan, stored.about.as_ref()).ok());
        made.unwrap_or_default().into()
    }
}

pub(crate) fn encode_reply(reply: &StoredReply) -> Result<Bytes, RecordError> {
    encode(&REPLY_FORMAT, reply)
}

pub(crate) fn decode_reply(record: &[u8]) -> Result<StoredReply, RecordError> {
    Ok(serde_json::from_slice(REPLY_FORMAT.read(record)?.1)?)
}

fn encode<T: Serialize>(format: &Format, value: &T) -> Result<Bytes, RecordError> {
    let mut out = format.header().to_vec();
    serde_json::to_writer(&mut out, value)?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use model::{Address, Output, Recipient, Route};

    use super::*;

    fn output(content: &Bytes) -> Output {
        Output {
            sender: Some(Address::parse("a@company.example").unwrap()),
            recipients: vec![Recipient::plain(Address::parse("b@partner.example").unwrap())],
            route: Route::Usual,
            content: content.clone(),
            eight_bit: false,
            header: Bytes::new(),
            opened: false,
            inside: false,
            unproven: false,
            envelope_id: None,
            ret: None,
            smtputf8: false,
            waits_for: None,
        }
    }

    fn plan() -> Plan {
        let shared = Bytes::from_static(b"the same content");
        let other = Bytes::from_static(b"other");
        let headed = |content| Output { header: Bytes::from_static(b"Subject: as it came\r\n"), ..output(content) };
        let outputs = vec![headed(&shared), output(&other), headed(&shared)];
        Plan { trace: TraceId::new(), received: Timestamp(5), outputs, effects: Vec::new(), digest: "d".into() }
    }

    #[test]
    fn a_plan_reads_back_and_shared_content_is_stored_once() {
        let plan = plan();
        let parts = encode_plan(&plan, None).unwrap();
        assert_eq!(parts.len(), 4, "head, two contents, one header");
        let record: Bytes = parts.concat().into();
        assert_eq!(decode_plan(&record).unwrap().plan, plan);
    }

    #[test]
    fn octets_that_are_no_plan_are_refused() {
        let record: Bytes = encode_plan(&plan(), None).unwrap().concat().into();
        for cut in 0..record.len() {
            assert!(decode_plan(&record.slice(..cut)).is_err(), "cut at {cut}");
        }
        let mut newer = record.to_vec();
        newer[5] = 9;
        assert!(matches!(decode_plan(&newer.into()), Err(RecordError::Format(FormatError::Newer { found: 9, .. }))));
    }

    /// A record as version 1 wrote it: this JSON behind the trace, and one content.
    fn version_1(outputs: &str, about: &str) -> Bytes {
        let trace = "01hzz00000000000000000000a";
        let plan = format!(r#"{{"trace":"{trace}","received":5,"outputs":[{outputs}],"effects":[],"digest":"d"}}"#);
        let json = format!(r#"{{"plan":{plan},"contents":[0],"lengths":[4]{about}}}"#);
        let length = u32::try_from(json.len()).unwrap().to_be_bytes();
        [b"SGqp\0\x01\0\0", &length[..], json.as_bytes(), b"mail"].concat().into()
    }

    const OUTPUT: &str = r#"{"sender":"a@company.example","recipients":[{"address":"b@partner.example","notify_never":true},{"address":"c@partner.example"}],"route":{"via":"usual"},"eight_bit":false,"opened":true}"#;

    #[test]
    fn a_plan_of_an_older_program_is_read_in_each_of_its_forms() {
        let about = |more: &str| format!(r#","about":{{"trace":"01hzz00000000000000000000b","output":2,{more}}}"#);
        for (text, failed, delayed, relayed) in [
            (about(r#""recipients":[0,3],"failed":true"#), vec![0, 3], vec![], vec![]),
            (about(r#""recipients":[1],"failed":false"#), vec![], vec![1], vec![]),
            (about(r#""failed":[0],"delayed":[1],"relayed":[2]"#), vec![0], vec![1], vec![2]),
            (about(r#""failed":[]"#), vec![], vec![], vec![]),
        ] {
            let stored = decode_plan(&version_1(OUTPUT, &text)).unwrap();
            let about = stored.about.unwrap();
            assert_eq!((about.output, about.failed, about.delayed, about.relayed), (2, failed, delayed, relayed), "{text}");
            let output = &stored.plan.outputs[0];
            assert_eq!((output.recipients[0].notify, output.recipients[1].notify), (Some(model::Notify::NEVER), None));
            assert_eq!((&output.content[..], output.ret, output.smtputf8), (&b"mail"[..], None, false));
            let summary = <Summaries as segments::Summary>::of(&Summaries, PLAN, &version_1(OUTPUT, &text));
            assert_eq!(rest::about_of(&summary), decode_plan(&version_1(OUTPUT, &text)).unwrap().about, "a start takes it from there");
        }
        assert!(decode_plan(&version_1(OUTPUT, "")).unwrap().about.is_none());
        assert!(decode_plan(&version_1(OUTPUT, &about(r#""recipients":"all","failed":true"#))).is_err(), "no form of ours");
        let mut today = version_1(OUTPUT, &about(r#""recipients":[0],"failed":true"#)).to_vec();
        today[5] = 2;
        assert!(decode_plan(&today.into()).is_err(), "version 2 has one form");
    }

    #[test]
    fn what_is_written_has_the_version_of_its_form() {
        let record: Bytes = encode_plan(&plan(), Some(&About::nothing(TraceId::new(), 0))).unwrap().concat().into();
        assert_eq!(PLAN_FORMAT.read(&record).map(|(version, _)| version), Ok(2));
        let text = String::from_utf8_lossy(&record);
        let fields =
            ["trace", "received", "outputs", "sender", "recipients", "address", "route", "via", "eight_bit", "opened", "effects", "digest"];
        // Of version 2 from before its first release on: one without headers reads as one whose outputs have none.
        let meta = ["plan", "contents", "headers", "lengths", "about", "output", "failed"];
        let named: Vec<&str> = text.split('"').skip(1).step_by(2).filter(|word| text.contains(&format!("\"{word}\":"))).collect();
        let unknown: Vec<&&str> = named.iter().filter(|name| !fields.contains(name) && !meta.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}: a new form of plans takes a new version (PLAN_FORMAT), and a reader of the old one");
    }
}
