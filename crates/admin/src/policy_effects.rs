//! How many devices each policy would block now, on or off (console.md A-11).
//!
//! All devices are asked, in this node's memory, on a thread of their own; the answer is kept for a while, since a page that is
//! drawn twice must not look at two million devices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::device::Device;
use model::site::{MobilePolicy, PolicyKind, PolicyRule};
use model::{Access, Actor, Fault, Right, Site, Timestamp};
use parking_lot::Mutex;

use crate::Admin;
use crate::authorise::need;
use crate::error::internal;

/// An answer is this old at most.
const KEPT: Duration = Duration::from_secs(30);
/// Devices read at once where no node holds them in memory.
const AT_ONCE: u32 = 5_000;

/// The latest answer, and of which state of the site.
#[derive(Debug, Default)]
pub struct Counted(Mutex<Option<(Instant, i64, Effects)>>);

/// By policy key: the devices that it would block if it were the only one.
pub type Effects = BTreeMap<String, u64>;

impl Admin {
    /// How many devices each policy would block now. A kind without a row stands as its plain form, if it has one: without
    /// list and days.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn policy_effects(&self, actor: &Actor) -> Result<Effects, Fault> {
        need(actor, Right::MobilePolicies, Access::Read)?;
        let (site, now) = (self.mobile_site().await?, self.0.clock.now());
        if let Some((at, number, effects)) = &*self.1.0.lock()
            && at.elapsed() < KEPT
            && *number == site.number
            && self.0.live.is_some()
        {
            return Ok(effects.clone());
        }
        let mut tally = Tally::new(site.clone(), now);
        let effects = match &self.0.live {
            Some(live) => {
                let live = live.clone();
                let work = move || {
                    live.each_device(|device| tally.add(device));
                    tally.effects
                };
                tokio::task::spawn_blocking(work).await.map_err(internal)?
            }
            None => {
                let mut after: Option<(String, String)> = None;
                loop {
                    let from = after.as_ref().map(|(user, id)| (user.as_str(), id.as_str()));
                    let facts = store::devices::facts(self.store(), from, AT_ONCE).await?;
                    let Some((_, last)) = facts.last()? else { break };
                    after = Some(last);
                    facts.devices().try_for_each(|device| device.map(|device| tally.add(&device)))?;
                }
                tally.effects
            }
        };
        *self.1.0.lock() = Some((Instant::now(), site.number, effects.clone()));
        Ok(effects)
    }
}

/// Asks each policy about each device.
struct Tally {
    site: Arc<Site>,
    now: Timestamp,
    rules: Vec<(String, Arc<PolicyRule>)>,
    effects: Effects,
}

impl Tally {
    fn new(site: Arc<Site>, now: Timestamp) -> Self {
        let blocking = site.policies.iter().filter(|((kind, _), _)| !kind.is_of_content());
        let mut rules: Vec<_> = blocking.map(|((_, key), rule)| (key.clone(), rule.clone())).collect();
        for kind in PolicyKind::ALL.into_iter().filter(|kind| plain(*kind)) {
            if !site.policies.keys().any(|(known, _)| *known == kind) {
                rules.extend(PolicyRule::new(MobilePolicy::of(kind)).map(|rule| (kind.word().to_owned(), Arc::new(rule))));
            }
        }
        let effects = rules.iter().map(|(key, _)| (key.clone(), 0)).collect();
        Self { site, now, rules, effects }
    }

    fn add(&mut self, device: &Device) {
        for (key, rule) in &self.rules {
            if mobile::would_block(rule, device, &self.site, self.now) {
                *self.effects.entry(key.clone()).or_default() += 1;
            }
        }
    }
}

/// True for the kinds that say something without a list and without days.
const fn plain(kind: PolicyKind) -> bool {
    !kind.is_of_content() && !kind.has_list() && !matches!(kind, PolicyKind::Inactivity)
}
