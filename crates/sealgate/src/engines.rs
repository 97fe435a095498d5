//! Asks the scanners that the site names how they are, again and again, for the home page, the API and the log (M-P10).
//!
//! Mail never waits for it: a scan finds out by itself.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, EngineState, Engines, Facts, Timestamp};
use outside::clamd::{self, Clamd};
use outside::rspamd::{self, Rspamd};
use parking_lot::Mutex;
use store::Live;
use tokio_util::sync::CancellationToken;

/// What was last found out. Cheap to clone.
#[derive(Clone, Default)]
pub struct EngineWatch(Arc<Mutex<Vec<EngineState>>>);

impl Engines for EngineWatch {
    fn engines(&self) -> Vec<EngineState> {
        self.0.lock().clone()
    }
}

/// Asks at once, then every `every` and whenever the site has changed, until `stop`.
pub async fn run(watch: EngineWatch, live: Live, clock: Arc<dyn Clock>, every: Duration, stop: CancellationToken) {
    let mut numbers = live.numbers();
    loop {
        let found = ask(&live, clock.as_ref()).await;
        let before = std::mem::replace(&mut *watch.0.lock(), found.clone());
        tell(&before, &found, clock.now());
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            changed = numbers.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

async fn ask(live: &Live, clock: &dyn Clock) -> Vec<EngineState> {
    let rules = live.site().protection.clone();
    let mut found = Vec::new();
    if let Ok(place) = clamd::Place::parse(&rules.clamd) {
        let answer = Clamd::new(place).version().await.map(|version| (said(&version), version.made.unwrap_or_default()));
        found.push(state("clamd", &rules.clamd, answer, clock.now()));
    }
    if let Ok(place) = rspamd::Place::parse(&rules.rspamd) {
        let answer = Rspamd::new(place).ping().await.map(|version| (version, 0));
        found.push(state("rspamd", &rules.rspamd, answer, clock.now()));
    }
    found
}

fn said(version: &clamd::Version) -> String {
    version.signatures.map_or_else(|| version.engine.clone(), |number| format!("{}, {number}", version.engine))
}

fn state(name: &'static str, place: &str, answer: Result<(String, i64), outside::ScannerError>, asked: Timestamp) -> EngineState {
    let (up, version, made, cause) = match answer {
        Ok((version, made)) => (true, version, made, String::new()),
        Err(error) => (false, String::new(), 0, error.to_string()),
    };
    EngineState { name, place: place.to_owned(), up, version, data_made: Timestamp(made.saturating_mul(1_000_000)), asked, cause }
}

/// What is new about an engine goes to the log, once.
fn tell(before: &[EngineState], now: &[EngineState], at: Timestamp) {
    for engine in now {
        let old = before.iter().find(|old| old.name == engine.name);
        let (name, place) = (engine.name, &engine.place);
        match (old.map(|old| old.up), engine.up) {
            (Some(true) | None, false) => {
                tracing::warn!(event = "scanner.down", engine = name, place, cause = engine.cause, "it does not answer")
            }
            (Some(false) | None, true) => tracing::info!(event = "scanner.up", engine = name, place, version = engine.version),
            _ => {}
        }
        if let Some(age) = engine.old_by(at)
            && old.is_none_or(|old| old.data_made != engine.data_made)
        {
            tracing::warn!(
                event = "scanner.old",
                engine = name,
                place,
                days = age.as_secs() / 86_400,
                "its data are old; look after its updates"
            );
        }
    }
}
