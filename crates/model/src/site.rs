//! The site's small data as every node holds it in memory: settings, domains, users, keys, rules.
//!
//! The store's truth is a set of [`SiteRow`]s (section, key, JSON body). A node loads them "at number N" and
//! then applies what the change feed names; the same rows, sealed, lie on its own disk, so that it starts
//! without the store. The structs here have the field names of the site configuration (`contract.md`), so
//! that `config apply`, API and store speak of the same thing. What reads them from people refuses unknown fields; what reads them
//! from the store passes over those that a newer node wrote (design decision 12), and each new field has a default.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::normal_domain;
use crate::{Address, AddressKey, Fault, Guilty, KeyId, Language, Peer};

pub mod content;
mod exchange;
mod folder;
mod mail;
mod mobile;
mod people;
mod policy;
mod profile;
mod protection;
mod rules;
mod system;

pub use exchange::{BATCH, DELTA_MINUTES, Diagnostic, Exchange, REFRESH_MINUTES};
pub use folder::{INBOX, PolicyFolder};
pub use mail::{DkimKey, Domain, MailSettings, Source, TlsDestination};
pub use mobile::{
    MobileGateway, MobileSettings, OutboundProxy, REPORT_OPTIONAL, REPORT_REQUIRED, ResyncOrder, SmimeLookup, WithoutPolicy, host_of,
};
pub use people::{
    AUTH_LDAP, KeyRecord, Partner, PgpCertificate, Retired, Retirement, Root, SMART_HOST_PASSWORD, Secret, Trust, User, secret_label,
};
pub use policy::{MobilePolicy, PolicyAction, PolicyDevices, PolicyEntry, PolicyKind, PolicyRule, version_numbers, wildcard};
pub use profile::{Assignment, DeviceProfile, PROFILE_PAIRS};
pub use protection::{AccessAction, AccessEntry, AccessNetwork, Greylisting, ProtectionSettings, ScannerDown};
pub use rules::{DEFAULT_DISCLAIMER, Disclaimer, Expected, Group, RuleTest, RulesSetting, SiteFile, Template};
pub use system::{LogSettings, SyslogTarget, SystemSettings};

/// Who a row belongs to (design decision 12). There is one realm for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realm(pub i64);

impl Realm {
    /// The only realm of this version.
    pub const ONE: Self = Self(1);
}

/// A part of the site's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// One row, key `""`: [`MailSettings`].
    Mail,
    /// Key: network. [`Source`].
    Source,
    /// Key: domain. [`Domain`].
    Domain,
    /// Key: address key. [`User`].
    User,
    /// Key: address key. [`Partner`].
    Partner,
    /// Key: SHA-256 of the certificate, hex. [`Root`].
    Root,
    /// Key: [`KeyId`]. [`KeyRecord`].
    Key,
    /// One row, key `""`: [`RulesSetting`].
    Rules,
    /// Key: name. [`Template`].
    Template,
    /// Key: id. [`MobileGateway`].
    Gateway,
    /// One row, key `""`: [`MobileSettings`].
    Mobile,
    /// Key: type and limits ([`MobilePolicy::key`]). [`MobilePolicy`].
    Policy,
    /// Key: domain. [`TlsDestination`].
    Tls,
    /// One row, key `""`: [`ProtectionSettings`].
    Protection,
    /// One row, key `""`: [`LogSettings`].
    Logs,
    /// Key: a node's id. [`SystemSettings`].
    System,
    /// Key: name of the DNS record. [`DkimKey`].
    Dkim,
    /// Key: name. [`Secret`].
    Secret,
    /// One row, key `""`: [`ResyncOrder`]. Ordered by hand, never part of a site file.
    Resync,
    /// Key: name. [`Disclaimer`].
    Disclaimer,
    /// Key: name. [`SiteFile`].
    File,
    /// Key: name. [`Group`].
    Group,
}

impl Section {
    /// All sections.
    pub const ALL: [Self; 22] = [
        Self::Mail,
        Self::Source,
        Self::Domain,
        Self::User,
        Self::Partner,
        Self::Root,
        Self::Key,
        Self::Rules,
        Self::Template,
        Self::Gateway,
        Self::Mobile,
        Self::Policy,
        Self::Tls,
        Self::Protection,
        Self::Logs,
        Self::System,
        Self::Dkim,
        Self::Secret,
        Self::Resync,
        Self::Disclaimer,
        Self::File,
        Self::Group,
    ];

    /// The word in the store, the feed and the audit log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Source => "source",
            Self::Domain => "domain",
            Self::User => "user",
            Self::Partner => "partner",
            Self::Root => "root",
            Self::Key => "key",
            Self::Rules => "rules",
            Self::Template => "template",
            Self::Gateway => "gateway",
            Self::Mobile => "mobile",
            Self::Policy => "policy",
            Self::Tls => "tls",
            Self::Protection => "protection",
            Self::Logs => "logs",
            Self::System => "system",
            Self::Dkim => "dkim",
            Self::Secret => "secret",
            Self::Resync => "resync",
            Self::Disclaimer => "disclaimer",
            Self::File => "file",
            Self::Group => "group",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.word() == word)
    }
}

/// One row of the site's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRow {
    /// Its part.
    pub section: Section,
    /// Unique in the section.
    pub key: String,
    /// Counts changes of this row from 1; what If-Match compares.
    pub version: i64,
    /// JSON of the section's struct; empty when the row is deleted.
    pub body: String,
}

/// All small data of one realm, at one number of the feed. Immutable; a change makes a new one.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Number of the last change that is in it.
    pub number: i64,
    /// Settings of the mail gate.
    pub mail: Arc<MailSettings>,
    /// Relay sources, `relay_networks` not included.
    pub sources: BTreeMap<String, Arc<Source>>,
    /// Managed domains by look-up name.
    pub domains: HashMap<String, Arc<Domain>>,
    /// Accounts by address key.
    pub users: HashMap<AddressKey, Arc<User>>,
    /// Partners' certificates by address key.
    pub partners: HashMap<AddressKey, Arc<Partner>>,
    /// Trust store by fingerprint.
    pub roots: BTreeMap<String, Arc<Root>>,
    /// Own keys by id.
    pub keys: HashMap<KeyId, Arc<KeyRecord>>,
    /// Ids of each owner's keys, newest first.
    pub keys_of: HashMap<AddressKey, Vec<KeyId>>,
    /// The rule set.
    pub rules: Arc<RulesSetting>,
    /// Mail templates by name.
    pub templates: BTreeMap<String, Arc<Template>>,
    /// Disclaimers by name.
    pub disclaimers: BTreeMap<String, Arc<Disclaimer>>,
    /// Files for `attach` by name.
    pub files: BTreeMap<String, Arc<SiteFile>>,
    /// Groups of users by name.
    pub groups: BTreeMap<String, Arc<Group>>,
    /// Mobile gateways by id.
    pub gateways: BTreeMap<String, Arc<MobileGateway>>,
    /// Settings of the mobile gate.
    pub mobile: Arc<MobileSettings>,
    /// Policies of the mobile gate, in the order in which they are asked.
    pub policies: BTreeMap<(PolicyKind, String), Arc<PolicyRule>>,
    /// How mail leaves for domains that are not ours, by look-up name.
    pub tls: HashMap<String, Arc<TlsDestination>>,
    /// Whom mail is taken from, and the scanners.
    pub protection: Arc<ProtectionSettings>,
    /// How long stories are kept.
    pub logs: Arc<LogSettings>,
    /// Nodes' own settings by node id.
    pub systems: BTreeMap<String, Arc<SystemSettings>>,
    /// Keys that sign for domains, by the name of their DNS record.
    pub dkim: BTreeMap<String, Arc<DkimKey>>,
    /// Keys of policies of which no readable row was ever met: the policy set is not whole, so nobody can say what it would
    /// block (mobile-gateway.md G-14).
    pub policies_missing: BTreeSet<String>,
    /// Secrets by name.
    pub secrets: HashMap<String, Arc<Secret>>,
    /// What was ordered for all devices.
    pub resync: ResyncOrder,
    /// Version of each row, for If-Match.
    pub versions: HashMap<(Section, String), i64>,
}

impl Site {
    /// Puts one row in its place, or takes it away when its body is empty.
    ///
    /// # Errors
    /// When the body is not what the section expects; the site is unchanged then, but for a policy that was not known before,
    /// which is missing from then on.
    pub fn apply(&mut self, row: &SiteRow) -> Result<(), Fault> {
        let place = (row.section, row.key.clone());
        if row.body.is_empty() {
            self.remove(row.section, &row.key);
            self.versions.remove(&place);
            return Ok(());
        }
        self.insert(row).map_err(|cause| {
            if row.section == Section::Policy && !self.policies.keys().any(|(_, key)| *key == row.key) {
                self.policies_missing.insert(row.key.clone());
            }
            Fault::permanent(Guilty::Ourselves, "site-row-unreadable", format!("{} {:?}: {cause}", row.section.word(), row.key))
        })?;
        self.versions.insert(place, row.version);
        Ok(())
    }

    fn insert(&mut self, row: &SiteRow) -> Result<(), serde_json::Error> {
        let key = row.key.clone();
        let address_key = || serde_json::from_value(serde_json::Value::String(row.key.clone()));
        match row.section {
            Section::Mail => self.mail = read(row)?,
            Section::Rules => self.rules = read(row)?,
            Section::Mobile => self.mobile = read(row)?,
            Section::Protection => self.protection = read(row)?,
            Section::Logs => self.logs = read(row)?,
            Section::System => drop(self.systems.insert(key, read(row)?)),
            Section::Source => drop(self.sources.insert(key, read(row)?)),
            Section::Domain => drop(self.domains.insert(key, read(row)?)),
            Section::User => drop(self.users.insert(address_key()?, read(row)?)),
            Section::Partner => drop(self.partners.insert(address_key()?, read(row)?)),
            Section::Root => drop(self.roots.insert(key, read(row)?)),
            Section::Template => drop(self.templates.insert(key, read(row)?)),
            Section::Disclaimer => drop(self.disclaimers.insert(key, read(row)?)),
            Section::File => drop(self.files.insert(key, read(row)?)),
            Section::Group => drop(self.groups.insert(key, read(row)?)),
            Section::Gateway => drop(self.gateways.insert(key, read(row)?)),
            Section::Tls => drop(self.tls.insert(key, read(row)?)),
            Section::Dkim => drop(self.dkim.insert(key, read(row)?)),
            Section::Secret => drop(self.secrets.insert(key, read(row)?)),
            Section::Resync => self.resync = serde_json::from_str(&row.body)?,
            Section::Policy => {
                let policy: MobilePolicy = serde_json::from_str(&row.body)?;
                self.remove(Section::Policy, &row.key);
                // One of a kind that only a newer version has is passed over.
                if let Some(rule) = PolicyRule::new(policy) {
                    self.policies.insert((rule.kind, key), Arc::new(rule));
                }
            }
            Section::Key => {
                let record: Arc<KeyRecord> = read(row)?;
                self.remove(Section::Key, &row.key);
                self.index_key(&record);
                self.keys.insert(record.id.clone(), record);
            }
        }
        Ok(())
    }

    fn index_key(&mut self, record: &KeyRecord) {
        let keys = &self.keys;
        let created = |id: &KeyId| keys.get(id).map_or(record.created, |k| k.created);
        let owned = self.keys_of.entry(record.owner.clone()).or_default();
        let place = owned.iter().position(|id| created(id) < record.created).unwrap_or(owned.len());
        owned.insert(place, record.id.clone());
    }

    fn remove(&mut self, section: Section, key: &str) {
        let by_address = |map_key: &AddressKey| map_key.as_str() != key;
        match section {
            Section::Mail => self.mail = Arc::default(),
            Section::Rules => self.rules = Arc::default(),
            Section::Mobile => self.mobile = Arc::default(),
            Section::Protection => self.protection = Arc::default(),
            Section::Logs => self.logs = Arc::default(),
            Section::System => drop(self.systems.remove(key)),
            Section::Source => drop(self.sources.remove(key)),
            Section::Domain => drop(self.domains.remove(key)),
            Section::User => self.users.retain(|k, _| by_address(k)),
            Section::Partner => self.partners.retain(|k, _| by_address(k)),
            Section::Root => drop(self.roots.remove(key)),
            Section::Template => drop(self.templates.remove(key)),
            Section::Disclaimer => drop(self.disclaimers.remove(key)),
            Section::File => drop(self.files.remove(key)),
            Section::Group => drop(self.groups.remove(key)),
            Section::Gateway => drop(self.gateways.remove(key)),
            Section::Policy => {
                self.policies.retain(|(_, known), _| known != key);
                self.policies_missing.remove(key);
            }
            Section::Tls => drop(self.tls.remove(key)),
            Section::Dkim => drop(self.dkim.remove(key)),
            Section::Secret => drop(self.secrets.remove(key)),
            Section::Resync => self.resync = ResyncOrder::default(),
            Section::Key => {
                if let Some(record) = self.keys.remove(&KeyId(key.to_owned()))
                    && let Some(owned) = self.keys_of.get_mut(&record.owner)
                {
                    owned.retain(|id| *id != record.id);
                }
            }
        }
    }

    /// The managed domain of this name, in any spelling.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Arc<Domain>> {
        self.domains.get(&normal_domain(name)?)
    }

    /// The language of mails that we write to this person: the account's `preferredLanguage` (RFC 2798 §2.7), else the domain's.
    /// `None`: nobody has said; then they get all (M-R8).
    #[must_use]
    pub fn language_of(&self, address: &Address) -> Option<Language> {
        let wanted = self.users.get(&address.key()).and_then(|user| user.attributes.get("preferredLanguage"));
        let spoken =
            wanted.filter(|wanted| wanted.split(',').any(|one| Language::from_tag(one.split(';').next().unwrap_or("").trim()).is_some()));
        spoken.map(|wanted| Language::from_accept(wanted)).or_else(|| self.domain(address.domain()).and_then(|domain| domain.language))
    }

    /// True if mail for this address is ours to receive.
    #[must_use]
    pub fn is_managed(&self, address: &Address) -> bool {
        self.domains.contains_key(&address.domain_key())
    }

    /// May this client, by its address alone, send to domains that are not ours?
    #[must_use]
    pub fn may_relay(&self, client: IpAddr) -> bool {
        self.mail.relay_networks.iter().any(|net| net.contains(&client))
            || self.sources.values().any(|source| source.relay && source.by_address() && source.network.contains(&client))
    }

    /// May this client, by all that it has shown, send to domains that are not ours? With `header` as if the mail to come had
    /// the header that a source asks for.
    #[must_use]
    pub fn relays(&self, peer: &Peer, header: bool) -> bool {
        self.may_relay(peer.address) || self.sources.values().any(|source| source.relay && source.is(peer, header))
    }

    /// May this client, by its address alone, speak for this managed domain? Another right than relaying (X-7).
    #[must_use]
    pub fn speaks_for(&self, client: IpAddr, domain: &str) -> bool {
        self.peer_speaks_for(&Peer::new(client), domain)
    }

    /// May this client, by all that it has shown, speak for this managed domain?
    #[must_use]
    pub fn peer_speaks_for(&self, peer: &Peer, domain: &str) -> bool {
        let Some(domain) = normal_domain(domain).filter(|name| self.domains.contains_key(name)) else {
            return false;
        };
        self.mail.relay_networks.iter().any(|net| net.contains(&peer.address))
            || self.sources.values().any(|source| {
                source.is(peer, false) && source.speaks_for.iter().any(|name| name == "*" || normal_domain(name).as_ref() == Some(&domain))
            })
    }

    /// Is this user in the group: does the group name it, or it the group?
    #[must_use]
    pub fn is_member(&self, user: &AddressKey, group: &str) -> bool {
        let by_user = self.users.get(user).is_some_and(|user| user.groups.iter().any(|name| name == group));
        by_user || self.groups.get(group).is_some_and(|group| group.members.iter().any(|member| member.key() == *user))
    }

    /// Hash of a user's password, if it has one.
    #[must_use]
    pub fn password_of(&self, user: &Address) -> Option<&str> {
        let secret = self.secrets.get(&format!("user/{}/password", user.key().as_str()))?;
        Some(secret.password_hash.as_str()).filter(|hash| !hash.is_empty())
    }

    /// True if any user has a password.
    #[must_use]
    pub fn has_passwords(&self) -> bool {
        self.secrets.values().any(|secret| !secret.password_hash.is_empty())
    }
}

fn read<T: serde::de::DeserializeOwned>(row: &SiteRow) -> Result<Arc<T>, serde_json::Error> {
    serde_json::from_str(&row.body).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(section: Section, key: &str, body: &str) -> SiteRow {
        SiteRow { section, key: key.into(), version: 1, body: body.into() }
    }

    fn site() -> Site {
        let mut site = Site::default();
        site.apply(&row(Section::Domain, "company.example", r#"{"name":"company.example","forward":"[127.0.0.1]:2601"}"#)).unwrap();
        site.apply(&row(Section::Source, "10.0.0.0/8", r#"{"network":"10.0.0.0/8","speaks_for":[]}"#)).unwrap();
        site.apply(&row(Section::Mail, "", r#"{"relay_networks":["192.0.2.0/24"]}"#)).unwrap();
        site
    }

    #[test]
    fn x_7_relaying_is_not_speaking() {
        let site = site();
        let device = "10.1.2.3".parse().unwrap();
        assert!(site.may_relay(device) && !site.speaks_for(device, "company.example"));
        let server = "192.0.2.9".parse().unwrap();
        assert!(site.may_relay(server) && site.speaks_for(server, "COMPANY.example"));
        assert!(!site.speaks_for(server, "partner.example"), "not a managed domain");
        assert!(!site.may_relay("198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn x_7_a_shared_network_counts_with_its_proof_only() {
        let mut site = site();
        let body = r#"{"network":"203.0.113.0/24","tls_name":"mail.cloud.example","tenant_header":"X-Tenant: 42"}"#;
        site.apply(&row(Section::Source, "203.0.113.0/24", body)).unwrap();
        let mut peer = Peer::new("203.0.113.5".parse().unwrap());
        assert!(!site.may_relay(peer.address) && !site.speaks_for(peer.address, "company.example"));
        assert!(!site.relays(&peer, true), "another tenant's server without the certificate");
        peer.proof.names = vec!["mail.cloud.example".to_owned()];
        assert!(site.relays(&peer, true) && !site.relays(&peer, false) && !site.peer_speaks_for(&peer, "company.example"));
        peer.proof.tenants = vec!["X-Tenant: 42".to_owned()];
        assert!(site.relays(&peer, false) && site.peer_speaks_for(&peer, "company.example"));
        peer.address = "203.0.114.5".parse().unwrap();
        assert!(!site.relays(&peer, true) && !site.peer_speaks_for(&peer, "company.example"), "another network");
    }

    #[test]
    fn a_bad_row_changes_nothing() {
        let mut site = site();
        assert!(site.apply(&row(Section::Domain, "company.example", r#"{"name":1}"#)).is_err());
        assert!(site.domain("company.example").is_some());
        site.apply(&row(Section::Domain, "company.example", "")).unwrap();
        assert!(site.domain("company.example").is_none());
    }

    #[test]
    fn g_14_a_policy_that_can_not_be_read_is_missed_until_it_can() {
        let mut site = Site::default();
        let (good, bad) = (r#"{"type":"compromised","enabled":true}"#, r#"{"type":7}"#);
        assert!(site.apply(&row(Section::Policy, "compromised", bad)).is_err());
        assert!(site.policies_missing.contains("compromised"));
        site.apply(&row(Section::Policy, "compromised", good)).unwrap();
        assert!(site.policies_missing.is_empty() && site.policies.len() == 1);
        assert!(site.apply(&row(Section::Policy, "compromised", bad)).is_err());
        assert!(site.policies_missing.is_empty(), "the one before stays in force");
        assert!(site.apply(&row(Section::Policy, "other", bad)).is_err());
        site.apply(&row(Section::Policy, "other", "")).unwrap();
        assert!(site.policies_missing.is_empty(), "removed");
    }

    #[test]
    fn m_r8_the_accounts_language_comes_before_the_domains() {
        let mut site = Site::default();
        let domain = r#"{"name":"company.example","forward":"[127.0.0.1]","language":"it"}"#;
        site.apply(&row(Section::Domain, "company.example", domain)).unwrap();
        let of = |site: &Site| site.language_of(&Address::parse("bob@company.example").unwrap());
        let mut said = |language: &str| {
            let user = format!(r#"{{"address":"bob@company.example","attributes":{{"preferredLanguage":"{language}"}}}}"#);
            site.apply(&row(Section::User, "bob@company.example", &user)).unwrap();
            of(&site)
        };
        assert_eq!(said("fr-CH, de;q=0.5"), Some(Language::Fr));
        assert_eq!(said("es, de;q=0.5"), Some(Language::De));
        assert_eq!(said("es"), Some(Language::It), "none that we speak: the domain's");
        assert_eq!(site.language_of(&Address::parse("eve@elsewhere.example").unwrap()), None);
    }

    #[test]
    fn the_newest_key_comes_first() {
        let mut site = Site::default();
        for (id, created) in [("a", 1), ("c", 3), ("b", 2)] {
            let body = format!(r#"{{"id":"{id}","owner":"bob@company.example","certificate":"","sealed":"","created":{created}}}"#);
            site.apply(&row(Section::Key, id, &body)).unwrap();
        }
        let owner = Address::parse("bob@company.example").unwrap().key();
        let ids: Vec<_> = site.keys_of[&owner].iter().map(|id| id.0.as_str()).collect();
        assert_eq!(ids, ["c", "b", "a"]);
        site.apply(&row(Section::Key, "c", "")).unwrap();
        assert_eq!(site.keys_of[&owner].len(), 2);
    }
}
