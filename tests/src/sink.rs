//! A next hop that takes every mail and keeps each octet that it was sent. Shares no code with the product.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// One mail as it came over the wire: dots still doubled, the last dot not among it.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The lines from MAIL to the last RCPT.
    pub envelope: Vec<String>,
    /// What came after 354.
    pub content: Vec<u8>,
}

#[derive(Debug, Default)]
struct Kept {
    mails: Mutex<Vec<Taken>>,
    grown: Condvar,
}

/// The next hop; it listens until the test ends.
#[derive(Debug, Clone)]
pub struct Sink(Arc<Kept>);

impl Sink {
    /// Listens on `ADDRESS:PORT`.
    ///
    /// # Panics
    /// When it can't.
    #[must_use]
    pub fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("an address for the sink");
        let sink = Self(Arc::default());
        let kept = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || kept.session(stream));
            }
        });
        sink
    }

    /// Waits for `count` mails.
    ///
    /// # Panics
    /// After 60 s.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Taken> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut mails = self.0.mails.lock().expect("mails");
        while mails.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the sink has {} of {count} mails", mails.len());
            mails = self.0.grown.wait_timeout(mails, left).expect("mails").0;
        }
        mails.clone()
    }

    fn session(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        stream.write_all(b"220 sink.example ESMTP\r\n").ok()?;
        let (mut input, mut envelope) = (Vec::new(), Vec::new());
        loop {
            let line = String::from_utf8_lossy(&until(&mut stream, &mut input, b"\r\n")?).into_owned();
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply: &[u8] = match verb.as_str() {
                "EHLO" => b"250-sink.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n",
                "MAIL" | "RCPT" => {
                    envelope.push(line.trim_end().to_owned());
                    b"250 2.1.0 ok\r\n"
                }
                "DATA" => {
                    stream.write_all(b"354 go\r\n").ok()?;
                    // The line end before the dot is the content's.
                    let mut content = b"\r\n".to_vec();
                    content.append(&mut until_dot(&mut stream, &mut input)?);
                    self.0.mails.lock().ok()?.push(Taken { envelope: std::mem::take(&mut envelope), content: content.split_off(2) });
                    self.0.grown.notify_all();
                    b"250 2.0.0 taken\r\n"
                }
                "RSET" => {
                    envelope.clear();
                    b"250 2.0.0 ok\r\n"
                }
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 bye\r\n").ok()?;
                    return Some(());
                }
                _ => b"250 2.0.0 ok\r\n",
            };
            stream.write_all(reply).ok()?;
        }
    }
}

/// Everything up to and with `mark`.
fn until(stream: &mut TcpStream, input: &mut Vec<u8>, mark: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = input.windows(mark.len()).position(|window| window == mark) {
            let rest = input.split_off(at + mark.len());
            return Some(std::mem::replace(input, rest));
        }
        more(stream, input)?;
    }
}

/// Everything up to the last dot by RFC 5321, without it.
fn until_dot(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<Vec<u8>> {
    while !input.starts_with(b".\r\n") && !input.windows(5).any(|window| window == b"\r\n.\r\n") {
        more(stream, input)?;
    }
    if input.starts_with(b".\r\n") {
        *input = input.split_off(3);
        return Some(Vec::new());
    }
    let mut content = until(stream, input, b"\r\n.\r\n")?;
    content.truncate(content.len() - 3);
    Some(content)
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<()> {
    let mut block = [0; 16_384];
    match stream.read(&mut block).ok()? {
        0 => None,
        read => {
            input.extend_from_slice(&block[..read]);
            Some(())
        }
    }
}
