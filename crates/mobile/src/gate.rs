//! The gate as `sealgate` holds it: made once, shared by all connections, told when facts change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::device::{Decision, DeviceId};
use model::ports::{ContentKeys, DeviceFacts, Facts, Issuers, Recorder, Secrets};
use model::site::MobileGateway;
use model::{Clock, Fault};
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::bodies::{Hierarchies, Lease, Mark, Told};
use crate::diagnose::Diagnoses;
use crate::directory::Directories;
use crate::elsewhere::Elsewhere;
use crate::guesses::Guesses;
use crate::identify::Asked;
use crate::judge::decide;
use crate::open::Pages;
use crate::pace::Paces;
use crate::parked::{Ending, Entry, Registry, drain};
use crate::redirects::{RedirectKey, Redirects};
use crate::settings::Settings;
use crate::targets::{Target, Targets};
use crate::upstream::{self, Means, Upstream, Watch};

/// Mail servers that connections are kept to at most, those of redirects included.
const SERVERS: usize = 256;

/// What the gate needs from the outside.
#[derive(Clone)]
pub struct Ports {
    /// The site's small data.
    pub facts: Arc<dyn Facts>,
    /// What is known about devices.
    pub devices: Arc<dyn DeviceFacts>,
    /// Takes note of requests.
    pub recorder: Arc<dyn Recorder>,
    /// Signs references to attachments, and gives the keys that encrypt them.
    pub keys: Arc<dyn ContentKeys>,
    /// Opens secrets of the site.
    pub secrets: Arc<dyn Secrets>,
    /// Knows what issuers of certificates took back; without it nothing is known as revoked.
    pub issuers: Option<Arc<dyn Issuers>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Requests since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Passed on.
    pub allowed: u64,
    /// Not passed on.
    pub blocked: u64,
    /// Running now, hanging ones included.
    pub running: usize,
}

/// The mobile gate of this node.
pub struct MobileGate {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
    pub(crate) http_1: http1::Builder,
    pub(crate) http_2: http2::Builder<TokioExecutor>,
    upstreams: RwLock<HashMap<(String, String), Arc<Upstream>>>,
    watch: Arc<Watch>,
    pub(crate) hierarchies: Hierarchies,
    pub(crate) told: Told,
    pub(crate) pages: Pages,
    pub(crate) directories: Directories,
    pub(crate) paces: Paces,
    pub(crate) guesses: Guesses,
    pub(crate) redirects: Redirects,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) targets: Targets,
    pub(crate) diagnoses: Diagnoses,
    pub(crate) body_memory: Arc<Semaphore>,
    pub(crate) allowed: AtomicU64,
    pub(crate) blocked: AtomicU64,
    running: AtomicUsize,
    draining: AtomicBool,
}

impl MobileGate {
    /// A gate that judges by the site's policies. While there are none, black and white list decide.
    #[must_use]
    pub fn new(ports: Ports, settings: Settings) -> Arc<Self> {
        let registry = Registry::new();
        Arc::new(Self {
            http_1: http_1(&settings),
            http_2: http_2(&settings),
            hierarchies: Hierarchies::new(settings.known_folders),
            told: Told::new(),
            pages: Pages::new(),
            directories: Directories::new(&settings),
            paces: Paces::new(settings.pace),
            guesses: Guesses::new(settings.guesses),
            redirects: Redirects::new(),
            elsewhere: Elsewhere::new(),
            targets: Targets::default(),
            diagnoses: Diagnoses::default(),
            body_memory: Lease::store(settings.body_memory),
            watch: Watch::new(ports.issuers.clone(), ports.clock.clone(), settings.revocation, registry.clone()),
            ports,
            settings,
            registry,
            upstreams: RwLock::default(),
            allowed: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
        })
    }

    /// Judges every running request again and ends those that are blocked now, with the answer of G-8, and polls of devices that
    /// are to sync anew, with "nothing new": their next request is told. Call it after any
    /// change of the site or of many devices; it takes one probe a request and never waits. Returns how many it ended.
    pub fn recheck(&self) -> usize {
        self.registry.recheck(None, |entry| self.verdict(entry))
    }

    /// The same for one device of one user, in any spelling. Call it after a change of that device.
    pub fn device_changed(&self, user: &str, device: &DeviceId) -> usize {
        let user = model::device::user_key(user);
        self.registry.recheck(Some((&user, device)), |entry| self.verdict(entry))
    }

    /// Ends the hanging polls one by one, spread evenly over `spread`, each with "nothing new" in the protocol's words;
    /// later polls end at once. Every connection does this by itself when its `stop` is cancelled.
    pub async fn drain(&self, spread: Duration) {
        if self.draining.swap(true, Ordering::SeqCst) {
            return;
        }
        let entries = self.registry.all();
        let pause = spread / u32::try_from(entries.len().max(1)).unwrap_or(u32::MAX);
        for entry in entries {
            drain(&entry);
            if pause > Duration::from_micros(100) {
                tokio::time::sleep(pause).await;
            }
        }
        self.registry.all().iter().for_each(|entry| drain(entry));
    }

    /// True while the node stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Requests since the start, and now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { allowed: count(&self.allowed), blocked: count(&self.blocked), running: self.registry.len() }
    }

    /// Where this node sends requests that the mail server redirected (G-5): whose, and to which server.
    #[must_use]
    pub fn redirects(&self) -> Vec<(RedirectKey, Arc<str>)> {
        self.redirects.all()
    }

    /// Whose requests are told in the log, whatever the level (G-32).
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.targets.now(self.ports.clock.now())
    }

    /// Puts these in place of all.
    pub fn set_targets(&self, targets: Vec<Target>) {
        self.targets.set(targets);
    }

    /// Forgets a redirect; false if there was none.
    pub fn clear_redirect(&self, key: &RedirectKey) -> bool {
        self.redirects.clear(key)
    }

    /// True if this address is a balancer whose word about its clients is believed (G-37): the node's, or any configuration's.
    #[must_use]
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        let site = self.ports.facts.site();
        let all = site.gateways.values().filter(|gateway| gateway.enabled).flat_map(|gateway| &gateway.trusted_proxies);
        self.settings.trusted_proxies.iter().chain(all).any(|net| net.contains(&address))
    }

    /// True if some configuration has TLS taken off before us.
    #[must_use]
    pub fn takes_plain(&self) -> bool {
        self.ports.facts.site().gateways.values().any(|gateway| gateway.enabled && gateway.is_terminated_before())
    }

    /// Makes the mail servers of all configurations known, before requests do. Call it at the start and after changes of the site.
    pub fn prepare(&self) {
        let site = self.ports.facts.site();
        for gateway in site.gateways.values().filter(|gateway| gateway.enabled) {
            // What can't be used is a fault of each request.
            let _ = self.upstream(gateway);
        }
    }

    /// True if requests would be passed on: a configuration is there and is on, and the policies are whole or not needed. What
    /// `/health/ready` says.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let site = self.ports.facts.site();
        let mut on = site.gateways.values().filter(|gateway| gateway.enabled);
        let by_policies = |gateway: &Arc<MobileGateway>| site.policies_missing.is_empty() || gateway.allow_without_policies;
        !self.is_draining() && on.any(|gateway| by_policies(gateway) && self.upstream(gateway).is_ok())
    }

    /// Why a running request is to end now.
    fn verdict(&self, entry: &Entry) -> Option<Ending> {
        let decision = self.judge(&entry.asked);
        if !decision.allowed {
            return Some(Ending::Blocked(decision));
        }
        (entry.waits() && Mark::of(self, &entry.asked) != entry.mark).then_some(Ending::Superseded)
    }

    pub(crate) fn judge(&self, asked: &Asked) -> Decision {
        decide(&asked.subject(), &self.ports.facts.site(), &*self.ports.devices, self.ports.clock.now())
    }

    /// The mail server of a configuration. Made anew only when what it says of it changed, so that kept connections outlive
    /// changes of other things.
    ///
    /// # Errors
    /// A fault of the configuration: its URL or its roots can't be used.
    pub(crate) fn upstream(&self, gateway: &Arc<MobileGateway>) -> Result<Arc<Upstream>, Fault> {
        self.server(gateway, None)
    }

    /// The same for where a redirect leads: `scheme://host[:port]`.
    pub(crate) fn server(&self, gateway: &Arc<MobileGateway>, elsewhere: Option<&str>) -> Result<Arc<Upstream>, Fault> {
        let site = self.ports.facts.site();
        let sealed = site.secrets.get(&gateway.proxy_secret()).map_or("", |secret| secret.sealed.as_str());
        let place = (gateway.id.clone(), elsewhere.unwrap_or_default().to_owned());
        if let Some(known) = self.upstreams.read().get(&place)
            && known.is_for(gateway, sealed, &site)
        {
            return Ok(known.clone());
        }
        let proxy = upstream::proxy_of(&gateway.proxy_mail, (&gateway.proxy_secret(), sealed), &*self.ports.secrets)?;
        let means = Means { site: &site, settings: &self.settings, watch: &self.watch };
        let made = Arc::new(Upstream::new(gateway.clone(), elsewhere, &means)?.through(proxy, sealed));
        if elsewhere.is_none() && made.is_watched() {
            let (server, settings) = (made.clone(), self.settings.clone());
            tokio::spawn(async move { server.greet(&settings).await });
        }
        let mut all = self.upstreams.write();
        // Those of configurations that are gone close their connections; so do redirects beyond what is usual.
        let few = all.len() < SERVERS;
        all.retain(|(id, elsewhere), _| site.gateways.contains_key(id) && (few || elsewhere.is_empty()));
        all.insert(place, made.clone());
        Ok(made)
    }

    /// The mail server of a configuration that need not be in force, with no kept connections.
    pub(crate) fn alone(&self, gateway: Arc<MobileGateway>) -> Result<Upstream, Fault> {
        let site = self.ports.facts.site();
        let sealed = site.secrets.get(&gateway.proxy_secret()).map_or("", |secret| secret.sealed.as_str());
        let proxy = upstream::proxy_of(&gateway.proxy_mail, (&gateway.proxy_secret(), sealed), &*self.ports.secrets)?;
        let means = Means { site: &site, settings: &self.settings, watch: &self.watch };
        Ok(Upstream::new(gateway, None, &means)?.through(proxy, sealed))
    }

    /// One more request, if there is room.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Admitted> {
        let admitted = Admitted(self.clone());
        let running = self.running.fetch_add(1, Ordering::AcqRel);
        (running < self.settings.max_requests).then_some(admitted)
    }
}

/// A place among the requests at once; given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted(Arc<MobileGate>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for MobileGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MobileGate").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// Small buffers: a parked poll holds one to read the phone's next octets into, and one for heads to be written.
fn http_1(settings: &Settings) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.idle).max_buf_size(32 << 10).max_headers(64).half_close(false).writev(false);
    http
}

fn http_2(settings: &Settings) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(32)
        .initial_stream_window_size(64 << 10)
        .initial_connection_window_size(256 << 10)
        .max_send_buf_size(64 << 10)
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Some(settings.http_2_ping))
        .keep_alive_timeout(settings.body_idle);
    http
}
