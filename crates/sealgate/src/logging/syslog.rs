//! Events to the receivers of syslog that the site names for this node (`[[system]] syslog`).
//!
//! A layer of the subscriber makes each event a message once and offers it to every receiver; none of that waits.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use logs::syslog::{Event, Forward, Origin, Settings, Severity, Target, message};
use model::site::SyslogTarget;
use model::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The receivers, as they are now.
#[derive(Debug)]
pub struct Receivers {
    origin: ArcSwap<Origin>,
    all: ArcSwap<Vec<Arc<Forward>>>,
}

impl Receivers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let origin = Origin { host: String::new(), process: std::process::id() };
        Self { origin: ArcSwap::from_pointee(origin), all: ArcSwap::default() }
    }

    /// From now on these; one that was there before keeps its queue and its connection. On the present runtime.
    pub fn set(&self, host: &str, wanted: &[SyslogTarget]) {
        if self.origin.load().host != host {
            self.origin.store(Arc::new(Origin { host: host.to_owned(), process: std::process::id() }));
        }
        let now = self.all.load_full();
        let targets: Vec<Target> = wanted.iter().filter_map(|one| Target::parse(&one.target, &one.ca).ok()).collect();
        if now.iter().map(|forward| &forward.target).eq(&targets) {
            return;
        }
        let next = targets.into_iter().map(|target| {
            let kept = now.iter().find(|forward| forward.target == target).cloned();
            kept.unwrap_or_else(|| Arc::new(Forward::start(target, Settings::default())))
        });
        self.all.store(Arc::new(next.collect()));
    }

    /// Tells metrics what was dropped so far.
    pub fn count(&self) {
        for forward in self.all.load().iter() {
            metrics::counter!("sealgate_syslog_dropped_total", "receiver" => forward.target.text.clone()).absolute(forward.dropped());
        }
    }
}

/// The subscriber's layer.
pub struct Syslog(pub Arc<Receivers>);

impl<S: Subscriber> Layer<S> for Syslog {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let receivers = self.0.all.load();
        if receivers.is_empty() {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let severity = match (fields.level, *event.metadata().level()) {
            (Some(level), _) if fields.event.name == "rule.log" => Severity::of_rule(level),
            (_, Level::ERROR) => Severity::ERROR,
            (_, Level::WARN) => Severity::WARNING,
            (_, Level::INFO) => Severity::INFO,
            _ => Severity::DEBUG,
        };
        let text: Arc<str> = message::format(&self.0.origin.load(), SystemClock.now(), severity, &fields.event).into();
        receivers.iter().for_each(|forward| forward.offer(&text));
    }
}

/// An event's fields as texts.
#[derive(Default)]
struct Fields {
    event: Event,
    level: Option<u64>,
}

impl Fields {
    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.event.words = value,
            "event" => self.event.name = value,
            "trace" => self.event.trace = value,
            name => self.event.fields.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "level" {
            self.level = Some(value);
        }
        self.take(field, value.to_string());
    }
}
