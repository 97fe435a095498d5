//! Following the feed: a snapshot at N, then what the feed names since N, each time read in one state of the database.
//!
//! The reader owns a connection outside the pool. Whatever goes wrong, the connection is dropped and the next round
//! begins with a new one; the facts in memory stay as they are until then. A hint (of this process, or PostgreSQL's
//! NOTIFY) only shortens the wait: hints get lost, the poll finds everything.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::device::DeviceId;
use model::site::{Section, SiteRow};
use model::{Fault, Site};

use super::State;
use super::copy::{self, Contents};
use super::device_copy::{self, Record};
use super::load::load_devices;
use super::turns::Turns;
use crate::engine::Conn;
use crate::error::StoreError;
use crate::feed::{self, Change, Part, Place, Since};
use crate::{data_keys, devices, diagnostics, site};

/// Changes read at once.
const CHANGES: usize = 1_000;
/// Shortest wait between two tries to write the copy: a full disk must not become a busy loop.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest wait after the feed could not be read.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Follower {
    state: Arc<State>,
    conn: Option<Conn>,
    place: Option<Place>,
    /// When the sealed copy was written last; `None`: it is older than what is in force.
    copied: Option<Instant>,
    stale: bool,
    devices: Copied,
    turns: Turns,
}

/// How far the devices' copy on the disk is.
#[derive(Default)]
struct Copied {
    /// Records in the file; `None`: this process has not written it yet.
    records: Option<u64>,
    /// When the last bulk began.
    begun: Option<Instant>,
    /// The bulk that is being written.
    bulk: Option<tokio::task::JoinHandle<Result<u64, String>>>,
    /// Changed and not yet in the file.
    changed: HashSet<(String, DeviceId)>,
    /// Changed since the bulk began: its file may not have them.
    since_bulk: HashSet<(String, DeviceId)>,
    /// All of them were read anew.
    reloaded: bool,
}

impl Follower {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state, conn: None, place: None, copied: None, stale: true, devices: Copied::default(), turns: Turns::new() }
    }

    /// Follows until the end.
    pub(crate) async fn run(mut self) {
        let mut grown = self.state.store.inner().grown.subscribe();
        loop {
            self.copy_if_due().await;
            let settings = &self.state.settings;
            // A copy that is due soon is not left until the next change; without the store it can't be written anyway.
            let copy_waits = self.stale && self.conn.is_some();
            let wait = if copy_waits { settings.poll.min(settings.copy.max(SHORTEST)) } else { settings.poll };
            // What failed is tried again soon: a hint that met a connection which had died brings no second one.
            let wait = if self.state.there.load(Ordering::Relaxed) { wait } else { wait.min(AGAIN) };
            let wait = self.turns.wait(wait, &self.state);
            tokio::select! {
                _ = grown.changed() => {}
                () = self.state.hint.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.state.stop.cancelled() => break,
            }
            if let Err(fault) = self.step().await {
                tracing::debug!(%fault, "the feed could not be read");
            }
        }
        if let Some(bulk) = self.devices.bulk.take() {
            self.bulk_ended(bulk.await.unwrap_or_else(|error| Err(error.to_string())));
        }
        self.copied = None;
        self.copy_if_due().await;
        if let Some(conn) = self.conn.take() {
            conn.close().await;
        }
    }

    /// One round: all that the store has by now comes into force.
    pub(crate) async fn step(&mut self) -> Result<(), Fault> {
        let done = self.round().await;
        let there = done.is_ok();
        if self.state.there.swap(there, Ordering::Relaxed) != there {
            match &done {
                Ok(()) => tracing::info!(event = "store.there"),
                Err(fault) => tracing::warn!(event = "store.away", cause = %fault.cause, "going on with what is in memory"),
            }
        }
        done
    }

    async fn round(&mut self) -> Result<(), Fault> {
        let limit = self.state.store.inner().settings.read_timeout;
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connected().await?,
        };
        // On any error the connection is dropped here.
        loop {
            match &self.place {
                None => self.load(&mut conn, limit).await?,
                Some(place) => match within(limit, feed::since(&mut conn, place, 1)).await? {
                    Since::Changes(_, at) if at == *place => {
                        if self.take_turn(&mut conn, limit).await? {
                            continue;
                        }
                        break;
                    }
                    Since::Changes(..) => self.advance(&mut conn, limit).await?,
                    Since::Lost => {
                        tracing::warn!(event = "feed.lost", number = place.number, "the place in the feed is gone: reading all anew");
                        self.place = None;
                    }
                },
            }
        }
        self.conn = Some(conn);
        Ok(())
    }

    async fn connected(&self) -> Result<Conn, Fault> {
        let inner = self.state.store.inner();
        within(inner.settings.connect_timeout, async {
            inner.ready().await?;
            Ok(inner.engine.connect().await?)
        })
        .await
    }

    /// The snapshot.
    async fn load(&mut self, conn: &mut Conn, limit: Duration) -> Result<(), Fault> {
        let (place, rows, keys) = within(limit, async {
            conn.script(conn.dialect().begin_read()).await?;
            let place = feed::newest(&mut *conn).await?;
            let rows = site::all(&mut *conn).await?;
            let keys = data_keys::all(&mut *conn).await?;
            conn.script("COMMIT").await?;
            Ok((place, rows, keys))
        })
        .await?;
        let mut site = Site { number: place.number, ..Site::default() };
        rows.iter().for_each(|row| apply(&mut site, row));
        self.take_keys(keys);
        self.state.site.store(Arc::new(site));
        // Changes of devices after `place` come once more through the feed.
        load_devices(&self.state).await?;
        self.devices.reloaded = true;
        self.turns = Turns::new();
        self.arrived(place);
        Ok(())
    }

    /// A delta sync or a part of a bulk load, if it is its turn; true if there is more to do at once.
    async fn take_turn(&mut self, conn: &mut Conn, limit: Duration) -> Result<bool, Fault> {
        let Some(place) = &self.place else { return Ok(false) };
        let turned = self.turns.take(&self.state, conn, place, limit).await?;
        if turned.in_force {
            self.state.number.send_replace(place.number);
            self.stale = true;
        }
        if turned.bulk_ended {
            self.devices.reloaded = true;
        }
        Ok(turned.more)
    }

    /// What the feed names since our place.
    async fn advance(&mut self, conn: &mut Conn, limit: Duration) -> Result<(), Fault> {
        let Some(place) = self.place.clone() else { return Ok(()) };
        let mut site = Site::clone(&self.state.site.load());
        let state = Arc::clone(&self.state);
        let turns = &mut self.turns;
        let holds = turns.holds(&site, &state);
        let outcome = within(limit, async {
            conn.script(conn.dialect().begin_read()).await?;
            let Since::Changes(changes, at) = feed::since(&mut *conn, &place, CHANGES).await? else {
                conn.script("COMMIT").await?;
                return Ok(None);
            };
            let mut wanted = Wanted::default();
            for change in changes.into_iter().collect::<HashSet<_>>() {
                if holds && turns.hold(&change) {
                    wanted.held(&change);
                    continue;
                }
                one(&state, conn, &mut site, change, &mut wanted).await?;
            }
            conn.script("COMMIT").await?;
            Ok(Some((at, wanted)))
        })
        .await?;
        let Some((at, wanted)) = outcome else {
            self.place = None;
            return Ok(());
        };
        if let Some(keys) = wanted.keys {
            self.take_keys(keys);
        }
        self.devices.changed.extend(wanted.changed);
        if wanted.devices {
            load_devices(&self.state).await?;
            self.devices.reloaded = true;
        }
        site.number = at.number;
        self.state.site.store(Arc::new(site));
        self.arrived(at);
        Ok(())
    }

    fn take_keys(&self, keys: Vec<data_keys::WrappedKey>) {
        if *self.state.keys.lock() != keys {
            self.state.sealer.keys_changed(&keys);
            *self.state.keys.lock() = keys;
        }
    }

    fn arrived(&mut self, place: Place) {
        tracing::debug!(event = "feed.applied", number = place.number);
        self.state.number.send_replace(place.number);
        self.place = Some(place);
        self.stale = true;
    }

    /// Ends a bulk that is written, and begins one that is wanted; false while this process has not written the first: until
    /// then the copy of the process before stays as it is, site and devices of one moment.
    async fn bulk_is_there(&mut self) -> bool {
        match self.devices.bulk.take() {
            Some(bulk) if bulk.is_finished() => self.bulk_ended(bulk.await.unwrap_or_else(|error| Err(error.to_string()))),
            running => self.devices.bulk = running,
        }
        let old = self.devices.begun.is_none_or(|at| at.elapsed() >= self.state.settings.bulk);
        let wanted = self.devices.reloaded || self.devices.records.is_none() || (old && !self.devices.changed.is_empty());
        if wanted && self.devices.bulk.is_none() && self.place.is_some() && !self.state.stop.is_cancelled() {
            self.devices.reloaded = false;
            self.devices.begun = Some(Instant::now());
            self.devices.since_bulk = self.devices.changed.clone();
            let state = Arc::clone(&self.state);
            self.devices.bulk = Some(tokio::spawn(async move {
                let done = device_copy::bulk(&state).await;
                state.hint.notify_one();
                done
            }));
        }
        self.devices.records.is_some()
    }

    fn bulk_ended(&mut self, done: Result<u64, String>) {
        let done = done.and_then(|records| device_copy::put_in_place(&self.state.store).map(|()| records));
        match done {
            Ok(records) => {
                self.devices.records = Some(records);
                let again = std::mem::take(&mut self.devices.since_bulk);
                self.devices.changed.extend(again);
                self.stale = true;
            }
            Err(cause) => {
                (self.devices.reloaded, self.devices.begun) = (true, None);
                tracing::warn!(cause, "the sealed copy of the devices could not be written");
            }
        }
    }

    /// Adds what changed to the devices' copy.
    async fn add(&mut self, delta: Record, names: &[(String, DeviceId)]) -> Result<(), String> {
        let Some(number) = self.devices.records.filter(|_| !names.is_empty()) else { return Ok(()) };
        device_copy::append(&self.state, number, delta).await?;
        self.devices.records = Some(number + 1);
        for name in names {
            self.devices.changed.remove(name);
            if self.devices.bulk.is_some() {
                self.devices.since_bulk.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Writes the sealed copy if it is older than what is in force, not too often.
    async fn copy_if_due(&mut self) {
        let due = self.copied.is_none_or(|at| at.elapsed() >= self.state.settings.copy);
        if !self.bulk_is_there().await || !self.stale || !due || self.place.is_none() {
            return;
        }
        let Some(mut conn) = self.conn.take() else { return };
        let limit = self.state.store.inner().settings.read_timeout;
        let changed: Vec<_> = self.devices.changed.iter().take(CHANGES).cloned().collect();
        let read = within(limit, async {
            conn.script(conn.dialect().begin_read()).await?;
            let place = feed::newest(&mut conn).await?;
            let rows = site::all(&mut conn).await?;
            let delta = delta(&mut conn, &changed).await?;
            let keys = data_keys::all(&mut conn).await?;
            conn.script("COMMIT").await?;
            Ok((keys, Contents { place, rows, devices: Vec::new() }, delta))
        });
        let saved = match read.await {
            Ok((keys, contents, delta)) => {
                self.conn = Some(conn);
                match self.add(delta, &changed).await {
                    // The site's copy never says that it goes further than the devices'.
                    Ok(()) if !self.devices.changed.is_empty() => {
                        self.copied = Some(Instant::now());
                        return;
                    }
                    Ok(()) => copy::save(&self.state, keys, contents).await,
                    Err(cause) => Err(cause),
                }
            }
            Err(fault) => Err(fault.to_string()),
        };
        self.copied = Some(Instant::now());
        match saved {
            Ok(()) => self.stale = false,
            Err(cause) => tracing::warn!(cause, "the sealed copy of the site could not be written"),
        }
    }
}

/// These devices as they are in the store now.
async fn delta(conn: &mut Conn, names: &[(String, DeviceId)]) -> Result<Record, Fault> {
    let mut record = Record::default();
    for (user, id) in names {
        let device = devices::get(&mut *conn, user, id).await?.map(|row| row.device);
        match device.filter(device_copy::is_kept) {
            Some(device) => record.put.push(device),
            None => record.gone.push((user.clone(), id.clone())),
        }
    }
    Ok(record)
}

/// What can't be put into the site and is done after the transaction.
#[derive(Default)]
struct Wanted {
    changed: Vec<(String, DeviceId)>,
    keys: Option<Vec<data_keys::WrappedKey>>,
    devices: bool,
}

impl Wanted {
    /// The copy on the disk is the store's, whatever is in force here.
    fn held(&mut self, change: &Change) {
        if let Change::Row(Part::Device, key) = change
            && let Some((user, id)) = devices::of_feed_key(key)
        {
            self.changed.push((user.to_owned(), id));
        }
    }
}

async fn one(state: &State, conn: &mut Conn, site: &mut Site, change: Change, wanted: &mut Wanted) -> Result<(), Fault> {
    match change {
        Change::Row(Part::Site(section), key) => {
            let gone = || SiteRow { section, key: key.clone(), version: 0, body: String::new() };
            let row = site::get(&mut *conn, section, &key).await?.unwrap_or_else(gone);
            apply(site, &row);
        }
        Change::Reload(Part::Site(section)) => reload(site, section, &site::section(&mut *conn, section).await?),
        Change::Row(Part::Device, key) => {
            if let Some((user, id)) = devices::of_feed_key(&key) {
                device(state, conn, user, &id).await?;
                wanted.changed.push((user.to_owned(), id));
            }
        }
        Change::Reload(Part::Device) => wanted.devices = true,
        Change::Row(Part::DataKey, _) | Change::Reload(Part::DataKey) => wanted.keys = Some(data_keys::all(&mut *conn).await?),
    }
    Ok(())
}

/// One device as it is in the store now.
pub(super) async fn device(state: &State, conn: &mut Conn, user: &str, id: &DeviceId) -> Result<(), Fault> {
    match devices::get(&mut *conn, user, id).await? {
        Some(row) => state.devices.put(&row.device),
        None => state.devices.remove(user, id),
    }
    state.diagnosed.set(user, id, diagnostics::since(&mut *conn, user, id).await?.is_some());
    Ok(())
}

/// A row that can't be read leaves the one before it in force; that is logged, not fatal.
pub(crate) fn apply(site: &mut Site, row: &SiteRow) {
    if let Err(fault) = site.apply(row) {
        tracing::error!(event = "site.row_unreadable", section = row.section.word(), key = row.key, cause = %fault.cause);
    }
}

pub(super) fn reload(site: &mut Site, section: Section, rows: &[SiteRow]) {
    let keys: BTreeSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    let in_force = site.versions.keys().filter(|(s, key)| *s == section && !keys.contains(key.as_str()));
    let gone: Vec<String> = in_force.map(|(_, key)| key.clone()).collect();
    for key in gone {
        apply(site, &SiteRow { section, key, version: 0, body: String::new() });
    }
    rows.iter().for_each(|row| apply(site, row));
}

pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = |_| Err(StoreError::Away(format!("no answer within {limit:?}")).into());
    tokio::time::timeout(limit, work).await.unwrap_or_else(late)
}
