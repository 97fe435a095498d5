//! `reprocess()`: messages that a user has attached run as incoming with this user's own keys and come back (mail-gateway.md M-R7a).
//!
//! Before: [`crate::decide`], for the mail that carries them. After: [`crate::assemble`], which sends them back. Each attached message goes
//! through the same rule set with its user as the only recipient, so that decrypt commands find this user's keys and no other's
//! (security.md X-4). What can't be opened comes back as it was, with one fixed notice. Never a bounce, no effect, no other receiver.

use std::sync::Arc;

use bytes::Bytes;
use message::{Message, Part};
use model::{Address, EncryptionWord, Envelope, Fault, Origin, Recipient};
use rules::outcome::End;
use rules::{GroupEnd, RuleSet};

use crate::authenticate::Identity;
use crate::decide::{self, Decision};
use crate::state::{MailState, Work};

/// Most messages of one mail.
const MOST: usize = 50;

/// What comes back to the user for one attached message.
#[derive(Debug, Clone)]
pub enum Returned {
    /// The message as the rules left it.
    Processed(Box<MailState>),
    /// It stayed closed: as it was.
    Closed(Bytes),
}

/// Carries out what the rules asked for: fills [`MailState::returned`], or refuses.
///
/// # Errors
/// A temporary fault of an attached message makes the whole mail wait.
pub async fn run(work: &Work, rules: &Arc<RuleSet>, decision: &mut Decision) -> Result<(), Fault> {
    for (end, state) in decision.ends.iter_mut().filter(|(end, _)| matches!(end.end, End::Reprocess)) {
        let attached = attached(&state.message);
        let Some(user) = owner(work, state) else {
            refuse(end, "5.7.1 Only senders with an account here may have messages reprocessed");
            continue;
        };
        match attached.len() {
            0 => refuse(end, "5.6.0 There is no attached message to be reprocessed"),
            1..=MOST => {
                let mut returned = Vec::with_capacity(attached.len());
                for content in attached.into_iter().map(|part| part.decode(&state.message, &work.budget)) {
                    returned.push(one(work, rules, content.map_err(decide::exhausted)?, &user).await?);
                }
                state.returned = returned;
            }
            _ => refuse(end, "5.6.0 At most 50 attached messages can be reprocessed at once"),
        }
    }
    Ok(())
}

fn refuse(end: &mut GroupEnd, text: &str) {
    end.end = End::Drop { code: 550, text: text.to_owned() };
}

/// The sender, if it is authenticated and has an account.
fn owner(work: &Work, state: &MailState) -> Option<Address> {
    let user = state.user.address.clone().filter(|_| state.user.authenticated)?;
    work.site.users.contains_key(&user.key()).then_some(user)
}

/// Attached messages, outermost; what is inside them belongs to them.
fn attached(message: &Message) -> Vec<&Part> {
    let (mut open, mut found) = (vec![message.root()], Vec::new());
    while let Some(part) = open.pop() {
        if part.content_type.is_message() {
            found.push(part);
        } else {
            open.extend(part.children.iter().rev());
        }
    }
    found
}

async fn one(work: &Work, rules: &Arc<RuleSet>, content: Bytes, user: &Address) -> Result<Returned, Fault> {
    let Ok(message) = Message::parse(content.clone(), &work.budget) else { return Ok(Returned::Closed(content)) };
    let sender = message.author().ok();
    let envelope = Envelope { sender: sender.clone(), recipients: vec![Recipient::plain(user.clone())], ..work.envelope.clone() };
    let origin = Origin::Notice { about: Some(work.trace) };
    let inner = Work { envelope, origin, checks: None, ..work.clone() };
    let mail = MailState::new(message, Identity { address: sender, authenticated: false });
    match decide::decide(&inner, Arc::clone(rules), mail).await {
        Ok(mut decided) => match decided.ends.pop() {
            Some((GroupEnd { end: End::Deliver { .. }, .. }, state)) if is_open(&state) => Ok(Returned::Processed(Box::new(state))),
            _ => Ok(Returned::Closed(content)),
        },
        Err(fault) if fault.temporary => Err(fault),
        Err(_) => Ok(Returned::Closed(content)),
    }
}

fn is_open(state: &MailState) -> bool {
    state.judgement.encryption != EncryptionWord::Failed && !state.shape().is_encrypted()
}

#[cfg(test)]
#[path = "reprocess_tests.rs"]
mod tests;
