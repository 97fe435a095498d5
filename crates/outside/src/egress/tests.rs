//! Tests of [`super`] against small servers on loopback.

use std::net::SocketAddr;
use std::time::Instant;

use model::Site;
use model::site::{Section, SiteRow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::dns::DnsSettings;

struct One(Arc<Site>);

impl Facts for One {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

/// A site where `inside.example` is 127.0.0.1, as a lying zone may say.
fn facts() -> Arc<dyn Facts> {
    let body = r#"{"hosts":[{"ip":"127.0.0.1","name":"inside.example"}]}"#.to_owned();
    let mut site = Site::default();
    site.apply(&SiteRow { section: Section::Mail, key: String::new(), version: 1, body }).unwrap();
    Arc::new(One(Arc::new(site)))
}

fn egress(allow: &[(Purpose, &str)]) -> Egress {
    let settings = DnsSettings { servers: vec!["127.0.0.1:9".parse().unwrap()], ..DnsSettings::default() };
    let allow = allow.iter().map(|(purpose, net)| Allowed { purpose: *purpose, net: net.parse().unwrap() }).collect();
    Egress::new(Dns::new(&settings, Some(facts())).unwrap(), EgressPolicy::new(allow), facts())
}

/// Answers each connection with these octets; says how many connections came.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (socket.local_addr().unwrap(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let seen = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&answer).await;
                // Held open, as a slow server does.
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    (address, count)
}

fn get(url: &str) -> Request<'_> {
    Request { purpose: Purpose::Crl, url, body: None, size: 1_000, time: Duration::from_secs(5) }
}

#[tokio::test]
async fn x_17_a_name_that_leads_inside_is_not_fetched() {
    let (address, count) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
    let port = address.port();
    for host in ["inside.example", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/a");
        assert!(matches!(egress(&[]).fetch(&get(&url)).await, Err(EgressError::Forbidden(_))), "{host}");
        let other = egress(&[(Purpose::Ocsp, "127.0.0.0/8")]);
        assert!(matches!(other.fetch(&get(&url)).await, Err(EgressError::Forbidden(_))), "allowed for another purpose only");
    }
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 0, "nothing was connected to");
    let open = egress(&[(Purpose::Crl, "127.0.0.0/8")]);
    let fetched = open.fetch(&get(&format!("http://inside.example:{port}/a"))).await.unwrap();
    assert_eq!((fetched.status, &fetched.body[..]), (200, &b"hi"[..]));
}

#[tokio::test]
async fn x_17_size_and_time_are_capped() {
    let open = egress(&[(Purpose::Crl, "127.0.0.0/8")]);
    let big = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec(), vec![b'x'; 5_000]].concat();
    let (address, _) = server(big).await;
    let url = format!("http://{address}/");
    assert_eq!(open.fetch(&get(&url)).await, Err(EgressError::TooLarge(1_000)));

    let (address, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec()).await;
    let (url, started) = (format!("http://{address}/"), Instant::now());
    let slow = Request { time: Duration::from_millis(200), ..get(&url) };
    assert_eq!(open.fetch(&slow).await, Err(EgressError::TooLong(Duration::from_millis(200))));
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn x_17_no_redirect_is_followed_and_no_other_address_is_taken() {
    let open = egress(&[(Purpose::Crl, "127.0.0.0/8"), (Purpose::MtaSts, "127.0.0.0/8")]);
    let (target, reached) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let (address, _) = server(format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n").into_bytes()).await;
    assert_eq!(open.fetch(&get(&format!("http://{address}/"))).await.unwrap().status, 302);
    assert_eq!(reached.load(std::sync::atomic::Ordering::SeqCst), 0);
    for url in ["ftp://a.example/", "file:///etc/passwd", "http://user@inside.example/", "//inside.example/", "inside", "http:///x"] {
        assert!(matches!(open.fetch(&get(url)).await, Err(EgressError::Url(_))), "{url}");
    }
    let plain = format!("http://{target}/");
    let sts = Request { purpose: Purpose::MtaSts, ..get(&plain) };
    assert!(matches!(open.fetch(&sts).await, Err(EgressError::Url(_))), "a policy comes by HTTPS only");
}

#[tokio::test]
async fn x_17_a_certificate_that_nobody_vouches_for_ends_it() {
    let open = egress(&[(Purpose::MtaSts, "127.0.0.0/8")]);
    let key = rcgen::generate_simple_self_signed(vec!["inside.example".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let secret = rustls_pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![key.cert.der().clone()], secret).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    let url = format!("https://inside.example:{port}/");
    let sts = Request { purpose: Purpose::MtaSts, ..get(&url) };
    assert!(matches!(open.fetch(&sts).await, Err(EgressError::Tls(_))));
}

/// A proxy that answers each connection with these octets, once it has read a head, and keeps what it was asked.
async fn proxy(answer: &'static str) -> (Proxy, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let password = model::SecretText::new("secret".to_owned());
    let proxy = Proxy::new(&format!("http://{}", socket.local_addr().unwrap()), Some(("gate", &password))).unwrap();
    let (asked, heads) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            asked.send(String::from_utf8(head).unwrap()).unwrap();
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (proxy, heads)
}

#[tokio::test]
async fn g_2_x_17_what_goes_through_a_proxy_is_judged_as_before() {
    let (by, mut heads) = proxy("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let open = egress(&[(Purpose::Crl, "127.0.0.0/8")]).through(by.clone());
    let came = open.fetch(&get("http://inside.example:81/a?b")).await.unwrap();
    assert_eq!((came.status, &came.body[..]), (200, &b"hi"[..]));
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("GET http://inside.example:81/a?b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic Z2F0ZTpzZWNyZXQ=\r\n") && head.contains("host: inside.example:81\r\n"), "{head}");
    // For TLS a tunnel; what comes out of it is no TLS here.
    assert!(matches!(open.fetch(&get("https://inside.example/a")).await, Err(EgressError::Tls(_))));
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("CONNECT inside.example:443 HTTP/1.1\r\n"), "{head}");
    let closed = egress(&[]).through(by);
    for url in ["http://inside.example/a", "http://10.1.2.3/a", "https://[::1]/a"] {
        assert!(matches!(closed.fetch(&get(url)).await, Err(EgressError::Forbidden(_))), "{url}");
    }
    assert!(heads.try_recv().is_err(), "nothing was asked");
    let (refuses, _heads) = proxy("HTTP/1.1 407 No\r\n\r\n").await;
    let refused = egress(&[(Purpose::Crl, "127.0.0.0/8")]).through(refuses).fetch(&get("https://127.0.0.1/a")).await;
    assert!(matches!(&refused, Err(EgressError::Connect(why)) if why.contains("407")), "{refused:?}");
}
