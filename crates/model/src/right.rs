//! Rights of administrators: one per menu (console.md A-3), and the set that an account or token has.
//!
//! The words are those of the manual, so that groups of an old installation keep their meaning. `web` guards routes by
//! them, `admin` checks them again in each use case, `store` keeps the words. `admin` (all rights) and `backup`
//! (gets the daily backup mail) are groups, not rights: see [`Rights::from_words`].

use serde::{Deserialize, Serialize};

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// One right: the menu that it opens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Right {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Right {
            /// All rights, in the order of the menus.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The group's word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

rights! {
    /// Home page: state and counts.
    Home = "homeadmin",
    /// System: network, time, services, licences, certificates' wiring.
    System = "systemadmin",
    /// Mail system: managed domains, relaying, sources.
    MailSystem = "mailsystemadmin",
    /// Mail processing: rules, templates, disclaimers.
    MailProcessing = "mailprocessingadmin",
    /// TLS certificates of the gateway.
    Ssl = "ssladmin",
    /// The own CA.
    Ca = "caadmin",
    /// Administration: configuration export and import, tokens, audit log, backup.
    Administration = "administrationadmin",
    /// Cluster.
    Cluster = "clusteradmin",
    /// Logs, queue.
    Logs = "logsadmin",
    /// Webmail logs.
    WebmailLogs = "webmaillogsadmin",
    /// Statistics; also receives the daily report.
    Statistics = "statisticsadmin",
    /// Accounts.
    Users = "usersadmin",
    /// Groups.
    Groups = "groupsadmin",
    /// Webmail accounts.
    WebmailAccounts = "webmailaccountsadmin",
    /// OpenPGP public keys.
    PgpKeys = "pgpkeysadmin",
    /// X.509 certificates of partners.
    X509Certificates = "x509certificatesadmin",
    /// X.509 root certificates.
    X509Roots = "x509rootcertificatesadmin",
    /// Domain keys.
    DomainKeys = "domainkeysadmin",
    /// Mobile: dashboard, list view, actions.
    MobileDashboard = "mobiledashboardadmin",
    /// Mobile: compliance policies.
    MobilePolicies = "mobilepoliciesadmin",
    /// Mobile: gateways.
    MobileGateways = "mobilegatewaysadmin",
    /// Mobile: devices.
    MobileDevices = "mobiledevicesadmin",
    /// Mobile: diagnostics.
    MobileDiagnostics = "mobilediagnosticsadmin",
}

impl Right {
    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|right| right.word() == word)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Looking, or changing too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Nothing is changed.
    Read,
    /// Something may be changed.
    Write,
}

/// What an account or a token may do. The empty set is the default: deny (CVE-2026-44125).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights {
    read: u32,
    write: u32,
}

impl Rights {
    /// No right.
    pub const NONE: Self = Self { read: 0, write: 0 };

    /// Every right: the group `admin`, and the local administrator.
    #[must_use]
    pub fn all() -> Self {
        Right::ALL.iter().fold(Self::NONE, |rights, right| rights.with(*right, Access::Write))
    }

    /// With one more right; `Write` includes `Read`.
    #[must_use]
    pub const fn with(mut self, right: Right, access: Access) -> Self {
        self.read |= right.bit();
        if matches!(access, Access::Write) {
            self.write |= right.bit();
        }
        self
    }

    /// True if this is allowed.
    #[must_use]
    pub const fn allow(self, right: Right, access: Access) -> bool {
        let set = match access {
            Access::Read => self.read,
            Access::Write => self.write,
        };
        set & right.bit() != 0
    }

    /// True if these rights hold all of `other`: who grants rights must pass this test.
    #[must_use]
    pub const fn cover(self, other: Self) -> bool {
        other.read & !self.read == 0 && other.write & !self.write == 0
    }

    /// What both have: a token never may more than its owner.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { read: self.read & other.read, write: self.write & other.write }
    }

    /// Reads group or scope words: a right's word, the same with `:read`, or `admin`. Words that are no rights
    /// (own groups, `backup`) give nothing.
    #[must_use]
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words.into_iter().fold(Self::NONE, |rights, word| match word.split_once(':') {
            None if word == "admin" => Self::all(),
            None => Right::from_word(word).map_or(rights, |right| rights.with(right, Access::Write)),
            Some(("admin", "read")) => Right::ALL.iter().fold(rights, |rights, right| rights.with(*right, Access::Read)),
            Some((word, "read")) => Right::from_word(word).map_or(rights, |right| rights.with(right, Access::Read)),
            Some(_) => rights,
        })
    }

    /// The words, as [`Rights::from_words`] reads them.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        Right::ALL
            .iter()
            .filter(|right| self.allow(**right, Access::Read))
            .map(|right| if self.allow(*right, Access::Write) { right.word().to_owned() } else { format!("{}:read", right.word()) })
            .collect()
    }
}

/// Who acts, for authorisation and the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's name, `local administrator`, or `token NAME of ACCOUNT`.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// Where it comes from: an IP address, or `local`.
    pub origin: String,
}

impl Actor {
    /// Who sits at the node itself (unix socket, or the command line with no node running): all rights.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "local administrator".to_owned(), rights: Rights::all(), origin: "local".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_44125_nothing_is_allowed_by_default() {
        for right in Right::ALL {
            assert!(!Rights::default().allow(*right, Access::Read));
            assert!(Rights::all().allow(*right, Access::Write));
            let read = Rights::NONE.with(*right, Access::Read);
            assert!(read.allow(*right, Access::Read) && !read.allow(*right, Access::Write));
            assert_eq!(Right::from_word(right.word()), Some(*right));
        }
    }

    #[test]
    fn cve_2026_29132_rights_cover_only_what_they_hold() {
        let one = Rights::from_words(["usersadmin", "homeadmin:read"]);
        assert!(Rights::all().cover(one) && one.cover(one) && !one.cover(Rights::all()));
        assert!(!one.cover(Rights::from_words(["homeadmin"])), "reading does not cover changing");
        assert_eq!(Rights::from_words(one.words().iter().map(String::as_str)), one);
        assert_eq!(one.and(Rights::from_words(["homeadmin"])), Rights::from_words(["homeadmin:read"]));
    }

    #[test]
    fn words_that_are_no_rights_give_none() {
        assert_eq!(Rights::from_words(["backup", "sales", "usersadmin:all", "usersadmin:", ""]), Rights::NONE);
    }
}
