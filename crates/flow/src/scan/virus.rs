//! The virus scan of one content: every piece goes to clamd, one after the other.

use crypto::pool::Priority;
use message::Message;
use model::{Budget, Fault, Guilty, Limits};
use outside::clamd::{Clamd, Scanned};

use super::pieces::Pieces;
use super::{clamd, down};
use crate::state::Work;

/// What was found in one mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VirusReport {
    /// Name of the virus, and the part that it is in (`None`: seen in the whole only).
    pub infected: Vec<(Option<String>, String)>,
    /// Why some of it could not be looked into: `encrypted`, `limit`, `scanner`, ….
    pub closed: Vec<&'static str>,
}

impl VirusReport {
    /// Nobody looked.
    #[must_use]
    pub fn unscanned() -> Self {
        Self { infected: Vec::new(), closed: vec!["scanner"] }
    }

    /// The word of `$vscanresult`: a virus's name, `unscanned` or `clean` (contract.md "Scan words").
    #[must_use]
    pub fn word(&self) -> &str {
        match (self.infected.first(), self.closed.is_empty()) {
            (Some((_, name)), _) => name,
            (None, false) => "unscanned",
            (None, true) => "clean",
        }
    }
}

pub(super) async fn ask(work: &Work, message: &Message, archives: bool) -> Result<VirusReport, Fault> {
    let engine = clamd(work)?;
    let (for_key, place) = (message.clone(), work.site.protection.clamd.clone());
    let key = work.pool.run(Priority::Mail, move || {
        let mut hash = openssl::sha::Sha256::new();
        hash.update(if archives { b"virus+" } else { b"virus-" });
        hash.update(place.as_bytes());
        hash.update(b"\0");
        hash.update(for_key.bytes());
        hash.finish()
    });
    // The scan may outlast the mail and its lease: what it holds is its own (the bytes, and each part decoded).
    let room = work.memory.lease(message.bytes().len().saturating_mul(2));
    let room = room.map_err(|e| Fault::temporary(Guilty::Ourselves, "memory", e.to_string()))?;
    let (message, pool, trace) = (message.clone(), work.pool.clone(), work.trace);
    let limits = Limits { time: std::time::Duration::from_secs(120), ..work.budget.limits() };
    let scan = move || async move {
        let since = std::time::Instant::now();
        let size = message.bytes().len();
        let pieces = pool.run(Priority::Mail, move || Pieces::of(&message, archives, &Budget::new(limits))).await;
        let report = report(&engine, pieces.map_err(crate::decide::exhausted)?).await?;
        let (result, took_ms) = (report.word(), u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        tracing::info!(event = "mail.scanned", %trace, engine = "clamd", result, closed = report.closed.join(","), size, took_ms);
        drop(room);
        Ok(report)
    };
    work.scans.0.virus.get(key.await, scan).await
}

async fn report(engine: &Clamd, pieces: Pieces) -> Result<VirusReport, Fault> {
    let mut report = VirusReport { infected: Vec::new(), closed: pieces.closed };
    let mut whole = None;
    for piece in pieces.all {
        match engine.scan(&piece.content).await.map_err(|error| down("clamd", &error))? {
            Scanned::Clean => {}
            Scanned::Closed(why) => report.closed.push(why),
            Scanned::Found(name) if piece.part.is_none() => whole = Some(name),
            Scanned::Found(name) => report.infected.push((piece.part, name)),
        }
    }
    if report.infected.is_empty() {
        report.infected.extend(whole.map(|name| (None, name)));
    }
    report.closed.sort_unstable();
    report.closed.dedup();
    Ok(report)
}
