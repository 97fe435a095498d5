//! `createaccount`, `createkeys`: an account and keys for the current user (mail-gateway.md M-R7b).
//!
//! An account alone is an effect of the plan, like all that rules change. Keys take time and exist once, so they are ordered while the rules
//! run, and the mail waits for them: it is to be signed by them. Whoever is not authenticated is no user and orders nothing.

use std::time::{Duration, Instant};

use keyring::pgp;
use model::{Address, AddressKey, Fault, Guilty, KeyOrder, NewKey, Site, Timestamp};

use super::Answered;
use crate::state::{Account, MailState, Work};

/// Only an authenticated sender gets an account; an existing one stays as it is, and gets no keys either.
pub(super) async fn create_account(
    work: &Work,
    state: &MailState,
    keys: &[NewKey],
    (user_id, name): (Option<&str>, Option<&str>),
) -> Result<Answered, Fault> {
    let Some(address) = user(state) else { return Ok(Answered::plain(false)) };
    let account = state.account.clone().unwrap_or_else(|| Account {
        address: address.clone(),
        name: name.map_or_else(
            || state.message.mailboxes("from").into_iter().find_map(|mailbox| mailbox.name).unwrap_or_default(),
            str::to_owned,
        ),
        user_id: user_id.map(plain_id).unwrap_or_default(),
    });
    let next = MailState { account: Some(account), ..state.clone() };
    if keys.is_empty() || work.site.users.contains_key(&address.key()) {
        return Ok(Answered::changed(next));
    }
    make(work, next, &address, keys, false).await
}

/// Yes if the user, who has an account by now, has keys of all these kinds.
pub(super) async fn create_keys(work: &Work, state: &MailState, keys: &[NewKey], go_on: bool) -> Result<Answered, Fault> {
    let Some(address) = user(state) else { return Ok(Answered::plain(false)) };
    if state.account.is_none() && !work.site.users.contains_key(&address.key()) {
        return Ok(Answered::plain(false));
    }
    make(work, state.clone(), &address, keys, go_on).await
}

fn user(state: &MailState) -> Option<Address> {
    state.user.address.clone().filter(|_| state.user.authenticated)
}

/// A user id without special characters.
fn plain_id(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "@._+-".contains(c) { c } else { '_' };
    text.trim().chars().take(254).map(plain).collect()
}

/// Orders what is lacking and waits for it, unless the mail goes on without.
async fn make(work: &Work, state: MailState, address: &Address, keys: &[NewKey], go_on: bool) -> Result<Answered, Fault> {
    let (owner, now) = (address.key(), work.now);
    let lacking: Vec<NewKey> = keys.iter().copied().filter(|kind| !has(&work.site, &owner, *kind, now)).collect();
    // Signing in a rehearsal takes keys for there, too.
    if lacking.is_empty() || work.rehearsal {
        return Ok(Answered::changed(state));
    }
    let (name, user_id) = state.account.as_ref().map_or_else(Default::default, |account| (account.name.clone(), account.user_id.clone()));
    for kind in lacking {
        let order = KeyOrder { address: address.clone(), name: name.clone(), user_id: user_id.clone(), kind };
        match work.new_keys.order(order).await {
            Ok(()) => tracing::info!(event = "keys.ordered", trace = %work.trace, user = %owner, kind = kind.job(), go_on),
            Err(fault) if go_on => {
                tracing::warn!(event = "keys.not_ordered", trace = %work.trace, user = %owner, cause = %fault.cause, "the mail goes on");
            }
            Err(fault) => return Err(fault),
        }
    }
    if go_on {
        return Ok(Answered::plain(false));
    }
    let wished = |site: &Site| site.users.contains_key(&owner) && keys.iter().all(|kind| has(site, &owner, *kind, now));
    match tokio::time::timeout(patience(work), work.new_keys.until(&wished)).await {
        Ok(site) => Ok(Answered::changed(MailState { site: Some(site), ..state })),
        Err(_) => Err(Fault::temporary(Guilty::Ourselves, "keys-being-made", format!("keys of {owner} were not there in time"))),
    }
}

/// Two thirds of the mail's time: what comes after needs some, too.
fn patience(work: &Work) -> Duration {
    work.budget.deadline().saturating_duration_since(Instant::now()) * 2 / 3
}

fn has(site: &Site, owner: &AddressKey, kind: NewKey, now: Timestamp) -> bool {
    match kind {
        NewKey::Pgp => pgp::to_publish(site, owner, now).is_some(),
        NewKey::OwnCa | NewKey::ExternalCa => false,
    }
}

#[cfg(test)]
#[path = "new_keys_tests.rs"]
mod tests;
