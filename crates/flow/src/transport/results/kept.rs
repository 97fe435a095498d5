//! The counts in their file: a versioned header and JSON, written anew as a whole.
//!
//! Not sealed: it names domains that mail went to and says how often, as the MTA-STS policies beside it do; no person. A file that can't
//! be read costs the counts in it and nothing else.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use model::Timestamp;
use model::format::Format;
use serde::{Deserialize, Serialize};

use super::{Counts, Day, Domains, Failure, OfDomain, Policy};

const FORMAT: Format = Format { magic: *b"SGtr", version: 1, name: "list of TLS results" };

#[derive(Serialize, Deserialize)]
struct StoredDay {
    /// Its first instant.
    start: Timestamp,
    domains: Vec<StoredDomain>,
}

#[derive(Serialize, Deserialize)]
struct StoredDomain {
    domain: String,
    #[serde(default)]
    reports: u64,
    policies: Vec<StoredPolicy>,
}

#[derive(Serialize, Deserialize)]
struct StoredPolicy {
    policy: Policy,
    good: u64,
    #[serde(default)]
    bad: Vec<(Failure, u64)>,
}

/// What the file is to hold.
pub(super) fn octets(days: &BTreeMap<Day, Domains>, period: i64) -> std::io::Result<Vec<u8>> {
    let policy = |(policy, counts): (&Policy, &Counts)| StoredPolicy {
        policy: policy.clone(),
        good: counts.good,
        bad: counts.bad.iter().map(|(kind, count)| (kind.clone(), *count)).collect(),
    };
    let domain = |(domain, one): (&String, &OfDomain)| StoredDomain {
        domain: domain.clone(),
        reports: one.reports,
        policies: one.policies.iter().map(policy).collect(),
    };
    let day = |(day, domains): (&Day, &Domains)| StoredDay {
        start: Timestamp(day.saturating_mul(period)),
        domains: domains.iter().map(domain).collect(),
    };
    let stored: Vec<StoredDay> = days.iter().map(day).collect();
    let mut octets = FORMAT.header().to_vec();
    serde_json::to_writer(&mut octets, &stored)?;
    Ok(octets)
}

/// Puts them in the place of what is there; a power cut leaves one or the other.
pub(super) fn write(file: &Path, octets: &[u8]) -> std::io::Result<()> {
    let fresh = file.with_extension("new");
    let mut out = std::fs::File::create(&fresh)?;
    out.write_all(octets)?;
    out.sync_data()?;
    std::fs::rename(&fresh, file)
}

/// What the file holds, by periods of this length: another one than before moves a day's counts to the period of its first instant.
pub(super) fn read(file: &Path, period: i64) -> BTreeMap<Day, Domains> {
    let octets = match std::fs::read(file) {
        Ok(octets) => octets,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return BTreeMap::new(),
        Err(error) => return unread(&error),
    };
    let stored: Vec<StoredDay> = match FORMAT.read(&octets).map(|(_, json)| serde_json::from_slice(json)) {
        Ok(Ok(stored)) => stored,
        Ok(Err(error)) => return unread(&error),
        Err(error) => return unread(&error),
    };
    let mut days: BTreeMap<Day, Domains> = BTreeMap::new();
    for day in stored {
        let domains = days.entry(day.start.0.div_euclid(period)).or_default();
        for StoredDomain { domain, reports, policies } in day.domains {
            let one = domains.entry(domain).or_default();
            one.reports += reports;
            for StoredPolicy { policy, good, bad } in policies {
                let counts = one.policies.entry(policy).or_default();
                counts.good += good;
                bad.into_iter().for_each(|(kind, count)| *counts.bad.entry(kind).or_default() += count);
            }
        }
    }
    days
}

fn unread(cause: &dyn std::fmt::Display) -> BTreeMap<Day, Domains> {
    tracing::warn!(event = "tls.results_lost", %cause, "what was counted for TLS reports can't be read; it begins anew");
    BTreeMap::new()
}
