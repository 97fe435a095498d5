//! The compliance engine (mobile-gateway.md G-13): what the policies say of devices now, without waiting for their next request.
//!
//! One device is judged in the transaction that changes something about it: a ruling, what its management reports. Many are
//! judged by a job, a page at a time, so that it survives the node that began it. The gates themselves need neither: they
//! judge each request by the same facts, and hanging ones when a fact changes. What a run changes is what lists and counts say.

use std::sync::Arc;
use std::time::Duration;

use model::device::Decision;
use model::site::Section;
use model::{Access, Actor, Fault, Right, Site, Timestamp};
use store::Tx;
use store::devices::{DeviceRow, Filter};
use store::jobs::{self, Claim, Job, Retry};

use crate::authorise::need;
use crate::devices::{DeviceName, at_most};
use crate::error::bad_field;
use crate::{Admin, audit};

/// The job's kind.
pub const KIND: &str = "compliance";
/// The job's key for all devices; no configuration has this id.
const ALL: &str = "*";
/// How long a run may take without a word before another node takes it over.
const LEASE: Duration = Duration::from_secs(120);
/// Devices judged at once.
const AT_ONCE: u32 = 1_000;
/// Tries of a run before it is given up and shown as failed.
const TRIES: u32 = 5;

/// Whom a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// These, at once.
    Devices(Vec<DeviceName>),
    /// Those whose latest request came by this configuration, by a job.
    Gateway(String),
    /// All, by a job.
    All,
}

/// What became of the wish for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It is done; so many devices stand otherwise than before.
    Done(u64),
    /// It is ordered.
    Ordered,
}

/// Policies and time by which devices are judged.
pub(crate) struct Bench {
    site: Arc<Site>,
    now: Timestamp,
}

impl Bench {
    /// Judges these devices as the transaction sees them, and keeps what came of it.
    pub(crate) async fn judge(&self, tx: &mut Tx, names: &[DeviceName]) -> Result<u64, Fault> {
        let mut rows = Vec::with_capacity(names.len());
        for name in names {
            rows.extend(store::devices::get(&mut *tx, &name.user, &name.id).await?);
        }
        self.keep(tx, &rows).await
    }

    async fn keep(&self, tx: &mut Tx, rows: &[DeviceRow]) -> Result<u64, Fault> {
        let judged = rows.iter().filter(|row| self.differs(row));
        let judged: Vec<_> = judged.map(|row| (row.device.user.clone(), row.device.id.clone(), self.decide(row))).collect();
        store::devices::judged(tx, &judged).await
    }

    fn decide(&self, row: &DeviceRow) -> Decision {
        mobile::standing(&row.device, &row.gateway, &self.site, self.now)
    }

    fn differs(&self, row: &DeviceRow) -> bool {
        let decision = self.decide(row);
        row.last_allowed != Some(decision.allowed) || row.last_reason != decision.reason.code()
    }
}

/// Orders a run in a transaction: of one configuration, or, with an empty id, of all devices.
pub(crate) async fn order(tx: &mut Tx, gateway: &str) -> Result<(), Fault> {
    let key = if gateway.is_empty() { ALL } else { gateway };
    jobs::order(tx, KIND, key, "", Duration::ZERO, TRIES).await.map(drop)
}

impl Admin {
    /// Runs the engine for some devices, or orders a run for many.
    ///
    /// # Errors
    /// `bad-field`; without the right; when the store is away.
    pub async fn compliance_run(&self, actor: &Actor, whom: &Whom) -> Result<Run, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        let (gateway, what) = match whom {
            Whom::Devices(names) => {
                at_most(names)?;
                let (bench, names) = (self.bench().await?, names.clone());
                let write = self.store().write(move |tx| Box::pin(async move { bench.judge(tx, &names).await }));
                return write.await.map(Run::Done);
            }
            Whom::Gateway(id) if store::site::get(self.store(), Section::Gateway, id).await?.is_none() => {
                return Err(bad_field("gateway", "expected the id of a configuration"));
            }
            Whom::Gateway(id) => (id.clone(), format!("compliance/{id}")),
            Whom::All => (String::new(), "compliance/all".to_owned()),
        };
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                order(tx, &gateway).await?;
                audit::note(tx, &actor, &what, None, Some(r#"{"run":"ordered"}"#)).await
            })
        });
        write.await.map(|()| Run::Ordered)
    }

    /// Runs that wait, run, or were given up. None: nothing is to be done.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn compliance_state(&self, actor: &Actor) -> Result<Vec<Job>, Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        jobs::list(self.store(), KIND, 100).await
    }

    /// Takes what is ordered and does it; the program calls it again and again, on every node. Returns how many runs it did.
    ///
    /// # Errors
    /// When the store is away: the run is done again later.
    pub async fn compliance_work(&self) -> Result<u64, Fault> {
        // Reads are cheap and claims are writes: most of the time there is nothing.
        if jobs::next_due(self.store(), KIND).await?.is_none() {
            return Ok(0);
        }
        let mut done = 0;
        for claim in self.store().claim_jobs(KIND, LEASE, 1).await? {
            match self.compliance_all(&claim).await {
                Ok(Some((judged, changed))) => {
                    let whom = claim.key.clone();
                    self.store().finish_job(claim).await?;
                    tracing::info!(event = "job.done", kind = KIND, whom, judged, changed);
                    done += 1;
                }
                Ok(None) => tracing::warn!(event = "job.lost", kind = KIND, "another node has taken this run over"),
                Err(fault) => {
                    let retry = Retry { first: Duration::from_secs(5), longest: LEASE };
                    self.store().fail_job(claim, &fault.cause, retry).await?;
                }
            }
        }
        Ok(done)
    }

    /// Judges all devices of a claim; `None` if its lease was lost. How many were judged, and how many changed.
    async fn compliance_all(&self, claim: &Claim) -> Result<Option<(u64, u64)>, Fault> {
        let gateway = if claim.key == ALL { String::new() } else { claim.key.clone() };
        let filter = Filter { gateway, ..Filter::default() };
        let (mut after, mut judged, mut changed) = (String::new(), 0, 0);
        loop {
            let page = store::devices::page(self.store(), &filter, &after, AT_ONCE).await?;
            let bench = self.bench().await?;
            let rows: Vec<DeviceRow> = page.rows.into_iter().collect();
            judged += rows.len() as u64;
            if rows.iter().any(|row| row.device.last_seen.0 > 0 && bench.differs(row)) {
                changed += self.store().write(move |tx| Box::pin(async move { bench.keep(tx, &rows).await })).await?;
            }
            if judged % 50_000 < u64::from(AT_ONCE) && !self.store().renew_job(claim, LEASE).await? {
                return Ok(None);
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(Some((judged, changed))),
            }
        }
    }

    /// The policies as they are in force here now.
    pub(crate) async fn bench(&self) -> Result<Bench, Fault> {
        Ok(Bench { site: self.mobile_site().await?, now: self.0.clock.now() })
    }

    /// The part of the site that devices are judged by: this node's memory, or, with no node running, the store's.
    pub(crate) async fn mobile_site(&self) -> Result<Arc<Site>, Fault> {
        use model::ports::Facts;
        if let Some(live) = &self.0.live {
            return Ok(live.site());
        }
        let mut site = Site::default();
        for section in [Section::Policy, Section::Gateway, Section::Mobile] {
            for row in store::site::section(self.store(), section).await? {
                site.apply(&row)?;
            }
        }
        Ok(Arc::new(site))
    }
}
