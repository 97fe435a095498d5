//! Commands out, replies in, each with its time-out. No knowledge of what is said.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use model::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::reply::{RemoteReply, ReplyReader, Unreadable};
use crate::wire::{Stream, Wire};

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It did not come in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection is gone.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Broken {
    /// What this means before the point of no return: try again.
    pub fn outcome(&self, by: &str) -> Outcome {
        let status = if matches!(self, Self::Unreadable(_)) { "4.5.0" } else { "4.4.2" };
        Outcome::NotDone { temporary: true, status: status.to_owned(), reply: format!("{self} [{by}]"), by: String::new() }
    }
}

/// One side of a conversation.
pub struct Dialogue<S> {
    pub wire: Wire<S>,
    input: BytesMut,
    reader: ReplyReader,
}

impl<S: Stream> Dialogue<S> {
    pub fn new(stream: S) -> Self {
        Self { wire: Wire::Plain(stream), input: BytesMut::new(), reader: ReplyReader::default() }
    }

    /// One command and its reply.
    pub async fn ask(&mut self, command: &str, wait: Duration) -> Result<RemoteReply, Broken> {
        self.say(command.as_bytes(), wait).await?;
        self.reply(wait).await
    }

    /// Sends octets.
    pub async fn say(&mut self, octets: &[u8], wait: Duration) -> Result<(), Broken> {
        let sent = async {
            self.wire.write_all(octets).await?;
            self.wire.flush().await
        };
        finish(timeout(wait, sent).await)
    }

    /// Sends slices together, without copying them.
    pub async fn say_slices(&mut self, slices: VecDeque<Bytes>, wait: Duration) -> Result<(), Broken> {
        let mut slices = Slices(slices);
        let sent = async {
            self.wire.write_all_buf(&mut slices).await?;
            self.wire.flush().await
        };
        finish(timeout(wait, sent).await)
    }

    /// The next reply. `wait` is for the whole of it.
    pub async fn reply(&mut self, wait: Duration) -> Result<RemoteReply, Broken> {
        let until = Instant::now() + wait;
        loop {
            if let Some(reply) = self.reader.take(&mut self.input)? {
                return Ok(reply);
            }
            self.input.reserve(1_024);
            match timeout_at(until, self.wire.read_buf(&mut self.input)).await {
                Err(_) => return Err(Broken::Timeout),
                Ok(Err(error)) => return Err(Broken::Lost(error.to_string())),
                Ok(Ok(0)) => return Err(Broken::Lost("the server closed it".to_owned())),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// True if octets have come that nothing asked for: after STARTTLS they may be somebody else's.
    pub fn has_unasked(&self) -> bool {
        !self.input.is_empty()
    }

    /// True if nothing has come and the connection is not known to be closed. Never waits.
    pub fn is_quiet(&mut self) -> bool {
        self.input.reserve(1_024);
        self.input.is_empty() && self.wire.read_buf(&mut self.input).now_or_never().is_none()
    }
}

fn finish(sent: Result<std::io::Result<()>, tokio::time::error::Elapsed>) -> Result<(), Broken> {
    match sent {
        Err(_) => Err(Broken::Timeout),
        Ok(Err(error)) => Err(Broken::Lost(error.to_string())),
        Ok(Ok(())) => Ok(()),
    }
}

/// Slices that one vectored write takes.
struct Slices(VecDeque<Bytes>);

impl Buf for Slices {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn has_remaining(&self) -> bool {
        self.0.iter().any(|slice| !slice.is_empty())
    }

    fn chunk(&self) -> &[u8] {
        self.0.iter().find(|slice| !slice.is_empty()).map_or(&[], |slice| slice)
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let filled = out.iter_mut().zip(self.0.iter().filter(|slice| !slice.is_empty()));
        filled.map(|(place, slice)| *place = IoSlice::new(slice)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if first.len() > count {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.0.pop_front();
        }
    }
}
