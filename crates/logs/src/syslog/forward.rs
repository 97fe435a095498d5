//! One task a receiver: takes messages from a bounded queue, keeps a connection, connects again with growing waits.
//!
//! Over UDP and TCP some messages may be lost with the network or the receiver: neither says what has arrived. What we
//! drop ourselves, because the queue is full, is counted and told.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::message::{DATAGRAM_MAX, cut};
use super::target::{Target, Transport};

/// Bounds and waits.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Messages that may wait; one is at most 8 KiB.
    pub queue: usize,
    /// First wait after a failure; it doubles.
    pub retry_first: Duration,
    /// Longest wait.
    pub retry_max: Duration,
    /// Longest time for a connection, or for one message to be taken by the network.
    pub patience: Duration,
    /// Drops are told at most so often.
    pub tell_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue: 4_096,
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            tell_every: Duration::from_secs(10),
        }
    }
}

/// A receiver with its queue and its task; the task ends with it.
#[derive(Debug)]
pub struct Forward {
    /// Where to.
    pub target: Target,
    queue: mpsc::Sender<Arc<str>>,
    dropped: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Forward {
    /// Starts the task on the present runtime.
    #[must_use]
    pub fn start(target: Target, settings: Settings) -> Self {
        let (queue, messages) = mpsc::channel(settings.queue);
        let dropped = Arc::new(AtomicU64::new(0));
        let work = Work { target: target.clone(), settings, messages, dropped: dropped.clone(), told: 0, held: None };
        Self { target, queue, dropped, task: tokio::spawn(work.run()) }
    }

    /// Hands a message over, or drops it. Never waits.
    pub fn offer(&self, message: &Arc<str>) {
        if self.queue.try_send(message.clone()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Work {
    target: Target,
    settings: Settings,
    messages: mpsc::Receiver<Arc<str>>,
    dropped: Arc<AtomicU64>,
    /// Drops that were told.
    told: u64,
    /// A message whose connection failed under it.
    held: Option<Arc<str>>,
}

impl Work {
    async fn run(mut self) {
        let mut wait = self.settings.retry_first;
        let mut away = false;
        loop {
            let cause = match tokio::time::timeout(self.settings.patience, self.connect()).await {
                Ok(Ok(connection)) => {
                    if away {
                        tracing::info!(event = "syslog.there", receiver = self.target.text);
                    }
                    (away, wait) = (false, self.settings.retry_first);
                    match self.serve(connection).await {
                        Ok(()) => return,
                        Err(cause) => cause,
                    }
                }
                Ok(Err(cause)) => cause,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
            if !away {
                tracing::warn!(event = "syslog.away", receiver = self.target.text, %cause, "trying again; messages wait, then are dropped");
                away = true;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.settings.retry_max);
        }
    }

    async fn connect(&self) -> io::Result<Connection> {
        let place = (self.target.host.as_str(), self.target.port);
        if self.target.transport == Transport::Udp {
            let address = tokio::net::lookup_host(place).await?.next().ok_or(io::ErrorKind::NotFound)?;
            let local: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
            let socket = UdpSocket::bind(local).await?;
            socket.connect(address).await?;
            return Ok(Connection::Datagrams(socket));
        }
        let stream = TcpStream::connect(place).await?;
        if self.target.transport == Transport::Tcp {
            return Ok(Connection::Stream(Box::new(stream)));
        }
        let name = ServerName::try_from(self.target.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::new(self.tls()?)).connect(name, stream).await?;
        Ok(Connection::Stream(Box::new(stream)))
    }

    fn tls(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let trusted = if self.target.roots.is_empty() { rustls_native_certs::load_native_certs().certs } else { self.target.roots.clone() };
        let (known, _) = roots.add_parsable_certificates(trusted);
        if known == 0 {
            return Err(io::Error::other("there is no root to trust: name one in ca"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    /// Sends until there is nobody who offers (`Ok`) or the connection fails.
    async fn serve(&mut self, mut connection: Connection) -> io::Result<()> {
        let mut tell = tokio::time::interval(self.settings.tell_every);
        loop {
            if self.held.is_none() {
                tokio::select! {
                    message = self.messages.recv() => match message {
                        Some(message) => self.held = Some(message),
                        None => return Ok(()),
                    },
                    ended = connection.ended() => return Err(ended),
                    _ = tell.tick() => self.tell_drops(),
                }
            }
            let Some(message) = &self.held else { continue };
            let sent = connection.send(message);
            tokio::time::timeout(self.settings.patience, sent).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            self.held = None;
        }
    }

    fn tell_drops(&mut self) {
        let all = self.dropped.load(Ordering::Relaxed);
        if all > self.told {
            let messages = all - self.told;
            self.told = all;
            tracing::warn!(event = "syslog.dropped", receiver = self.target.text, messages, all, "the receiver was away or too slow");
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

enum Connection {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

impl Connection {
    async fn send(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => match socket.send(cut(message.to_owned(), DATAGRAM_MAX).as_bytes()).await {
                // Somebody said that nobody listens there: no reason to stop, and no news of this message.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                sent => sent.map(drop),
            },
            Self::Stream(stream) => {
                stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
                stream.flush().await
            }
        }
    }

    /// Resolves when the receiver ends the connection; what it says meanwhile is not listened to.
    async fn ended(&mut self) -> io::Error {
        let Self::Stream(stream) = self else { return std::future::pending().await };
        let mut words = [0; 256];
        loop {
            match stream.read(&mut words).await {
                Ok(0) => return io::Error::new(io::ErrorKind::ConnectionAborted, "the receiver has ended the connection"),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt;
    use tokio::net::TcpListener;

    use super::*;

    fn quick(queue: usize) -> Settings {
        let ms = Duration::from_millis;
        Settings { queue, retry_first: ms(5), retry_max: ms(20), patience: Duration::from_secs(5), tell_every: ms(10) }
    }

    fn message(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    /// Reads one message with its count.
    async fn read(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> String {
        let mut count = Vec::new();
        stream.read_until(b' ', &mut count).await.unwrap();
        let length: usize = String::from_utf8(count).unwrap().trim().parse().unwrap();
        let mut text = vec![0; length];
        stream.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn s_1_octets_are_counted_and_a_receiver_that_comes_back_gets_what_waited() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::parse(&format!("tcp://{}", listener.local_addr().unwrap()), "").unwrap();
        let forward = Forward::start(target, quick(10));
        forward.offer(&message("<14>1 ü\nb"));
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio::io::BufReader::new(stream);
        assert_eq!(read(&mut stream).await, "<14>1 ü\nb");
        drop(stream);
        let (stream, _) = listener.accept().await.unwrap();
        forward.offer(&message("second"));
        assert_eq!(read(&mut tokio::io::BufReader::new(stream)).await, "second");
        assert_eq!(forward.dropped(), 0);
    }

    #[tokio::test]
    async fn s_1_a_full_queue_drops_and_counts_and_never_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::parse(&format!("tcp://{}", listener.local_addr().unwrap()), "").unwrap();
        drop(listener);
        let forward = Forward::start(target, quick(10));
        for n in 0..100 {
            forward.offer(&message(&format!("m{n}")));
        }
        assert_eq!(forward.dropped(), 90);
    }

    #[tokio::test]
    async fn s_1_a_datagram_is_cut_and_a_refusal_stops_nothing() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = receiver.local_addr().unwrap();
        drop(receiver);
        let forward = Forward::start(Target::parse(&format!("udp://{address}"), "").unwrap(), quick(10));
        forward.offer(&message("nobody hears it"));
        tokio::task::yield_now().await;
        let receiver = UdpSocket::bind(address).await.unwrap();
        let mut octets = vec![0; 9_000];
        // The refusals of what went before may still be under way: it is said until it is heard.
        let (length, _) = loop {
            forward.offer(&message(&"x".repeat(8_000)));
            match tokio::time::timeout(Duration::from_millis(50), receiver.recv_from(&mut octets)).await {
                Ok(received) => break received.unwrap(),
                Err(_) => continue,
            }
        };
        assert!(length == DATAGRAM_MAX || length == "nobody hears it".len());
    }
}
