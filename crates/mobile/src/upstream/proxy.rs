//! A proxy on the way to the mail server: CONNECT (RFC 9110 §9.3.6), with no sign-in or with Basic (mobile-gateway.md G-2).
//!
//! TLS with the mail server runs inside the tunnel, so the proxy sees a host name and octets. Its password is never logged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use model::ports::Secrets;
use model::site::MobileGateway;
use model::{Fault, Guilty, SecretText};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longest head of the proxy's answer.
const LONGEST: usize = 8 << 10;

/// A proxy as the configuration names it.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of Proxy-Authorization.
    credentials: Option<SecretText>,
}

impl Proxy {
    /// The configuration's proxy, if it has one. `sealed`: its password as the site keeps it.
    ///
    /// # Errors
    /// A fault of the configuration: no URL, or a password that can't be opened.
    pub(crate) fn new(gateway: &MobileGateway, sealed: &str, secrets: &dyn Secrets) -> Result<Option<Self>, Fault> {
        let proxy = &gateway.proxy_mail;
        if proxy.is_none() {
            return Ok(None);
        }
        let wrong = |what: &str| Fault::permanent(Guilty::Configuration, "mobile-proxy", format!("proxy_mail of {}: {what}", gateway.id));
        let uri: Uri = proxy.url.parse().map_err(|_| wrong("no URL"))?;
        let host = uri.host().ok_or_else(|| wrong("names no host"))?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = match proxy.auth.as_str() {
            "basic" => {
                let password =
                    secrets.open(&gateway.proxy_secret(), sealed).ok_or_else(|| wrong("its password can't be opened: set it anew"))?;
                let both = SecretText::new(format!("{}:{}", proxy.user, password.expose()));
                Some(SecretText::new(format!("Basic {}", STANDARD.encode(both.expose()))))
            }
            _ => None,
        };
        Ok(Some(Self { host, port: uri.port_u16().unwrap_or(3_128), credentials }))
    }

    /// Asks for a tunnel.
    ///
    /// # Errors
    /// The proxy refuses (permanent when it wants other credentials), or answers with something else.
    pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S, host: &str, port: u16) -> Result<(), Fault> {
        let lost = |cause: String| Fault::temporary(Guilty::NextHop, "mail-proxy", format!("proxy {}: {cause}", self.host));
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(credentials) = &self.credentials {
            head.push_str(&format!("Proxy-Authorization: {}\r\n", credentials.expose()));
        }
        head.push_str("\r\n");
        let head = SecretText::new(head);
        stream.write_all(head.expose().as_bytes()).await.map_err(|cause| lost(cause.to_string()))?;
        // Octet by octet: what follows the head belongs to the tunnel.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > LONGEST {
                return Err(lost("its answer is too long".to_owned()));
            }
            answer.push(stream.read_u8().await.map_err(|cause| lost(cause.to_string()))?);
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        response.parse(&answer).map_err(|cause| lost(format!("its answer is no HTTP: {cause}")))?;
        match response.code.unwrap_or_default() {
            200..=299 => Ok(()),
            407 => {
                Err(Fault::permanent(Guilty::Configuration, "mail-proxy", format!("proxy {}: it wants other credentials (407)", self.host)))
            }
            code => Err(lost(format!("it refuses the way to {target} ({code})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::site::OutboundProxy;

    use super::*;

    struct Opens;

    impl Secrets for Opens {
        fn open(&self, name: &str, sealed: &str) -> Option<SecretText> {
            (name == "gateway/a/proxy_mail" && sealed == "sealed").then(|| SecretText::new("secret".to_owned()))
        }
    }

    fn proxy(auth: &str, sealed: &str) -> Result<Option<Proxy>, Fault> {
        let proxy_mail =
            OutboundProxy { url: "http://proxy:8080".into(), auth: auth.into(), user: "gate".into(), password: "@secret(x)".into() };
        Proxy::new(&MobileGateway { id: "a".into(), proxy_mail, ..MobileGateway::default() }, sealed, &Opens)
    }

    /// What the proxy was asked, and what came of its answer.
    async fn talk(proxy: &Proxy, host: &str, answer: &str) -> (String, Result<(), (bool, String)>) {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer.as_bytes()).await.unwrap();
        let done = proxy.connect(&mut ours, host, 443).await.map_err(|fault| (fault.temporary, fault.cause.into_owned()));
        let rest = async {
            let mut rest = String::new();
            ours.read_to_string(&mut rest).await.map(|_| rest)
        };
        let mut asked = vec![0; 4096];
        let length = theirs.read(&mut asked).await.unwrap();
        drop(theirs);
        let asked = String::from_utf8(asked[..length].to_vec()).unwrap();
        (format!("{asked}|{}", rest.await.unwrap()), done)
    }

    #[tokio::test]
    async fn g_2_a_tunnel_is_asked_for_with_basic_and_nothing_of_it_is_eaten() {
        let with = proxy("basic", "sealed").unwrap().unwrap();
        let (asked, done) = talk(&with, "mail.example", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nafter").await;
        assert_eq!(done, Ok(()));
        let head =
            "CONNECT mail.example:443 HTTP/1.1\r\nHost: mail.example:443\r\nProxy-Authorization: Basic Z2F0ZTpzZWNyZXQ=\r\n\r\n|after";
        assert_eq!(asked, head);
        assert!(!format!("{with:?}").contains("Z2F0"), "x_21: not in debug output either");
        let without = proxy("none", "").unwrap().unwrap();
        let (asked, _) = talk(&without, "::1", "HTTP/1.1 200 OK\r\n\r\n").await;
        assert_eq!(asked, "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n|");
        assert!(proxy("basic", "other").is_err(), "x_23: no way round a password that can't be opened");
    }

    #[tokio::test]
    async fn g_2_a_proxy_that_refuses_is_named() {
        let proxy = proxy("none", "").unwrap().unwrap();
        for (answer, temporary, said) in [
            ("HTTP/1.1 407 No\r\n\r\n", false, "407"),
            ("HTTP/1.1 503 Busy\r\n\r\n", true, "503"),
            ("SSH-2.0\r\n\r\n", true, "no HTTP"),
            (&format!("HTTP/1.1 200 {}\r\n", "x".repeat(9_000)), true, "too long"),
        ] {
            let (_, done) = talk(&proxy, "m", answer).await;
            let (was, cause) = done.unwrap_err();
            assert!(was == temporary && cause.contains(said), "{answer:.40}: {cause}");
        }
    }
}
