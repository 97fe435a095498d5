//! For tests of what is fetched: a small web server on loopback, and the client that may reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Facts, Site};
use outside::dns::{Dns, DnsSettings};
use outside::egress::{Allowed, Egress, EgressPolicy, Purpose};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct NoSite;

impl Facts for NoSite {
    fn site(&self) -> Arc<Site> {
        Arc::default()
    }
}

/// A web server that answers with what it holds; nothing: 404.
pub(super) struct Web {
    port: u16,
    pub(super) held: Arc<Mutex<Option<Vec<u8>>>>,
    pub(super) asked: Arc<AtomicUsize>,
}

impl Web {
    pub(super) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Self { port: socket.local_addr().unwrap().port(), held: Arc::default(), asked: Arc::default() };
        let (held, asked) = (web.held.clone(), web.asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let body = held.lock().clone();
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            }
        });
        web
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/a.crl", self.port)
    }
}

/// A client that may reach loopback for these purposes, and can't look names up.
pub(super) fn egress(open: &[Purpose]) -> Egress {
    let dns = Dns::new(&DnsSettings { servers: vec!["127.0.0.1:9".parse().unwrap()], ..DnsSettings::default() }, None).unwrap();
    let allowed = |purpose: &Purpose| Allowed { purpose: *purpose, net: "127.0.0.0/8".parse().unwrap() };
    Egress::new(dns, EgressPolicy::new(open.iter().map(allowed).collect()), Arc::new(NoSite))
}
