//! Dialogues: smuggling, path tricks, secrets in logs, the mail server's certificate.

mod house;

use std::io::Write;
use std::sync::Arc;

use house::{CAROL, House, Talk, command, field, soon};
use mobile::Settings;
use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

#[tokio::test]
async fn x_18_ambiguous_requests_are_refused_and_nothing_passes() {
    let house = House::new().await;
    let smuggled =
        "POST /Microsoft-Server-ActiveSync?Cmd=SendMail&DeviceId=EVIL&DeviceType=T HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let line = "POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=carol&DeviceId=PHONE1&DeviceType=T HTTP/1.1\r\nHost: x\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "X: y\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nAuthorization: Basic bWFsbG9yeTpwdw==\r\n",
        "Content-Length: 0\r\nMS-ASProtocolVersion: 14.1\r\nMS-ASProtocolVersion: 12.1\r\n",
    ] {
        let mut phone = house.phone().await;
        phone.say(format!("{line}{CAROL}{fields}\r\n{smuggled}")).await;
        let answers = String::from_utf8_lossy(&phone.rest_or(400).await).into_owned();
        assert!(answers.starts_with("HTTP/1.1 400"), "{fields:?}: {answers}");
    }
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn x_18_path_tricks_get_403_and_the_path_upstream_is_ours() {
    let house = House::new().await;
    let query = "Cmd=Ping&User=carol&DeviceId=PHONE1&DeviceType=T";
    for path in [
        "/Microsoft-Server-ActiveSync/../owa",
        "/Microsoft-Server-ActiveSync/%2e%2e/owa",
        "/Microsoft%252DServer-ActiveSync",
        "//Microsoft-Server-ActiveSync",
        "/owa/Microsoft-Server-ActiveSync",
        "/Microsoft-Server-ActiveSync%00/owa",
        "/Microsoft-Server-ActiveSync;/owa",
        "/EWS/Exchange.asmx",
        "/Autodiscover/../EWS/Exchange.asmx",
    ] {
        let mut phone = house.phone().await;
        phone.say(format!("POST {path}?{query} HTTP/1.1\r\nHost: x\r\n{CAROL}Content-Length: 0\r\n\r\n")).await;
        let head = phone.head().await;
        assert!(head.starts_with("HTTP/1.1 403"), "{path}: {head}");
    }
    assert_eq!(house.gate.counts().blocked, 9);
    let mut phone = house.phone().await;
    let absolute = format!("POST http://other.example/%65as?{query} HTTP/1.1\r\nHost: x\r\n{CAROL}Content-Length: 0\r\n\r\n");
    phone.say(absolute).await;
    let (head, _) = house.server().await.message().await;
    assert!(head.starts_with(&format!("POST /Microsoft-Server-ActiveSync?{query} HTTP/1.1\r\n")), "{head}");
    assert!(!head.contains("other.example"));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn x_21_credentials_cookies_and_bodies_stay_out_of_log_and_record() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let house = House::new().await;
    let mut phone = house.phone().await;
    for name in ["SendMail", "Ping"] {
        phone.say(command(name, "body-canary").replace("User-Agent", "Cookie: cookie-canary\r\nUser-Agent")).await;
        let mut server = house.server().await;
        let (head, body) = server.message().await;
        assert!(head.contains("cookie-canary") && body == b"body-canary");
        server
            .say("HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: answer-cookie-canary\r\nContent-Length: 13\r\n\r\nanswer-canary")
            .await;
        assert_eq!(phone.message().await.1, b"answer-canary");
    }
    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    for event in ["device.allowed", "carol", "phone1", "SendMail"] {
        assert!(text.contains(event), "{event} is not in the log");
    }
    // Other crates' own lines are at TRACE and are not written by the product, but must not show secrets either.
    for canary in ["carolpw", "Y2Fyb2w6Y2Fyb2xwdw", "body-canary", "cookie-canary", "answer-canary"] {
        assert!(!text.contains(canary), "{canary} is in the log");
        assert!(!format!("{:?}", house.known.seen.lock()).contains(canary));
    }
}

#[tokio::test]
async fn x_23_the_mail_servers_certificate_is_checked() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("sealgate-mobile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let roots = folder.join("root.pem");
    std::fs::write(&roots, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![rustls_pki_types::CertificateDer::from_pem_file(&roots).unwrap()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
    for (verify, extra, status) in [(true, None, "502"), (true, Some(roots.clone()), "200"), (false, None, "200")] {
        let house = House::with(Settings { mail_roots: extra, ..Settings::default() }, "https").await;
        house.configure(|gateway| gateway.verify_tls_mail = verify);
        let mut phone = house.phone().await;
        phone.say(command("Ping", "x")).await;
        let serve = async {
            let accepted = house.listener.accept().await.unwrap().0;
            if let Ok(mut stream) = acceptor.accept(accepted).await {
                let mut read = [0; 1024];
                tokio::io::AsyncReadExt::read(&mut stream, &mut read).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
                tokio::io::AsyncWriteExt::flush(&mut stream).await.unwrap();
            }
        };
        let (head, ()) = soon("the answer", async { tokio::join!(phone.head(), serve) }).await;
        assert!(head.contains(status), "{verify}: {head}");
        assert!(status == "200" || field(&head, "retry-after").is_none());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

impl Talk {
    /// All that comes until the connection ends; a connection that stays open after `status` fails the test.
    async fn rest_or(&mut self, status: u16) -> Vec<u8> {
        let rest = self.rest().await;
        assert!(!rest.is_empty(), "no {status}, the connection just ended");
        rest
    }
}
