//! What a gateway and the console exchange: how often, how much at once, and how much of single devices (mobile-gateway.md
//! G-14, G-31).
//!
//! Each configuration says it for itself. A node holds one copy of devices and policies for all of its configurations, so what it
//! does is what the most demanding of them wants.

use serde::{Deserialize, Serialize};

use super::{MobileGateway, Site};

/// Minutes between two bulk loads where nothing else is said.
pub const REFRESH_MINUTES: u32 = 60;
/// Minutes between two delta syncs where nothing else is said.
pub const DELTA_MINUTES: u32 = 10;
/// Things in one batch where nothing else is said.
pub const BATCH: u32 = 1_000;

/// `diagnostic`: requests of one device that are kept, for devices whose diagnostics are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diagnostic {
    /// So many of a device,
    pub count: u32,
    /// every so many minutes, at each node.
    pub every_minutes: u32,
}

impl Default for Diagnostic {
    fn default() -> Self {
        Self { count: 10, every_minutes: 60 }
    }
}

/// What a node does for all of its configurations that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Minutes between two bulk loads: the fewest that any wants; `None` while no configuration is on.
    pub refresh_minutes: Option<u32>,
    /// Minutes between two delta syncs: the fewest that any wants.
    pub delta_minutes: u32,
    /// Changes are in force at once: some configuration wants it, or none is on.
    pub push: bool,
    /// Sightings in one batch: the fewest that any wants.
    pub to_console: u32,
    /// Devices in one batch of a bulk load: the fewest that any wants.
    pub to_gateway: u32,
}

impl Site {
    /// What this node exchanges with the console, and how.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let on = || self.gateways.values().filter(|gateway| gateway.enabled);
        let fewest = |of: fn(&MobileGateway) -> u32| on().map(|gateway| of(gateway).max(1)).min();
        Exchange {
            refresh_minutes: fewest(|gateway| gateway.refresh_minutes),
            delta_minutes: fewest(|gateway| gateway.delta_minutes).unwrap_or(DELTA_MINUTES),
            push: on().next().is_none() || on().any(|gateway| gateway.realtime_push),
            to_console: fewest(|gateway| gateway.rate_to_console).unwrap_or(BATCH),
            to_gateway: fewest(|gateway| gateway.rate_to_gateway).unwrap_or(BATCH),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn g_14_g_31_a_node_does_what_the_most_demanding_configuration_wants() {
        let mut site = Site::default();
        let none = site.exchange();
        assert_eq!((none.refresh_minutes, none.delta_minutes, none.push, none.to_console), (None, 10, true, 1_000));
        let mut put = |id: &str, change: fn(&mut MobileGateway)| {
            let mut gateway = MobileGateway { id: id.into(), ..MobileGateway::default() };
            change(&mut gateway);
            site.gateways.insert(id.into(), Arc::new(gateway));
            site.exchange()
        };
        let first = put("a", |one| (one.refresh_minutes, one.realtime_push, one.rate_to_console) = (30, false, 10));
        assert_eq!((first.refresh_minutes, first.push, first.to_console, first.to_gateway), (Some(30), false, 10, 1_000));
        let off = put("b", |one| (one.enabled, one.refresh_minutes) = (false, 1));
        assert_eq!((off.refresh_minutes, off.push), (Some(30), false), "what is off wants nothing");
        let two = put("c", |one| (one.delta_minutes, one.rate_to_gateway) = (2, 7));
        assert_eq!((two.delta_minutes, two.push, two.to_gateway), (2, true, 7));
    }
}
