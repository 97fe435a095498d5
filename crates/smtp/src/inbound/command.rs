//! One command line, read strictly (RFC 5321 §4.1.1).
//!
//! [`parse`] is a pure, total function over the line without its CR LF: it is what the fuzzer calls. It comes
//! after the session cut the line at CR LF and before any question to the gate. Tolerated beyond the
//! grammar: blanks at the end of a line (RFC 5321 §4.1.1) and after the colon of MAIL FROM: and RCPT TO:
//! (many devices write them), nothing else.

use model::{Address, BodyType};

use super::Reply;
use super::path::{self, Path, PathError};

/// A well-formed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// HELO with the client's name.
    Helo(&'a str),
    /// EHLO with the client's name.
    Ehlo(&'a str),
    /// MAIL.
    Mail {
        /// The reverse path; `None` is `<>`.
        sender: Option<Address>,
        /// `SIZE=`; a number beyond 64 bits becomes the largest.
        size: Option<u64>,
        /// `BODY=`.
        body: BodyType,
    },
    /// RCPT; `None` is `<Postmaster>`.
    Rcpt(Option<Address>),
    /// DATA.
    Data,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY.
    Vrfy,
    /// HELP.
    Help,
    /// STARTTLS (RFC 3207).
    StartTls,
}

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// Control characters, a bare CR, or octets that are no UTF-8.
    Characters,
    /// No such command.
    Unknown,
    /// A command of SMTP that is not offered here.
    NotOffered,
    /// Another protocol's request, sent here by a browser that was misled.
    OtherProtocol,
    /// The command is known; this is how it is written.
    Syntax(&'static str),
    /// The reverse path is no mailbox.
    Sender,
    /// The forward path is no mailbox.
    Recipient,
    /// A mailbox beyond US-ASCII, and SMTPUTF8 is not offered (RFC 6531 §3.5).
    Utf8,
    /// A parameter that is not offered (RFC 5321 §4.1.1.11).
    Parameter,
}

const MAIL_FORM: &str = "Write MAIL FROM:<address> and then, if needed, SIZE=number and BODY=8BITMIME";
const RCPT_FORM: &str = "Write RCPT TO:<address>";

impl CommandError {
    /// The answer, which says what to do.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::Characters => Reply::new(500, "5.5.2", "A command line is printable text ended by CR LF; this one has other characters"),
            Self::Unknown => Reply::new(500, "5.5.1", "Command unknown; see HELP"),
            Self::NotOffered => Reply::new(502, "5.5.1", "Command not offered here; see EHLO"),
            Self::OtherProtocol => Reply::new(421, "4.7.0", "This is a mail server; closing"),
            Self::Syntax(form) => Reply::new(501, "5.5.4", form),
            Self::Sender => Reply::new(553, "5.1.7", "The sender is not a mail address; write <name@domain> or <>"),
            Self::Recipient => Reply::new(553, "5.1.3", "The recipient is not a mail address; write <name@domain>"),
            Self::Utf8 => Reply::new(553, "5.6.7", "Addresses beyond US-ASCII are not offered here; write the domain as A-labels"),
            Self::Parameter => Reply::new(555, "5.5.4", "Parameter not offered here; see EHLO"),
        }
    }
}

/// Reads one line, given without its CR LF.
///
/// # Errors
/// [`CommandError`], which has the reply.
pub fn parse(line: &[u8]) -> Result<Command<'_>, CommandError> {
    let line = line.trim_ascii_end();
    if line.iter().any(u8::is_ascii_control) {
        return Err(CommandError::Characters);
    }
    let line = std::str::from_utf8(line).map_err(|_| CommandError::Characters)?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start_matches(' ');
    match verb.to_ascii_uppercase().as_str() {
        "HELO" => client_name(rest).map(Command::Helo).ok_or(CommandError::Syntax("Write HELO and the name of your host")),
        "EHLO" => client_name(rest).map(Command::Ehlo).ok_or(CommandError::Syntax("Write EHLO and the name of your host")),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => alone(rest, Command::Data, "Write DATA alone on its line"),
        "RSET" => alone(rest, Command::Rset, "Write RSET alone on its line"),
        "QUIT" => alone(rest, Command::Quit, "Write QUIT alone on its line"),
        "STARTTLS" => alone(rest, Command::StartTls, "Write STARTTLS alone on its line"),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err(CommandError::Syntax("Write VRFY and an address")),
        "VRFY" => Ok(Command::Vrfy),
        "EXPN" | "AUTH" | "BDAT" | "ETRN" | "TURN" | "ATRN" | "BURL" | "SEND" | "SOML" | "SAML" | "XCLIENT" | "XFORWARD" => {
            Err(CommandError::NotOffered)
        }
        "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS" | "CONNECT" | "DELETE" | "PATCH" | "PRI" => Err(CommandError::OtherProtocol),
        _ => Err(CommandError::Unknown),
    }
}

/// The client's name: one printable word. Whether it is a good one is the gate's question.
fn client_name(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

fn alone<'a>(rest: &str, command: Command<'a>, form: &'static str) -> Result<Command<'a>, CommandError> {
    if rest.is_empty() { Ok(command) } else { Err(CommandError::Syntax(form)) }
}

fn mail(rest: &str) -> Result<Command<'_>, CommandError> {
    let text = after_word(rest, "FROM:").ok_or(CommandError::Syntax(MAIL_FORM))?;
    let (path, rest) = path::parse(text).map_err(|error| path_error(error, MAIL_FORM, CommandError::Sender))?;
    let sender = match path {
        Path::Null => None,
        Path::Mailbox(address) if address.needs_utf8() => return Err(CommandError::Utf8),
        Path::Mailbox(address) => Some(address),
        Path::Postmaster => return Err(CommandError::Sender),
    };
    let (mut size, mut body) = (None, BodyType::SevenBit);
    for (key, value) in path::parameters(rest).ok_or(CommandError::Syntax(MAIL_FORM))? {
        match (key.as_str(), value) {
            ("SIZE", Some(value)) => size = Some(number(value).ok_or(CommandError::Syntax(MAIL_FORM))?),
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => body = BodyType::SevenBit,
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => body = BodyType::EightBitMime,
            ("SIZE" | "BODY", None) => return Err(CommandError::Syntax(MAIL_FORM)),
            _ => return Err(CommandError::Parameter),
        }
    }
    Ok(Command::Mail { sender, size, body })
}

fn rcpt(rest: &str) -> Result<Command<'_>, CommandError> {
    let text = after_word(rest, "TO:").ok_or(CommandError::Syntax(RCPT_FORM))?;
    let (path, rest) = path::parse(text).map_err(|error| path_error(error, RCPT_FORM, CommandError::Recipient))?;
    let parameters = path::parameters(rest).ok_or(CommandError::Syntax(RCPT_FORM))?;
    if !parameters.is_empty() {
        return Err(CommandError::Parameter);
    }
    match path {
        Path::Null => Err(CommandError::Recipient),
        Path::Postmaster => Ok(Command::Rcpt(None)),
        Path::Mailbox(address) if address.needs_utf8() => Err(CommandError::Utf8),
        Path::Mailbox(address) => Ok(Command::Rcpt(Some(address))),
    }
}

fn path_error(error: PathError, form: &'static str, mailbox: CommandError) -> CommandError {
    match error {
        PathError::Brackets => CommandError::Syntax(form),
        PathError::Mailbox(_) => mailbox,
    }
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| text.get(word.len()..).unwrap_or_default().trim_start_matches(' '))
}

/// 1 to 20 digits (RFC 1870 §4).
fn number(text: &str) -> Option<u64> {
    let sound = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
