//! Dialogues with a mail server whose certificate its issuer takes back while phones are served (mobile-gateway.md G-2).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod house;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use house::{House, command, field, ping, soon};
use mobile::Settings;
use model::ports::{Issuers, Standing};
use parking_lot::Mutex;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The issuer: nothing yet, or what it says; and how often it was asked.
struct Issuer {
    says: Mutex<Option<Standing>>,
    asked: watch::Sender<usize>,
}

impl Issuer {
    /// Until it was asked so often in all.
    async fn asked(&self, times: usize) {
        soon("a question to the issuer", self.asked.subscribe().wait_for(|asked| *asked >= times)).await.unwrap();
    }

    async fn say(&self, standing: Standing) {
        *self.says.lock() = Some(standing);
        // The first question after this one hears it; when one more is asked, the answer was taken.
        let now = *self.asked.borrow();
        self.asked(now + 2).await;
    }
}

#[async_trait]
impl Issuers for Issuer {
    async fn standing(&self, gateway: &str, shown: Vec<Vec<u8>>, _stapled: Vec<u8>) -> Standing {
        assert_eq!((gateway, shown.len()), ("one", 1), "what the server showed");
        self.asked.send_modify(|asked| *asked += 1);
        let says = self.says.lock().clone();
        says.unwrap_or(Standing::Unknown("nobody says".to_owned()))
    }
}

/// A mail server with TLS: certificate in a file, and the requests that it got.
struct MailServer {
    roots: tempfile::NamedTempFile,
    acceptor: TlsAcceptor,
    requests: Arc<AtomicUsize>,
}

impl MailServer {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
        Self { roots, acceptor, requests: Arc::default() }
    }

    /// Answers `ok` to everything but Ping, which hangs.
    fn serve(&self, listener: tokio::net::TcpListener) {
        let (acceptor, requests) = (self.acceptor.clone(), self.requests.clone());
        tokio::spawn(async move {
            while let Ok((accepted, _)) = listener.accept().await {
                let (acceptor, requests) = (acceptor.clone(), requests.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(accepted).await else { return };
                    let mut read = [0; 4_096];
                    while let Ok(length @ 1..) = stream.read(&mut read).await {
                        requests.fetch_add(1, Ordering::SeqCst);
                        if read[..length].windows(8).any(|octets| octets == b"Cmd=Ping") {
                            continue;
                        }
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                    }
                });
            }
        });
    }
}

async fn house(server: &MailServer, issuer: &Arc<Issuer>) -> House {
    let settings = Settings {
        mail_roots: Some(server.roots.path().to_owned()),
        revocation: Duration::from_millis(1),
        pool_rest: Duration::ZERO,
        ..Settings::default()
    };
    let mut house = House::asking(settings, "https", Some(issuer.clone())).await;
    let listener = std::mem::replace(&mut house.listener, tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    server.serve(listener);
    house
}

async fn ask(phone: &mut house::Talk) -> String {
    phone.say(command("Search", "")).await;
    let (head, _) = phone.message().await;
    head
}

#[tokio::test]
async fn g_2_a_server_whose_certificate_is_known_as_revoked_gets_no_request() {
    let (server, issuer) = (MailServer::new(), Arc::new(Issuer { says: Mutex::default(), asked: watch::Sender::new(0) }));
    let house = house(&server, &issuer).await;
    let mut phone = house.phone().await;
    assert!(ask(&mut phone).await.contains(" 200 "), "nobody says anything: soft");
    issuer.say(Standing::Good).await;
    assert!(ask(&mut phone).await.contains(" 200 "), "on a kept connection");
    let mut hanging = house.phone().await;
    hanging.say(command("Ping", "x")).await;
    soon("the Ping to arrive", async {
        while server.requests.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    issuer.say(Standing::Revoked("its certificate was revoked".into())).await;
    assert_eq!(hanging.message().await.1, ping("1"), "it may ask again, and hears what all hear");
    for _ in 0..3 {
        let head = ask(&mut phone).await;
        assert!(head.contains(" 502 ") && field(&head, "retry-after").is_none(), "neither on kept nor on new connections: {head}");
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 3, "not one octet of a request");
    issuer.say(Standing::Good).await;
    assert!(ask(&mut phone).await.contains(" 200 "), "it was on hold");
}

#[tokio::test]
async fn g_2_it_is_asked_about_before_any_request_comes() {
    let (server, issuer) = (MailServer::new(), Arc::new(Issuer { says: Mutex::default(), asked: watch::Sender::new(0) }));
    *issuer.says.lock() = Some(Standing::Revoked("its certificate was revoked".into()));
    let house = house(&server, &issuer).await;
    house.gate.prepare();
    issuer.asked(2).await;
    let mut phone = house.phone().await;
    assert!(ask(&mut phone).await.contains(" 502 "), "the first request already");
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
    house.configure(|gateway| gateway.verify_tls_mail = false);
    assert!(ask(&mut phone).await.contains(" 200 "), "where certificate errors are ignored, this one is too");
}
