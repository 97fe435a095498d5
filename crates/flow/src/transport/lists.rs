//! Revocation lists of certificate issuers: fetched, read, kept (RFC 5280 §6.3).
//!
//! Before: a handshake with a server whose chain leads to a root of ours (`smtp::outbound`); its certificates name where their issuers
//! publish lists. After: the answer, certificate by certificate. A list is kept until it is out of date, and not longer than `kept`, since
//! issuers publish before that. What can't be fetched leaves a kept list in force as long as it is in its time, and its address is left
//! alone for a while. A certificate of which no list says anything is asked about at its issuer's OCSP responder (`responders`). Only the
//! issuer of the certificate itself may sign its list; everything is fetched by the one client with its
//! policy, over plain HTTP too, because lists are signed. Soft state: this node's own, losable, bounded in number and octets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use crypto::pki::Certificate;
use crypto::pki::revocation::{Listed, RevocationList, Unverified};
use crypto::pool::{CpuPool, Priority};
use futures_util::future;
use model::{Budget, Clock, KeyId, Limits, Timestamp};
use outside::egress::{Egress, Purpose, Request};
use parking_lot::Mutex;
use smtp::outbound::{RevocationSource, Revoked};

use super::responders::Responders;

/// Addresses of one certificate that are tried.
const URLS_MAX: usize = 4;
/// Names of one list, at most: some public ones have a million.
const NAMES_MAX: usize = 5_000_000;

/// How lists and answers of responders are fetched and kept.
#[derive(Debug, Clone, Copy)]
pub struct ListSettings {
    /// Longest time for one fetch.
    pub fetch: Duration,
    /// A list is fetched anew after this time, also if it is in its time still.
    pub kept: Duration,
    /// After a failed fetch the same address is left alone so long.
    pub rest: Duration,
    /// Largest list, octets.
    pub size: usize,
    /// Lists that are kept.
    pub entries: usize,
    /// What all that are kept may take of memory, octets.
    pub memory: usize,
}

impl Default for ListSettings {
    fn default() -> Self {
        let (fetch, kept, rest) = (Duration::from_secs(30), Duration::from_secs(6 * 3_600), Duration::from_secs(300));
        Self { fetch, kept, rest, size: 20 << 20, entries: 1_000, memory: 64 << 20 }
    }
}

/// A list is one issuer's: the same address may serve another one's later.
type Place = (String, KeyId);

struct Kept {
    list: Option<Arc<RevocationList>>,
    fetched: Timestamp,
    used: Timestamp,
    failed: Option<(Timestamp, String)>,
}

/// See the file.
pub struct Lists {
    egress: Egress,
    pool: CpuPool,
    clock: Arc<dyn Clock>,
    settings: ListSettings,
    responders: Responders,
    kept: Mutex<HashMap<Place, Kept>>,
    /// One fetch of a list at a time.
    fetching: Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>,
}

impl Lists {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(egress: Egress, pool: CpuPool, clock: Arc<dyn Clock>, settings: ListSettings) -> Self {
        let responders = Responders::new(egress.clone(), pool.clone(), clock.clone(), settings);
        Self { egress, pool, clock, settings, responders, kept: Mutex::default(), fetching: Mutex::default() }
    }

    async fn one(&self, certificate: &Certificate, issuer: &Certificate) -> Revoked {
        let why = match self.listed(certificate, issuer).await {
            Revoked::Unknown(why) => why,
            known => return known,
        };
        match self.responders.ask(certificate, issuer).await {
            Some(Revoked::Unknown(other)) => Revoked::Unknown(format!("{why}, and {other}")),
            Some(answer) => answer,
            None => Revoked::Unknown(why),
        }
    }

    async fn listed(&self, certificate: &Certificate, issuer: &Certificate) -> Revoked {
        let mut why = "it names no revocation list".to_owned();
        for url in certificate.list_urls().iter().take(URLS_MAX) {
            match self.list(url, issuer).await {
                Ok(list) => match list.says(certificate, self.clock.now()) {
                    Listed::Yes => return Revoked::Yes,
                    Listed::No => return Revoked::No,
                    Listed::Silent(reason) => reason.clone_into(&mut why),
                },
                Err(cause) => why = format!("its revocation list can't be had: {cause}"),
            }
        }
        Revoked::Unknown(why)
    }

    /// The list at this address, from what is kept or anew.
    async fn list(&self, url: &str, issuer: &Certificate) -> Result<Arc<RevocationList>, String> {
        let place = (url.to_owned(), issuer.key_id().clone());
        if let Some(known) = self.known(&place) {
            return known;
        }
        let gate = Arc::clone(self.fetching.lock().entry(place.clone()).or_default());
        let _turn = gate.lock().await;
        // Another delivery may have fetched it meanwhile.
        if let Some(known) = self.known(&place) {
            return known;
        }
        let fetched = self.fetch(url, issuer).await;
        self.fetching.lock().remove(&place);
        self.keep(place, fetched)
    }

    /// What is kept, if it serves.
    fn known(&self, place: &Place) -> Option<Result<Arc<RevocationList>, String>> {
        let now = self.clock.now();
        let mut kept = self.kept.lock();
        let one = kept.get_mut(place)?;
        one.used = now;
        let list = one.list.clone().filter(|list| now <= list.until());
        let resting = one.failed.as_ref().filter(|(at, _)| now.since(*at) < self.settings.rest);
        match (list, resting) {
            (Some(list), _) if now.since(one.fetched) < self.settings.kept => Some(Ok(list)),
            (Some(list), Some(_)) => Some(Ok(list)),
            (None, Some((_, cause))) => Some(Err(cause.clone())),
            (_, None) => None,
        }
    }

    async fn fetch(&self, url: &str, issuer: &Certificate) -> Result<RevocationList, String> {
        let (size, time) = (self.settings.size, self.settings.fetch);
        let response = self.egress.fetch(&Request { purpose: Purpose::Crl, url, body: None, size, time }).await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(format!("status {}", response.status));
        }
        let (issuer, octets) = (issuer.clone(), response.body);
        let read = move || read(&octets, &issuer, size, time).map_err(|error| error.to_string());
        self.pool.run(Priority::Mail, read).await
    }

    fn keep(&self, place: Place, fetched: Result<RevocationList, String>) -> Result<Arc<RevocationList>, String> {
        let now = self.clock.now();
        let mut kept = self.kept.lock();
        let url = &place.0;
        let found = match fetched {
            Ok(list) => {
                tracing::info!(event = "crl.fetched", url, names = list.len(), until = list.until().rfc3339());
                let list = Arc::new(list);
                kept.insert(place, Kept { list: Some(list.clone()), fetched: now, used: now, failed: None });
                Ok(list)
            }
            Err(cause) => {
                tracing::warn!(event = "crl.failed", url, cause, "the revocation list can't be had; a kept one stays in force");
                let one = kept.entry(place).or_insert(Kept { list: None, fetched: now, used: now, failed: None });
                one.failed = Some((now, cause.clone()));
                one.list.clone().filter(|list| now <= list.until()).ok_or(cause)
            }
        };
        self.make_room(&mut kept);
        found
    }

    /// Over a bound those go that were not asked for longest.
    fn make_room(&self, kept: &mut HashMap<Place, Kept>) {
        let size = |one: &Kept| one.list.as_ref().map_or(256, |list| list.memory());
        let mut memory: usize = kept.values().map(size).sum();
        while kept.len() > self.settings.entries || (memory > self.settings.memory && kept.len() > 1) {
            let Some(oldest) = kept.iter().min_by_key(|(_, one)| one.used).map(|(place, _)| place.clone()) else { return };
            memory -= kept.remove(&oldest).as_ref().map_or(0, size);
        }
    }
}

fn read(octets: &Bytes, issuer: &Certificate, size: usize, time: Duration) -> Result<RevocationList, crypto::CryptoError> {
    let budget = Budget::new(Limits { bytes: size as u64, parts: NAMES_MAX, time, ..Limits::default() });
    Unverified::read(octets, &budget)?.vouched_by(issuer)
}

#[async_trait]
impl RevocationSource for Lists {
    async fn ask(&self, chain: &[Vec<u8>]) -> Vec<Revoked> {
        let read: Vec<Option<Certificate>> = chain.iter().map(|der| Certificate::from_der(der).ok()).collect();
        let pairs = read.iter().zip(read.iter().skip(1));
        let answers = pairs.map(|pair| async move {
            match pair {
                (Some(certificate), Some(issuer)) => self.one(certificate, issuer).await,
                _ => Revoked::Unknown("a certificate can't be read".to_owned()),
            }
        });
        future::join_all(answers).await
    }
}

impl std::fmt::Debug for Lists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lists({} kept)", self.kept.lock().len())
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
