//! A name server that answers as the test wishes: truly, not at all, with errors, or with lies (RFC 1035 §4 on UDP).

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

/// What it says of every name it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// MX records lead to `mx.NAME`, addresses are this one.
    True(Ipv4Addr),
    /// Nothing.
    Silence,
    /// SERVFAIL.
    Failure,
    /// NXDOMAIN.
    NoSuchName,
    /// What is true of this address, but under another query's id.
    WrongId(Ipv4Addr),
    /// What is true of this address, but for a question that nobody asked.
    WrongName(Ipv4Addr),
    /// Octets that are no message.
    Noise,
}

/// A running name server.
#[derive(Debug, Clone)]
pub struct LyingDns {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl LyingDns {
    /// Listens on UDP and on nothing else: `127.0.0.40:53`.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(listen: &str, first: Answer) -> Self {
        let socket = UdpSocket::bind(listen).expect("the name server's address");
        let own = Self { answer: Arc::new(Mutex::new(first)), asked: Arc::default() };
        let inner = own.clone();
        std::thread::spawn(move || {
            let mut query = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let answer = inner.answer.lock().expect("answer").clone();
                if let Some((name, reply)) = query.get(..length).and_then(|query| reply(query, &answer)) {
                    inner.asked.lock().expect("asked").push(name);
                    for octets in reply {
                        let _ = socket.send_to(&octets, from);
                    }
                }
            }
        });
        own
    }

    /// From now on it answers so.
    ///
    /// # Panics
    /// Never.
    pub fn says(&self, answer: Answer) {
        *self.answer.lock().expect("answer") = answer;
    }

    /// Names it was asked for, with the type's number: `partner.example/15`.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("asked").clone()
    }
}

const MX: u16 = 15;
const A: u16 = 1;

/// The name that was asked for, and what is sent.
fn reply(query: &[u8], answer: &Answer) -> Option<(String, Vec<Vec<u8>>)> {
    let (id, mut at, mut name) = (query.get(..2)?, 12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        name.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let question = query.get(12..at + 4)?;
    let asked = format!("{}/{kind}", name.join("."));
    let error = |code: u8| vec![message(id, code, question, &[])];
    let sent = match answer {
        Answer::Silence => Vec::new(),
        Answer::Failure => error(2),
        Answer::NoSuchName => error(3),
        Answer::Noise => vec![[id, &b"\x85\x00\xff\xff\xff\xff garbage"[..]].concat(), b"x".to_vec()],
        Answer::True(address) => vec![message(id, 0, question, &records(kind, *address))],
        Answer::WrongId(address) => {
            let other = [id.first()? ^ 0x55, *id.get(1)?];
            vec![message(&other, 0, question, &records(kind, *address))]
        }
        Answer::WrongName(address) => {
            let other = [&b"\x05other\x07example\x00"[..], &kind.to_be_bytes(), &[0, 1]].concat();
            vec![message(id, 0, &other, &records(kind, *address))]
        }
    };
    Some((asked, sent))
}

/// Records for the name of the question (a pointer to octet 12).
fn records(kind: u16, address: Ipv4Addr) -> Vec<Vec<u8>> {
    let record = |data: &[u8]| {
        let length = u16::try_from(data.len()).expect("short");
        [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 1], &length.to_be_bytes(), data].concat()
    };
    match kind {
        MX => vec![record(b"\x00\x0a\x02mx\xc0\x0c")],
        A => vec![record(&address.octets())],
        _ => Vec::new(),
    }
}

fn message(id: &[u8], code: u8, question: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(records.len()).expect("few");
    let head = [0x85, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    [id, &head, question, &records.concat()].concat()
}
