//! Were the certificates of a server's chain revoked? Asked after the handshake and before the first word about a mail.
//!
//! Before: `judge` has built the chain and read what the server stapled. What a good stapled response speaks of is not asked again; all
//! other certificates below the root are looked up with a [`RevocationSource`], which the caller owns. A revoked one is refused whatever
//! is set; what nobody knows passes with a log line or is refused, as set (mail-gateway.md M-T4). Only levels that want a chain come
//! here: a digest or a TLSA record vouches by itself.

use async_trait::async_trait;
use model::ports::Standing;
use openssl::nid::Nid;
use openssl::x509::X509;

use super::anchors::Chain;
use super::judge::{self, Shown};
use super::stapled::Stapled;
use super::{Revocation, TlsDemand};

/// What is known of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// Its issuer says that it is good.
    No,
    /// Its issuer took it back.
    Yes,
    /// Nobody says; why, in words for an administrator.
    Unknown(String),
}

/// Knows what issuers have revoked.
#[async_trait]
pub trait RevocationSource: Send + Sync + std::fmt::Debug {
    /// One answer for each certificate of a chain but the last, in its order. `chain`: DER, each certificate issued by the next one. It
    /// ends within the source's own time.
    async fn ask(&self, chain: &[Vec<u8>]) -> Vec<Revoked>;
}

/// A chain that leads to a root of ours, and what was stapled.
#[derive(Debug)]
pub(crate) struct Vouched {
    /// DER, the server's own first, the root last.
    chain: Vec<Vec<u8>>,
    /// What people call the owner of each.
    names: Vec<String>,
    stapled: Stapled,
}

impl Vouched {
    pub(super) fn new(chain: &Chain, stapled: Stapled) -> Self {
        let der = |certificate: &X509| certificate.to_der().unwrap_or_default();
        let chain_der = chain.certificates.iter().map(der).collect();
        Self { chain: chain_der, names: chain.certificates.iter().map(name).collect(), stapled }
    }

    /// The server stapled that its own was revoked.
    pub(super) fn is_revoked(&self) -> bool {
        self.stapled == Stapled::Revoked
    }

    /// The certificate at this place, for people.
    fn whose(&self, place: usize) -> String {
        match self.names.get(place) {
            Some(name) if place > 0 => format!("the certificate of its CA {name}"),
            _ => "its certificate".to_owned(),
        }
    }
}

fn name(certificate: &X509) -> String {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().and_then(|entry| entry.data().to_string().ok());
    entry.unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect()
}

/// What is known of a chain.
enum Known {
    /// No certificate below the root was revoked.
    Good,
    /// Whose was, for people.
    Revoked(String),
    /// Of whose nobody knows, and why. None above it was revoked.
    Unknown(String, String),
}

/// Asks, and judges.
///
/// # Errors
/// Why the demand is not met, in words for an administrator.
pub(crate) async fn check(demand: &TlsDemand, host: &str, vouched: Vouched) -> Result<(), String> {
    match known(demand.lists.as_deref(), &vouched).await {
        Known::Good => Ok(()),
        Known::Revoked(whose) => Err(format!("{whose} was revoked")),
        Known::Unknown(whose, why) if demand.revocation == Revocation::Hard => {
            Err(format!("whether {whose} was revoked is not known: {why}"))
        }
        Known::Unknown(whose, why) => {
            tracing::info!(event = "tls.revocation_unknown", host, whose, why, "passes, as [mail] revocation says");
            Ok(())
        }
    }
}

/// The same for a connection that was made elsewhere: what is known of the certificates that a server showed (DER, its own first)
/// and stapled. Asks `demand.lists`, so it takes its time; of `demand` the anchors count besides, no name.
pub async fn standing(demand: TlsDemand, shown: Vec<Vec<u8>>, stapled: Vec<u8>, now: i64) -> Standing {
    let lists = demand.lists.clone();
    // Building a chain reads the machine's roots from the disk.
    let built = tokio::task::spawn_blocking(move || {
        let chain: Vec<&[u8]> = shown.iter().map(Vec::as_slice).collect();
        judge::chain(&demand, &Shown { chain: &chain, ocsp: &stapled, host: "", now })
    });
    let vouched = match built.await {
        Ok(Ok(vouched)) => vouched,
        Ok(Err(why)) => return Standing::Unknown(why),
        Err(cause) => return Standing::Unknown(cause.to_string()),
    };
    match known(lists.as_deref(), &vouched).await {
        Known::Good => Standing::Good,
        Known::Revoked(whose) => Standing::Revoked(format!("{whose} was revoked")),
        Known::Unknown(whose, why) => Standing::Unknown(format!("whether {whose} was revoked is not known: {why}")),
    }
}

async fn known(lists: Option<&dyn RevocationSource>, vouched: &Vouched) -> Known {
    if vouched.stapled == Stapled::Revoked {
        return Known::Revoked(vouched.whose(0));
    }
    let known_good = usize::from(vouched.stapled == Stapled::Good);
    let asked = vouched.chain.get(known_good..).filter(|asked| asked.len() > 1).unwrap_or_default();
    let answers = match lists {
        Some(lists) if !asked.is_empty() => lists.ask(asked).await,
        _ => Vec::new(),
    };
    let mut unknown = None;
    for place in known_good..vouched.chain.len().saturating_sub(1) {
        let why = match answers.get(place - known_good) {
            Some(Revoked::No) => continue,
            Some(Revoked::Yes) => return Known::Revoked(vouched.whose(place)),
            Some(Revoked::Unknown(why)) => why.as_str(),
            None => "no revocation lists can be had here",
        };
        let why = match &vouched.stapled {
            Stapled::Unknown(stapled) if place == 0 => format!("{stapled}, and {why}"),
            _ => why.to_owned(),
        };
        // The first counts: it is the nearest to the server. Those above may still be revoked.
        unknown.get_or_insert_with(|| (vouched.whose(place), why));
    }
    unknown.map_or(Known::Good, |(whose, why)| Known::Unknown(whose, why))
}

#[cfg(test)]
#[path = "revocation_tests.rs"]
mod tests;
