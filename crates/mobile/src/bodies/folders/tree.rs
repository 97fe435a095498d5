//! What phones see of folders: in FolderSync, in hits of Search and Find, in the list of protocol 2.5.

use std::collections::HashSet;

use activesync::code_pages::Tag;
use activesync::tags::{air_sync, find, folders, search};
use activesync::views::folders::{Folder, Hierarchy};
use activesync::wbxml::{Document, Edits, Element, NodeId};
use bytes::Bytes;

use super::Rule;
use super::known::{Hierarchies, Shown};
use super::requests::Created;
use crate::gate::MobileGate;
use crate::identify::Asked;

/// What a device sees after an answer.
pub(super) struct Seen {
    /// Hashes of the ids of all folders that it knows then.
    pub(super) ids: Vec<u64>,
    /// What is to be taken out of the answer.
    pub(super) hidden: Vec<NodeId>,
}

/// Judges the folders of an answer. `before`: what the device was shown already. `None` when a folder that it knows is
/// hidden now, or one that was hidden is not any more.
pub(super) fn seen(hierarchy: &Hierarchy<'_>, rule: &Rule, all: &Hierarchies, before: Option<&Shown>) -> Option<Seen> {
    let mut ids: HashSet<u64> = before.map(|before| before.ids().collect()).unwrap_or_default();
    let known = ids.clone();
    let told: Vec<&Folder<'_>> = hierarchy.folders.iter().filter(|folder| folder.frame.tag() != folders::DELETE).collect();
    let shown = shown(&told, rule, all, &known);
    let mut hidden = Vec::new();
    for folder in &hierarchy.folders {
        let id = all.hash(&folder.id);
        let visible = shown.contains(&id);
        match folder.frame.tag() {
            folders::DELETE if known.contains(&id) => drop(ids.remove(&id)),
            folders::ADD if visible => drop(ids.insert(id)),
            folders::UPDATE if visible && known.contains(&id) => {}
            folders::UPDATE if visible => return None,
            // A change of one that was hidden, or a new one that is.
            _ if !known.contains(&id) => hidden.push(folder.frame.id()),
            _ => return None,
        }
    }
    Some(Seen { ids: ids.into_iter().collect(), hidden })
}

/// The ids of those that are neither hidden themselves nor below one that is. A folder above may stand behind those below
/// it, so it is gone through until nothing changes: as often as folders are deep.
fn shown(told: &[&Folder<'_>], rule: &Rule, all: &Hierarchies, known: &HashSet<u64>) -> HashSet<u64> {
    let in_answer: HashSet<u64> = told.iter().map(|folder| all.hash(&folder.id)).collect();
    let mut waiting: Vec<&Folder<'_>> =
        told.iter().copied().filter(|folder| !rule.hides(folder.kind, folder.name.as_deref().unwrap_or_default())).collect();
    let mut shown = HashSet::new();
    // The Inbox is shown wherever it is.
    for inbox in waiting.iter().filter(|folder| folder.kind == Some(model::site::INBOX)) {
        shown.insert(all.hash(&inbox.id));
    }
    loop {
        let before = waiting.len();
        waiting.retain(|folder| {
            let parent = folder.parent.as_deref().unwrap_or("0");
            let above = all.hash(parent);
            let visible = parent == "0" || shown.contains(&above) || (!in_answer.contains(&above) && known.contains(&above));
            if visible {
                shown.insert(all.hash(&folder.id));
            }
            !visible
        });
        if waiting.is_empty() || waiting.len() == before {
            return shown;
        }
    }
}

/// The answer without these folders, its count put right; `None` if none is taken out.
pub(super) fn without(document: &Document, hierarchy: &Hierarchy<'_>, hidden: &[NodeId]) -> Option<Bytes> {
    if hidden.is_empty() {
        return None;
    }
    let mut edits = Edits::new(document);
    for frame in hidden {
        // The root is no folder and each frame is there, so no edit can fail; one that did would show the folder.
        edits.remove(*frame).ok()?;
    }
    if let Some(count) = hierarchy.count {
        let left = hierarchy.folders.len().saturating_sub(hidden.len());
        edits.set(count.id(), left.to_string()).ok()?;
    }
    Some(edits.finish().into_bytes())
}

/// Takes note of a folder that the phone has made.
pub(super) fn new_folder(gate: &MobileGate, asked: &Asked, rule: &Rule, created: &Created, (document, shown): (&Document, Option<&Shown>)) {
    let root = document.root().filter(|root| root.number_of(folders::STATUS) == Some(1));
    let (Some(id), Some(shown)) = (root.and_then(|root| root.text_of(folders::SERVER_ID)), shown) else { return };
    if rule.hides(created.kind, &created.name) {
        // It has made a folder that it may not see: it learns so by a first FolderSync.
        return gate.hierarchies.forget(asked);
    }
    let ids = shown.ids().chain([gate.hierarchies.hash(&id)]).collect();
    gate.hierarchies.remember(asked, Shown::new(rule.number, ids, Some(shown)));
}

/// An answer of Search or Find without hits in folders that the device was not shown; `None` if it stays. Hits of the
/// address book and of document libraries have no folder, and no id by which mail is fetched.
pub(super) fn hits(document: &Document, may: &dyn Fn(&str) -> bool) -> Option<Bytes> {
    let root = document.root()?;
    let (list, result, range, total) = match root.tag() {
        search::SEARCH => (root.path(&[search::RESPONSE, search::STORE])?, search::RESULT, search::RANGE, search::TOTAL),
        find::FIND => (root.child(find::RESPONSE)?, find::RESULT, find::RANGE, find::TOTAL),
        _ => return None,
    };
    let hidden: Vec<Element<'_>> = list.all(result).filter(|hit| is_hidden(*hit, may)).collect();
    if hidden.is_empty() {
        return None;
    }
    let left = list.all(result).count() - hidden.len();
    let mut edits = Edits::new(document);
    for hit in &hidden {
        edits.remove(hit.id()).ok()?;
    }
    put_right(&mut edits, list, (range, total), (left, hidden.len()));
    Some(edits.finish().into_bytes())
}

fn is_hidden(hit: Element<'_>, may: &dyn Fn(&str) -> bool) -> bool {
    let folder = hit.descendants().find(|element| element.tag() == air_sync::COLLECTION_ID);
    match folder {
        Some(folder) => !may(&folder.text()),
        None => hit.child(search::LONG_ID).is_some() || hit.child(air_sync::SERVER_ID).is_some(),
    }
}

/// `Range` and `Total` after hits were taken out: as if they had never been found.
fn put_right(edits: &mut Edits<'_>, list: Element<'_>, (range, total): (Tag, Tag), (left, gone): (usize, usize)) {
    if let Some(range) = list.child(range) {
        let text = range.text();
        let first: usize = text.split('-').next().and_then(|first| first.trim().parse().ok()).unwrap_or_default();
        // A range that is off shows nothing.
        let _ = match left {
            0 => edits.remove(range.id()),
            left => edits.set(range.id(), format!("{first}-{}", first + left - 1)),
        };
    }
    if let Some(total) = list.child(total) {
        let number = total.number().unwrap_or_default().saturating_sub(gone as u64);
        let _ = edits.set(total.id(), number.to_string());
    }
}

/// The list of folders of protocol 2.5 (GetHierarchy) without hidden ones; `None` if it stays.
pub(super) fn old_list(rule: &Rule, document: &Document) -> Option<Bytes> {
    let root = document.root().filter(|root| root.tag() == folders::FOLDERS)?;
    let frames: Vec<Element<'_>> = root.all(folders::FOLDER).collect();
    let mut hidden: HashSet<String> = HashSet::new();
    let mut edits = Edits::new(document);
    loop {
        let before = hidden.len();
        for frame in &frames {
            let text = |tag| frame.text_of(tag).unwrap_or_default().into_owned();
            let kind = frame.number_of(folders::TYPE);
            let below = kind != Some(model::site::INBOX) && hidden.contains(&text(folders::PARENT_ID));
            if (below || rule.hides(kind, &text(folders::DISPLAY_NAME))) && hidden.insert(text(folders::SERVER_ID)) {
                edits.remove(frame.id()).ok()?;
            }
        }
        if hidden.len() == before {
            return (!edits.is_empty()).then(|| edits.finish().into_bytes());
        }
    }
}
