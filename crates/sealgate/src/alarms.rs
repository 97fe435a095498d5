//! Watches this node and its site, and tells the postmaster what needs a hand (mail-gateway.md M-T10): failed jobs,
//! certificates that end, a full disk, scanners that are away.
//!
//! One use case, [`Alarms::raise`]: a plan of a mail, committed like any other. What was told is kept in the store as a
//! one-shot token, so that of several nodes one tells it, also after a restart: a trouble at most once a day, a
//! certificate once for each of [`DAYS`]. While the store is away the node's memory does for it. Must never: hold up mail.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crypto::pki::Certificate;
use flow::alarm::{self, Alarm, Kind};
use flow::own_mail::OwnMail;
use flow::queue::Queue;
use model::settings::Size;
use model::{Clock, Commit, Engines, Facts, Timestamp};
use parking_lot::Mutex;
use store::{Live, Store};
use tokio_util::sync::CancellationToken;

use crate::config::NodeConfig;
use crate::node::Core;
use crate::tls::Tls;

/// A trouble is told again after so long.
const AGAIN: Duration = Duration::from_secs(86_400);
/// Days before its end at which a certificate is told of.
const DAYS: [i64; 2] = [7, 30];
/// What was told of a certificate is remembered for longer than it can come up again.
const CERTIFICATE: Duration = Duration::from_secs(32 * 86_400);
/// Failed jobs that are looked at, and certificates that one mail names.
const MOST: usize = 50;
/// Purpose of the tokens.
const TOLD: &str = "alarm";

/// Where alarms go, and what of them was told.
pub struct Alarms {
    /// Says on all nodes what was told.
    pub store: Store,
    /// The site.
    pub live: Live,
    /// Takes the mails; without a mail gate alarms are in the log only.
    pub queue: Option<Arc<Queue>>,
    /// Signs them.
    pub own_mail: OwnMail,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Our name while the site has none.
    pub hostname: String,
    /// What this node has told, by key: until then not again.
    pub told: Mutex<HashMap<String, Timestamp>>,
}

/// What is watched of this node.
pub struct Watch {
    /// The data directory, and the queue's, which may be another disk.
    pub folders: Vec<PathBuf>,
    /// Less free space than this is an alarm.
    pub least: Size,
    /// The scanners as they were last asked.
    pub engines: Arc<dyn Engines>,
    /// A scanner may be away for so long.
    pub scanner_away: Duration,
    /// Files with the listeners' certificates.
    pub certificates: Vec<PathBuf>,
    /// How often certificates are looked at.
    pub certificates_every: Duration,
}

/// What is watched of a node with this configuration, and where its alarms go.
pub fn of(config: &NodeConfig, core: &Core, queue: Option<Arc<Queue>>, engines: Arc<dyn Engines>, tls: &[Tls]) -> (Alarms, Watch) {
    let mut certificates: Vec<PathBuf> = tls.iter().map(Tls::certificate).collect();
    certificates.sort();
    certificates.dedup();
    let alarms = Alarms {
        store: core.store.clone(),
        live: core.live.clone(),
        queue,
        own_mail: crate::bridges::own_mail(core),
        clock: core.clock.clone(),
        hostname: crate::bridges::own_name(),
        told: Mutex::default(),
    };
    let watch = Watch {
        folders: vec![core.data(), core.data().join("queue")],
        least: config.limits.disk_free,
        engines,
        scanner_away: config.times.scanner_away.0,
        certificates,
        certificates_every: config.times.certificates.0,
    };
    (alarms, watch)
}

/// Looks every `every`, until `stop`.
pub async fn run(alarms: Alarms, watch: Watch, every: Duration, stop: CancellationToken) {
    let mut turn = tokio::time::interval(every);
    let (mut away, mut next) = (HashMap::new(), Timestamp(0));
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = alarms.clock.now();
        for alarm in disks(&watch).into_iter().chain(scanners(&watch, &mut away, now)).chain(alarms.jobs().await) {
            alarms.raise(&alarm).await;
        }
        if now >= next && alarms.has_postmaster() {
            next = now.after(watch.certificates_every);
            alarms.certificates(&watch).await;
        }
    }
}

impl Alarms {
    /// Tells the postmaster, unless this was told within the last day.
    pub async fn raise(&self, alarm: &Alarm) {
        if !self.has_postmaster() {
            return;
        }
        let key = format!("{}/{}", alarm.kind.word(), alarm.subject);
        if self.first(&key, AGAIN).await && !self.tell(alarm).await {
            self.take_back(&key).await;
        }
    }

    /// A node that nobody has set up has nobody to tell.
    fn has_postmaster(&self) -> bool {
        let site = self.live.site();
        !site.mail.postmaster.is_empty() || !site.domains.is_empty()
    }

    /// True if the mail is committed, or there is no queue to commit it to.
    async fn tell(&self, alarm: &Alarm) -> bool {
        let (kind, subject) = (alarm.kind.word(), &alarm.subject);
        let Some(queue) = &self.queue else {
            tracing::warn!(event = "alarm.raised", kind, subject, "no mail gate here: nobody is told by mail");
            return true;
        };
        let site = self.live.site();
        let host = if site.mail.hostname.is_empty() { &self.hostname } else { &site.mail.hostname };
        let committed = match alarm::plan(&site, host, self.clock.now(), alarm) {
            Ok(mut plan) => {
                let trace = plan.trace;
                self.own_mail.sign(&site, &mut plan, &[0]).await;
                queue.commit(plan).await.map(|()| trace)
            }
            Err(fault) => Err(fault),
        };
        match &committed {
            Ok(trace) => tracing::warn!(event = "alarm.raised", kind, subject, %trace, "the postmaster is told"),
            Err(fault) => tracing::error!(event = "alarm.untold", kind, subject, cause = %fault.cause, "it is tried again"),
        }
        committed.is_ok()
    }

    /// True if nobody has told this within `lifetime`; from now on somebody has.
    async fn first(&self, key: &str, lifetime: Duration) -> bool {
        let now = self.clock.now();
        {
            let mut told = self.told.lock();
            told.retain(|_, until| *until > now);
            if told.insert(key.to_owned(), now.after(lifetime)).is_some() {
                return false;
            }
        }
        match self.store.issue(TOLD, &hash(key), "", lifetime).await {
            Ok(()) => true,
            // Another node has, or this one before its restart.
            Err(fault) if fault.code == "changed-meanwhile" => {
                tracing::info!(event = "alarm.known", key, "told before");
                false
            }
            Err(_) => true,
        }
    }

    async fn take_back(&self, key: &str) {
        self.told.lock().remove(key);
        if let Err(fault) = self.store.redeem(TOLD, &hash(key)).await {
            tracing::debug!(event = "alarm.kept", key, cause = %fault.cause, "the store is away");
        }
    }

    /// Jobs that are not tried any more.
    async fn jobs(&self) -> Vec<Alarm> {
        let Ok(jobs) = store::jobs::list(&self.store, "", u32::try_from(MOST).unwrap_or(u32::MAX)).await else { return Vec::new() };
        let failed = jobs.into_iter().filter(|job| job.failed);
        failed.map(|job| Alarm { kind: Kind::Job, subject: job.key, args: vec![("kind", job.kind), ("cause", job.last_error)] }).collect()
    }

    /// Certificates that have come near their end since they were last told of, in one mail.
    async fn certificates(&self, watch: &Watch) {
        let now = self.clock.now();
        let mut due: Vec<(String, String)> = Vec::new();
        let all = watch.certificates.iter().flat_map(|path| of_file(path)).chain(of_keys(&self.live.site()));
        let ending: Vec<(String, Certificate, i64)> =
            all.filter_map(|(name, certificate)| near_end(&certificate, now).map(|days| (name, certificate, days))).collect();
        for (name, certificate, days) in ending {
            let key = format!("certificate/{}/{name}/{days}", certificate.fingerprint_sha256());
            if due.len() < MOST && self.first(&key, CERTIFICATE).await {
                due.push((key, format!("{}  {name}", certificate.not_after().rfc3339())));
            }
        }
        if due.is_empty() {
            return;
        }
        let list: Vec<&str> = due.iter().map(|(_, line)| line.as_str()).collect();
        let alarm = Alarm { kind: Kind::Certificate, subject: "certificates".to_owned(), args: vec![("list", list.join("\n"))] };
        if !self.tell(&alarm).await {
            for (key, _) in &due {
                self.take_back(key).await;
            }
        }
    }
}

/// The smallest of [`DAYS`] within which it ends; `None` for one that is good for longer, or has ended long ago.
fn near_end(certificate: &Certificate, now: Timestamp) -> Option<i64> {
    const DAY: i64 = 86_400 * 1_000_000;
    let left = certificate.not_after().0.saturating_sub(now.0);
    // What has ended was told of twice; old keys are kept to open old mail.
    if left <= 0 { None } else { DAYS.into_iter().find(|days| left <= days * DAY) }
}

/// The certificates in a listener's file; what can't be read is said where the listener starts.
fn of_file(path: &Path) -> Vec<(String, Certificate)> {
    let pem = std::fs::read_to_string(path).unwrap_or_default();
    let leaf = Certificate::from_pem_many(&pem).ok().and_then(|chain| chain.into_iter().next());
    leaf.into_iter().map(|leaf| (path.display().to_string(), leaf)).collect()
}

/// Our users' newest certificates: older ones have been replaced.
fn of_keys(site: &model::Site) -> Vec<(String, Certificate)> {
    let mut newest: HashMap<String, Certificate> = HashMap::new();
    for record in site.keys.values() {
        let Some(leaf) = Certificate::from_pem_many(&record.certificate).ok().and_then(|chain| chain.into_iter().next()) else { continue };
        let owner = record.owner.as_str().to_owned();
        if newest.get(&owner).is_none_or(|known| known.not_after() < leaf.not_after()) {
            newest.insert(owner, leaf);
        }
    }
    let mut all: Vec<(String, Certificate)> = newest.into_iter().collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// Disks with too little room; each once.
fn disks(watch: &Watch) -> Vec<Alarm> {
    let mut seen = Vec::new();
    let mut alarms = Vec::new();
    for folder in &watch.folders {
        let Ok(stat) = rustix::fs::statvfs(folder) else { continue };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free >= watch.least.0 || seen.contains(&stat.f_fsid) {
            continue;
        }
        seen.push(stat.f_fsid);
        let args = vec![("free", Size(free / 1_000_000 * 1_000_000).to_string()), ("least", watch.least.to_string())];
        alarms.push(Alarm { kind: Kind::Disk, subject: format!("{} {}", crate::place::host_name(), folder.display()), args });
    }
    alarms
}

/// Scanners that have been away for too long. `away`: since when each is.
fn scanners(watch: &Watch, away: &mut HashMap<String, Timestamp>, now: Timestamp) -> Vec<Alarm> {
    let engines = watch.engines.engines();
    away.retain(|name, _| engines.iter().any(|engine| engine.name == name && !engine.up));
    let mut alarms = Vec::new();
    for engine in engines.into_iter().filter(|engine| !engine.up) {
        let since = *away.entry(engine.name.to_owned()).or_insert(now);
        if now.since(since) >= watch.scanner_away {
            let minutes = (now.since(since).as_secs() / 60).to_string();
            let args = vec![("engine", engine.name.to_owned()), ("place", engine.place), ("minutes", minutes), ("cause", engine.cause)];
            alarms.push(Alarm { kind: Kind::Scanner, subject: format!("{} {}", crate::place::host_name(), engine.name), args });
        }
    }
    alarms
}

/// The name of a token.
fn hash(key: &str) -> String {
    data_encoding::HEXLOWER.encode(&openssl::sha::sha256(key.as_bytes()))
}
