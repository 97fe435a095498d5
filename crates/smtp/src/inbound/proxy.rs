//! The PROXY protocol, version 2: a load balancer says for whom it connects.
//!
//! It comes before everything else of a connection, TLS included, and only from addresses that the node's configuration lists
//! (`[smtp] proxy_protocol_from`, security.md X-20). Read strictly: version 1, another transport than TCP, and a header beyond
//! [`HEADER_MAX`] end the connection. Additional values (TLVs) are skipped: nothing here believes them. A header must never give a
//! client the balancer's own rights, so one without an address is refused, and `LOCAL` is the balancer's own health check.
//! Standard: "The PROXY protocol" by its authors, §2.2.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// What every header begins with. No SMTP client says it, so it is known also where it has no business.
pub const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Octets before the addresses.
const FIXED: usize = 16;
/// Longest header, additional values included.
pub const HEADER_MAX: usize = 4_096;

/// For whom the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxied {
    /// For the balancer itself: the address of the connection counts.
    Local,
    /// For this client.
    Client(IpAddr),
}

/// Why a header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Something else came, version 1 for instance.
    #[error("no header of version 2")]
    NoHeader,
    /// Another version, or a command that does not exist.
    #[error("an unknown version or command")]
    Version,
    /// Neither TCP over IPv4 nor TCP over IPv6.
    #[error("another transport than TCP")]
    Transport,
    /// Shorter than its addresses, or over [`HEADER_MAX`].
    #[error("a header of the wrong length")]
    Length,
}

/// Reads the first 16 octets: how many follow.
///
/// # Errors
/// [`ProxyError`].
pub fn announced(fixed: &[u8; FIXED]) -> Result<usize, ProxyError> {
    let (signature, rest) = fixed.split_at(SIGNATURE.len());
    if signature != SIGNATURE {
        return Err(ProxyError::NoHeader);
    }
    let [command, _, high, low] = *rest else { return Err(ProxyError::Length) };
    if !matches!(command, 0x20 | 0x21) {
        return Err(ProxyError::Version);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > HEADER_MAX - FIXED { Err(ProxyError::Length) } else { Ok(length) }
}

/// Reads a whole header, nothing before it and nothing behind.
///
/// # Errors
/// [`ProxyError`].
pub fn parse(header: &[u8]) -> Result<Proxied, ProxyError> {
    let fixed: &[u8; FIXED] = header.first_chunk().ok_or(ProxyError::NoHeader)?;
    let rest = header.get(FIXED..).unwrap_or_default();
    if announced(fixed)? != rest.len() {
        return Err(ProxyError::Length);
    }
    let [.., command, family, _, _] = *fixed;
    if command == 0x20 {
        return Ok(Proxied::Local);
    }
    match family {
        0x11 => {
            let [a, b, c, d] = *rest.first_chunk().filter(|_| rest.len() >= 12).ok_or(ProxyError::Length)?;
            Ok(Proxied::Client(Ipv4Addr::new(a, b, c, d).into()))
        }
        0x21 => {
            let source: [u8; 16] = *rest.first_chunk().filter(|_| rest.len() >= 36).ok_or(ProxyError::Length)?;
            Ok(Proxied::Client(IpAddr::V6(Ipv6Addr::from(source)).to_canonical()))
        }
        _ => Err(ProxyError::Transport),
    }
}

/// Reads the header off a connection and not an octet more. The caller bounds the time.
///
/// # Errors
/// `InvalidData` with a [`ProxyError`], or the connection's own.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Proxied> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut fixed = [0; FIXED];
    stream.read_exact(&mut fixed).await?;
    let length = announced(&fixed).map_err(invalid)?;
    let mut header = fixed.to_vec();
    header.resize(FIXED + length, 0);
    stream.read_exact(header.get_mut(FIXED..).unwrap_or_default()).await?;
    parse(&header).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 127, 0, 0, 1, 0x30, 0x39, 0, 25];

    #[test]
    fn m_t1_proxy_headers_are_read() {
        let client = |text: &str| Ok(Proxied::Client(text.parse().unwrap()));
        assert_eq!(parse(&header(0x21, 0x11, &V4)), client("192.0.2.7"));
        let tlv = [&V4[..], &[0x03, 0, 4, 1, 2, 3, 4, 0xff]].concat();
        assert_eq!(parse(&header(0x21, 0x11, &tlv)), client("192.0.2.7"));
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::9".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(parse(&header(0x21, 0x21, &v6)), client("2001:db8::9"));
        v6[..16].copy_from_slice(&"::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(parse(&header(0x21, 0x21, &v6)), client("192.0.2.7"));
        assert_eq!(parse(&header(0x20, 0x00, b"")), Ok(Proxied::Local));
        assert_eq!(parse(&header(0x20, 0x11, &V4)), Ok(Proxied::Local));
    }

    #[test]
    fn x_20_what_is_no_sound_header_is_refused() {
        for (header, error) in [
            (b"PROXY TCP4 192.0.2.7 127.0.0.1 1 25\r\n".to_vec(), ProxyError::NoHeader),
            (b"EHLO client.example\r\n".to_vec(), ProxyError::NoHeader),
            (vec![], ProxyError::NoHeader),
            (header(0x22, 0x11, &V4), ProxyError::Version),
            (header(0x11, 0x11, &V4), ProxyError::Version),
            (header(0x21, 0x00, b""), ProxyError::Transport),
            (header(0x21, 0x12, &V4), ProxyError::Transport),
            (header(0x21, 0x31, &[0; 216]), ProxyError::Transport),
            (header(0x21, 0x11, &V4[..11]), ProxyError::Length),
            (header(0x21, 0x21, &V4), ProxyError::Length),
            (header(0x21, 0x11, &[0; 4_081]), ProxyError::Length),
            ([header(0x21, 0x11, &V4), b"x".to_vec()].concat(), ProxyError::Length),
        ] {
            assert_eq!(parse(&header), Err(error), "{header:?}");
        }
    }

    #[tokio::test]
    async fn m_t1_nothing_behind_the_header_is_taken() {
        let wire = [header(0x21, 0x11, &V4), b"EHLO x\r\n".to_vec()].concat();
        let mut rest = &wire[..];
        assert_eq!(read(&mut rest).await.unwrap(), Proxied::Client("192.0.2.7".parse().unwrap()));
        assert_eq!(rest, b"EHLO x\r\n");
        let mut v1 = &b"PROXY TCP4 192.0.2.7 127.0.0.1 1 25\r\n"[..];
        assert_eq!(read(&mut v1).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
