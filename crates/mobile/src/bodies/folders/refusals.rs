//! Answers to requests that name folders which the phone was not shown, in each command's own words (MS-ASCMD §2.2.3.177).
//!
//! Most say "the folders have changed": a phone that is merely late does a FolderSync and all is well; one that guesses
//! learns nothing, because the words are the same whether the folder is there or not.

use activesync::tags::{estimate, item_operations, meeting, moves};
use activesync::views::folders::named;
use activesync::wbxml::{Document, Element, Writer};
use activesync::{Command, Version};
use activesync::{code_pages::Tag, tags::air_sync};
use http::{Response, StatusCode};

use super::requests::managed;
use crate::answer::{Answer, plain, wbxml};

/// FolderSync: start again from key 0.
const FOLDERS_AGAIN: u8 = 9;
/// Common: the item that is answered or forwarded is not there (§2.2.2).
const SOURCE_NOT_FOUND: u8 = 150;

/// Status 9 of FolderSync.
pub(super) fn folders_again() -> Vec<u8> {
    status_of(Command::FolderSync, FOLDERS_AGAIN)
}

/// "Say all of it": Sync 13, Ping 3.
pub(in crate::bodies) fn say_again(command: Command) -> Response<Answer> {
    wbxml(status_of(command, if command == Command::Ping { 3 } else { 13 }))
}

/// The query names a folder that the phone may not see: the mail that is answered or forwarded is not found there.
pub(super) fn by_query(command: Command, version: Option<Version>) -> Response<Answer> {
    match version {
        Some(version) if version >= Version::COMMON_STATUS && command.status_place().is_some() => {
            wbxml(status_of(command, SOURCE_NOT_FOUND))
        }
        _ => plain(StatusCode::FORBIDDEN),
    }
}

/// The refusal, if the body names a folder that may not be named.
pub(super) fn of(command: Command, version: Option<Version>, document: &Document, may: &dyn Fn(&str) -> bool) -> Option<Response<Answer>> {
    let root = document.root()?;
    let hidden = |element: Element<'_>| !may(&element.text());
    if matches!(command, Command::FolderCreate | Command::FolderUpdate | Command::FolderDelete) {
        let wrong = managed(root).find(|element| hidden(*element))?;
        let parent = wrong.tag() == activesync::tags::folders::PARENT_ID;
        return Some(wbxml(status_of(command, if parent { 5 } else { 4 })));
    }
    let named = named(document);
    if !named.iter().any(|element| hidden(*element)) && !nameless(document) {
        return None;
    }
    Some(match command {
        Command::Sync => wbxml(status_of(command, 12)),
        Command::Ping => wbxml(status_of(command, 7)),
        Command::Find => wbxml(status_of(command, 3)),
        Command::Search => wbxml(search()),
        Command::GetItemEstimate => wbxml(estimates(&named, "2")),
        Command::ItemOperations => wbxml(operations(root)),
        Command::MoveItems => wbxml(moved(root, may)),
        Command::MeetingResponse => wbxml(meetings(root)),
        _ => by_query(command, version),
    })
}

/// A collection without an id: some servers take the default folder of its class then.
fn nameless(document: &Document) -> bool {
    document.elements().any(|element| match element.tag() {
        air_sync::COLLECTION => element.child(air_sync::COLLECTION_ID).is_none(),
        estimate::COLLECTION => element.child(estimate::COLLECTION_ID).is_none() && element.child(air_sync::COLLECTION_ID).is_none(),
        _ => false,
    })
}

pub(in crate::bodies) fn status_of(command: Command, status: u8) -> Vec<u8> {
    let mut writer = Writer::new();
    if let Some(place) = command.status_place() {
        writer.start(place.page, place.root).start(place.page, place.status).text(&status.to_string()).end().end();
    }
    writer.finish()
}

/// `Status` 11 of the store: FolderSync first.
fn search() -> Vec<u8> {
    use activesync::tags::search as s;
    let mut writer = Writer::new();
    open(&mut writer, s::SEARCH);
    text(&mut writer, s::STATUS, "1");
    open(&mut writer, s::RESPONSE);
    open(&mut writer, s::STORE);
    text(&mut writer, s::STATUS, "11");
    writer.finish()
}

/// One status for each collection: 2, its id is not valid; 4, its key is not.
pub(in crate::bodies) fn estimates(named: &[Element<'_>], status: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    open(&mut writer, estimate::GET_ITEM_ESTIMATE);
    for id in named {
        open(&mut writer, estimate::RESPONSE);
        text(&mut writer, estimate::STATUS, status);
        open(&mut writer, estimate::COLLECTION);
        text(&mut writer, estimate::COLLECTION_ID, &id.text());
        writer.end().end();
    }
    if named.is_empty() {
        open(&mut writer, estimate::RESPONSE);
        text(&mut writer, estimate::STATUS, status);
        writer.end();
    }
    writer.finish()
}

/// `Status` 6 for each operation: not found.
fn operations(root: Element<'_>) -> Vec<u8> {
    const KINDS: [Tag; 3] = [item_operations::FETCH, item_operations::EMPTY_FOLDER_CONTENTS, item_operations::MOVE];
    let mut writer = Writer::new();
    open(&mut writer, item_operations::ITEM_OPERATIONS);
    text(&mut writer, item_operations::STATUS, "1");
    open(&mut writer, item_operations::RESPONSE);
    for operation in root.children().filter(|child| KINDS.contains(&child.tag())) {
        open(&mut writer, operation.tag());
        text(&mut writer, item_operations::STATUS, "6");
        for name in [air_sync::COLLECTION_ID, air_sync::SERVER_ID] {
            if let Some(value) = operation.text_of(name) {
                text(&mut writer, name, &value);
            }
        }
        writer.end();
    }
    writer.finish()
}

/// `Status` 1 or 2 where the folder it comes from or goes to may not be named; 7, try again, for the others.
fn moved(root: Element<'_>, may: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let mut writer = Writer::new();
    open(&mut writer, moves::MOVE_ITEMS);
    for wish in root.all(moves::MOVE) {
        let visible = |tag| wish.text_of(tag).is_some_and(|folder| may(&folder));
        let status = match (visible(moves::SRC_FLD_ID), visible(moves::DST_FLD_ID)) {
            (false, _) => "1",
            (true, false) => "2",
            (true, true) => "7",
        };
        open(&mut writer, moves::RESPONSE);
        text(&mut writer, moves::SRC_MSG_ID, &wish.text_of(moves::SRC_MSG_ID).unwrap_or_default());
        text(&mut writer, moves::STATUS, status);
        writer.end();
    }
    writer.finish()
}

/// `Status` 2: no such request.
fn meetings(root: Element<'_>) -> Vec<u8> {
    let mut writer = Writer::new();
    open(&mut writer, meeting::MEETING_RESPONSE);
    for request in root.all(meeting::REQUEST) {
        open(&mut writer, meeting::RESULT);
        text(&mut writer, meeting::REQUEST_ID, &request.text_of(meeting::REQUEST_ID).unwrap_or_default());
        text(&mut writer, meeting::STATUS, "2");
        writer.end();
    }
    writer.finish()
}

fn open(writer: &mut Writer, tag: Tag) {
    writer.start(tag.page, tag.token);
}

fn text(writer: &mut Writer, tag: Tag, value: &str) {
    writer.start(tag.page, tag.token).text(value).end();
}
