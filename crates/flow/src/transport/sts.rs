//! MTA-STS policies of other domains: found, fetched, kept (RFC 8461 §3).
//!
//! A policy is kept for its `max_age`, in memory and in one file of the node, so that a restart does not open the window that
//! the standard closes. The TXT record is looked at for each connection (DNS keeps it); a new id means a new fetch. What can't be
//! fetched leaves the kept policy in force (§3.3: an attacker who blocks the fetch gains nothing), and without one there is
//! none. Never fetched over plain HTTP, never through a redirect. How long a policy holds is counted on a steady clock: whoever
//! can set this machine's time does not end a policy by it. The file holds times of the wall clock.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Budget, Clock, Limits, Timestamp};
use outside::dns::{Dns, DnsError};
use outside::egress::{Egress, EgressError, Purpose, Request};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use smtp::outbound::{StsPolicy, sts_id};

use super::sts_file::StsFile;
use super::turns::Turns;

/// How policies are fetched and kept.
#[derive(Debug, Clone)]
pub struct StsSettings {
    /// The file; none: nothing survives a restart.
    pub file: Option<PathBuf>,
    /// Longest time for a fetch (§3.3 suggests a minute).
    pub time: Duration,
    /// Largest policy (§3.3: 64 kB).
    pub size: usize,
    /// After a failed fetch the same domain is left alone so long (§3.3: five minutes or longer).
    pub rest: Duration,
    /// Policies that are kept.
    pub entries: usize,
}

impl Default for StsSettings {
    fn default() -> Self {
        Self { file: None, time: Duration::from_secs(30), size: 65_536, rest: Duration::from_secs(300), entries: 10_000 }
    }
}

/// What is known of one domain.
#[derive(Debug, Clone, Default)]
pub struct Sts {
    /// The policy in force.
    pub policy: Option<Arc<StsPolicy>>,
    /// The last fetch failed: the word of RFC 8460 §4.3 for it.
    pub trouble: Option<&'static str>,
}

/// See the file.
pub struct StsPolicies {
    dns: Dns,
    egress: Egress,
    clock: Arc<dyn Clock>,
    settings: StsSettings,
    kept: Arc<Mutex<HashMap<String, Kept>>>,
    file: Arc<StsFile>,
    /// One fetch of a domain at a time.
    fetching: Turns,
}

#[derive(Clone)]
struct Kept {
    id: String,
    policy: Option<Arc<StsPolicy>>,
    until: Timestamp,
    failed: Option<(Timestamp, &'static str)>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    domain: String,
    id: String,
    until: i64,
    policy: String,
}

impl StsPolicies {
    /// With what the file holds.
    #[must_use]
    pub fn new(dns: Dns, egress: Egress, clock: Arc<dyn Clock>, settings: StsSettings) -> Self {
        let kept = settings.file.as_ref().map(|file| read(file, clock.as_ref())).unwrap_or_default();
        let file = Arc::new(StsFile::new(settings.file.clone()));
        Self { dns, egress, clock, settings, kept: Arc::new(Mutex::new(kept)), file, fetching: Turns::default() }
    }

    /// The policy of a domain (A-labels, lower case) as of now.
    pub async fn of(&self, domain: &str) -> Sts {
        let id = match self.dns.txt(&format!("_mta-sts.{domain}")).await {
            Ok(answer) => sts_id(answer.found.iter().map(Vec::as_slice)),
            Err(DnsError::NoSuchName) => None,
            Err(error) => {
                tracing::debug!(domain, %error, "MTA-STS record not readable now");
                None
            }
        };
        let Some(id) = id else { return self.known(domain, None).unwrap_or_default() };
        if let Some(known) = self.known(domain, Some(&id)) {
            return known;
        }
        let _turn = self.fetching.take(domain).await;
        // Another delivery may have fetched it meanwhile.
        if let Some(known) = self.known(domain, Some(&id)) {
            return known;
        }
        let fetched = self.fetch(domain).await;
        self.keep(domain, id, fetched)
    }

    /// What is kept, if it serves: of any id when the record names none, of this id, or when a fetch failed just now.
    fn known(&self, domain: &str, id: Option<&str>) -> Option<Sts> {
        let now = self.clock.steady();
        let kept = self.kept.lock();
        let one = kept.get(domain)?;
        let policy = one.policy.clone().filter(|_| one.until > now);
        let resting = one.failed.filter(|(at, _)| now.since(*at) < self.settings.rest).map(|(_, word)| word);
        let serves = id.is_none_or(|id| one.id == id && policy.is_some()) || resting.is_some();
        serves.then_some(Sts { policy, trouble: resting })
    }

    async fn fetch(&self, domain: &str) -> Result<StsPolicy, &'static str> {
        let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
        let (size, time) = (self.settings.size, self.settings.time);
        let fetched = self.egress.fetch(&Request { purpose: Purpose::MtaSts, url: &url, body: None, size, time }).await;
        let fail = |word: &'static str, cause: String| {
            tracing::warn!(event = "sts.failed", domain, cause, "the MTA-STS policy can't be fetched; a kept one stays in force");
            word
        };
        let response = fetched.map_err(|error| {
            let word = if matches!(error, EgressError::Tls(_)) { "sts-webpki-invalid" } else { "sts-policy-fetch-error" };
            fail(word, error.to_string())
        })?;
        if response.status != 200 {
            return Err(fail("sts-policy-fetch-error", format!("status {}", response.status)));
        }
        if response.media_type != "text/plain" {
            return Err(fail("sts-policy-invalid", format!("media type {:?}", response.media_type)));
        }
        let budget = Budget::new(Limits { bytes: self.settings.size as u64, ..Limits::default() });
        StsPolicy::parse(&response.body, &budget).map_err(|error| fail("sts-policy-invalid", error.to_string()))
    }

    fn keep(&self, domain: &str, id: String, fetched: Result<StsPolicy, &'static str>) -> Sts {
        let now = self.clock.steady();
        let mut kept = self.kept.lock();
        let known = match fetched {
            Ok(policy) => {
                tracing::info!(event = "sts.policy", domain, id, mode = policy.mode.word(), max_age = policy.max_age);
                let until = now.after(Duration::from_secs(policy.max_age));
                let policy = Some(Arc::new(policy));
                kept.insert(domain.to_owned(), Kept { id, policy: policy.clone(), until, failed: None });
                Sts { policy, trouble: None }
            }
            Err(word) => {
                let one = kept.entry(domain.to_owned()).or_insert(Kept { id: String::new(), policy: None, until: now, failed: None });
                one.failed = Some((now, word));
                Sts { policy: one.policy.clone().filter(|_| one.until > now), trouble: Some(word) }
            }
        };
        self.make_room(&mut kept, now);
        drop(kept);
        self.write();
        known
    }

    /// Over the bound those go that end first; what is over goes anyway.
    fn make_room(&self, kept: &mut HashMap<String, Kept>, now: Timestamp) {
        if kept.len() <= self.settings.entries {
            return;
        }
        let rest = self.settings.rest;
        kept.retain(|_, one| one.until > now || one.failed.is_some_and(|(at, _)| now.since(at) < rest));
        while kept.len() > self.settings.entries {
            let Some(first) = kept.iter().min_by_key(|(_, one)| one.until).map(|(domain, _)| domain.clone()) else { return };
            kept.remove(&first);
        }
    }

    /// Returns when all that is kept is on the disk.
    pub async fn settled(&self) {
        self.file.settled().await;
    }

    /// Has the file written, beside the way of mail.
    fn write(&self) {
        let (kept, clock) = (Arc::clone(&self.kept), Arc::clone(&self.clock));
        self.file.changed(move || {
            let drift = clock.drift();
            let all: Vec<(String, Kept)> = kept.lock().iter().map(|(domain, one)| (domain.clone(), one.clone())).collect();
            let lines: Vec<Line> = all.iter().filter_map(|(domain, one)| line(domain, one, drift)).collect();
            serde_json::to_vec(&lines).map_err(std::io::Error::other)
        });
    }
}

fn line(domain: &str, one: &Kept, drift: i64) -> Option<Line> {
    let policy = one.policy.as_ref()?.lines().join("\n");
    Some(Line { domain: domain.to_owned(), id: one.id.clone(), until: one.until.moved(drift).0, policy })
}

fn read(file: &std::path::Path, clock: &dyn Clock) -> HashMap<String, Kept> {
    let (now, drift) = (clock.now(), clock.drift());
    let lines: Vec<Line> = std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let budget = Budget::new(Limits::default());
    let kept = lines.into_iter().filter(|line| line.until > now.0).filter_map(|line| {
        let policy = StsPolicy::parse(line.policy.as_bytes(), &budget).ok()?;
        let kept =
            Kept { id: line.id, policy: Some(Arc::new(policy)), until: Timestamp(line.until).moved(drift.saturating_neg()), failed: None };
        Some((line.domain, kept))
    });
    kept.collect()
}
