//! The step of "sync again" (console.md A-8): a device that was ordered to syncs its folders anew, each of them once.
//!
//! No node remembers which folders of which device are done. The keys do: a phone gets the mail server's sync keys with a mark
//! before them that names the orders in force, and gives them back (MS-ASCMD §2.2.3.181). A key without the present mark is of before
//! the order: Sync says Status 3, the commands of the folder hierarchy Status 9, GetItemEstimate Status 4, and the phone begins
//! with key 0. So a restart, another node, and a phone that comes back after weeks make no difference. On the way up the
//! mark is taken off. Devices that were never ordered to are not looked at. First on the way up and last on the way down, since
//! all other steps know the mail server's keys only.
//!
//! What names no key is told once by this process: a Ping, that the folders have changed (Status 7); an empty or partial Sync, to say all
//! of it (Status 13).

use std::fmt::Write as _;

use activesync::tags::{air_sync, folders as hierarchy};
use activesync::wbxml::{Document, EditError, Edits, Element, Writer};
use activesync::{Command, Tag, Version};
use bytes::Bytes;
use model::device::DeviceId;
use model::{Fault, Guilty};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::folders::refusals::{estimates, say_again, status_of};
use super::folders::requests::adds_to_the_last;
use super::{Upward, of_phone, of_server};
use crate::answer::wbxml;
use crate::gate::MobileGate;
use crate::identify::Asked;

/// Sync: the key is not valid, begin with 0 (MS-ASCMD §2.2.3.177.17).
const KEY_INVALID: &str = "3";
/// Sync: send it again.
const RETRY: &str = "16";
/// FolderSync and its kin: begin with key 0.
const HIERARCHY_KEY: u8 = 9;
/// GetItemEstimate: the key is not valid.
const ESTIMATE_KEY: &str = "4";
/// Ping: the folders have changed.
const FOLDERS_CHANGED: u8 = 7;
/// Devices that are remembered as told. One that is forgotten does a FolderSync more.
const REMEMBERED: u64 = 200_000;
/// The elements that hold keys.
const KEYS: [Tag; 2] = [air_sync::SYNC_KEY, hierarchy::SYNC_KEY];

/// The orders by which what a device syncs is marked: for all, and for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    all: i64,
    device: i64,
}

impl Mark {
    /// Those in force for who asks.
    pub(crate) fn of(gate: &MobileGate, asked: &Asked) -> Self {
        let Some(device) = &asked.device else { return Self::default() };
        let all = gate.ports.facts.site().resync.number;
        Self { all, device: gate.ports.devices.orders(&asked.user, device).resync }
    }

    /// What stands before the keys: numbers in base 36, since a key has 64 characters at most.
    fn text(self) -> String {
        let mut text = String::from("s");
        for number in [self.all, self.device] {
            let mut digits = Vec::new();
            let mut rest = number.unsigned_abs();
            while rest > 0 {
                digits.push(char::from_digit(u32::try_from(rest % 36).unwrap_or_default(), 36).unwrap_or('0'));
                rest /= 36;
            }
            let _ = write!(text, "{}.", digits.iter().rev().collect::<String>());
        }
        text
    }
}

/// Who was told, by this process.
#[derive(Debug)]
pub(crate) struct Told(Cache<(Box<str>, DeviceId), Heard>);

/// What a device was told, and what it said.
#[derive(Debug, Clone, Copy)]
struct Heard {
    mark: Mark,
    /// It has named the folders of its Sync since.
    named: bool,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).eviction_policy(EvictionPolicy::lru()).build())
    }

    fn get(&self, asked: &Asked, mark: Mark) -> Option<Heard> {
        self.0.get(&(asked.user.clone(), asked.device.clone()?)).filter(|heard| heard.mark == mark)
    }

    fn put(&self, asked: &Asked, heard: Heard) {
        if let Some(device) = &asked.device {
            self.0.insert((asked.user.clone(), device.clone()), heard);
        }
    }
}

/// The step for one request.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    mark: Mark,
    text: Box<str>,
}

impl Step {
    /// `None` for a device that was never ordered to sync anew, and for commands that have nothing to do with it.
    pub(super) fn of(gate: &MobileGate, asked: &Asked) -> Option<Self> {
        use Command as C;
        let looked_at = |command: &C| {
            matches!(command, C::Sync | C::FolderSync | C::FolderCreate | C::FolderUpdate | C::FolderDelete | C::GetItemEstimate | C::Ping)
        };
        let command = asked.command.filter(looked_at)?;
        let mark = Mark::of(gate, asked);
        (mark != Mark::default()).then(|| Self { command, mark, text: mark.text().into() })
    }

    pub(super) fn reads_answer(&self) -> bool {
        !matches!(self.command, Command::Ping | Command::GetItemEstimate)
    }

    /// The request on its way up.
    ///
    /// # Errors
    /// The phone's fault: a body that can't be read.
    pub(super) fn request(&self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        let heard = gate.told.get(asked, self.mark);
        let named = heard.is_some_and(|heard| heard.named);
        if self.command == Command::Ping {
            if heard.is_some() {
                return Ok(Upward::Pass(body));
            }
            gate.told.put(asked, Heard { mark: self.mark, named });
            return Ok(self.told(asked, status_of(Command::Ping, FOLDERS_CHANGED)));
        }
        if body.is_empty() {
            let passes = self.command != Command::Sync || named;
            return Ok(if passes { Upward::Pass(body) } else { Upward::Answered(Box::new(say_again(Command::Sync))) });
        }
        let document = of_phone(&body)?;
        let keys: Vec<Element<'_>> = keys(&document).collect();
        if keys.iter().any(|key| !key.text().starts_with(&*self.text)) {
            return Ok(self.told(asked, self.again(&document, asked.version)));
        }
        if self.command == Command::Sync && adds_to_the_last(self.command, &document) && !named {
            return Ok(Upward::Answered(Box::new(say_again(Command::Sync))));
        }
        if matches!(self.command, Command::Sync | Command::FolderSync) {
            gate.told.put(asked, Heard { mark: self.mark, named: named || self.command == Command::Sync });
        }
        let mut edits = Edits::new(&document);
        for key in keys {
            let text = key.text().strip_prefix(&*self.text).unwrap_or_default().to_owned();
            edits.set(key.id(), text).map_err(|wrong| unwritable(Guilty::Sender, &wrong))?;
        }
        Ok(Upward::Pass(if edits.is_empty() { body } else { edits.finish().into_bytes() }))
    }

    /// The answer on its way down: its keys get the mark of when the request came.
    ///
    /// # Errors
    /// The mail server's fault: a body that can't be read. Passed on as it is, it would make the phone begin again and again.
    pub(super) fn answer(&self, body: Bytes) -> Result<Bytes, Fault> {
        if body.is_empty() {
            return Ok(body);
        }
        let document = of_server(&body)?;
        let mut edits = Edits::new(&document);
        for key in keys(&document) {
            edits.set(key.id(), format!("{}{}", self.text, key.text())).map_err(|wrong| unwritable(Guilty::NextHop, &wrong))?;
        }
        Ok(if edits.is_empty() { body } else { edits.finish().into_bytes() })
    }

    fn told(&self, asked: &Asked, body: Vec<u8>) -> Upward {
        let device = asked.device.as_ref().map_or("-", |id| id.as_str());
        tracing::info!(event = "device.resync", trace = %asked.trace, user = &*asked.user, device, command = self.command.name());
        Upward::Answered(Box::new(wbxml(body)))
    }

    /// "Begin with key 0", in the command's words.
    fn again(&self, document: &Document, version: Option<Version>) -> Vec<u8> {
        match self.command {
            Command::Sync => self.collections(document, version),
            Command::GetItemEstimate => {
                use activesync::tags::estimate;
                let ids = [estimate::COLLECTION_ID, air_sync::COLLECTION_ID];
                let named: Vec<_> = document.elements().filter(|element| ids.contains(&element.tag())).collect();
                estimates(&named, ESTIMATE_KEY)
            }
            command => status_of(command, HIERARCHY_KEY),
        }
    }

    /// Status 3 for each folder whose key is of before the order. Those that stand beside it are done already, or begin; nothing of
    /// them was passed on, so they are asked for once more.
    fn collections(&self, document: &Document, version: Option<Version>) -> Vec<u8> {
        let mut writer = Writer::new();
        let open = |writer: &mut Writer, tag: Tag| {
            writer.start(tag.page, tag.token);
        };
        let put = |writer: &mut Writer, tag: Tag, value: &str| {
            writer.start(tag.page, tag.token).text(value).end();
        };
        open(&mut writer, air_sync::SYNC);
        open(&mut writer, air_sync::COLLECTIONS);
        for collection in document.elements().filter(|element| element.tag() == air_sync::COLLECTION) {
            let key = collection.text_of(air_sync::SYNC_KEY).unwrap_or_default();
            let stale = !is_first(&key) && !key.starts_with(&*self.text);
            if !stale && version.is_none_or(|version| version < Version::EMPTY_SYNC) {
                continue;
            }
            open(&mut writer, air_sync::COLLECTION);
            if let Some(class) = collection.text_of(air_sync::CLASS) {
                put(&mut writer, air_sync::CLASS, &class);
            }
            put(&mut writer, air_sync::SYNC_KEY, if stale { "0" } else { &key });
            put(&mut writer, air_sync::COLLECTION_ID, &collection.text_of(air_sync::COLLECTION_ID).unwrap_or_default());
            put(&mut writer, air_sync::STATUS, if stale { KEY_INVALID } else { RETRY });
            writer.end();
        }
        writer.finish()
    }
}

/// All keys that stand for something that was synced before.
fn keys(document: &Document) -> impl Iterator<Item = Element<'_>> {
    document.elements().filter(|element| KEYS.contains(&element.tag()) && !is_first(&element.text()))
}

fn is_first(key: &str) -> bool {
    matches!(key.trim(), "" | "0")
}

fn unwritable(guilty: Guilty, wrong: &EditError) -> Fault {
    Fault::permanent(guilty, "mail-server-answer", format!("a sync key can't be written: {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_8_each_order_has_a_mark_of_its_own_and_leaves_room_for_the_key() {
        let mark = |all: i64, device: i64| Mark { all, device }.text();
        assert_eq!(mark(0, 1_795_297_474), "s.tovgea.");
        assert_eq!(mark(1_795_297_474, 36), "stovgea.10.");
        let all = [mark(0, 1), mark(1, 0), mark(1, 1), mark(0, 37), mark(37, 0), mark(36, 36)];
        assert!((0..6).all(|one| (0..6).all(|other| all[other].starts_with(&all[one]) == (one == other))), "{all:?}");
        assert!(mark(4_000_000_000, 4_000_000_000).len() <= 17);
    }
}
