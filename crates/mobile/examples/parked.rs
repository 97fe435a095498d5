//! What a parked poll costs: `parked 5000` hangs so many Pings on a gate with TLS on the phones' side and prints the
//! resident memory that each one added. A second process plays the phones and the mail server, so that only the gate is
//! measured. The process may open some two descriptors a poll.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mobile::{Arrival, MobileGate, Ports, Settings, serve_connection};
use model::device::{Device, DeviceId, Sighting};
use model::ports::{DeviceFacts, Facts, Recorder, Secrets};
use model::{SecretText, Site, SystemClock};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

struct Nothing(Arc<Site>);

impl Facts for Nothing {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

impl DeviceFacts for Nothing {
    fn device(&self, _: &str, _: &DeviceId) -> Option<Device> {
        None
    }
}

impl Secrets for Nothing {
    fn open(&self, _name: &str, _sealed: &str) -> Option<SecretText> {
        None
    }
}

impl Recorder for Nothing {
    fn record(&self, _: Sighting) {}
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match args.first().map(String::as_str) {
        Some("--peers") => runtime.block_on(peers(args[1].parse().unwrap(), args[2].parse().unwrap(), &args[3])),
        count => runtime.block_on(gate(count.unwrap_or("5000").parse().unwrap())),
    }
}

/// Resident memory of this process in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn gate(count: usize) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("parked-{}.pem", std::process::id()));
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let chain = vec![CertificateDer::from_pem_file(&file).unwrap()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--peers", &own.to_string(), &count.to_string(), file.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let server = lines.next().unwrap();
    let mut site = Site::default();
    let text = format!(r#"{{"id":"one","mail_server":"http://{server}"}}"#);
    site.gateways.insert("one".into(), serde_json::from_str(&text).unwrap());
    let facts = Arc::new(Nothing(Arc::new(site)));
    let ports = Ports {
        facts: facts.clone(),
        devices: facts.clone(),
        recorder: facts.clone(),
        secrets: facts,
        keys: Arc::new(content::testing::Keys::new(1)),
        clock: Arc::new(SystemClock),
    };
    let gate = MobileGate::new(ports, Settings::default());
    let serving = gate.clone();
    tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let (acceptor, gate) = (acceptor.clone(), serving.clone());
            tokio::spawn(async move {
                if let Ok(stream) = Box::pin(acceptor.accept(stream)).await {
                    serve_connection(stream, Arrival { peer, local: own, server_name: None, plain: false }, gate, CancellationToken::new())
                        .await;
                }
            });
        }
    });
    // The first hundred warm up: threads, allocator, code.
    let lines = tokio::task::spawn_blocking(move || {
        lines.next().unwrap();
        let before = resident();
        lines.next().unwrap();
        (before, lines)
    });
    let (before, _lines) = lines.await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = resident();
    let parked = gate.counts().running;
    println!("{parked} parked, {:.1} KiB resident each ({} MiB in all)", (after - before) as f64 / (parked - 100) as f64, after >> 10);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(file).unwrap();
}

/// The phones and the mail server, which never answers.
async fn peers(gate: SocketAddr, count: usize, root: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let arrived = arrived.clone();
            tokio::spawn(async move {
                let mut space = [0; 2048];
                assert!(stream.read(&mut space).await.unwrap() > 0);
                arrived.send(()).unwrap();
                let _ = stream.read(&mut space).await;
            });
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let stream = TcpStream::connect(gate).await.unwrap();
        let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let request = format!(
            "POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=user{number}&DeviceId=DEVICE{number}&DeviceType=SmartPhone HTTP/1.1\r\n\
             Host: mail.example.com\r\nAuthorization: Basic dXNlcjpwYXNzd29yZC1vZi10aGlzLXVzZXI=\r\nUser-Agent: Apple-iPhone12C1/1902.336\r\n\
             MS-ASProtocolVersion: 16.1\r\nX-MS-PolicyKey: 1655081217\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n\
             Accept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nContent-Length: 120\r\n\r\n{}",
            "p".repeat(120)
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        open.push(stream);
        arrivals.recv().await.unwrap();
        if number + 1 == 100 {
            println!("warm");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    println!("parked");
    std::future::pending::<()>().await;
}
