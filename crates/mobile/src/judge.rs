//! The second step: may this device have mail?
//!
//! Facts in memory only, one probe per device. Comes after the request is identified and before anything is sent; it is
//! asked again for every hanging request when facts change. The order is mobile-gateway.md G-12: the path was looked at
//! before, then black and white list, then the policies in their order; the first that blocks decides.

use activesync::{Command, Version};
use model::device::{Decision, DeviceId, Override, Reason};
use model::ports::DeviceFacts;
use model::{Site, Timestamp};

use crate::policies;

/// Whom a decision is about. Borrowed from the request, or made up by `mobile decide`.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user as compared ([`model::device::user_key`]).
    pub user: &'a str,
    /// The device, if the request names one; OPTIONS does not.
    pub device: Option<&'a DeviceId>,
    /// `DeviceType=`.
    pub device_type: &'a str,
    /// User-Agent.
    pub agent: &'a str,
    /// The command, if it is one.
    pub command: Option<Command>,
    /// The protocol version, if it is named.
    pub version: Option<Version>,
    /// Id of the configuration that the request belongs to.
    pub gateway: Option<&'a str>,
}

/// Decides, at this time. All policies are off at first; a device that nobody knows is judged like any other, and is compliant then.
#[must_use]
pub fn decide(subject: &Subject<'_>, site: &Site, devices: &dyn DeviceFacts, now: Timestamp) -> Decision {
    let device = subject.device.and_then(|id| devices.device(subject.user, id));
    let reason = match device.as_ref().map_or(Override::Default, |device| device.override_) {
        Override::Blacklist => Reason::Blacklisted,
        Override::Whitelist => Reason::Whitelisted,
        Override::Default => policies::blocks(subject, device.as_ref(), site, now).unwrap_or(Reason::Compliant),
    };
    Decision { allowed: site.mobile.test_mode || !reason.blocks(), reason }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::device::Device;
    use model::site::{MobilePolicy, MobileSettings, PolicyRule};

    use super::*;

    struct Known(Override);

    impl DeviceFacts for Known {
        fn device(&self, user: &str, id: &DeviceId) -> Option<Device> {
            (user == "carol" && id.as_str() == "known").then(|| Device {
                id: id.clone(),
                user: user.into(),
                override_: self.0,
                device_type: String::new(),
                agent: String::new(),
                last_seen: Timestamp(0),
                reported: None,
            })
        }
    }

    fn judged(id: &str, override_: Override, test_mode: bool, policies: &[&str]) -> String {
        let id = DeviceId::parse(id).unwrap();
        let subject =
            Subject { user: "carol", device: Some(&id), device_type: "iPhone", agent: "", command: None, version: None, gateway: None };
        let mut site = Site { mobile: Arc::new(MobileSettings { test_mode }), ..Site::default() };
        for kind in policies {
            let text = format!(r#"{{"type":"{kind}","enabled":true,"action":"block","list":["carol","iphone"]}}"#);
            let policy: MobilePolicy = serde_json::from_str(&text).unwrap();
            let rule = PolicyRule::new(policy).unwrap();
            site.policies.insert((rule.kind, (*kind).to_owned()), Arc::new(rule));
        }
        let decision = decide(&subject, &site, &Known(override_), Timestamp(0));
        format!("{} {}", decision.allowed, decision.code())
    }

    #[test]
    fn g_12_lists_come_before_policies_and_the_first_block_decides() {
        assert_eq!(judged("other", Override::Blacklist, false, &[]), "true compliant", "nobody knows it");
        assert_eq!(judged("KNOWN", Override::Blacklist, false, &["user"]), "false blacklisted");
        assert_eq!(judged("known", Override::Whitelist, false, &["user"]), "true whitelisted");
        assert_eq!(judged("known", Override::Default, false, &["mail_client", "eas_device_type", "user"]), "false user");
        assert_eq!(judged("other", Override::Default, false, &["mail_client", "eas_device_type"]), "false eas_device_type");
    }

    #[test]
    fn g_12_test_mode_blocks_nothing_and_says_what_it_would() {
        assert_eq!(judged("known", Override::Blacklist, true, &[]), "true test_mode:blacklisted");
        assert_eq!(judged("known", Override::Default, true, &["user"]), "true test_mode:user");
        assert_eq!(judged("known", Override::Default, true, &[]), "true compliant");
    }
}
