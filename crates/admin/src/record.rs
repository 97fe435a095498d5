//! The site's records as use cases see them: section, right, key, and what a valid one looks like.
//!
//! One implementation for each section that people edit. Checks look at one record alone; what concerns several
//! (a template that a rule set names) is checked where the change is made.

use crypto::pki::Certificate;
use model::address::normal_domain;
use model::site::{
    AUTH_LDAP, Disclaimer, Domain, Group, LogSettings, MailSettings, MobileSettings, Partner, ProtectionSettings, Root,
    SMART_HOST_PASSWORD, Section, SiteFile, Source, SystemSettings, Template, TlsDestination, User,
};
use model::{Address, Fault, Right, SecretText};
use outside::ldap::Directory;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smtp::outbound::{Fingerprint, Target, TlsLevel};

use crate::error::bad_field;
use crate::secrets::{Secrets, Wanted, placeholder};

/// Longest text of a disclaimer, in octets.
const TEXT_MAX: usize = 256 << 10;
/// Largest file for `attach`.
pub const FILE_MAX: usize = 5_000_000;
/// Attributes that are fields of the account.
const OWN_FIELDS: [&str; 3] = ["accountOptions", "uid", "userPassword"];

/// A kind of row that people edit.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its section.
    const SECTION: Section;
    /// The right that it takes.
    const RIGHT: Right;

    /// The key under which it is stored; empty where there is one row only.
    fn key(&self) -> String;

    /// Is it valid by itself?
    ///
    /// # Errors
    /// `bad-field` with the field and what is expected, or `not-available-yet`.
    fn check(&self) -> Result<(), Fault>;

    /// Takes secrets in clear out of it and leaves their placeholders. Called on what has passed the check.
    fn take_secrets(&mut self) -> Secrets {
        Secrets::new()
    }
}

impl Record for MailSettings {
    const SECTION: Section = Section::Mail;
    const RIGHT: Right = Right::MailSystem;

    fn key(&self) -> String {
        String::new()
    }

    fn check(&self) -> Result<(), Fault> {
        if !self.hostname.is_empty() && normal_domain(&self.hostname).is_none() {
            return Err(bad_field("mail.hostname", "expected a host name, as in mail.company.example"));
        }
        if !self.postmaster.is_empty() {
            Address::parse(&self.postmaster).map_err(|error| bad_field("mail.postmaster", error))?;
        }
        if !self.smart_host.is_empty() {
            server("mail.smart_host", &self.smart_host)?;
        }
        smart_host_sign_in(self)?;
        tls("mail.tls_out", &self.tls_out, None)?;
        if !["soft", "hard"].contains(&self.revocation.as_str()) {
            return Err(bad_field("mail.revocation", "expected soft or hard"));
        }
        if !["pkcs1", "pss"].contains(&self.smime_signature.as_str()) {
            return Err(bad_field("mail.smime_signature", "expected pkcs1 or pss"));
        }
        if !["pkcs1", "oaep"].contains(&self.smime_key_transport.as_str()) {
            return Err(bad_field("mail.smime_key_transport", "expected pkcs1 or oaep"));
        }
        if !["signed", "hidden", "off"].contains(&self.header_protection.as_str()) {
            return Err(bad_field("mail.header_protection", "expected signed, hidden or off"));
        }
        if !["mark", "refuse"].contains(&self.dmarc.as_str()) {
            return Err(bad_field("mail.dmarc", "expected mark or refuse"));
        }
        if !(1..=100_000).contains(&self.max_recipients) {
            return Err(bad_field("mail.max_recipients", "expected a number from 1 to 100000"));
        }
        if !(1_000..=1_000_000_000).contains(&self.max_message_size.0) {
            return Err(bad_field("mail.max_message_size", "expected a size from 1kB to 1GB"));
        }
        if self.retry_first.0.is_zero() || self.retry_first > self.retry_max {
            return Err(bad_field("mail.retry_first", "expected a duration over 0 and not over retry_max"));
        }
        if self.expire < self.retry_first {
            return Err(bad_field("mail.expire", "expected a duration that is not shorter than retry_first"));
        }
        match self.auth.as_str() {
            "users" => {}
            "ldap" if self.auth_ldap.is_empty() => return Err(bad_field("mail.auth_ldap", "expected a directory where auth is ldap")),
            "ldap" => {}
            _ => return Err(bad_field("mail.auth", "expected users or ldap")),
        }
        if !self.auth_ldap.is_empty() {
            Directory::parse(&self.auth_ldap).map_err(|expected| bad_field("mail.auth_ldap", expected))?;
        }
        local_names(self)
    }

    fn take_secrets(&mut self) -> Secrets {
        let mut secrets = Secrets::new();
        if let Ok(directory) = Directory::parse(&self.auth_ldap) {
            self.auth_ldap = directory.written(&placeholder(AUTH_LDAP));
            secrets.extend(sealed(AUTH_LDAP, directory.password().expose()));
        }
        if !self.smart_host_password.is_empty() {
            let password = std::mem::replace(&mut self.smart_host_password, placeholder(SMART_HOST_PASSWORD));
            secrets.extend(sealed(SMART_HOST_PASSWORD, &password));
        }
        secrets
    }
}

/// A secret to seal, or its own placeholder: what is stored stays.
pub(crate) fn sealed(name: &str, text: &str) -> Secrets {
    let wanted = if text == placeholder(name) { Wanted::Keep } else { Wanted::Seal(SecretText::new(text.to_owned())) };
    Secrets::from([(name.to_owned(), wanted)])
}

/// Who signs in needs a password, a place and TLS.
fn smart_host_sign_in(mail: &MailSettings) -> Result<(), Fault> {
    let (user, password) = (!mail.smart_host_user.is_empty(), !mail.smart_host_password.is_empty());
    if user != password {
        let field = if user { "mail.smart_host_password" } else { "mail.smart_host_user" };
        return Err(bad_field(field, "expected a user and a password, or neither"));
    }
    if user && mail.smart_host.is_empty() {
        return Err(bad_field("mail.smart_host", "expected a server to sign in at"));
    }
    if user && mail.tls_out == "none" {
        return Err(bad_field("mail.tls_out", "expected may or more: the smart host's password is not sent without TLS"));
    }
    if mail.smart_host_user.chars().any(char::is_control) {
        return Err(bad_field("mail.smart_host_user", "expected a user's name"));
    }
    Ok(())
}

/// Host entries and local zones: every name is one.
fn local_names(mail: &MailSettings) -> Result<(), Fault> {
    let name = |field: &str, text: &str| {
        normal_domain(text).map(drop).ok_or_else(|| bad_field(field, "expected a host name, as in mail.company.example"))
    };
    mail.hosts.iter().try_for_each(|entry| name("mail.hosts", &entry.name))?;
    mail.zones.iter().try_for_each(|zone| name("mail.zones", &zone.domain).and_then(|()| name("mail.zones", &zone.host)))
}

impl Record for Source {
    const SECTION: Section = Section::Source;
    const RIGHT: Right = Right::MailSystem;

    fn key(&self) -> String {
        self.network.trunc().to_string()
    }

    fn check(&self) -> Result<(), Fault> {
        let known = |name: &String| name == "*" || normal_domain(name).is_some();
        if !self.speaks_for.iter().all(known) {
            return Err(bad_field("mail.source.speaks_for", "expected domain names, or \"*\""));
        }
        if !self.tls_name.is_empty() && normal_domain(&self.tls_name).is_none() {
            return Err(bad_field("mail.source.tls_name", "expected the host name in the client's certificate"));
        }
        if !self.tenant_header.is_empty() && self.tenant().is_none() {
            return Err(bad_field("mail.source.tenant_header", "expected a header line, as in X-Tenant-Id: 1234"));
        }
        Ok(())
    }
}

impl Record for Domain {
    const SECTION: Section = Section::Domain;
    const RIGHT: Right = Right::MailSystem;

    fn key(&self) -> String {
        normal_domain(&self.name).unwrap_or_else(|| self.name.clone())
    }

    fn check(&self) -> Result<(), Fault> {
        normal_domain(&self.name).ok_or_else(|| bad_field("domain.name", "expected a domain name, as in company.example"))?;
        server("domain.forward", &self.forward)?;
        tls("domain.tls", &self.tls, Some(("domain.fingerprints", &self.fingerprints)))?;
        if !self.dkim_selector.is_empty() && !is_selector(&self.dkim_selector) {
            return Err(bad_field(
                "domain.dkim_selector",
                "expected at most 50 small letters, digits and -, beginning and ending with a letter or digit",
            ));
        }
        if ["auto", "off"].contains(&self.dkim_key.as_str()) { Ok(()) } else { Err(bad_field("domain.dkim_key", "expected auto or off")) }
    }
}

impl Record for TlsDestination {
    const SECTION: Section = Section::Tls;
    const RIGHT: Right = Right::MailSystem;

    fn key(&self) -> String {
        normal_domain(&self.domain).unwrap_or_else(|| self.domain.clone())
    }

    fn check(&self) -> Result<(), Fault> {
        normal_domain(&self.domain).ok_or_else(|| bad_field("tls.domain", "expected a domain name, as in partner.example"))?;
        if !self.server.is_empty() {
            Target::host(&self.server, self.port).map_err(|error| bad_field("tls.server", error))?;
        }
        if self.port == 0 {
            return Err(bad_field("tls.port", "expected a number from 1 to 65535"));
        }
        tls("tls.level", &self.level, Some(("tls.fingerprints", &self.fingerprints)))
    }
}

impl Record for User {
    const SECTION: Section = Section::User;
    const RIGHT: Right = Right::Users;

    fn key(&self) -> String {
        self.address.key().as_str().to_owned()
    }

    fn check(&self) -> Result<(), Fault> {
        line("user.user_id", &self.user_id)?;
        self.groups.iter().try_for_each(|name| line("user.groups", name))?;
        for (name, value) in &self.attributes {
            if rules::attributes::attribute(name) != Some(name) || OWN_FIELDS.contains(&name.as_str()) {
                return Err(bad_field("user.attributes", format!("{name:?} is no attribute of inetOrgPerson that is kept here")));
            }
            if value.len() > 1_024 || value.chars().any(char::is_control) {
                return Err(bad_field("user.attributes", format!("{name}: expected one line of at most 1024 bytes")));
            }
        }
        line("user.name", &self.name)
    }
}

impl Record for Partner {
    const SECTION: Section = Section::Partner;
    const RIGHT: Right = Right::X509Certificates;

    fn key(&self) -> String {
        self.address.key().as_str().to_owned()
    }

    fn check(&self) -> Result<(), Fault> {
        if self.certificates.is_empty() && self.pgp_keys.is_empty() {
            return Err(bad_field("partner.certificate", "expected a certificate in PEM form, or an OpenPGP key in armour"));
        }
        for kept in &self.pgp_keys {
            crate::pgp_keys::check(&self.address, &kept.armour)?;
        }
        for pem in &self.certificates {
            Certificate::from_pem_many(pem).map_err(|error| bad_field("partner.certificate", error))?;
        }
        Ok(())
    }
}

impl Record for Root {
    const SECTION: Section = Section::Root;
    const RIGHT: Right = Right::X509Roots;

    /// SHA-256 of the certificate; of a text that is none, the text itself, which the check refuses.
    fn key(&self) -> String {
        let certificates = Certificate::from_pem_many(&self.certificate).unwrap_or_default();
        certificates.first().map_or_else(|| self.certificate.clone(), |certificate| certificate.fingerprint_sha256().to_owned())
    }

    fn check(&self) -> Result<(), Fault> {
        let found = Certificate::from_pem_many(&self.certificate).map_err(|error| bad_field("root.certificate", error))?;
        if found.len() == 1 { Ok(()) } else { Err(bad_field("root.certificate", "expected one certificate in PEM form")) }
    }
}

impl Record for Template {
    const SECTION: Section = Section::Template;
    const RIGHT: Right = Right::MailProcessing;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        name("template.name", &self.name)?;
        texts::mail::check(&self.text).map_err(|error| bad_field("template.text", error))
    }
}

impl Record for Disclaimer {
    const SECTION: Section = Section::Disclaimer;
    const RIGHT: Right = Right::MailProcessing;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        name("disclaimer.name", &self.name)?;
        for (field, text) in [("disclaimer.text", &self.text), ("disclaimer.html", &self.html)] {
            if text.len() > TEXT_MAX || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                return Err(bad_field(field, format!("expected a text of at most {TEXT_MAX} bytes without control characters")));
            }
        }
        Ok(())
    }
}

impl Record for SiteFile {
    const SECTION: Section = Section::File;
    const RIGHT: Right = Right::MailProcessing;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        line("file.name", &self.name)?;
        if self.name.is_empty() || self.name.len() > 100 || self.name.contains(['/', '\\']) {
            return Err(bad_field("file.name", "expected a name of at most 100 bytes without / and \\: it is no path"));
        }
        if self.content.is_empty() || self.content.len() > FILE_MAX {
            return Err(bad_field("file.content", format!("expected 1 to {FILE_MAX} bytes")));
        }
        Ok(())
    }
}

impl Record for Group {
    const SECTION: Section = Section::Group;
    const RIGHT: Right = Right::Users;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        line("group.description", &self.description)?;
        if self.name.trim().is_empty() || self.name.len() > 100 {
            return Err(bad_field("group.name", "expected a name of at most 100 bytes"));
        }
        line("group.name", &self.name)
    }
}

impl Record for MobileSettings {
    const SECTION: Section = Section::Mobile;
    const RIGHT: Right = Right::MobilePolicies;

    fn key(&self) -> String {
        String::new()
    }

    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Record for ProtectionSettings {
    const SECTION: Section = Section::Protection;
    const RIGHT: Right = Right::MailSystem;

    fn key(&self) -> String {
        String::new()
    }

    fn check(&self) -> Result<(), Fault> {
        if self.greylist_delay >= self.greylist_window {
            return Err(bad_field("protection.greylist_window", "expected a duration that is longer than greylist_delay"));
        }
        if self.greylist_memory < self.greylist_window {
            return Err(bad_field("protection.greylist_memory", "expected a duration that is not shorter than greylist_window"));
        }
        for zone in &self.rbl {
            normal_domain(zone).ok_or_else(|| bad_field("protection.rbl", "expected zones of block lists, as in zen.spamhaus.org"))?;
        }
        if self.rbl.len() > 50 {
            return Err(bad_field("protection.rbl", "expected at most 50 block lists"));
        }
        if !self.clamd.is_empty() {
            outside::clamd::Place::parse(&self.clamd).map_err(|error| bad_field("protection.clamd", error))?;
        }
        if !self.rspamd.is_empty() {
            outside::rspamd::Place::parse(&self.rspamd).map_err(|error| bad_field("protection.rspamd", error))?;
        }
        self.access.iter().try_for_each(|entry| line("protection.access.comment", &entry.comment))
    }
}

impl Record for LogSettings {
    const SECTION: Section = Section::Logs;
    const RIGHT: Right = Right::Logs;

    fn key(&self) -> String {
        String::new()
    }

    fn check(&self) -> Result<(), Fault> {
        if !(1..=3_650).contains(&self.days) {
            return Err(bad_field("logs.days", "expected a number from 1 to 3650"));
        }
        let second = std::time::Duration::from_secs(1);
        if !(second..=31 * 86_400 * second).contains(&self.rotate.0) {
            return Err(bad_field("logs.rotate", "expected a duration from 1s to 31d"));
        }
        Ok(())
    }
}

impl Record for SystemSettings {
    const SECTION: Section = Section::System;
    const RIGHT: Right = Right::System;

    fn key(&self) -> String {
        self.node.clone()
    }

    fn check(&self) -> Result<(), Fault> {
        name("system.node", &self.node)?;
        line("system.description", &self.description)?;
        if self.syslog.len() > 8 {
            return Err(bad_field("system.syslog", "expected at most 8 receivers"));
        }
        for target in &self.syslog {
            logs::syslog::Target::parse(&target.target, &target.ca).map_err(|error| bad_field("system.syslog", error))?;
        }
        Ok(())
    }
}

/// The right that a section's rows take.
#[must_use]
pub const fn right(section: Section) -> Right {
    match section {
        Section::Mail | Section::Source | Section::Domain | Section::Tls | Section::Protection => Right::MailSystem,
        Section::User | Section::Key | Section::Group => Right::Users,
        // Without a name, as much as any of them takes: see `right_of`.
        Section::Secret => Right::Administration,
        Section::Partner => Right::X509Certificates,
        Section::Root => Right::X509Roots,
        Section::Rules | Section::Template | Section::Disclaimer | Section::File => Right::MailProcessing,
        Section::Resync => Right::MobileDashboard,
        Section::Gateway => Right::MobileGateways,
        Section::Mobile | Section::Policy => Right::MobilePolicies,
        Section::Logs => Right::Logs,
        Section::System => Right::System,
        Section::Dkim => Right::DomainKeys,
    }
}

/// The right that one row takes: a secret's is that of the section that its name begins with.
#[must_use]
pub fn right_of(section: Section, key: &str) -> Right {
    let owner = key.split('/').next().and_then(Section::from_word).filter(|owner| *owner != Section::Secret);
    match (section, owner) {
        (Section::Secret, Some(owner)) => right(owner),
        _ => right(section),
    }
}

fn server(field: &str, text: &str) -> Result<(), Fault> {
    Target::parse(text).map(drop).map_err(|error| bad_field(field, error))
}

/// A level, and digests where the record has a place for them: all of them readable, and some for level `fingerprint`.
fn tls(field: &str, word: &str, digests: Option<(&str, &[String])>) -> Result<(), Fault> {
    let level =
        TlsLevel::parse(word).ok_or_else(|| bad_field(field, "expected none, may, encrypt, verify, secure, fingerprint or dane"))?;
    let (name, texts) = digests.unwrap_or((field, &[]));
    for text in texts {
        Fingerprint::parse_list(text).map_err(|error| bad_field(name, error))?;
    }
    if level == TlsLevel::Fingerprint && texts.is_empty() {
        let what =
            if digests.is_none() { "fingerprint is for one destination: write a [[tls]] row" } else { "level fingerprint needs a digest" };
        return Err(bad_field(name, what));
    }
    Ok(())
}

/// One label; room is left for what is put behind it for the second key.
fn is_selector(text: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let octets = text.as_bytes();
    octets.len() <= 50
        && ends(octets.first())
        && ends(octets.last())
        && octets.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

pub(crate) fn line(field: &str, text: &str) -> Result<(), Fault> {
    if text.chars().count() <= 255 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(bad_field(field, "expected one line of at most 255 characters"))
}

pub(crate) fn name(field: &str, text: &str) -> Result<(), Fault> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.[]".contains(&b));
    if fits { Ok(()) } else { Err(bad_field(field, "expected 1 to 64 letters, digits, and - _ .")) }
}
