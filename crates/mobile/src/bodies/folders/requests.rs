//! What a request says about folders, command by command (MS-ASCMD §2.2.1).

use activesync::tags::{air_sync, folders};
use activesync::wbxml::{Document, Element};
use activesync::{Command, Version};
use bytes::Bytes;
use model::Fault;

use super::of_phone;

/// What there is to judge in a request.
pub(super) enum Wanted {
    /// No folder can be named in it.
    Nothing,
    /// An empty body: as before.
    Again,
    /// This body.
    Body(Document),
}

/// A folder that the phone makes.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) kind: Option<u64>,
    pub(super) name: String,
}

/// True for the commands whose bodies name folders.
pub(super) const fn names_folders(command: Command) -> bool {
    !matches!(
        command,
        Command::SendMail
            | Command::GetAttachment
            | Command::GetHierarchy
            | Command::CreateCollection
            | Command::DeleteCollection
            | Command::MoveCollection
            | Command::Settings
            | Command::Provision
            | Command::ResolveRecipients
            | Command::ValidateCert
    )
}

/// Reads a request's body as far as it is to be judged.
///
/// # Errors
/// The phone's fault: it can't be read.
pub(super) fn wanted(command: Command, version: Option<Version>, body: &Bytes) -> Result<Wanted, Fault> {
    if !names_folders(command) {
        return Ok(Wanted::Nothing);
    }
    // Below 14.0 the body is the mail itself and the query names its source; there the caller has looked.
    let mail = matches!(command, Command::SmartForward | Command::SmartReply);
    if mail && version.is_none_or(|version| version < Version::COMMON_STATUS) && body.first() != Some(&0x03) {
        return Ok(Wanted::Nothing);
    }
    match command {
        Command::Sync | Command::Ping if body.is_empty() => Ok(Wanted::Again),
        _ => of_phone(body).map(Wanted::Body),
    }
}

/// True if a FolderSync asks for all folders: its key is 0, or not there.
pub(super) fn is_first(document: &Document) -> bool {
    let key = document.root().and_then(|root| root.text_of(folders::SYNC_KEY));
    key.is_none_or(|key| key.trim() == "0")
}

/// The folder that a FolderCreate makes.
pub(super) fn created(command: Command, document: &Document) -> Option<Created> {
    let root = document.root().filter(|_| command == Command::FolderCreate)?;
    let name = root.text_of(folders::DISPLAY_NAME).unwrap_or_default().into_owned();
    Some(Created { kind: root.number_of(folders::TYPE), name })
}

/// True for a Sync that names only what has changed against the last one (MS-ASCMD §2.2.3.129).
pub(in crate::bodies) fn adds_to_the_last(command: Command, document: &Document) -> bool {
    let root = document.root().filter(|_| command == Command::Sync);
    root.is_some_and(|root| root.child(air_sync::PARTIAL).is_some() || root.child(air_sync::COLLECTIONS).is_none())
}

/// The folders that FolderCreate, FolderUpdate and FolderDelete name. `0` is the top, which everybody knows.
pub(super) fn managed<'d>(root: Element<'d>) -> impl Iterator<Item = Element<'d>> + use<'d> {
    let named = root.children().filter(|child| [folders::SERVER_ID, folders::PARENT_ID].contains(&child.tag()));
    named.filter(|child| child.tag() == folders::SERVER_ID || child.text().trim() != "0")
}
