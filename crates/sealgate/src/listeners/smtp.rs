//! SMTP connections: each becomes one session of the mail gate.
//!
//! What comes before the first SMTP word is done here, in this order: the balancer's header (PROXY protocol, from listed addresses
//! only), a seat for the client, the TLS handshake of a listener that begins with it. A connection beyond all bounds is closed at
//! once, before it costs anything: sessions have seats (`flow::limits`), and of those that are on their way to one or are being
//! told that there is none, only so many wait at a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::MailGate;
use ipnet::IpNet;
use model::Peer;
use smtp::inbound::proxy::{self, Proxied};
use smtp::inbound::{self, SessionSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections beyond the sessions' number that may be in their first or last moments.
const WAITING: usize = 500;

/// What all SMTP listeners of a node share.
#[derive(Clone)]
pub struct Doors {
    /// The mail gate.
    pub gate: MailGate,
    /// Settings of sessions.
    pub settings: Arc<SessionSettings>,
    /// Longest time for what comes before a session.
    pub handshake: Duration,
    /// Who says by the PROXY protocol for whom it connects.
    pub proxies: Arc<[IpNet]>,
    /// Who may say so by XCLIENT.
    pub filters: Arc<[IpNet]>,
    /// Room for connections.
    pub room: Arc<Semaphore>,
}

/// What is particular to one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// TLS comes before the greeting.
    pub implicit_tls: bool,
    /// Mail is taken from people who have signed in, and from nobody else.
    pub submission: bool,
}

/// The listeners by name.
pub const DOORS: [(&str, Door); 4] = [
    ("smtp", Door { implicit_tls: false, submission: false }),
    ("implicit_tls", Door { implicit_tls: true, submission: false }),
    ("submission", Door { implicit_tls: false, submission: true }),
    ("submissions", Door { implicit_tls: true, submission: true }),
];

impl Doors {
    /// With room for so many sessions.
    #[must_use]
    pub fn new(gate: MailGate, settings: SessionSettings, sessions: usize) -> Self {
        let handshake = settings.handshake;
        Self {
            gate,
            settings: Arc::new(settings),
            handshake,
            proxies: Arc::default(),
            filters: Arc::default(),
            room: Arc::new(Semaphore::new(sessions.saturating_add(WAITING))),
        }
    }
}

/// Serves until `stop`; then running sessions end by themselves (421 to idle ones) and are waited for through `sessions`.
pub async fn run(listener: TcpListener, doors: Doors, door: Door, stop: CancellationToken, sessions: TaskTracker) {
    let each = stop.clone();
    super::accept_loop(listener, stop, move |stream, address| {
        let permit = doors.room.clone().try_acquire_owned().ok();
        if permit.is_none() && !doors.gate.is_relay(address.ip()) {
            tracing::debug!(peer = %address, "no room for another connection; closed");
            return;
        }
        let (doors, stop) = (doors.clone(), each.clone());
        sessions.spawn(async move {
            let _permit = permit;
            if let Err(cause) = serve(stream, address, &doors, door, &stop).await {
                tracing::info!(event = "smtp.turned_away", peer = %address.ip(), %cause);
            }
        });
    })
    .await;
}

async fn serve(mut stream: TcpStream, address: SocketAddr, doors: &Doors, door: Door, stop: &CancellationToken) -> io::Result<()> {
    let client = if doors.proxies.iter().any(|net| net.contains(&address.ip())) {
        match within(doors.handshake, proxy::read(&mut stream)).await? {
            Proxied::Client(client) => client,
            Proxied::Local => address.ip(),
        }
    } else {
        address.ip()
    };
    let peer = Peer::new(client);
    let xclient = doors.filters.iter().any(|net| net.contains(&client));
    let hostname = doors.gate.hostname();
    let settings = SessionSettings { hostname, xclient, submission: door.submission, ..(*doors.settings).clone() };
    let mut session = doors.gate.session();
    let ended = if door.implicit_tls {
        // Its seat comes before the handshake: that is what a flood would cost most.
        session.enter(&peer).map_err(|reply| io::Error::other(reply.to_string()))?;
        inbound::serve_tls(stream, peer, session, &settings, stop).await
    } else {
        inbound::serve(stream, peer, session, &settings, stop).await
    };
    tracing::debug!(peer = %address, ?ended, "session ended");
    Ok(())
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
