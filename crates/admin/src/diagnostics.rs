//! Diagnostics of single devices (mobile-gateway.md G-31, console.md A-8): on, off, and what they kept.

use model::{Access, Actor, Fault, Right, Timestamp};
use store::diagnostics::{self, Diagnosed, Kept};

use crate::authorise::need;
use crate::devices::{DeviceName, at_most};
use crate::error::not_found;
use crate::{Admin, audit};

impl Admin {
    /// Turns the diagnostics of devices on or off, of all or of none; says how many were otherwise before.
    ///
    /// # Errors
    /// `bad-field`, `not-found` for a device that nobody knows, `too-many-diagnosed`; without the right; when the store is away.
    pub async fn diagnose_devices(&self, actor: &Actor, names: Vec<DeviceName>, on: bool) -> Result<u64, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        at_most(&names)?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let mut changed = 0;
                for name in &names {
                    if store::devices::get(&mut *tx, &name.user, &name.id).await?.is_none() {
                        return Err(not_found(&name.what()));
                    }
                    if diagnostics::turn(tx, &name.user, &name.id, on).await? {
                        let said = |on: bool| format!(r#"{{"diagnostics":{on}}}"#);
                        audit::note(tx, &actor, &name.what(), Some(&said(!on)), Some(&said(on))).await?;
                        changed += 1;
                    }
                }
                Ok(changed)
            })
        });
        let changed = write.await?;
        self.in_force().await?;
        Ok(changed)
    }

    /// Devices whose diagnostics are on, by user and id.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn diagnosed(&self, actor: &Actor) -> Result<Vec<Diagnosed>, Fault> {
        need(actor, Right::MobileDiagnostics, Access::Read)?;
        diagnostics::all(self.store()).await
    }

    /// Since when the diagnostics of a device are on; `None`: they are off.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn diagnosed_since(&self, actor: &Actor, name: &DeviceName) -> Result<Option<Timestamp>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        diagnostics::since(self.store(), &name.user, &name.id).await
    }

    /// The latest requests that were kept of a device, the newest first.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn transactions(&self, actor: &Actor, name: &DeviceName, limit: u32) -> Result<Vec<Kept>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        diagnostics::transactions(self.store(), &name.user, &name.id, limit.clamp(1, 1_000)).await
    }
}
