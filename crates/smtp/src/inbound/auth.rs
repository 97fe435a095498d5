//! AUTH: the client signs in (RFC 4954) by PLAIN (RFC 4616) or LOGIN, under TLS only.
//!
//! Offered and taken only where the gate says so and the connection is under TLS, so that no password is asked for in clear. Whether
//! name and password fit is the gate's to say, in one set of words whatever was wrong (security.md X-16). [`plain`] and [`text`] are
//! pure and total; the fuzzer calls them. Names and passwords never reach a log from here.

use bytes::Bytes;
use data_encoding::BASE64;
use model::SecretText;
use zeroize::Zeroizing;

use super::session::{Flow, Session, Why};
use super::{Gate, Reply};
use crate::wire::Stream;

/// Failed attempts after which a session ends.
const ATTEMPTS: u32 = 3;
/// Longest name and longest password, in octets.
const PART_MAX: usize = 1_024;

/// How somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Name and password, each asked for; what old programs do.
    Login,
}

impl Mechanism {
    /// From its name in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::Login),
            _ => None,
        }
    }
}

/// Name and password of a PLAIN response in base64; `None` if it is none. An identity to act as must be the name itself.
#[must_use]
pub fn plain(response: &str) -> Option<(String, SecretText)> {
    let octets = Zeroizing::new(BASE64.decode(response.as_bytes()).ok()?);
    let mut parts = octets.split(|byte| *byte == 0);
    let (identity, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(identity.is_empty() || identity == name) {
        return None;
    }
    let name = part(name)?;
    Some((name, SecretText::new(part(password)?)))
}

/// One text in base64; `None` if it is none.
#[must_use]
pub fn text(response: &str) -> Option<String> {
    part(&Zeroizing::new(BASE64.decode(response.as_bytes()).ok()?))
}

/// RFC 4616 §2: UTF-8 without NUL, not empty.
fn part(octets: &[u8]) -> Option<String> {
    let sound = (1..=PART_MAX).contains(&octets.len()) && !octets.contains(&0);
    std::str::from_utf8(octets).ok().filter(|_| sound).map(str::to_owned)
}

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// True if AUTH is offered now.
    pub fn offers_auth(&self) -> bool {
        self.peer.tls.is_some() && self.peer.account.is_none() && self.gate.signs_in()
    }

    /// AUTH, from the command to its reply.
    pub async fn auth(&mut self, mechanism: Option<Mechanism>, initial: Option<&str>) -> Flow {
        if self.peer.account.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "You have signed in already")).await;
        }
        if !self.gate.signs_in() {
            return self.bad(&Reply::new(502, "5.5.1", "Nobody signs in here")).await;
        }
        if self.peer.tls.is_none() {
            return self.bad(&Reply::new(538, "5.7.11", "Signing in takes TLS; send STARTTLS first")).await;
        }
        if self.peer.helo.is_empty() || self.transaction.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "AUTH comes after EHLO and before MAIL")).await;
        }
        let Some(mechanism) = mechanism else {
            return self.bad(&Reply::new(504, "5.5.4", "Only PLAIN and LOGIN are offered")).await;
        };
        let said = match mechanism {
            Mechanism::Plain => self.plain_exchange(initial).await?,
            Mechanism::Login => self.login_exchange(initial).await?,
        };
        let (name, password) = match said {
            Ok(said) => said,
            Err(reply) => return self.bad(&reply).await,
        };
        match self.gate.sign_in(&self.peer, &name, password).await {
            Ok(account) => {
                self.peer.account = Some(account);
                self.put(&Reply::new(235, "2.7.0", "Signed in")).await
            }
            Err(reply) => {
                self.sign_in_failures += 1;
                self.put(&reply).await?;
                if self.sign_in_failures >= ATTEMPTS { Err(Why::Abuse) } else { Ok(()) }
            }
        }
    }

    async fn plain_exchange(&mut self, initial: Option<&str>) -> Flow<Result<(String, SecretText), Reply>> {
        let response = match initial {
            Some(initial) => Zeroizing::new(initial.to_owned()),
            None => match self.challenge("").await? {
                Ok(response) => response,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        Ok(plain(&response).ok_or_else(malformed))
    }

    async fn login_exchange(&mut self, initial: Option<&str>) -> Flow<Result<(String, SecretText), Reply>> {
        let name = match initial {
            Some(initial) => Zeroizing::new(initial.to_owned()),
            None => match self.challenge("Username:").await? {
                Ok(response) => response,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        let Some(name) = text(&name) else { return Ok(Err(malformed())) };
        let password = match self.challenge("Password:").await? {
            Ok(response) => response,
            Err(reply) => return Ok(Err(reply)),
        };
        Ok(text(&password).map(|password| (name, SecretText::new(password))).ok_or_else(malformed))
    }

    /// Asks for one line. `Ok(Err(reply))`: the client gave up, or it was no line.
    async fn challenge(&mut self, words: &str) -> Flow<Result<Zeroizing<String>, Reply>> {
        self.put(&Reply::new(334, "", &BASE64.encode(words.as_bytes()))).await?;
        let line: Option<Bytes> = self.response_line().await?;
        let text = line.as_deref().and_then(|line| std::str::from_utf8(line).ok());
        Ok(match text {
            Some("*") => Err(Reply::new(501, "5.7.0", "Given up, as you wish")),
            Some(text) => Ok(Zeroizing::new(text.to_owned())),
            None => Err(malformed()),
        })
    }
}

fn malformed() -> Reply {
    Reply::new(501, "5.5.2", "That is no response of this mechanism in base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Option<(String, String)> {
        plain(&BASE64.encode(octets)).map(|(name, password)| (name, password.expose().to_owned()))
    }

    #[test]
    fn m_t1_plain_is_name_and_password() {
        let bob = Some(("bob@company.example".to_owned(), "pass word\u{e9}".to_owned()));
        assert_eq!(read("\0bob@company.example\0pass word\u{e9}".as_bytes()), bob);
        assert_eq!(read("bob@company.example\0bob@company.example\0pass word\u{e9}".as_bytes()), bob);
        for bad in [&b""[..], b"bob", b"\0bob", b"\0bob\0", b"\0\0pass", b"alice\0bob\0pass", b"\0bob\0pass\0", b"\0bob\0pa\xffss"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read(&[&b"\0bob\0"[..], &[b'x'; 1_025]].concat()), None);
        for bad in ["=", "AGJvYg", "AGJv YgBw", "*"] {
            assert!(plain(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn m_t1_login_is_two_texts() {
        assert_eq!(text("Ym9i").as_deref(), Some("bob"));
        for bad in ["", "=", "Ym9i\n", "AA==", "/w=="] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
