//! DANE and MTA-STS as the queue's [`Evidence`]: what is demanded of one server, raised by what is known of it.
//!
//! DANE comes first: where validated TLSA records exist they are what counts, and MTA-STS is not asked (RFC 8461 §2). All look-ups
//! were made for the route just before, so that most come from the cache.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Clock, Outcome};
use outside::dns::{Dns, DnsError};
use smtp::outbound::{Endpoint, OpenFault, Stage, StsMode, Target, TlsDemand, TlsLevel, Tlsa};

use super::results::{Failure, Policy, Results};
use super::sts::StsPolicies;
use crate::queue::{Ended, Evidence, Raised};

/// See the file.
pub struct Transport {
    dns: Dns,
    sts: StsPolicies,
    results: Arc<Results>,
    clock: Arc<dyn Clock>,
}

/// Validated TLSA records of one server.
struct Dane {
    records: Vec<Tlsa>,
    base: String,
    names: Vec<String>,
}

/// What was wrong with a policy: which, the standard's word, a reason.
type Seen = Vec<(Policy, &'static str, String)>;

impl Transport {
    /// Asks this client, validated; counts what becomes of sessions in `results`.
    #[must_use]
    pub fn new(dns: &Dns, sts: StsPolicies, results: Arc<Results>, clock: Arc<dyn Clock>) -> Self {
        Self { dns: dns.validating(), sts, results, clock }
    }

    /// The TLSA records of a server, if everything on the way to them is proven (RFC 7672 §2.1, §2.2).
    ///
    /// # Errors
    /// Something is forged or nobody could say: this server is not to be used now.
    async fn dane(&self, target: &Target, server: &Endpoint) -> Result<Option<Dane>, DnsError> {
        let domain = match target {
            Target::Address { .. } => return Ok(None),
            Target::Host { .. } => None,
            Target::Domain { name, .. } => Some(name),
        };
        if let Some(domain) = domain
            && !self.dns.mx(domain).await?.secure
        {
            return Ok(None);
        }
        let host = &server.host;
        let addresses = self.dns.addresses(host).await?;
        if !addresses.secure {
            return Ok(None);
        }
        // §2.2.2: the name behind all aliases first, then the one that was named.
        let mut bases = vec![addresses.name];
        if bases.first() != Some(host) {
            bases.push(host.clone());
        }
        for base in bases {
            let answer = match self.dns.tlsa(&base, server.address.port()).await {
                Err(DnsError::NoSuchName) => continue,
                answer => answer?,
            };
            if !answer.secure || answer.found.is_empty() {
                continue;
            }
            let records = answer.found.into_iter();
            let records = records.map(|one| Tlsa { usage: one.usage, selector: one.selector, matching: one.matching, data: one.data });
            // §3.2.2: with usage 2 the certificate names the base domain, or what the recipient's address says.
            let mut names = vec![base.clone(), host.clone()];
            names.extend(domain.cloned());
            names.dedup();
            return Ok(Some(Dane { records: records.collect(), base, names }));
        }
        Ok(None)
    }

    /// What an MTA-STS policy of the next hop's domain says of this server.
    async fn by_sts(&self, domain: &str, server: &Endpoint, demand: TlsDemand, seen: &mut Seen) -> Result<Raised, Outcome> {
        let known = self.sts.of(domain).await;
        if let Some(word) = known.trouble {
            seen.push((Policy::none(domain), word, String::new()));
        }
        let policy = known.policy.filter(|policy| policy.mode != StsMode::None);
        let Some(policy) = policy else { return Ok(Raised { policy: Some(Policy::none(domain)), ..Raised::by(demand) }) };
        let (shown, enforced) = (Policy::sts(domain, &policy), policy.mode == StsMode::Enforce);
        let named = policy.names(&server.host);
        if !named {
            let reason = format!("{} is no mail server of {domain} by its MTA-STS policy", server.host);
            seen.push((shown, "validation-failure", reason.clone()));
            return if enforced { Err(not_now("4.7.1", reason)) } else { Ok(Raised::by(demand)) };
        }
        let raised = demand.clone().with_sts();
        let policy = Some(shown);
        // In testing mode the policy is tried and its failure counted; mail goes all the same (RFC 8461 §5).
        Ok(if enforced { Raised { demand: raised, trial: None, policy } } else { Raised { demand, trial: Some(raised), policy } })
    }

    /// What is demanded of a server, and what was wrong on the way to know it.
    async fn judge(&self, target: &Target, server: &Endpoint, demand: TlsDemand, seen: &mut Seen) -> Result<Raised, Outcome> {
        match (demand.level, target) {
            (TlsLevel::May | TlsLevel::Encrypt | TlsLevel::Dane, _) => {}
            // A published policy names the servers, which `verify` does not look at; keys in the DNS are less than a trusted chain.
            (TlsLevel::Verify, Target::Domain { name, .. }) => return self.by_sts(name, server, demand, seen).await,
            _ => return Ok(Raised::by(demand)),
        }
        let domain = match target {
            Target::Address { .. } => return Ok(Raised::by(demand)),
            Target::Host { name, .. } | Target::Domain { name, .. } => name,
        };
        let found = self.dane(target, server).await.map_err(|error| {
            let status = if error == DnsError::Bogus { "4.7.5" } else { "4.4.3" };
            let reason = format!("looking up the TLSA records of {} failed: {error}", server.host);
            seen.push((Policy::tlsa(domain, Vec::new()), "dnssec-invalid", reason.clone()));
            not_now(status, reason)
        })?;
        let (demand, policy) = match found {
            Some(dane) => {
                let policy = Policy::tlsa(domain, dane.records.iter().map(zone_text).collect());
                let sni = (dane.base != server.host).then_some(dane.base);
                (TlsDemand { sni, ..demand.with_tlsa(dane.records, dane.names) }, Some(policy))
            }
            None => (demand, None),
        };
        // Where DANE holds, MTA-STS has nothing to add; where its records are of no use to us, it has.
        if demand.level == TlsLevel::Dane || !matches!(target, Target::Domain { .. }) {
            return Ok(Raised { demand, trial: None, policy });
        }
        self.by_sts(domain, server, demand, seen).await
    }

    fn failed(&self, policy: &Policy, result: &'static str, server: &Endpoint, reason: String) {
        let failure = Failure { result: result.into(), host: server.host.clone(), address: Some(server.address.ip()), reason };
        self.results.note(self.clock.now(), policy, Some(failure));
    }
}

#[async_trait]
impl Evidence for Transport {
    async fn raise(&self, target: &Target, server: &Endpoint, demand: TlsDemand) -> Result<Raised, Outcome> {
        let mut seen = Seen::new();
        let raised = self.judge(target, server, demand, &mut seen).await;
        seen.into_iter().for_each(|(policy, word, reason)| self.failed(&policy, word, server, reason));
        raised
    }

    async fn look(&self, target: &Target, server: &Endpoint, demand: TlsDemand) -> Result<Raised, Outcome> {
        self.judge(target, server, demand, &mut Seen::new()).await
    }

    async fn settled(&self) {
        self.sts.settled().await;
    }

    fn ended(&self, server: &Endpoint, policy: &Policy, ended: Ended<'_>) {
        match ended {
            Ended::Encrypted => self.results.note(self.clock.now(), policy, None),
            Ended::Clear => self.failed(policy, "starttls-not-supported", server, String::new()),
            Ended::Fault(fault) if fault.stage == Stage::Tls => self.failed(policy, word(fault), server, fault.outcome.reply().to_owned()),
            // What failed before TLS says nothing about it.
            Ended::Fault(_) => {}
        }
    }
}

/// The standard's word for what failed (RFC 8460 §4.3), as far as our own text tells.
fn word(fault: &OpenFault) -> &'static str {
    let text = fault.outcome.reply();
    let words = [
        ("STARTTLS", "starttls-not-supported"),
        ("does not name", "certificate-host-mismatch"),
        ("expired", "certificate-expired"),
        ("not trusted", "certificate-not-trusted"),
        ("revoked", "certificate-not-trusted"),
        ("TLSA record", "validation-failure"),
    ];
    words.into_iter().find(|(part, _)| text.contains(part)).map_or("validation-failure", |(_, word)| word)
}

fn zone_text(record: &Tlsa) -> String {
    let data: String = record.data.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{} {} {} {data}", record.usage, record.selector, record.matching)
}

fn not_now(status: &str, reply: String) -> Outcome {
    Outcome::NotDone { temporary: true, status: status.to_owned(), reply, by: String::new() }
}
