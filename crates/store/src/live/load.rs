//! All devices at once: a start, and what the feed can't tell one by one.
//!
//! They are read from both ends of their order, over two connections, until the two meet: PostgreSQL puts a page together on one
//! processor, and a start of a million devices waits for that. Where they meet, devices may be read twice; each time they are at
//! least as new as the place in the feed that was read before, and what changed since comes through the feed once more.

use std::sync::Arc;

use model::Fault;
use parking_lot::Mutex;

use super::State;
use crate::devices::{Facts, Last};
use crate::error::StoreError;
use crate::{devices, diagnostics};

/// Reads all devices into the table. The store's pool bounds each read in time.
pub(super) async fn load_devices(state: &Arc<State>) -> Result<(), Fault> {
    state.devices.begin_load();
    let ends = Mutex::new(Ends::default());
    tokio::try_join!(forwards(state, &ends), backwards(state, &ends))?;
    end_load(state);
    state.diagnosed.replace(diagnostics::all(&state.store).await?);
    Ok(())
}

/// What was met neither in the store nor on its way there is gone.
pub(super) fn end_load(state: &State) {
    state.pending.each(|sighting| state.devices.see(sighting));
    state.waiting.each(|sighting| state.devices.see(sighting));
    state.devices.end_load();
}

async fn forwards(state: &Arc<State>, ends: &Mutex<Ends>) -> Result<(), Fault> {
    let mut putting = Putting::default();
    while !ends.lock().met() {
        let after = ends.lock().lower.clone();
        let facts = devices::facts(&state.store, place(after.as_ref()), state.settings.page).await?;
        let Some((_, last)) = facts.last()? else { break };
        ends.lock().lower = Some(last);
        putting.next(state, facts).await?;
    }
    putting.end().await
}

async fn backwards(state: &Arc<State>, ends: &Mutex<Ends>) -> Result<(), Fault> {
    let mut putting = Putting::default();
    while !ends.lock().met() {
        let before = ends.lock().upper.clone();
        let facts = devices::facts_before(&state.store, place(before.as_ref()), state.settings.page).await?;
        let Some((_, first)) = facts.first()? else { break };
        ends.lock().upper = Some(first);
        putting.next(state, facts).await?;
    }
    putting.end().await
}

fn place(last: Option<&Last>) -> Option<(&str, &str)> {
    last.map(|(user, id)| (user.as_str(), id.as_str()))
}

/// How far the two have come: all up to `lower` and all from `upper` on are read.
#[derive(Default)]
struct Ends {
    lower: Option<Last>,
    upper: Option<Last>,
}

impl Ends {
    fn met(&self) -> bool {
        matches!((&self.lower, &self.upper), (Some(lower), Some(upper)) if lower >= upper)
    }
}

/// A page of devices on its way into the table, while the next one is read.
#[derive(Default)]
struct Putting(Option<tokio::task::JoinHandle<Result<(), Fault>>>);

impl Putting {
    async fn next(&mut self, state: &Arc<State>, facts: Facts) -> Result<(), Fault> {
        self.end().await?;
        let state = Arc::clone(state);
        self.0 = Some(tokio::task::spawn_blocking(move || {
            facts.devices().try_for_each(|device| device.map(|device| state.devices.put(&device)))
        }));
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Fault> {
        match self.0.take() {
            Some(work) => work.await.unwrap_or_else(|error| Err(StoreError::Away(error.to_string()).into())),
            None => Ok(()),
        }
    }
}
