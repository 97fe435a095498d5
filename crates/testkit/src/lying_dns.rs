//! A name server that answers as the test wishes, for each domain: truly, later, not at all, with errors, or with lies (RFC 1035 §4, on
//! UDP and TCP).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};

/// What it says of the names below a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// MX records lead to `mx.NAME`, addresses are this one; TXT records say who may send (SPF), none else.
    True(Ipv4Addr),
    /// The same, but on UDP an empty answer that says it was cut off.
    Truncated(Ipv4Addr),
    /// The same, once [`LyingDns::release`] is called.
    Held(Ipv4Addr),
    /// As [`Self::True`], but SPF names the MX hosts.
    Kept(Ipv4Addr),
    /// Nothing.
    Silence,
    /// SERVFAIL.
    Failure,
    /// NXDOMAIN, without the SOA record that should be beside it (RFC 2308 §2.1.2).
    NoSuchName,
    /// NXDOMAIN with an SOA record.
    NoSuchNameBySoa,
    /// What is true of this address, but under another query's id.
    WrongId(Ipv4Addr),
    /// What is true of this address, but for a question that nobody asked.
    WrongQuestion(Ipv4Addr),
    /// Records of another name, in answer to the question.
    WrongName(Ipv4Addr),
    /// An alias that leads to an alias that leads back.
    Loop,
    /// Octets that are no message.
    Noise,
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<BTreeMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    released: Mutex<bool>,
    release: Condvar,
}

/// A running name server.
#[derive(Debug, Clone)]
pub struct LyingDns(Arc<State>);

impl LyingDns {
    /// Listens on `127.0.0.40:53` or the like. Names of which nothing is said do not exist.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(listen: &str) -> Self {
        let (udp, tcp) = (UdpSocket::bind(listen).expect("the name server's address"), TcpListener::bind(listen).expect("and for TCP"));
        let own = Self(Arc::default());
        let (datagrams, streams) = (own.clone(), own.clone());
        std::thread::spawn(move || datagrams.serve_udp(&udp));
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let own = streams.clone();
                std::thread::spawn(move || own.serve_tcp(stream));
            }
        });
        own
    }

    /// From now on it answers so for this domain and what is below it.
    ///
    /// # Panics
    /// Never.
    pub fn says(&self, domain: &str, answer: Answer) {
        self.0.answers.lock().expect("answers").insert(domain.to_owned(), answer);
    }

    /// All [`Answer::Held`] answers go out, those of before and those to come.
    ///
    /// # Panics
    /// Never.
    pub fn release(&self) {
        *self.0.released.lock().expect("released") = true;
        self.0.release.notify_all();
    }

    /// Names it was asked for, with the type's number and the transport: `partner.example/15/udp`.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.0.asked.lock().expect("asked").clone()
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut query = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let Some(question) = query.get(..length).and_then(Question::read) else { continue };
            let (own, socket) = (self.clone(), socket.try_clone().expect("socket"));
            // A held answer holds no other.
            std::thread::spawn(move || {
                for octets in own.replies(&question, "udp") {
                    let _ = socket.send_to(&octets, from);
                }
            });
        }
    }

    fn serve_tcp(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).ok()?;
            for octets in self.replies(&Question::read(&query)?, "tcp") {
                let length = u16::try_from(octets.len()).ok()?.to_be_bytes();
                stream.write_all(&[&length, &octets[..]].concat()).ok()?;
            }
        }
    }

    fn answer(&self, name: &str) -> Answer {
        let answers = self.0.answers.lock().expect("answers");
        let below = |domain: &str| domain.is_empty() || name == domain || name.ends_with(&format!(".{domain}"));
        let found = answers.iter().filter(|(domain, _)| below(domain)).max_by_key(|(domain, _)| domain.len());
        found.map_or(Answer::NoSuchNameBySoa, |(_, answer)| answer.clone())
    }

    fn replies(&self, question: &Question, transport: &str) -> Vec<Vec<u8>> {
        let answer = self.answer(&question.name);
        self.0.asked.lock().expect("asked").push(format!("{}/{}/{transport}", question.name, question.kind));
        if let Answer::Held(_) = answer {
            let mut released = self.0.released.lock().expect("released");
            while !*released {
                released = self.0.release.wait(released).expect("released");
            }
        }
        question.replies(&answer, transport == "udp")
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const MX: u16 = 15;
const TXT: u16 = 16;
/// The name of the question, by a pointer to octet 12.
const ASKED: &[u8] = &[0xc0, 12];

/// What was asked.
struct Question {
    id: [u8; 2],
    name: String,
    kind: u16,
    /// As it stood in the query.
    octets: Vec<u8>,
}

impl Question {
    fn read(query: &[u8]) -> Option<Self> {
        let (id, mut at, mut name) = ([*query.first()?, *query.get(1)?], 12, Vec::new());
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
        Some(Self { id, name: name.join("."), kind, octets: query.get(12..at + 4)?.to_vec() })
    }

    fn replies(&self, answer: &Answer, udp: bool) -> Vec<Vec<u8>> {
        let truth = |address: &Ipv4Addr| self.message(0, &self.records(ASKED, *address));
        match answer {
            Answer::Silence => Vec::new(),
            Answer::Failure => vec![self.message(2, &[])],
            Answer::NoSuchName => vec![self.message(3, &[])],
            Answer::NoSuchNameBySoa => vec![self.no_such_name()],
            Answer::Noise => vec![[&self.id, &b"\x85\x00\xff\xff\xff\xff garbage"[..]].concat(), b"x".to_vec()],
            Answer::Kept(_) if self.kind == TXT && !self.name.starts_with('_') => {
                vec![self.message(0, &[record(ASKED, TXT, 300, b"\x0ev=spf1 mx -all")])]
            }
            Answer::True(address) | Answer::Held(address) | Answer::Kept(address) => vec![truth(address)],
            Answer::Truncated(address) if udp => {
                let mut cut = self.message(0, &[]);
                cut[2] |= 2;
                let _ = address;
                vec![cut]
            }
            Answer::Truncated(address) => vec![truth(address)],
            Answer::WrongId(address) => {
                let mut other = truth(address);
                other[0] ^= 0x55;
                vec![other]
            }
            Answer::WrongQuestion(address) => {
                let octets = [&b"\x05other\x07example\x00"[..], &self.kind.to_be_bytes(), &[0, 1]].concat();
                let other = Self { id: self.id, name: String::new(), kind: self.kind, octets };
                vec![other.message(0, &other.records(ASKED, *address))]
            }
            Answer::WrongName(address) => vec![self.message(0, &self.records(b"\x05other\x07example\x00", *address))],
            Answer::Loop => {
                let round = b"\x05round\x07example\x00";
                vec![self.message(0, &[record(ASKED, CNAME, 0, round), record(round, CNAME, 0, ASKED)])]
            }
        }
    }

    /// Records under this name that are true. What may be kept, may be kept for five minutes.
    fn records(&self, name: &[u8], address: Ipv4Addr) -> Vec<Vec<u8>> {
        match self.kind {
            MX => vec![record(name, MX, 300, b"\x00\x0a\x02mx\xc0\x0c")],
            A => vec![record(name, A, 300, &address.octets())],
            TXT if !self.name.starts_with('_') => {
                let text = format!("v=spf1 ip4:{address} -all");
                vec![record(name, TXT, 300, &[&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat())]
            }
            _ => Vec::new(),
        }
    }

    /// An NXDOMAIN that may be kept for no time.
    fn no_such_name(&self) -> Vec<u8> {
        let mut message = self.message(3, &[]);
        message[9] = 1;
        let data = [&b"\x02ns\x00\x04post\x00"[..], &[1_u32, 60, 60, 600, 0].map(u32::to_be_bytes).concat()].concat();
        message.extend(record(b"\x00", SOA, 0, &data));
        message
    }

    fn message(&self, code: u8, records: &[Vec<u8>]) -> Vec<u8> {
        let count = u8::try_from(records.len()).expect("few");
        let head = [0x85, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
        [&self.id, &head[..], &self.octets, &records.concat()].concat()
    }
}

fn record(name: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short");
    [name, &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length.to_be_bytes(), data].concat()
}
