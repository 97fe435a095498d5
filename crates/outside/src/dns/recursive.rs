//! The built-in recursive resolver (`[dns] recursive`): from the root's servers down, without anybody else's help.
//!
//! It needs port 53 open to the whole Internet, UDP and TCP. Everything is validated on the way unless `[dns] dnssec` is off. Name
//! servers in private networks are never asked, so that a stranger's delegation can't lead inside, but for the roots that
//! the settings name.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::net::NoRecords;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::recursor::{DnssecConfig, DnssecPolicy, Recursor, RecursorError, RecursorOptions};

use super::reading::{self, Found};
use super::{DnsError, DnsSettings, DnssecUse};

/// A question may need so many waits, one for each zone on the way.
const STEPS: u32 = 8;

/// The root's servers as IANA lists them.
const ROOTS: [&str; 26] = [
    "198.41.0.4",
    "170.247.170.2",
    "192.33.4.12",
    "199.7.91.13",
    "192.203.230.10",
    "192.5.5.241",
    "192.112.36.4",
    "198.97.190.53",
    "192.36.148.17",
    "192.58.128.30",
    "193.0.14.129",
    "199.7.83.42",
    "202.12.27.33",
    "2001:503:ba3e::2:30",
    "2801:1b8:10::b",
    "2001:500:2::c",
    "2001:500:2d::d",
    "2001:500:a8::e",
    "2001:500:2f::f",
    "2001:500:12::d0d",
    "2001:500:1::53",
    "2001:7fe::53",
    "2001:503:c27::2:30",
    "2001:7fd::1",
    "2001:500:9f::42",
    "2001:dc3::35",
];

/// See the file.
pub(super) struct Recursive {
    recursor: Recursor<TokioRuntimeProvider>,
    wait: Duration,
}

impl Recursive {
    pub(super) fn new(settings: &DnsSettings, anchors: Arc<TrustAnchors>) -> Result<Self, DnsError> {
        let own: Vec<IpAddr> = settings.roots.clone();
        let roots = if own.is_empty() { ROOTS.iter().filter_map(|ip| ip.parse().ok()).collect() } else { own.clone() };
        let options = RecursorOptions {
            // Whole messages of up to 64 KiB; what is asked for often is in our own cache above.
            response_cache_size: (settings.entries / 10).max(100),
            allow_server: own.into_iter().map(Into::into).collect(),
            ..RecursorOptions::default()
        };
        let policy = match settings.dnssec {
            DnssecUse::Off => DnssecPolicy::ValidationDisabled,
            DnssecUse::Auto | DnssecUse::On => {
                let mut config = DnssecConfig::default();
                config.trust_anchor = Some(anchors);
                DnssecPolicy::ValidateWithStaticKey(config)
            }
        };
        let recursor = Recursor::new(&roots, policy, None, options, TokioRuntimeProvider::default());
        let recursor = recursor.map_err(|error| DnsError::Configuration(error.to_string()))?;
        Ok(Self { recursor, wait: settings.timeout * STEPS })
    }

    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> (Result<Found, DnsError>, Duration) {
        let asked = self.recursor.resolve(Query::query(name.clone(), kind), Instant::now(), true);
        match tokio::time::timeout(self.wait, asked).await {
            Ok(Ok(message)) => reading::records(name, kind, &message.answers),
            Ok(Err(RecursorError::Net(error))) => reading::no(name, &error),
            Ok(Err(RecursorError::Negative(data))) => reading::no(name, &NoRecords::from(data).into()),
            Ok(Err(error)) => (Err(DnsError::Temporary(error.to_string())), Duration::ZERO),
            Err(_) => (Err(DnsError::Temporary("no answer in time".to_owned())), Duration::ZERO),
        }
    }
}
