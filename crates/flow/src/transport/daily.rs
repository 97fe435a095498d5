//! Sends the reports of each day that is over.
//!
//! Looks every so often; a day's counts are taken once and are gone then, whatever becomes of its reports (soft state).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, Commit, Facts, TraceId};
use outside::dns::Dns;
use outside::egress::{Egress, Purpose, Request};

use super::report::{self, About, Rua};
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
        while let Some((period, domains)) = self.results.take_over(self.clock.now()) {
            if !self.facts.site().mail.tls_reports {
                continue;
            }
            for (domain, policies) in domains {
                self.report(period, &domain, &policies).await;
            }
        }
    }

    async fn report(&self, period: Period, domain: &str, policies: &[PolicyResults]) {
        let Ok(answer) = self.dns.txt(&format!("_smtp._tls.{domain}")).await else { return };
        let site = self.facts.site();
        let host = if site.mail.hostname.is_empty() { &self.hostname } else { &site.mail.hostname };
        let (postmaster, id) = (notice::postmaster(&site), TraceId::new().to_string());
        let about = About { host, postmaster: &postmaster, domain, period, id: &id };
        for to in report::rua(answer.found.iter().map(Vec::as_slice)) {
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
