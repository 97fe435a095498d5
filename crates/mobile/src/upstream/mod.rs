//! The mail server's side of the gate: an own small HTTP/1.1 client for answers that come after an hour (RFC 9112).
//!
//! `dial` connects, `revocation` knows which servers get nothing, `pool` keeps connections between requests, `head` writes request heads and reads answer heads,
//! `connection` sends and waits without holding a buffer, `passing` hands the answer's body over as it comes. The phone's
//! path, `Host` and framing never reach the mail server: all three are written here.

mod connection;
mod dial;
mod head;
mod passing;
mod pool;
mod proxy;
mod revocation;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Uri;
use model::site::{MobileGateway, Root};
use model::{Fault, Guilty, Site};
use outside::proxy::Proxy;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

pub(crate) use connection::{Connection, Outgoing};
pub(crate) use head::{Framing, Head, RequestHead, request_head};
pub use passing::Passing;
use pool::Pool;
pub use proxy::proxy_of;
pub(crate) use revocation::Watch;

use crate::path::upstream_path;
use crate::settings::Settings;

/// One host of a mail server.
struct Server {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What `Host` says.
    authority: Arc<str>,
    pool: Arc<Pool>,
}

/// One mail server as a configuration names it, with its kept connections. It may have several hosts.
pub(crate) struct Upstream {
    gateway: Arc<MobileGateway>,
    servers: Vec<Server>,
    /// What the request line says before the query.
    pub(crate) path: String,
    turn: AtomicUsize,
    proxy: Option<Proxy>,
    /// The proxy's password as it is kept.
    sealed: String,
    /// Whom the site trusts.
    roots: BTreeMap<String, Arc<Root>>,
    watch: Arc<Watch>,
}

/// What a mail server is reached by, beside its configuration.
pub(crate) struct Means<'a> {
    pub(crate) site: &'a Site,
    pub(crate) settings: &'a Settings,
    pub(crate) watch: &'a Arc<Watch>,
}

impl Upstream {
    /// Reads the configuration. `elsewhere`: the server that a redirect leads to, in place of its own.
    ///
    /// # Errors
    /// A fault of the configuration: a URL or the roots can't be used.
    pub(crate) fn new(gateway: Arc<MobileGateway>, elsewhere: Option<&str>, means: &Means<'_>) -> Result<Self, Fault> {
        let mut path = String::new();
        let mut servers = Vec::new();
        let urls: Vec<&str> = elsewhere.map_or_else(|| gateway.mail_servers().collect(), |url| vec![url]);
        for url in urls {
            let (server, way) = server(url, &gateway, means)?;
            if server.tls.is_some() && !gateway.verify_tls_mail {
                tracing::warn!(
                    event = "mobile.unverified",
                    gateway = gateway.id,
                    mail_server = url,
                    "certificate errors of the mail server are ignored (verify_tls_mail = false): anybody in between can read all mail"
                );
            }
            servers.push(server);
            path = way;
        }
        // A server that a redirect leads to answers where its kind does.
        if elsewhere.is_some() {
            path.clear();
        }
        if servers.is_empty() {
            return Err(wrong("", "no URL"));
        }
        if path.is_empty() {
            upstream_path(&gateway.kind, &gateway.version).clone_into(&mut path);
        }
        let (roots, watch) = (means.site.roots.clone(), means.watch.clone());
        Ok(Self { gateway, servers, path, turn: AtomicUsize::new(0), proxy: None, sealed: String::new(), roots, watch })
    }

    /// True if this is what the configuration says.
    pub(crate) fn is_for(&self, gateway: &Arc<MobileGateway>, sealed: &str, site: &Site) -> bool {
        let same = Arc::ptr_eq(&self.gateway, gateway)
            || (self.gateway.proxy_mail == gateway.proxy_mail
                && self.gateway.mail_server == gateway.mail_server
                && self.gateway.kind == gateway.kind
                && self.gateway.version == gateway.version
                && self.gateway.verify_tls_mail == gateway.verify_tls_mail);
        same && self.sealed == sealed && self.trusts(&site.roots)
    }

    /// True if these are the roots that it was made with.
    fn trusts(&self, roots: &BTreeMap<String, Arc<Root>>) -> bool {
        let mut pairs = self.roots.iter().zip(roots);
        self.roots.len() == roots.len() && pairs.all(|(own, other)| own.0 == other.0 && (Arc::ptr_eq(own.1, other.1) || own.1 == other.1))
    }

    /// Connects to each host once, before any request does, so that it is known beforehand whether a certificate was revoked. What
    /// can't be reached is met again by the first request.
    pub(crate) async fn greet(&self, settings: &Settings) {
        for (turn, server) in self.servers.iter().enumerate().filter(|(_, server)| server.tls.is_some()) {
            match self.dial(server, settings, turn).await {
                Ok(stream) => server.pool.put(stream),
                Err(fault) => tracing::info!(event = "mobile.ungreeted", gateway = self.gateway.id, cause = %fault.cause),
            }
        }
    }

    /// A kept connection, unless its server's certificate was revoked meanwhile.
    fn kept(&self, server: &Server) -> Option<dial::Stream> {
        loop {
            let stream = server.pool.take()?;
            if self.watch.still_admits(&self.gateway.id, stream.certificates()) {
                return Some(stream);
            }
        }
    }

    /// A new connection, unless its server's certificate is known as revoked.
    async fn dial(&self, server: &Server, settings: &Settings, turn: usize) -> Result<dial::Stream, Fault> {
        let way = dial::Way { sources: &settings.source_addresses, turn, proxy: self.proxy.as_ref() };
        let dialling = dial::dial(&server.host, server.port, server.tls.as_ref(), way);
        let dialled = tokio::time::timeout(settings.connect, dialling).await.map_err(|_| {
            let cause = format!("{} port {}: no connection within {:?}", server.host, server.port, settings.connect);
            Fault::temporary(Guilty::NextHop, "mail-server-unreachable", cause)
        })?;
        let stream = dialled?;
        if self.gateway.verify_tls_mail {
            self.watch.admits((&self.gateway.id, &server.host), stream.certificates())?;
        }
        Ok(stream)
    }

    /// True if it is worth while to greet it.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_on() && self.gateway.verify_tls_mail && self.servers.iter().any(|server| server.tls.is_some())
    }

    /// The same, reached through this proxy.
    pub(crate) fn through(self, proxy: Option<Proxy>, sealed: &str) -> Self {
        Self { proxy, sealed: sealed.to_owned(), ..self }
    }

    /// A connection, and whether it was a kept one. Kept ones are shared by all phones: their requests carry their own
    /// Basic or Bearer credentials, other schemes don't get here. Hosts serve by turns; one that can't be reached is passed
    /// over.
    ///
    /// # Errors
    /// No host can be reached (temporary), or a certificate is not good (permanent).
    pub(crate) async fn connect(&self, settings: &Settings, fresh_only: bool) -> Result<(Connection, bool), Fault> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = None;
        for step in 0..self.servers.len() {
            let Some(server) = self.servers.get((turn + step) % self.servers.len()) else { continue };
            if !fresh_only && let Some(stream) = self.kept(server) {
                return Ok((Connection::new(stream, server.pool.clone(), server.authority.clone()), true));
            }
            match self.dial(server, settings, turn).await {
                Ok(stream) => return Ok((Connection::new(stream, server.pool.clone(), server.authority.clone()), false)),
                // Another host may serve.
                Err(fault) if fault.temporary || fault.code == revocation::REVOKED => last = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(last.unwrap_or_else(|| wrong(&self.gateway.mail_server, "no URL")))
    }
}

fn wrong(url: &str, what: &str) -> Fault {
    Fault::permanent(Guilty::Configuration, "mobile-mail-server", format!("mail_server {url:?}: {what}"))
}

/// One URL: the host, and the path that it says.
fn server(url: &str, gateway: &MobileGateway, means: &Means<'_>) -> Result<(Server, String), Fault> {
    let wrong = |what: &str| wrong(url, what);
    let uri: Uri = url.parse().map_err(|_| wrong("no URL"))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("starts with neither https:// nor http://")),
    };
    let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(|| wrong("names no host, or a user"))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let tls = if secure {
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong("the host is no name for a certificate"))?;
        let (verify, extra) = (gateway.verify_tls_mail, means.settings.mail_roots.as_deref());
        Some((tls::connector(&tls::Trust { verify, extra, site: &means.site.roots, gateway: &gateway.id, watch: means.watch })?, name))
    } else {
        None
    };
    let server = Server {
        port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        authority: authority.as_str().into(),
        host,
        tls,
        pool: Pool::new(means.settings),
    };
    Ok((server, uri.path().trim_end_matches('/').to_owned()))
}
