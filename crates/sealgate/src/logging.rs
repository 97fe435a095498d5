//! Log lines on standard error, and the message stories on disk.
//!
//! A step of a mail's or request's story is an event with the fields `event` (a fixed name of the contract, such as
//! `mail.accepted`) and `trace`. All such events also go to `<data>/log/story.jsonl`, one JSON object a line, for later
//! searches. Never logged: secrets, bodies, Authorization, Cookie; subjects only where switched on.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use tracing::Metadata;
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{Log, LogFormat};

/// Starts logging for the rest of the process. `data` is `None` for commands that run without a node.
///
/// # Errors
/// When the level is no filter, or the story file can't be opened.
pub fn start(settings: &Log, data: Option<&Path>) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|e| format!("log.level {:?}: {e}; write error, warn, info, debug or trace", settings.level))?;
    let lines = match settings.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr).boxed(),
        LogFormat::Text => fmt::layer().with_target(false).with_writer(std::io::stderr).boxed(),
    };
    let story = data.map(story_file).transpose()?.map(|file| {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_target(false)
            .fmt_fields(JsonFields::new())
            .with_writer(Mutex::new(file))
            .with_filter(FilterFn::new(is_story))
    });
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter)).with(story);
    tracing::subscriber::set_global_default(subscriber).map_err(|e| e.to_string())
}

fn story_file(data: &Path) -> Result<File, String> {
    let path = data.join("log/story.jsonl");
    File::options().create(true).append(true).open(&path).map_err(|e| format!("{}: {e}", path.display()))
}

fn is_story(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    fields.field("event").is_some() && fields.field("trace").is_some()
}
