//! What a site file would change: row by row, without making it.

use std::collections::{BTreeMap, BTreeSet};

use model::Fault;
use model::device::{Device, Override, Reported};
use model::site::{
    Disclaimer, Domain, Group, LogSettings, MailSettings, MobileGateway, MobilePolicy, MobileSettings, Partner, ProtectionSettings, Root,
    RulesSetting, Secret, Section, SiteRow, Source, SystemSettings, Template, TlsDestination, User,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::brought::{beside, by_mail};
use super::{Entered, SiteFile};
use crate::audit::mask;
use crate::change::json;
use crate::domain_removal::{Belongings, Remains, owner};

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is new.
    Added,
    /// It has another content.
    Changed,
    /// It goes.
    Removed,
}

/// One change. Bodies are JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Section word; `device` for rulings.
    pub section: &'static str,
    /// The row's key; `user/id` for devices.
    pub key: String,
    /// What happens.
    pub kind: Kind,
    /// What is there now, secrets masked.
    pub before: Option<String>,
    /// What will be there, secrets masked.
    pub after: Option<String>,
    /// It holds or owns keys: removing it takes `--allow-delete`.
    #[serde(skip)]
    pub holds_keys: bool,
    #[serde(skip)]
    pub(crate) row: Option<Row>,
}

/// What is written for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// A row of the site, and the version it was compared with.
    Site { section: Section, body: Option<String>, version: Option<i64> },
    /// What changes of a device: its ruling, what its management reports.
    Device { user: String, id: String, ruling: Option<Override>, reported: Option<Box<Reported>> },
}

/// Compares a file, and the rows of its secrets, with what is stored. Sections that the file does not name are left alone, as are partners whose
/// certificates came by mail.
///
/// # Errors
/// When a record of ours has no JSON form.
pub fn diff(file: &SiteFile, secrets: &BTreeMap<String, Secret>, rows: &[SiteRow], ruled: &[Device]) -> Result<Vec<Change>, Fault> {
    let mut wanted: BTreeMap<(Section, String), String> = BTreeMap::new();
    let mut named = BTreeSet::new();
    let mut take = |section: Section, entries: Option<Vec<(String, String)>>| {
        if let Some(entries) = entries {
            named.insert(section);
            wanted.extend(entries.into_iter().map(|(key, body)| ((section, key), body)));
        }
    };
    take(Section::Mail, one(file.mail.as_ref())?);
    take(Section::Source, many(file.sources.as_ref())?);
    take(Section::Domain, many(file.domains.as_ref())?);
    take(Section::Tls, many(file.tls.as_ref())?);
    take(Section::Protection, one(file.protection.as_ref())?);
    take(Section::User, many(file.users.as_ref())?);
    take(Section::Partner, many(file.partners.as_ref())?);
    take(Section::Root, many(file.roots.as_ref())?);
    take(Section::Rules, one(file.rules.as_ref())?);
    take(Section::Template, many(file.templates.as_ref())?);
    take(Section::Disclaimer, many(file.disclaimers.as_ref())?);
    take(Section::File, many(file.files.as_ref())?);
    take(Section::Group, many(file.groups.as_ref())?);
    take(Section::Gateway, many(file.gateways.as_ref())?);
    take(Section::Mobile, one(file.mobile.as_ref())?);
    take(Section::Policy, many(file.policies.as_ref())?);
    take(Section::Logs, one(file.logs.as_ref())?);
    take(Section::System, many(file.systems.as_ref())?);
    wanted.extend(
        secrets.iter().map(|(name, secret)| Ok(((Section::Secret, name.clone()), json(secret)?))).collect::<Result<Vec<_>, Fault>>()?,
    );

    let owners: BTreeSet<String> = rows.iter().filter(|row| row.section == Section::Key).filter_map(owner).collect();
    let mut changes = Vec::new();
    // A secret belongs to the section that its name begins with.
    let concerned = |row: &&SiteRow| match row.section {
        // Earlier versions of the rules name theirs too: a roll-back finds them.
        Section::Secret if row.key.starts_with("rules/") => secrets.contains_key(&row.key),
        Section::Secret => row.key.split('/').next().and_then(Section::from_word).is_some_and(|section| named.contains(&section)),
        section => named.contains(&section),
    };
    for row in rows.iter().filter(concerned) {
        let before = normal(row);
        let after = wanted.remove(&(row.section, row.key.clone())).map(|body| beside(row, body)).transpose()?;
        if after.as_ref() == Some(&before) || (after.is_none() && by_mail(row)) {
            continue;
        }
        let kind = if after.is_some() { Kind::Changed } else { Kind::Removed };
        let mut change = site_change(row.section, row.key.clone(), kind, after, Some(row.version));
        change.before = Some(mask(&before));
        change.holds_keys = row.section == Section::Partner || (row.section == Section::User && owners.contains(&row.key));
        changes.push(change);
        if kind == Kind::Removed && row.section == Section::User {
            let owned = rows.iter().filter(|key| key.section == Section::Key && owner(key).as_ref() == Some(&row.key));
            changes.extend(owned.map(|key| {
                let mut gone = site_change(Section::Key, key.key.clone(), Kind::Removed, None, Some(key.version));
                gone.before = Some(mask(&key.body));
                gone.holds_keys = true;
                gone
            }));
        }
    }
    changes.extend(wanted.into_iter().map(|((section, key), body)| site_change(section, key, Kind::Added, Some(body), None)));
    if let Some(devices) = &file.devices {
        changes.extend(device_changes(devices, ruled)?);
    }
    Ok(changes)
}

/// Domains that go, with users and keys that the file does not speak of. A file that names its users has said what becomes of
/// them.
pub(crate) fn orphans(file: &SiteFile, changes: &[Change], rows: &[SiteRow]) -> Vec<(String, Belongings)> {
    if file.users.is_some() {
        return Vec::new();
    }
    let gone = changes.iter().filter(|change| change.kind == Kind::Removed && change.section == Section::Domain.word());
    let of = |change: &Change| (change.key.clone(), Belongings::among(rows.iter().cloned(), &change.key));
    gone.map(of).filter(|(_, of_it)| !of_it.is_empty()).collect()
}

/// What becomes of them, as changes.
///
/// # Errors
/// When a stored user can't be read.
pub(crate) fn of_orphans(orphans: &[(String, Belongings)], remains: Remains) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    for (row, body) in orphans.iter().map(|(_, of_it)| of_it.changes(remains)).collect::<Result<Vec<_>, Fault>>()?.into_iter().flatten() {
        if body.as_ref() == Some(&normal(&row)) {
            continue;
        }
        let kind = if body.is_some() { Kind::Changed } else { Kind::Removed };
        let mut change = site_change(row.section, row.key, kind, body, Some(row.version));
        change.before = Some(mask(&row.body));
        change.holds_keys = row.section == Section::Key;
        changes.push(change);
    }
    Ok(changes)
}

fn site_change(section: Section, key: String, kind: Kind, body: Option<String>, version: Option<i64>) -> Change {
    let after = body.as_deref().map(mask);
    let row = Some(Row::Site { section, body, version });
    Change { section: section.word(), key, kind, before: None, after, holds_keys: false, row }
}

fn device_changes(wanted: &BTreeMap<(String, String), Entered>, known: &[Device]) -> Result<Vec<Change>, Fault> {
    let entered =
        |device: &Device| Entered { ruling: device.override_, reported: device.reported.as_deref().cloned().unwrap_or_default().given() };
    let now: BTreeMap<(String, String), Entered> =
        known.iter().map(|device| ((device.user.clone(), device.id.as_str().to_owned()), entered(device))).collect();
    let all: BTreeSet<_> = wanted.keys().chain(now.keys()).cloned().collect();
    let mut changes = Vec::new();
    for name in all {
        let (before, after) = (now.get(&name), wanted.get(&name).cloned().unwrap_or_default());
        let was = before.cloned().unwrap_or_default();
        if was == after {
            continue;
        }
        let kind = match before {
            None => Kind::Added,
            Some(_) if after == Entered::default() => Kind::Removed,
            Some(_) => Kind::Changed,
        };
        let (before, after_json) = (before.map(device_json).transpose()?, Some(device_json(&after)?));
        let (user, id) = name;
        let key = format!("{user}/{id}");
        let ruling = (was.ruling != after.ruling).then_some(after.ruling);
        let reported = (was.reported != after.reported).then(|| Box::new(after.reported));
        let row = Some(Row::Device { user, id, ruling, reported });
        changes.push(Change { section: "device", key, kind, before, after: after_json, holds_keys: false, row });
    }
    Ok(changes)
}

/// A device as a change shows it: its ruling, and the facts if there are any.
fn device_json(entered: &Entered) -> Result<String, Fault> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(rename = "override")]
        ruling: &'static str,
        #[serde(flatten)]
        reported: &'a Reported,
    }
    json(&Shown { ruling: entered.ruling.word(), reported: &entered.reported })
}

fn one<T: Serialize>(record: Option<&T>) -> Result<Option<Vec<(String, String)>>, Fault> {
    record.map(|record| Ok(vec![(String::new(), json(record)?)])).transpose()
}

fn many<T: Serialize>(records: Option<&BTreeMap<String, T>>) -> Result<Option<Vec<(String, String)>>, Fault> {
    let bodies = |records: &BTreeMap<String, T>| records.iter().map(|(key, record)| Ok((key.clone(), json(record)?))).collect();
    records.map(bodies).transpose()
}

/// The stored body as this version would write it, so that an old one with the same meaning is no change.
fn normal(row: &SiteRow) -> String {
    fn again<T: Serialize + DeserializeOwned>(body: &str) -> Option<String> {
        serde_json::from_str::<T>(body).ok().and_then(|record| serde_json::to_string(&record).ok())
    }
    let body = row.body.as_str();
    let again = match row.section {
        Section::Mail => again::<MailSettings>(body),
        Section::Source => again::<Source>(body),
        Section::Domain => again::<Domain>(body),
        Section::Tls => again::<TlsDestination>(body),
        Section::User => again::<User>(body),
        Section::Partner => again::<Partner>(body),
        Section::Root => again::<Root>(body),
        Section::Rules => again::<RulesSetting>(body),
        Section::Template => again::<Template>(body),
        Section::Disclaimer => again::<Disclaimer>(body),
        Section::File => again::<model::site::SiteFile>(body),
        Section::Group => again::<Group>(body),
        Section::Gateway => again::<MobileGateway>(body),
        Section::Mobile => again::<MobileSettings>(body),
        Section::Policy => again::<MobilePolicy>(body),
        Section::Protection => again::<ProtectionSettings>(body),
        Section::Logs => again::<LogSettings>(body),
        Section::System => again::<SystemSettings>(body),
        Section::Secret => again::<Secret>(body),
        Section::Key | Section::Dkim | Section::Resync => None,
    };
    again.unwrap_or_else(|| body.to_owned())
}
