//! Sends the reports of each day that is over.
//!
//! Looks every so often. A day's counts are gone once all its reports were tried, whatever became of them (soft state); a process that ends
//! before that sends them again, under the same names, by which their readers know them (RFC 8460 §4.4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Budget, Clock, Commit, Facts};
use outside::dns::Dns;
use outside::egress::{Egress, Purpose, Request};
use smtp::outbound::{Rua, tls_report_addresses};

use super::report::{self, About};
use super::results::{Period, PolicyResults, Results};
use crate::notice;
use crate::own_mail::OwnMail;

/// Longest time for a report by POST.
const POST: Duration = Duration::from_secs(60);
/// Largest answer to one.
const ANSWER: usize = 65_536;

/// What the daily work needs.
pub struct Daily {
    /// The counts.
    pub results: Arc<Results>,
    /// Where reports go.
    pub dns: Dns,
    /// For `https:` addresses.
    pub egress: Egress,
    /// The site.
    pub facts: Arc<dyn Facts>,
    /// The queue.
    pub commit: Arc<dyn Commit>,
    /// Signs those that go by mail.
    pub own_mail: OwnMail,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Our name while the site has none.
    pub hostname: String,
}

impl Daily {
    /// Looks every `every`, until the task is dropped.
    pub async fn run(self, every: Duration) {
        let mut turn = tokio::time::interval(every);
        loop {
            turn.tick().await;
            self.round().await;
        }
    }

    /// Sends what is due.
    pub async fn round(&self) {
        while let Some((period, domains)) = self.results.over(self.clock.now()) {
            for (domain, policies) in domains {
                if self.facts.site().mail.tls_reports {
                    self.report(period, &domain, &policies).await;
                }
            }
            self.results.told(period);
        }
    }

    async fn report(&self, period: Period, domain: &str, policies: &[PolicyResults]) {
        let Ok(answer) = self.dns.txt(&format!("_smtp._tls.{domain}")).await else { return };
        let site = self.facts.site();
        let host = if site.mail.hostname.is_empty() { &self.hostname } else { &site.mail.hostname };
        let (postmaster, id) = (notice::postmaster(&site), id(host, domain, period));
        let about = About { host, postmaster: &postmaster, domain, period, id: &id };
        for to in tls_report_addresses(answer.found.iter().map(Vec::as_slice), &Budget::default()) {
            let sent = match report::compressed(&about, policies) {
                Err(error) => Err(error.to_string()),
                Ok(body) => self.send(&about, &to, body).await,
            };
            match sent {
                Ok(()) => tracing::info!(event = "tls.report", domain, id, to = ?to, "TLS report sent"),
                Err(cause) => tracing::warn!(event = "tls.report_failed", domain, id, cause, "TLS report not sent"),
            }
        }
    }

    async fn send(&self, about: &About<'_>, to: &Rua, body: Vec<u8>) -> Result<(), String> {
        match to {
            Rua::Mail(address) => {
                self.results.note_report(self.clock.now(), &address.domain_key());
                let mut plan = report::mail(about, address, &body, self.clock.now());
                self.own_mail.sign(&self.facts.site(), &mut plan, &[0]).await;
                self.commit.commit(plan).await.map_err(|fault| fault.cause.into_owned())
            }
            Rua::Https(url) => {
                let body = Some(("application/tlsrpt+gzip", Bytes::from(body)));
                let request = Request { purpose: Purpose::TlsReport, url, body, size: ANSWER, time: POST };
                let response = self.egress.fetch(&request).await.map_err(|error| error.to_string())?;
                if (200..300).contains(&response.status) { Ok(()) } else { Err(format!("status {}", response.status)) }
            }
        }
    }
}

/// The same report has the same name, also from a process that does not know that it was sent.
fn id(host: &str, domain: &str, period: Period) -> String {
    let digest = openssl::sha::sha256(format!("{host} {domain} {} {}", period.start.0, period.end.0).as_bytes());
    data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or_default())
}
