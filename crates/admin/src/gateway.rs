//! `[[mobile.gateway]]`: what a valid configuration of the mobile gate looks like.

use model::site::{MobileGateway, REPORT_OPTIONAL, REPORT_REQUIRED, Section};
use model::{Fault, Right};

use crate::error::bad_field;
use crate::record::{Record, line, name};

/// Words of `kind`.
const KINDS: [&str; 6] = ["exchange", "online", "traveler", "google", "groupwise", "other"];
/// Mail servers, listeners, networks of one gateway at most.
const MOST: usize = 50;

impl Record for MobileGateway {
    const SECTION: Section = Section::Gateway;
    const RIGHT: Right = Right::MobileGateways;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        name("mobile.gateway.id", &self.id)?;
        line("mobile.gateway.name", &self.name)?;
        line("mobile.gateway.version", &self.version)?;
        crate::content_policy::check_gateway(self)?;
        if !KINDS.contains(&self.kind.as_str()) {
            return Err(bad_field("mobile.gateway.kind", format!("expected one of {}", KINDS.join(", "))));
        }
        mail_servers(self)?;
        external_url(&self.external_url)?;
        if self.listens().count() != self.listen.split_whitespace().count() || self.listens().count() > MOST {
            return Err(bad_field("mobile.gateway.listen", "expected addresses of listeners, as in 192.0.2.1:443"));
        }
        if self.trusted_proxies.len() > MOST {
            return Err(bad_field("mobile.gateway.trusted_proxies", format!("expected at most {MOST} networks")));
        }
        reported("mobile.gateway.report_required", &self.report_required, &REPORT_REQUIRED)?;
        reported("mobile.gateway.report_optional", &self.report_optional, &REPORT_OPTIONAL)
    }
}

/// Commands by their names, each once.
fn reported(field: &str, named: &[String], known: &[&str]) -> Result<(), Fault> {
    let odd = named.iter().enumerate().any(|(n, name)| !known.contains(&name.as_str()) || named.iter().take(n).any(|other| other == name));
    if odd { Err(bad_field(field, format!("expected names of {}", known.join(", ")))) } else { Ok(()) }
}

/// All of one scheme and path, because a request is written before it is known which of them takes it.
fn mail_servers(gateway: &MobileGateway) -> Result<(), Fault> {
    const FIELD: &str = "mobile.gateway.mail_server";
    let parts: Option<Vec<_>> = gateway.mail_servers().map(parts).collect();
    match parts.as_deref() {
        Some([(scheme, _, path), rest @ ..]) if rest.len() < MOST => {
            if rest.iter().all(|(other, _, way)| other == scheme && way.trim_end_matches('/') == path.trim_end_matches('/')) {
                return Ok(());
            }
            Err(bad_field(FIELD, "expected one scheme and one path for all of its servers"))
        }
        _ => Err(bad_field(FIELD, "expected https://host[:port][/path], or a list of such")),
    }
}

fn external_url(url: &str) -> Result<(), Fault> {
    const FIELD: &str = "mobile.gateway.external_url";
    if url.is_empty() {
        return Ok(());
    }
    let fits = parts(url).is_some_and(|(scheme, host, path)| {
        let name = host.split(':').next().unwrap_or_default();
        scheme == "https" && path.trim_end_matches('/').is_empty() && model::address::normal_domain(name).is_some()
    });
    if fits { Ok(()) } else { Err(bad_field(FIELD, "expected https://host[:port], as in https://mail.company.example")) }
}

/// Scheme, authority, path; `None` if it is no plain URL.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))?;
    let clean = !rest.contains(|c: char| c.is_whitespace() || c.is_control() || "@#?\\".contains(c));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    (clean && !host.is_empty() && !host.starts_with(':')).then_some((scheme, host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(toml: &str) -> Result<(), String> {
        let gateway: MobileGateway = toml::from_str(&format!("id = 'a'\n{toml}")).unwrap();
        gateway.check().map_err(|fault| fault.cause.into_owned() + &format!("{:?}", fault.args))
    }

    #[test]
    fn g_1_g_37_g_38_what_a_gateway_may_say() {
        for good in [
            "mail_server = 'https://mail.example/Microsoft-Server-ActiveSync'",
            "mail_server = 'http://127.0.0.1:20000'",
            "mail_server = 'https://[2001:db8::1]:443'",
            "mail_server = ['https://a.example', 'https://b.example:444/']",
            "mail_server = 'https://m'\nexternal_url = 'https://Mail.Company.example:8443/'\nlisten = ['127.0.0.1:9443', '[::1]:443']",
            "mail_server = 'https://m'\nkind = 'traveler'\nversion = '8.5.3'\ntrusted_proxies = ['10.0.0.0/8']",
        ] {
            assert_eq!(said(good), Ok(()), "{good}");
        }
        for bad in [
            "mail_server = 'mail.example'",
            "mail_server = ''",
            "mail_server = 'https://'",
            "mail_server = 'https://user@mail.example'",
            "mail_server = 'https://m/x#y'",
            "mail_server = ['https://a.example', 'http://b.example']",
            "mail_server = ['https://a.example/x', 'https://b.example/y']",
            "mail_server = 'https://m'\nkind = 'sendmail'",
            "mail_server = 'https://m'\nexternal_url = 'http://mail.example'",
            "mail_server = 'https://m'\nexternal_url = 'https://mail.example/path'",
            "mail_server = 'https://m'\nexternal_url = 'mail.example'",
            "mail_server = 'https://m'\nlisten = 'here:443'",
        ] {
            assert!(said(bad).is_err(), "{bad}");
        }
    }
}
