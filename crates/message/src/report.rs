//! Delivery status notifications: what a sender is told about a mail that did not arrive, or waits.
//!
//! Builds the machine-readable part (RFC 3464) and the whole multipart/report (RFC 6522). The text for
//! people comes from a template, the codes from the queue. The returned content is headers only
//! (text/rfc822-headers, RFC 6522 §4) unless the caller gives the whole message; of a message that we opened
//! it must be headers only (mail-gateway.md M-T7).

use std::fmt::Write;

use bytes::Bytes;
use model::{Address, Timestamp};

use crate::build::{Builder, Entity, Multipart};
use crate::text;

/// What became of the message for one recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It will not be delivered.
    Failed,
    /// It waits and is tried again.
    Delayed,
    /// It is in the mailbox.
    Delivered,
    /// It was handed to a system that reports nothing more.
    Relayed,
    /// It was delivered to a list or several addresses.
    Expanded,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}

/// One recipient's fields (RFC 3464 §2.3).
#[derive(Debug, Clone)]
pub struct RecipientStatus {
    /// ORCPT as it came (`rfc822;name@domain`), if it did.
    pub original: Option<String>,
    /// The recipient that was tried.
    pub recipient: Address,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code, `5.1.1` (RFC 3463).
    pub status: String,
    /// The server that answered.
    pub remote: Option<String>,
    /// Its reply, code and text.
    pub diagnostic: Option<String>,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
    /// Until when it is tried again, if it is delayed.
    pub retry_until: Option<Timestamp>,
}

/// The machine-readable part (RFC 3464 §2.2).
#[derive(Debug, Clone)]
pub struct DeliveryStatus {
    /// Name of this gateway.
    pub reporting: String,
    /// ENVID of the envelope, if it came with one.
    pub envelope_id: Option<String>,
    /// When the mail came.
    pub arrival: Option<Timestamp>,
    /// Each recipient that the report is about.
    pub recipients: Vec<RecipientStatus>,
}

/// What of the mail goes back.
#[derive(Debug, Clone, Copy)]
pub enum Returned<'a> {
    /// Its header section.
    Headers(&'a [u8]),
    /// All of it; never of a mail that we opened.
    Whole(&'a [u8]),
}

impl DeliveryStatus {
    /// The lines of the message/delivery-status part.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut out = String::new();
        line(&mut out, "Reporting-MTA", Some(format!("dns; {}", self.reporting)));
        line(&mut out, "Original-Envelope-Id", self.envelope_id.clone());
        line(&mut out, "Arrival-Date", self.arrival.map(Timestamp::rfc5322));
        for recipient in &self.recipients {
            out.push_str("\r\n");
            recipient.lines(&mut out);
        }
        out
    }
}

impl RecipientStatus {
    fn lines(&self, out: &mut String) {
        // RFC 6533 §3: an address beyond ASCII has a type of its own.
        let kind = if self.recipient.needs_utf8() { "utf-8" } else { "rfc822" };
        line(out, "Original-Recipient", self.original.clone());
        line(out, "Final-Recipient", Some(format!("{kind}; {}", self.recipient)));
        line(out, "Action", Some(self.action.word().to_owned()));
        line(out, "Status", Some(self.status.clone()));
        line(out, "Remote-MTA", self.remote.as_ref().map(|name| format!("dns; {name}")));
        line(out, "Diagnostic-Code", self.diagnostic.as_ref().map(|reply| format!("smtp; {reply}")));
        line(out, "Last-Attempt-Date", self.last_attempt.map(Timestamp::rfc5322));
        let until = self.retry_until.filter(|_| self.action == Action::Delayed);
        line(out, "Will-Retry-Until", until.map(Timestamp::rfc5322));
    }
}

/// One field on one line, without control characters; long replies are cut.
fn line(out: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value {
        let value: String = text::plain(&value).chars().take(700).collect();
        // Writing to a String can't fail.
        let _ = write!(out, "{name}: {value}\r\n");
    }
}

/// Adds report, status and returned content to a mail that has its header fields already.
///
/// `people` is the text from the template. The caller sends it with the null sender, and marks it
/// `Auto-Submitted: auto-replied` (RFC 3834 §5): this function adds that field.
#[must_use]
pub fn delivery(mail: Builder, people: &str, status: &DeliveryStatus, returned: Option<Returned<'_>>) -> Bytes {
    let lines = status.lines();
    let kind = if lines.is_ascii() { "message/delivery-status" } else { "message/global-delivery-status" };
    let mut mail = mail
        .header("Auto-Submitted", "auto-replied")
        .text(people)
        .multipart(Multipart::Report("delivery-status"))
        .part(Entity::lines(kind, lines.as_bytes()));
    match returned {
        Some(Returned::Headers(lines)) => mail = mail.part(Entity::lines("text/rfc822-headers", lines)),
        Some(Returned::Whole(message)) => mail = mail.part(Entity::message(message)),
        None => {}
    }
    mail.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;
    use model::Budget;

    fn status(diagnostic: &str) -> DeliveryStatus {
        DeliveryStatus {
            reporting: "gate.company.example".into(),
            envelope_id: Some("QQ1".into()),
            arrival: Some(Timestamp(1_795_297_474_000_000)),
            recipients: vec![RecipientStatus {
                original: Some("rfc822;bob@partner.example".into()),
                recipient: Address::parse("bob@partner.example").unwrap(),
                action: Action::Failed,
                status: "5.1.1".into(),
                remote: Some("mx.partner.example".into()),
                diagnostic: Some(diagnostic.into()),
                last_attempt: None,
                retry_until: Some(Timestamp(0)),
            }],
        }
    }

    #[test]
    fn m_t7_a_bounce_is_a_report_with_headers_only() {
        let budget = Budget::default();
        let original = Message::parse(Bytes::from_static(b"From: a@b.example\r\nSubject: s\r\n\r\nsecret body"), &budget).unwrap();
        let mail = delivery(
            Builder::new().header("Subject", "Undelivered"),
            "Sorry.\n",
            &status("550 no\r\nsuch: user"),
            Some(Returned::Headers(original.header())),
        );
        let report = Message::parse(mail, &budget).unwrap();
        let types: Vec<String> = report.parts().map(|part| part.content_type.to_string()).collect();
        assert_eq!(types, ["multipart/report", "text/plain", "message/delivery-status", "text/rfc822-headers"]);
        assert_eq!(report.root().content_type.param("report-type"), Some("delivery-status"));
        let fields = String::from_utf8(report.part("1.2").unwrap().body(&report).to_vec()).unwrap();
        let expected = "Reporting-MTA: dns; gate.company.example\r\nOriginal-Envelope-Id: QQ1\r\nArrival-Date: Sat, 21 Nov 2026 21:44:34 +0000\r\n\r\n\
             Original-Recipient: rfc822;bob@partner.example\r\nFinal-Recipient: rfc822; bob@partner.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
             Remote-MTA: dns; mx.partner.example\r\nDiagnostic-Code: smtp; 550 no  such: user\r\n";
        assert_eq!(fields, expected, "x_10: a server's reply begins no field; no retry date on a failure");
        assert!(!report.bytes().windows(6).any(|w| w == b"secret"), "x_3: no body goes back");
    }
}
