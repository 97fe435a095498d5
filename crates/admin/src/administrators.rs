//! Administrators: who may sign in at the console, with which rights (console.md ).
//!
//! Nobody gives, takes or keeps anybody rights above their own. A password that somebody else has set is a one-time
//! password: its owner must replace it.

use crypto::pool::Priority;
use model::{Access, Actor, Fault, Guilty, Right, Rights, SecretText};
use serde::Serialize;
use store::people::{self, Administrator};
use store::{Expect, Tx};

use crate::authorise::{cover, need};
use crate::error::{bad_field, internal, not_found, still_used};
use crate::{Admin, audit};

/// Name of the first administrator.
pub const FIRST: &str = "admin";
/// Words of a rights list that are no rights.
const GROUPS: [&str; 3] = ["admin", "admin:read", "backup"];

/// What others see of an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Sign-in name.
    pub name: String,
    /// Words of rights and groups.
    pub rights: Vec<String>,
    /// Has a one-time password.
    pub must_change: bool,
    /// What If-Match compares.
    pub version: i64,
}

impl Admin {
    /// Makes the first administrator, with a one-time password to be printed once. `None` if there is one already.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn first_administrator(&self) -> Result<Option<(String, SecretText)>, Fault> {
        if !people::administrators(self.store()).await?.is_empty() {
            return Ok(None);
        }
        let actor = Actor { name: "first start".to_owned(), ..Actor::local() };
        match self.administrator_add(&actor, FIRST, &["admin".to_owned()]).await {
            Ok(password) => Ok(Some((FIRST.to_owned(), password))),
            // Another node was quicker; it printed the password.
            Err(fault) if fault.code == "exists-already" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// All administrators, by name.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn administrators(&self, actor: &Actor) -> Result<Vec<Shown>, Fault> {
        need(actor, Right::Administration, Access::Read)?;
        Ok(people::administrators(self.store()).await?.iter().map(shown).collect())
    }

    /// Makes an administrator and gives their one-time password.
    ///
    /// # Errors
    /// `bad-field`, `exists-already`, `above-own-rights`; without the right; when the store is away.
    pub async fn administrator_add(&self, actor: &Actor, name: &str, rights: &[String]) -> Result<SecretText, Fault> {
        need(actor, Right::Administration, Access::Write)?;
        let name = sign_in_name(name)?;
        cover(actor, read_rights(rights)?)?;
        let (password, password_hash) = self.one_time().await?;
        let rights = serde_json::to_string(rights).map_err(internal)?;
        let new = Administrator { name: name.clone(), password_hash, rights, must_change: true, version: 0 };
        self.write_administrator(actor, None, new, Expect::New).await.map_err(|fault| match fault.code {
            "changed-meanwhile" => Fault::permanent(Guilty::Sender, "exists-already", fault.cause).with("name", &name),
            _ => fault,
        })?;
        Ok(password)
    }

    /// Changes somebody's rights; their sessions end.
    ///
    /// # Errors
    /// `not-found`, `above-own-rights`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn administrator_rights(&self, actor: &Actor, name: &str, rights: &[String], expect: Expect) -> Result<i64, Fault> {
        let before = self.below(actor, name).await?;
        cover(actor, read_rights(rights)?)?;
        let rights = serde_json::to_string(rights).map_err(internal)?;
        let after = Administrator { rights, ..before.clone() };
        let expect = if expect == Expect::Any { Expect::Version(before.version) } else { expect };
        self.write_administrator(actor, Some(before), after, expect).await
    }

    /// Gives somebody a new one-time password; their sessions and tokens end with it, for whoever knew the old password
    /// may have made some.
    ///
    /// # Errors
    /// `not-found`, `above-own-rights`; without the right; when the store is away.
    pub async fn administrator_reset(&self, actor: &Actor, name: &str) -> Result<SecretText, Fault> {
        let before = self.below(actor, name).await?;
        let (password, password_hash) = self.one_time().await?;
        let expect = Expect::Version(before.version);
        let after = Administrator { password_hash, must_change: true, ..before.clone() };
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                write(tx, actor.clone(), Some(before), after.clone(), expect).await?;
                crate::tokens::end_all(tx, &actor, &after.name).await
            })
        });
        write.await?;
        self.store().succeeded(crate::sign_in::ACCOUNT, name).await?;
        Ok(password)
    }

    /// Removes an administrator with their sessions and tokens; the last one stays.
    ///
    /// # Errors
    /// `not-found`, `above-own-rights`, `still-used`; without the right; when the store is away.
    pub async fn administrator_remove(&self, actor: &Actor, name: &str, expect: Expect) -> Result<(), Fault> {
        let before = self.below(actor, name).await?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                if people::administrators(&mut *tx).await?.len() < 2 {
                    return Err(still_used(&before.name, "the console: there is no other administrator"));
                }
                people::remove_administrator(tx, &before.name, expect).await?;
                audit::note(tx, &actor, &what(&before.name), Some(&audited(&before)), None).await
            })
        });
        write.await
    }

    /// Changes one's own password: the present one, and the new one twice. Needs no right.
    ///
    /// # Errors
    /// `password-wrong`, `password-too-short`, `password-differs`, `password-not-new`; when the store is away.
    pub async fn change_own_password(&self, name: &str, present: SecretText, new: SecretText, again: SecretText) -> Result<(), Fault> {
        web::password::check_new(&new, &again)?;
        let before = people::administrator(self.store(), name).await?.ok_or_else(|| not_found(&what(name)))?;
        if self.locked(crate::sign_in::ACCOUNT, name).await? {
            return Err(Fault::permanent(Guilty::Sender, "password-wrong", "the account is locked"));
        }
        let old_hash = before.password_hash.clone();
        let hashed = self.0.pool.run(Priority::Interactive, move || {
            if !web::password::verify(&present, Some(&old_hash)) {
                return Err(Fault::permanent(Guilty::Sender, "password-wrong", "the present password is wrong"));
            }
            if web::password::verify(&new, Some(&old_hash)) {
                return Err(Fault::permanent(Guilty::Sender, "password-not-new", "the same password"));
            }
            web::password::hash(&new)
        });
        let password_hash = match hashed.await {
            Err(fault) if fault.code == "password-wrong" => {
                self.count_failure(crate::sign_in::ACCOUNT, name).await?;
                return Err(fault);
            }
            hashed => hashed?,
        };
        let actor = Actor { name: name.to_owned(), rights: Rights::NONE, origin: "own password".to_owned() };
        let expect = Expect::Version(before.version);
        let after = Administrator { password_hash, must_change: false, ..before.clone() };
        self.write_administrator(&actor, Some(before), after, expect).await.map(drop)
    }

    /// What is known of an account now: rights, and whether it must choose a password. `None` if it is gone.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn account(&self, name: &str) -> Result<Option<(Rights, bool)>, Fault> {
        let found = people::administrator(self.store(), name).await?;
        Ok(found.map(|who| (rights_of(&who), who.must_change)))
    }

    /// Somebody whose rights the actor covers.
    async fn below(&self, actor: &Actor, name: &str) -> Result<Administrator, Fault> {
        need(actor, Right::Administration, Access::Write)?;
        let found = people::administrator(self.store(), name).await?.ok_or_else(|| not_found(&what(name)))?;
        cover(actor, rights_of(&found))?;
        Ok(found)
    }

    async fn one_time(&self) -> Result<(SecretText, String), Fault> {
        let password = web::password::one_time()?;
        let hashing = password.clone();
        let hash = self.0.pool.run(Priority::Interactive, move || web::password::hash(&hashing)).await?;
        Ok((password, hash))
    }

    async fn write_administrator(
        &self,
        actor: &Actor,
        before: Option<Administrator>,
        after: Administrator,
        expect: Expect,
    ) -> Result<i64, Fault> {
        let actor = actor.clone();
        self.store().write(move |tx| Box::pin(write(tx, actor, before, after, expect))).await
    }
}

async fn write(tx: &mut Tx, actor: Actor, before: Option<Administrator>, after: Administrator, expect: Expect) -> Result<i64, Fault> {
    let version = people::put_administrator(tx, &after, expect).await?;
    let (was, is) = (before.as_ref().map(audited), audited(&after));
    audit::note(tx, &actor, &what(&after.name), was.as_deref(), Some(&is)).await?;
    Ok(version)
}

/// The rights that an administrator has now.
#[must_use]
pub fn rights_of(who: &Administrator) -> Rights {
    let words: Vec<String> = serde_json::from_str(&who.rights).unwrap_or_default();
    Rights::from_words(words.iter().map(String::as_str))
}

/// Rights from their words.
///
/// # Errors
/// `bad-field` with the first word that is none.
pub(crate) fn read_rights(words: &[String]) -> Result<Rights, Fault> {
    let known = |word: &&String| GROUPS.contains(&word.as_str()) || Right::from_word(word.trim_end_matches(":read")).is_some();
    if let Some(word) = words.iter().find(|word| !known(word)) {
        let all = Right::ALL.iter().map(|right| right.word()).chain(GROUPS);
        let near = rules::nearest(word, all).map_or(String::new(), |near| format!("; did you mean {near}?"));
        return Err(bad_field("rights", format!("{word:?} is no right{near}")));
    }
    Ok(Rights::from_words(words.iter().map(String::as_str)))
}

/// A sign-in name as it is stored: lower case.
fn sign_in_name(name: &str) -> Result<String, Fault> {
    let name = name.trim().to_lowercase();
    let fits = (1..=254).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+".contains(&b));
    if fits { Ok(name) } else { Err(bad_field("name", "expected letters, digits, and - _ . @ +")) }
}

fn shown(who: &Administrator) -> Shown {
    let rights = serde_json::from_str(&who.rights).unwrap_or_default();
    Shown { name: who.name.clone(), rights, must_change: who.must_change, version: who.version }
}

fn what(name: &str) -> String {
    format!("administrator/{name}")
}

/// For the audit log. The hash stands there as a masked field, so that a changed password is seen as a change.
fn audited(who: &Administrator) -> String {
    let rights: serde_json::Value = serde_json::from_str(&who.rights).unwrap_or_default();
    serde_json::json!({ "rights": rights, "must_change": who.must_change, "password": &who.password_hash }).to_string()
}
