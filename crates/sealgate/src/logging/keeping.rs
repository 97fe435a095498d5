//! Looks after the log while the node runs: rotation of the stories as the site wishes, putting away, forgetting (`[logs]`), and where
//! syslog goes (`[[system]] syslog`).

use std::path::PathBuf;
use std::time::Duration;

use logs::Keeper;
use model::{Clock, Facts, SystemClock};
use store::Live;
use tokio_util::sync::CancellationToken;

use super::Logging;

/// How often it looks at most and at least although nothing was rotated: a quiet log, too, is put away in time.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Runs until `stop`.
pub async fn keep(logging: Logging, folder: PathBuf, live: Live, node: String, stop: CancellationToken) {
    let Some(stories) = logging.stories else { return };
    let keeper = Keeper::new(&folder);
    let mut pause = Duration::ZERO;
    let mut numbers = live.numbers();
    let mut lost = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = logging.rotated.notified() => {}
            changed = numbers.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        let site = live.site();
        let host = if site.mail.hostname.is_empty() { crate::bridges::own_name() } else { site.mail.hostname.clone() };
        logging.receivers.set(&host, site.systems.get(&node).map_or(&[], |system| &system.syslog));
        logging.receivers.count();
        let settings = &site.logs;
        stories.rotate_every(settings.rotate.0);
        pause = settings.rotate.0.clamp(EVERY.0, EVERY.1);
        stories.look();
        round(&keeper, settings.days).await;
        let now_lost = stories.lost();
        if now_lost > lost {
            tracing::warn!(event = "log.lost", lines = now_lost - lost, "lines of the stories could not be written");
            metrics::counter!("sealgate_log_lost_total").increment(now_lost - lost);
            lost = now_lost;
        }
    }
}

async fn round(keeper: &Keeper, days: u32) {
    let keeper = keeper.clone();
    let done = tokio::task::spawn_blocking(move || keeper.round(days, SystemClock.now())).await;
    match done {
        Ok(Ok(round)) if round == logs::keeper::Round::default() => {}
        Ok(Ok(round)) => {
            let (archived, raw, packed, forgotten) = (round.archived, round.raw, round.packed, round.forgotten);
            tracing::info!(event = "log.kept", archived, raw, packed, forgotten, "stories were put away");
        }
        Ok(Err(cause)) => tracing::warn!(event = "log.unkept", %cause, "stories could not be put away; it is tried again"),
        Err(cause) => tracing::warn!(event = "log.unkept", %cause, "stories could not be put away; it is tried again"),
    }
}
