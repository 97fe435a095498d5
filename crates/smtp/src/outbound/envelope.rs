//! MAIL and RCPT as they are written: addresses, and the parameters that a server's extensions allow.
//!
//! DSN parameters are passed on as the client gave them where the server offers DSN (RFC 3461 §5.2.1), and left out where it does
//! not; who owes the sender a report then is the queue's business. An address in UTF-8 goes only to servers that
//! offer SMTPUTF8 (RFC 6531 §3.5); a domain alone is written in A-labels for the others.

use std::fmt::Write;

use model::{Address, Notify, Recipient, Return};

use super::connection::Extensions;
use super::{Content, Transaction};

/// The client asked for SMTPUTF8 and a header has what needs it: a client may say so of any mail (RFC 6531 §3.4).
fn needs_for_header(transaction: &Transaction<'_>) -> bool {
    transaction.smtputf8 && transaction.content.has_utf8_header()
}

/// What of a transaction the server can't take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8 {
    /// Everything may go.
    Fits,
    /// The sender or the header needs SMTPUTF8, so the whole mail does.
    WholeMail,
}

/// True if the address can't be written in US-ASCII.
pub(super) fn needs_utf8(address: &Address) -> bool {
    !address.local().is_ascii()
}

/// True if the mail goes as an internationalised message (RFC 6531 §3.4).
pub(super) fn is_international(transaction: &Transaction<'_>, open: &[bool]) -> bool {
    let recipients = transaction.recipients.iter().zip(open).filter(|(_, open)| **open).map(|(recipient, _)| &recipient.address);
    needs_for_header(transaction) || transaction.sender.into_iter().chain(recipients).any(needs_utf8)
}

/// Does the mail as a whole fit a server without SMTPUTF8?
pub(super) fn without_utf8(transaction: &Transaction<'_>) -> Utf8 {
    if needs_for_header(transaction) || transaction.sender.is_some_and(needs_utf8) { Utf8::WholeMail } else { Utf8::Fits }
}

/// The MAIL command.
pub(super) fn mail(transaction: &Transaction<'_>, extensions: &Extensions, international: bool) -> String {
    let content: &Content = transaction.content;
    let sender = transaction.sender.map(|address| on_the_wire(address, international)).unwrap_or_default();
    let mut line = format!("MAIL FROM:<{sender}>");
    let mut add = |text: &str| {
        line.push(' ');
        line.push_str(text);
    };
    if extensions.size.is_some() {
        add(&format!("SIZE={}", content.bytes().len()));
    }
    if content.eight_bit() {
        add("BODY=8BITMIME");
    }
    if international {
        add("SMTPUTF8");
    }
    if extensions.dsn {
        match transaction.ret {
            Some(Return::Full) => add("RET=FULL"),
            Some(Return::Headers) => add("RET=HDRS"),
            None => {}
        }
        if let Some(id) = transaction.envelope_id {
            add(&format!("ENVID={}", xtext(id)));
        }
    }
    line.push_str("\r\n");
    line
}

/// The RCPT command.
pub(super) fn rcpt(recipient: &Recipient, extensions: &Extensions, international: bool) -> String {
    let mut line = format!("RCPT TO:<{}>", on_the_wire(&recipient.address, international));
    if extensions.dsn {
        if let Some(notify) = recipient.notify {
            let _ = write!(line, " NOTIFY={}", words(notify));
        }
        if let Some(original) = &recipient.original {
            let _ = write!(line, " ORCPT={}", original_recipient(original, international));
        }
    }
    line.push_str("\r\n");
    line
}

fn words(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<&str> = words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

/// `type;address` (RFC 3461 §4.2), of type `utf-8` in the form that the session allows (RFC 6533 §3).
fn original_recipient(original: &str, international: bool) -> String {
    let (kind, address) = original.split_once(';').unwrap_or(("rfc822", original));
    if !kind.eq_ignore_ascii_case("utf-8") {
        return format!("{};{}", xtext(kind), xtext(address));
    }
    let mut text = format!("{kind};");
    let mut rest = address;
    while let Some(next) = rest.chars().next() {
        // What is written as \x{HEX} already stays so.
        let kept = embedded(rest).unwrap_or(0);
        if kept > 0 {
            text.push_str(rest.get(..kept).unwrap_or_default());
            rest = rest.get(kept..).unwrap_or_default();
            continue;
        }
        let plain = next.is_ascii_graphic() && !"+=\\".contains(next);
        if plain || (international && !next.is_ascii() && !next.is_control()) {
            text.push(next);
        } else {
            let _ = write!(text, "\\x{{{:02X}}}", u32::from(next));
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    text
}

/// Length of an EmbeddedUnicodeChar at the beginning (RFC 6533 §3).
fn embedded(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\\x{")?.split_once('}')?.0;
    let fits = (2..=6).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    fits.then_some(digits.len() + 4)
}

/// RFC 3461 §4.
fn xtext(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, octet| {
        if octet.is_ascii_graphic() && octet != b'+' && octet != b'=' {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "+{octet:02X}");
        }
        out
    })
}

/// The address; its domain as A-labels unless the mail is international.
pub(super) fn on_the_wire(address: &Address, international: bool) -> String {
    if address.needs_utf8() && !international { format!("{}@{}", address.local(), address.domain_key()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const ALL: Extensions = Extensions {
        pipelining: true,
        eight_bit: true,
        size: Some(0),
        start_tls: true,
        dsn: true,
        smtputf8: true,
        plain: false,
        login: false,
    };
    const NONE: Extensions = Extensions {
        pipelining: false,
        eight_bit: false,
        size: None,
        start_tls: false,
        dsn: false,
        smtputf8: false,
        plain: false,
        login: false,
    };

    fn recipient(address: &str, original: Option<&str>, notify: Option<Notify>) -> Recipient {
        Recipient { address: Address::parse(address).unwrap(), original: original.map(str::to_owned), notify }
    }

    #[test]
    fn m_t3_dsn_parameters_go_where_dsn_is_offered() {
        let content = Content::new(Bytes::from_static(b"x\r\n")).unwrap();
        let sender = Address::parse("a@company.example").unwrap();
        let asked = Transaction {
            sender: Some(&sender),
            recipients: &[],
            content: &content,
            ret: Some(Return::Headers),
            envelope_id: Some("id+1 =ü"),
            smtputf8: false,
        };
        assert_eq!(mail(&asked, &ALL, false), "MAIL FROM:<a@company.example> SIZE=3 RET=HDRS ENVID=id+2B1+20+3D+C3+BC\r\n");
        assert_eq!(mail(&asked, &NONE, false), "MAIL FROM:<a@company.example>\r\n");
        let some =
            recipient("b@partner.example", Some("rfc822;b+x@old.example"), Some(Notify { success: true, failure: false, delay: true }));
        assert_eq!(rcpt(&some, &ALL, false), "RCPT TO:<b@partner.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx@old.example\r\n");
        assert_eq!(rcpt(&some, &NONE, false), "RCPT TO:<b@partner.example>\r\n");
        assert_eq!(rcpt(&recipient("b@p.example", None, Some(Notify::NEVER)), &ALL, false), "RCPT TO:<b@p.example> NOTIFY=NEVER\r\n");
        assert_eq!(rcpt(&recipient("b@p.example", None, None), &ALL, false), "RCPT TO:<b@p.example>\r\n");
    }

    #[test]
    fn x_8_out_no_parameter_breaks_the_line() {
        let evil = recipient("b@p.example", Some("rfc822;b\r\nDATA"), None);
        assert_eq!(rcpt(&evil, &ALL, false), "RCPT TO:<b@p.example> ORCPT=rfc822;b+0D+0ADATA\r\n");
        let evil = recipient("b@p.example", Some("utf-8;b\r\nDATA\u{85}"), None);
        assert_eq!(rcpt(&evil, &ALL, true), "RCPT TO:<b@p.example> ORCPT=utf-8;b\\x{0D}\\x{0A}DATA\\x{85}\r\n");
        let evil = recipient("b@p.example", Some("a\r\nb;c"), None);
        assert_eq!(rcpt(&evil, &ALL, false), "RCPT TO:<b@p.example> ORCPT=a+0D+0Ab;c\r\n");
    }

    #[test]
    fn m_t3_addresses_in_utf8() {
        let domain = recipient("b@bücher.example", None, None);
        assert_eq!(rcpt(&domain, &ALL, false), "RCPT TO:<b@xn--bcher-kva.example>\r\n");
        let whole = recipient("jürgen@bücher.example", Some("utf-8;jürgen+x@b\\x{FC}cher.example"), None);
        assert!(needs_utf8(&whole.address) && !needs_utf8(&domain.address));
        assert_eq!(rcpt(&whole, &ALL, true), "RCPT TO:<jürgen@bücher.example> ORCPT=utf-8;jürgen\\x{2B}x@b\\x{FC}cher.example\r\n");
        let down = original_recipient("utf-8;jürgen@b.example", false);
        assert_eq!(down, "utf-8;j\\x{FC}rgen@b.example");
    }
}
