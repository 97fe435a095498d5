//! The commands of ActiveSync and what the gate must know of each (MS-ASHTTP §2.2.1.1.1, MS-ASWBXML §2.1.2.1).

use std::fmt;

use serde::{Serialize, Serializer};

/// Every command, from protocol 2.5 to 16.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the protocol's own")]
pub enum Command {
    Sync,
    SendMail,
    SmartForward,
    SmartReply,
    GetAttachment,
    GetHierarchy,
    CreateCollection,
    DeleteCollection,
    MoveCollection,
    FolderSync,
    FolderCreate,
    FolderDelete,
    FolderUpdate,
    MoveItems,
    GetItemEstimate,
    MeetingResponse,
    Search,
    Settings,
    Ping,
    ItemOperations,
    Provision,
    ResolveRecipients,
    ValidateCert,
    Find,
}

/// Where a command's answer says its status: code page, token of the root, token of `Status` (MS-ASWBXML §2.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusPlace {
    /// Code page of both.
    pub page: u8,
    /// The root element.
    pub root: u8,
    /// `Status` inside it.
    pub status: u8,
}

/// What is known of one command.
struct Entry {
    command: Command,
    name: &'static str,
    place: Option<StatusPlace>,
    harmless: bool,
}

const fn entry(command: Command, name: &'static str, place: Option<StatusPlace>, harmless: bool) -> Entry {
    Entry { command, name, place, harmless }
}

const fn at(page: u8, root: u8, status: u8) -> Option<StatusPlace> {
    Some(StatusPlace { page, root, status })
}

/// In the order of the base64 query's command codes, 0 to 23.
///
/// Harmless to repeat is what changes nothing at the server, and FolderSync, whose key the phone itself may send twice.
const TABLE: [Entry; 24] = [
    entry(Command::Sync, "Sync", at(0, 0x05, 0x0E), false),
    entry(Command::SendMail, "SendMail", at(21, 0x05, 0x12), false),
    entry(Command::SmartForward, "SmartForward", at(21, 0x06, 0x12), false),
    entry(Command::SmartReply, "SmartReply", at(21, 0x07, 0x12), false),
    entry(Command::GetAttachment, "GetAttachment", None, true),
    entry(Command::GetHierarchy, "GetHierarchy", None, true),
    entry(Command::CreateCollection, "CreateCollection", None, false),
    entry(Command::DeleteCollection, "DeleteCollection", None, false),
    entry(Command::MoveCollection, "MoveCollection", None, false),
    entry(Command::FolderSync, "FolderSync", at(7, 0x16, 0x0C), true),
    entry(Command::FolderCreate, "FolderCreate", at(7, 0x13, 0x0C), false),
    entry(Command::FolderDelete, "FolderDelete", at(7, 0x14, 0x0C), false),
    entry(Command::FolderUpdate, "FolderUpdate", at(7, 0x15, 0x0C), false),
    entry(Command::MoveItems, "MoveItems", at(5, 0x05, 0x0B), false),
    entry(Command::GetItemEstimate, "GetItemEstimate", at(6, 0x05, 0x0E), true),
    entry(Command::MeetingResponse, "MeetingResponse", at(8, 0x07, 0x0B), false),
    entry(Command::Search, "Search", at(15, 0x05, 0x0C), true),
    entry(Command::Settings, "Settings", at(18, 0x05, 0x06), false),
    entry(Command::Ping, "Ping", at(13, 0x05, 0x07), true),
    entry(Command::ItemOperations, "ItemOperations", at(20, 0x05, 0x0D), false),
    entry(Command::Provision, "Provision", at(14, 0x05, 0x0B), false),
    entry(Command::ResolveRecipients, "ResolveRecipients", at(10, 0x05, 0x07), true),
    entry(Command::ValidateCert, "ValidateCert", at(11, 0x05, 0x0A), true),
    entry(Command::Find, "Find", at(25, 0x05, 0x0A), true),
];

impl Command {
    /// All commands, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.command)
    }

    /// From the base64 query's code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.get(usize::from(code)).map(|entry| entry.command)
    }

    /// From `Cmd=`, in any letter case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)).map(|entry| entry.command)
    }

    fn entry(self) -> Option<&'static Entry> {
        TABLE.get(self as usize)
    }

    /// The name as the protocol writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// Where its answer says a status; `None` when it does not answer in WBXML (or only below protocol 14.0).
    #[must_use]
    pub fn status_place(self) -> Option<StatusPlace> {
        self.entry().and_then(|entry| entry.place)
    }

    /// True if sending it twice does what sending it once does.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        self.entry().is_some_and(|entry| entry.harmless)
    }

    /// True if the server may hold its answer back until something happens (MS-ASCMD §2.2.1.13, §2.2.1.21).
    #[must_use]
    pub fn may_hang(self) -> bool {
        matches!(self, Self::Ping | Self::Sync)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        for (code, command) in Command::all().enumerate() {
            assert_eq!(command as usize, code);
            assert_eq!(Command::from_code(u8::try_from(code).unwrap()), Some(command));
            assert_eq!(Command::from_name(&command.name().to_lowercase()), Some(command));
        }
        assert_eq!(Command::from_code(24), None);
        assert_eq!(Command::from_name("Sync2"), None);
    }

    #[test]
    fn g_4_what_sends_or_moves_is_never_repeated() {
        use Command as C;
        let sends = [C::Sync, C::SendMail, C::SmartForward, C::SmartReply, C::MoveItems, C::FolderCreate, C::FolderDelete];
        assert!(sends.iter().all(|command| !command.is_harmless()));
        assert!(!C::ItemOperations.is_harmless(), "it may empty a folder");
        assert!(C::Ping.is_harmless());
    }
}
