//! Secrets of the site: sealed by the vault or kept as a hash, written by the site file and the API, read back by nobody.
//!
//! A record holds a placeholder, `@secret(NAME)`, and the row NAME of the section `secret` holds what it stands for
//! (docs/decisions/0010-smtp-in.md). Before: `site_file` and [`crate::records`] take secrets out of what came in. After: `change`
//! writes the rows in the transaction of the record. An export has names only; applying it keeps what is stored. A secret that is
//! the stored one already is no change.

use std::collections::BTreeMap;

use crypto::pool::Priority;
use data_encoding::BASE64;
use model::site::{Secret, Section, User, secret_label};
use model::{Access, Actor, Address, Fault, Right, SecretText};
use store::Expect;

use crate::Admin;
use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, internal, not_found};

/// A secret as it came in.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A password: only its hash is kept.
    Hash(SecretText),
    /// Needed in clear: sealed.
    Seal(SecretText),
    /// `@secret(NAME)`: what is stored stays.
    Keep,
}

/// Secrets by name.
pub type Secrets = BTreeMap<String, Wanted>;

/// Name of a user's password.
#[must_use]
pub fn password_of(user: &str) -> String {
    format!("user/{user}/password")
}

/// How a record and an export name a secret.
#[must_use]
pub fn placeholder(name: &str) -> String {
    format!("@secret({name})")
}

/// True for `@secret(…)`.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    text.starts_with("@secret(") && text.ends_with(')')
}

impl Admin {
    /// Rows of these secrets, by name: what is stored where it says the same already.
    ///
    /// # Errors
    /// `bad-field` for a placeholder of something that is not stored, or a password that can't be used.
    pub(crate) async fn secret_rows(&self, wanted: &Secrets, stored: &BTreeMap<String, Secret>) -> Result<BTreeMap<String, Secret>, Fault> {
        let mut rows = BTreeMap::new();
        for (name, wanted) in wanted {
            let before = stored.get(name);
            let row = match wanted {
                Wanted::Keep => {
                    before.cloned().ok_or_else(|| bad_field(name, "no secret of this name is stored: write it in clear once"))?
                }
                Wanted::Hash(password) => self.hashed(name, password, before).await?,
                Wanted::Seal(text) => self.sealed(name, text, before)?,
            };
            rows.insert(name.clone(), row);
        }
        Ok(rows)
    }

    async fn hashed(&self, name: &str, password: &SecretText, before: Option<&Secret>) -> Result<Secret, Fault> {
        if password.expose().starts_with("$argon2id$") {
            return web::password::is_hash(password.expose())
                .then(|| Secret { password_hash: password.expose().to_owned(), sealed: String::new() })
                .ok_or_else(|| bad_field(name, "expected a password, or a whole Argon2id hash"));
        }
        if password.expose().is_empty() {
            return Err(bad_field(name, "expected a password"));
        }
        let (password, old) = (password.clone(), before.map(|secret| secret.password_hash.clone()));
        let work = move || match old {
            Some(old) if web::password::verify(&password, Some(&old)) => Ok(old),
            _ => web::password::hash(&password),
        };
        let password_hash = self.0.pool.run(Priority::Interactive, work).await?;
        Ok(Secret { password_hash, sealed: String::new() })
    }

    fn sealed(&self, name: &str, text: &SecretText, before: Option<&Secret>) -> Result<Secret, Fault> {
        let label = secret_label(name);
        let open = |secret: &&Secret| {
            let sealed = BASE64.decode(secret.sealed.as_bytes()).ok()?;
            self.0.vault.unseal(&label, &sealed).ok().filter(|plain| plain.expose() == text.expose().as_bytes())
        };
        if let Some(same) = before.filter(|secret| open(secret).is_some()) {
            return Ok(same.clone());
        }
        let sealed = self.0.vault.seal(&label, text.expose().as_bytes()).map_err(internal)?;
        Ok(Secret { sealed: BASE64.encode(&sealed), password_hash: String::new() })
    }

    /// The stored secrets of these names.
    pub(crate) async fn stored_secrets(&self, names: impl Iterator<Item = &String>) -> Result<BTreeMap<String, Secret>, Fault> {
        let mut stored = BTreeMap::new();
        for name in names {
            if let Some(row) = store::site::get(self.store(), Section::Secret, name).await? {
                stored.insert(name.clone(), serde_json::from_str(&row.body).map_err(internal)?);
            }
        }
        Ok(stored)
    }

    /// Changes that put these secrets beside a record.
    pub(crate) async fn plan_secrets(&self, wanted: Secrets) -> Result<Vec<Planned>, Fault> {
        let stored = self.stored_secrets(wanted.keys()).await?;
        let rows = self.secret_rows(&wanted, &stored).await?;
        let changed = rows.into_iter().filter(|(name, secret)| stored.get(name) != Some(secret));
        changed
            .map(|(key, secret)| Ok(Planned { section: Section::Secret, key, body: Some(json(&secret)?), expect: Expect::Any }))
            .collect()
    }

    /// Gives a user a password for mail, or takes it away.
    ///
    /// # Errors
    /// `not-found`, `password-too-short`; without the right; when the store is away.
    pub async fn user_password(&self, actor: &Actor, user: &Address, password: Option<SecretText>) -> Result<(), Fault> {
        need(actor, Right::Users, Access::Write)?;
        let key = user.key();
        if store::site::get(self.store(), Section::User, key.as_str()).await?.is_none() {
            return Err(not_found(&format!("user/{}", key.as_str())));
        }
        let name = password_of(key.as_str());
        let plan = match password {
            Some(password) => {
                web::password::check_new(&password, &password)?;
                self.plan_secrets(Secrets::from([(name, Wanted::Hash(password))])).await?
            }
            None if store::site::get(self.store(), Section::Secret, &name).await?.is_some() => {
                vec![Planned { section: Section::Secret, key: name, body: None, expect: Expect::Any }]
            }
            None => Vec::new(),
        };
        self.change(actor, plan).await.map(drop)
    }
}

/// Takes a user's password out of a row of the site file.
pub(crate) fn user_password(user: &User, written: Option<&str>) -> Option<(String, Wanted)> {
    let name = password_of(user.address.key().as_str());
    let wanted = match written? {
        text if text == placeholder(&name) => Wanted::Keep,
        text => Wanted::Hash(SecretText::new(text.to_owned())),
    };
    Some((name, wanted))
}
