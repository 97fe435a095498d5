//! Commands that only look: at the envelope, at header fields, at the structure, at the key index. No key is used.

use message::shape::{self, Shape};
use model::Fault;
use regex::Regex;
use rules::{Comparison, Coverage};

use super::{Answered, edits};
use crate::authenticate;
use crate::state::{MailState, Work};
use crate::wrapped::Sealed;

/// Bytes of text that `comparebody` looks at.
const BODY_SEARCHED: usize = 5_000_000;

pub(super) fn incoming(work: &Work, group: &[usize]) -> Answered {
    let answers = group.iter().map(|n| work.recipient(*n).is_some_and(|address| work.site.is_managed(address))).collect();
    Answered::each(answers, None)
}

/// With "header" the one address in From is taken, and its account is the current user from then on.
pub(super) fn authenticated(work: &Work, state: &MailState, header: bool) -> Answered {
    if !header {
        return Answered::plain(state.user.authenticated);
    }
    let from = state.message.sole_from().ok();
    let user = authenticate::identity(&work.site, &work.origin, from.as_ref());
    if !user.authenticated {
        return Answered::plain(false);
    }
    Answered::changed(MailState { user, ..state.clone() })
}

pub(super) fn compare(work: &Work, state: &MailState, header: &str, how: &Comparison) -> Result<Answered, Fault> {
    if matches!(how, Comparison::Anything) {
        tracing::warn!(trace = %work.trace, header, "compare with an empty value is always yes");
        return Ok(Answered::plain(true));
    }
    if let Comparison::Substitute(pattern) = how {
        return edits::substitute(work, state, header, pattern);
    }
    Ok(Answered::plain(state.message.decoded_all(header).iter().any(|value| how.fits(value))))
}

pub(super) fn compare_body(work: &Work, state: &MailState, pattern: &Regex) -> Result<Answered, Fault> {
    let mut left = BODY_SEARCHED;
    let mut parts = vec![state.message.root()];
    while let Some(part) = parts.pop() {
        parts.extend(part.children.iter());
        if part.content_type.kind != "text" || left == 0 {
            continue;
        }
        let text = part.text(&state.message, &work.budget).map_err(super::super::decide::exhausted)?;
        let end = text.char_indices().map(|(i, _)| i).take_while(|i| *i <= left).last().unwrap_or(0);
        let seen = if text.len() <= left { text.as_str() } else { text.get(..end).unwrap_or_default() };
        if pattern.is_match(seen) {
            return Ok(Answered::plain(true));
        }
        left -= seen.len();
    }
    Ok(Answered::plain(false))
}

pub(super) fn rmatch(work: &Work, group: &[usize], pattern: &Regex) -> Answered {
    Answered::plain(group.iter().all(|n| work.recipient(*n).is_some_and(|address| pattern.is_match(address.as_str()))))
}

pub(super) fn rmatchsplit(work: &Work, group: &[usize], pattern: &Regex) -> Answered {
    Answered::each(group.iter().map(|n| work.recipient(*n).is_some_and(|address| pattern.is_match(address.as_str()))).collect(), None)
}

/// A text/calendar part that is no attachment.
pub(super) fn is_calendar(state: &MailState) -> Answered {
    let mut parts = vec![state.message.root()];
    while let Some(part) = parts.pop() {
        if part.content_type.kind == "text"
            && part.content_type.subtype == "calendar"
            && part.disposition.as_ref().is_none_or(|d| d.kind != "attachment")
        {
            return Answered::plain(true);
        }
        parts.extend(part.children.iter());
    }
    Answered::plain(false)
}

pub(super) fn has_smime_key(work: &Work, state: &MailState) -> Answered {
    Answered::plain(state.account_key().is_some_and(|key| keyring::choose::has_smime_key(&work.site, &key, work.now)))
}

pub(super) fn smime_keys_avail(work: &Work, group: &[usize], mode: Coverage) -> Answered {
    let answers: Vec<bool> = group
        .iter()
        .map(|n| work.recipient(*n).is_some_and(|address| keyring::choose::encryption(&work.site, &address.key(), work.now).is_some()))
        .collect();
    match mode {
        Coverage::Strict => Answered::plain(answers.iter().all(|a| *a)),
        Coverage::Auto => Answered::each(answers, None),
    }
}

/// Looks at whom the mail is addressed to, never at what opens: its answer may go onto the wire.
pub(super) fn smime_key_known(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    let Some(Sealed { der, .. }) = state.sealed(&work.budget) else {
        return Ok(Answered::plain(false));
    };
    let Ok(named) = crypto::smime::named_recipients(der, &work.budget) else {
        return Ok(Answered::plain(false));
    };
    let owns = |n: &usize| {
        work.recipient(*n).is_some_and(|address| {
            keyring::choose::own(&work.site, &[address.key()]).iter().any(|certificate| named.iter().any(|name| name.matches(certificate)))
        })
    };
    Ok(Answered::each(group.iter().map(owns).collect(), None))
}

/// At the root, or a part of it (then the verdict is `partial` at best); a signed message that is attached says nothing
/// about this one.
pub(super) fn smime_signed(state: &MailState) -> Answered {
    let message = &state.message;
    let attached =
        |id: &str| id.match_indices('.').filter_map(|(at, _)| message.part(id.get(..at)?)).any(|part| part.content_type.is_message());
    let root = state.shape();
    let by_cms = |shape: &Shape| shape.is_signed() && !matches!(shape, Shape::PgpSigned);
    if root.is_signed() || root.is_encrypted() {
        return Answered::plain(by_cms(root));
    }
    Answered::plain(shape::nested(message).iter().any(|(id, part)| by_cms(part) && !attached(id)))
}

/// At the root, or just below a signature (triple-wrapped).
pub(super) fn smime_encrypted(work: &Work, state: &MailState) -> Answered {
    Answered::plain(state.sealed(&work.budget).is_some())
}
