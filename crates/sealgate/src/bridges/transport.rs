//! DNS, fetches and published policies, once for the whole node: what is asked outside on the way of mail.

use std::sync::Arc;
use std::time::Duration;

use crypto::pool::CpuPool;
use flow::own_mail::OwnMail;
use flow::queue::{Evidence, NoEvidence, Queue};
use flow::transport::{Daily, ListSettings, Lists, Results, StsPolicies, StsSettings, Transport};
use model::{Clock, Facts};
use outside::dns::Dns;
use outside::egress::{Allowed, Egress, EgressPolicy, Purpose};
use outside::proxy::Proxy;
use smtp::outbound::RevocationSource;
use store::Live;
use tokio_util::sync::CancellationToken;

use super::dns;
use crate::config::NodeConfig;
use crate::node::Core;

/// How often is looked whether a report is due: so often within its period, at most hourly.
const LOOKS: u32 = 24;

/// How often what was counted for TLS reports is written, if anything was: what a kill may cost.
const KEEP_EVERY: Duration = Duration::from_secs(2);

/// See the file.
pub struct Outside {
    names: Result<(Dns, Egress), String>,
    evidence: Arc<dyn Evidence>,
    lists: Option<Arc<dyn RevocationSource>>,
    through: Option<Through>,
    results: Arc<Results>,
    period: Duration,
    own_mail: OwnMail,
}

impl Outside {
    /// By the node's configuration. A machine without any DNS configuration still delivers to `[ip]` next hops.
    #[must_use]
    pub fn new(config: &NodeConfig, core: &Core) -> Self {
        let facts: Arc<dyn Facts> = Arc::new(core.live.clone());
        let names = dns::client(&config.dns, facts.clone()).map(|client| {
            let egress = Egress::new(client.clone(), policy(config), facts);
            (client, egress)
        });
        if let Err(cause) = &names {
            tracing::warn!(event = "dns.unusable", %cause, "names can't be looked up");
        }
        let results = Arc::new(Results::new(config.times.tls_report.0, Some(core.data().join("tls-results"))));
        let evidence: Arc<dyn Evidence> = match &names {
            Ok((client, egress)) => {
                let file = Some(core.data().join("mta-sts.json"));
                let settings = StsSettings { file, ..StsSettings::default() };
                let sts = StsPolicies::new(client.clone(), egress.clone(), core.clock.clone(), settings);
                Arc::new(Transport::new(client, sts, results.clone(), core.clock.clone()))
            }
            Err(_) => Arc::new(NoEvidence),
        };
        let through = names.as_ref().ok().map(|(_, egress)| Through::new(config, core, egress.clone()));
        Self {
            lists: through.as_ref().map(Through::straight),
            through,
            names: names.map_err(|error| error.to_string()),
            evidence,
            results,
            period: config.times.tls_report.0,
            own_mail: super::own_mail(core),
        }
    }

    /// Names, as the route of outgoing mail asks for them: validated.
    #[must_use]
    pub fn resolver(&self) -> dns::Names {
        dns::Names(self.names.as_ref().map(|(client, _)| client.validating()).map_err(Clone::clone))
    }

    /// The same client, and its cache, for the checks of strangers and of their mail: not validated (0012-dns.md).
    ///
    /// # Errors
    /// Why there is none.
    pub fn names(&self) -> Result<Dns, String> {
        self.names.as_ref().map(|(client, _)| client.clone()).map_err(Clone::clone)
    }

    /// What is known of servers.
    #[must_use]
    pub fn evidence(&self) -> Arc<dyn Evidence> {
        self.evidence.clone()
    }

    /// What issuers have revoked.
    #[must_use]
    pub fn lists(&self) -> Option<Arc<dyn RevocationSource>> {
        self.lists.clone()
    }

    /// Makes the same behind a proxy.
    #[must_use]
    pub fn through(&self) -> Option<Through> {
        self.through.clone()
    }

    /// What is to be kept once more when the last session is over.
    #[must_use]
    pub fn learned(&self) -> Learned {
        Learned { results: self.results.clone(), evidence: self.evidence.clone() }
    }

    /// Sends TLS reports through this queue until `stop`, and keeps what is counted for them.
    pub async fn report(self, live: Live, clock: Arc<dyn Clock>, queue: Arc<Queue>, stop: CancellationToken) {
        let Ok((dns, egress)) = self.names else { return };
        let (facts, hostname) = (Arc::new(live) as Arc<dyn Facts>, super::own_name());
        let results = self.results.clone();
        let daily = Daily { results: self.results, dns, egress, facts, commit: queue, own_mail: self.own_mail, clock, hostname };
        let every = (self.period / LOOKS).clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        tokio::select! {
            () = daily.run(every) => {}
            () = keep_counts(results) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn keep_counts(results: Arc<Results>) {
    let mut turn = tokio::time::interval(KEEP_EVERY);
    loop {
        turn.tick().await;
        keep(results.clone()).await;
    }
}

/// What sessions with other servers taught us: counts for TLS reports, published policies.
pub struct Learned {
    results: Arc<Results>,
    evidence: Arc<dyn Evidence>,
}

impl Learned {
    /// Writes what is not on the disk yet, within this time.
    pub async fn keep(self, longest: Duration) {
        keep(self.results).await;
        if tokio::time::timeout(longest, self.evidence.settled()).await.is_err() {
            tracing::warn!(
                event = "sts.unkept",
                cause = "the disk did not take it in time",
                "a restart forgets the newest MTA-STS policies"
            );
        }
    }
}

/// Writes what was counted, if anything was.
async fn keep(results: Arc<Results>) {
    let kept = tokio::task::spawn_blocking(move || results.keep()).await;
    if let Err(cause) = kept.map_err(std::io::Error::other).flatten() {
        tracing::warn!(event = "tls.results_unkept", %cause, "what is counted for TLS reports can't be written; a restart forgets it");
    }
}

/// Makes what asks issuers, with or without a proxy. Each keeps its own lists.
#[derive(Clone)]
pub struct Through {
    egress: Egress,
    pool: CpuPool,
    clock: Arc<dyn Clock>,
    settings: ListSettings,
}

impl Through {
    fn new(config: &NodeConfig, core: &Core, egress: Egress) -> Self {
        let times = &config.times;
        let settings = ListSettings { fetch: times.crl_fetch.0, kept: times.crl_kept.0, rest: times.crl_rest.0, ..ListSettings::default() };
        Self { egress, pool: core.pool.clone(), clock: core.clock.clone(), settings }
    }

    /// Straight.
    fn straight(&self) -> Arc<dyn RevocationSource> {
        Arc::new(Lists::new(self.egress.clone(), self.pool.clone(), self.clock.clone(), self.settings))
    }

    /// Through this proxy.
    #[must_use]
    pub fn proxy(&self, proxy: Proxy) -> Arc<dyn RevocationSource> {
        Arc::new(Lists::new(self.egress.through(proxy), self.pool.clone(), self.clock.clone(), self.settings))
    }
}

fn policy(config: &NodeConfig) -> EgressPolicy {
    // Unknown words were refused when the file was read.
    let allowed = config.egress.allow.iter().filter_map(|allow| Some(Allowed { purpose: Purpose::parse(&allow.purpose)?, net: allow.net }));
    EgressPolicy::new(allowed.collect())
}
