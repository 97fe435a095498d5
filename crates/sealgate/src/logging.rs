//! Log lines on standard error, the message stories on disk, and both as syslog to elsewhere.
//!
//! A step of a mail's or request's story is an event with the field `event` (a fixed name of the contract, such as
//! `mail.accepted`) and `trace`, or `peer` where a client is refused before its mail has an id. All such events also go to
//! `<data>/log/story.jsonl`, one JSON object a line, for later searches (`logs`). Never logged: secrets, bodies, Authorization, Cookie;
//! subjects only where switched on.

mod keeping;
pub mod levels;
mod syslog;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use logs::Stories;
use model::SystemClock;
use tokio::sync::Notify;
use tracing::Metadata;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt, reload};

pub use keeping::keep;
use syslog::{Receivers, Syslog};

use crate::config::{Log, LogFormat};

/// What a node has to look after.
#[derive(Debug, Clone)]
pub struct Logging {
    stories: Option<Arc<Stories>>,
    rotated: Arc<Notify>,
    receivers: Arc<Receivers>,
}

/// Starts logging for the rest of the process. `data` is `None` for commands that run without a node.
///
/// # Errors
/// When the level is no filter, or the story file can't be opened.
pub fn start(settings: &Log, data: Option<&Path>) -> Result<Logging, String> {
    let filter = || {
        levels::filter(&settings.level).map_err(|e| format!("log.level {:?}: {e}; write error, warn, info, debug or trace", settings.level))
    };
    let (of_lines, lines_handle) = reload::Layer::new(filter()?);
    let (of_syslog, syslog_handle) = reload::Layer::new(filter()?);
    let lines = match settings.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr).boxed(),
        LogFormat::Text => fmt::layer().with_target(false).with_writer(std::io::stderr).boxed(),
    };
    let rotated = Arc::new(Notify::new());
    let stories = data.map(|data| open(data, rotated.clone())).transpose()?;
    let story = stories.clone().map(|stories| {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_target(false)
            .fmt_fields(JsonFields::new())
            .with_writer(move || Lines(stories.clone()))
            .with_filter(FilterFn::new(is_story))
    });
    let receivers = Arc::new(Receivers::new());
    let syslog = Syslog(receivers.clone()).with_filter(of_syslog);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(of_lines)).with(story).with(syslog);
    tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())?;
    let said = |error: reload::Error| error.to_string();
    levels::keep(
        &settings.level,
        vec![
            Box::new(move |filter| lines_handle.reload(filter).map_err(said)),
            Box::new(move |filter| syslog_handle.reload(filter).map_err(said)),
        ],
    );
    Ok(Logging { stories, rotated, receivers })
}

fn open(data: &Path, rotated: Arc<Notify>) -> Result<Arc<Stories>, String> {
    let folder = data.join("log");
    let stories = Stories::open(&folder, Arc::new(SystemClock), move || rotated.notify_one());
    stories.map(Arc::new).map_err(|e| format!("{}: {e}", folder.display()))
}

fn is_story(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    fields.field("event").is_some() && (fields.field("trace").is_some() || fields.field("peer").is_some())
}

/// The subscriber writes each event as one whole line.
struct Lines(Arc<Stories>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
