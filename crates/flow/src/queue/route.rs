//! Which next hop a recipient's mail takes: the output's own route, the managed domain's server, the smart
//! host, or MX (mail-gateway.md M-T2, M-T3). DNS comes later, per lane.

use async_trait::async_trait;
use model::{Address, Outcome, Route, Site};
use smtp::outbound::{Endpoint, Resolver, RouteFault, RouteSettings, Target, TlsLevel, expand};

/// A next hop and the TLS towards it: what connections are shared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) target: Target,
    pub(crate) encrypted: bool,
}

impl LaneKey {
    pub(crate) const fn tls(&self) -> TlsLevel {
        if self.encrypted { TlsLevel::May } else { TlsLevel::None }
    }
}

/// The next hop for one recipient.
///
/// # Errors
/// A setting can't be read; later, when it was mended, it may work.
pub(crate) fn lane(site: &Site, route: &Route, recipient: &Address) -> Result<LaneKey, Outcome> {
    let managed = site.domains.get(&recipient.domain_key());
    let (text, tls) = match route {
        Route::Server { server } => (server.as_str(), site.mail.tls_out.as_str()),
        Route::Usual => match managed {
            Some(domain) => (domain.forward.as_str(), domain.tls.as_str()),
            None => (site.mail.smart_host.as_str(), site.mail.tls_out.as_str()),
        },
    };
    // An unknown word lowers nothing: TLS is used when it is offered.
    let encrypted = TlsLevel::parse(tls) != Some(TlsLevel::None);
    let read = |text: &str| {
        Target::parse(text).map_err(|error| Outcome::NotDone {
            temporary: true,
            status: "4.3.5".to_owned(),
            reply: format!("the next hop {text:?} can't be read: {error}"),
            by: String::new(),
        })
    };
    let target = if text.is_empty() { by_domain(recipient)? } else { read(text)? };
    Ok(LaneKey { target, encrypted })
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
        format!("{} {}", key.target, if key.encrypted { "may" } else { "none" })
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
}
