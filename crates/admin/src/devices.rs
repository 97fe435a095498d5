//! Devices of phones: list, show, rule for one or many, forget.

use model::device::{DeviceId, Override, Reported, user_key};
use model::{Access, Actor, Fault, Right};
use store::devices::{Class, Decided, DeviceRow, Filter, Found, Tally, UserRow};
use store::{Expect, Tx};

use crate::authorise::need;
use crate::change::json;
use crate::error::{bad_field, not_found};
use crate::policy::check_reported;
use crate::{Admin, audit};

/// Most devices of one page or one action.
pub const DEVICES_MAX: usize = 1_000;

/// Names one device: the user as compared, and the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceName {
    /// As [`model::device::user_key`] gives it.
    pub user: String,
    /// The id.
    pub id: DeviceId,
}

impl DeviceName {
    /// Reads what people write. The user becomes the form that phones' requests are looked up by, whichever of its spellings
    /// was written: a ruling that kept another one would rule for nobody.
    ///
    /// # Errors
    /// `bad-field`.
    pub fn parse(user: &str, id: &str) -> Result<Self, Fault> {
        let user = user_key(user);
        if user.is_empty() || user.len() > 254 || user.chars().any(char::is_control) {
            return Err(bad_field("user", "expected the user's name, as in bob or bob@company.example"));
        }
        let id = DeviceId::parse(id).ok_or_else(|| bad_field("id", "expected the device's id: letters, digits, - _ { }"))?;
        Ok(Self { user, id })
    }

    pub(crate) fn what(&self) -> String {
        format!("device/{}/{}", self.user, self.id.as_str())
    }
}

impl Admin {
    /// A page of devices after a cursor; an empty one begins at the first. Users may be written in any spelling.
    ///
    /// # Errors
    /// `bad-field` for a cursor that is not of this list; without the right; when the store is away.
    pub async fn devices(&self, actor: &Actor, filter: &Filter, after: &str, limit: u32) -> Result<Found, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::page(self.store(), filter, after, limit).await
    }

    /// A page of users who have devices, after a user.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn device_users(&self, actor: &Actor, prefix: &str, after: &str, limit: u32) -> Result<Vec<UserRow>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::users(self.store(), prefix, after, limit.clamp(1, 1_000)).await
    }

    /// How many devices there are, by all that lists are filtered by.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn device_classes(&self, actor: &Actor) -> Result<Vec<(Class, i64)>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::classes(self.store()).await
    }

    /// What was decided about a device, each time that it changed, the newest first.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn device_decisions(&self, actor: &Actor, name: &DeviceName, limit: u32) -> Result<Vec<Decided>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::decisions(self.store(), &name.user, &name.id, limit.clamp(1, 1_000)).await
    }

    /// One device.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn device(&self, actor: &Actor, name: &DeviceName) -> Result<DeviceRow, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::get(self.store(), &name.user, &name.id).await?.ok_or_else(|| not_found(&name.what()))
    }

    /// How many there are, by their latest decision.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn device_tally(&self, actor: &Actor) -> Result<Tally, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        store::devices::tally(self.store()).await
    }

    /// Whitelists, blacklists or un-rules devices, all or none; those nobody has seen are made. `expect` is for one.
    ///
    /// # Errors
    /// `changed-meanwhile`; without the right; when the store is away.
    pub async fn rule_devices(&self, actor: &Actor, names: Vec<DeviceName>, ruling: Override, expect: Expect) -> Result<Vec<i64>, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        if names.is_empty() || names.len() > DEVICES_MAX || (names.len() > 1 && expect != Expect::Any) {
            return Err(bad_field("devices", format!("expected 1 to {DEVICES_MAX} devices")));
        }
        let (actor, bench) = (actor.clone(), self.bench().await?);
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let mut versions = Vec::with_capacity(names.len());
                for name in &names {
                    versions.push(rule(tx, &actor, name, ruling, expect).await?);
                }
                bench.judge(tx, &names).await?;
                Ok(versions)
            })
        });
        let versions = write.await?;
        self.in_force().await?;
        Ok(versions)
    }

    /// Keeps what its management reports of a device, all of it anew; one nobody has seen is made. Requests that hang are judged
    /// by it at once.
    ///
    /// # Errors
    /// `bad-field`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn report_device(&self, actor: &Actor, name: DeviceName, reported: Reported, expect: Expect) -> Result<i64, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        check_reported(&reported)?;
        let (actor, bench) = (actor.clone(), self.bench().await?);
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let version = report(tx, &actor, &name, &reported, expect).await?;
                bench.judge(tx, &[name]).await?;
                Ok(version)
            })
        });
        let version = write.await?;
        self.in_force().await?;
        Ok(version)
    }

    /// Forgets a device; it returns with its next request as a new one.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn remove_device(&self, actor: &Actor, name: DeviceName, expect: Expect) -> Result<(), Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let before = store::devices::get(&mut *tx, &name.user, &name.id).await?.map(|row| ruling_json(row.device.override_));
                if !store::devices::remove(tx, &name.user, &name.id, expect).await? {
                    return Err(not_found(&name.what()));
                }
                audit::note(tx, &actor, &name.what(), before.as_deref(), None).await
            })
        });
        write.await?;
        self.in_force().await
    }

    /// Forgets those of the devices that no management manages; each returns with its next request as a new one. Says how many
    /// went; managed ones and those that are gone already stay as they are.
    ///
    /// # Errors
    /// `bad-field`; without the right; when the store is away.
    pub async fn remove_unmanaged(&self, actor: &Actor, names: Vec<DeviceName>) -> Result<u64, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        at_most(&names)?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let mut gone = 0;
                for name in &names {
                    let Some(row) = store::devices::get(&mut *tx, &name.user, &name.id).await? else { continue };
                    if row.device.reported.is_none_or(|reported| !reported.managed) {
                        store::devices::remove(tx, &name.user, &name.id, Expect::Any).await?;
                        audit::note(tx, &actor, &name.what(), Some(&ruling_json(row.device.override_)), None).await?;
                        gone += 1;
                    }
                }
                Ok(gone)
            })
        });
        let gone = write.await?;
        self.in_force().await?;
        Ok(gone)
    }
}

/// A selection that one transaction can take.
pub(crate) fn at_most(names: &[DeviceName]) -> Result<(), Fault> {
    let fits = (1..=DEVICES_MAX).contains(&names.len());
    if fits { Ok(()) } else { Err(bad_field("devices", format!("expected 1 to {DEVICES_MAX} devices"))) }
}

/// One ruling with its audit entry, in a transaction.
pub(crate) async fn rule(tx: &mut Tx, actor: &Actor, name: &DeviceName, ruling: Override, expect: Expect) -> Result<i64, Fault> {
    let before = store::devices::get(&mut *tx, &name.user, &name.id).await?.map(|row| row.device.override_);
    let version = store::devices::rule(tx, &name.user, &name.id, ruling, expect).await?;
    if before != Some(ruling) {
        let before = before.map(ruling_json);
        audit::note(tx, actor, &name.what(), before.as_deref(), Some(&ruling_json(ruling))).await?;
    }
    Ok(version)
}

/// What management reports of one device, with its audit entry, in a transaction.
pub(crate) async fn report(tx: &mut Tx, actor: &Actor, name: &DeviceName, reported: &Reported, expect: Expect) -> Result<i64, Fault> {
    let before = store::devices::get(&mut *tx, &name.user, &name.id).await?.and_then(|row| row.device.reported);
    let before = before.map(|known| Reported::clone(&known).given()).unwrap_or_default();
    let version = store::devices::report(tx, &name.user, &name.id, reported, expect).await?;
    let after = reported.clone().given();
    if before != after {
        audit::note(tx, actor, &name.what(), Some(&json(&before)?), Some(&json(&after)?)).await?;
    }
    Ok(version)
}

fn ruling_json(ruling: Override) -> String {
    format!(r#"{{"override":"{}"}}"#, ruling.word())
}
