//! Signing in at a smart host (RFC 4954): PLAIN (RFC 4616) or LOGIN, under TLS only.
//!
//! After the connection is open and before its first transaction. The password is never sent in clear and never logged. Whatever
//! goes wrong is temporary for the mail: the setting can be mended, and the mail must not bounce for it.

use data_encoding::BASE64;
use model::{Outcome, SecretText};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::connection::{Connection, OpenFault, Stage};
use super::reply::RemoteReply;

/// Longest AUTH line with an initial response: commands have 512 octets everywhere (RFC 4954 §4.3 allows more).
const LINE: usize = 512;

/// Whom we sign in as.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Signs in. [`Connection::connect`] does so where its settings hold credentials.
    pub(super) async fn sign_in(&mut self, credentials: &Credentials) -> Result<(), OpenFault> {
        if self.tls().is_none() {
            return Err(self.no_entry("4.7.4", "the password is not sent without TLS".to_owned()));
        }
        let reply = match (self.extensions.plain, self.extensions.login) {
            (true, _) => self.plain(credentials).await?,
            (false, true) => self.login(credentials).await?,
            (false, false) => return Err(self.no_entry("4.7.0", "it offers neither AUTH PLAIN nor AUTH LOGIN".to_owned())),
        };
        if reply.code() == 235 { Ok(()) } else { Err(self.no_entry("4.7.8", reply.text())) }
    }

    async fn plain(&mut self, credentials: &Credentials) -> Result<RemoteReply, OpenFault> {
        let response = Zeroizing::new(format!("\0{}\0{}", credentials.user, credentials.password.expose()));
        let response = Zeroizing::new(BASE64.encode(response.as_bytes()));
        if response.len() + "AUTH PLAIN \r\n".len() <= LINE {
            return self.auth(Zeroizing::new(format!("AUTH PLAIN {}\r\n", response.as_str()))).await;
        }
        let go_on = self.auth(Zeroizing::new("AUTH PLAIN\r\n".to_owned())).await?;
        if go_on.code() == 334 { self.auth(Zeroizing::new(format!("{}\r\n", response.as_str()))).await } else { Ok(go_on) }
    }

    /// Two questions, whatever they say; no standard describes it, many servers have nothing else.
    async fn login(&mut self, credentials: &Credentials) -> Result<RemoteReply, OpenFault> {
        let mut reply = self.auth(Zeroizing::new("AUTH LOGIN\r\n".to_owned())).await?;
        for answer in [credentials.user.as_str(), credentials.password.expose()] {
            if reply.code() != 334 {
                return Ok(reply);
            }
            reply = self.auth(Zeroizing::new(format!("{}\r\n", BASE64.encode(answer.as_bytes())))).await?;
        }
        Ok(reply)
    }

    async fn auth(&mut self, line: Zeroizing<String>) -> Result<RemoteReply, OpenFault> {
        let reply = self.dialogue.ask(&line, self.timeouts.command).await;
        self.opened(Stage::Auth, reply)
    }

    fn no_entry(&self, status: &str, why: String) -> OpenFault {
        let reply = format!("signing in at the smart host failed: {why} [{}]", self.by);
        let outcome = Outcome::NotDone { temporary: true, status: status.to_owned(), reply, by: String::new() };
        OpenFault { stage: Stage::Auth, outcome }
    }
}
