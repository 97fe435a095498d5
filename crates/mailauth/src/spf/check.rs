//! `check_host()` (RFC 7208 §4): evaluates records term by term, asking the DNS as it goes.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use model::Timestamp;

use super::macros::{Template, Values};
use super::record::{self, Directive, Hosts, Mechanism, Record};
use crate::domain;
use crate::resolver::{Family, Resolver};
use crate::verdict::Verdict;

/// Terms that ask the DNS, in one evaluation (§4.6.4).
const TERMS_MAX: usize = 10;
/// Of these, that may find nothing.
const VOID_MAX: usize = 2;
/// Hosts of an MX, names of an address.
const NAMES_MAX: usize = 10;
/// Octets of an explanation; it may come to stand in a reply.
const EXPLANATION_MAX: usize = 400;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The client.
    pub address: IpAddr,
    /// What it said in HELO or EHLO.
    pub helo: &'a str,
    /// MAIL FROM without angle brackets; empty for the null sender.
    pub sender: &'a str,
    /// Our own name, for explanations.
    pub receiver: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpfResult {
    /// The word.
    pub verdict: Verdict,
    /// The domain that was asked, normal where it is a name.
    pub domain: String,
    /// True if HELO was asked, since there is no sender (§2.4).
    pub by_helo: bool,
    /// The domain's own words for a `fail`; printable ASCII, at most 400 octets, by a stranger.
    pub explanation: Option<String>,
}

/// Evaluates the policy of the sender's domain, of HELO for a null sender.
pub async fn check_host(resolver: &dyn Resolver, query: Query<'_>) -> SpfResult {
    let by_helo = query.sender.is_empty();
    let (local, host) = if by_helo { ("postmaster", query.helo) } else { query.sender.rsplit_once('@').unwrap_or(("", query.sender)) };
    let local = if local.is_empty() { "postmaster" } else { local };
    let Some(name) = domain::normal(host).filter(|name| name.contains('.') && !name.contains(['[', ']', ':'])) else {
        return SpfResult { domain: host.to_owned(), by_helo, ..SpfResult::default() };
    };
    let address = query.address.to_canonical();
    let fixed = Fixed { resolver, query, address, local, sender_domain: host };
    let mut run = Run { fixed, terms: 0, voids: 0, client_name: None };
    let outcome = run.evaluate(name.clone(), 0).await;
    let explanation = match (outcome.verdict, outcome.explain) {
        (Verdict::Fail, Some((template, current))) => run.explanation(&template, &current).await,
        _ => None,
    };
    SpfResult { verdict: outcome.verdict, domain: name, by_helo, explanation }
}

/// What stays the same for the whole evaluation.
struct Fixed<'a> {
    resolver: &'a dyn Resolver,
    query: Query<'a>,
    address: IpAddr,
    local: &'a str,
    sender_domain: &'a str,
}

struct Run<'a> {
    fixed: Fixed<'a>,
    terms: usize,
    voids: usize,
    /// Verified name of the client, once it was asked for.
    client_name: Option<String>,
}

/// One record's result.
struct Outcome {
    verdict: Verdict,
    /// The explanation's template and the domain that it belongs to.
    explain: Option<(Template, String)>,
}

/// Ends the evaluation at once.
struct Stop(Verdict);

type Evaluated<'f> = Pin<Box<dyn Future<Output = Outcome> + Send + 'f>>;

impl Run<'_> {
    fn evaluate(&mut self, name: String, depth: usize) -> Evaluated<'_> {
        Box::pin(async move {
            match self.record(&name, depth).await {
                Ok(outcome) => outcome,
                Err(Stop(verdict)) => Outcome { verdict, explain: None },
            }
        })
    }

    async fn record(&mut self, name: &str, depth: usize) -> Result<Outcome, Stop> {
        let record = self.fetch(name).await?;
        for Directive { result, mechanism } in &record.directives {
            if self.matches(mechanism, name, depth).await? {
                let explain = record.explanation.clone().map(|template| (template, name.to_owned()));
                return Ok(Outcome { verdict: *result, explain });
            }
        }
        let Some(redirect) = &record.redirect else { return Ok(Outcome { verdict: Verdict::Neutral, explain: None }) };
        self.count_term()?;
        let target = self.fill(redirect, name).await;
        let target = domain::target(&target).ok_or(Stop(Verdict::PermError))?;
        let outcome = self.evaluate(target, depth + 1).await;
        if outcome.verdict == Verdict::None { Err(Stop(Verdict::PermError)) } else { Ok(outcome) }
    }

    async fn fetch(&self, name: &str) -> Result<Record, Stop> {
        let records = self.fixed.resolver.txt(name).await.map_err(|_| Stop(Verdict::TempError))?;
        let mut policies = records.iter().filter(|text| record::is_record(text));
        let policy = policies.next().ok_or(Stop(Verdict::None))?;
        if policies.next().is_some() {
            return Err(Stop(Verdict::PermError));
        }
        record::parse(policy).map_err(|_| Stop(Verdict::PermError))
    }

    async fn matches(&mut self, mechanism: &Mechanism, name: &str, depth: usize) -> Result<bool, Stop> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, bits) => Ok(contains(IpAddr::V4(*network), *bits, self.fixed.address)),
            Mechanism::Ip6(network, bits) => Ok(contains(IpAddr::V6(*network), *bits, self.fixed.address)),
            Mechanism::Include(target) => self.include(target, name, depth).await,
            Mechanism::A(hosts) => {
                self.count_term()?;
                let target = self.target(hosts.domain.as_ref(), name).await;
                self.host_matches(&target, hosts).await
            }
            Mechanism::Mx(hosts) => self.mx(hosts, name).await,
            Mechanism::Ptr(target) => self.ptr(target.as_ref(), name).await,
            Mechanism::Exists(target) => {
                self.count_term()?;
                let target = self.fill(target, name).await;
                // Always an A record, whatever the client's family is (§5.7).
                Ok(!self.addresses(&target, Family::V4).await?.is_empty())
            }
        }
    }

    async fn include(&mut self, target: &Template, name: &str, depth: usize) -> Result<bool, Stop> {
        self.count_term()?;
        let target = self.fill(target, name).await;
        let Some(target) = domain::target(&target) else { return Err(Stop(Verdict::PermError)) };
        match self.evaluate(target, depth + 1).await.verdict {
            Verdict::Pass => Ok(true),
            Verdict::Fail | Verdict::SoftFail | Verdict::Neutral => Ok(false),
            Verdict::TempError => Err(Stop(Verdict::TempError)),
            _ => Err(Stop(Verdict::PermError)),
        }
    }

    async fn mx(&mut self, hosts: &Hosts, name: &str) -> Result<bool, Stop> {
        self.count_term()?;
        let target = self.target(hosts.domain.as_ref(), name).await;
        let Some(target) = domain::target(&target) else { return Ok(false) };
        let exchangers = self.fixed.resolver.mx(&target).await.map_err(|_| Stop(Verdict::TempError))?;
        self.count_void(exchangers.is_empty())?;
        if exchangers.len() > NAMES_MAX {
            return Err(Stop(Verdict::PermError));
        }
        for exchanger in exchangers {
            if self.host_matches(&exchanger, hosts).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn ptr(&mut self, target: Option<&Template>, name: &str) -> Result<bool, Stop> {
        self.count_term()?;
        let target = self.target(target, name).await.to_ascii_lowercase();
        let names = self.verified_names().await;
        Ok(names.iter().any(|client| domain::within(client, &target)))
    }

    /// The client's names whose addresses lead back to it (§5.5); failures find nothing.
    async fn verified_names(&mut self) -> Vec<String> {
        let Ok(names) = self.fixed.resolver.names(self.fixed.address).await else { return Vec::new() };
        let mut verified = Vec::new();
        for name in names.iter().filter_map(|name| domain::normal(name)).take(NAMES_MAX) {
            let addresses = self.fixed.resolver.addresses(&name, self.family()).await.unwrap_or_default();
            if addresses.contains(&self.fixed.address) {
                verified.push(name);
            }
        }
        verified
    }

    async fn host_matches(&mut self, host: &str, hosts: &Hosts) -> Result<bool, Stop> {
        let bits = if self.fixed.address.is_ipv4() { hosts.bits_v4 } else { hosts.bits_v6 };
        let addresses = self.addresses(host, self.family()).await?;
        Ok(addresses.iter().any(|address| contains(*address, bits, self.fixed.address)))
    }

    async fn addresses(&mut self, host: &str, family: Family) -> Result<Vec<IpAddr>, Stop> {
        // What is no name is not there; nobody needs to be asked.
        let Some(host) = domain::target(host) else { return Ok(Vec::new()) };
        let found = self.fixed.resolver.addresses(&host, family).await.map_err(|_| Stop(Verdict::TempError))?;
        self.count_void(found.is_empty())?;
        Ok(found)
    }

    async fn target(&mut self, template: Option<&Template>, name: &str) -> String {
        match template {
            Some(template) => self.fill(template, name).await,
            None => name.to_owned(),
        }
    }

    async fn fill(&mut self, template: &Template, name: &str) -> String {
        self.look_up_client(template, name).await;
        template.fill_domain(&self.values(name))
    }

    /// The best verified name for `%{p}`: the domain itself, else one below it, else any (§7.3).
    async fn look_up_client(&mut self, template: &Template, name: &str) {
        if self.client_name.is_some() || !template.needs_client_name() {
            return;
        }
        let names = self.verified_names().await;
        let best = names.iter().find(|client| *client == name).or_else(|| names.iter().find(|client| domain::within(client, name)));
        self.client_name = Some(best.or(names.first()).cloned().unwrap_or_else(|| "unknown".to_owned()));
    }

    fn values<'v>(&'v self, domain: &'v str) -> Values<'v> {
        Values {
            local: self.fixed.local,
            sender_domain: self.fixed.sender_domain,
            domain,
            address: self.fixed.address,
            helo: self.fixed.query.helo,
            client_name: self.client_name.as_deref().unwrap_or("unknown"),
            receiver: self.fixed.query.receiver,
            time: self.fixed.query.now.0 / 1_000_000,
        }
    }

    /// Failures of any kind give no explanation (§6.2).
    async fn explanation(&mut self, template: &Template, name: &str) -> Option<String> {
        let target = domain::normal(&self.fill(template, name).await)?;
        let records = self.fixed.resolver.txt(&target).await.ok()?;
        let [text] = records.as_slice() else { return None };
        let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| (0x20..0x7f).contains(&b)))?;
        let template = Template::explanation(text).ok()?;
        self.look_up_client(&template, name).await;
        let mut text = template.fill(&self.values(name));
        if !text.is_ascii() {
            return None;
        }
        text.truncate(EXPLANATION_MAX);
        Some(text)
    }

    fn family(&self) -> Family {
        if self.fixed.address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    fn count_term(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        if self.terms > TERMS_MAX { Err(Stop(Verdict::PermError)) } else { Ok(()) }
    }

    fn count_void(&mut self, void: bool) -> Result<(), Stop> {
        self.voids += usize::from(void);
        if self.voids > VOID_MAX { Err(Stop(Verdict::PermError)) } else { Ok(()) }
    }
}

/// True if `address` lies in the network; never across families.
fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let same = |one: u128, other: u128, width: u32| {
        let shift = width.saturating_sub(u32::from(bits));
        one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
    };
    match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => same(u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}
