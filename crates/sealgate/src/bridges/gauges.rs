//! Numbers of the running node for metrics, health and the home page.

use std::sync::Arc;

use flow::MailGate;
use flow::queue::Queue;
use mobile::MobileGate;
use store::Live;

use crate::listeners::metrics::{Readiness, Refresh};

/// What the numbers are read from.
#[derive(Clone)]
pub struct Gauges {
    /// The queue, on a node with the role `mail`.
    pub queue: Option<Arc<Queue>>,
    /// The mail gate.
    pub mail: Option<MailGate>,
    /// The mobile gate.
    pub phones: Option<Arc<MobileGate>>,
    /// The site in memory.
    pub live: Live,
}

impl Gauges {
    /// True while the node takes work. It takes mail without its store; phones need a gateway that is on only if they are
    /// this node's only work.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Arc::new(|| true)
    }

    /// Puts the present numbers into the metrics.
    #[must_use]
    pub fn refresh(&self) -> Refresh {
        let own = self.clone();
        Arc::new(move || own.put())
    }

    fn put(&self) {
        let set = |name: &'static str, value: u64| metrics::gauge!(name).set(value as f64);
        if let Some(queue) = &self.queue {
            let counts = queue.counts();
            set("sealgate_queue_mails", counts.mails);
            set("sealgate_queue_oldest_seconds", counts.oldest_seconds);
            set("sealgate_queue_disk_bytes", counts.disk_bytes);
            set("sealgate_effects_waiting", counts.effects_waiting);
        }
        if let Some(mail) = &self.mail {
            set("sealgate_smtp_sessions", mail.open_sessions() as u64);
        }
        if let Some(phones) = &self.phones {
            let counts = phones.counts();
            set("sealgate_phone_requests_allowed", counts.allowed);
            set("sealgate_phone_requests_blocked", counts.blocked);
            set("sealgate_phone_requests_running", counts.running as u64);
        }
        set("sealgate_store_up", u64::from(self.live.store_is_there()));
        set("sealgate_devices_known", self.live.device_count() as u64);
    }
}
