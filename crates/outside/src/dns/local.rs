//! Names that the site gives itself: host entries and local zones, asked before DNS (mail-gateway's M-T10).
//!
//! `[mail] hosts = [{ ip, name }]` is an address both ways; `zones = [{ domain, host, mx, ip }]` is one MX host of a domain that
//! need not exist anywhere else: a `forward` or `smart_host` may name it. Nothing here is ever proven.

use std::net::IpAddr;

use model::Site;

use super::{Answer, MailExchanger, made};

fn is(name: &str, other: &str) -> bool {
    name.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// The MX hosts of a local zone.
pub(super) fn mx(site: &Site, domain: &str) -> Option<Answer<MailExchanger>> {
    let rows = site.mail.zones.iter().filter(|zone| is(&zone.domain, domain));
    let mut found: Vec<MailExchanger> =
        rows.map(|zone| MailExchanger { preference: zone.mx, host: zone.host.to_ascii_lowercase() }).collect();
    found.sort();
    found.dedup();
    (!found.is_empty()).then(|| made(domain, found))
}

/// The addresses of a host entry or of a local zone's host.
pub(super) fn addresses(site: &Site, host: &str) -> Option<Answer<IpAddr>> {
    let entries = site.mail.hosts.iter().filter(|entry| is(&entry.name, host)).map(|entry| entry.ip);
    let zones = site.mail.zones.iter().filter(|zone| is(&zone.host, host)).map(|zone| zone.ip);
    let mut found: Vec<IpAddr> = entries.chain(zones).collect();
    found.sort();
    found.dedup();
    (!found.is_empty()).then(|| made(host, found))
}

/// The names of an address by host entries.
pub(super) fn ptr(site: &Site, ip: IpAddr) -> Option<Answer<String>> {
    let found: Vec<String> = site.mail.hosts.iter().filter(|entry| entry.ip == ip).map(|entry| entry.name.to_ascii_lowercase()).collect();
    (!found.is_empty()).then(|| made(&ip.to_string(), found))
}
