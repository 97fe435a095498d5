//! The SMTP face of a `model::Fault`: which three digits and which status a fault has.
//!
//! The words come from the caller, who looked them up; the private cause never comes here.

use model::{Fault, Guilty};

use super::Reply;

/// Codes whose reply the standards or our manual fix. All others follow from who is at fault.
const TABLE: &[(&str, u16, &str)] = &[
    ("mail-too-large", 552, "5.3.4"),
    ("too-many-recipients", 452, "4.5.3"),
    ("memory", 452, "4.3.1"),
    ("disk-full", 452, "4.3.1"),
    ("relay-denied", 550, "5.7.1"),
    ("sender-not-allowed", 550, "5.7.1"),
    ("no-such-recipient", 550, "5.1.1"),
    ("recipient-unsure", 450, "4.4.1"),
    ("no-such-domain", 550, "5.1.2"),
    ("overloaded", 421, "4.3.2"),
    ("too-many-sessions", 421, "4.3.2"),
    ("too-many-sessions-of-peer", 421, "4.7.0"),
    ("mail-loop", 554, "5.4.6"),
    ("dmarc-refused", 550, "5.7.1"),
    ("author-unclear", 550, "5.7.1"),
    ("mail-header-too-large", 554, "5.6.0"),
    ("sign-in-failed", 535, "5.7.8"),
    ("directory-away", 454, "4.7.0"),
    ("too-many-connections-of-peer", 421, "4.7.0"),
    ("too-many-parts", 554, "5.6.0"),
    ("too-deep", 554, "5.6.0"),
    ("bare-newline", 550, "5.6.11"),
    ("access-rejected", 554, "5.7.1"),
    ("block-listed", 554, "5.7.1"),
    ("helo-not-qualified", 550, "5.7.1"),
    ("helo-unknown", 550, "5.7.1"),
    ("client-without-name", 550, "5.7.25"),
    ("client-name-unconfirmed", 550, "5.7.25"),
    ("sender-domain-unknown", 550, "5.1.8"),
    ("sender-domain-takes-no-mail", 550, "5.7.27"),
    ("sender-unsure", 451, "4.4.3"),
    ("greylisted", 451, "4.7.1"),
    ("keys-being-made", 420, "4.7.0"),
];

/// The reply that says `fault` to a client, with `text` for its words.
///
/// A permanent fault of ours or of our settings is told as temporary: the sender can do nothing about it,
/// and its mail must not bounce for our mistake.
#[must_use]
pub fn reply_for(fault: &Fault, text: &str) -> Reply {
    if let Some((_, code, status)) = TABLE.iter().find(|(name, ..)| *name == fault.code) {
        return Reply::new(*code, status, text);
    }
    let (code, status) = match (fault.guilty, fault.temporary) {
        (Guilty::Sender, false) => (554, "5.6.0"),
        (Guilty::Sender, true) => (450, "4.7.0"),
        (Guilty::NextHop, false) => (554, "5.4.0"),
        (Guilty::NextHop, true) => (451, "4.4.0"),
        (Guilty::Configuration, _) => (451, "4.3.5"),
        (Guilty::Ourselves, _) => (451, "4.3.0"),
    };
    Reply::new(code, status, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t6_a_fault_has_one_reply() {
        let large = Fault::permanent(Guilty::Sender, "mail-too-large", "51 MB");
        assert_eq!(reply_for(&large, "too large").to_string(), "552 5.3.4 too large");
        let crowd = Fault::permanent(Guilty::Sender, "too-many-recipients", "1001");
        assert_eq!(reply_for(&crowd, "x").code(), 452);
        let ours = Fault::permanent(Guilty::Ourselves, "something-new", "secret cause");
        assert_eq!(reply_for(&ours, "later").to_string(), "451 4.3.0 later");
        assert_eq!(reply_for(&Fault::temporary(Guilty::NextHop, "x", ""), "").code(), 451);
    }

    #[test]
    fn every_table_row_is_a_sound_reply() {
        for (name, code, status) in TABLE {
            let reply = Reply::new(*code, status, name);
            assert_eq!((reply.code(), reply.status()), (*code, *status));
            assert_eq!(reply.status().as_bytes()[0], b'0' + u8::try_from(code / 100).unwrap());
        }
    }
}
