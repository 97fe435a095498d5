//! Phones and mail servers by the thousand, for `bench/parked.py`: a measure has to hold them, too, and must cost little itself.
//!
//! ```text
//! polls upstream ADDRESS CERT KEY              hangs every Ping, answers everything else with 2 KB at once
//! polls phones ROOT FIRST COUNT GATES SOURCES  hangs one Ping a phone, which comes back whenever it ends
//! polls pace ROOT ADDRESS RATE SECONDS         asks at a steady rate and prints p50 and p99 in microseconds
//! ```
//! The first two take words on standard input: `count` prints what hangs (of phones also what ended well, in an error, in
//! nothing), `park N` makes it N phones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a measurement fails by panicking")]

use std::io::BufRead as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Handshakes at once.
const AT_ONCE: usize = 64;
/// Connections of `pace`.
const PACERS: usize = 32;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["upstream", address, cert, key] => runtime.block_on(upstream(address.parse().unwrap(), acceptor(cert, key))),
        ["phones", root, first, count, gates, sources] => {
            let gates: Vec<SocketAddr> = gates.split(',').map(|gate| gate.parse().unwrap()).collect();
            let sources: Vec<IpAddr> = sources.split(',').map(|source| source.parse().unwrap()).collect();
            let range = (first.parse().unwrap(), count.parse().unwrap());
            runtime.block_on(phones(connector(root), range, gates, sources));
        }
        ["pace", root, address, rate, seconds] => {
            let (address, rate, seconds) = (address.parse().unwrap(), rate.parse().unwrap(), seconds.parse().unwrap());
            runtime.block_on(pace(connector(root), address, rate, seconds));
        }
        _ => panic!("see the head of this file"),
    }
}

fn acceptor(cert: &str, key: &str) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_file(cert).unwrap()];
    let config = config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn connector(root: &str) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // As phones come back after a night: with whole handshakes.
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

/// Words of standard input, as they come; the end of it ends the process.
fn words(mut act: impl FnMut(&str) + Send + 'static) {
    std::thread::spawn(move || {
        std::io::stdin().lock().lines().map_while(Result::ok).for_each(|line| act(&line));
        std::process::exit(0);
    });
}

/// One HTTP message of at most some KB: its first line. `None` at the end.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut inbox = Vec::new();
    loop {
        if let Some(end) = inbox.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&inbox[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if inbox.len() >= end + 4 + length.unwrap_or(0) {
                let line = inbox.split(|octet| *octet == b'\r').next()?;
                return Some(String::from_utf8_lossy(line).into_owned());
            }
        }
        let mut space = [0; 4096];
        match stream.read(&mut space).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => inbox.extend_from_slice(&space[..count]),
        }
    }
}

/// The mail server's place.
async fn upstream(address: SocketAddr, acceptor: TlsAcceptor) {
    static HANG: AtomicUsize = AtomicUsize::new(0);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(4096).unwrap();
    println!("ready");
    words(|_| println!("{}", HANG.load(Ordering::SeqCst)));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = Box::pin(acceptor.accept(stream)).await else { return };
            while let Some(line) = Box::pin(message(&mut stream)).await {
                if line.contains("Cmd=Ping") {
                    HANG.fetch_add(1, Ordering::SeqCst);
                    let _ = Box::pin(message(&mut stream)).await;
                    HANG.fetch_sub(1, Ordering::SeqCst);
                    return;
                }
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 2048\r\n\r\n";
                let answer = [head.as_bytes(), &[b'y'; 2048]].concat();
                if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn connect(connector: &TlsConnector, gate: SocketAddr, source: IpAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    let stream = socket.connect(gate).await?;
    stream.set_nodelay(true)?;
    Box::pin(connector.connect(ServerName::try_from("localhost").unwrap(), stream)).await
}

fn request(command: &str, number: usize, length: usize) -> String {
    format!(
        "POST /Microsoft-Server-ActiveSync?Cmd={command}&User=user{number}&DeviceId=DEVICE{number}&DeviceType=SmartPhone HTTP/1.1\r\n\
         Host: localhost\r\nAuthorization: Basic dXNlcjpwYXNzd29yZC1vZi10aGlzLXVzZXI=\r\nUser-Agent: Apple-iPhone12C1/1902.336\r\n\
         MS-ASProtocolVersion: 16.1\r\nX-MS-PolicyKey: 1655081217\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\
         Accept: */*\r\nAccept-Language: en\r\nContent-Length: {length}\r\n\r\n{}",
        "p".repeat(length)
    )
}

/// What happened to the phones.
#[derive(Default)]
struct Seen {
    hang: AtomicUsize,
    /// Polls that ended with 200: the phone asks again.
    ended: AtomicUsize,
    /// Answers that are none of those.
    errors: AtomicUsize,
    /// Connections that ended without an answer, or could not be made.
    lost: AtomicUsize,
}

async fn phones(connector: TlsConnector, (first, count): (usize, usize), gates: Vec<SocketAddr>, sources: Vec<IpAddr>) {
    let seen = Arc::new(Seen::default());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let wanted = watch::Sender::new(0);
    for place in 0..count {
        let number = first + place;
        let phone = Phone {
            number,
            gate: gates[number % gates.len()],
            source: sources[place % sources.len()],
            connector: connector.clone(),
            turns: turns.clone(),
            seen: seen.clone(),
        };
        tokio::spawn(phone.live(place, wanted.subscribe()));
    }
    words(move |line| match line.strip_prefix("park ") {
        Some(number) => {
            wanted.send_replace(number.parse().unwrap());
        }
        None => {
            let counts = [&seen.hang, &seen.ended, &seen.errors, &seen.lost].map(|count| count.load(Ordering::SeqCst).to_string());
            println!("{}", counts.join(" "));
        }
    });
    println!("ready");
    std::future::pending::<()>().await;
}

struct Phone {
    number: usize,
    gate: SocketAddr,
    source: IpAddr,
    connector: TlsConnector,
    turns: Arc<Semaphore>,
    seen: Arc<Seen>,
}

/// Counts as long as it lives.
struct Hangs<'a>(&'a AtomicUsize);

impl Drop for Hangs<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Phone {
    /// Polls again and again while it is wanted.
    async fn live(self, place: usize, mut wanted: watch::Receiver<usize>) {
        loop {
            wanted.wait_for(|wanted| place < *wanted).await.unwrap();
            tokio::select! {
                () = self.poll() => {}
                unwanted = wanted.wait_for(|wanted| place >= *wanted) => drop(unwanted),
            }
        }
    }

    /// One poll until it ends, however that is.
    async fn poll(&self) {
        let turn = self.turns.acquire().await.unwrap();
        let Ok(mut stream) = Box::pin(connect(&self.connector, self.gate, self.source)).await else {
            drop(turn);
            self.seen.lost.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(500)).await;
            return;
        };
        let sent = stream.write_all(request("Ping", self.number, 120).as_bytes()).await;
        let flushed = stream.flush().await;
        drop(turn);
        self.seen.hang.fetch_add(1, Ordering::SeqCst);
        let _hangs = Hangs(&self.seen.hang);
        let answer = if sent.and(flushed).is_ok() { Box::pin(message(&mut stream)).await } else { None };
        let which = match answer {
            Some(line) if line.contains(" 200 ") => &self.seen.ended,
            Some(_) => &self.seen.errors,
            None => &self.seen.lost,
        };
        which.fetch_add(1, Ordering::SeqCst);
    }
}

/// Requests at a steady rate, whatever the answers do: each has its moment, and its time is counted from there.
async fn pace(connector: TlsConnector, address: SocketAddr, rate: u32, seconds: u32) {
    let mut streams = Vec::new();
    for _ in 0..PACERS {
        streams.push(connect(&connector, address, "127.0.0.1".parse().unwrap()).await.unwrap());
    }
    let (start, total) = (Instant::now() + Duration::from_millis(100), rate * seconds);
    let mut pacers = Vec::new();
    for (own, mut stream) in (0..total).zip(streams) {
        pacers.push(tokio::spawn(async move {
            let mut took = Vec::new();
            for number in (own..total).step_by(PACERS) {
                let due = start + Duration::from_secs(1) * number / rate;
                tokio::time::sleep_until(due.into()).await;
                stream.write_all(request("FolderSync", 900_000 + number as usize, 60).as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                let line = message(&mut stream).await.expect("an answer");
                assert!(line.contains(" 200 "), "{line}");
                took.push(due.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for pacer in pacers {
        took.extend(pacer.await.unwrap());
    }
    took.sort_unstable();
    println!("{} {}", took[took.len() / 2].as_micros(), took[took.len() * 99 / 100].as_micros());
}
