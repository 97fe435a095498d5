//! The second step: may this device have mail?
//!
//! Facts in memory only, one probe per device. Comes after the request is identified and before anything is sent; it is
//! asked again for every hanging request when facts change. The order is mobile-gateway.md G-12: the path was looked at
//! before, then black and white list, then what others have blocked, then the policies in their order; the first that blocks
//! decides.

use activesync::{Command, Version};
use model::device::{Decision, Device, DeviceId, External, Override, Reason};
use model::ports::DeviceFacts;
use model::site::PolicyRule;
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
    /// What it asks for.
    pub place: SubjectPlace,
}

/// What a request asks for, as far as policies care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectPlace {
    /// ActiveSync.
    #[default]
    ActiveSync,
    /// Exchange Web Services: every policy is asked, about a device of which nothing is known (G-6).
    Ews,
    /// Web mail and Autodiscover, which give no mail to a device: only what is said of their user counts.
    Web,
}

/// Decides, at this time. All policies are off at first; a device that nobody knows is judged like any other, and is compliant then.
#[must_use]
pub fn decide(subject: &Subject<'_>, site: &Site, devices: &dyn DeviceFacts, now: Timestamp) -> Decision {
    let device = subject.device.and_then(|id| devices.device(subject.user, id));
    let reason = match device.as_ref().map_or(Override::Default, |device| device.override_) {
        Override::Blacklist => Reason::Blacklisted,
        Override::Whitelist => Reason::Whitelisted,
        Override::Default => by_others(device.as_ref(), site).unwrap_or_else(|| by_policies(subject, device.as_ref(), site, now)),
    };
    Decision { allowed: site.mobile.test_mode || !reason.blocks(), reason }
}

/// Somebody else's word, as it was told through the API: the narrower one first. Our own lists come before it, like before policies.
fn by_others(device: Option<&Device>, site: &Site) -> Option<Reason> {
    let told = device.and_then(|device| device.reported.as_ref()?.external);
    told.map(External::reason).or_else(|| site.mobile.external_block.then_some(Reason::ExternalGlobal))
}

/// What the policies say. While they are not whole nobody knows that: nothing passes, or, by setting, all does (G-14).
fn by_policies(subject: &Subject<'_>, device: Option<&Device>, site: &Site, now: Timestamp) -> Reason {
    if !site.policies_missing.is_empty() {
        return if is_open_without(subject, site) { Reason::NoPolicyOpen } else { Reason::NoPolicy };
    }
    policies::blocks(subject, device, site, now).unwrap_or(Reason::Compliant)
}

/// True if mail flows by this configuration although there are no policies.
fn is_open_without(subject: &Subject<'_>, site: &Site) -> bool {
    subject.gateway.and_then(|id| site.gateways.get(id)).is_some_and(|gateway| gateway.allow_without_policies)
}

/// What the next request of a known device would be decided to, by what it said last and by the configuration by which it came
/// (empty: not known). For lists and compliance runs.
#[must_use]
pub fn standing(device: &Device, gateway: &str, site: &Site, now: Timestamp) -> Decision {
    let subject = Subject::of(device, gateway, site);
    let reason = match device.override_ {
        Override::Blacklist => Reason::Blacklisted,
        Override::Whitelist => Reason::Whitelisted,
        Override::Default => by_others(Some(device), site).unwrap_or_else(|| by_policies(&subject, Some(device), site, now)),
    };
    Decision { allowed: site.mobile.test_mode || !reason.blocks(), reason }
}

/// True if this policy, on or off, would block this device if it were the only one. Devices on a list are asked no policy.
#[must_use]
pub fn would_block(rule: &PolicyRule, device: &Device, site: &Site, now: Timestamp) -> bool {
    device.override_ == Override::Default && policies::alone(rule, &Subject::of(device, "", site), device, now)
}

impl<'a> Subject<'a> {
    /// As this device spoke last, by this configuration, or by the only one there is.
    fn of(device: &'a Device, gateway: &'a str, site: &'a Site) -> Self {
        let Device { user, id, device_type, agent, .. } = device;
        let only = || crate::arrival::only_gateway(site).map(|gateway| gateway.id.as_str());
        let gateway = if gateway.is_empty() { only() } else { Some(gateway) };
        Self { user, device: Some(id), device_type, agent, command: None, version: None, gateway, place: SubjectPlace::ActiveSync }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::device::{Orders, Reported};
    use model::site::{MobilePolicy, MobileSettings};

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
                orders: Orders::default(),
            })
        }
    }

    fn carols<'a>(device: &'a DeviceId, gateway: Option<&'a str>) -> Subject<'a> {
        Subject {
            user: "carol",
            device: Some(device),
            device_type: "iPhone",
            agent: "",
            command: None,
            version: None,
            gateway,
            place: SubjectPlace::ActiveSync,
        }
    }

    fn judged(id: &str, override_: Override, test_mode: bool, policies: &[&str]) -> String {
        let id = DeviceId::parse(id).unwrap();
        let subject = carols(&id, None);
        let mut site = Site { mobile: Arc::new(MobileSettings { test_mode, ..MobileSettings::default() }), ..Site::default() };
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
    fn g_14_without_policies_nothing_passes_or_all_by_setting() {
        let id = DeviceId::parse("d1").unwrap();
        let by = Some("west");
        let subject = carols(&id, by);
        let mut site = Site::default();
        site.policies_missing.insert("compromised".to_owned());
        let code = |site: &Site, known: Override| decide(&subject, site, &Named(known), Timestamp(0)).code().into_owned();
        assert_eq!(code(&site, Override::Default), "no_policy");
        assert_eq!(code(&site, Override::Whitelist), "whitelisted", "lists come first");
        let text = r#"{"id":"west","mail_server":"https://mail.company.example","allow_without_policies":true}"#;
        site.gateways.insert("west".to_owned(), Arc::new(serde_json::from_str(text).unwrap()));
        assert_eq!(code(&site, Override::Default), "no_policy_open");
        assert_eq!(code(&site, Override::Blacklist), "blacklisted");
    }

    /// Every device has this ruling.
    struct Named(Override);

    impl DeviceFacts for Named {
        fn device(&self, user: &str, id: &DeviceId) -> Option<Device> {
            let none = String::new;
            let device = Device {
                id: id.clone(),
                user: user.into(),
                override_: self.0,
                device_type: none(),
                agent: none(),
                last_seen: Timestamp(0),
                reported: None,
                orders: Orders::default(),
            };
            Some(device)
        }
    }

    #[test]
    fn g_13_a_known_device_stands_as_its_next_request_would() {
        let device = |override_, kind: &str| Device {
            id: DeviceId::parse("known").unwrap(),
            user: "carol".into(),
            override_,
            device_type: kind.into(),
            agent: String::new(),
            last_seen: Timestamp(5),
            reported: None,
            orders: Orders::default(),
        };
        let mut site = Site::default();
        let policy = r#"{"type":"eas_device_type","enabled":true,"action":"block","list":["iphone"]}"#;
        let rule = Arc::new(PolicyRule::new(serde_json::from_str(policy).unwrap()).unwrap());
        site.policies.insert((rule.kind, "eas_device_type".to_owned()), rule.clone());
        let code = |device: &Device, site: &Site| standing(device, "", site, Timestamp(9)).code().into_owned();
        let (phone, tablet) = (device(Override::Default, "iPhone"), device(Override::Default, "iPad"));
        assert_eq!((code(&phone, &site), code(&tablet, &site)), ("eas_device_type".into(), "compliant".into()));
        assert_eq!(code(&device(Override::Whitelist, "iPhone"), &site), "whitelisted");
        assert_eq!(code(&device(Override::Blacklist, "iPad"), &site), "blacklisted");
        let counted = |device: &Device| would_block(&rule, device, &site, Timestamp(9));
        assert!(counted(&phone) && !counted(&tablet) && !counted(&device(Override::Whitelist, "iPhone")));
        site.mobile = Arc::new(MobileSettings { test_mode: true, ..MobileSettings::default() });
        assert_eq!(code(&phone, &site), "test_mode:eas_device_type");
    }

    #[test]
    fn g_12a_what_others_have_blocked_comes_after_our_lists_and_before_policies() {
        let device = |override_, external| Device {
            id: DeviceId::parse("known").unwrap(),
            user: "carol".into(),
            override_,
            device_type: "iPhone".into(),
            agent: String::new(),
            last_seen: Timestamp(5),
            reported: Some(Arc::new(Reported { external, ..Reported::default() })),
            orders: Orders::default(),
        };
        let code = |device: &Device, site: &Site| standing(device, "", site, Timestamp(9)).code().into_owned();
        let mut site = Site::default();
        let policy = r#"{"type":"eas_device_type","enabled":true,"action":"block","list":["iphone"]}"#;
        let rule = Arc::new(PolicyRule::new(serde_json::from_str(policy).unwrap()).unwrap());
        site.policies.insert((rule.kind, "eas_device_type".to_owned()), rule);
        let (all, one) = (Some(External::Global), Some(External::Individual));
        for (override_, external, wanted) in [
            (Override::Default, all, "external_global"),
            (Override::Default, one, "external_individual"),
            (Override::Default, None, "eas_device_type"),
            (Override::Whitelist, one, "whitelisted"),
            (Override::Blacklist, one, "blacklisted"),
        ] {
            assert_eq!(code(&device(override_, external), &site), wanted);
        }
        site.mobile = Arc::new(MobileSettings { external_block: true, ..MobileSettings::default() });
        assert_eq!(code(&device(Override::Default, None), &site), "external_global", "for all");
        assert_eq!(code(&device(Override::Default, one), &site), "external_individual");
        assert_eq!(code(&device(Override::Whitelist, None), &site), "whitelisted");
        site.policies_missing.insert("compromised".to_owned());
        assert_eq!(code(&device(Override::Default, None), &site), "external_global");
    }

    #[test]
    fn g_12_test_mode_blocks_nothing_and_says_what_it_would() {
        assert_eq!(judged("known", Override::Blacklist, true, &[]), "true test_mode:blacklisted");
        assert_eq!(judged("known", Override::Default, true, &["user"]), "true test_mode:user");
        assert_eq!(judged("known", Override::Default, true, &[]), "true compliant");
    }
}
