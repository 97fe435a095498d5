//! The site file's text to records, each valid by itself; or all its faults, each with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use model::device::{Override, Reported};
use model::site::{
    Disclaimer, Domain, Group, LogSettings, MailSettings, MobileGateway, MobilePolicy, MobileSettings, Partner, ProtectionSettings, Root,
    RulesSetting, Source, SystemSettings, Template, TlsDestination, User,
};
use model::{Address, Fault};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::finding::{Finding, Findings};
use super::keys::{self, Table};
use super::rules_section;
use crate::Record;
use crate::devices::DeviceName;
use crate::policy::check_reported;
use crate::secrets::{Secrets, user_password};

/// `[[partner]]` as the file writes it: one text with all certificates, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePartner {
    /// Whose.
    pub address: Address,
    /// PEM, one or more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// OpenPGP keys in armour, one or more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pgp_key: String,
}

/// `[[device]]` as far as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDevice {
    /// The device's id.
    pub id: String,
    /// The user, in any spelling.
    pub user: String,
    /// The ruling.
    #[serde(default, rename = "override")]
    pub ruling: Override,
    /// What its management reports of it.
    #[serde(flatten)]
    pub reported: Reported,
}

/// What a site file says of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entered {
    /// The ruling.
    pub ruling: Override,
    /// What its management reports of it.
    pub reported: Reported,
}

/// What a site file says; `None` where it does not name a section. Maps are by row key.
#[derive(Debug, Clone, Default)]
pub struct SiteFile {
    /// `[mail]`.
    pub mail: Option<MailSettings>,
    /// `[[mail.source]]`.
    pub sources: Option<BTreeMap<String, Source>>,
    /// `[[domain]]`.
    pub domains: Option<BTreeMap<String, Domain>>,
    /// `[[tls]]`.
    pub tls: Option<BTreeMap<String, TlsDestination>>,
    /// `[protection]`.
    pub protection: Option<ProtectionSettings>,
    /// `[[user]]`.
    pub users: Option<BTreeMap<String, User>>,
    /// `[[partner]]`.
    pub partners: Option<BTreeMap<String, Partner>>,
    /// `[[root]]`.
    pub roots: Option<BTreeMap<String, Root>>,
    /// `[rules]`.
    pub rules: Option<RulesSetting>,
    /// Switches that are on by default and can't be carried out yet.
    pub left_out: Vec<String>,
    /// `[[template]]`.
    pub templates: Option<BTreeMap<String, Template>>,
    /// `[[disclaimer]]`.
    pub disclaimers: Option<BTreeMap<String, Disclaimer>>,
    /// `[[file]]`.
    pub files: Option<BTreeMap<String, model::site::SiteFile>>,
    /// `[[group]]`.
    pub groups: Option<BTreeMap<String, Group>>,
    /// `[mobile]`.
    pub mobile: Option<MobileSettings>,
    /// `[[mobile.gateway]]`.
    pub gateways: Option<BTreeMap<String, MobileGateway>>,
    /// `[[mobile.policy]]`.
    pub policies: Option<BTreeMap<String, MobilePolicy>>,
    /// `[logs]`.
    pub logs: Option<LogSettings>,
    /// `[[system]]`.
    pub systems: Option<BTreeMap<String, SystemSettings>>,
    /// Secrets that its records had in clear, or named.
    pub secrets: Secrets,
    /// `[[device]]` by user and id.
    pub devices: Option<BTreeMap<(String, String), Entered>>,
}

/// Reads a site file.
///
/// # Errors
/// All faults, in the order of the file.
pub fn read(text: &str) -> Result<SiteFile, Vec<Finding>> {
    let mut reader = Reader { findings: Findings::new(text) };
    let mut file = SiteFile::default();
    match DeTable::parse(text) {
        Ok(table) => {
            for (key, value) in table.into_inner() {
                reader.section(&mut file, &key, value);
            }
        }
        Err(error) => {
            let span = error.span().unwrap_or_default();
            reader.findings.add(&span, "", error.message());
        }
    }
    let mut found = reader.findings.found;
    found.sort_by_key(|finding| (finding.line, finding.column));
    if found.is_empty() { Ok(file) } else { Err(found) }
}

type Key<'i> = Spanned<toml::de::DeString<'i>>;
type Value<'i> = Spanned<DeValue<'i>>;

/// Reads values and notes what is wrong with them.
pub(super) struct Reader<'t> {
    pub(super) findings: Findings<'t>,
}

impl Reader<'_> {
    fn section(&mut self, file: &mut SiteFile, key: &Key<'_>, value: Value<'_>) {
        let name = key.get_ref().as_ref();
        match name {
            "mail" => {
                let Some((rest, sources, _)) = self.split(name, value, &["source"]) else { return };
                if let Some(sources) = sources {
                    file.sources = self.records(&keys::SOURCE, sources);
                }
                if let Some(rest) = rest {
                    file.mail = self.record(&keys::MAIL, "mail", rest);
                    file.secrets.extend(file.mail.iter_mut().flat_map(Record::take_secrets));
                }
            }
            "mobile" => {
                let Some((rest, gateways, policies)) = self.split(name, value, &["gateway", "policy"]) else { return };
                if let Some(gateways) = gateways {
                    file.gateways = self.records::<MobileGateway>(&keys::GATEWAY, gateways).map(|mut gateways| {
                        file.secrets.extend(gateways.values_mut().flat_map(Record::take_secrets));
                        gateways
                    });
                }
                if let Some(policies) = policies {
                    file.policies = self.records(&keys::POLICY, policies);
                }
                if let Some(rest) = rest {
                    file.mobile = self.record(&keys::MOBILE, "mobile", rest);
                }
            }
            "logs" => file.logs = self.record(&keys::LOGS, "logs", value),
            "system" => file.systems = self.records(&keys::SYSTEM, value),
            "domain" => file.domains = self.domains(value),
            "tls" => file.tls = self.records(&keys::TLS, value),
            "protection" => file.protection = self.record(&keys::PROTECTION, "protection", value),
            "user" => file.users = self.users(value, &mut file.secrets),
            "root" => file.roots = self.records(&keys::ROOT, value),
            "template" => file.templates = self.records(&keys::TEMPLATE, value),
            "disclaimer" => file.disclaimers = self.records(&keys::DISCLAIMER, value),
            "file" => file.files = self.files(value),
            "group" => file.groups = self.records(&keys::GROUP, value),
            "partner" => file.partners = self.partners(value),
            "device" => file.devices = self.devices(value),
            "rules" => {
                let span = value.span();
                let Some((mut setting, left_out)) = rules_section::read(self, value) else { return };
                match crate::rule_secrets::take(&mut setting) {
                    Ok(secrets) => file.secrets.extend(secrets),
                    Err(error) => self.findings.add(&span, "rules", format!("rules: {error}")),
                }
                file.rules = Some(setting);
                file.left_out = left_out;
            }
            _ => self.unknown(&key.span(), name, "", &keys::SECTIONS, &keys::SECTIONS_LATER),
        }
    }

    /// Takes the inner lists out of a section; the rest is `None` when nothing else is in it.
    #[allow(clippy::type_complexity, reason = "three parts of one table, used twice")]
    fn split<'i>(
        &mut self,
        name: &str,
        value: Value<'i>,
        inner: &[&str],
    ) -> Option<(Option<Value<'i>>, Option<Value<'i>>, Option<Value<'i>>)> {
        let span = value.span();
        let mut table = self.table(name, value)?;
        let mut lists = inner.iter().map(|list| {
            let key = table.keys().find(|key| key.get_ref().as_ref() == *list).cloned();
            key.and_then(|key| table.remove(&key))
        });
        let (first, second) = (lists.next().flatten(), lists.next().flatten());
        drop(lists);
        let named_alone = first.is_none() && second.is_none();
        let rest = (!table.is_empty() || named_alone).then(|| Spanned::new(span, DeValue::Table(table)));
        Some((rest, first, second))
    }

    pub(super) fn table<'i>(&mut self, name: &str, value: Value<'i>) -> Option<DeTable<'i>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(table),
            _ => {
                self.findings.add(&span, name, format!("expected a table: [{name}]"));
                None
            }
        }
    }

    /// The rows of a list of tables, by their keys.
    fn records<R: Record>(&mut self, table: &Table, value: Value<'_>) -> Option<BTreeMap<String, R>> {
        let mut records = BTreeMap::new();
        for (path, row) in self.rows(table.name, value)? {
            let span = row.span();
            if let Some(record) = self.record::<R>(table, &path, row) {
                self.insert(&mut records, record, &span, &path);
            }
        }
        Some(records)
    }

    fn insert<R: Record>(&mut self, records: &mut BTreeMap<String, R>, record: R, span: &Range<usize>, path: &str) {
        let key = record.key();
        if records.insert(key.clone(), record).is_some() {
            self.findings.add(span, path, format!("{path}: there is already one of {key:?}"));
        }
    }

    fn rows<'i>(&mut self, name: &str, value: Value<'i>) -> Option<Vec<(String, Value<'i>)>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(rows) => Some(rows.into_iter().enumerate().map(|(n, row)| (format!("{name}[{}]", n + 1), row)).collect()),
            _ => {
                self.findings.add(&span, name, format!("expected a list of tables: [[{name}]]"));
                None
            }
        }
    }

    /// One record: its keys are known, its values have the right form, it is valid.
    fn record<R: Record>(&mut self, table: &Table, path: &str, value: Value<'_>) -> Option<R> {
        let span = value.span();
        let record: R = self.value(table, path, value)?;
        self.valid(&span, path, record.check()).then_some(record)
    }

    /// A value of known keys.
    pub(super) fn value<T: DeserializeOwned>(&mut self, table: &Table, path: &str, value: Value<'_>) -> Option<T> {
        let (span, before) = (value.span(), self.findings.found.len());
        let inner = self.table(path, value)?;
        for key in inner.keys() {
            let name = key.get_ref().as_ref();
            if !table.built.contains(&name) {
                self.unknown(&key.span(), name, table.name, table.built, table.later);
            }
        }
        if self.findings.found.len() > before {
            return None;
        }
        match T::deserialize(ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(inner)))) {
            Ok(value) => Some(value),
            Err(error) => {
                let place = error.span().filter(|place| !place.is_empty()).unwrap_or(span);
                self.findings.add(&place, path, format!("{path}: {}", error.message().trim()));
                None
            }
        }
    }

    pub(super) fn unknown(&mut self, span: &Range<usize>, name: &str, section: &str, built: &[&str], later: &[&str]) {
        let full = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        if later.contains(&name) {
            return self.findings.add(span, &full, format!("not available yet: {full}"));
        }
        let near = rules::nearest(name, built.iter().chain(later).copied());
        let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
        self.findings.add(span, &full, format!("unknown key {full}{hint}"));
    }

    fn valid(&mut self, span: &Range<usize>, path: &str, checked: Result<(), Fault>) -> bool {
        let Err(fault) = checked else { return true };
        let message = match fault.code {
            "not-available-yet" => format!("not available yet: {}", fault.cause),
            _ => format!("{path}: {}", fault.cause),
        };
        self.findings.add(span, path, message);
        false
    }

    /// Several names in one row, separated by blanks, are several domains (M-T2).
    fn domains(&mut self, value: Value<'_>) -> Option<BTreeMap<String, Domain>> {
        let mut domains = BTreeMap::new();
        for (path, row) in self.rows("domain", value)? {
            let span = row.span();
            let Some(written) = self.value::<Domain>(&keys::DOMAIN, &path, row) else { continue };
            for domain in written.each() {
                if self.valid(&span, &path, domain.check()) {
                    self.insert(&mut domains, domain, &span, &path);
                }
            }
        }
        Some(domains)
    }

    fn partners(&mut self, value: Value<'_>) -> Option<BTreeMap<String, Partner>> {
        let mut partners = BTreeMap::new();
        for (path, row) in self.rows("partner", value)? {
            let span = row.span();
            let Some(written) = self.value::<FilePartner>(&keys::PARTNER, &path, row) else { continue };
            let certificates = crypto::pki::Certificate::from_pem_many(&written.certificate).unwrap_or_default();
            let certificates = certificates.iter().map(crypto::pki::Certificate::pem).collect();
            let pgp_keys = match crate::pgp_keys::written(&written.address, &written.pgp_key) {
                Ok(keys) => keys,
                Err(fault) => {
                    self.valid(&span, &path, Err(fault));
                    continue;
                }
            };
            let partner = Partner { certificates, pgp_keys, ..Partner::new(written.address, "imported") };
            if self.valid(&span, &path, partner.check()) {
                self.insert(&mut partners, partner, &span, &path);
            }
        }
        Some(partners)
    }

    /// A file's content must be here: a path is read by whoever sends the site file.
    fn files(&mut self, value: Value<'_>) -> Option<BTreeMap<String, model::site::SiteFile>> {
        let mut files = BTreeMap::new();
        for (path, row) in self.rows("file", value)? {
            let span = row.span();
            let read: bool = row.get_ref().as_table().is_some_and(|table| !table.keys().any(|key| key.get_ref().as_ref() == "path"));
            if !read {
                self.findings.add(&span, &path, format!("{path}.path: the file's content must be sent along as content, in base64"));
                continue;
            }
            if let Some(file) = self.record::<model::site::SiteFile>(&keys::FILE, &path, row) {
                self.insert(&mut files, file, &span, &path);
            }
        }
        Some(files)
    }

    fn users(&mut self, value: Value<'_>, secrets: &mut Secrets) -> Option<BTreeMap<String, User>> {
        let mut users = BTreeMap::new();
        for (path, row) in self.rows("user", value)? {
            let span = row.span();
            let Some(mut inner) = self.table(&path, row) else { continue };
            let key = inner.keys().find(|key| key.get_ref().as_ref() == "password").cloned();
            let written = key.and_then(|key| inner.remove(&key));
            let password = match written.as_ref().map(|value| (value.span(), value.get_ref().as_str())) {
                None => None,
                Some((_, Some(text))) if !text.is_empty() => Some(text),
                Some((place, _)) => {
                    self.findings.add(&place, &path, format!("{path}.password: expected a text that is not empty"));
                    continue;
                }
            };
            if let Some(user) = self.record::<User>(&keys::USER, &path, Spanned::new(span.clone(), DeValue::Table(inner))) {
                secrets.extend(user_password(&user, password));
                self.insert(&mut users, user, &span, &path);
            }
        }
        Some(users)
    }

    fn devices(&mut self, value: Value<'_>) -> Option<BTreeMap<(String, String), Entered>> {
        let mut devices = BTreeMap::new();
        for (path, row) in self.rows("device", value)? {
            let span = row.span();
            let Some(written) = self.value::<FileDevice>(&keys::DEVICE, &path, row) else { continue };
            let entered = Entered { ruling: written.ruling, reported: written.reported.given() };
            let name = DeviceName::parse(&written.user, &written.id);
            match name.and_then(|name| check_reported(&entered.reported).map(|()| name)) {
                Ok(name) => {
                    if devices.insert((name.user, name.id.as_str().to_owned()), entered).is_some() {
                        self.findings.add(&span, &path, format!("{path}: this device is there already"));
                    }
                }
                Err(fault) => drop(self.valid(&span, &path, Err(fault))),
            }
        }
        Some(devices)
    }
}
