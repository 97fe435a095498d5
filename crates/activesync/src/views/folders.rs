//! Folders: what FolderSync tells the phone, and which folders a request names (mobile-gateway.md, `sync_settings`).

use std::borrow::Cow;

use crate::code_pages::Tag;
use crate::tags::{air_sync, estimate, folders, item_operations, meeting, moves, ping};
use crate::wbxml::{Document, Element};

/// One folder in an answer to FolderSync (MS-ASCMD §2.2.1.5).
#[derive(Debug, Clone)]
pub struct Folder<'d> {
    /// `Add`, `Update` or `Delete`: the element to take out when the folder must not be seen.
    pub frame: Element<'d>,
    /// The server's id of it.
    pub id: Cow<'d, str>,
    /// The folder above, `0` at the top; not said of one that is deleted.
    pub parent: Option<Cow<'d, str>>,
    /// Its name; not said of one that is deleted.
    pub name: Option<Cow<'d, str>>,
    /// Its kind by number: 2 the Inbox, 8 the calendar, and so on (MS-ASCMD §2.2.3.186.3).
    pub kind: Option<u64>,
}

/// What an answer to FolderSync says.
#[derive(Debug, Clone)]
pub struct Hierarchy<'d> {
    /// 1 if all is well; 9 sends the phone back to a first FolderSync.
    pub status: Option<Element<'d>>,
    /// The key for the next one.
    pub sync_key: Option<Element<'d>>,
    /// How many changes there are; to be put right when a folder is taken out.
    pub count: Option<Element<'d>>,
    /// The changes.
    pub folders: Vec<Folder<'d>>,
}

/// The kind of folder that can't be hidden: the Inbox (MS-ASCMD §2.2.3.186.3).
pub const INBOX: u64 = 2;

/// The folders of an answer to FolderSync; `None` if the body is something else.
#[must_use]
pub fn hierarchy(document: &Document) -> Option<Hierarchy<'_>> {
    let root = document.root().filter(|root| root.tag() == folders::FOLDER_SYNC)?;
    let changes = root.child(folders::CHANGES);
    let frames = changes.into_iter().flat_map(|changes| changes.children());
    let list = frames.filter(|frame| [folders::ADD, folders::UPDATE, folders::DELETE].contains(&frame.tag()));
    let folders = list.filter_map(|frame| {
        let id = frame.text_of(folders::SERVER_ID)?;
        let (parent, name) = (frame.text_of(folders::PARENT_ID), frame.text_of(folders::DISPLAY_NAME));
        Some(Folder { frame, id, parent, name, kind: frame.number_of(folders::TYPE) })
    });
    Some(Hierarchy {
        status: root.child(folders::STATUS),
        sync_key: root.child(folders::SYNC_KEY),
        count: changes.and_then(|changes| changes.child(folders::COUNT)),
        folders: folders.collect(),
    })
}

/// The elements of a request that name a folder, whatever the command: Sync, Ping, GetItemEstimate, Search, Find,
/// ItemOperations, MoveItems, MeetingResponse, and the source of SmartForward and SmartReply.
#[must_use]
pub fn named(document: &Document) -> Vec<Element<'_>> {
    // Each is the name of a folder wherever it stands in its code page.
    const NAMES: [Tag; 8] = [
        air_sync::COLLECTION_ID,
        ping::ID,
        estimate::COLLECTION_ID,
        meeting::COLLECTION_ID,
        moves::SRC_FLD_ID,
        moves::DST_FLD_ID,
        item_operations::DST_FLD_ID,
        crate::tags::compose::FOLDER_ID,
    ];
    document.elements().filter(|element| NAMES.contains(&element.tag())).collect()
}

/// The heartbeat that a Ping asks for, in seconds (MS-ASCMD §2.2.1.13).
#[must_use]
pub fn heartbeat(document: &Document) -> Option<u64> {
    document.root().filter(|root| root.tag() == ping::PING)?.number_of(ping::HEARTBEAT_INTERVAL)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Budget;

    use super::*;
    use crate::wbxml::{Edits, LIMITS, UnknownTags, Writer};

    fn read(writer: Writer) -> Document {
        Document::parse(Bytes::from(writer.finish()), UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap()
    }

    #[test]
    fn g_10_a_folder_can_be_taken_out_with_its_count() {
        let mut writer = Writer::new();
        writer.start(7, 0x16).start(7, 0x0C).text("1").end().start(7, 0x12).text("7").end().start(7, 0x0E);
        writer.start(7, 0x17).text("3").end();
        for (id, name, kind) in [("1", "Inbox", "2"), ("2", "Diary", "8")] {
            writer.start(7, 0x0F).start(7, 0x08).text(id).end().start(7, 0x09).text("0").end();
            writer.start(7, 0x07).text(name).end().start(7, 0x0A).text(kind).end().end();
        }
        writer.start(7, 0x10).start(7, 0x08).text("9").end().end();
        let document = read(writer);
        let tree = hierarchy(&document).unwrap();
        let told: Vec<_> = tree.folders.iter().map(|f| (&*f.id, f.name.as_deref(), f.kind)).collect();
        assert_eq!(told, [("1", Some("Inbox"), Some(INBOX)), ("2", Some("Diary"), Some(8)), ("9", None, None)]);
        assert_eq!((tree.status.unwrap().number(), tree.sync_key.unwrap().number()), (Some(1), Some(7)));
        let mut edits = Edits::new(&document);
        edits.remove(tree.folders[1].frame.id()).unwrap();
        edits.set(tree.count.unwrap().id(), "2").unwrap();
        let changed = Document::parse(edits.finish().into_bytes(), UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap();
        let tree = hierarchy(&changed).unwrap();
        assert_eq!((tree.folders.len(), tree.count.unwrap().number()), (2, Some(2)));
        assert!(named(&changed).is_empty() && heartbeat(&changed).is_none());
    }

    #[test]
    fn g_10_every_command_that_names_a_folder_is_seen_to() {
        let seen = |page: u8, root: u8, inner: &[(u8, u8)]| {
            let mut writer = Writer::new();
            writer.start(page, root);
            inner.iter().for_each(|(page, token)| {
                writer.start(*page, *token);
            });
            writer.text("5");
            let document = read(writer);
            named(&document).iter().map(|element| element.text().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(seen(0, 0x05, &[(0, 0x1C), (0, 0x0F), (0, 0x12)]), ["5"], "Sync");
        assert_eq!(seen(13, 0x05, &[(13, 0x09), (13, 0x0A), (13, 0x0B)]), ["5"], "Ping");
        assert_eq!(seen(6, 0x05, &[(6, 0x07), (6, 0x08), (0, 0x12)]), ["5"], "GetItemEstimate");
        assert_eq!(seen(6, 0x05, &[(6, 0x07), (6, 0x08), (6, 0x0A)]), ["5"], "GetItemEstimate below 14.0");
        assert_eq!(seen(15, 0x05, &[(15, 0x07), (15, 0x09), (15, 0x13), (0, 0x12)]), ["5"], "Search");
        assert_eq!(seen(25, 0x05, &[(25, 0x07), (25, 0x08), (25, 0x09), (0, 0x12)]), ["5"], "Find");
        assert_eq!(seen(20, 0x05, &[(20, 0x06), (0, 0x12)]), ["5"], "ItemOperations Fetch");
        assert_eq!(seen(20, 0x05, &[(20, 0x12), (0, 0x12)]), ["5"], "ItemOperations EmptyFolderContents");
        assert_eq!(seen(20, 0x05, &[(20, 0x16), (20, 0x17)]), ["5"], "ItemOperations Move");
        assert_eq!(seen(5, 0x05, &[(5, 0x06), (5, 0x08)]), ["5"], "MoveItems from");
        assert_eq!(seen(5, 0x05, &[(5, 0x06), (5, 0x09)]), ["5"], "MoveItems to");
        assert_eq!(seen(8, 0x07, &[(8, 0x09), (8, 0x06)]), ["5"], "MeetingResponse");
        assert_eq!(seen(21, 0x06, &[(21, 0x0B), (21, 0x0C)]), ["5"], "SmartForward");
        assert!(seen(7, 0x16, &[(7, 0x12)]).is_empty(), "a key is no folder");
    }

    #[test]
    fn g_3_a_ping_says_how_long_it_waits() {
        let mut writer = Writer::new();
        writer.start(13, 0x05).start(13, 0x08).text("3540");
        assert_eq!(heartbeat(&read(writer)), Some(3540));
    }
}
