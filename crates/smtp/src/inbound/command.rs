//! One command line, read strictly (RFC 5321 §4.1.1).
//!
//! [`parse`] is a pure, total function over the line without its CR LF: it is what the fuzzer calls. It comes
//! after the session cut the line at CR LF and before any question to the gate. Tolerated beyond the
//! grammar: blanks at the end of a line (RFC 5321 §4.1.1) and after the colon of MAIL FROM: and RCPT TO:
//! (many devices write them), nothing else.

use model::{Address, BodyType, Notify};

use super::auth::Mechanism;
use super::path::{self, Path, PathError};
use super::xclient::{self, Xclient};
use super::{MailParams, Reply, xtext};

/// A well-formed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// HELO with the client's name.
    Helo(&'a str),
    /// EHLO with the client's name.
    Ehlo(&'a str),
    /// MAIL.
    Mail(MailParams),
    /// RCPT.
    Rcpt(Rcpt),
    /// DATA.
    Data,
    /// BDAT (RFC 3030 §2): so many octets follow the line at once.
    Bdat {
        /// Octets of this chunk; a number beyond 64 bits becomes the largest.
        size: u64,
        /// The mail ends with it.
        last: bool,
    },
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
    /// AUTH (RFC 4954 §4); `None` is a mechanism that is not offered.
    Auth {
        /// How.
        mechanism: Option<Mechanism>,
        /// The initial response, in base64; `=` is an empty one.
        initial: Option<&'a str>,
    },
    /// XCLIENT, from a listed filter.
    Xclient(Xclient),
}

/// A RCPT command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// The forward path; `None` is `<Postmaster>`.
    pub address: Option<Address>,
    /// `ORCPT=`, decoded (RFC 3461 §4.2).
    pub original: Option<String>,
    /// `NOTIFY=` (RFC 3461 §4.1).
    pub notify: Option<Notify>,
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
    /// Another protocol's request: of a browser that was misled, or of a balancer that is not listed.
    OtherProtocol,
    /// The command is known; this is how it is written.
    Syntax(&'static str),
    /// The reverse path is no mailbox.
    Sender,
    /// The forward path is no mailbox.
    Recipient,
    /// A mailbox beyond US-ASCII without SMTPUTF8 in MAIL (RFC 6531 §3.5).
    Utf8,
    /// BDAT without a sound size: how many octets follow can't be known, so the session can't go on.
    Chunk,
    /// A parameter that is not offered (RFC 5321 §4.1.1.11).
    Parameter,
}

const MAIL_FORM: &str = "Write MAIL FROM:<address> and then, if needed, SIZE= BODY= RET= ENVID= SMTPUTF8, each at most once";
const RCPT_FORM: &str = "Write RCPT TO:<address> and then, if needed, NOTIFY= and ORCPT=, each at most once";

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
            Self::Utf8 => Reply::new(553, "5.6.7", "An address beyond US-ASCII takes SMTPUTF8 in MAIL"),
            Self::Chunk => Reply::new(501, "5.5.4", "Write BDAT, the number of octets, and LAST with the last ones; closing"),
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
    let chunk = line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"));
    let characters = || if chunk { CommandError::Chunk } else { CommandError::Characters };
    if line.iter().any(u8::is_ascii_control) {
        return Err(characters());
    }
    let line = std::str::from_utf8(line).map_err(|_| characters())?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start_matches(' ');
    match verb.to_ascii_uppercase().as_str() {
        "HELO" => client_name(rest).map(Command::Helo).ok_or(CommandError::Syntax("Write HELO and the name of your host")),
        "EHLO" => client_name(rest).map(Command::Ehlo).ok_or(CommandError::Syntax("Write EHLO and the name of your host")),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "BDAT" => bdat(rest),
        "DATA" => alone(rest, Command::Data, "Write DATA alone on its line"),
        "RSET" => alone(rest, Command::Rset, "Write RSET alone on its line"),
        "QUIT" => alone(rest, Command::Quit, "Write QUIT alone on its line"),
        "STARTTLS" => alone(rest, Command::StartTls, "Write STARTTLS alone on its line"),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err(CommandError::Syntax("Write VRFY and an address")),
        "VRFY" => Ok(Command::Vrfy),
        "AUTH" => auth(rest),
        "XCLIENT" => xclient::parse(rest).map(Command::Xclient).ok_or(CommandError::Syntax(xclient::FORM)),
        "EXPN" | "ETRN" | "TURN" | "ATRN" | "BURL" | "SEND" | "SOML" | "SAML" | "XFORWARD" => Err(CommandError::NotOffered),
        "PROXY" | "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS" | "CONNECT" | "DELETE" | "PATCH" | "PRI" => Err(CommandError::OtherProtocol),
        _ if chunk => Err(CommandError::Chunk),
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
        Path::Mailbox(address) => Some(address),
        Path::Postmaster => return Err(CommandError::Sender),
    };
    let mut mail = MailParams { sender, size: None, body: BodyType::SevenBit, ret: None, envelope_id: None, smtputf8: false };
    for (key, value) in path::parameters(rest).ok_or(CommandError::Syntax(MAIL_FORM))? {
        mail_parameter(&mut mail, &key, value)?;
    }
    if !mail.smtputf8 && mail.sender.as_ref().is_some_and(Address::needs_utf8) {
        return Err(CommandError::Utf8);
    }
    Ok(Command::Mail(mail))
}

fn mail_parameter(mail: &mut MailParams, key: &str, value: Option<&str>) -> Result<(), CommandError> {
    let form = CommandError::Syntax(MAIL_FORM);
    match (key, value) {
        ("SIZE", Some(value)) => mail.size = Some(number(value).ok_or(form)?),
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => mail.body = BodyType::SevenBit,
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => mail.body = BodyType::EightBitMime,
        ("RET", Some(value)) => mail.ret = Some(xtext::ret(value).ok_or(form)?),
        ("ENVID", Some(value)) => mail.envelope_id = Some(xtext::envelope_id(value).ok_or(form)?),
        ("SMTPUTF8", None) => mail.smtputf8 = true,
        // RFC 4954 §5: somebody else's word for who sent it; we go by who has signed in here.
        ("AUTH", Some(value)) if value == "<>" || xtext::decode(value).is_some() => {}
        ("SIZE" | "BODY" | "RET" | "ENVID", None) | ("SMTPUTF8", Some(_)) => return Err(form),
        _ => return Err(CommandError::Parameter),
    }
    Ok(())
}

fn rcpt(rest: &str) -> Result<Command<'_>, CommandError> {
    let text = after_word(rest, "TO:").ok_or(CommandError::Syntax(RCPT_FORM))?;
    let (path, rest) = path::parse(text).map_err(|error| path_error(error, RCPT_FORM, CommandError::Recipient))?;
    let address = match path {
        Path::Null => return Err(CommandError::Recipient),
        Path::Postmaster => None,
        Path::Mailbox(address) => Some(address),
    };
    let mut rcpt = Rcpt { address, original: None, notify: None };
    for (key, value) in path::parameters(rest).ok_or(CommandError::Syntax(RCPT_FORM))? {
        let form = CommandError::Syntax(RCPT_FORM);
        match (key.as_str(), value) {
            ("NOTIFY", Some(value)) => rcpt.notify = Some(xtext::notify(value).ok_or(form)?),
            ("ORCPT", Some(value)) => rcpt.original = Some(xtext::original(value, true).ok_or(form)?),
            ("NOTIFY" | "ORCPT", None) => return Err(form),
            _ => return Err(CommandError::Parameter),
        }
    }
    Ok(Command::Rcpt(rcpt))
}

/// `AUTH mechanism [initial-response]`.
fn auth(rest: &str) -> Result<Command<'_>, CommandError> {
    let (word, initial) = rest.split_once(' ').map_or((rest, None), |(word, initial)| (word, Some(initial.trim_start_matches(' '))));
    if word.is_empty() || initial.is_some_and(|initial| initial.is_empty() || initial.contains(' ')) {
        return Err(CommandError::Syntax("Write AUTH, PLAIN or LOGIN, and at most one response in base64"));
    }
    let initial = initial.map(|initial| if initial == "=" { "" } else { initial });
    Ok(Command::Auth { mechanism: Mechanism::from_word(word), initial })
}

/// `BDAT octets [LAST]`.
fn bdat(rest: &str) -> Result<Command<'_>, CommandError> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let size = words.next().and_then(number).ok_or(CommandError::Chunk)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(CommandError::Chunk),
    };
    if words.next().is_some() { Err(CommandError::Chunk) } else { Ok(Command::Bdat { size, last }) }
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
