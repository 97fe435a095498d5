//! Which next hop a recipient's mail takes: the output's own route, the managed domain's server, the smart
//! host, or MX (mail-gateway.md M-T2, M-T3). DNS comes later, per lane.

use async_trait::async_trait;
use model::site::{Domain, TlsDestination};
use model::{Address, Outcome, Route, Site};
use smtp::outbound::{Endpoint, Fingerprint, Resolver, Revocation, RouteFault, RouteSettings, Target, TlsLevel, TlsPolicy, expand};

/// A next hop and the TLS towards it: what connections are shared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) target: Target,
    pub(crate) tls: TlsPolicy,
    /// What was judged with less must not serve where more is wanted now.
    pub(crate) revocation: Revocation,
    /// Settings name it, not the recipient's address: a short name may be completed.
    pub(crate) own: bool,
    /// It is the smart host, and we sign in there: such a connection is not shared with mail that goes there by another setting.
    pub(crate) sign_in: bool,
}

/// The next hop for one recipient, and what TLS it takes.
///
/// A destination's own `[[tls]]` row says its level; where it names a server it says the way too. Behind a smart host, or a
/// server that a rule names, the stronger of the row's and `tls_out` holds: a row for one destination lowers nothing
/// for a server that others share.
///
/// # Errors
/// A setting can't be read; later, when it was mended, it may work.
pub(crate) fn lane(site: &Site, route: &Route, recipient: &Address) -> Result<LaneKey, Outcome> {
    let domain = recipient.domain_key();
    let row = site.tls.get(&domain);
    let of_row = row.map(|row| policy(&row.level, &row.fingerprints)).transpose()?;
    let out = policy(&site.mail.tls_out, &[])?;
    let shared = |out: TlsPolicy| of_row.clone().map_or_else(|| out.clone(), |row| out.clone().or_stricter(row));
    let (target, tls, own) = match (route, site.domains.get(&domain), row.filter(|row| !row.server.is_empty())) {
        (Route::Server { server }, _, _) => (read(server)?, shared(out), true),
        (Route::Usual | Route::Queueless, Some(managed), _) => (read(&managed.forward)?, shared(of_domain(managed)?), true),
        (Route::Usual | Route::Queueless, None, Some(row)) => (server_of(row)?, of_row.clone().unwrap_or(out), true),
        (Route::Usual | Route::Queueless, None, None) if !site.mail.smart_host.is_empty() => {
            (read(&site.mail.smart_host)?, shared(out), true)
        }
        (Route::Usual | Route::Queueless, None, None) => (by_domain(recipient)?, of_row.unwrap_or(out), false),
    };
    let by_smart_host =
        own && !matches!(route, Route::Server { .. }) && !site.domains.contains_key(&domain) && row.is_none_or(|row| row.server.is_empty());
    Ok(LaneKey { target, tls, revocation: revocation(site), own, sign_in: by_smart_host && !site.mail.smart_host_user.is_empty() })
}

/// What it means that nobody knows whether a certificate was revoked. A word that is not known here lowers nothing.
fn revocation(site: &Site) -> Revocation {
    if site.mail.revocation == "soft" { Revocation::Soft } else { Revocation::Hard }
}

/// A level and its digests. A word that is not known here, from a newer node, must not lower anything: the mail waits.
fn policy(word: &str, digests: &[String]) -> Result<TlsPolicy, Outcome> {
    let level = TlsLevel::parse(word).ok_or_else(|| unreadable(&format!("the TLS level {word:?} is not known here")))?;
    // A digest that can't be read matches no certificate.
    let fingerprints = digests.iter().filter_map(|text| Fingerprint::parse_list(text).ok()).flatten().collect();
    Ok(TlsPolicy { level, fingerprints })
}

fn of_domain(domain: &Domain) -> Result<TlsPolicy, Outcome> {
    policy(&domain.tls, &domain.fingerprints)
}

fn server_of(row: &TlsDestination) -> Result<Target, Outcome> {
    Target::host(&row.server, row.port).map_err(|error| unreadable(&format!("the server {:?} can't be read: {error}", row.server)))
}

fn read(text: &str) -> Result<Target, Outcome> {
    Target::parse(text).map_err(|error| unreadable(&format!("the next hop {text:?} can't be read: {error}")))
}

fn unreadable(why: &str) -> Outcome {
    Outcome::NotDone { temporary: true, status: "4.3.5".to_owned(), reply: why.to_owned(), by: String::new() }
}

/// The MX hosts of the recipient's domain; an address literal is its own server (RFC 5321 §2.3.5).
fn by_domain(recipient: &Address) -> Result<Target, Outcome> {
    Target::parse(&recipient.domain_key()).map_err(|error| Outcome::NotDone {
        temporary: false,
        status: "5.1.2".to_owned(),
        reply: format!("{} is no domain that mail can be sent to: {error}", recipient.domain()),
        by: String::new(),
    })
}

/// The resolver as the queue holds it, whatever its type.
#[async_trait]
pub(crate) trait Directions: Send + Sync {
    /// The servers behind a target, best first.
    async fn servers(&self, target: &Target, settings: &RouteSettings) -> Result<Vec<Endpoint>, RouteFault>;
}

/// Any resolver.
pub(crate) struct Through<R>(pub(crate) R);

#[async_trait]
impl<R: Resolver + 'static> Directions for Through<R> {
    async fn servers(&self, target: &Target, settings: &RouteSettings) -> Result<Vec<Endpoint>, RouteFault> {
        expand(target, &self.0, settings).await
    }
}

#[cfg(test)]
mod tests {
    use model::site::{Section, SiteRow};

    use super::*;

    fn site(smart_host: &str) -> Site {
        let row = |section, key: &str, body: String| SiteRow { section, key: key.into(), version: 1, body };
        let mut site = Site::default();
        let domain = r#"{"name":"company.example","forward":"[127.0.0.1]:2601","tls":"none"}"#;
        site.apply(&row(Section::Domain, "company.example", domain.into())).unwrap();
        site.apply(&row(Section::Mail, "", format!(r#"{{"smart_host":"{smart_host}"}}"#))).unwrap();
        site
    }

    fn hop(site: &Site, route: &Route, to: &str) -> String {
        let key = lane(site, route, &Address::parse(to).unwrap()).unwrap();
        format!("{} {}", key.target, key.tls.level.word())
    }

    #[test]
    fn m_t2_m_t3_the_way_of_each_recipient() {
        let usual = Route::Usual;
        assert_eq!(hop(&site(""), &usual, "a@COMPANY.example"), "[127.0.0.1]:2601 none");
        assert_eq!(hop(&site(""), &usual, "a@partner.example"), "partner.example may");
        assert_eq!(hop(&site("[127.0.0.1]:2600"), &usual, "a@partner.example"), "[127.0.0.1]:2600 may");
        assert_eq!(hop(&site(""), &usual, "a@[192.0.2.1]"), "[192.0.2.1] may");
        assert_eq!(hop(&site(""), &Route::Server { server: "[archive.example]".into() }, "a@company.example"), "[archive.example] may");
        let broken = lane(&site("[1.2"), &usual, &Address::parse("a@partner.example").unwrap());
        assert!(broken.unwrap_err().retries(), "a wrong setting can be mended");
    }

    /// With a row for `partner.example`, and one for `company.example`.
    fn with_row(smart_host: &str, row: &str) -> Site {
        let mut site = site(smart_host);
        for domain in ["partner.example", "company.example"] {
            let body = format!(r#"{{"domain":"{domain}",{row}}}"#);
            site.apply(&SiteRow { section: Section::Tls, key: domain.into(), version: 1, body }).unwrap();
        }
        site
    }

    #[test]
    fn m_t4_the_level_of_each_destination() {
        let (usual, archive) = (Route::Usual, Route::Server { server: "[archive.example]".into() });
        let secure = r#""level":"secure""#;
        assert_eq!(hop(&with_row("", secure), &usual, "a@Partner.example"), "partner.example secure");
        assert_eq!(hop(&with_row("", secure), &usual, "a@sub.partner.example"), "sub.partner.example may");
        assert_eq!(hop(&with_row("[relay.example]", secure), &usual, "a@partner.example"), "[relay.example] secure");
        assert_eq!(hop(&with_row("", secure), &archive, "a@partner.example"), "[archive.example] secure");
        assert_eq!(hop(&with_row("", secure), &usual, "a@company.example"), "[127.0.0.1]:2601 secure", "the stronger of both");
        let none = r#""level":"none""#;
        assert_eq!(hop(&with_row("", none), &usual, "a@partner.example"), "partner.example none", "as the administrator says");
        assert_eq!(hop(&with_row("[relay.example]", none), &usual, "a@partner.example"), "[relay.example] may", "others share it");
        let server = r#""level":"encrypt","server":"mx.partner.example","port":2525"#;
        assert_eq!(hop(&with_row("[relay.example]", server), &usual, "a@partner.example"), "[mx.partner.example]:2525 encrypt");
    }

    #[test]
    fn x_23_what_is_not_understood_lowers_nothing() {
        let to = Address::parse("a@partner.example").unwrap();
        let unknown = lane(&with_row("", r#""level":"quantum""#), &Route::Usual, &to);
        assert!(unknown.unwrap_err().reply().contains("quantum"));
        let md5 = r#""level":"fingerprint","fingerprints":["C4:F8:39:9F:61:66:79:2B:4C:79:6C:32:1B:C2:56:D5"]"#;
        let key = lane(&with_row("", md5), &Route::Usual, &to).unwrap();
        assert_eq!(key.tls, TlsPolicy::of(TlsLevel::Fingerprint), "a level that nothing meets");
    }
}
