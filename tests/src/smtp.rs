//! A plain SMTP client for tests that need each byte in their own hands. Shares no code with the product.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};

/// One connection.
#[derive(Debug)]
pub struct Client {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Client {
    /// Connects from a local address and reads the greeting.
    ///
    /// # Errors
    /// The socket's.
    pub fn connect(server: &str, from: &str) -> std::io::Result<Self> {
        let stream = dial(server.parse().map_err(std::io::Error::other)?, from.parse().map_err(std::io::Error::other)?)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut client = Self { input: BufReader::new(stream.try_clone()?), output: stream };
        client.reply()?;
        Ok(client)
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.output.write_all(bytes)
    }

    /// Reads one reply, all its lines.
    ///
    /// # Errors
    /// The socket's; end of file is `UnexpectedEof`.
    pub fn reply(&mut self) -> std::io::Result<String> {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let last = line.as_bytes().get(3) != Some(&b'-');
            all.push_str(&line);
            if last {
                return Ok(all);
            }
        }
    }

    /// Sends a command line and reads its reply.
    ///
    /// # Errors
    /// The socket's.
    pub fn say(&mut self, line: &str) -> std::io::Result<String> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// EHLO, MAIL, RCPTs, DATA; gives the reply to the final dot. Stops at the first refusal and gives that.
    ///
    /// # Errors
    /// The socket's.
    pub fn mail(&mut self, from: &str, to: &[&str], message: &[u8]) -> std::io::Result<String> {
        for line in
            std::iter::once(format!("MAIL FROM:<{from}>")).chain(to.iter().map(|to| format!("RCPT TO:<{to}>"))).chain(["DATA".to_owned()])
        {
            let reply = self.say(&line)?;
            if !reply.starts_with('2') && !reply.starts_with('3') {
                return Ok(reply);
            }
        }
        self.send(&stuffed(message))?;
        self.reply()
    }

    /// Reads until the other side closes.
    ///
    /// # Errors
    /// The socket's.
    pub fn rest(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        self.input.read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Dots doubled, final dot added (RFC 5321 §4.5.2).
#[must_use]
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + message.len() / 64 + 5);
    let mut fresh = true;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if fresh && line.starts_with(b".") {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
        fresh = line.ends_with(b"\r\n");
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend(b"\r\n");
    }
    bytes.extend(b".\r\n");
    bytes
}

/// The first line that a server says.
///
/// # Errors
/// The socket's.
pub fn first_line(server: &str, from: &str) -> std::io::Result<String> {
    let stream = dial(server.parse().map_err(std::io::Error::other)?, from.parse().map_err(std::io::Error::other)?)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// A connection that comes from a chosen local address.
///
/// # Errors
/// The socket's.
pub fn dial(server: SocketAddr, from: IpAddr) -> std::io::Result<TcpStream> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(from, 0))?;
    rustix::net::connect(&socket, &server)?;
    Ok(TcpStream::from(socket))
}
