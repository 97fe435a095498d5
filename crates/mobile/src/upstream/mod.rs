//! The mail server's side of the gate: an own small HTTP/1.1 client for answers that come after an hour (RFC 9112).
//!
//! `dial` connects, `pool` keeps connections between requests, `head` writes request heads and reads answer heads,
//! `connection` sends and waits without holding a buffer, `passing` hands the answer's body over as it comes. The phone's
//! path, `Host` and framing never reach the mail server: all three are written here.

mod connection;
mod dial;
mod head;
mod passing;
mod pool;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Uri;
use model::site::MobileGateway;
use model::{Fault, Guilty};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

pub(crate) use connection::{Connection, Outgoing};
pub(crate) use head::{Head, request_head};
pub use passing::Passing;
use pool::Pool;

use crate::path::upstream_path;
use crate::settings::Settings;

/// One mail server as a configuration names it, with its kept connections.
pub(crate) struct Upstream {
    gateway: Arc<MobileGateway>,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What the request line says before the query.
    pub(crate) path: String,
    /// What `Host` says.
    pub(crate) authority: String,
    pool: Arc<Pool>,
    turn: AtomicUsize,
}

impl Upstream {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A fault of the configuration: the URL or the roots can't be used.
    pub(crate) fn new(gateway: Arc<MobileGateway>, settings: &Settings) -> Result<Self, Fault> {
        let wrong = |what: &str| {
            Fault::permanent(Guilty::Configuration, "mobile-mail-server", format!("mail_server {:?}: {what}", gateway.mail_server))
        };
        let uri: Uri = gateway.mail_server.parse().map_err(|_| wrong("no URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("starts with neither https:// nor http://")),
        };
        let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(|| wrong("names no host, or a user"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = match uri.path().trim_end_matches('/') {
            "" => upstream_path(&gateway.kind),
            path => path,
        };
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| wrong("the host is no name for a certificate"))?;
            Some((tls::connector(gateway.verify_tls_mail, settings.mail_roots.as_deref())?, name))
        } else {
            None
        };
        if secure && !gateway.verify_tls_mail {
            tracing::warn!(
                event = "mobile.unverified",
                gateway = gateway.id,
                mail_server = gateway.mail_server,
                "certificate errors of the mail server are ignored (verify_tls_mail = false): anybody in between can read all mail"
            );
        }
        Ok(Self {
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: path.to_owned(),
            authority: authority.as_str().to_owned(),
            host,
            tls,
            pool: Pool::new(settings),
            turn: AtomicUsize::new(0),
            gateway,
        })
    }

    /// True if this is what the configuration says.
    pub(crate) fn is_for(&self, gateway: &Arc<MobileGateway>) -> bool {
        Arc::ptr_eq(&self.gateway, gateway)
            || (self.gateway.mail_server == gateway.mail_server
                && self.gateway.kind == gateway.kind
                && self.gateway.verify_tls_mail == gateway.verify_tls_mail)
    }

    /// Takes note that a kept connection died under a request.
    pub(crate) fn doubt(&self) {
        self.pool.doubt();
    }

    /// A connection, and whether it was a kept one. Kept ones are shared by all phones: their requests carry their own
    /// Basic or Bearer credentials, other schemes don't get here.
    ///
    /// # Errors
    /// The mail server can't be reached (temporary), or its certificate is not good (permanent).
    pub(crate) async fn connect(&self, settings: &Settings, fresh_only: bool) -> Result<(Connection, bool), Fault> {
        if !fresh_only && let Some(stream) = self.pool.take() {
            return Ok((Connection::new(stream, self.pool.clone()), true));
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let dialling = dial::dial(&self.host, self.port, self.tls.as_ref(), &settings.source_addresses, turn);
        let stream = tokio::time::timeout(settings.connect, dialling).await.map_err(|_| {
            let cause = format!("{} port {}: no connection within {:?}", self.host, self.port, settings.connect);
            Fault::temporary(Guilty::NextHop, "mail-server-unreachable", cause)
        })??;
        Ok((Connection::new(stream, self.pool.clone()), false))
    }
}
