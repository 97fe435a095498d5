//! What became of each session with a next hop, counted by day and policy domain (RFC 8460 §4.3).
//!
//! Soft state: bounded in number, this node's own, written to a file every few seconds (`kept`), so that a restart loses no day. A day is
//! a day of UTC. Only the numbers that a report shows are kept: no sender, no recipient, no mail.

mod kept;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::Duration;

use model::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use smtp::outbound::StsPolicy;

/// Domains of one day that are counted; more are left out.
const DOMAINS_MAX: usize = 10_000;
/// Policies of one domain that are told apart; more are left out: a zone may show another one each time.
const POLICIES_MAX: usize = 4;
/// Kinds of failure of one policy that are told apart; more are left out.
const KINDS_MAX: usize = 100;

/// Results by policy domain.
pub type ByDomain = Vec<(String, Vec<PolicyResults>)>;

/// The policy that a session was under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    /// `tlsa`, `sts` or `no-policy-found`.
    pub policy_type: Cow<'static, str>,
    /// The records or the lines of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_string: Vec<String>,
    /// The domain that published it.
    pub policy_domain: String,
    /// The MX patterns of an MTA-STS policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mx_host: Vec<String>,
}

impl Policy {
    /// No policy.
    #[must_use]
    pub fn none(domain: &str) -> Self {
        Self { policy_type: "no-policy-found".into(), policy_string: Vec::new(), policy_domain: domain.to_owned(), mx_host: Vec::new() }
    }

    /// An MTA-STS policy.
    #[must_use]
    pub fn sts(domain: &str, policy: &StsPolicy) -> Self {
        let (policy_string, mx_host) = (policy.lines(), policy.mx.clone());
        Self { policy_type: "sts".into(), policy_string, policy_domain: domain.to_owned(), mx_host }
    }

    /// TLSA records, each as a zone file writes it.
    #[must_use]
    pub fn tlsa(domain: &str, records: Vec<String>) -> Self {
        Self { policy_type: "tlsa".into(), policy_string: records, policy_domain: domain.to_owned(), mx_host: Vec::new() }
    }
}

/// How a session failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    /// A word of RFC 8460 §4.3.
    pub result: Cow<'static, str>,
    /// The MX host.
    pub host: String,
    /// Its address, if it was come so far.
    pub address: Option<IpAddr>,
    /// Words for people.
    pub reason: String,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    good: u64,
    bad: BTreeMap<Failure, u64>,
}

impl Counts {
    fn all(&self) -> u64 {
        self.good + self.bad.values().sum::<u64>()
    }
}

type Day = i64;
type Domains = HashMap<String, OfDomain>;

#[derive(Default)]
struct OfDomain {
    policies: BTreeMap<Policy, Counts>,
    /// Mails with reports that went to this domain.
    reports: u64,
}

/// See the file.
pub struct Results {
    /// Microseconds.
    period: i64,
    days: Mutex<BTreeMap<Day, Domains>>,
    /// Where the counts survive a restart; none: nowhere.
    file: Option<PathBuf>,
    /// They changed since the file was written.
    changed: AtomicBool,
}

/// One time that a report covers, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first second.
    pub start: Timestamp,
    /// Its last second.
    pub end: Timestamp,
}

/// One line of a report's `failure-details`.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct FailureDetails {
    result_type: Cow<'static, str>,
    receiving_mx_hostname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_ip: Option<IpAddr>,
    failed_session_count: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    failure_reason_code: String,
}

/// The sums of one policy.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
pub struct Summary {
    /// Sessions that went as the policy wants.
    #[serde(rename = "total-successful-session-count")]
    pub good: u64,
    /// Sessions that did not.
    #[serde(rename = "total-failure-session-count")]
    pub bad: u64,
}

/// What a report says of one policy.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyResults {
    /// Which.
    pub policy: Policy,
    /// The sums.
    pub summary: Summary,
    /// Each kind of failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure_details: Vec<FailureDetails>,
}

impl Results {
    /// Counts by periods of this length, from 1970 on; the standard's is a day (RFC 8460 §4.1). `file` holds what was counted before.
    #[must_use]
    pub fn new(period: Duration, file: Option<PathBuf>) -> Self {
        let period = i64::try_from(period.as_micros()).unwrap_or(i64::MAX).max(1_000_000);
        let days = file.as_ref().map(|file| kept::read(file, period)).unwrap_or_default();
        Self { period, days: Mutex::new(days), file, changed: AtomicBool::new(false) }
    }

    /// Writes the file, if anything has changed. Blocks while it writes.
    ///
    /// # Errors
    /// The disk's; the next call tries again.
    pub fn keep(&self) -> std::io::Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| self.changed.swap(false, AcqRel)) else { return Ok(()) };
        let octets = kept::octets(&self.days.lock(), self.period)?;
        kept::write(file, &octets).inspect_err(|_| self.changed.store(true, Release))
    }

    const fn day_of(&self, time: Timestamp) -> Day {
        time.0.div_euclid(self.period)
    }

    /// Counts one session.
    pub fn note(&self, now: Timestamp, policy: &Policy, failure: Option<Failure>) {
        let mut days = self.days.lock();
        let domains = days.entry(self.day_of(now)).or_default();
        if domains.len() >= DOMAINS_MAX && !domains.contains_key(&policy.policy_domain) {
            return;
        }
        let policies = &mut domains.entry(policy.policy_domain.clone()).or_default().policies;
        if policies.len() >= POLICIES_MAX && !policies.contains_key(policy) {
            return;
        }
        let counts = policies.entry(policy.clone()).or_default();
        match failure {
            None => counts.good += 1,
            Some(kind) if counts.bad.len() < KINDS_MAX || counts.bad.contains_key(&kind) => *counts.bad.entry(kind).or_default() += 1,
            Some(_) => {}
        }
        self.changed.store(true, Release);
    }

    /// A report goes to this domain by mail. A domain to which nothing else went is not reported on, or each report would
    /// call for the next one.
    pub fn note_report(&self, now: Timestamp, domain: &str) {
        self.days.lock().entry(self.day_of(now)).or_default().entry(domain.to_owned()).or_default().reports += 1;
        self.changed.store(true, Release);
    }

    /// The oldest period that is over at `now`, with its domains. It stays until [`Self::told`].
    #[must_use]
    pub fn over(&self, now: Timestamp) -> Option<(Period, ByDomain)> {
        let today = self.day_of(now);
        let days = self.days.lock();
        let (day, domains) = days.first_key_value().filter(|(day, _)| **day < today)?;
        let start = day.saturating_mul(self.period);
        let period = Period { start: Timestamp(start), end: Timestamp(start.saturating_add(self.period - 1_000_000)) };
        let told = domains.iter().filter(|(_, one)| one.policies.values().map(Counts::all).sum::<u64>() > one.reports);
        Some((period, told.map(|(domain, one)| (domain.clone(), one.policies.iter().map(sum).collect())).collect()))
    }

    /// Forgets a period whose reports are sent.
    pub fn told(&self, period: Period) {
        self.days.lock().remove(&self.day_of(period.start));
        self.changed.store(true, Release);
    }
}

fn sum((policy, counts): (&Policy, &Counts)) -> PolicyResults {
    let summary = Summary { good: counts.good, bad: counts.bad.values().sum() };
    let details = counts.bad.iter().map(|(kind, count)| FailureDetails {
        result_type: kind.result.clone(),
        receiving_mx_hostname: kind.host.clone(),
        receiving_ip: kind.address,
        failed_session_count: *count,
        failure_reason_code: kind.reason.clone(),
    });
    PolicyResults { policy: policy.clone(), summary, failure_details: details.collect() }
}

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
