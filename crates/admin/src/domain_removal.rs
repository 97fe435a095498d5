//! Removing a domain: what becomes of its users and their keys is asked, and what can then no longer be opened is said
//! (mail-gateway.md M-T2).
//!
//! Whoever faces people asks by the fault `domain-has-users`, which counts them; the answer is a [`Remains`]. Keys go only
//! where that was allowed beside it, as with users. Mail that was opened for the domain and still waits is held by the queue:
//! it must not leave by another way (security.md X-23).

use std::collections::BTreeSet;

use model::site::{Domain, KeyRecord, Section, SiteRow, User};
use model::{Access, Actor, Fault, Guilty, Right};
use serde::Serialize;
use store::Expect;

use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, internal, would_delete};
use crate::{Admin, QueueAsk, Record};

/// Waiting mails that are counted; more are said to be that many.
const COUNTED: u32 = 1_000;

/// What becomes of a removed domain's users and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Remains {
    /// They stay as they are; nothing is opened for them while the domain is away.
    Keep,
    /// They stay as leavers (M-C15): nobody signs in, signs or encrypts as they. Their keys stay.
    Disable,
    /// They go, and their keys with them.
    Delete,
}

impl Remains {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Disable, Self::Delete];

    /// The word in queries and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }

    /// From the word; none for an empty one.
    ///
    /// # Errors
    /// `bad-field` for any other word.
    pub fn read(word: &str) -> Result<Option<Self>, Fault> {
        let found = Self::ALL.into_iter().find(|remains| remains.word() == word);
        if found.is_none() && !word.is_empty() {
            return Err(bad_field("users", "expected keep, disable or delete"));
        }
        Ok(found)
    }
}

/// What the removal of a domain did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainRemoved {
    /// The domain.
    pub domain: String,
    /// What became of its users; none if it had neither users nor keys.
    pub users: Option<Remains>,
    /// How many users it had.
    pub accounts: usize,
    /// How many keys they had.
    pub keys: usize,
    /// Those to whom encrypted mail can't be opened any more.
    pub closed: Vec<String>,
    /// Mails to it that wait on this node, up to 1000. What was opened here is held.
    pub waiting: usize,
}

/// A domain's users, their passwords, and their keys.
#[derive(Debug, Default)]
pub(crate) struct Belongings {
    pub(crate) users: Vec<SiteRow>,
    pub(crate) passwords: Vec<SiteRow>,
    pub(crate) keys: Vec<SiteRow>,
}

impl Belongings {
    /// Those of these rows that belong to a domain.
    pub(crate) fn among(rows: impl IntoIterator<Item = SiteRow>, domain: &str) -> Self {
        let mut found = Self::default();
        for row in rows {
            match row.section {
                Section::User if domain_of(&row.key) == Some(domain) => found.users.push(row),
                Section::Secret if password_of_whom(&row.key).and_then(domain_of) == Some(domain) => found.passwords.push(row),
                Section::Key if owner(&row).is_some_and(|owner| domain_of(&owner) == Some(domain)) => found.keys.push(row),
                _ => {}
            }
        }
        found
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.keys.is_empty()
    }

    /// Asks what is to become of them.
    pub(crate) fn question(&self, domain: &str) -> Fault {
        let (users, keys) = (self.users.len(), self.keys.len());
        let cause = format!("{domain} has {users} users and {keys} keys: say what becomes of them");
        Fault::permanent(Guilty::Sender, "domain-has-users", cause).with("name", domain).with("users", users).with("keys", keys)
    }

    /// The changes of rows: each with its new body, or none where it goes.
    pub(crate) fn changes(&self, remains: Remains) -> Result<Vec<(SiteRow, Option<String>)>, Fault> {
        match remains {
            Remains::Keep => Ok(Vec::new()),
            Remains::Disable => self.users.iter().map(|row| Ok((row.clone(), Some(disabled(row)?)))).collect(),
            Remains::Delete => {
                Ok([&self.users, &self.passwords, &self.keys].into_iter().flatten().map(|row| (row.clone(), None)).collect())
            }
        }
    }

    /// Owners of keys.
    fn owners(&self) -> Vec<String> {
        let owners: BTreeSet<String> = self.keys.iter().filter_map(owner).collect();
        owners.into_iter().collect()
    }
}

impl Admin {
    /// Removes a domain. `remains`: what becomes of its users and keys, if it has any; `with_keys`: keys may go.
    ///
    /// # Errors
    /// `domain-has-users` where nothing was said of them; `would-delete` for keys; `not-found`, `changed-meanwhile`; without
    /// the rights; when the store is away.
    pub async fn domain_remove(
        &self,
        actor: &Actor,
        domain: &str,
        expect: Expect,
        remains: Option<Remains>,
        with_keys: bool,
    ) -> Result<DomainRemoved, Fault> {
        need(actor, Domain::RIGHT, Access::Write)?;
        let of_it = self.belongings(domain).await?;
        let mut plan = vec![Planned { section: Section::Domain, key: domain.to_owned(), body: None, expect }];
        let users = if of_it.is_empty() { None } else { Some(remains.ok_or_else(|| of_it.question(domain))?) };
        if users.is_some_and(|users| users != Remains::Keep) {
            need(actor, Right::Users, Access::Write)?;
        }
        if users == Some(Remains::Delete) && !of_it.keys.is_empty() && !with_keys {
            return Err(would_delete(&of_it.owners()));
        }
        for (row, body) in users.map(|users| of_it.changes(users)).transpose()?.unwrap_or_default() {
            plan.push(Planned { section: row.section, key: row.key, body, expect: Expect::Version(row.version) });
        }
        let waiting = self.waiting_for(domain).await;
        self.change(actor, plan).await?;
        let (accounts, keys) = (of_it.users.len(), of_it.keys.len());
        let closed = if users == Some(Remains::Delete) { of_it.owners() } else { Vec::new() };
        tracing::info!(event = "domain.removed", who = %actor.name, domain, users = users.map_or("", Remains::word), accounts, keys, waiting);
        Ok(DomainRemoved { domain: domain.to_owned(), users, accounts, keys, closed, waiting })
    }

    async fn belongings(&self, domain: &str) -> Result<Belongings, Fault> {
        let mut rows = Vec::new();
        for section in [Section::User, Section::Secret, Section::Key] {
            rows.extend(store::site::section(self.store(), section).await?);
        }
        Ok(Belongings::among(rows, domain))
    }

    /// Mails that wait for a domain; none are said on a node without a mail gate.
    async fn waiting_for(&self, domain: &str) -> usize {
        let Some(queue) = self.0.queue.as_deref() else { return 0 };
        let ask = QueueAsk { domain: Some(domain.to_owned()), ..QueueAsk::default() };
        queue.list(&ask, "", COUNTED).await.map_or(0, |entries| entries.len())
    }
}

/// The domain in an address's look-up key.
fn domain_of(key: &str) -> Option<&str> {
    key.rsplit_once('@').map(|(_, domain)| domain)
}

/// Whose password a secret of this name is.
fn password_of_whom(name: &str) -> Option<&str> {
    name.strip_prefix("user/").and_then(|rest| rest.strip_suffix("/password"))
}

pub(crate) fn owner(row: &SiteRow) -> Option<String> {
    serde_json::from_str::<KeyRecord>(&row.body).ok().map(|record| record.owner.as_str().to_owned())
}

/// A leaver (M-C15).
fn disabled(row: &SiteRow) -> Result<String, Fault> {
    let user: User = serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))?;
    json(&User { may_not_encrypt: true, may_not_sign: true, ..user })
}
