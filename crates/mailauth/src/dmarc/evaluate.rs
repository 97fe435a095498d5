//! Finding the policy by the tree walk of RFC 9989 §4.10, and comparing what was authenticated with From (§4.4).
//!
//! The tree walk asks at most eight names a domain; a domain below the author's organizational domain is the only one
//! whose walk can lead to the same, so others are not walked.

use super::record::{Policy, Record, Suffix};
use crate::dkim::DkimResult;
use crate::domain;
use crate::resolver::{Family, LookupError, Resolver};
use crate::spf::SpfResult;
use crate::verdict::Verdict;

/// Names that one walk asks (§4.10).
const STEPS_MAX: usize = 8;

/// What the other checks found.
#[derive(Debug, Clone, Copy)]
pub struct Identifiers<'a> {
    /// Domain in From, in any spelling.
    pub author: &'a str,
    /// SPF's result.
    pub spf: &'a SpfResult,
    /// DKIM's results.
    pub dkim: &'a [DkimResult],
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DmarcResult {
    /// `none` (no policy), `pass`, `fail`, `temperror`, `permerror`.
    pub verdict: Verdict,
    /// The wish of the domain's owner, in case of `fail`.
    pub policy: Policy,
    /// The domain in From, normal.
    pub author: String,
}

/// Evaluates DMARC for one author domain.
pub async fn evaluate(resolver: &dyn Resolver, identifiers: Identifiers<'_>) -> DmarcResult {
    let Some(author) = domain::normal(identifiers.author) else {
        return DmarcResult { verdict: Verdict::PermError, policy: Policy::None, author: identifiers.author.to_owned() };
    };
    let (verdict, policy) = match judge(resolver, &author, identifiers).await {
        Ok(found) => found,
        Err(LookupError(_)) => (Verdict::TempError, Policy::None),
    };
    DmarcResult { verdict, policy, author }
}

async fn judge(resolver: &dyn Resolver, author: &str, identifiers: Identifiers<'_>) -> Result<(Verdict, Policy), LookupError> {
    let walk = Walk::from(resolver, author).await?;
    let Some((record, own)) = walk.policy_record() else {
        return if walk.broken_at.is_some() {
            Err(LookupError("no answer above the author's domain".to_owned()))
        } else {
            Ok((Verdict::None, Policy::None))
        };
    };
    let policy = if own {
        record.for_itself()
    } else {
        // Only a policy for names that don't exist makes it matter whether this one does.
        let exists = record.non_existent.is_none() || exists(resolver, author).await?;
        record.for_subdomain(exists)
    };
    let mut unsure = false;
    let spf = identifiers.spf;
    let candidates = std::iter::once((spf.verdict, &spf.domain, record.strict_spf))
        .chain(identifiers.dkim.iter().map(|result| (result.verdict, &result.domain, record.strict_dkim)));
    for (verdict, candidate, strict) in candidates {
        if !matches!(verdict, Verdict::Pass | Verdict::TempError) {
            continue;
        }
        let aligned = walk.aligned(resolver, candidate, strict).await?;
        if aligned == Some(false) {
            continue;
        }
        if verdict == Verdict::Pass && aligned == Some(true) {
            return Ok((Verdict::Pass, policy));
        }
        unsure = true;
    }
    Ok((if unsure { Verdict::TempError } else { Verdict::Fail }, policy))
}

async fn exists(resolver: &dyn Resolver, name: &str) -> Result<bool, LookupError> {
    Ok(!resolver.addresses(name, Family::V4).await?.is_empty()
        || !resolver.mx(name).await?.is_empty()
        || !resolver.addresses(name, Family::V6).await?.is_empty())
}

/// The records on the way from a domain to the root, in that order.
struct Walk {
    start: String,
    found: Vec<(String, Record)>,
    /// Where the DNS gave no answer; the walk ended there.
    broken_at: Option<String>,
}

impl Walk {
    async fn from(resolver: &dyn Resolver, start: &str) -> Result<Self, LookupError> {
        let (mut found, mut broken_at) = (Vec::new(), None);
        for name in steps(start) {
            let record = match record_at(resolver, &name).await {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) if name == start => return Err(error),
                Err(_) => {
                    broken_at = Some(name);
                    break;
                }
            };
            let last = record.suffix != Suffix::Unsaid;
            found.push((name, record));
            if last {
                break;
            }
        }
        Ok(Self { start: start.to_owned(), found, broken_at })
    }

    /// Does this domain speak for the start? `None`: what would tell gave no answer.
    async fn aligned(&self, resolver: &dyn Resolver, candidate: &str, strict: bool) -> Result<Option<bool>, LookupError> {
        if candidate == self.start {
            return Ok(Some(true));
        }
        if strict {
            return Ok(Some(false));
        }
        if let Some(above) = &self.broken_at {
            return Ok(if domain::within(candidate, above) { None } else { Some(false) });
        }
        let organization = self.organization();
        if !domain::within(candidate, &organization) {
            return Ok(Some(false));
        }
        Ok(Some(candidate == organization || Self::from(resolver, candidate).await?.organization() == organization))
    }

    /// RFC 9989 §4.10.2.
    fn organization(&self) -> String {
        if let Some((name, record)) = self.found.last() {
            match record.suffix {
                Suffix::Yes if *name != self.start => return below(&self.start, name),
                _ => return name.clone(),
            }
        }
        self.start.clone()
    }

    /// The record that rules, and whether it is the start's own (§4.10.1).
    fn policy_record(&self) -> Option<(&Record, bool)> {
        let at = |wanted: &str| self.found.iter().find(|(name, _)| name == wanted).map(|(_, record)| record);
        if let Some(record) = at(&self.start) {
            return Some((record, true));
        }
        at(&self.organization()).or_else(|| self.found.last().map(|(_, record)| record)).map(|record| (record, false))
    }
}

/// The ancestor of `start` that is one label longer than `suffix`.
fn below(start: &str, suffix: &str) -> String {
    let front = start.strip_suffix(suffix).unwrap_or(start).trim_end_matches('.');
    let label = front.rsplit_once('.').map_or(front, |(_, label)| label);
    format!("{label}.{suffix}")
}

/// The domain, and its parents down to one label; of a long name the middle is left out.
fn steps(start: &str) -> Vec<String> {
    let labels: Vec<&str> = start.split('.').collect();
    let mut steps = vec![start.to_owned()];
    let longest = (labels.len().saturating_sub(1)).min(STEPS_MAX - 1);
    for count in (1..=longest).rev() {
        steps.push(labels.get(labels.len() - count..).unwrap_or_default().join("."));
    }
    steps
}

/// More than one record is as good as none (§4.7).
async fn record_at(resolver: &dyn Resolver, name: &str) -> Result<Option<Record>, LookupError> {
    let asked = format!("_dmarc.{name}");
    if !domain::is_name(&asked) {
        return Ok(None);
    }
    let texts = resolver.txt(&asked).await?;
    let mut records = texts.iter().filter_map(|text| Record::parse(text));
    match (records.next(), records.next()) {
        (Some(record), None) => Ok(Some(record)),
        _ => Ok(None),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
