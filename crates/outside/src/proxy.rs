//! A proxy on the way out: a tunnel by CONNECT (RFC 9110 §9.3.6), or a whole URL in the request line (RFC 9112 §3.2.2), with no sign-in or
//! with Basic (RFC 7617).
//!
//! For TLS there is a tunnel only: the proxy sees a host name and octets. The proxy itself is the administrator's and may be anywhere;
//! what lies behind it is judged by who asks for it. Its password is never logged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use model::SecretText;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longest head of the proxy's answer.
const LONGEST: usize = 8 << 10;
/// Where a proxy listens if its URL does not say.
const PORT: u16 = 3_128;

/// A proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    /// The value of Proxy-Authorization.
    credentials: Option<SecretText>,
}

/// Why there is no way through it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Its address is none.
    #[error("no URL, as http://host:port")]
    Url,
    /// It wants other credentials: 407. Trying again does not help.
    #[error("proxy {0}: it wants other credentials (407)")]
    Credentials(String),
    /// Anything else, for now.
    #[error("proxy {0}: {1}")]
    Lost(String, String),
}

impl Proxy {
    /// By its URL, `http://host[:port]`, and who signs in there.
    ///
    /// # Errors
    /// [`ProxyError::Url`].
    pub fn new(url: &str, sign_in: Option<(&str, &SecretText)>) -> Result<Self, ProxyError> {
        let uri: Uri = url.parse().map_err(|_| ProxyError::Url)?;
        let host = uri.host().ok_or(ProxyError::Url)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = sign_in.map(|(user, password)| {
            let both = SecretText::new(format!("{user}:{}", password.expose()));
            SecretText::new(format!("Basic {}", STANDARD.encode(both.expose())))
        });
        Ok(Self { host, port: uri.port_u16().unwrap_or(PORT), credentials })
    }

    /// Its host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What a request to it says in `Proxy-Authorization`.
    #[must_use]
    pub const fn credentials(&self) -> Option<&SecretText> {
        self.credentials.as_ref()
    }

    /// Asks for a tunnel over a connection to the proxy.
    ///
    /// # Errors
    /// The proxy refuses, or answers with something else.
    pub async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyError> {
        let lost = |cause: String| ProxyError::Lost(self.host.clone(), cause);
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
            407 => Err(ProxyError::Credentials(self.host.clone())),
            code => Err(lost(format!("it refuses the way to {target} ({code})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(sign_in: Option<(&str, &str)>) -> Proxy {
        let password = SecretText::new(sign_in.map_or("", |(_, password)| password).to_owned());
        Proxy::new("http://proxy:8080", sign_in.map(|(user, _)| (user, &password))).unwrap()
    }

    /// What the proxy was asked, and what came of its answer.
    async fn talk(proxy: &Proxy, host: &str, answer: &str) -> (String, Result<(), ProxyError>) {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer.as_bytes()).await.unwrap();
        let done = proxy.tunnel(&mut ours, host, 443).await;
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
        let with = proxy(Some(("gate", "secret")));
        let (asked, done) = talk(&with, "mail.example", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nafter").await;
        assert_eq!(done, Ok(()));
        let head =
            "CONNECT mail.example:443 HTTP/1.1\r\nHost: mail.example:443\r\nProxy-Authorization: Basic Z2F0ZTpzZWNyZXQ=\r\n\r\n|after";
        assert_eq!(asked, head);
        assert!(!format!("{with:?}").contains("Z2F0"), "x_21: not in debug output either");
        let (asked, _) = talk(&proxy(None), "::1", "HTTP/1.1 200 OK\r\n\r\n").await;
        assert_eq!(asked, "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n|");
        let named = Proxy::new("http://[::1]", None).unwrap();
        assert_eq!((named.host(), named.port()), ("::1", 3_128));
        assert_eq!(Proxy::new("/", None).unwrap_err(), ProxyError::Url);
    }

    #[tokio::test]
    async fn g_2_a_proxy_that_refuses_is_named() {
        let proxy = proxy(None);
        for (answer, said) in [
            ("HTTP/1.1 407 No\r\n\r\n", "other credentials (407)"),
            ("HTTP/1.1 503 Busy\r\n\r\n", "refuses the way to m:443 (503)"),
            ("SSH-2.0\r\n\r\n", "no HTTP"),
            (&format!("HTTP/1.1 200 {}\r\n", "x".repeat(9_000)), "too long"),
        ] {
            let (_, done) = talk(&proxy, "m", answer).await;
            let error = done.unwrap_err();
            assert!(error.to_string().contains(said), "{answer:.40}: {error}");
            assert_eq!(matches!(error, ProxyError::Credentials(_)), answer.contains("407"));
        }
    }
}
