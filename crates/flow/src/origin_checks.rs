//! What domains say about a mail from outside: SPF, DKIM, DMARC, ARC (mail-gateway.md M-T11).
//!
//! Before: [`crate::authenticate`] (who may speak as whom, by our own settings). After: [`crate::decide`], where rules read
//! the results as `$spf`, `$dkim`, `$dmarc`; [`crate::assemble`] writes them on top of the mail. Mail from our relays and
//! from people who signed in is not looked at: it is ours.
//!
//! All checks read the bytes as they came. What the DNS does not answer in time is `temperror`, never a refusal: a mail is
//! refused only for a DMARC policy of `reject` that surely fails, and only where `[mail] dmarc` says so.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crypto::pool::Priority;
use mailauth::arc::{self, ArcResult, Chain};
use mailauth::dkim::{self, DkimResult, Found};
use mailauth::dmarc::{self, DmarcResult, Identifiers, Policy};
use mailauth::results::{self, Findings};
use mailauth::spf::{self, Query, SpfResult};
use mailauth::{Family, KeySet, LookupError, Resolver, Verdict};
use message::Message;
use model::{Address, Budget, Fault, Guilty, Origin, Peer, Site};
use tokio::time::Instant;

use crate::state::Work;

/// DKIM signatures that are looked at, from the top.
const SIGNATURES_MAX: usize = 8;
/// Domains in From that are looked at; a mail with more is a trick.
const AUTHORS_MAX: usize = 4;
/// Octets from which hashing goes to the CPU pool.
const ON_THE_POOL: usize = 64 << 10;

/// What was found about one mail, and the mail as it came.
#[derive(Debug)]
pub struct Checks {
    /// The results.
    pub findings: Findings,
    /// The bytes that they are about.
    pub original: Message,
    /// It carried a DKIM signature or an ARC chain.
    pub was_signed: bool,
}

/// The client, if its mail is to be checked: neither signed in nor one of our relays.
#[must_use]
pub fn from_outside<'o>(site: &Site, origin: &'o Origin) -> Option<&'o Peer> {
    match origin {
        Origin::Smtp { peer } if peer.account.is_none() && !site.may_relay(peer.address) => Some(peer),
        _ => None,
    }
}

/// Checks a mail. `our_name` goes into explanations; at most half of the mail's time is spent.
pub async fn run(resolver: &dyn Resolver, work: &Work, peer: &Peer, original: &Message, our_name: &str) -> Checks {
    let resolver = Bounded { inner: resolver, until: half_of(&work.budget) };
    let sender = work.envelope.sender.as_ref().map_or("", Address::as_str);
    let query = Query { address: peer.address, helo: &peer.helo, sender, receiver: our_name, now: work.now };
    let found = dkim::signatures(original, SIGNATURES_MAX);
    let chain = Chain::of(original);
    let was_signed = !found.is_empty() || !chain.is_empty();
    let wanted: Vec<(String, String)> = found.iter().filter_map(Found::key).chain(chain.keys()).collect();
    let (spf, keys) = tokio::join!(spf::check_host(&resolver, query), KeySet::fetch(&resolver, wanted));
    let (dkim, arc) = signatures(work, original, (found, chain), keys).await;
    let dmarc = author_policy(&resolver, original, &spf, &dkim).await;
    let findings = Findings { spf, sender: sender.to_owned(), helo: peer.helo.clone(), dkim, dmarc, arc };
    let (trace, words) = (work.trace, &findings);
    tracing::info!(
        event = "mail.checked", %trace, peer = %peer.address, spf = words.spf.verdict.word(), dkim = words.dkim_verdict().word(),
        dmarc = words.dmarc.verdict.word(), policy = words.dmarc.policy.word(), arc = words.arc.verdict.word(), author = words.dmarc.author
    );
    Checks { findings, original: original.clone(), was_signed }
}

/// Refuses a mail that fails a policy of `reject`, where the site wishes that, and one whose author's policy nobody can know.
///
/// # Errors
/// `dmarc-refused`, `author-unclear`.
pub fn refuse(site: &Site, checks: &Checks) -> Result<(), Fault> {
    let dmarc = &checks.findings.dmarc;
    if site.mail.dmarc == "refuse" && author_domains(&checks.original).is_none() {
        let cause = format!("From names no author whose policy could be asked for, or more than {AUTHORS_MAX} domains");
        return Err(Fault::permanent(Guilty::Sender, "author-unclear", cause).with("most", AUTHORS_MAX));
    }
    if site.mail.dmarc != "refuse" || dmarc.verdict != Verdict::Fail || dmarc.policy != Policy::Reject {
        return Ok(());
    }
    let cause = format!("the policy of {} is reject, and neither SPF nor DKIM speaks for it", dmarc.author);
    Err(Fault::permanent(Guilty::Sender, "dmarc-refused", cause).with("domain", &dmarc.author))
}

/// Takes away every Authentication-Results field that claims to be ours (RFC 8601 §5); the message stays byte for byte if it
/// has none.
///
/// # Errors
/// When the message can't be read again within the budget.
pub fn strip_claims(message: Message, our_name: &str, budget: &Budget) -> Result<Message, Fault> {
    let forged = |field: &message::Field<'_>| field.is("authentication-results") && results::claims(field.value, our_name);
    if !message.fields().any(|field| forged(&field)) {
        return Ok(message);
    }
    let mut edit = message.edit();
    edit.remove_fields(forged);
    Message::parse(edit.finish(), budget).map_err(Fault::from)
}

/// The value of a rule variable; `none` for mail that is not checked.
#[must_use]
pub fn variable(checks: Option<&Checks>, name: &str) -> String {
    let verdict = checks.map_or(Verdict::None, |checks| match name {
        "spf" => checks.findings.spf.verdict,
        "dkim" => checks.findings.dkim_verdict(),
        _ => checks.findings.dmarc.verdict,
    });
    verdict.word().to_owned()
}

async fn signatures(work: &Work, original: &Message, read: (Vec<Found>, Chain), keys: KeySet) -> (Vec<DkimResult>, ArcResult) {
    let (message, now, (found, chain)) = (original.clone(), work.now, read);
    let check = move || (dkim::verify(&message, &found, &keys, now), arc::verify(&message, &chain, &keys));
    if original.bytes().len() > ON_THE_POOL { work.pool.run(Priority::Mail, check).await } else { check() }
}

/// DMARC for the domain in From; for several the worst, so that a second one hides nothing.
async fn author_policy(resolver: &dyn Resolver, original: &Message, spf: &SpfResult, dkim: &[DkimResult]) -> DmarcResult {
    let mut worst: Option<DmarcResult> = None;
    for author in &author_domains(original).unwrap_or_default() {
        let result = dmarc::evaluate(resolver, Identifiers { author, spf, dkim }).await;
        let weight = |result: &DmarcResult| (result.verdict == Verdict::Fail, result.verdict != Verdict::Pass, result.policy);
        if worst.as_ref().is_none_or(|known| weight(known) < weight(&result)) {
            worst = Some(result);
        }
    }
    worst.unwrap_or_else(|| DmarcResult { verdict: Verdict::PermError, ..DmarcResult::default() })
}

/// Domains in From; `None` if nobody can say which, or there are too many to ask for: one that is left out could be the one
/// that matters (RFC 7489 §6.6.1).
fn author_domains(original: &Message) -> Option<Vec<String>> {
    if let Ok(author) = original.author() {
        return Some(vec![author.domain_key()]);
    }
    let mut domains: Vec<String> = original.mailboxes("from").iter().map(|mailbox| mailbox.address.domain_key()).collect();
    domains.sort();
    domains.dedup();
    (1..=AUTHORS_MAX).contains(&domains.len()).then_some(domains)
}

fn half_of(budget: &Budget) -> Instant {
    let now = Instant::now();
    let rest: Duration = Instant::from_std(budget.deadline()).saturating_duration_since(now);
    now + rest / 2
}

/// The resolver with an end: what comes later is no answer.
struct Bounded<'r> {
    inner: &'r dyn Resolver,
    until: Instant,
}

impl Bounded<'_> {
    async fn within<T>(&self, ask: impl Future<Output = Result<T, LookupError>> + Send) -> Result<T, LookupError> {
        tokio::time::timeout_at(self.until, ask).await.unwrap_or_else(|_| Err(LookupError("the mail's time is up".to_owned())))
    }
}

#[async_trait]
impl Resolver for Bounded<'_> {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        self.within(self.inner.txt(name)).await
    }

    async fn mx(&self, name: &str) -> Result<Vec<String>, LookupError> {
        self.within(self.inner.mx(name)).await
    }

    async fn addresses(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, LookupError> {
        self.within(self.inner.addresses(name, family)).await
    }

    async fn names(&self, address: IpAddr) -> Result<Vec<String>, LookupError> {
        self.within(self.inner.names(address)).await
    }
}

/// A mail's checks, shared by all that look at it.
pub type Shared = Option<Arc<Checks>>;

#[cfg(test)]
#[path = "origin_checks_tests.rs"]
pub(crate) mod tests;
