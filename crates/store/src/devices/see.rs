//! Sightings of phones on their way into the store: merged, in batches, and each as often as one likes.

use std::collections::BTreeMap;

use model::Fault;
use model::device::{DeviceId, Sighting};

use super::change::{ROWS_AT_ONCE, decide, fresh, load, put};
use super::class::{Moves, lock};
use super::{Stored, history};
use crate::write::Tx;

/// Keeps sightings: new devices are made, known ones updated if the sighting is newer than what is known. The same sightings
/// once more change nothing, so a batch whose answer was lost may be written again.
///
/// # Errors
/// When the store is away.
pub async fn see(tx: &mut Tx, sightings: &[Sighting]) -> Result<(), Fault> {
    lock(tx).await?;
    // One row per device, as one statement must not touch a row twice.
    let mut newest: BTreeMap<(&str, &DeviceId), &Sighting> = BTreeMap::new();
    for sighting in sightings {
        let place = newest.entry((&sighting.user, &sighting.device)).or_insert(sighting);
        if place.at <= sighting.at {
            *place = sighting;
        }
    }
    let rows: Vec<&Sighting> = newest.into_values().collect();
    let mut moves = Moves::default();
    for some in rows.chunks(ROWS_AT_ONCE) {
        let names: Vec<_> = some.iter().map(|s| (s.user.as_str(), s.device.as_str())).collect();
        let mut known: BTreeMap<(String, String), Stored> = BTreeMap::new();
        for row in load(tx, &names).await? {
            known.insert((row.user.clone(), row.id.clone()), row);
        }
        let mut changed = Vec::with_capacity(some.len());
        for sighting in some {
            let before = known.remove(&(sighting.user.clone(), sighting.device.as_str().to_owned()));
            if before.as_ref().is_some_and(|before| before.last_seen > sighting.at) {
                continue;
            }
            let new = || Stored::new(&sighting.user, sighting.device.as_str(), sighting.at);
            let mut now = before.clone().unwrap_or_else(new);
            if take(&mut now, sighting, &tx.node()) {
                history::note(tx, &now, &sighting.command).await?;
            }
            moves.note(before.as_ref(), Some(&fresh(&mut now)));
            changed.push(now);
        }
        put(tx, &changed).await?;
    }
    moves.write(tx).await?;
    Ok(())
}

/// Puts a sighting into a row; true if the decision is another than before. An empty word says nothing and replaces nothing.
fn take(now: &mut Stored, sighting: &Sighting, node: &str) -> bool {
    for (kept, said) in [
        (&mut now.device_type, &sighting.device_type),
        (&mut now.agent, &sighting.agent),
        (&mut now.gateway, &sighting.gateway),
        (&mut now.client, &sighting.client),
    ] {
        if !said.is_empty() {
            kept.clone_from(said);
        }
    }
    now.last_seen = sighting.at;
    now.last_command.clone_from(&sighting.command);
    node.clone_into(&mut now.node);
    // One that was written late must not undo what a compliance run has decided since.
    let changed = sighting.at >= now.state_since && decide(now, sighting.decision, sighting.at);
    if changed {
        now.state_command.clone_from(&sighting.command);
    }
    changed
}
