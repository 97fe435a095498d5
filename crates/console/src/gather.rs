//! What handlers have in common: reading the query, cutting pages, and gathering the home page's facts.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use model::{Actor, Counter, Fault, Guilty, Timestamp};
use web::FormData;

use crate::state::ConsoleState;
use crate::view::{Home, Page, Trouble};

/// Rows of one page.
pub const ROWS: u32 = 50;

/// The queue is "old" from here on, in seconds (console.md A-4).
const QUEUE_OLD: i64 = 3_600;

/// The query of a request. An unreadable one is empty.
#[derive(Debug, Clone, Default)]
pub struct Asked(FormData);

impl Asked {
    /// The first value of a name; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.text(name)
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.all(name)
    }

    /// True for `yes`, `true`, `1`, or the bare name.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.0.all(name).any(|value| matches!(value, "" | "yes" | "true" | "1"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(FormData::parse(query.as_bytes()).unwrap_or_default()))
    }
}

/// There is no such page.
#[must_use]
pub fn not_found() -> Fault {
    Fault::permanent(Guilty::Sender, "not-found", "no such page")
}

/// One page of at most [`ROWS`], made of one row more than that if there is a next page.
pub fn page_of<T>(mut rows: Vec<T>, here: &str, cursor: impl Fn(&T) -> String) -> Page<T> {
    let full = rows.len() > ROWS as usize;
    rows.truncate(ROWS as usize);
    let next = if full { rows.last().map(&cursor) } else { None };
    Page { items: rows, here: (!here.is_empty()).then(|| here.to_owned()), next }
}

impl<T> Page<T> {
    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), here: self.here, next: self.next }
    }
}

/// Length of the queue, and when its oldest mail came (0: empty, or a node without a mail gate).
///
/// Only these two numbers leave here: who may see the home page may not therefore see the queue.
pub async fn queue(state: &ConsoleState) -> (i64, Timestamp) {
    let (length, oldest) = state.admin().queue_length().await.unwrap_or_default();
    (i64::try_from(length).unwrap_or(i64::MAX), oldest)
}

/// Accounts that may sign or encrypt: those that may neither are leavers, and don't count (M-C15).
#[must_use]
pub fn users_active(site: &model::Site) -> i64 {
    let active = site.users.values().filter(|user| !(user.may_not_sign && user.may_not_encrypt)).count();
    i64::try_from(active).unwrap_or(i64::MAX)
}

/// The home page's facts. While the store is away the page says so and shows what the node knows itself.
///
/// # Errors
/// Without the right.
pub async fn home(state: &ConsoleState, actor: &Actor) -> Result<Home, Fault> {
    let (now, site, node) = (state.kit().now(), state.facts().site(), state.node());
    let mut home = Home {
        node: node.id.clone(),
        hostname: site.mail.hostname.clone(),
        version: node.version.clone(),
        uptime: i64::try_from(now.since(node.started).as_secs()).unwrap_or(i64::MAX),
        users_active: users_active(&site),
        ..Home::default()
    };
    match state.admin().counts(actor).await {
        Ok(counts) => {
            let of = |counter: Counter| counts.mail.iter().find(|(name, _)| *name == counter.name()).map_or(0, |(_, value)| *value);
            home.counts = Counter::ALL.into_iter().map(|counter| (counter, of(counter))).collect();
            (home.devices_allowed, home.devices_blocked) = (counts.devices_allowed, counts.devices_blocked);
            state.history().note(now, of(Counter::MailReceived), of(Counter::MailSent));
        }
        Err(fault) if fault.temporary => home.troubles.push(Trouble::StoreAway),
        Err(fault) => return Err(fault),
    }
    home.hours = state.history().hours();
    (home.queue_length, home.queue_oldest) = queue(state).await;
    let age = i64::try_from(now.since(home.queue_oldest).as_secs()).unwrap_or(i64::MAX);
    if home.queue_oldest.0 > 0 && age > QUEUE_OLD {
        home.troubles.push(Trouble::QueueOld(age));
    }
    if site.domains.is_empty() {
        home.troubles.push(Trouble::NoDomain);
    }
    home.engines = state.engines();
    for engine in &home.engines {
        if !engine.up {
            home.troubles.push(Trouble::ScannerDown(engine.name.to_owned()));
        } else if let Some(age) = engine.old_by(now) {
            let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            home.troubles.push(Trouble::ScannerOld(engine.name.to_owned(), age));
        }
    }
    if site.mobile.test_mode {
        home.troubles.push(Trouble::TestMode);
    }
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_is_named_only_if_there_is_one() {
        let numbers = |count: u32| (0..count).collect::<Vec<_>>();
        let page = page_of(numbers(ROWS), "", ToString::to_string);
        assert_eq!((page.items.len(), page.here, page.next), (50, None, None));
        let page = page_of(numbers(ROWS + 1), "x", ToString::to_string);
        assert_eq!((page.items.len(), page.here.as_deref(), page.next.as_deref()), (50, Some("x"), Some("49")));
    }
}
