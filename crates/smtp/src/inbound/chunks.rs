//! BDAT: the content comes in chunks of a known size (RFC 3030 §2).
//!
//! Before it: MAIL and RCPT. After it: the gate, as with DATA. The octets of a chunk follow the command line at once, so they are
//! always taken out whole, whatever the answer is: nothing of a refused chunk is ever read as a command (security.md X-8). A chunk
//! that failed spoils the mail: the rest of it is thrown away and answered 503 until RSET. Dots mean nothing here. BINARYMIME is
//! not offered, so content has lines like any other: a bare CR or LF is refused or normalised, and a missing last CR LF is added.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memmem};
use tokio::io::AsyncReadExt;
use tokio::time::timeout_at;

use super::data::{DataFault, DataLimits, normalise};
use super::pace::Pace;
use super::receive::fault_reply;
use super::session::{Flow, Session, Why};
use super::settings::BareNewline;
use super::{Gate, Reply};
use crate::wire::Stream;

/// Most that a declared chunk makes us reserve at once: a declaration is free, memory is not.
const RESERVE_MAX: usize = 1 << 20;
/// How much of an unwanted chunk is read at once.
const SINK: usize = 16 * 1_024;

/// The chunks of one mail.
#[derive(Debug)]
pub struct Chunks {
    held: BytesMut,
    /// So much memory is at hand.
    room: usize,
    /// How fast the mail must come; it runs on between its chunks.
    pub pace: Pace,
    /// A chunk was refused; only RSET helps.
    failed: bool,
    /// The gate has been told so, and holds nothing for the mail.
    pub given_back: bool,
    /// Octets that were read and thrown away.
    dropped: u64,
}

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// BDAT, from the command to the reply. The chunk is read in any case.
    pub async fn bdat(&mut self, size: u64, last: bool) -> Flow {
        let chunks = match self.first_or_next().await {
            Ok(chunks) => chunks,
            Err(reply) => return self.without(size, &reply).await,
        };
        match self.chunk(chunks, size).await? {
            (chunks, Some(reply)) => self.spoilt(chunks, last, &reply).await,
            (chunks, None) if last => self.complete(chunks).await,
            (chunks, None) => {
                self.keep(chunks);
                self.put(&Reply::ok(&format!("{size} octets received"))).await
            }
        }
    }

    /// The mail's chunks so far; for the first one the gate is asked for room. `Err`: there can be no chunk now.
    async fn first_or_next(&mut self) -> Result<Chunks, Reply> {
        let Some(transaction) = self.transaction.as_mut() else {
            return Err(Reply::new(503, "5.5.1", "Send MAIL and RCPT first"));
        };
        if let Some(chunks) = transaction.chunks.take_if(|chunks| !chunks.failed) {
            return Ok(chunks);
        }
        if transaction.chunks.is_some() {
            return Err(Reply::new(503, "5.5.1", "A chunk of this mail was refused; send RSET"));
        }
        if transaction.envelope.recipients.is_empty() {
            return Err(Reply::new(554, "5.5.1", "No valid recipients"));
        }
        let room = self.gate.begin_data(&self.peer, &transaction.envelope, transaction.declared).await?;
        Ok(Chunks { held: BytesMut::new(), room, pace: Pace::begin(self.settings), failed: false, given_back: false, dropped: 0 })
    }

    /// Refuses a chunk that belongs to no mail, or to one that can't be had. The transaction stays spoilt until RSET.
    async fn without(&mut self, size: u64, reply: &Reply) -> Flow {
        let before = self.transaction.as_mut().and_then(|transaction| transaction.chunks.take());
        let dropped = before.as_ref().map_or(0, |chunks| chunks.dropped);
        let given_back = before.as_ref().is_some_and(|chunks| chunks.given_back);
        let mut pace = before.map_or_else(|| Pace::begin(self.settings), |chunks| chunks.pace);
        if self.drop_octets(size, dropped, &mut pace).await?.is_none() {
            self.put(reply).await?;
            return Err(Why::Abuse);
        }
        match self.transaction.as_mut() {
            None => self.bad(reply).await,
            Some(transaction) => {
                let dropped = dropped.saturating_add(size);
                transaction.chunks = Some(Chunks { held: BytesMut::new(), room: 0, pace, failed: true, given_back, dropped });
                self.put(reply).await
            }
        }
    }

    /// Reads one chunk; with a reply if it is refused, its octets gone all the same.
    async fn chunk(&mut self, mut chunks: Chunks, size: u64) -> Flow<(Chunks, Option<Reply>)> {
        let limits = self.data_limits();
        let total = (chunks.held.len() as u64).saturating_add(size);
        let mut refusal = (total > limits.size).then(|| fault_reply(DataFault::TooLarge, &limits));
        let mut left = size;
        while left > 0 && refusal.is_none() {
            if chunks.held.len() >= chunks.room {
                match self.gate.more_room(chunks.held.len()).await {
                    Ok(more) if more > chunks.held.len() => chunks.room = more,
                    Ok(_) => refusal = Some(fault_reply(DataFault::Refused, &limits)),
                    Err(reply) => refusal = Some(reply),
                }
                continue;
            }
            let room = (chunks.room - chunks.held.len()) as u64;
            left -= self.take_octets(&mut chunks, left.min(room)).await?;
        }
        if refusal.is_none() {
            return Ok((chunks, None));
        }
        chunks.held = BytesMut::new();
        match self.drop_octets(left, chunks.dropped, &mut chunks.pace).await? {
            Some(dropped) => chunks.dropped = dropped,
            None => {
                let reply = refusal.unwrap_or_else(|| fault_reply(DataFault::TooLarge, &limits));
                self.put(&reply).await?;
                return Err(Why::Abuse);
            }
        }
        Ok((chunks, refusal))
    }

    /// At most `wanted` octets, first those that have come already. How many they were, at least one.
    async fn take_octets(&mut self, chunks: &mut Chunks, wanted: u64) -> Flow<u64> {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if !self.input.is_empty() {
            let part = self.input.split_to(wanted.min(self.input.len()));
            chunks.held.extend_from_slice(&part);
            chunks.pace.heard(part.len());
            return Ok(part.len() as u64);
        }
        self.flush().await?;
        if chunks.held.capacity() == chunks.held.len() {
            chunks.held.reserve(wanted.min(chunks.held.len().clamp(SINK, RESERVE_MAX)));
        }
        let mut limited = (&mut self.wire).take(wanted as u64);
        let read = timeout_at(chunks.pace.deadline(), limited.read_buf(&mut chunks.held)).await;
        self.count_read(read, &mut chunks.pace).await
    }

    /// Reads and throws away `size` octets; what was thrown away in all, or `None` when that is more than is borne.
    async fn drop_octets(&mut self, size: u64, dropped: u64, pace: &mut Pace) -> Flow<Option<u64>> {
        let total = dropped.saturating_add(size);
        if total > self.settings.discard {
            return Ok(None);
        }
        let ahead = usize::try_from(size).unwrap_or(usize::MAX).min(self.input.len());
        self.input.advance(ahead);
        let mut left = size.saturating_sub(ahead as u64);
        let mut sink = BytesMut::new();
        while left > 0 {
            self.flush().await?;
            sink.clear();
            sink.reserve(SINK);
            let mut limited = (&mut self.wire).take(left.min(SINK as u64));
            let read = timeout_at(pace.deadline(), limited.read_buf(&mut sink)).await;
            left -= self.count_read(read, pace).await?;
        }
        Ok(Some(total))
    }

    async fn count_read(&mut self, read: Result<std::io::Result<usize>, tokio::time::error::Elapsed>, pace: &mut Pace) -> Flow<u64> {
        match read {
            Err(_) => Err(Why::Timeout),
            Ok(Err(_) | Ok(0)) => Err(Why::Lost),
            Ok(Ok(count)) => {
                pace.heard(count);
                self.heard().await;
                Ok(count as u64)
            }
        }
    }

    fn keep(&mut self, chunks: Chunks) {
        if let Some(transaction) = self.transaction.as_mut() {
            transaction.chunks = Some(chunks);
        }
    }

    /// A chunk was refused: the mail is over with its last chunk, else it waits for RSET.
    async fn spoilt(&mut self, chunks: Chunks, last: bool, reply: &Reply) -> Flow {
        self.refused += 1;
        if last {
            self.forget();
        } else {
            // What was taken for it is not held until RSET comes.
            self.gate.reset();
            self.keep(Chunks { held: BytesMut::new(), failed: true, given_back: true, ..chunks });
        }
        self.put(reply).await
    }

    /// The last chunk has come: the gate decides, as after DATA.
    async fn complete(&mut self, chunks: Chunks) -> Flow {
        let limits = self.data_limits();
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        match whole(chunks.held, &limits) {
            Ok(content) => self.decide(transaction.envelope, content).await,
            Err(fault) => {
                self.gate.reset();
                self.refused += 1;
                self.put(&fault_reply(fault, &limits)).await
            }
        }
    }
}

/// The content of a mail that came in chunks, with the same line ends as one that came by DATA.
///
/// # Errors
/// As [`super::data::Reader`] has them.
pub fn whole(mut held: BytesMut, limits: &DataLimits) -> Result<Bytes, DataFault> {
    if memchr(0, &held).is_some() {
        return Err(DataFault::Nul);
    }
    let pairs = memmem::find_iter(&held, b"\r\n").count();
    let bare = memchr_iter(b'\r', &held).count() != pairs || memchr_iter(b'\n', &held).count() != pairs;
    if bare && limits.bare_newline == BareNewline::Refuse {
        return Err(DataFault::BareNewline);
    }
    let mut start = 0;
    for end in memchr_iter(b'\n', &held).chain([held.len()]) {
        if end.saturating_sub(start) > limits.line.saturating_add(1) {
            return Err(DataFault::LineTooLong);
        }
        start = end + 1;
    }
    let ended = held.is_empty() || held.ends_with(b"\n") || (bare && held.ends_with(b"\r"));
    if !ended {
        held.extend_from_slice(b"\r\n");
    }
    Ok(if bare { normalise(&held) } else { held.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DataLimits = DataLimits { size: 1_000, line: 10, bare_newline: BareNewline::Refuse };

    fn read(content: &[u8], bare_newline: BareNewline) -> Result<Vec<u8>, DataFault> {
        whole(BytesMut::from(content), &DataLimits { bare_newline, ..LIMITS }).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn m_t1_chunks_have_lines_like_any_mail() {
        for (content, expected) in [
            (&b""[..], Ok(b"".to_vec())),
            (b"a\r\n.\r\n..b\r\n", Ok(b"a\r\n.\r\n..b\r\n".to_vec())),
            (b"a\r\nb", Ok(b"a\r\nb\r\n".to_vec())),
            (b"0123456789\r\n", Ok(b"0123456789\r\n".to_vec())),
            (b"0123456789ab\r\n", Err(DataFault::LineTooLong)),
            (b"a\r\n0123456789ab", Err(DataFault::LineTooLong)),
            (b"a\0\r\n", Err(DataFault::Nul)),
        ] {
            assert_eq!(read(content, BareNewline::Refuse), expected, "{content:?}");
        }
    }

    #[test]
    fn x_8_chunks_pass_no_bare_line_end() {
        for content in [&b"a\nb\r\n"[..], b"a\rb\r\n", b"a\r\n.\n", b"\n.\r\n", b"a\r\r\n", b"a\r", b"a\n\r"] {
            assert_eq!(read(content, BareNewline::Refuse), Err(DataFault::BareNewline), "{content:?}");
            let clean = read(content, BareNewline::Normalise).unwrap();
            assert!(clean.ends_with(b"\r\n"), "{clean:?}");
            let pairs = clean.windows(2).filter(|pair| pair == b"\r\n").count();
            assert_eq!(clean.iter().filter(|b| matches!(b, b'\r' | b'\n')).count(), 2 * pairs, "{clean:?}");
        }
    }
}
