//! Orders of administrators to devices: to sync their folders anew, with or without another key for their attachments (A-8, G-25).
//!
//! An order is a number beside the device, or one for all; the mobile gate compares it with what a phone's sync keys say and tells
//! each phone when it asks next. So nothing waits for phones, and nobody counts who has followed. Keys are never deleted: what was
//! encrypted with an old one names it and opens as before (docs/attachment-format.md).

use model::device::Orders;
use model::site::{ResyncOrder, Section};
use model::{Access, Actor, Fault, Right, Timestamp};
use store::devices::Ordered;
use store::{Expect, Tx};

use crate::authorise::need;
use crate::change::json;
use crate::devices::{DeviceName, at_most};
use crate::error::{bad_field, internal, not_found};
use crate::{Admin, audit};

impl Admin {
    /// Orders something for some devices, all or none. `expect` is for one.
    ///
    /// # Errors
    /// `not-found` for a device that nobody knows, `changed-meanwhile`, `bad-field`; without the right; when the store is away.
    pub async fn order_devices(&self, actor: &Actor, names: Vec<DeviceName>, ordered: Ordered, expect: Expect) -> Result<u64, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        at_most(&names)?;
        if names.len() > 1 && expect != Expect::Any {
            return Err(bad_field("devices", "expected one device, where its version is named"));
        }
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                for name in &names {
                    order_one(tx, &actor, name, ordered, expect).await?;
                }
                Ok(names.len() as u64)
            })
        });
        let count = write.await?;
        self.in_force().await?;
        Ok(count)
    }

    /// The epoch of the site's newest data key, and when it was made.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn data_key_made(&self) -> Result<Option<(i64, Timestamp)>, Fault> {
        store::data_keys::newest_made(self.store()).await
    }

    /// Orders something for all devices, those that come later included. Another key for all is a new data key of the site,
    /// which seals the site's secrets from then on too.
    ///
    /// # Errors
    /// `changed-meanwhile` if another node made that key first; without the right (of keys: `mobiledevicesadmin` too); when the
    /// store is away.
    pub async fn order_all(&self, actor: &Actor, ordered: Ordered) -> Result<(), Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        let key = match ordered {
            Ordered::Resync => None,
            Ordered::Key => {
                need(actor, Right::MobileDevices, Access::Write)?;
                Some(self.0.vault.next_key().map_err(internal)?)
            }
        };
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                if let Some(key) = &key {
                    store::data_keys::add(tx, key).await?;
                    let made = format!(r#"{{"epoch":{}}}"#, key.epoch);
                    audit::note(tx, &actor, "data_key", None, Some(&made)).await?;
                }
                let known = store::site::get(&mut *tx, Section::Resync, "").await?;
                let before = known.as_ref().and_then(|row| serde_json::from_str::<ResyncOrder>(&row.body).ok()).unwrap_or_default();
                let after = json(&ResyncOrder { number: Orders::next(before.number, tx.now()) })?;
                store::site::put(tx, Section::Resync, "", &after, Expect::Any).await?;
                audit::note(tx, &actor, "resync/all", known.as_ref().map(|row| row.body.as_str()), Some(&after)).await
            })
        });
        write.await?;
        self.in_force().await
    }
}

async fn order_one(tx: &mut Tx, actor: &Actor, name: &DeviceName, ordered: Ordered, expect: Expect) -> Result<(), Fault> {
    let before = store::devices::get(&mut *tx, &name.user, &name.id).await?.ok_or_else(|| not_found(&name.what()))?;
    store::devices::order(tx, &name.user, &name.id, ordered, expect).await?;
    let after = store::devices::get(&mut *tx, &name.user, &name.id).await?.ok_or_else(|| not_found(&name.what()))?;
    audit::note(tx, actor, &name.what(), Some(&json(&before.device.orders)?), Some(&json(&after.device.orders)?)).await
}
