//! One mail's way over an open connection: MAIL, RCPT, DATA, content, and what became of each recipient.
//!
//! It comes after the connection is open and ends with one `Outcome` per recipient. The point of no return is
//! the last write, the one that holds the final dot: whatever breaks before it is "not done", whatever breaks
//! from then on without a reply is "unknown" (RFC 5321 §4.2.5, RFC 1047). It must never send an envelope for
//! content that the server can't take as it is.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use model::{Address, Outcome, Recipient, Return};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Content;
use super::connection::Connection;
use super::dialogue::Broken;
use super::envelope::{self, Utf8};
use super::reply::RemoteReply;

/// Most RCPT commands in one write: the replies to more might fill the buffers of both sides (RFC 2920 §3.1).
const WINDOW: usize = 100;
/// Content goes out in blocks of this size, each with its own time-out.
const BLOCK: usize = 256 * 1_024;
/// Most slices of one write.
const SLICES: usize = 64;
/// Slices below this are put together by a copy.
const SMALL: usize = 2 * 1_024;

/// One mail for recipients behind one next hop.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    /// The reverse path; `None` is `<>`.
    pub sender: Option<&'a Address>,
    /// At least one, with what the client asked to be told about each.
    pub recipients: &'a [Recipient],
    /// What is sent.
    pub content: &'a Content,
    /// `RET=` to pass on.
    pub ret: Option<Return>,
    /// `ENVID=` to pass on.
    pub envelope_id: Option<&'a str>,
    /// The client said SMTPUTF8. Whether header or envelope need it is looked at (RFC 6531 §3.5): what does not goes anywhere.
    pub smtputf8: bool,
}

impl<'a> Transaction<'a> {
    /// Without any parameter.
    #[must_use]
    pub const fn plain(sender: Option<&'a Address>, recipients: &'a [Recipient], content: &'a Content) -> Self {
        Self { sender, recipients, content, ret: None, envelope_id: None, smtputf8: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Mail,
    Rcpt(usize),
    Data,
}

/// What is known so far.
struct Progress {
    outcomes: Vec<Option<Outcome>>,
    mail_taken: bool,
    rcpts_taken: usize,
    data_open: bool,
    /// MAIL says SMTPUTF8.
    international: bool,
}

impl Progress {
    fn new(recipients: usize) -> Self {
        Self { outcomes: vec![None; recipients], mail_taken: false, rcpts_taken: 0, data_open: false, international: false }
    }

    /// For each recipient, whether its outcome is open.
    fn open(&self) -> Vec<bool> {
        self.outcomes.iter().map(Option::is_none).collect()
    }

    /// The same for all whose outcome is open.
    fn settle(&mut self, outcome: &Outcome) {
        for open in self.outcomes.iter_mut().filter(|open| open.is_none()) {
            *open = Some(outcome.clone());
        }
    }

    fn finish(self) -> Vec<Outcome> {
        // Every path settles; if one ever did not, the mail is tried again rather than lost.
        let unknown = || Outcome::Unknown { reply: "no reply was seen".to_owned() };
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unknown)).collect()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Hands over one mail; one outcome per recipient, in their order. Nothing is tried again here. After
    /// it, [`Connection::is_open`] says whether another mail may follow.
    pub async fn deliver(&mut self, transaction: &Transaction<'_>) -> Vec<Outcome> {
        let mut progress = Progress::new(transaction.recipients.len());
        if let Some(outcome) = self.obstacle(transaction) {
            progress.settle(&outcome);
            return progress.finish();
        }
        self.leave_out_utf8(transaction, &mut progress);
        progress.international = envelope::is_international(transaction, &progress.open());
        if !progress.open().contains(&true) {
            return progress.finish();
        }
        self.transactions = self.transactions.saturating_add(1);
        if let Err(broken) = self.envelope_and_content(transaction, &mut progress).await {
            self.open = false;
            progress.settle(&broken.outcome(&self.by));
        }
        progress.finish()
    }

    /// What the server can't take, before anything is sent.
    fn obstacle(&self, transaction: &Transaction<'_>) -> Option<Outcome> {
        let refuse =
            |status: &str, reply: String| Some(Outcome::NotDone { temporary: false, status: status.to_owned(), reply, by: String::new() });
        let content = transaction.content;
        let length = content.bytes().len() as u64;
        if !self.open {
            return Some(Broken::Lost("it was closed before".to_owned()).outcome(&self.by));
        }
        if let Some(limit) = self.extensions.size.filter(|limit| (1..length).contains(limit)) {
            return refuse("5.3.4", format!("the mail has {length} octets, the server takes {limit} at most"));
        }
        if content.eight_bit() && !self.extensions.eight_bit {
            return refuse("5.6.3", "the mail has 8-bit content, and the server does not offer 8BITMIME".to_owned());
        }
        if !self.extensions.smtputf8 && envelope::without_utf8(transaction) == Utf8::WholeMail {
            return refuse("5.6.7", "the mail needs SMTPUTF8, and the server does not offer it".to_owned());
        }
        None
    }

    /// Recipients in UTF-8, for a server that does not know such addresses; the others go on (RFC 6531 §3.5).
    fn leave_out_utf8(&self, transaction: &Transaction<'_>, progress: &mut Progress) {
        if self.extensions.smtputf8 {
            return;
        }
        for (recipient, outcome) in transaction.recipients.iter().zip(&mut progress.outcomes) {
            if envelope::needs_utf8(&recipient.address) {
                let reply = "the address needs SMTPUTF8, and the server does not offer it".to_owned();
                *outcome = Some(Outcome::NotDone { temporary: false, status: "5.6.7".to_owned(), reply, by: String::new() });
            }
        }
    }

    async fn envelope_and_content(&mut self, transaction: &Transaction<'_>, progress: &mut Progress) -> Result<(), Broken> {
        if self.dirty && !self.dialogue.ask("RSET\r\n", self.timeouts.command).await?.accepts() {
            return Err(Broken::Lost("the server refused RSET".to_owned()));
        }
        self.dirty = true;
        for steps in groups(&progress.open(), self.extensions.pipelining) {
            let pointless = !progress.mail_taken && steps.first() != Some(&Step::Mail);
            if pointless || (steps == [Step::Data] && progress.rcpts_taken == 0) {
                break;
            }
            let commands: String = steps.iter().map(|step| self.command(*step, transaction, progress.international)).collect();
            self.dialogue.say(commands.as_bytes(), self.timeouts.command).await?;
            for step in steps {
                let wait = if step == Step::Data { self.timeouts.data_start } else { self.timeouts.command };
                let reply = self.dialogue.reply(wait).await?;
                self.take(step, &reply, progress);
                if reply.code() == 421 {
                    self.open = false;
                    progress.settle(&reply.refusal(&self.by));
                    return Ok(());
                }
            }
        }
        match (progress.data_open, progress.rcpts_taken) {
            (true, 0) => self.nothing_to_send().await,
            (true, _) => self.content(transaction.content, progress).await,
            (false, _) => Ok(()),
        }
    }

    fn command(&self, step: Step, transaction: &Transaction<'_>, international: bool) -> String {
        match step {
            Step::Mail => envelope::mail(transaction, &self.extensions, international),
            Step::Rcpt(number) => {
                let recipient = transaction.recipients.get(number);
                recipient.map(|recipient| envelope::rcpt(recipient, &self.extensions, international)).unwrap_or_default()
            }
            Step::Data => "DATA\r\n".to_owned(),
        }
    }

    fn take(&self, step: Step, reply: &RemoteReply, progress: &mut Progress) {
        match step {
            Step::Mail if reply.accepts() => progress.mail_taken = true,
            Step::Mail => progress.settle(&reply.refusal(&self.by)),
            Step::Rcpt(_) if reply.accepts() && progress.mail_taken => progress.rcpts_taken += 1,
            Step::Rcpt(number) => {
                if let Some(open @ None) = progress.outcomes.get_mut(number) {
                    *open = Some(rcpt_refusal(reply, &self.by));
                }
            }
            Step::Data if reply.code() == 354 => progress.data_open = true,
            Step::Data => progress.settle(&reply.refusal(&self.by)),
        }
    }

    /// The server opened DATA although it took no recipient: it gets an empty mail for nobody (RFC 2920 §3.1).
    async fn nothing_to_send(&mut self) -> Result<(), Broken> {
        self.dialogue.ask(".\r\n", self.timeouts.data_end).await.map(|_| ())
    }

    async fn content(&mut self, content: &Content, progress: &mut Progress) -> Result<(), Broken> {
        let mut queue = Queue::default();
        for slice in content.stuffed().flat_map(blocks) {
            if queue.is_full(slice.len()) {
                self.block(queue.take(), progress).await?;
            }
            queue.push(slice);
        }
        queue.push(content.end());
        let queue = queue.take();
        // From here on nobody can say that the server did not take it, until it says so itself.
        let sent = self.dialogue.say_slices(queue, self.timeouts.data_block).await;
        let reply = match sent {
            Ok(()) => self.dialogue.reply(self.timeouts.data_end).await,
            Err(broken) => self.dialogue.reply(self.timeouts.quit).await.map_err(|_| broken),
        };
        let outcome = match reply {
            Ok(reply) => {
                self.open = reply.code() != 421;
                self.dirty = false;
                match reply.code() / 100 {
                    2 => Outcome::Done { reply: reply.text() },
                    4 | 5 => reply.refusal(&self.by),
                    _ => Outcome::Unknown { reply: reply.text() },
                }
            }
            Err(broken) => {
                self.open = false;
                Outcome::Unknown { reply: format!("after the final dot: {broken}") }
            }
        };
        progress.settle(&outcome);
        Ok(())
    }

    /// Sends one block before the last. When the server has hung up in the middle it may have said why.
    async fn block(&mut self, queue: VecDeque<Bytes>, progress: &mut Progress) -> Result<(), Broken> {
        let Err(broken) = self.dialogue.say_slices(queue, self.timeouts.data_block).await else {
            return Ok(());
        };
        if let Ok(reply) = self.dialogue.reply(self.timeouts.quit).await
            && matches!(reply.code() / 100, 4 | 5)
        {
            progress.settle(&reply.refusal(&self.by));
        }
        Err(broken)
    }
}

/// Content on its way to one write: large slices as they are, small ones put together, so that a mail made of
/// dots costs no write for each.
#[derive(Default)]
struct Queue {
    slices: VecDeque<Bytes>,
    small: BytesMut,
    length: usize,
}

impl Queue {
    fn is_full(&self, more: usize) -> bool {
        self.length + more > BLOCK || self.slices.len() >= SLICES
    }

    fn push(&mut self, slice: Bytes) {
        self.length += slice.len();
        if slice.len() < SMALL {
            self.small.extend_from_slice(&slice);
        } else {
            self.close_small();
            self.slices.push_back(slice);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.slices.push_back(self.small.split().freeze());
        }
    }

    fn take(&mut self) -> VecDeque<Bytes> {
        self.close_small();
        self.length = 0;
        std::mem::take(&mut self.slices)
    }
}

/// The commands that go out together, for the recipients that are open. Without PIPELINING each is alone.
fn groups(open: &[bool], pipelining: bool) -> Vec<Vec<Step>> {
    let recipients = open.iter().enumerate().filter(|(_, open)| **open).map(|(number, _)| Step::Rcpt(number));
    let steps: Vec<Step> = [Step::Mail].into_iter().chain(recipients).chain([Step::Data]).collect();
    steps.chunks(if pipelining { WINDOW } else { 1 }).map(<[Step]>::to_vec).collect()
}

/// A refused RCPT. 552 was once the word for "too many recipients" and is temporary there (RFC 5321 §4.5.3.1.10).
fn rcpt_refusal(reply: &RemoteReply, by: &str) -> Outcome {
    match reply.refusal(by) {
        Outcome::NotDone { reply: text, by, .. } if reply.code() == 552 => {
            Outcome::NotDone { temporary: true, status: "4.5.3".to_owned(), reply: text, by }
        }
        outcome => outcome,
    }
}

fn blocks(slice: Bytes) -> impl Iterator<Item = Bytes> {
    let count = slice.len().div_ceil(BLOCK);
    (0..count).map(move |number| slice.slice(number * BLOCK..slice.len().min((number + 1) * BLOCK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_grouped_as_pipelining_allows() {
        assert_eq!(groups(&[true; 2], false).len(), 4);
        assert_eq!(groups(&[true; 2], true), [vec![Step::Mail, Step::Rcpt(0), Step::Rcpt(1), Step::Data]]);
        assert_eq!(groups(&[false, true], true), [vec![Step::Mail, Step::Rcpt(1), Step::Data]]);
        let many = groups(&[true; 1_000], true);
        assert!(many.iter().all(|group| group.len() <= WINDOW));
        assert_eq!(many.concat().len(), 1_002);
    }

    #[test]
    fn blocks_are_the_whole() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let parts: Vec<Bytes> = blocks(Bytes::from(vec![7; length])).collect();
            assert_eq!(parts.iter().map(Bytes::len).sum::<usize>(), length);
            assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= BLOCK));
        }
    }
}
