//! DATA: the content comes, the gate decides, the reply goes (RFC 5321 §4.1.1.4).
//!
//! Order: room for the mail, 354, the octets up to the end of data, the gate's decision, the reply. What is
//! refused on the way is still read up to its end, within a bound, because a client listens only then. A
//! mail that is under way when we stop is finished.

use bytes::Bytes;
use futures_util::FutureExt;
use model::Envelope;
use tokio::io::AsyncReadExt;
use tokio::time::timeout_at;

use super::data::{DataFault, DataLimits, Reader};
use super::pace::Pace;
use super::session::{Flow, Session, Why};
use super::{Gate, Reply};
use crate::wire::Stream;

/// Buffers for a mail of unknown or small size begin with this.
const FIRST: usize = 16 * 1_024;
/// Most that a declared size makes us reserve at once: a declaration is free, memory is not.
const RESERVE_MAX: usize = 1 << 20;
/// Most that is looked at before the reply to see whether the client has pipelined on.
const AHEAD_MAX: usize = 64 * 1_024;

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// DATA, from the command to the reply after the end of data.
    pub async fn data(&mut self) -> Flow {
        let Some(transaction) = self.transaction.take() else {
            return self.bad(&Reply::new(503, "5.5.1", "Send MAIL and RCPT first")).await;
        };
        if transaction.chunks.is_some() {
            self.transaction = Some(transaction);
            return self.refuse_data(&Reply::new(503, "5.5.1", "This mail began with BDAT; end it with BDAT LAST or RSET")).await;
        }
        if transaction.envelope.recipients.is_empty() {
            self.transaction = Some(transaction);
            return self.refuse_data(&Reply::new(554, "5.5.1", "No valid recipients")).await;
        }
        let room = self.gate.begin_data(&self.peer, &transaction.envelope, transaction.declared).await;
        let room = match room {
            Ok(room) => room,
            Err(reply) => {
                self.gate.reset();
                return self.refuse_data(&reply).await;
            }
        };
        let received = self.receive(room, transaction.declared).await;
        match received {
            Ok(Ok(content)) => self.decide(transaction.envelope, content).await,
            Ok(Err(reply)) => {
                self.gate.reset();
                self.refused += 1;
                self.put(&reply).await
            }
            Err(why) => {
                self.gate.reset();
                Err(why)
            }
        }
    }

    /// No to DATA itself. A client that has sent content already, against RFC 2920 §3.1, must not have it
    /// read as commands: its session ends.
    async fn refuse_data(&mut self, reply: &Reply) -> Flow {
        let ahead = !self.input.is_empty();
        self.put(reply).await?;
        if ahead { Err(Why::Abuse) } else { Ok(()) }
    }

    /// Reads the content. `Ok(Err(reply))`: it was refused, and its end has come.
    async fn receive(&mut self, mut room: usize, declared: Option<u64>) -> Flow<Result<Bytes, Reply>> {
        self.put(&Reply::new(354, "", "Send the mail; end it with CR LF . CR LF")).await?;
        let limits = self.data_limits();
        let mut reader = Reader::with_buffer(limits, std::mem::take(&mut self.input));
        let declared = declared.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        reader.buffer().reserve(declared.saturating_add(1_024).clamp(FIRST, RESERVE_MAX));
        let mut pace = Pace::begin(self.settings);
        let mut refusal = None;
        while !reader.scan() {
            if reader.fault().is_none() && reader.held() > room {
                match self.gate.more_room(reader.held()).await {
                    Ok(more) => room = more,
                    Err(reply) => {
                        reader.refuse();
                        refusal = Some(reply);
                    }
                }
            }
            if reader.dropped() > self.settings.discard {
                let reply = refusal.unwrap_or_else(|| fault_reply(reader.fault().unwrap_or(DataFault::TooLarge), &limits));
                self.put(&reply).await?;
                return Err(Why::Abuse);
            }
            self.flush().await?;
            self.read_content(&mut reader, &mut pace).await?;
        }
        let (content, rest) = reader.finish();
        self.input = rest;
        Ok(content.map_err(|fault| refusal.unwrap_or_else(|| fault_reply(fault, &limits))))
    }

    /// What a mail's content may be now.
    pub fn data_limits(&self) -> DataLimits {
        DataLimits { size: self.gate.limits().size, line: self.settings.line, bare_newline: self.settings.bare_newline }
    }

    async fn read_content(&mut self, reader: &mut Reader, pace: &mut Pace) -> Flow {
        let buffer = reader.buffer();
        if buffer.capacity() - buffer.len() < 1_024 {
            buffer.reserve(buffer.len().clamp(FIRST, RESERVE_MAX));
        }
        match timeout_at(pace.deadline(), self.wire.read_buf(buffer)).await {
            Err(_) => Err(Why::Timeout),
            Ok(Err(_) | Ok(0)) => Err(Why::Lost),
            Ok(Ok(octets)) => {
                pace.heard(octets);
                self.heard().await;
                Ok(())
            }
        }
    }

    /// Hands the mail over and sends the reply at once.
    pub async fn decide(&mut self, envelope: Envelope, content: Bytes) -> Flow {
        let reply = self.gate.data(&self.peer, envelope, content).await;
        self.mail_done(reply.accepts());
        self.look_ahead();
        if reply.accepts() {
            self.accepted += 1;
            // Set before the write: whatever happens from here, the gate is told.
            self.unconfirmed = true;
        } else {
            self.refused += 1;
        }
        self.put(&reply).await?;
        self.flush().await
    }

    /// Takes what has arrived already. Commands sent before our reply was (RFC 2920 allows it) say nothing
    /// about whether the reply is read; only what comes later does.
    fn look_ahead(&mut self) {
        while self.input.len() < AHEAD_MAX {
            self.input.reserve(1_024);
            match self.wire.read_buf(&mut self.input).now_or_never() {
                Some(Ok(read)) if read > 0 => {}
                _ => break,
            }
        }
    }
}

pub fn fault_reply(fault: DataFault, limits: &DataLimits) -> Reply {
    match fault {
        DataFault::TooLarge => Reply::new(552, "5.3.4", &format!("Mail too large; the limit is {} octets", limits.size)),
        DataFault::LineTooLong => {
            Reply::new(554, "5.6.0", &format!("A line of the mail is over {} octets; wrap or encode it", limits.line))
        }
        DataFault::BareNewline => Reply::new(550, "5.6.11", "The mail has a bare CR or LF; end every line with CR LF and nothing else"),
        DataFault::Nul => Reply::new(554, "5.6.0", "The mail has a NUL octet; encode such content"),
        DataFault::Refused => Reply::new(452, "4.3.1", "Not enough room for this mail now; try again later"),
    }
}
