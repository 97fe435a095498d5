//! Levels of the log at run time (mobile-gateway.md G-32): one for everything, and one for each process of the mobile gate.
//!
//! Lines of targeted logging always pass.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use tracing_subscriber::filter::EnvFilter;

/// Words of levels, and what the filter calls them.
const WORDS: [(&str, &str); 7] =
    [("all", "trace"), ("trace", "trace"), ("debug", "debug"), ("info", "info"), ("warn", "warn"), ("error", "error"), ("off", "off")];

/// Processes, and the rooms that speak for them.
const PROCESSES: [(&str, &[&str]); 6] = [
    ("transactions", &["mobile::record", "mobile::steps"]),
    ("forwarding", &["mobile::forward", "mobile::upstream", "mobile::location"]),
    ("transforms", &["mobile::bodies", "content"]),
    ("policy_updates", &["sealgate::bridges", "store::live"]),
    ("reporting", &["store"]),
    ("mail", &["flow", "smtp"]),
];

type Change = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

struct Running {
    filter: Mutex<String>,
    changes: Vec<Change>,
}

static RUNNING: OnceLock<Running> = OnceLock::new();

/// The filter of this text, with targeted logging let through.
///
/// # Errors
/// A sentence: the text is no filter.
pub(super) fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("{text},{}=info", mobile::TARGET_LOG)).map_err(|e| e.to_string())
}

/// Takes note of what the process logs by, and of how to change it. Once a process.
pub(super) fn keep(text: &str, changes: Vec<Change>) {
    let _ = RUNNING.set(Running { filter: Mutex::new(text.to_owned()), changes });
}

/// The filter in force.
#[must_use]
pub fn now() -> String {
    RUNNING.get().and_then(|running| running.filter.lock().ok().map(|text| text.clone())).unwrap_or_default()
}

/// Sets levels until the end of the process, and says the filter.
///
/// # Errors
/// A sentence: an unknown word.
pub fn set(level: &str, processes: &BTreeMap<String, String>) -> Result<String, String> {
    let text = text(level, processes)?;
    let Some(running) = RUNNING.get() else { return Err("this process has no log".to_owned()) };
    for change in &running.changes {
        change(filter(&text)?)?;
    }
    if let Ok(mut kept) = running.filter.lock() {
        kept.clone_from(&text);
    }
    Ok(text)
}

fn text(level: &str, processes: &BTreeMap<String, String>) -> Result<String, String> {
    let mut parts = vec![word(level)?.to_owned()];
    for (name, level) in processes {
        let rooms = PROCESSES.iter().find(|(process, _)| process == name).map(|(_, rooms)| *rooms);
        let names = || PROCESSES.map(|(name, _)| name).join(", ");
        let rooms = rooms.ok_or_else(|| format!("{name:?} is no process; expected one of {}", names()))?;
        let level = word(level)?;
        parts.extend(rooms.iter().map(|room| format!("{room}={level}")));
    }
    Ok(parts.join(","))
}

fn word(level: &str) -> Result<&'static str, String> {
    let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(level)).map(|(_, level)| *level);
    found.ok_or_else(|| format!("{level:?} is no level; expected All, Trace, Debug, Info, Warn, Error or Off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_32_levels_by_process_become_one_filter() {
        let processes = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
        assert_eq!(text("Warn", &processes(&[])).unwrap(), "warn");
        let said = text("Off", &processes(&[("transactions", "All"), ("transforms", "debug")])).unwrap();
        assert_eq!(said, "off,mobile::record=trace,mobile::steps=trace,mobile::bodies=debug,content=debug");
        assert!(filter(&said).is_ok());
        assert!(text("loud", &processes(&[])).is_err() && text("info", &processes(&[("x", "info")])).is_err());
    }
}
