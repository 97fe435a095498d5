//! The site in this node's memory: what both gates read, without ever waiting for SQL.
//!
//! Order: [`Live::start`] loads a snapshot at number N (`follow`), or the sealed copy of the node's disk
//! (`copy`, `device_copy`) while the store is away; then a task follows the feed since N, another writes phones' sightings in
//! batches (`record`, by way of the disk: `spool`), a third listens for PostgreSQL's hints (`hints`). `devices` holds the device facts;
//! `turns` reads them whole now and then, and holds back what is not pushed; `diagnosed` is about single devices' requests.
//! Must never: wait, lock for long, or run SQL in [`Facts`], [`DeviceFacts`] or [`Recorder`].

mod copy;
mod device_copy;
mod devices;
mod diagnosed;
mod follow;
mod hints;
mod load;
mod record;
mod records;
mod spool;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use model::device::{Device, DeviceId, Orders, Sighting};
use model::ports::{DeviceFacts, Facts, Recorder};
use model::{Fault, Site, Transaction};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_keys::{self, WrappedKey};
use crate::{Store, feed};
use devices::DeviceTable;
use record::Pending;

pub use copy::COPY_FILE;
pub use device_copy::DEVICES_FILE;
pub use spool::SPOOL_FILE;

/// Seals what lies on the disk: `keyring`'s vault, whose data keys lie wrapped in front of the sealed part.
pub trait Sealer: Send + Sync {
    /// Seals `plain` under a logical name.
    fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8>;
    /// Opens what was sealed under this name; `None` if it is damaged, foreign, or sealed under another name.
    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>>;
    /// The data keys of the site are these now: another node made a new epoch.
    fn keys_changed(&self, _keys: &[WrappedKey]) {}
}

/// Durations and bounds.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// The feed is read so often even when no hint comes.
    pub poll: Duration,
    /// Sightings are written so often.
    pub flush: Duration,
    /// The sealed copy is written at most so often.
    pub copy: Duration,
    /// The devices in the sealed copy are written whole so often, if any has changed; between, what changed is added.
    pub bulk: Duration,
    /// Devices held in memory; more are judged like unknown ones.
    pub devices: usize,
    /// Devices with sightings not yet written; more are not kept.
    pub pending: usize,
    /// How long a minute of `refresh_minutes` and `delta_minutes` lasts.
    pub minute: Duration,
    /// Devices read at once when all are read.
    pub page: u32,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            flush: Duration::from_secs(1),
            copy: Duration::from_secs(2),
            bulk: Duration::from_secs(3_600),
            devices: 2_000_000,
            pending: 200_000,
            minute: Duration::from_secs(60),
            page: 5_000,
        }
    }
}

/// The site in memory. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    state: Arc<State>,
    tasks: TaskTracker,
}

/// What the tasks and the ports share.
pub(crate) struct State {
    store: Store,
    sealer: Arc<dyn Sealer>,
    settings: LiveSettings,
    site: ArcSwap<Site>,
    keys: Mutex<Vec<WrappedKey>>,
    devices: DeviceTable,
    /// Not yet on the disk.
    pending: Pending,
    /// On the disk and not yet in the store.
    waiting: Pending,
    /// Of which devices requests are kept one by one, and those requests.
    diagnosed: diagnosed::Diagnosed,
    number: watch::Sender<i64>,
    there: AtomicBool,
    hint: Notify,
    stop: CancellationToken,
}

/// The wrapped data keys, to open the vault with before [`Live::start`]: from the store, or, while it is away, from
/// the front of the sealed copy. Empty on a fresh site.
///
/// # Errors
/// When the store is away and there is no readable copy.
pub async fn wrapped_keys(store: &Store) -> Result<Vec<WrappedKey>, Fault> {
    match data_keys::all(store).await {
        Err(away) if away.temporary => copy::front(store).map_err(|_| away),
        answer => answer,
    }
}

impl Live {
    /// Loads the site, from the store or from the sealed copy, and starts to follow it.
    ///
    /// # Errors
    /// When the store is away and there is no copy that can be opened; when what is stored is damaged.
    pub async fn start(store: &Store, sealer: Arc<dyn Sealer>, settings: LiveSettings) -> Result<Self, Fault> {
        let state = Arc::new(State {
            store: store.clone(),
            sealer,
            site: ArcSwap::default(),
            keys: Mutex::default(),
            devices: DeviceTable::new(settings.devices),
            pending: Pending::new(settings.pending),
            waiting: Pending::new(settings.pending),
            diagnosed: diagnosed::Diagnosed::default(),
            number: watch::Sender::new(-1),
            there: AtomicBool::new(false),
            hint: Notify::new(),
            stop: CancellationToken::new(),
            settings,
        });
        let mut follower = follow::Follower::new(Arc::clone(&state));
        match follower.step().await {
            Ok(()) => {}
            Err(away) if away.temporary => {
                copy::load(&state).map_err(|cause| {
                    let said = format!("{}; and without it: {cause}", away.cause);
                    Fault { cause: said.into(), ..away.clone() }
                })?;
                tracing::warn!(event = "store.away", cause = %away.cause, "started from the sealed copy of the site");
            }
            Err(fault) => return Err(fault),
        }
        let tasks = TaskTracker::new();
        tasks.spawn(follower.run());
        let kept = Arc::clone(&state);
        let spool = spool::Spool::open(&store.inner().data, Arc::clone(&state.sealer), |sighting| {
            kept.devices.see(&sighting);
            kept.waiting.put(sighting);
        });
        tasks.spawn(record::flush(Arc::clone(&state), spool));
        if let Some(hints) = hints::listener(Arc::clone(&state)) {
            tasks.spawn(hints);
        }
        tasks.close();
        Ok(Self { state, tasks })
    }

    /// Numbers of the feed as they come into force here.
    #[must_use]
    pub fn numbers(&self) -> watch::Receiver<i64> {
        self.state.number.subscribe()
    }

    /// True while the store answers.
    #[must_use]
    pub fn store_is_there(&self) -> bool {
        self.state.there.load(Ordering::Relaxed)
    }

    /// Returns when all that is committed in the store now is in force on this node.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn caught_up(&self) -> Result<(), Fault> {
        let newest = feed::newest(&self.state.store).await?.number;
        self.state.hint.notify_one();
        let mut numbers = self.numbers();
        let reached = numbers.wait_for(|number| *number >= newest).await;
        reached.map(drop).map_err(|_| crate::StoreError::Away("the site is not followed any more".into()).into())
    }

    /// Devices held in memory.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.state.devices.len()
    }

    /// Shows every device in memory. Takes as long as there are many: call it where waiting harms nobody.
    pub fn each_device(&self, look: impl FnMut(&Device)) {
        self.state.devices.each(look);
    }

    /// Sightings that wait to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.state.pending.len() + self.state.waiting.len()
    }

    /// Writes what is pending and the sealed copy, as far as the store is there, and ends the tasks. The facts
    /// stay readable.
    pub async fn stop(&self) {
        self.state.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Facts for Live {
    fn site(&self) -> Arc<Site> {
        self.state.site.load_full()
    }
}

impl DeviceFacts for Live {
    fn device(&self, user: &str, id: &DeviceId) -> Option<Device> {
        self.state.devices.get(user, id)
    }

    fn orders(&self, user: &str, id: &DeviceId) -> Orders {
        self.state.devices.orders(user, id)
    }
}

impl Recorder for Live {
    fn record(&self, sighting: Sighting) {
        let sighting = record::storable(sighting);
        self.state.devices.see(&sighting);
        self.state.pending.put(sighting);
    }

    fn is_diagnosed(&self, user: &str, device: &DeviceId) -> bool {
        self.state.diagnosed.is_on(user, device)
    }

    fn diagnosed(&self, transaction: Transaction) {
        self.state.diagnosed.put(diagnosed::storable(transaction));
    }
}
