//! A next hop that ends its connections where the test wishes, once, and takes mail otherwise. Written from RFC 5321; shares no code with the
//! product.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::scene::header;

/// Where it ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before its greeting.
    Greeting,
    /// In answer to EHLO.
    Hello,
    /// In answer to STARTTLS, which it offers for this only.
    StartTls,
    /// After 220 to STARTTLS, in the handshake.
    Handshake,
    /// In answer to MAIL.
    Mail,
    /// In answer to the first RCPT.
    Rcpt,
    /// In answer to DATA.
    Data,
    /// In the middle of the content.
    Content,
    /// After the final dot, the mail kept, the reply not sent.
    Dot,
    /// After the final dot, the mail kept, the line of the reply not ended.
    HalfLine,
    /// After the final dot, the mail kept, the last line of the reply not sent.
    HalfReply,
    /// After the reply to the final dot.
    Reply,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Greeting,
        Self::Hello,
        Self::StartTls,
        Self::Handshake,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Content,
        Self::Dot,
        Self::HalfLine,
        Self::HalfReply,
        Self::Reply,
    ];
}

/// The server.
#[derive(Debug, Clone, Default)]
pub struct DyingHop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    dies: Mutex<Option<Phase>>,
    kept: Mutex<BTreeMap<String, usize>>,
}

impl DyingHop {
    /// Listens; takes all mail until it is told to die.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(listen: &str) -> Self {
        let listener = TcpListener::bind(listen).unwrap();
        let own = Self::default();
        let inner = own.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inner = inner.clone();
                std::thread::spawn(move || inner.session(&stream));
            }
        });
        own
    }

    /// The next connection that comes to this phase ends there.
    ///
    /// It stays so for all that come before that phase ends one. A connection that is kept from an earlier mail counts too.
    ///
    /// # Panics
    /// Never.
    pub fn dies_once(&self, phase: Phase) {
        *self.0.dies.lock().unwrap() = Some(phase);
    }

    /// True once it has.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.0.dies.lock().unwrap().is_none()
    }

    /// How many mails with this subject it has kept.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn copies(&self, subject: &str) -> usize {
        self.0.kept.lock().unwrap().get(subject).copied().unwrap_or(0)
    }

    fn dies_in(&self, phase: Phase) -> Option<()> {
        let mut dies = self.0.dies.lock().unwrap();
        if *dies == Some(phase) {
            *dies = None;
            return None;
        }
        Some(())
    }

    fn is_to_die_of_tls(&self) -> bool {
        matches!(*self.0.dies.lock().unwrap(), Some(Phase::StartTls | Phase::Handshake))
    }

    fn session(&self, stream: &TcpStream) -> Option<()> {
        let (mut input, mut output) = (BufReader::new(stream), stream);
        let mut say = |text: &str| output.write_all(text.as_bytes()).ok();
        self.dies_in(Phase::Greeting)?;
        say("220 hop.example ESMTP\r\n")?;
        loop {
            let mut line = String::new();
            (input.read_line(&mut line).ok()? > 0).then_some(())?;
            match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
                "EHLO" => {
                    self.dies_in(Phase::Hello)?;
                    let tls = if self.is_to_die_of_tls() { "250-STARTTLS\r\n" } else { "" };
                    say(&format!("250-hop.example\r\n{tls}250-PIPELINING\r\n250 8BITMIME\r\n"))?;
                }
                "STAR" => {
                    self.dies_in(Phase::StartTls)?;
                    say("220 go on\r\n")?;
                    // It has begun when the first octet of the client's is here.
                    input.fill_buf().ok()?;
                    self.dies_in(Phase::Handshake)?;
                    return None;
                }
                "MAIL" => {
                    self.dies_in(Phase::Mail)?;
                    say("250 ok\r\n")?;
                }
                "RCPT" => {
                    self.dies_in(Phase::Rcpt)?;
                    say("250 ok\r\n")?;
                }
                "DATA" => {
                    self.dies_in(Phase::Data)?;
                    say("354 go on\r\n")?;
                    let mail = self.content(&mut input)?;
                    *self.0.kept.lock().unwrap().entry(header(&mail, "subject")).or_default() += 1;
                    self.dies_in(Phase::Dot)?;
                    if self.dies_in(Phase::HalfLine).is_none() {
                        return say("250 ke");
                    }
                    if self.dies_in(Phase::HalfReply).is_none() {
                        return say("250-kept\r\n");
                    }
                    say("250 kept\r\n")?;
                    self.dies_in(Phase::Reply)?;
                }
                "QUIT" => return say("221 bye\r\n"),
                _ => say("250 ok\r\n")?,
            }
        }
    }

    fn content(&self, input: &mut impl BufRead) -> Option<Vec<u8>> {
        let mut mail = Vec::new();
        loop {
            let mut line = Vec::new();
            (input.read_until(b'\n', &mut line).ok()? > 0).then_some(())?;
            if line == b".\r\n" {
                return Some(mail);
            }
            mail.extend_from_slice(&line);
            if mail.len() > 2_000 {
                self.dies_in(Phase::Content)?;
            }
        }
    }
}
