//! Bulk loads and delta syncs (mobile-gateway.md G-14): what is read now and then beside the feed.
//!
//! Where no configuration of this node wants changes pushed, those of policies and devices are held back here until the next
//! delta sync; everything else comes into force at once all the same. A bulk load reads site and devices whole, so that nothing
//! that was ever missed stays so. It goes a batch at a time, between two looks at the feed, so that it delays no push; a device that it
//! puts is read after all of the feed that is in force, so it never brings back what is older.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::device::DeviceId;
use model::site::Section;
use model::{Fault, Site};

use super::State;
use super::follow::{apply, device, reload, within};
use super::load::{end_load, load_devices};
use crate::engine::Conn;
use crate::feed::{self, Change, Part, Place};
use crate::{devices, diagnostics, site};

/// Devices that are held back one by one; beyond it all of them are read.
const HELD: usize = 100_000;

/// What is held back until the next delta sync.
#[derive(Default)]
struct Late {
    policies: BTreeSet<String>,
    all_policies: bool,
    devices: HashSet<(String, DeviceId)>,
    all_devices: bool,
}

/// What a turn did.
#[derive(Default)]
pub(super) struct Turned {
    /// Something may be otherwise now.
    pub(super) in_force: bool,
    /// A bulk load is through.
    pub(super) bulk_ended: bool,
    /// There is more to do at once.
    pub(super) more: bool,
}

pub(super) struct Turns {
    late: Late,
    /// When the last delta sync was.
    delta: Instant,
    /// When the last bulk load ended, or everything was read.
    whole: Instant,
    /// The bulk load that goes on, and the last device that it met.
    bulk: Option<Option<(String, String)>>,
}

impl Late {
    fn is_empty(&self) -> bool {
        self.policies.is_empty() && self.devices.is_empty() && !self.all_policies && !self.all_devices
    }
}

impl Turns {
    /// Everything was read just now.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { late: Late::default(), delta: now, whole: now, bulk: None }
    }

    /// How long the follower may wait: `wait`, or less where it is somebody's turn sooner.
    pub(super) fn wait(&self, wait: Duration, state: &State) -> Duration {
        if self.bulk.is_some() {
            return Duration::ZERO;
        }
        if self.late.is_empty() {
            return wait;
        }
        let delta = minutes(state, state.site.load().exchange().delta_minutes);
        wait.min(delta.saturating_sub(self.delta.elapsed()))
    }

    /// True while changes of policies and devices wait for the next delta sync.
    pub(super) fn holds(&self, site: &Site, state: &State) -> bool {
        let exchange = site.exchange();
        !exchange.push && self.delta.elapsed() < minutes(state, exchange.delta_minutes)
    }

    /// Holds a change back; false if it is one that never waits.
    pub(super) fn hold(&mut self, change: &Change) -> bool {
        match change {
            Change::Row(Part::Site(Section::Policy), key) => {
                self.late.policies.insert(key.clone());
            }
            Change::Reload(Part::Site(Section::Policy)) => self.late.all_policies = true,
            Change::Row(Part::Device, _) if self.late.devices.len() >= HELD => {
                self.late.all_devices = true;
                self.late.devices.clear();
            }
            Change::Row(Part::Device, key) => {
                let Some((user, id)) = devices::of_feed_key(key) else { return false };
                self.late.devices.insert((user.to_owned(), id));
            }
            Change::Reload(Part::Device) => self.late.all_devices = true,
            _ => return false,
        }
        true
    }

    /// Does what it is time for. The feed is read up to `place`.
    pub(super) async fn take(&mut self, state: &Arc<State>, conn: &mut Conn, place: &Place, limit: Duration) -> Result<Turned, Fault> {
        let exchange = state.site.load().exchange();
        let mut turned = Turned::default();
        if exchange.push || self.delta.elapsed() >= minutes(state, exchange.delta_minutes) {
            if !self.late.is_empty() {
                self.sync(state, conn, limit).await?;
                turned.in_force = true;
            }
            self.delta = Instant::now();
        }
        let due = exchange.refresh_minutes.is_some_and(|refresh| self.whole.elapsed() >= minutes(state, refresh));
        if self.bulk.is_none() && due {
            // Something came meanwhile: the feed first.
            turned.more = !begin(state, conn, place, limit).await?;
            if !turned.more {
                self.late = Late::default();
                self.bulk = Some(None);
                turned.in_force = true;
            }
        } else if let Some(after) = self.bulk.take() {
            // Until it is read the batch is to be read again.
            let rows = self.batch(state, conn, after, (exchange.to_gateway, limit)).await?;
            turned.bulk_ended = self.bulk.is_none();
            turned.in_force = turned.bulk_ended;
            tracing::debug!(event = "bulk.read", rows);
        }
        Ok(turned)
    }

    /// Brings into force what was held back.
    async fn sync(&mut self, state: &Arc<State>, conn: &mut Conn, limit: Duration) -> Result<(), Fault> {
        let mut site = Site::clone(&state.site.load());
        let late = &self.late;
        within(limit, async {
            conn.script(conn.dialect().begin_read()).await?;
            if late.all_policies {
                reload(&mut site, Section::Policy, &site::section(&mut *conn, Section::Policy).await?);
            } else {
                for key in &late.policies {
                    let gone = || model::SiteRow { section: Section::Policy, key: key.clone(), version: 0, body: String::new() };
                    apply(&mut site, &site::get(&mut *conn, Section::Policy, key).await?.unwrap_or_else(gone));
                }
            }
            for (user, id) in &late.devices {
                device(state, conn, user, id).await?;
            }
            conn.script("COMMIT").await?;
            Ok(())
        })
        .await?;
        if late.all_devices {
            load_devices(state).await?;
        }
        state.site.store(Arc::new(site));
        tracing::info!(event = "delta.synced", policies = late.policies.len(), devices = late.devices.len());
        self.late = Late::default();
        Ok(())
    }

    /// The next batch of a bulk load. An error leaves it where it is.
    async fn batch(
        &mut self,
        state: &State,
        conn: &mut Conn,
        after: Option<(String, String)>,
        (rate, limit): (u32, Duration),
    ) -> Result<usize, Fault> {
        self.bulk = Some(after.clone());
        let from = after.as_ref().map(|(user, id)| (user.as_str(), id.as_str()));
        let facts = within(limit, devices::facts(&mut *conn, from, rate)).await?;
        for device in facts.devices() {
            state.devices.put(&device?);
        }
        let (rows, last) = facts.last()?.unzip();
        match last {
            Some(last) => self.bulk = Some(Some(last)),
            None => {
                let all = within(limit, diagnostics::all(&mut *conn)).await?;
                end_load(state);
                state.diagnosed.replace(all);
                (self.bulk, self.whole) = (None, Instant::now());
                tracing::info!(event = "bulk.loaded", devices = state.devices.len());
            }
        }
        Ok(rows.unwrap_or_default())
    }
}

/// Reads the site whole and begins a load of the devices; false if the store is further than `place`.
async fn begin(state: &State, conn: &mut Conn, place: &Place, limit: Duration) -> Result<bool, Fault> {
    let (newest, rows) = within(limit, async {
        conn.script(conn.dialect().begin_read()).await?;
        let newest = feed::newest(&mut *conn).await?;
        let rows = site::all(&mut *conn).await?;
        conn.script("COMMIT").await?;
        Ok((newest, rows))
    })
    .await?;
    if newest != *place {
        return Ok(false);
    }
    let mut site = Site { number: place.number, ..Site::default() };
    rows.iter().for_each(|row| apply(&mut site, row));
    state.site.store(Arc::new(site));
    state.devices.begin_load();
    Ok(true)
}

fn minutes(state: &State, count: u32) -> Duration {
    state.settings.minute.saturating_mul(count)
}
