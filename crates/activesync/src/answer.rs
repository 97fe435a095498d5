//! Answers that the gate gives on its own, in the protocol's words (mobile-gateway.md G-8; MS-ASCMD §2.2.2).

use bytes::Bytes;
use model::Budget;

use crate::code_pages::Tag;
use crate::command::StatusPlace;
use crate::wbxml::{Document, LIMITS, UnknownTags, Writer};
use crate::{Command, Version};

/// Common status: this user may not synchronise (MS-ASCMD §2.2.2).
pub const USER_DISABLED: u8 = 126;

/// Common status: this device is blocked for this user (MS-ASCMD §2.2.2).
pub const DEVICE_BLOCKED: u8 = 129;
/// Common status: access denied (MS-ASCMD §2.2.2).
pub const ACCESS_DENIED: u8 = 130;
/// Common status: the account is disabled (MS-ASCMD §2.2.2).
pub const ACCOUNT_DISABLED: u8 = 131;
/// Ping's status for "the heartbeat ended and nothing changed": the phone sends its Ping again (MS-ASCMD §2.2.3.177.11).
pub const PING_NOTHING: u8 = 1;

/// The media type of WBXML bodies (MS-ASHTTP §2.2.1.1.2).
pub const CONTENT_TYPE: &str = "application/vnd.ms-sync.wbxml";

/// The body that says `status` in the command's root; `None` when the phone would not understand it: the version is
/// below 14.0 or not named, or the command does not answer in WBXML. Then the answer is 403 without a body.
#[must_use]
pub fn refused(command: Command, version: Option<Version>, status: u8) -> Option<Vec<u8>> {
    version.filter(|version| *version >= Version::COMMON_STATUS)?;
    command.status_place().map(|place| with_status(place, status))
}

/// The answer of a Ping whose heartbeat ended. Every version understands it.
#[must_use]
pub fn ping_ended() -> Vec<u8> {
    Command::Ping.status_place().map_or_else(Vec::new, |place| with_status(place, PING_NOTHING))
}

/// What an answer to this command says in its root's `Status`; `None` if it says none, or is no such answer.
#[must_use]
pub fn status(command: Command, body: &Bytes) -> Option<u64> {
    let place = command.status_place()?;
    let document = Document::parse(body.clone(), UnknownTags::Keep, &Budget::new(LIMITS)).ok()?;
    let root = document.root().filter(|root| root.tag() == Tag::new(place.page, place.root))?;
    root.number_of(Tag::new(place.page, place.status))
}

fn with_status(place: StatusPlace, status: u8) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start(place.page, place.root).start(place.page, place.status).text(&status.to_string()).end().end();
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_8_status_in_the_root_from_14_0_on() {
        let v = Version::parse;
        assert_eq!(refused(Command::FolderSync, v("14.0"), 129).unwrap(), b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x03129\x00\x01\x01");
        assert_eq!(refused(Command::Sync, v("16.1"), 130).unwrap(), b"\x03\x01\x6a\x00\x45\x4e\x03130\x00\x01\x01");
        assert_eq!(refused(Command::Sync, v("12.1"), 129), None);
        assert_eq!(refused(Command::Sync, None, 129), None);
        assert_eq!(refused(Command::GetAttachment, v("14.1"), 129), None);
        for version in ["14.0", "16.1"] {
            for (command, code) in [(Command::FolderSync, 129), (Command::Sync, 126), (Command::Provision, 131)] {
                let said = Bytes::from(refused(command, v(version), code).unwrap());
                assert_eq!((status(command, &said), status(Command::Search, &said)), (Some(code.into()), None));
            }
        }
        assert_eq!(status(Command::Sync, &Bytes::from_static(b"no WBXML")), None);
        assert_eq!(ping_ended(), b"\x03\x01\x6a\x00\x00\x0d\x45\x47\x031\x00\x01\x01");
    }
}
