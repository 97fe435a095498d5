//! What an administrator can set about a session; the defaults are mail-gateway's M-T6 and RFC 5321's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

/// Gives the certificate to use now: asked at every EHLO and STARTTLS, so that a new one counts at once.
/// `None`: STARTTLS is not offered.
pub type CertificateProvider = Arc<dyn Fn() -> Option<Arc<rustls::ServerConfig>> + Send + Sync>;

/// The names of ours that a client's certificate chain, leaf first, is good for. That the client holds its key is known already.
pub type ClientNames = Arc<dyn Fn(&[CertificateDer<'_>]) -> Vec<String> + Send + Sync>;

/// What a CR or LF that is not part of a CR LF does to a mail (`[smtp] bare_newline`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BareNewline {
    /// The mail is refused after its last dot.
    #[default]
    Refuse,
    /// It is made a CR LF. It still never ends the data.
    Normalise,
}

/// The settings of one listener's sessions. Cheap to share behind an `Arc`.
#[derive(Clone)]
pub struct SessionSettings {
    /// Our name in the greeting and in the answer to EHLO.
    pub hostname: String,
    /// Longest silence of the client (RFC 5321 §4.5.3.2.7), also the longest wait for it to read.
    pub idle: Duration,
    /// Longest time for one mail's content, so that a dripping client can't hold memory for ever.
    pub data_time: Duration,
    /// Octets a second at which content has to come, on the average over [`Self::idle`]; 0: any rate.
    pub data_rate: u64,
    /// Longest time for a TLS handshake.
    pub handshake: Duration,
    /// Longest wait for the client to close after our last word to it, so that it can read that word.
    pub linger: Duration,
    /// Bad commands after which the session ends with 421.
    pub bad_commands: u32,
    /// Recipients refused for good after which it ends too, counted anew with each mail that is taken. Not for those whom the
    /// gate trusts.
    pub refused_recipients: u32,
    /// Commands that lead to no mail (NOOP, RSET, EHLO, tiny chunks, recipients refused for now, …) after which it ends too,
    /// counted anew with each mail.
    pub idle_commands: u32,
    /// See [`BareNewline`].
    pub bare_newline: BareNewline,
    /// Longest text line in octets without CR LF.
    pub line: usize,
    /// How much of a mail that is refused already is read and thrown away before the connection is closed.
    pub discard: u64,
    /// The certificate, if TLS is to be offered.
    pub certificate: CertificateProvider,
    /// What client certificates prove.
    pub client_names: ClientNames,
    /// This client may say by XCLIENT for whom it speaks.
    pub xclient: bool,
    /// Mail is taken after signing in only (RFC 6409 §4.3).
    pub submission: bool,
}

impl SessionSettings {
    /// The defaults, without TLS.
    #[must_use]
    pub fn new(hostname: &str) -> Self {
        Self {
            hostname: hostname.to_owned(),
            idle: Duration::from_secs(300),
            data_time: Duration::from_secs(3_600),
            data_rate: 1_000,
            handshake: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            bad_commands: 10,
            refused_recipients: 20,
            idle_commands: 1_000,
            bare_newline: BareNewline::Refuse,
            line: 64 * 1_024,
            discard: 200_000_000,
            certificate: Arc::new(|| None),
            client_names: Arc::new(|_| Vec::new()),
            xclient: false,
            submission: false,
        }
    }
}

impl fmt::Debug for SessionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSettings").field("hostname", &self.hostname).field("idle", &self.idle).finish_non_exhaustive()
    }
}
