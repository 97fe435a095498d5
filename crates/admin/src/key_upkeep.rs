//! What becomes of our users' keys after they came: made here, taken out of use, taken along (mail-gateway.md M-C5, M-C12).

use std::time::Duration;

use crypto::pki::export::PASS_MIN;
use crypto::pki::issue::Validity;
use crypto::pool::Priority;
use model::site::{KeyRecord, Retired, Retirement, Section, User};
use model::{Access, Actor, Address, Fault, KeyKind, Right, SecretBytes, SecretText};
use store::Expect;

use crate::Admin;
use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, not_found};
use crate::key_view::{Summary, read};
use crate::keys::{first_summary, planned};
use crate::pgp_keys;

/// Longest validity of a certificate that signs itself, in days.
const DAYS_MAX: u32 = 3_650;

/// Kinds of keys that are made here, by the word of API and pages; the first is the one that every mail program reads.
pub const KINDS: [(&str, KeyKind); 4] =
    [("rsa3072", KeyKind::Rsa(3072)), ("rsa4096", KeyKind::Rsa(4096)), ("p256", KeyKind::EcP256), ("p384", KeyKind::EcP384)];

impl Admin {
    /// Makes a key with a certificate that signs itself for one of our addresses; the account is made if there is none. `kind`
    /// is a word of [`KINDS`], `days` how long it is good.
    ///
    /// # Errors
    /// `bad-field`; without the right; when the store is away.
    pub async fn key_generate(&self, actor: &Actor, owner: &Address, kind: &str, days: u32) -> Result<Summary, Fault> {
        need(actor, Right::Users, Access::Write)?;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(bad_field("days", format!("expected a number from 1 to {DAYS_MAX}")));
        }
        if let Some((_, kind)) = pgp_keys::KINDS.into_iter().find(|(word, _)| *word == kind) {
            return self.pgp_generate(actor, owner, kind, days).await;
        }
        let Some((_, kind)) = KINDS.into_iter().find(|(word, _)| *word == kind) else {
            let words: Vec<&str> = KINDS.map(|(word, _)| word).into_iter().chain(pgp_keys::KINDS.map(|(word, _)| word)).collect();
            return Err(bad_field("kind", format!("expected {}", words.join(", "))));
        };
        let mut plan = self.account_for(owner).await?;
        let account = store::site::get(self.store(), Section::User, owner.key().as_str()).await?;
        let name = account.map(|row| read::<User>(&row)).transpose()?.map_or_else(String::new, |user| user.name);
        let (vault, now, address) = (self.0.vault.clone(), self.0.clock.now(), owner.clone());
        let validity = Validity { now, lifetime: Duration::from_secs(86_400) * days };
        let make = move || keyring::import::generated(&vault, &address, &name, kind, validity);
        let row = self.0.pool.run(Priority::Interactive, make).await?;
        let mut summary = first_summary(&row, now)?;
        plan.push(planned(row, Expect::New));
        summary.version = self.change(actor, plan).await?.last().copied().unwrap_or_default();
        Ok(summary)
    }

    /// Takes a key out of use: it signs nothing and nobody encrypts to it from here, but what comes for it is still opened.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn key_retire(&self, actor: &Actor, id: &str, why: Retirement, expect: Expect) -> Result<i64, Fault> {
        need(actor, Right::Users, Access::Write)?;
        let row = self.key_row(id).await?;
        let mut record: KeyRecord = read(&row)?;
        if record.is_pgp() {
            record.certificate = self.pgp_revoked(&record, why == Retirement::Revoked).await;
        }
        record.retired = Some(Retired { why, at: self.0.clock.now() });
        let expect = if expect == Expect::Any { Expect::Version(row.version) } else { expect };
        let plan = vec![Planned { section: Section::Key, key: row.key, body: Some(json(&record)?), expect }];
        Ok(self.change(actor, plan).await?.first().copied().unwrap_or_default())
    }

    /// A key of ours as PKCS#12 (OpenPGP: in armour) under a pass phrase, never without one. Who took it stands in the audit log before the file is
    /// made.
    ///
    /// # Errors
    /// `not-found`; `bad-field` for a pass phrase that is too short; without the right; when the store is away.
    pub async fn key_export(&self, actor: &Actor, id: &str, pass: &SecretText) -> Result<SecretBytes, Fault> {
        need(actor, Right::Users, Access::Write)?;
        if pass.expose().chars().count() < PASS_MIN || pass.expose().contains('\0') {
            return Err(bad_field("passphrase", format!("expected at least {PASS_MIN} characters: a key leaves under a pass phrase only")));
        }
        let row = self.key_row(id).await?;
        let record: KeyRecord = read(&row)?;
        let (who, what) = (actor.clone(), format!("key/{id}"));
        let said = json(&serde_json::json!({ "exported": record.owner.as_str() }))?;
        self.store().write(move |tx| Box::pin(async move { crate::audit::note(tx, &who, &what, None, Some(&said)).await })).await?;
        tracing::info!(event = "key.exported", who = %actor.name, key = id, owner = %record.owner);
        let (vault, pass) = (self.0.vault.clone(), pass.clone());
        Ok(self.0.pool.run(Priority::Interactive, move || keyring::import::exported(&vault, &record, pass.expose())).await?)
    }

    /// Makes a user a leaver (M-C15): nobody signs in, signs or encrypts as they, and mail to their keys is still opened.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn user_deactivate(&self, actor: &Actor, key: &str, expect: Expect) -> Result<i64, Fault> {
        let user = self.show::<User>(actor, key).await?;
        let expect = if expect == Expect::Any { Expect::Version(user.version) } else { expect };
        Ok(self.put(actor, User { may_not_encrypt: true, may_not_sign: true, ..user.record }, expect).await?.version)
    }

    pub(crate) async fn key_row(&self, id: &str) -> Result<model::site::SiteRow, Fault> {
        store::site::get(self.store(), Section::Key, id).await?.ok_or_else(|| not_found(&format!("key/{id}")))
    }
}
