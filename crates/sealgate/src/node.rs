//! One node, from its configuration to its end. The order of start-up and of the stop stands here and nowhere else.
//!
//! Start: place → listeners bound → master key → store (or the sealed copy while it is away) → vault → live site → queue →
//! gates → administration → accept loops → `ready.json`. Stop: no new connections → sessions and polls end in their
//! protocol's words → queue → live site → store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crypto::pool::CpuPool;
use flow::queue::Queue;
use flow::{MailGate, limits};
use keyring::{Keys, Vault};
use model::{Clock, Facts, Fault, MemoryPool, SystemClock};
use store::{Live, Store};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{NodeConfig, Role};
use crate::listeners;
use crate::place::{self, Place};
use crate::ready::{Listeners, Ready};
use crate::sockets::Sockets;
use crate::tls::Tls;
use crate::{bridges, secrets};

/// Threads of the two gates, each with its own, so that a burst at one does not delay the other (design decision 10).
#[derive(Debug, Clone)]
pub struct Runtimes {
    /// The mail gate's.
    pub mail: Handle,
    /// The mobile gate's.
    pub mobile: Handle,
}

/// How often the home page's chart takes the counts.
const CHART_EVERY: Duration = Duration::from_secs(60);

/// What a node is made of below its listeners: what commands without a running node need too.
pub struct Core {
    /// The data directory, locked.
    pub place: Place,
    /// All SQL.
    pub store: Store,
    /// Seals and unseals.
    pub vault: Arc<Vault>,
    /// The site in memory.
    pub live: Live,
    /// Where the master key comes from.
    pub master_key: secrets::Source,
    /// Private keys by handle.
    pub keys: Arc<Keys>,
    /// Where cryptography and password hashing run.
    pub pool: CpuPool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Says that this node has ordered keys.
    pub keys_ordered: Arc<Notify>,
}

impl Core {
    /// Opens what lies on the disk and in the store.
    ///
    /// # Errors
    /// Each says what is wrong and what to do.
    pub async fn open(config: &NodeConfig, place: Place) -> Result<Self, Fault> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, wrapped) = secrets::open_store(config, place.data(), clock.clone()).await?;
        let master_key = secrets::Source::of(config, place.data());
        let vault = Arc::new(secrets::open_vault(&master_key, &store, &wrapped).await?);
        let settings = store::LiveSettings { poll: config.store.poll.0, ..store::LiveSettings::default() };
        let live = Live::start(&store, Arc::new(bridges::VaultSealer(vault.clone())), settings).await?;
        let keys = Arc::new(Keys::new(Arc::new(live.clone()), vault.clone()));
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let pool = CpuPool::new(threads).map_err(|e| secrets::ourselves("cpu-pool", e))?;
        Ok(Self { place, store, vault, live, master_key, keys, pool, clock, keys_ordered: Arc::default() })
    }

    /// The use cases of administration on it.
    #[must_use]
    pub fn admin(
        &self,
        simulator: Option<Arc<dyn admin::Simulator>>,
        queue: Option<Arc<dyn admin::QueueControl>>,
        phones: Option<Arc<dyn admin::PhoneGate>>,
    ) -> admin::Admin {
        admin::Admin::new(admin::Parts {
            store: self.store.clone(),
            live: Some(self.live.clone()),
            vault: self.vault.clone(),
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            simulator,
            queue,
            phones,
            master: crate::secrets::place(&self.master_key),
            logs: Some(logs::Reader::new(&self.data().join("log"))),
            settings: admin::Settings::default(),
        })
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.place.data().to_owned()
    }
}

/// A running node.
pub struct Node {
    core: Core,
    queue: Option<Arc<Queue>>,
    learned: bridges::Learned,
    listeners: Listeners,
    tls: Vec<Tls>,
    stop: CancellationToken,
    connections: TaskTracker,
    grace: Duration,
    ready: Option<Ready>,
    /// One-time password of the first administrator, if this start made one.
    pub first_password: Option<model::SecretText>,
}

impl Node {
    /// Starts everything that the configuration says.
    ///
    /// # Errors
    /// The first thing that is wrong; nothing runs then.
    pub async fn start(config: &NodeConfig, place: Place, runtimes: &Runtimes) -> Result<Self, Fault> {
        let sockets = Sockets::bind(config)?;
        let core = Core::open(config, place).await?;
        let metrics = crate::telemetry::install();
        let outside = bridges::Outside::new(config, &core);
        let learned = outside.learned();
        let queue = match config.has(Role::Mail) {
            true => Some(bridges::open_queue(config, &core, &outside, &runtimes.mail, true).await?),
            false => None,
        };
        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let mut node_tls = Vec::new();
        let data = core.data();
        let mut tls = |own: &crate::config::Certificate, protocols| {
            Tls::load(own, &config.certificate, &data, protocols).inspect(|tls| node_tls.push(tls.clone()))
        };
        let mail = match &queue {
            Some(queue) => Some(mail_gate(config, &core, &outside, queue.clone())?),
            None => None,
        };
        let phones = config.has(Role::Mobile).then(|| bridges::mobile_gate(config, &core, &outside, &runtimes.mobile));
        let simulator = mail.clone().map(|gate| Arc::new(bridges::Simulator(gate)) as Arc<dyn admin::Simulator>);
        let control = queue.clone().map(|queue| Arc::new(bridges::control(&core, queue)) as Arc<dyn admin::QueueControl>);
        let phone_tls = phones.is_some().then(|| tls(&config.mobile.certificate, &[b"h2", b"http/1.1"])).transpose()?;
        let gate = phones.clone().zip(phone_tls.clone()).map(|parts| bridges::phone_gate(&core, parts));
        let admin = core.admin(simulator, control, gate);
        let first_password = if config.has(Role::Console) { bridges::first_start(config, &admin).await? } else { None };
        let local = phones.as_ref().map(|gate| bridges::mobile_admin(config, &core, &admin, gate));
        let gauges = bridges::Gauges { queue: queue.clone(), mail: mail.clone(), phones: phones.clone(), live: core.live.clone() };
        let engines = crate::engines::EngineWatch::default();
        let console = bridges::console(config, &core, admin.clone(), Arc::new(engines.clone()))?;

        let mut listeners = Listeners::new();
        let limits = &config.times;
        if let Some(gate) = mail {
            connections.spawn(bridges::share_greylist(&core, &gate, stop.clone()));
            let doors = bridges::smtp_doors(config, &core, &gate, tls(&config.smtp.certificate, &[])?);
            for (name, door) in listeners::smtp::DOORS {
                for socket in sockets.take(name, &mut listeners)? {
                    let work = listeners::smtp::run(socket, doors.clone(), door, stop.clone(), connections.clone());
                    connections.spawn_on(work, &runtimes.mail);
                }
            }
        }
        if let (Some(gate), Some(tls)) = (&phones, phone_tls) {
            for socket in sockets.take("mobile", &mut listeners)? {
                let work = listeners::mobile::run(socket, tls.clone(), gate.clone(), limits.handshake.0, stop.clone(), connections.clone());
                connections.spawn_on(work, &runtimes.mobile);
            }
        }
        for (socket, local) in sockets.take("mobile_admin", &mut listeners)?.into_iter().zip(local) {
            connections.spawn(listeners::mobile_admin::run(socket, local, stop.clone()));
        }
        if config.has(Role::Console) {
            let tls = tls(&config.console.certificate, &[b"h2", b"http/1.1"])?;
            for socket in sockets.take("console", &mut listeners)? {
                let web = console.web.clone();
                connections.spawn(listeners::http::run(socket, tls.clone(), web, limits.handshake.0, stop.clone(), connections.clone()));
            }
        }
        listeners::http::local(&place::socket(&data), console.local, stop.clone(), &connections)?;
        for socket in sockets.take("metrics", &mut listeners)? {
            connections.spawn(listeners::metrics::run(socket, metrics.clone(), gauges.readiness(), gauges.refresh(), stop.clone()));
        }
        let tidy = crate::housekeeping::run(core.store.clone(), core.live.clone(), core.clock.clone(), limits.housekeeping.0, stop.clone());
        connections.spawn(tidy);
        let often = bridges::Often { soon: limits.compliance.0, seldom: limits.housekeeping.0 };
        let key_mails = queue.clone().map(|queue| bridges::KeyMails::new(&core, queue));
        connections.spawn(bridges::run_jobs(admin, core.store.clone(), often, core.keys_ordered.clone(), key_mails, stop.clone()));
        let (alarms, watch) = crate::alarms::of(config, &core, queue.clone(), Arc::new(engines.clone()), &node_tls);
        connections.spawn(crate::alarms::run(alarms, watch, limits.alarms.0, stop.clone()));
        connections.spawn(crate::engines::run(engines, core.live.clone(), core.clock.clone(), limits.scanners.0, stop.clone()));
        if let Some(queue) = queue.clone() {
            connections.spawn_on(outside.report(core.live.clone(), core.clock.clone(), queue, stop.clone()), &runtimes.mail);
        }
        connections.spawn(keep_chart(console.state, stop.clone()));
        connections.spawn(bridges::recheck_on_change(core.live.numbers(), phones, stop.clone()));
        connections.close();
        let ready = Ready::write(&data, &listeners).map_err(|e| secrets::ourselves("disk", e))?;
        tracing::info!(event = "node.ready", data = %data.display(), "ready");
        core.store.ping().await.unwrap_or_else(
            |away| tracing::warn!(event = "store.away", cause = %away.cause, "started from the sealed copy; the store is away"),
        );
        Ok(Self {
            core,
            queue,
            learned,
            listeners,
            tls: node_tls,
            stop,
            connections,
            grace: config.times.stop_grace.0,
            ready: Some(ready),
            first_password,
        })
    }

    /// Addresses by listener.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// What lies below.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Looks after the log until the stop.
    pub fn keep_logs(&self, logging: crate::logging::Logging) {
        let (folder, live, node) = (self.core.data().join("log"), self.core.live.clone(), self.core.store.node().to_owned());
        self.connections.spawn(crate::logging::keep(logging, folder, live, node, self.stop.clone()));
    }

    /// Reads all certificates again; a broken one is named and the running one stays.
    pub fn reload(&self) {
        for tls in &self.tls {
            match tls.reload() {
                Ok(()) => tracing::info!(event = "tls.reloaded", "certificate read again"),
                Err(fault) => {
                    tracing::error!(event = "tls.kept", cause = %fault.cause, "the certificate can't be used; the running one stays")
                }
            }
        }
    }

    /// Stops gracefully; what still runs after the grace is cut.
    pub async fn stop(mut self) {
        tracing::info!(event = "node.stopping", "stopping");
        self.ready = None;
        self.stop.cancel();
        if tokio::time::timeout(self.grace, self.connections.wait()).await.is_err() {
            tracing::warn!(event = "node.cut", left = self.connections.len(), "some connections did not end in time");
        }
        if let Some(queue) = self.queue.take() {
            queue.stop().await;
            self.learned.keep(self.grace).await;
        }
        self.core.live.stop().await;
        self.core.store.close().await;
        tracing::info!(event = "node.stopped", "stopped");
    }
}

/// Takes the counts of the home page's chart until `stop`.
async fn keep_chart(state: console::ConsoleState, stop: CancellationToken) {
    tokio::select! {
        () = console::history::keep(state, CHART_EVERY) => {}
        () = stop.cancelled() => {}
    }
}

/// The mail gate over this core and queue; it asks the same DNS client as the queue does.
///
/// # Errors
/// When `[limits] memory` is no size.
pub fn mail_gate(config: &NodeConfig, core: &Core, outside: &bridges::Outside, queue: Arc<Queue>) -> Result<MailGate, Fault> {
    let memory = config.memory().map_err(|e| secrets::ourselves("configuration-invalid", e))?;
    let per_peer = config.memory_per_peer().map_err(|e| secrets::ourselves("configuration-invalid", e))?;
    let in_work = core.data().join("queue.in-work");
    let poison = flow::poison::Guard::open(&in_work, core.clock.now()).map_err(|e| secrets::ourselves("disk", e))?;
    Ok(MailGate::new(flow::Parts {
        facts: Arc::new(core.live.clone()) as Arc<dyn Facts>,
        keys: core.keys.clone(),
        recipients: bridges::recipients(config, queue.clone()),
        queue,
        pool: core.pool.clone(),
        clock: core.clock.clone(),
        rooms: flow::room::Rooms::new(MemoryPool::new(memory), per_peer),
        resolver: bridges::records(outside),
        sessions: limits::Sessions::new(config.limits.sessions, config.limits.sessions_per_peer).with_rate(config.limits.rate_per_peer),
        budget: config.limits.mail_budget.0,
        limits: config.mail_limits(),
        hops: config.limits.hops,
        marks: flow::reinject::Marks(Arc::new(bridges::VaultMarks(core.vault.clone()))),
        poison,
        scans: flow::scan::Scans::default(),
        issuers: flow::issuers::Issuers::new(outside.lists(), config.times.signers.0),
        new_keys: Arc::new(bridges::OrderKeys::new(core)),
        secrets: Arc::new(bridges::VaultSecrets(core.vault.clone())),
        welcome: flow::Welcome::new(bridges::lookups(outside), bridges::welcome_settings(config)),
        sign_in: bridges::sign_in(config, core),
        hostname: bridges::own_name(),
    }))
}
