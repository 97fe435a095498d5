//! Joins rooms that do not know each other: each file fills one room's port with another room's work.

mod control;
mod dns;
mod gauges;
mod issuers;
mod jobs;
mod lookups;
mod phones;
mod records;
mod sign_in;
mod simulator;
mod transport;
mod vault;

use std::sync::Arc;

use flow::MailGate;
use flow::own_mail::OwnMail;
use flow::queue::Queue;
use mobile::MobileGate;
use model::{Facts, Fault};
use smtp::inbound::SessionSettings;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use control::Control;
pub use gauges::Gauges;
pub use jobs::{KeyMails, Often, OrderKeys, run as run_jobs};
pub use phones::Phones;
pub use sign_in::sign_in;
pub use simulator::Simulator;
pub use transport::{Learned, Outside};
pub use vault::{VaultMarks, VaultSealer, VaultSecrets};

use crate::client_tls;
use crate::config::{BareNewline, NodeConfig};
use crate::listeners::smtp::Doors;
use crate::node::Core;
use crate::secrets::ourselves;
use crate::tls::Tls;

/// Our name while neither the site nor anything else gives one.
#[must_use]
pub fn own_name() -> String {
    let name = crate::place::host_name();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// What signs the gate's own mail.
#[must_use]
pub fn own_mail(core: &Core) -> OwnMail {
    OwnMail::new(core.keys.clone(), core.pool.clone())
}

/// Opens the queue on the node's disk; with `deliver` it starts on the mail gate's runtime.
///
/// # Errors
/// When its segments can't be read.
pub async fn open_queue(config: &NodeConfig, core: &Core, outside: &Outside, runtime: &Handle, deliver: bool) -> Result<Arc<Queue>, Fault> {
    let settings = flow::queue::Settings {
        hostname: own_name(),
        mx_port: config.smtp.mx_port,
        source_v4: config.smtp.source_v4,
        source_v6: config.smtp.source_v6,
        own_addresses: [&config.smtp.listen[..], &config.smtp.implicit_tls, &config.smtp.submission].concat(),
        search: config.dns.search.clone(),
        per_destination: config.limits.deliveries_per_destination,
        connections: config.limits.deliveries,
        notices: flow::limits::NoticeSettings { most: config.limits.notices_per_hour, ..flow::limits::NoticeSettings::default() },
        servers_per_attempt: config.limits.servers_per_attempt,
        mails_per_connection: config.limits.mails_per_connection,
        reading: config.delivery_memory().map_err(|e| ourselves("configuration-invalid", e))?,
        attempt: config.times.delivery_attempt.0,
        delivery: config.times.delivery.0,
        idle: config.times.delivery_idle.0,
        dead_for: config.times.delivery_rest.0,
        timeouts: config.times.remote.timeouts(),
        ..flow::queue::Settings::default()
    };
    let disk = segments::OsDisk::new(&core.data().join("queue")).map_err(|e| ourselves("disk", e))?;
    let ports = flow::queue::Ports {
        facts: Arc::new(core.live.clone()),
        effects: Arc::new(core.store.clone()),
        resolver: outside.resolver(),
        evidence: outside.evidence(),
        secrets: Arc::new(vault::VaultSecrets(core.vault.clone())),
        lists: outside.lists(),
        own_mail: own_mail(core),
        clock: core.clock.clone(),
        disk: Arc::new(disk),
        keys: Arc::new(vault::VaultKeys(core.vault.clone())),
    };
    let handle = runtime.clone();
    let opened = runtime.spawn_blocking(move || {
        let _inside = handle.enter();
        let queue = Queue::open(settings, ports)?;
        if deliver {
            queue.run();
        }
        Ok::<_, Fault>(queue)
    });
    opened.await.map_err(|e| ourselves("queue", e))?.map(Arc::new)
}

/// What the SMTP listeners share, from the node's configuration.
#[must_use]
pub fn smtp_doors(config: &NodeConfig, core: &Core, gate: &MailGate, tls: Tls) -> Doors {
    let doors = Doors::new(gate.clone(), session_settings(config, gate, Arc::new(core.live.clone()), tls), config.limits.sessions);
    let (proxies, filters) = (config.smtp.proxy_protocol_from.clone().into(), config.smtp.xclient_from.clone().into());
    Doors { proxies, filters, ..doors }
}

fn session_settings(config: &NodeConfig, gate: &MailGate, facts: Arc<dyn Facts>, tls: Tls) -> SessionSettings {
    let asked = facts.clone();
    SessionSettings {
        idle: config.times.smtp_idle.0,
        data_time: config.times.smtp_data.0,
        data_rate: config.limits.data_rate.0,
        refused_recipients: config.limits.refused_recipients,
        bad_commands: config.limits.bad_commands,
        idle_commands: config.limits.idle_commands,
        line: usize::try_from(config.limits.line.0).unwrap_or(usize::MAX),
        discard: config.limits.discard.0,
        linger: config.times.smtp_linger.0,
        handshake: config.times.handshake.0,
        bare_newline: match config.smtp.bare_newline {
            BareNewline::Refuse => smtp::inbound::BareNewline::Refuse,
            BareNewline::Normalise => smtp::inbound::BareNewline::Normalise,
        },
        certificate: Arc::new(move || Some(if client_tls::wanted(&asked.site()) { tls.asking() } else { tls.current() })),
        client_names: Arc::new(move |chain| client_tls::names(&*facts, chain)),
        ..SessionSettings::new(&gate.hostname())
    }
}

/// Look-ups of recipients, by the queue's ways to the domains' servers.
#[must_use]
pub fn recipients(config: &NodeConfig, queue: Arc<Queue>) -> flow::recipients::Recipients {
    let (yes, no, longest) = (config.times.recipient_yes.0, config.times.recipient_no.0, config.times.recipient_lookup.0);
    flow::recipients::Recipients::new(queue, flow::recipients::RecipientSettings { yes, no, longest, ..Default::default() })
}

/// The bounds of the checks of strangers.
#[must_use]
pub fn welcome_settings(config: &NodeConfig) -> flow::welcome::Settings {
    let limits = &config.limits;
    let (triplets, newcomers, stored) = (limits.greylist_triplets, limits.greylist_per_network, limits.greylist_stored);
    flow::welcome::Settings { triplets, newcomers, stored, ..flow::welcome::Settings::default() }
}

/// What the checks of strangers ask the DNS.
#[must_use]
pub fn lookups(outside: &Outside) -> Arc<dyn flow::welcome::lookups::Lookups> {
    Arc::new(lookups::Strangers(outside.names()))
}

/// What the checks of mail from outside ask the DNS.
#[must_use]
pub fn records(outside: &Outside) -> Arc<dyn mailauth::Resolver> {
    Arc::new(records::Records(outside.names()))
}

/// Keeps the greylist of this node and the store together until `stop`.
pub fn share_greylist(core: &Core, gate: &MailGate, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
    let greylist = gate.welcome().greylist().clone();
    let (store, facts, clock) = (core.store.clone(), Arc::new(core.live.clone()), core.clock.clone());
    let settings = gate.welcome().settings();
    let parts = flow::welcome::share::Parts { greylist, store, facts, clock, most: settings.stored };
    flow::welcome::share::run(parts, settings.share, stop)
}

/// The mobile gate; what it spawns runs where its connections run.
#[must_use]
pub fn mobile_gate(config: &NodeConfig, core: &Core, outside: &Outside, runtime: &Handle) -> Arc<MobileGate> {
    let _inside = runtime.enter();
    let live = Arc::new(core.live.clone());
    let keys = Arc::new(vault::VaultContent(core.vault.clone()));
    let secrets = Arc::new(vault::VaultSecrets(core.vault.clone()));
    let asked = issuers::AskIssuers {
        facts: live.clone(),
        lists: outside.lists(),
        through: outside.through(),
        secrets: secrets.clone(),
        clock: core.clock.clone(),
        own: parking_lot::Mutex::default(),
    };
    let ports = mobile::Ports {
        facts: live.clone(),
        devices: live.clone(),
        recorder: live,
        keys,
        secrets,
        issuers: Some(Arc::new(asked)),
        clock: core.clock.clone(),
    };
    let gate = MobileGate::new(ports, config.mobile_settings());
    gate.prepare();
    gate
}

/// Control of this core's mobile gate.
#[must_use]
pub fn phone_gate(core: &Core, (gate, tls): (Arc<MobileGate>, Tls)) -> Arc<dyn admin::PhoneGate> {
    Arc::new(Phones { gate, tls, clock: core.clock.clone() })
}

/// What the gate's local administration is made of.
#[must_use]
pub fn mobile_admin(
    config: &NodeConfig,
    core: &Core,
    admin: &admin::Admin,
    gate: &Arc<MobileGate>,
) -> crate::listeners::mobile_admin::Local {
    crate::listeners::mobile_admin::Local {
        admin: admin.clone(),
        gate: gate.clone(),
        live: core.live.clone(),
        node: core.store.node().to_owned(),
        target_time: config.mobile.target_time.0,
        clock: core.clock.clone(),
    }
}

/// Judges parked polls again whenever the site or a device changed.
pub async fn recheck_on_change(mut numbers: watch::Receiver<i64>, phones: Option<Arc<MobileGate>>, stop: CancellationToken) {
    let Some(phones) = phones else { return };
    loop {
        tokio::select! {
            changed = numbers.changed() => {
                if changed.is_err() {
                    return;
                }
                let number = *numbers.borrow_and_update();
                phones.prepare();
                let ended = phones.recheck();
                tracing::info!(event = "feed.applied", number, ended_polls = ended);
            }
            () = stop.cancelled() => return,
        }
    }
}

/// A new site begins with the public list of roots. Without it the site starts all the same, and trusts nobody.
async fn public_roots(config: &NodeConfig, admin: &admin::Admin) {
    let path = &config.public_roots;
    if path.as_os_str().is_empty() {
        return;
    }
    let list = match std::fs::read(path) {
        Ok(list) => list,
        Err(cause) => return tracing::warn!(event = "roots.no_list", path = %path.display(), %cause, "there is no public list of roots"),
    };
    match admin.public_roots(&list).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(event = "roots.listed", count, path = %path.display(), "the trust store begins with the public list"),
        Err(fault) if fault.temporary => tracing::debug!(%fault, "the store is away"),
        Err(fault) => {
            tracing::warn!(event = "roots.no_list", path = %path.display(), cause = %fault.cause, "the public list of roots can't be read")
        }
    }
}

/// What a new site begins with: the public list of roots, and the first administrator, whose one-time password is printed once.
///
/// # Errors
/// When the store does not take it; while the store is away nobody is made.
pub async fn first_start(config: &NodeConfig, admin: &admin::Admin) -> Result<Option<model::SecretText>, Fault> {
    public_roots(config, admin).await;
    match admin.first_administrator().await {
        Ok(made) => Ok(made.map(|(name, password)| {
            eprintln!("First start: sign in to the console as {name} with the one-time password {}", password.expose());
            password
        })),
        Err(away) if away.temporary => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Routers of the console's two faces.
pub struct Faces {
    /// For HTTPS.
    pub web: axum::Router,
    /// For the local socket: every request is the local administrator's.
    pub local: axum::Router,
    /// What keeps the home page's chart.
    pub state: console::ConsoleState,
}

/// Pages and API over the use cases.
///
/// # Errors
/// When a page's template has a fault.
pub fn console(config: &NodeConfig, core: &Core, admin: admin::Admin, engines: Arc<dyn model::Engines>) -> Result<Faces, Fault> {
    let live = Arc::new(core.live.clone());
    let parts = console::ConsoleParts {
        admin,
        facts: live.clone(),
        devices: live,
        keys: core.keys.clone(),
        clock: core.clock.clone(),
        engines,
        node: console::NodeFacts {
            id: core.store.node().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: core.clock.now(),
        },
        sessions: web::SessionSettings { idle: config.times.console_session.0, ..web::SessionSettings::default() },
        guesses: web::GuessSettings::default(),
    };
    let state = console::ConsoleState::new(parts).map_err(|e| ourselves("console-template", e))?;
    Ok(Faces { web: console::router(state.clone()), local: console::local_router(state.clone()), state })
}

/// Control of this core's queue.
#[must_use]
pub fn control(core: &Core, queue: Arc<Queue>) -> Control {
    Control { queue, vault: core.vault.clone(), clock: core.clock.clone() }
}

/// The API for a command with no node running: the same use cases; `with_queue` also the queue, looked at and not delivered,
/// to be stopped by the caller so that what was held or removed is on the disk.
///
/// # Errors
/// When the queue can't be read.
pub async fn local_router(config: &NodeConfig, core: &Core, with_queue: bool) -> Result<(axum::Router, Option<Arc<Queue>>), Fault> {
    if !with_queue {
        return Ok((console(config, core, core.admin(None, None, None), Arc::new(()))?.local, None));
    }
    let outside = Outside::new(config, core);
    let queue = open_queue(config, core, &outside, &Handle::current(), false).await?;
    let gate = crate::node::mail_gate(config, core, &outside, queue.clone())?;
    let admin = core.admin(Some(Arc::new(Simulator(gate))), Some(Arc::new(control(core, queue.clone()))), None);
    Ok((console(config, core, admin, Arc::new(()))?.local, Some(queue)))
}
