//! What the issuers of signers' certificates have revoked (RFC 5280 §6.3, RFC 6960; mail-gateway.md M-C1).
//!
//! Before: a signature whose chain leads to a trusted root (`commands::verify`). After: its word. The source is that of TLS
//! ([`crate::transport::Lists`]), with its one cache and its egress policy. A question is a task of its own: it goes on when the mail does
//! not wait any longer, and the next mail finds the answer. A mail waits a short while; one that a key was used on for a stranger gets
//! what is remembered and does not wait at all, because what was inside would show in the time of the reply (security.md X-3). What nobody answers passes with a
//! reason, or with `[mail] revocation = "hard"` makes `unchecked`; it never makes a mail wait for its next try (0034-revocation.md).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto::pki::Certificate;
use crypto::smime::SignatureFinding;
use model::SignatureVerdict;
use parking_lot::Mutex;
use smtp::outbound::{RevocationSource, Revoked};
use tokio::sync::Semaphore;

use crate::state::Work;

/// Questions that run at once: each chain is one.
const AT_ONCE: usize = 64;
/// Signers of one mail that are asked about.
const CHAINS: usize = 4;
/// Answers that are remembered for mail that does not wait.
const REMEMBERED: usize = 10_000;
/// For so long.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What was answered about a chain, and when.
type Known = Arc<Mutex<HashMap<String, (Instant, Vec<Revoked>)>>>;

/// Asks issuers about signers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Issuers {
    source: Option<Arc<dyn RevocationSource>>,
    wait: Duration,
    room: Arc<Semaphore>,
    known: Known,
}

impl Issuers {
    /// By this source; a mail waits for so long. Without a source nothing is known.
    #[must_use]
    pub fn new(source: Option<Arc<dyn RevocationSource>>, wait: Duration) -> Self {
        Self { source, wait, room: Arc::new(Semaphore::new(AT_ONCE)), known: Known::default() }
    }

    /// Nobody is asked.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(None, Duration::ZERO)
    }

    /// Puts what issuers say into the finding. `opened`: a private key was used on this mail.
    pub async fn settle(&self, work: &Work, finding: &mut SignatureFinding, opened: bool) {
        if finding.chains.is_empty() || finding.verdict == SignatureVerdict::Invalid || work.rehearsal {
            return;
        }
        let hides = opened && !work.sender_known();
        let left = work.budget.deadline().saturating_duration_since(Instant::now());
        let until = tokio::time::Instant::now() + self.wait.min(left / 2);
        let hard = work.site.mail.revocation != "soft";
        finding.reasons.retain(|reason| reason != "revocation-not-checked");
        let (chains, other) = (std::mem::take(&mut finding.chains), finding.encryption.take());
        let more = other.as_ref().map(|(_, chain)| chain);
        let asked: Vec<_> = chains.iter().take(CHAINS).chain(more).map(|chain| (chain, self.ask(chain))).collect();
        let mut answered = Vec::with_capacity(asked.len());
        for (chain, question) in asked {
            let late = || Err("its issuers have not answered yet".to_owned());
            answered.push(match hides {
                true => self.remembered(chain).map_or_else(late, Ok),
                false => tokio::time::timeout_at(until, question).await.unwrap_or_else(|_| late()),
            });
        }
        if let Some((certificate, chain)) = other {
            let answers = answered.pop().unwrap_or_else(|| Err("nobody was asked".to_owned()));
            // What the signer says of another key is not the signature's fault: that one is not learnt, nothing more.
            finding.encryption = stands(&chain, answers, hard).then_some((certificate, chain));
        }
        for (place, chain) in chains.iter().enumerate() {
            let answers = answered.get(place).cloned().unwrap_or_else(|| Err("too many have signed".to_owned()));
            said(finding, chain, answers, hard);
        }
        finding.chains = chains;
    }

    fn remembered(&self, chain: &[Certificate]) -> Option<Vec<Revoked>> {
        let known = self.known.lock();
        known.get(&name(chain)).filter(|(at, _)| at.elapsed() < MEMORY).map(|(_, answers)| answers.clone())
    }

    /// The question runs from now on, whoever waits for it.
    fn ask(&self, chain: &[Certificate]) -> impl Future<Output = Result<Vec<Revoked>, String>> + use<> {
        let der: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.der().to_vec()).collect();
        let running = match (&self.source, self.room.clone().try_acquire_owned()) {
            (None, _) => Err("nobody is asked here"),
            (_, Err(_)) => Err("too many issuers are asked already"),
            (Some(source), Ok(permit)) => {
                let (source, known, name) = (Arc::clone(source), Arc::clone(&self.known), name(chain));
                Ok(tokio::spawn(async move {
                    let answers = source.ask(&der).await;
                    remember(&known, name, answers.clone());
                    drop(permit);
                    answers
                }))
            }
        };
        async move {
            match running {
                Ok(task) => task.await.map_err(|_| "the question was given up".to_owned()),
                Err(why) => Err(why.to_owned()),
            }
        }
    }
}

/// What stands for a chain in the memory.
fn name(chain: &[Certificate]) -> String {
    chain.iter().map(Certificate::fingerprint_sha256).collect()
}

fn remember(known: &Known, name: String, answers: Vec<Revoked>) {
    let mut known = known.lock();
    if known.len() >= REMEMBERED && !known.contains_key(&name) {
        let oldest = known.iter().min_by_key(|(_, (at, _))| *at).map(|(name, _)| name.clone());
        oldest.and_then(|oldest| known.remove(&oldest));
    }
    known.insert(name, (Instant::now(), answers));
}

/// One answer for each certificate but the root.
fn each(chain: &[Certificate], answers: Result<Vec<Revoked>, String>) -> impl Iterator<Item = (&Certificate, Revoked)> {
    let nothing = |why: &str| Revoked::Unknown(why.to_owned());
    chain.iter().enumerate().take(chain.len().saturating_sub(1)).map(move |(place, certificate)| {
        let answer = match &answers {
            Ok(answers) => answers.get(place).cloned().unwrap_or_else(|| nothing("its issuers say nothing")),
            Err(why) => nothing(why),
        };
        (certificate, answer)
    })
}

/// May a certificate be used of which issuers say this?
fn stands(chain: &[Certificate], answers: Result<Vec<Revoked>, String>, hard: bool) -> bool {
    each(chain, answers).all(|(_, answer)| match answer {
        Revoked::No => true,
        Revoked::Yes => false,
        Revoked::Unknown(_) => !hard,
    })
}

/// What issuers say, as a part of the verdict; each certificate that nobody knows of is named.
fn said(finding: &mut SignatureFinding, chain: &[Certificate], answers: Result<Vec<Revoked>, String>, hard: bool) {
    for (certificate, answer) in each(chain, answers) {
        match answer {
            Revoked::No => {}
            Revoked::Yes => finding.add(SignatureVerdict::Revoked, format!("certificate-revoked: {}", certificate.subject())),
            Revoked::Unknown(why) => {
                let reason = format!("revocation-unknown: {}: {why}", certificate.subject());
                finding.add(if hard { SignatureVerdict::Unchecked } else { finding.verdict }, reason);
            }
        }
    }
}

#[cfg(test)]
#[path = "issuers_tests.rs"]
mod tests;
