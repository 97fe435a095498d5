//! One client's session from the greeting to the end.
//!
//! Reads command lines, keeps their order, counts what is bad, and sends replies: those to pipelined commands
//! together in one write (RFC 2920 §3.2). The duties have files of their own: `mail`, `rcpt`, `receive`,
//! `tls`. Nothing here decides what mail is welcome; the [`Gate`] does. A client that talks before the
//! greeting is tolerated, as RFC 5321 §4.3.1 asks nothing of a server there.

use bytes::{Bytes, BytesMut};
use model::{Envelope, Peer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::chunks::Chunks;
use super::command::{self, Command, CommandError};
use super::lines::{Line, Lines};
use super::proxy::SIGNATURE;
use super::{Gate, Reply, SessionSettings};
use crate::wire::{Stream, Wire};

/// Replies are sent when so many octets wait, even if the client has pipelined more.
const OUTPUT_MAX: usize = 16 * 1_024;
/// How much is read at once while commands are expected.
const READ: usize = 4 * 1_024;
/// A chunk of fewer octets, if it is not the last one, brings a mail no further.
const SMALL_CHUNK: u64 = 1_024;
/// Most that is read after our last word.
const LINGER_MAX: usize = 1 << 20;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The client said QUIT.
    Quit,
    /// The client closed, or the connection broke.
    Lost,
    /// Silence, or one mail took too long.
    Timeout,
    /// Too many bad commands, or another breach of the protocol that ends a session.
    Abuse,
    /// The gate said 421 or turned the client away at the greeting.
    Gate,
    /// We are stopping.
    Stopped,
    /// The TLS handshake failed.
    Handshake,
}

/// What a session was, for one log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub why: Why,
    /// Mails that got 2yz.
    pub accepted: u64,
    /// Mails that were refused after their last dot.
    pub refused: u64,
}

/// Goes on, or ends the session.
pub type Flow<T = ()> = Result<T, Why>;

/// A transaction between MAIL and DATA.
#[derive(Debug)]
pub struct Transaction {
    /// As far as it is known.
    pub envelope: Envelope,
    /// MAIL's `SIZE=`.
    pub declared: Option<u64>,
    /// What BDAT has brought so far; `None` before the first chunk.
    pub chunks: Option<Chunks>,
}

/// One session's state.
pub struct Session<'a, S, G> {
    pub wire: Wire<S>,
    pub input: BytesMut,
    output: BytesMut,
    lines: Lines,
    pub peer: Peer,
    pub gate: G,
    pub settings: &'a SessionSettings,
    stop: &'a CancellationToken,
    pub transaction: Option<Transaction>,
    bad: u32,
    idle: u32,
    /// Recipients refused for good since the last mail that was taken.
    refused_recipients: u32,
    /// Failed attempts to sign in.
    pub sign_in_failures: u32,
    /// A 2yz to a mail was sent, and nothing shows yet that it was read.
    pub unconfirmed: bool,
    pub accepted: u64,
    pub refused: u64,
}

/// Serves one client until it goes, errs too often, is silent for too long, or `stop` is cancelled: then an idle
/// session gets `421 4.3.2` and a running DATA finishes first. `peer.tls` is set if the stream is under TLS
/// already (implicit TLS). The caller has set TCP_NODELAY on the socket.
pub async fn serve<S, G>(stream: S, peer: Peer, gate: G, settings: &SessionSettings, stop: &CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    G: Gate,
{
    let mut session = Session::new(stream, peer, gate, settings, stop);
    let why = session.run().await;
    session.ended(why).await
}

/// The same for a listener where TLS comes before the greeting (RFC 8314 §3.3).
pub async fn serve_tls<S, G>(stream: S, peer: Peer, gate: G, settings: &SessionSettings, stop: &CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    G: Gate,
{
    let mut session = Session::new(stream, peer, gate, settings, stop);
    let why = match (settings.certificate)() {
        None => Why::Handshake,
        Some(config) => match session.handshake(config).await {
            Ok(()) => session.run().await,
            Err(why) => why,
        },
    };
    session.ended(why).await
}

impl<'a, S: Stream, G: Gate> Session<'a, S, G> {
    fn new(stream: S, peer: Peer, gate: G, settings: &'a SessionSettings, stop: &'a CancellationToken) -> Self {
        Self {
            wire: Wire::Plain(stream),
            input: BytesMut::new(),
            output: BytesMut::new(),
            lines: Lines::default(),
            peer,
            gate,
            settings,
            stop,
            transaction: None,
            bad: 0,
            idle: 0,
            refused_recipients: 0,
            sign_in_failures: 0,
            unconfirmed: false,
            accepted: 0,
            refused: 0,
        }
    }

    async fn ended(mut self, why: Why) -> Ended {
        self.close(why).await;
        Ended { why, accepted: self.accepted, refused: self.refused }
    }
}

impl<S: Stream, G: Gate> Session<'_, S, G> {
    async fn run(&mut self) -> Why {
        if let Err(reply) = self.gate.greet(&self.peer).await {
            reply.write(&mut self.output);
            return Why::Gate;
        }
        self.greeting().write(&mut self.output);
        loop {
            let line = match self.next_line(false).await {
                Ok(line) => line,
                Err(why) => return why,
            };
            if let Err(why) = self.line(line).await {
                return why;
            }
        }
    }

    /// What a client hears first.
    pub fn greeting(&self) -> Reply {
        Reply::new(220, "", &format!("{} ESMTP Sealgate", self.settings.hostname))
    }

    /// One line in answer to a challenge; `None` if it is none that can be read.
    pub async fn response_line(&mut self) -> Flow<Option<Bytes>> {
        match self.next_line(true).await? {
            Line::Whole(line) => Ok(Some(line)),
            Line::TooLong | Line::BareFeed => Ok(None),
            Line::Endless | Line::BrokenChunk => Err(Why::Abuse),
        }
    }

    /// The next line; sends what waits before it waits itself.
    async fn next_line(&mut self, response: bool) -> Flow<Line> {
        loop {
            if self.stop.is_cancelled() {
                return Err(Why::Stopped);
            }
            let until = self.patience()?;
            if self.input.starts_with(SIGNATURE) {
                // A balancer that is not listed; nothing of what follows is SMTP.
                return Err(Why::Abuse);
            }
            if let Some(line) = self.lines.take(&mut self.input, response) {
                return Ok(line);
            }
            self.flush().await?;
            self.input.reserve(READ);
            let read = timeout_at(until, self.wire.read_buf(&mut self.input));
            let read = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Why::Stopped),
                read = read => read,
            };
            match read {
                Err(_) => return Err(Why::Timeout),
                Ok(Err(_) | Ok(0)) => return Err(Why::Lost),
                Ok(Ok(_)) => self.heard().await,
            }
        }
    }

    /// Until when the next octets are waited for: a mail whose chunks have begun to come goes on to be timed between them,
    /// whatever commands come.
    fn patience(&self) -> Flow<Instant> {
        let silence = Instant::now() + self.settings.idle;
        let Some(chunks) = self.transaction.as_ref().and_then(|transaction| transaction.chunks.as_ref()) else { return Ok(silence) };
        if chunks.pace.is_over() { Err(Why::Timeout) } else { Ok(silence.min(chunks.pace.deadline())) }
    }

    /// The client said something after our last flush, so it has read the reply to the mail before.
    pub async fn heard(&mut self) {
        if std::mem::take(&mut self.unconfirmed) {
            self.gate.confirmed().await;
        }
    }

    async fn line(&mut self, line: Line) -> Flow {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong => {
                return self.bad(&Reply::new(500, "5.5.2", "Line too long; the limit is 512 octets, 2048 for MAIL and RCPT")).await;
            }
            Line::BareFeed => return self.bad(&Reply::new(500, "5.5.2", "A line ends with CR LF; this one ended with a bare LF")).await,
            Line::Endless | Line::BrokenChunk => return Err(Why::Abuse),
        };
        let command = match command::parse(&line) {
            Ok(command) => command,
            Err(error) => {
                self.bad(&error.reply()).await?;
                // What follows is content of unknown length, not commands.
                return if error == CommandError::Chunk { Err(Why::Abuse) } else { Ok(()) };
            }
        };
        match command {
            Command::Mail(params) => self.mail(params).await,
            Command::Rcpt(recipient) => self.rcpt(recipient).await,
            Command::Data => self.data().await,
            Command::Bdat { size, last } => {
                if size < SMALL_CHUNK && !last {
                    self.idle_command()?;
                }
                self.bdat(size, last).await
            }
            Command::Quit => {
                Reply::new(221, "2.0.0", "Bye").write(&mut self.output);
                Err(Why::Quit)
            }
            other => {
                self.idle_command()?;
                self.side_command(other).await
            }
        }
    }

    /// Counts a command that brings no mail further.
    pub fn idle_command(&mut self) -> Flow {
        self.idle += 1;
        if self.idle > self.settings.idle_commands { Err(Why::Abuse) } else { Ok(()) }
    }

    /// Says no to a recipient. Who tries out addresses is let go: what is refused for good counts, what is refused for now
    /// counts as idle talk.
    pub async fn refuse_recipient(&mut self, reply: &Reply) -> Flow {
        self.put(reply).await?;
        if self.gate.trusts(&self.peer) {
            return Ok(());
        }
        if reply.code() < 500 {
            return self.idle_command();
        }
        self.refused_recipients += 1;
        if self.refused_recipients >= self.settings.refused_recipients { Err(Why::Abuse) } else { Ok(()) }
    }

    /// Commands that carry no mail.
    async fn side_command(&mut self, command: Command<'_>) -> Flow {
        match command {
            Command::Helo(name) => self.hello(name, false).await,
            Command::Ehlo(name) => self.hello(name, true).await,
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial).await,
            Command::Xclient(said) => self.xclient(said).await,
            Command::Rset => {
                self.forget();
                self.put(&Reply::ok("Forgotten")).await
            }
            Command::Vrfy => self.put(&Reply::new(252, "2.5.0", "Send mail to it; delivery will show")).await,
            Command::Help => {
                self.put(&Reply::new(
                    214,
                    "2.0.0",
                    "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH\nRFC 5321 says how",
                ))
                .await
            }
            _ => self.put(&Reply::ok("Here")).await,
        }
    }

    /// HELO and EHLO (RFC 5321 §4.1.1.1, §4.1.4).
    async fn hello(&mut self, name: &str, extended: bool) -> Flow {
        let before = std::mem::replace(&mut self.peer.helo, name.to_owned());
        if let Err(reply) = self.gate.helo(&self.peer, extended).await {
            self.peer.helo = before;
            return self.put(&reply).await;
        }
        self.forget();
        if !extended {
            return self.put(&Reply::new(250, "", &self.settings.hostname)).await;
        }
        let size = self.gate.limits().size;
        let tls = if self.peer.tls.is_none() && (self.settings.certificate)().is_some() { "\nSTARTTLS" } else { "" };
        let auth = if self.offers_auth() { "\nAUTH PLAIN LOGIN" } else { "" };
        let xclient = if self.settings.xclient { "\nXCLIENT NAME ADDR PORT PROTO HELO LOGIN" } else { "" };
        let host = &self.settings.hostname;
        let text = format!("{host}\nPIPELINING\nSIZE {size}{tls}{auth}{xclient}\n8BITMIME\nSMTPUTF8\nCHUNKING\nDSN\nENHANCEDSTATUSCODES");
        self.put(&Reply::new(250, "", &text)).await
    }

    /// Answers a command that is not one, or comes out of order.
    pub async fn bad(&mut self, reply: &Reply) -> Flow {
        self.bad += 1;
        if self.bad >= self.settings.bad_commands {
            return Err(Why::Abuse);
        }
        self.put(reply).await
    }

    /// Queues a reply; 421 ends the session.
    pub async fn put(&mut self, reply: &Reply) -> Flow {
        reply.write(&mut self.output);
        if reply.closes() {
            return Err(Why::Gate);
        }
        if self.output.len() > OUTPUT_MAX { self.flush().await } else { Ok(()) }
    }

    /// Sends all queued replies in one write.
    pub async fn flush(&mut self) -> Flow {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = timeout(self.settings.idle, send(&mut self.wire, &self.output)).await;
        self.output.clear();
        match sent {
            Err(_) => Err(Why::Timeout),
            Ok(Err(_)) => Err(Why::Lost),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Ends a transaction that did not come to data.
    pub fn forget(&mut self) {
        let holds = |transaction: &Transaction| transaction.chunks.as_ref().is_none_or(|chunks| !chunks.given_back);
        if self.transaction.take().as_ref().is_some_and(holds) {
            self.gate.reset();
        }
    }

    /// A mail went through: the client may idle again, and err again if its mail was taken.
    pub const fn mail_done(&mut self, taken: bool) {
        self.idle = 0;
        if taken {
            self.refused_recipients = 0;
        }
    }

    async fn close(&mut self, why: Why) {
        self.forget();
        let host = &self.settings.hostname;
        match why {
            Why::Timeout => Reply::new(421, "4.4.2", &format!("{host} Waited too long; closing")).write(&mut self.output),
            Why::Abuse => {
                Reply::new(421, "4.7.0", &format!("{host} Too many errors, or a breach of the protocol; closing")).write(&mut self.output)
            }
            Why::Stopped => Reply::new(421, "4.3.2", &format!("{host} Stopping; try again")).write(&mut self.output),
            Why::Quit | Why::Gate | Why::Lost | Why::Handshake => {}
        }
        if !matches!(why, Why::Lost | Why::Handshake) && self.last_words(why).await {
            self.heard().await;
        }
        if self.unconfirmed {
            self.gate.unconfirmed().await;
        }
    }

    /// Sends what waits and closes our side. True if the client still said something afterwards. It is read,
    /// because closing over unread input would reset the connection and take our last words with it.
    async fn last_words(&mut self, why: Why) -> bool {
        let mut heard = false;
        let work = async {
            send(&mut self.wire, &self.output).await?;
            self.wire.shutdown().await?;
            let (mut sink, mut total) = ([0; 512], 0);
            while why != Why::Quit && total < LINGER_MAX {
                match self.wire.read(&mut sink).await? {
                    0 => break,
                    read => total += read,
                }
                heard = true;
            }
            Ok::<(), std::io::Error>(())
        };
        let _ = timeout(self.settings.linger, work).await;
        heard
    }
}

async fn send<S: Stream>(wire: &mut Wire<S>, bytes: &[u8]) -> std::io::Result<()> {
    wire.write_all(bytes).await?;
    wire.flush().await
}
