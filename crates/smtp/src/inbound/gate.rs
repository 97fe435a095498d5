//! What the session asks, and who answers: the port between the protocol and the life of a mail.
//!
//! `flow` implements [`Gate`]. One gate serves one session; the session calls it from one task, never twice
//! at once. The session itself keeps the order of commands, limits and line ends, so a gate sees only
//! well-formed questions in the right order.

use std::future::Future;

use bytes::Bytes;
use model::{Address, BodyType, Envelope, Peer, Recipient, Return, SecretText};

use super::Reply;

/// A MAIL command that the protocol has nothing against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailParams {
    /// The reverse path; `None` is `<>`.
    pub sender: Option<Address>,
    /// `SIZE=` in octets (RFC 1870), already within [`Limits::size`].
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152).
    pub body: BodyType,
    /// `RET=` (RFC 3461 §4.3).
    pub ret: Option<Return>,
    /// `ENVID=`, decoded (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// `SMTPUTF8` (RFC 6531 §3.4).
    pub smtputf8: bool,
}

/// A RCPT command that the protocol has nothing against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcptParams {
    /// The forward path, source routes stripped. `<Postmaster>` comes as `postmaster@` our host name.
    pub recipient: Recipient,
    /// How many recipients were accepted before this one.
    pub accepted: usize,
}

/// The bounds that may change while the program runs. Asked for at each EHLO, MAIL and RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest content in octets; announced as SIZE.
    pub size: u64,
    /// Most recipients of one mail.
    pub recipients: usize,
}

/// Answers a session's questions. Methods may wait; the client waits with them.
///
/// A [`Reply`] of class 2 (for [`Gate::data`]: 2yz) accepts. Any other refuses and is sent as it is; a 421
/// also closes the connection (RFC 5321 §3.8).
pub trait Gate: Send {
    /// The present limits. Never waits.
    fn limits(&self) -> Limits;

    /// A client has connected, or XCLIENT has named another. `Err` (554 or 421) turns it away instead of the greeting.
    fn greet(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Reply>> + Send;

    /// HELO or EHLO (`extended`); the name stands in `peer.helo`. Called again after STARTTLS.
    fn helo(&mut self, peer: &Peer, extended: bool) -> impl Future<Output = Result<(), Reply>> + Send;

    /// True if this client has to name itself before MAIL (RFC 5321 §4.1.4 leaves it to the server).
    fn wants_hello(&self, peer: &Peer) -> bool {
        let _ = peer;
        true
    }

    /// True for a client that is known to us, whose recipients may be wrong as often as they are. Never waits.
    fn trusts(&self, peer: &Peer) -> bool {
        let _ = peer;
        false
    }

    /// True if people can sign in now: AUTH is offered under TLS then.
    fn signs_in(&self) -> bool {
        false
    }

    /// Name and password of AUTH. The account's address, or the reply that refuses: one and the same for a wrong name and a wrong
    /// password, after the same time.
    fn sign_in(&mut self, peer: &Peer, name: &str, password: SecretText) -> impl Future<Output = Result<Address, Reply>> + Send {
        let _ = (peer, name, password);
        std::future::ready(Err(Reply::new(535, "5.7.8", "Nobody signs in here")))
    }

    /// MAIL: a transaction begins if the reply accepts.
    fn mail(&mut self, peer: &Peer, params: MailParams) -> impl Future<Output = Reply> + Send;

    /// RCPT: the recipient is part of the envelope if the reply accepts.
    fn rcpt(&mut self, peer: &Peer, params: RcptParams) -> impl Future<Output = Reply> + Send;

    /// DATA, or the first BDAT, with at least one recipient. `Ok(room)` lets the client send: so many octets are at hand in
    /// memory (`usize::MAX`: no need to ask again); `Err`, 452 4.3.1 for instance, refuses. `declared` is
    /// MAIL's SIZE. May wait for room.
    fn begin_data(&mut self, peer: &Peer, envelope: &Envelope, declared: Option<u64>) -> impl Future<Output = Result<usize, Reply>> + Send;

    /// The content has outgrown the room: `so_far` octets are held. `Ok(room)` is the new total; `Err`
    /// refuses the mail after its last dot. The socket is not read while this waits.
    fn more_room(&mut self, so_far: usize) -> impl Future<Output = Result<usize, Reply>> + Send {
        let _ = so_far;
        std::future::ready(Err(Reply::new(452, "4.3.1", "Not enough memory for a mail of this size now; try again later")))
    }

    /// A whole mail, by DATA or by BDAT: dots unstuffed, every line ended by CR LF. The reply is sent at once; with 250 the
    /// responsibility has passed to us (RFC 5321 §6.1).
    fn data(&mut self, peer: &Peer, envelope: Envelope, content: Bytes) -> impl Future<Output = Reply> + Send;

    /// The transaction ended before [`Gate::data`]: RSET, EHLO, an error, the end of the session. Give back
    /// what was taken for it. Not called after `data`.
    fn reset(&mut self) {}

    /// The client went on after the last 2yz to a mail, so it has read that reply and all before it.
    fn confirmed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// The session ended and nothing shows that the client read the 2yz to the mails since the last
    /// [`Gate::confirmed`]: the connection died, or the client had sent its QUIT before our reply. Its retry
    /// is to be recognised.
    fn unconfirmed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
