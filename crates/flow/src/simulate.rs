//! `rules run`: a message and an envelope go through a rule set without sending anything, with the trace (M-R4).
//!
//! No private key is used: whoever may look at rules may not therefore have mail opened or signed, and the way through a rule
//! set shows whether a mail opens. So [`NoKeys`] stands in for the vault: `decrypt_smime()` answers no
//! with every key that is known, `sign_smime()` yes where a certificate to sign with is there, unsigned.

use std::sync::Arc;

use message::Message;
use model::{Fault, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, TraceId};
use rules::{RuleSet, TraceStep};

use crate::authenticate;
use crate::decide::{self, Decision};
use crate::state::{MailState, Work};

/// A vault that knows no key.
#[derive(Debug, Clone, Copy)]
pub struct NoKeys;

impl KeyUse for NoKeys {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        None
    }

    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, _: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        Err(KeyUseError::UnknownKey)
    }
}

/// How one group went.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SimulatedGroup {
    /// Its recipients.
    pub recipients: Vec<String>,
    /// `deliver`, `bounce`, `drop`.
    pub outcome: &'static str,
    /// What was asked and answered, before it was a group of its own too.
    pub trace: Vec<TraceStep>,
}

/// The way of one mail through the rules.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Simulated {
    /// `deliver`, `bounce`, `drop` for the whole mail.
    pub outcome: &'static str,
    /// The SMTP code that the client would get.
    pub code: u16,
    /// Each group.
    pub groups: Vec<SimulatedGroup>,
}

/// Runs `rules` for a mail as if it had come by SMTP; `work` carries envelope, origin and site, with [`NoKeys`] for keys and
/// marked as a rehearsal. Nothing is committed.
///
/// # Errors
/// As a client would get it: 4xx.
pub async fn run(work: &Work, rules: Arc<RuleSet>, message: Message) -> Result<Simulated, Fault> {
    let message = authenticate::strip_own_marks(message, &work.budget)?;
    let user = authenticate::identity(&work.site, &work.origin, work.envelope.sender.as_ref());
    let decision = decide::decide(work, rules, MailState::new(message, user)).await?;
    Ok(summary(work, &decision))
}

/// Longest record of a decision in a mail's story, octets.
const RECORD: usize = 64 << 10;

/// What a mail's story keeps of the decision: shown there, and replayed under other rules (`rules::replay`). `None`: too long.
#[must_use]
pub fn record(work: &Work, decision: &Decision) -> Option<String> {
    let kept = Kept { way: summary(work, decision), known: work.sender_known() };
    serde_json::to_string(&kept).ok().filter(|text| text.len() <= RECORD)
}

#[derive(serde::Serialize)]
struct Kept {
    #[serde(flatten)]
    way: Simulated,
    known: bool,
}

fn summary(work: &Work, decision: &Decision) -> Simulated {
    use rules::outcome::WholeMail;
    let groups: Vec<SimulatedGroup> = decision
        .ends
        .iter()
        .filter(|(end, _)| !end.reply)
        .map(|(end, state)| SimulatedGroup {
            recipients: state.work(work).addresses(&end.recipients).iter().map(ToString::to_string).collect(),
            outcome: rules::replay::word(&end.end),
            trace: decision.way_of(end.group),
        })
        .collect();
    let ends: Vec<_> = decision.ends.iter().map(|(end, _)| end.clone()).collect();
    let code = match rules::outcome(&ends, work.sender_known()) {
        WholeMail::TryLater { code, .. } | WholeMail::Refused { code, .. } => code,
        WholeMail::Accepted(_) => 250,
    };
    let outcome = if groups.iter().any(|g| g.outcome == "deliver") { "deliver" } else { groups.first().map_or("drop", |g| g.outcome) };
    Simulated { outcome, code, groups }
}
