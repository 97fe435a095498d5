//! A client of clamd: `zINSTREAM`, `zVERSION`, `zPING` over TCP or a unix socket (clamd(8)).
//!
//! Used by `flow`'s scans and by the console's word about the engines. One connection for each command: clamd closes it
//! itself. Must never: take an answer that it does not understand for "clean". What the engine could not look into
//! (encrypted, over its limits) is an answer of its own, because trying again does not help.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::ScannerError;

/// Octets sent at once.
const CHUNK: usize = 256 << 10;
/// Longest answer that is read.
const ANSWER_MAX: u64 = 4 << 10;
/// Longest name of a virus that is kept.
const NAME_MAX: usize = 100;

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `host:port`.
    Tcp(String),
    /// A path.
    Unix(PathBuf),
}

impl Place {
    /// Reads `host:port` or an absolute path.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no place of clamd: write host:port, or the path of its socket");
        if text.starts_with('/') {
            return Ok(Self::Unix(PathBuf::from(text)));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let clean = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
        if clean && port.parse::<u16>().is_ok_and(|port| port > 0) { Ok(Self::Tcp(text.to_owned())) } else { Err(expected()) }
    }
}

/// What clamd said of one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// Nothing was found.
    Clean,
    /// A virus of this name.
    Found(String),
    /// It could not look into all of it: `encrypted`, `limit`.
    Closed(&'static str),
}

/// What clamd says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `ClamAV 1.4.6`.
    pub engine: String,
    /// Number of its signature database; `None` if it names none.
    pub signatures: Option<u64>,
    /// When these were made, seconds since 1970.
    pub made: Option<i64>,
}

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clamd {
    place: Place,
    /// Longest wait for a connection, and for the answer to a short command.
    connect: Duration,
    /// Longest wait for the answer to a scan.
    answer: Duration,
}

impl Clamd {
    /// A client with the usual waits: 5 s to connect, 120 s for a scan.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, connect: Duration::from_secs(5), answer: Duration::from_secs(120) }
    }

    /// Scans one content.
    ///
    /// # Errors
    /// When clamd is away, too slow, or says something unexpected.
    pub async fn scan(&self, content: &[u8]) -> Result<Scanned, ScannerError> {
        let answer = self.ask(self.answer, b"zINSTREAM\0", Some(content)).await?;
        read_verdict(&answer)
    }

    /// Engine and signatures.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn version(&self) -> Result<Version, ScannerError> {
        Ok(read_version(&self.ask(self.connect, b"zVERSION\0", None).await?))
    }

    /// Is it there?
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn ping(&self) -> Result<(), ScannerError> {
        match self.ask(self.connect, b"zPING\0", None).await?.as_str() {
            "PONG" => Ok(()),
            other => Err(ScannerError::Unexpected(other.to_owned())),
        }
    }

    async fn ask(&self, wait: Duration, command: &[u8], content: Option<&[u8]>) -> Result<String, ScannerError> {
        let away = |error: std::io::Error| ScannerError::Away(error.to_string());
        let slow = |_| ScannerError::Slow(wait);
        match &self.place {
            Place::Tcp(place) => {
                let stream = tokio::time::timeout(self.connect, TcpStream::connect(place)).await.map_err(slow)?.map_err(away)?;
                tokio::time::timeout(wait, talk(stream, command, content)).await.map_err(slow)?
            }
            Place::Unix(path) => {
                let stream = tokio::time::timeout(self.connect, UnixStream::connect(path)).await.map_err(slow)?.map_err(away)?;
                tokio::time::timeout(wait, talk(stream, command, content)).await.map_err(slow)?
            }
        }
    }
}

/// Sends a command, and a content in chunks that each begin with their length, ended by one of length 0.
async fn talk<S>(mut stream: S, command: &[u8], content: Option<&[u8]>) -> Result<String, ScannerError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = send(&mut stream, command, content).await;
    let mut answer = Vec::new();
    let read = (&mut stream).take(ANSWER_MAX).read_to_end(&mut answer).await;
    // Over its limit clamd answers and closes while we still send: its answer counts.
    if answer.is_empty() {
        let cause = sent.err().or(read.err()).map_or_else(|| "it closed the connection".to_owned(), |error| error.to_string());
        return Err(ScannerError::Away(cause));
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.trim_end_matches(['\0', '\n']).to_owned())
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, command: &[u8], content: Option<&[u8]>) -> std::io::Result<()> {
    stream.write_all(command).await?;
    if let Some(content) = content {
        for chunk in content.chunks(CHUNK) {
            stream.write_all(&u32::try_from(chunk.len()).unwrap_or(0).to_be_bytes()).await?;
            stream.write_all(chunk).await?;
        }
        stream.write_all(&[0; 4]).await?;
    }
    stream.flush().await
}

/// Reads the answer to a scan: `stream: OK`, `stream: NAME FOUND`, `… ERROR`. The name holds printable US-ASCII, at most 100 octets.
///
/// # Errors
/// [`ScannerError::Unexpected`] for everything else.
pub fn read_verdict(answer: &str) -> Result<Scanned, ScannerError> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Scanned::Clean);
    }
    if let Some(name) = said.strip_suffix(" FOUND") {
        // AlertEncrypted and AlertExceedsMax report these as finds; they are no viruses.
        return Ok(if name.starts_with("Heuristics.Encrypted") {
            Scanned::Closed("encrypted")
        } else if name.starts_with("Heuristics.Limits.Exceeded") {
            Scanned::Closed("limit")
        } else {
            Scanned::Found(clean(name))
        });
    }
    if said.contains("size limit exceeded") {
        return Ok(Scanned::Closed("limit"));
    }
    Err(ScannerError::Unexpected(clean(answer)))
}

/// A name that can stand in a log line, a header and a variable.
fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(NAME_MAX).collect()
}

/// Reads `ClamAV 1.4.6/27820/Sat Nov 21 09:30:00 2026`; without a database of its maker only the first part.
#[must_use]
pub fn read_version(answer: &str) -> Version {
    let mut parts = answer.splitn(3, '/');
    let engine = clean(parts.next().unwrap_or_default());
    let signatures = parts.next().and_then(|number| number.parse().ok());
    Version { engine, signatures, made: parts.next().and_then(made) }
}

/// `Sat Nov 21 09:30:00 2026`, as ctime(3) writes it; clamd's own time zone, taken for UTC: days matter here.
fn made(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, year] = words.as_slice() else { return None };
    let month = i64::try_from(MONTHS.iter().position(|name| name == month)?).ok()? + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<i64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hours, minutes, seconds] = clock.as_slice() else { return None };
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) || !(0..=23).contains(hours) || !(0..=59).contains(minutes) {
        return None;
    }
    // Days since 1970 of a Gregorian date: years begin in March, so that the leap day is the last one.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_23_only_ok_is_clean() {
        let said = |answer: &str| read_verdict(answer).map_err(|error| error.to_string());
        assert_eq!(said("stream: OK"), Ok(Scanned::Clean));
        assert_eq!(said("stream: Win.Test.EICAR_HDB-1 FOUND"), Ok(Scanned::Found("Win.Test.EICAR_HDB-1".into())));
        assert_eq!(said("stream: a\r\nb\u{e9} FOUND"), Ok(Scanned::Found("a??b?".into())), "x_10");
        assert_eq!(said("stream: Heuristics.Encrypted.Zip FOUND"), Ok(Scanned::Closed("encrypted")));
        assert_eq!(said("stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND"), Ok(Scanned::Closed("limit")));
        assert_eq!(said("INSTREAM size limit exceeded. ERROR"), Ok(Scanned::Closed("limit")));
        for bad in ["", "OK OK", "stream: ok", "stream: ", "UNKNOWN COMMAND", "stream: Can't allocate memory ERROR", "FOUND"] {
            assert!(said(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn m_p10_the_age_of_the_signatures_is_read() {
        let with = read_version("ClamAV 1.4.6/27820/Sat Nov 21 21:44:34 2026");
        assert_eq!(with, Version { engine: "ClamAV 1.4.6".into(), signatures: Some(27820), made: Some(1_795_297_474) });
        assert_eq!(read_version("ClamAV 1.4.6"), Version { engine: "ClamAV 1.4.6".into(), signatures: None, made: None });
        assert_eq!(made("Thu Jan  1 00:00:00 1970"), Some(0));
        assert_eq!(made("Tue Feb 29 12:00:00 2028"), Some(1_835_438_400));
        for bad in ["", "x", "Sat Foo 1 00:00:00 2026", "Sat Nov 99 00:00:00 2026", "Sat Nov 1 0 2026", "Sat Nov 1 00:00:00 99999999999999"]
        {
            assert_eq!(made(bad), None, "{bad}");
        }
    }

    #[test]
    fn places_are_sockets_or_ports() {
        assert_eq!(Place::parse("127.0.0.1:3310"), Ok(Place::Tcp("127.0.0.1:3310".into())));
        assert_eq!(Place::parse("[::1]:3310"), Ok(Place::Tcp("[::1]:3310".into())));
        assert_eq!(Place::parse("/run/clamd.sock"), Ok(Place::Unix("/run/clamd.sock".into())));
        for bad in ["", "clamd", "clamd:", ":3310", "clamd:0", "clamd:70000", "http://clamd:3310", "a b:1"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }
}
