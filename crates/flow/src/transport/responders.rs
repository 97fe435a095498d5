//! OCSP responders of certificate issuers: asked, read, kept (RFC 6960).
//!
//! Before: `lists`, when no revocation list says anything of a certificate. After: the answer. An answer is kept until it is out of its
//! time, and asked for anew after `kept`; what can't be had leaves a kept answer in force as long as it is in its time, and its
//! responders are left alone for a while. Fetched by the one client with its policy, over plain HTTP too, because answers
//! are signed. Soft state: this node's own, losable, bounded in number; one answer has 64 KiB at most.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use crypto::pki::Certificate;
use crypto::pki::ocsp::{self, Said};
use crypto::pool::{CpuPool, Priority};
use model::{Clock, Timestamp};
use outside::egress::{Egress, Purpose, Request};
use parking_lot::Mutex;
use smtp::outbound::Revoked;

use super::lists::ListSettings;

/// Responders of one certificate that are tried.
const URLS_MAX: usize = 4;

/// What is kept of one certificate.
#[derive(Default)]
struct Kept {
    answer: Option<(Bytes, Timestamp)>,
    failed: Option<(Timestamp, String)>,
}

/// Held while it is asked about, so that a certificate is asked about once at a time.
type Place = Arc<tokio::sync::Mutex<Kept>>;

/// See the file.
pub(super) struct Responders {
    egress: Egress,
    pool: CpuPool,
    clock: Arc<dyn Clock>,
    settings: ListSettings,
    /// By certificate, with when it was last asked about.
    kept: Mutex<HashMap<String, (Timestamp, Place)>>,
}

impl Responders {
    /// Nothing is kept yet.
    pub(super) fn new(egress: Egress, pool: CpuPool, clock: Arc<dyn Clock>, settings: ListSettings) -> Self {
        Self { egress, pool, clock, settings, kept: Mutex::default() }
    }

    /// What is known of a certificate that this issuer has issued; `None` if it names no responder.
    pub(super) async fn ask(&self, certificate: &Certificate, issuer: &Certificate) -> Option<Revoked> {
        let urls = certificate.responder_urls();
        if urls.is_empty() {
            return None;
        }
        let place = self.place(certificate);
        let mut kept = place.lock().await;
        let now = self.clock.now();
        let known = match &kept.answer {
            Some((answer, at)) => Some((self.read(answer.clone(), certificate, issuer).await, *at)),
            None => None,
        };
        // What is out of its time says nothing any more.
        let known = known.filter(|(said, _)| !matches!(said, Said::Nothing(_)));
        let resting = kept.failed.as_ref().filter(|(at, _)| now.since(*at) < self.settings.rest);
        match (known, resting) {
            (Some((said, at)), _) if now.since(at) < self.settings.kept => return Some(revoked(said)),
            (Some((said, _)), Some(_)) => return Some(revoked(said)),
            (None, Some((_, cause))) => return Some(Revoked::Unknown(cause.clone())),
            (_, None) => {}
        }
        match self.fetch(&urls, certificate, issuer).await {
            Ok((answer, said)) => {
                *kept = Kept { answer: Some((answer, now)), failed: None };
                Some(revoked(said))
            }
            Err(cause) => {
                tracing::info!(event = "ocsp.failed", certificate = certificate.subject(), cause, "a kept answer stays in force");
                kept.failed = Some((now, cause.clone()));
                Some(known.map_or(Revoked::Unknown(cause), |(said, _)| revoked(said)))
            }
        }
    }

    /// Where its answer is kept. Over the bound those go that were not asked about longest.
    fn place(&self, certificate: &Certificate) -> Place {
        let mut kept = self.kept.lock();
        let now = self.clock.now();
        let one = kept.entry(certificate.fingerprint_sha256().to_owned()).or_insert_with(|| (now, Place::default()));
        one.0 = now;
        let place = one.1.clone();
        while kept.len() > self.settings.entries.max(1) {
            let Some(oldest) = kept.iter().min_by_key(|(_, (used, _))| *used).map(|(name, _)| name.clone()) else { break };
            kept.remove(&oldest);
        }
        place
    }

    /// The first answer that says something.
    async fn fetch(&self, urls: &[String], certificate: &Certificate, issuer: &Certificate) -> Result<(Bytes, Said), String> {
        let question = Bytes::from(ocsp::question(certificate, issuer).map_err(|error| error.to_string())?);
        let mut why = String::new();
        for url in urls.iter().take(URLS_MAX) {
            let body = Some((ocsp::QUESTION_TYPE, question.clone()));
            let request = Request { purpose: Purpose::Ocsp, url, body, size: ocsp::LARGEST, time: self.settings.fetch };
            match self.egress.fetch(&request).await {
                Ok(response) if response.status == 200 => match self.read(response.body.clone(), certificate, issuer).await {
                    Said::Nothing(reason) => reason.clone_into(&mut why),
                    said => {
                        tracing::info!(event = "ocsp.fetched", url, certificate = certificate.subject(), revoked = said == Said::Revoked);
                        return Ok((response.body, said));
                    }
                },
                Ok(response) => why = format!("its OCSP responder says status {}", response.status),
                Err(cause) => why = format!("its OCSP responder can't be asked: {cause}"),
            }
        }
        Err(why)
    }

    /// Signatures are checked on the pool.
    async fn read(&self, answer: Bytes, certificate: &Certificate, issuer: &Certificate) -> Said {
        let (certificate, issuer) = (certificate.clone(), issuer.clone());
        self.pool.run(Priority::Mail, move || ocsp::read(&answer, &certificate, &issuer)).await
    }
}

fn revoked(said: Said) -> Revoked {
    match said {
        Said::Good => Revoked::No,
        Said::Revoked => Revoked::Yes,
        Said::Nothing(why) => Revoked::Unknown(why.to_owned()),
    }
}

#[cfg(test)]
#[path = "responders_tests.rs"]
mod tests;
