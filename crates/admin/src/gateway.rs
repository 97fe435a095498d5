//! `[[mobile.gateway]]`: what a valid configuration of the mobile gate looks like.

use model::site::{MobileGateway, OutboundProxy, REPORT_OPTIONAL, REPORT_REQUIRED, Section, SmimeLookup};
use model::{Fault, Right};

use crate::error::{bad_field, not_available};
use crate::record::{Record, line, name, sealed};
use crate::secrets::{Secrets, placeholder};

/// Words of `kind`.
pub const KINDS: [&str; 6] = ["exchange", "online", "traveler", "google", "groupwise", "other"];
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
        self.webmail_paths.iter().try_for_each(|path| webmail_path(path))?;
        match self.tls.as_str() {
            "own" => {}
            "terminated_before" if self.trusted_proxies.is_empty() => {
                return Err(bad_field("mobile.gateway.trusted_proxies", "expected the proxies that take TLS off"));
            }
            "terminated_before" => {}
            _ => return Err(bad_field("mobile.gateway.tls", "expected own or terminated_before")),
        }
        proxy("mobile.gateway.proxy_mail", &self.proxy_mail)?;
        proxy("mobile.gateway.proxy_api", &self.proxy_api)?;
        lookup(&self.smime_lookup)?;
        if self.redirect_hosts.len() > MOST || self.webmail_paths.len() > MOST {
            return Err(bad_field("mobile.gateway.redirect_hosts", format!("expected at most {MOST} hosts and paths")));
        }
        self.redirect_hosts.iter().try_for_each(|host| redirect_host(host))?;
        if self.trusted_proxies.len() > MOST {
            return Err(bad_field("mobile.gateway.trusted_proxies", format!("expected at most {MOST} networks")));
        }
        exchange(self)?;
        crate::profiles::check(&self.profiles)?;
        reported("mobile.gateway.report_required", &self.report_required, &REPORT_REQUIRED)?;
        reported("mobile.gateway.report_optional", &self.report_optional, &REPORT_OPTIONAL)
    }

    fn take_secrets(&mut self) -> Secrets {
        let names = [self.proxy_secret(), self.proxy_api_secret(), self.lookup_secret()];
        let mut secrets = Secrets::new();
        let passwords = [&mut self.proxy_mail.password, &mut self.proxy_api.password, &mut self.smime_lookup.password];
        for (name, password) in names.into_iter().zip(passwords) {
            if !password.is_empty() {
                let password = std::mem::replace(password, placeholder(&name));
                secrets.extend(sealed(&name, &password));
            }
        }
        secrets
    }
}

/// Who signs in needs a user and a password.
fn proxy(field: &str, proxy: &OutboundProxy) -> Result<(), Fault> {
    if *proxy == OutboundProxy::default() {
        return Ok(());
    }
    if !parts(&proxy.url).is_some_and(|(scheme, _, path)| scheme == "http" && path.trim_end_matches('/').is_empty()) {
        return Err(bad_field(field, "url: expected http://host[:port]"));
    }
    let named = !proxy.user.is_empty() && !proxy.password.is_empty();
    match proxy.auth.as_str() {
        "" | "none" if proxy.user.is_empty() && proxy.password.is_empty() => Ok(()),
        "" | "none" => Err(bad_field(field, "auth: expected basic where there is a user or a password")),
        "negotiate" => Err(not_available(&format!("{field} auth negotiate"))),
        "basic" if named && !proxy.user.contains(':') && !proxy.user.chars().any(char::is_control) => Ok(()),
        "basic" => Err(bad_field(field, "expected a user (without a colon) and a password")),
        _ => Err(bad_field(field, "auth: expected none or basic")),
    }
}

/// A directory that can be asked, by a way that it can be signed in.
fn lookup(lookup: &SmimeLookup) -> Result<(), Fault> {
    const FIELD: &str = "mobile.gateway.smime_lookup";
    if lookup.is_none() {
        let idle = lookup.user.is_empty() && lookup.password.is_empty();
        return if idle { Ok(()) } else { Err(bad_field(FIELD, "url: expected a directory where there is a user or a password")) };
    }
    outside::ldap_certificates::Repository::parse(&lookup.url, &lookup.attribute).map_err(|expected| bad_field(FIELD, expected))?;
    let plain = |text: &str| text.len() <= 1_000 && !text.chars().any(char::is_control);
    match lookup.auth.as_str() {
        "anonymous" if lookup.user.is_empty() && lookup.password.is_empty() => Ok(()),
        "anonymous" => Err(bad_field(FIELD, "auth: expected basic where there is a user or a password")),
        "basic" if !lookup.user.is_empty() && !lookup.password.is_empty() && plain(&lookup.user) => Ok(()),
        "basic" => Err(bad_field(FIELD, "expected a user and a password")),
        _ => Err(bad_field(FIELD, "auth: expected anonymous or basic")),
    }
}

/// How often and how much is exchanged (G-14, G-31). Longest: a week.
fn exchange(gateway: &MobileGateway) -> Result<(), Fault> {
    const WEEK: u32 = 7 * 24 * 60;
    let within = |field: &str, value: u32, most: u32| {
        let expected = format!("expected 1 to {most}");
        if (1..=most).contains(&value) { Ok(()) } else { Err(bad_field(&format!("mobile.gateway.{field}"), expected)) }
    };
    within("refresh_minutes", gateway.refresh_minutes, WEEK)?;
    within("delta_minutes", gateway.delta_minutes, WEEK)?;
    within("rate_to_console", gateway.rate_to_console, 10_000)?;
    within("rate_to_gateway", gateway.rate_to_gateway, 50_000)?;
    within("diagnostic", gateway.diagnostic.count, 1_000)?;
    within("diagnostic", gateway.diagnostic.every_minutes, WEEK)
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

/// A path that a request's decoded path can begin with.
fn webmail_path(path: &str) -> Result<(), Fault> {
    let segments = path.strip_prefix('/').map(|rest| rest.trim_end_matches('/').split('/'));
    let plain =
        |segment: &str| segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~@$".contains(&b)) && !["", ".", ".."].contains(&segment);
    let fits = path == "/" || segments.is_some_and(|mut segments| segments.all(plain));
    if fits { Ok(()) } else { Err(bad_field("mobile.gateway.webmail_paths", "expected paths, as in /owa")) }
}

/// A host of which the registered part is spelt out: `*.example.com`, never `*` or `*.com`.
fn redirect_host(text: &str) -> Result<(), Fault> {
    let (name, port) = text.rsplit_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && model::address::normal_domain(bare).is_some()
        && (bare == name || bare.contains('.'));
    if fits { Ok(()) } else { Err(bad_field("mobile.gateway.redirect_hosts", "expected hosts, as in *.mail.example or eas.example:8443")) }
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
            "mail_server = 'https://m'\news = true\nwebmail_paths = ['/owa', '/owa/auth/', '/']\nredirect_hosts = ['*.mail.example', 'a.example:444']",
            "mail_server = 'https://m'\nproxy_mail = { url = 'http://proxy:3128', auth = 'basic', user = 'u', password = 'p' }",
            "mail_server = 'https://m'\nrefresh_minutes = 10080\ndelta_minutes = 1\nrate_to_console = 1\ndiagnostic = { count = 1 }",
            "mail_server = 'https://m'\nproxy_api = { url = 'http://proxy', auth = 'none' }",
            "mail_server = 'https://m'\ntls = 'terminated_before'\ntrusted_proxies = ['10.0.0.1/32']",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldaps://ldap.example/dc=x' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldap://127.0.0.1:389/dc=x', auth = 'basic', user = 'cn=a', password = 'p', attribute = 'userSMIMECertificate' }",
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
            "mail_server = 'https://m'\nrefresh_minutes = 0",
            "mail_server = 'https://m'\ndelta_minutes = 10081",
            "mail_server = 'https://m'\nrate_to_console = 10001",
            "mail_server = 'https://m'\nrate_to_gateway = 0",
            "mail_server = 'https://m'\ndiagnostic = { count = 0 }",
            "mail_server = 'https://m'\ndiagnostic = { every_minutes = 0 }",
            "mail_server = 'https://m'\nexternal_url = 'http://mail.example'",
            "mail_server = 'https://m'\nexternal_url = 'https://mail.example/path'",
            "mail_server = 'https://m'\nexternal_url = 'mail.example'",
            "mail_server = 'https://m'\nlisten = 'here:443'",
            "mail_server = 'https://m'\nwebmail_paths = ['owa']",
            "mail_server = 'https://m'\nwebmail_paths = ['/owa/../ews']",
            "mail_server = 'https://m'\nwebmail_paths = ['/owa%2f']",
            "mail_server = 'https://m'\ntls = 'terminated_before'",
            "mail_server = 'https://m'\ntls = 'none'",
            "mail_server = 'https://m'\nproxy_mail = { url = 'socks5://proxy' }",
            "mail_server = 'https://m'\nproxy_mail = { url = 'http://proxy', user = 'u' }",
            "mail_server = 'https://m'\nproxy_mail = { url = 'http://proxy', auth = 'basic' }",
            "mail_server = 'https://m'\nproxy_mail = { url = 'http://proxy', auth = 'negotiate' }",
            "mail_server = 'https://m'\nproxy_api = { url = 'http://proxy', auth = 'negotiate' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'https://ldap.example' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldaps://a/dc=x', attribute = 'a)(b' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldaps://a/dc=x', auth = 'basic', user = 'cn=a' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldaps://a/dc=x', user = 'cn=a', password = 'p' }",
            "mail_server = 'https://m'\nsmime_lookup = { url = 'ldaps://a/dc=x', auth = 'kerberos' }",
            "mail_server = 'https://m'\nsmime_lookup = { auth = 'basic', user = 'cn=a', password = 'p' }",
            "mail_server = 'https://m'\nredirect_hosts = ['*']",
            "mail_server = 'https://m'\nredirect_hosts = ['*.com']",
            "mail_server = 'https://m'\nredirect_hosts = ['a.*']",
            "mail_server = 'https://m'\nredirect_hosts = ['a.example:0']",
        ] {
            assert!(said(bad).is_err(), "{bad}");
        }
    }
}
