//! OpenPGP keys as administrators change them: their part of `[[partner]]`, and keys made and revoked here.
//!
//! What is in a file is judged by `keyring`; the files' way in is `keys`, what is shown is `key_view`'s.

use std::time::Duration;

use crypto::openpgp::{self, Generation, PgpKey, import, make};
use crypto::pool::Priority;
use model::site::{KeyRecord, PgpCertificate, Section, User};
use model::{Actor, Address, Fault, TraceId};
use store::Expect;

use crate::Admin;
use crate::change::one;
use crate::error::bad_field;
use crate::key_mail;
use crate::key_view::{Summary, read};
use crate::keys::{first_summary, planned};

/// One key of `[[partner]]` must be the partner's.
pub(crate) fn check(partner: &Address, armour: &str) -> Result<(), Fault> {
    let keys = import::public_keys(armour.as_bytes()).map_err(|error| bad_field("partner.pgp_key", error))?;
    let names = |key: &PgpKey| key.addresses_ever().iter().any(|address| address.key() == partner.key());
    if keys.iter().all(names) { Ok(()) } else { Err(bad_field("partner.pgp_key", "it was made for another address")) }
}

/// The keys that a site file gives a partner; several blocks of armour may follow one another.
pub(crate) fn written(partner: &Address, armour: &str) -> Result<Vec<PgpCertificate>, Fault> {
    if armour.trim().is_empty() {
        return Ok(Vec::new());
    }
    check(partner, armour)?;
    let keys = import::public_keys(armour.as_bytes()).map_err(|error| bad_field("partner.pgp_key", error))?;
    Ok(keys.iter().map(keyring::pgp::kept).collect())
}

/// Kinds of OpenPGP keys that are made here, by the word of API and pages: version 4 by default, as GnuPG 2.2 reads no other.
pub const KINDS: [(&str, Generation); 3] = [("pgp", Generation::V4), ("pgp-rsa3072", Generation::V4Rsa), ("pgp-v6", Generation::V6)];

impl Admin {
    /// Makes an OpenPGP key for one of our addresses; the account is made if there is none. RSA takes seconds.
    ///
    /// # Errors
    /// `bad-field` for an address that is not ours; when the store is away. The caller has looked at the right.
    pub(crate) async fn pgp_generate(&self, actor: &Actor, owner: &Address, kind: Generation, days: u32) -> Result<Summary, Fault> {
        let mut plan = self.account_for(owner).await?;
        let account = store::site::get(self.store(), Section::User, owner.key().as_str()).await?;
        let name = account.map(|row| read::<User>(&row)).transpose()?.map_or_else(String::new, |user| user.name);
        let (vault, now, owner) = (self.0.vault.clone(), self.0.clock.now(), owner.clone());
        let lifetime = Duration::from_secs(86_400) * days;
        let work = move || {
            let made = make(&name, &owner, kind, now, Some(lifetime))?;
            keyring::made_row(&vault, &owner, &made, "generated", now)
        };
        let row = self.0.pool.run(Priority::Interactive, work).await?;
        let mut shown = first_summary(&row, now)?;
        plan.push(planned(row, Expect::New));
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let mut version = 0;
                for planned in &plan {
                    version = one(tx, &actor, planned).await?;
                    if planned.section == Section::Key {
                        key_mail::order(tx, &planned.key).await?;
                    }
                }
                Ok(version)
            })
        });
        shown.version = write.await?;
        self.in_force().await?;
        Ok(shown)
    }

    /// The certificate of an OpenPGP key of ours, revoked by itself; as it is where the primary key is not here to say so. `lost`: somebody
    /// else may have it.
    pub(crate) async fn pgp_revoked(&self, record: &KeyRecord, lost: bool) -> String {
        let Some(own) = keyring::pgp::of_record(record) else { return record.certificate.clone() };
        let (keys, now) = (keyring::Keys::of_one(record.clone(), self.0.vault.clone()), self.0.clock.now());
        let made = self.0.pool.run(Priority::Interactive, move || openpgp::revoke(&own, lost, (&keys, TraceId::new()), now)).await;
        made.map_or_else(|_| record.certificate.clone(), |revoked| revoked.armoured())
    }
}
