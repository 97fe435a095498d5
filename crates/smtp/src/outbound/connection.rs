//! One connection to a next hop: opened, upgraded, used for several mails, closed.
//!
//! It comes after the route and before the transaction. It tries one server once (at level `may` a second
//! time in clear, when the handshake failed); which server is next, and when, is the caller's business.

use std::net::{IpAddr, SocketAddr};

use model::{Outcome, TlsFacts};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::dialogue::{Broken, Dialogue};
use super::reply::RemoteReply;
use super::{Endpoint, OpenSettings, Timeouts, TlsDemand, TlsLevel, tls};

/// How far opening came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// TCP.
    Connect,
    /// The 220.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS or the handshake.
    Tls,
    /// Signing in.
    Auth,
}

/// Why a connection could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .outcome.reply())]
pub struct OpenFault {
    /// Where it failed.
    pub stage: Stage,
    /// What this means for every recipient if no other server is left to try.
    pub outcome: Outcome,
}

/// What the server announced (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit: bool,
    /// RFC 1870; the number, 0 for "no limit said".
    pub size: Option<u64>,
    /// RFC 3207.
    pub start_tls: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// AUTH with PLAIN (RFC 4954).
    pub plain: bool,
    /// AUTH with LOGIN.
    pub login: bool,
}

/// An open connection, ready for transactions.
pub struct Connection<S = TcpStream> {
    pub(super) dialogue: Dialogue<S>,
    /// The server's name in outcomes: `dns; host [address]`.
    pub(super) by: String,
    pub(super) timeouts: Timeouts,
    pub(super) extensions: Extensions,
    pub(super) open: bool,
    /// A transaction was left half-way: RSET comes before the next.
    pub(super) dirty: bool,
    pub(super) transactions: u32,
    tls: Option<TlsFacts>,
}

impl Connection<TcpStream> {
    /// Connects, reads the greeting, says EHLO (HELO if that is all the server knows), and upgrades to TLS as
    /// the level says; at `may` a failed handshake is followed by one try in clear.
    ///
    /// # Errors
    /// [`OpenFault`]; another endpoint may serve.
    pub async fn connect(endpoint: &Endpoint, settings: &OpenSettings) -> Result<Self, OpenFault> {
        let first = Self::start(tcp(endpoint, settings).await?, endpoint, settings).await;
        match first {
            Err(OpenFault { stage: Stage::Tls, .. }) if settings.tls.level == TlsLevel::May => {
                let clear = OpenSettings { tls: TlsDemand::of(TlsLevel::None), ..settings.clone() };
                Self::start(tcp(endpoint, &clear).await?, endpoint, &clear).await
            }
            result => result,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// The same over a stream that is connected already, one try only: after a fault at [`Stage::Tls`] the
    /// caller may come again with [`TlsLevel::None`], if the level is [`TlsLevel::May`].
    ///
    /// # Errors
    /// [`OpenFault`].
    pub async fn start(stream: S, endpoint: &Endpoint, settings: &OpenSettings) -> Result<Self, OpenFault> {
        let mut connection = Self {
            dialogue: Dialogue::new(stream),
            by: name_of(endpoint),
            timeouts: settings.timeouts,
            extensions: Extensions::default(),
            open: true,
            dirty: false,
            transactions: 0,
            tls: None,
        };
        let greeting = connection.dialogue.reply(settings.timeouts.greeting).await;
        let greeting = connection.opened(Stage::Greeting, greeting)?;
        if greeting.code() != 220 {
            return Err(connection.unwelcome(&greeting).await);
        }
        connection.hello(&settings.hello).await?;
        match settings.tls.level {
            TlsLevel::None => {}
            _ if connection.extensions.start_tls => connection.start_tls(endpoint, settings).await?,
            TlsLevel::May => {}
            level => return Err(connection.unsafe_here(level, "it does not offer STARTTLS").await),
        }
        if let Some(credentials) = &settings.credentials {
            connection.sign_in(credentials).await?;
        }
        Ok(connection)
    }

    /// A greeting that is none. Only 521 says "no mail here" for good (RFC 7504 §3); any other 5yz may be
    /// today's mood of one server.
    async fn unwelcome(&mut self, greeting: &RemoteReply) -> OpenFault {
        let mut outcome = greeting.refusal(&self.by);
        if let Outcome::NotDone { temporary, status, .. } = &mut outcome
            && greeting.code() != 521
            && !*temporary
        {
            *temporary = true;
            *status = "4.3.2".to_owned();
        }
        let _ = self.dialogue.ask("QUIT\r\n", self.timeouts.quit).await;
        OpenFault { stage: Stage::Greeting, outcome }
    }

    async fn hello(&mut self, name: &str) -> Result<(), OpenFault> {
        let wait = self.timeouts.greeting;
        let reply = self.dialogue.ask(&format!("EHLO {name}\r\n"), wait).await;
        let mut reply = self.opened(Stage::Hello, reply)?;
        self.extensions = Extensions::default();
        if reply.accepts() {
            self.extensions = read_extensions(&reply);
        } else if reply.code() / 100 == 5 {
            let plain = self.dialogue.ask(&format!("HELO {name}\r\n"), wait).await;
            reply = self.opened(Stage::Hello, plain)?;
        }
        if reply.accepts() { Ok(()) } else { Err(OpenFault { stage: Stage::Hello, outcome: reply.refusal(&self.by) }) }
    }

    /// STARTTLS, the handshake, EHLO again (RFC 3207). A refusal leaves the connection in clear at level `may`, and ends it
    /// at any higher one.
    async fn start_tls(&mut self, endpoint: &Endpoint, settings: &OpenSettings) -> Result<(), OpenFault> {
        let level = settings.tls.level;
        let reply = self.dialogue.ask("STARTTLS\r\n", self.timeouts.greeting).await;
        let reply = self.opened(Stage::Tls, reply)?;
        if reply.code() != 220 {
            return if level.is_mandatory() { Err(self.unsafe_here(level, &reply.text()).await) } else { Ok(()) };
        }
        if self.dialogue.has_unasked() {
            return Err(self.tls_fault("it sent more than the reply to STARTTLS in clear"));
        }
        let handshake = tls::Handshake::new(&settings.tls, endpoint).map_err(|error| self.tls_fault(&error.to_string()))?;
        let name = tls::server_name(&settings.tls, endpoint);
        let made = timeout(self.timeouts.greeting, self.dialogue.wire.connect_tls(handshake.config.clone(), name)).await;
        match made {
            Err(_) => return Err(self.tls_fault("the handshake took too long")),
            Ok(Err(error)) => return Err(self.tls_fault(&handshake.refusal().unwrap_or_else(|| error.to_string()))),
            Ok(Ok(facts)) => self.tls = Some(facts),
        }
        // Before anything of the mail is said.
        if let Some(vouched) = handshake.vouched() {
            tls::check_revocation(&settings.tls, &endpoint.host, vouched).await.map_err(|why| self.tls_fault(&why))?;
        }
        self.hello(&settings.hello).await
    }

    /// The level can't be met, and nothing less will do.
    async fn unsafe_here(&mut self, level: TlsLevel, why: &str) -> OpenFault {
        let _ = self.dialogue.ask("QUIT\r\n", self.timeouts.quit).await;
        self.refuse_tls("4.7.4", format!("TLS level {} can't be met: {why} [{}]", level.word(), self.by))
    }

    fn tls_fault(&self, why: &str) -> OpenFault {
        self.refuse_tls("4.7.5", format!("TLS with the server failed: {why} [{}]", self.by))
    }

    /// Nothing of this is the server's own reply, so nobody is named as its author.
    fn refuse_tls(&self, status: &str, reply: String) -> OpenFault {
        let outcome = Outcome::NotDone { temporary: true, status: status.to_owned(), reply, by: String::new() };
        OpenFault { stage: Stage::Tls, outcome }
    }

    pub(super) fn opened(&self, stage: Stage, reply: Result<RemoteReply, Broken>) -> Result<RemoteReply, OpenFault> {
        reply.map_err(|broken| OpenFault { stage, outcome: broken.outcome(&self.by) })
    }

    /// True if another transaction may follow. Looks whether the server has closed meanwhile, without waiting.
    /// It may still close before the next command; then the outcome is temporary with status 4.4.2, and
    /// [`Self::transactions`] tells that the connection was used before, so that a new one is worth a try.
    #[must_use]
    pub fn is_open(&mut self) -> bool {
        self.open = self.open && self.dialogue.is_quiet();
        self.open
    }

    /// How many transactions it has carried.
    #[must_use]
    pub const fn transactions(&self) -> u32 {
        self.transactions
    }

    /// What the server offers, after the last EHLO.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The TLS in use, if any.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsFacts> {
        self.tls.as_ref()
    }

    /// Says QUIT, waits a moment for the answer, and closes.
    pub async fn quit(mut self) {
        if self.open {
            let _ = self.dialogue.ask("QUIT\r\n", self.timeouts.quit).await;
        }
        let _ = timeout(self.timeouts.quit, self.dialogue.wire.shutdown()).await;
    }
}

async fn tcp(endpoint: &Endpoint, settings: &OpenSettings) -> Result<TcpStream, OpenFault> {
    let connecting = async {
        let socket = match endpoint.address.ip() {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        let source = match endpoint.address.ip() {
            IpAddr::V4(_) => settings.source_v4.map(IpAddr::V4),
            IpAddr::V6(_) => settings.source_v6.map(IpAddr::V6),
        };
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        Ok::<TcpStream, std::io::Error>(stream)
    };
    let result = timeout(settings.timeouts.connect, connecting).await;
    let cause = match result {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    let reply = format!("connecting to {} [{}] failed: {cause}", endpoint.host, endpoint.address);
    let outcome = Outcome::NotDone { temporary: true, status: "4.4.1".to_owned(), reply, by: String::new() };
    Err(OpenFault { stage: Stage::Connect, outcome })
}

fn name_of(endpoint: &Endpoint) -> String {
    let ip = endpoint.address.ip();
    if endpoint.host == ip.to_string() { format!("dns; [{ip}]") } else { format!("dns; {} [{ip}]", endpoint.host) }
}

fn read_extensions(reply: &RemoteReply) -> Extensions {
    let mut found = Extensions::default();
    for line in reply.lines().iter().skip(1) {
        let mut words = line.split(' ');
        match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "PIPELINING" => found.pipelining = true,
            "8BITMIME" => found.eight_bit = true,
            "STARTTLS" => found.start_tls = true,
            "DSN" => found.dsn = true,
            "SMTPUTF8" => found.smtputf8 = true,
            "AUTH" => words.for_each(|word| {
                found.plain |= word.eq_ignore_ascii_case("PLAIN");
                found.login |= word.eq_ignore_ascii_case("LOGIN");
            }),
            "SIZE" => found.size = Some(words.next().and_then(|number| number.parse().ok()).unwrap_or(0)),
            _ => {}
        }
    }
    found
}
