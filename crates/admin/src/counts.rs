//! The live counts of the home page, the same at `/api/v1`.

use model::{Access, Actor, Counter, Fault, Right};
use serde::Serialize;

use crate::Admin;
use crate::authorise::need;

/// What the home page counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Mail by what was done to it, since the site was made: [`Counter::name`] and the count, in [`Counter::ALL`]'s order.
    pub mail: Vec<(&'static str, i64)>,
    /// Devices whose latest request was allowed.
    pub devices_allowed: i64,
    /// Devices whose latest request was blocked.
    pub devices_blocked: i64,
    /// Devices that nobody has seen yet.
    pub devices_unseen: i64,
}

impl Admin {
    /// The live counts of all nodes together.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn counts(&self, actor: &Actor) -> Result<Counts, Fault> {
        need(actor, Right::Home, Access::Read)?;
        let counted = store::effects::counts(self.store()).await?;
        let tally = store::devices::tally(self.store()).await?;
        let of = |counter: &Counter| (counter.name(), counted.get(counter).copied().unwrap_or_default());
        Ok(Counts {
            mail: Counter::ALL.iter().map(of).collect(),
            devices_allowed: tally.allowed,
            devices_blocked: tally.blocked,
            devices_unseen: tally.unseen,
        })
    }
}
