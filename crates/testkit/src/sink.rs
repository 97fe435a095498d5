//! A mail server that keeps what it is sent, octet by octet.
//!
//! It takes every recipient, undoes dot-stuffing and nothing else, so that a test sees what left the gateway and not what
//! a real server made of it. Shares no code with the product.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// One mail as it came.
#[derive(Debug, Clone)]
pub struct Kept {
    /// MAIL FROM as written, with its parameters.
    pub from: String,
    /// RCPT TO as written.
    pub to: Vec<String>,
    /// The octets between DATA and the final dot.
    pub content: Vec<u8>,
}

#[derive(Debug, Default)]
struct Letters {
    mails: Mutex<Vec<Kept>>,
    grown: Condvar,
}

/// A running sink; its thread ends with the test's process.
#[derive(Debug, Clone)]
pub struct Sink(Arc<Letters>);

impl Sink {
    /// Listens here: `127.0.0.30:25`.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(listen: &str) -> Self {
        let listener = TcpListener::bind(listen).expect("the sink's address");
        let kept = Arc::new(Letters::default());
        let into = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let into = Arc::clone(&into);
                std::thread::spawn(move || session(stream, &into));
            }
        });
        Self(kept)
    }

    /// Waits until so many mails have come; gives all.
    ///
    /// # Panics
    /// When they have not come within 30 s.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Kept> {
        self.wait_at_most(count, Duration::from_secs(30)).unwrap_or_else(|| panic!("{} of {count} mails came", self.count()))
    }

    /// As [`Self::wait_for`]; `None` when they have not come within this time.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn wait_at_most(&self, count: usize, time: Duration) -> Option<Vec<Kept>> {
        let end = Instant::now() + time;
        let mut mails = self.0.mails.lock().expect("mails");
        while mails.len() < count {
            let left = end.checked_duration_since(Instant::now())?;
            mails = self.0.grown.wait_timeout(mails, left).expect("mails").0;
        }
        Some(mails.clone())
    }

    /// Mails until now.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.mails.lock().expect("mails").len()
    }
}

/// One connection until it ends.
fn session(stream: TcpStream, into: &Letters) -> Option<()> {
    let mut output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    let mut say = |text: &str| output.write_all(text.as_bytes()).ok();
    say("220 sink.example ESMTP\r\n")?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let line = String::from_utf8_lossy(&line(&mut input)?).trim_end().to_owned();
        let verb = line.to_ascii_uppercase();
        match verb.as_str() {
            _ if verb.starts_with("EHLO") => {
                say("250-sink.example\r\n250-PIPELINING\r\n250-SIZE 500000000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")?
            }
            _ if verb.starts_with("MAIL") => {
                (from, to) = (line, Vec::new());
                say("250 ok\r\n")?;
            }
            _ if verb.starts_with("RCPT") => {
                to.push(line);
                say("250 ok\r\n")?;
            }
            "DATA" => {
                say("354 go on\r\n")?;
                let content = data(&mut input)?;
                into.mails.lock().ok()?.push(Kept { from: from.clone(), to: std::mem::take(&mut to), content });
                into.grown.notify_all();
                say("250 kept\r\n")?;
            }
            "QUIT" => {
                say("221 bye\r\n")?;
                return None;
            }
            _ => say("250 ok\r\n")?,
        }
    }
}

/// A line with its end; `None` at the end of the connection.
fn line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line).ok().filter(|count| *count > 0)?;
    Some(line)
}

/// Everything up to CR LF `.` CR LF (RFC 5321 §4.1.1.4), with the doubled dots undone (§4.5.2).
fn data(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut content, mut fresh) = (Vec::new(), true);
    loop {
        let line = line(input)?;
        if fresh && line == b".\r\n" {
            return Some(content);
        }
        let stuffed = fresh && line.starts_with(b".");
        content.extend_from_slice(if stuffed { &line[1..] } else { &line });
        // A line that ends with a bare LF does not begin a new one.
        fresh = line.ends_with(b"\r\n");
    }
}
