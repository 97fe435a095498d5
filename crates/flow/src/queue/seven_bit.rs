//! Mail with 8-bit content for a server that takes none: converted on the way out (RFC 6152 §3).
//!
//! Only where the server does not offer 8BITMIME, and only after everything else about the mail is decided: a signature of a domain
//! (DKIM) over the 8-bit form does not survive it, which receivers treat as no signature (RFC 6376 §6.1). What
//! is signed or encrypted by S/MIME or OpenPGP stays as it is and is refused as before.

use bytes::Bytes;
use message::{Message, entity};
use model::{Budget, Limits, Outcome};
use smtp::outbound::Content;

/// The outcome of every recipient says that the content does not fit the server.
pub(super) fn is_wanted(outcomes: &[Outcome]) -> bool {
    let unfit =
        |outcome: &Outcome| matches!(outcome, Outcome::NotDone { temporary: false, status, by, .. } if status == "5.6.3" && by.is_empty());
    !outcomes.is_empty() && outcomes.iter().all(unfit)
}

/// The same mail in 7 bits; `None` if there is no such form of it.
pub(super) fn form(content: &Bytes) -> Option<Content> {
    let budget = Budget::new(Limits::default());
    let message = Message::parse(content.clone(), &budget).ok()?;
    let safe = entity::seven_bit(&entity::of(&message), &budget).ok()?;
    let mut edit = message.edit();
    edit.replace_entity(safe);
    let content = Content::new(edit.finish()).ok()?;
    (!content.eight_bit()).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t3_eight_bits_become_seven_and_signed_parts_stay() {
        let mail = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n";
        let seven = form(&Bytes::from(mail)).unwrap();
        let text = String::from_utf8(seven.bytes().to_vec()).unwrap();
        assert!(text.starts_with("Subject: x\r\n") && text.contains("Encoding: base64") && text.contains("R3LDvMOfZQ0K"), "{text}");
        let signed = "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n";
        assert!(form(&Bytes::from(signed)).is_none());
        assert!(form(&Bytes::from("Subject: Grüße\r\n\r\nx\r\n")).is_none(), "a header in UTF-8 has no such form");
        assert!(!is_wanted(&[]) && !is_wanted(&[Outcome::Done { reply: String::new() }]));
    }
}
