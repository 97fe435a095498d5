//! A virus scanner that keeps certain contents until the test lets them go: clamd(8)'s protocol, with nothing behind it. Shares no
//! code with the product.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// The scanner; it listens until the test ends.
#[derive(Debug, Clone)]
pub struct LateScanner(Arc<State>);

#[derive(Debug)]
struct State {
    word: String,
    /// Contents with the word that were brought.
    seen: Mutex<usize>,
    released: Mutex<bool>,
    release: Condvar,
}

impl LateScanner {
    /// Listens; what holds `word` waits.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(listen: &str, word: &str) -> Self {
        let listener = TcpListener::bind(listen).expect("the scanner's address");
        let state = State { word: word.to_owned(), seen: Mutex::default(), released: Mutex::default(), release: Condvar::new() };
        let own = Self(Arc::new(state));
        let inner = own.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = inner.clone();
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        own
    }

    /// How many contents with the word were brought.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn seen(&self) -> usize {
        *self.0.seen.lock().expect("seen")
    }

    /// Answers all that waits, and will wait.
    ///
    /// # Panics
    /// Never.
    pub fn release(&self) {
        *self.0.released.lock().expect("released") = true;
        self.0.release.notify_all();
    }

    /// One command a connection.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let (mut command, mut octet) = (Vec::new(), [0]);
        loop {
            stream.read_exact(&mut octet).ok()?;
            if octet[0] == 0 {
                break;
            }
            command.push(octet[0]);
        }
        let answer: &[u8] = match &command[..] {
            b"zPING" => b"PONG\0",
            b"zVERSION" => b"ClamAV 1.0.0/1/Sat Nov 28 00:00:00 2026\0",
            _ => {
                let content = content(&mut stream)?;
                if String::from_utf8_lossy(&content).contains(&self.0.word) {
                    *self.0.seen.lock().ok()? += 1;
                    let mut released = self.0.released.lock().ok()?;
                    while !*released {
                        released = self.0.release.wait(released).ok()?;
                    }
                }
                b"stream: OK\0"
            }
        };
        stream.write_all(answer).ok()
    }
}

/// Chunks, each with its length in front, up to one of length 0.
fn content(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut chunk = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?];
        if chunk.is_empty() {
            return Some(content);
        }
        stream.read_exact(&mut chunk).ok()?;
        content.append(&mut chunk);
    }
}
