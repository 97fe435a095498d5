//! One connection to a next hop (first shape: the signatures that `flow` builds against).

use model::{Outcome, TlsFacts};
use tokio::net::TcpStream;

use super::{Endpoint, OpenSettings, Transaction};

/// How far opening came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// TCP.
    Connect,
    /// The 220.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS or the handshake.
    Tls,
}

/// Why a connection could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .outcome.reply())]
pub struct OpenFault {
    /// Where it failed. After [`Stage::Tls`] at level `may` one more try in clear is due; `connect` makes it.
    pub stage: Stage,
    /// What this means for every recipient if no other server is left to try.
    pub outcome: Outcome,
}

/// An open connection, ready for transactions.
pub struct Connection<S = TcpStream> {
    _stream: std::marker::PhantomData<S>,
}

impl Connection<TcpStream> {
    /// Connects, reads the greeting, says EHLO (HELO if that is all the server knows), and upgrades to TLS as
    /// the level says; at `may` a failed handshake is followed by one try in clear.
    ///
    /// # Errors
    /// [`OpenFault`]; another endpoint may serve.
    pub async fn connect(_endpoint: &Endpoint, _settings: &OpenSettings) -> Result<Self, OpenFault> {
        Ok(Self { _stream: std::marker::PhantomData })
    }
}

impl<S> Connection<S> {
    /// Hands over one mail; one outcome per recipient, in their order. Nothing is tried again here.
    pub async fn deliver(&mut self, transaction: &Transaction<'_>) -> Vec<Outcome> {
        vec![Outcome::Unknown { reply: String::new() }; transaction.recipients.len()]
    }

    /// True if another transaction may follow. A server may still have closed; then the next one's outcome
    /// is temporary with status 4.4.2, and [`Self::transactions`] tells that the connection was used before.
    #[must_use]
    pub fn is_open(&self) -> bool {
        false
    }

    /// How many transactions it has carried.
    #[must_use]
    pub fn transactions(&self) -> u32 {
        0
    }

    /// The TLS in use, if any.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        None
    }

    /// Says QUIT and closes.
    pub async fn quit(self) {}
}
