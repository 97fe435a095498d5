//! Settings of the mail gate: `[mail]`, `[[mail.source]]`, `[[domain]]`, `[[tls]]`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::settings::{Size, Span};
use crate::{KeyId, Language, Peer, Timestamp};

/// `[mail]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailSettings {
    /// Our name in HELO, Received and DSNs.
    pub hostname: String,
    /// Sender of our own messages.
    pub postmaster: String,
    /// Networks that may relay and speak for all managed domains.
    pub relay_networks: Vec<IpNet>,
    /// Largest message, as SIZE says it.
    pub max_message_size: Size,
    /// Most recipients of one message.
    pub max_recipients: u32,
    /// Next hop for all that is not ours, in the notation of mail-gateway.md M-T2; empty: by MX.
    pub smart_host: String,
    /// Whom to sign in as at the smart host; empty: nobody.
    pub smart_host_user: String,
    /// `@secret(mail/smart_host_password)` with a user, else empty.
    pub smart_host_password: String,
    /// Recipients are looked up at their domain's server before mail for them is taken (M-T9).
    pub verify_recipients: bool,
    /// TLS level for destinations without one of their own: `none`, `may`, `encrypt`, `verify`, `secure`, `dane` (M-T4).
    pub tls_out: String,
    /// A certificate of which nobody says whether it was revoked: `soft` lets it pass, `hard` does not.
    pub revocation: String,
    /// How RSA keys sign mail: `pkcs1` or `pss`.
    pub smime_signature: String,
    /// How RSA keys get the content key of encrypted mail: `pkcs1` (and OAEP where a certificate announces it) or `oaep`.
    pub smime_key_transport: String,
    /// Fields inside what is signed (RFC 9788): `signed`, `hidden` (in encrypted mail the subject stands inside alone), or `off`.
    pub header_protection: String,
    /// First wait of a deferred delivery.
    pub retry_first: Span,
    /// Longest wait of a deferred delivery.
    pub retry_max: Span,
    /// A delivery that did not work for so long ends in a DSN.
    pub expire: Span,
    /// The sender is told once that mail is late.
    pub delay_notice: Span,
    /// Reports about TLS go to the domains that ask for them (RFC 8460).
    pub tls_reports: bool,
    /// What happens to mail that fails a DMARC policy of `reject`: `mark` or `refuse`.
    pub dmarc: String,
    /// Host entries, asked before DNS.
    pub hosts: Vec<HostEntry>,
    /// MX hosts of local zones, asked before DNS.
    pub zones: Vec<ZoneHost>,
    /// Who checks passwords of those who sign in by SMTP: `users` or `ldap`.
    pub auth: String,
    /// `URI[,URI2];user;password;basedn;filter`; the password is `@secret(mail/auth_ldap)`.
    pub auth_ldap: String,
    /// The public part of each OpenPGP key that is made here goes to its owner by mail (M-C2).
    pub send_new_pgp_keys: bool,
}

impl MailSettings {
    /// True if a directory checks passwords.
    #[must_use]
    pub fn by_directory(&self) -> bool {
        self.auth == "ldap"
    }
}

/// An address and its name, both ways (M-T10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// The address.
    pub ip: IpAddr,
    /// The host's full name.
    pub name: String,
}

/// One MX host of a local zone: a domain that need not exist in DNS, as a `forward` or `smart_host` may name it (M-T10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneHost {
    /// The zone: a pseudo domain.
    pub domain: String,
    /// The MX host's name, for TLS and logs.
    pub host: String,
    /// Its preference; lower is tried first.
    #[serde(default = "ten")]
    pub mx: u16,
    /// Its address.
    pub ip: IpAddr,
}

const fn ten() -> u16 {
    10
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            postmaster: String::new(),
            relay_networks: Vec::new(),
            max_message_size: Size(50_000_000),
            max_recipients: 1_000,
            smart_host: String::new(),
            smart_host_user: String::new(),
            smart_host_password: String::new(),
            verify_recipients: true,
            tls_out: "may".to_owned(),
            revocation: "soft".to_owned(),
            smime_signature: "pkcs1".to_owned(),
            smime_key_transport: "pkcs1".to_owned(),
            header_protection: "signed".to_owned(),
            retry_first: Span::seconds(300),
            retry_max: Span::seconds(4 * 3600),
            expire: Span::seconds(5 * 86_400),
            delay_notice: Span::seconds(4 * 3600),
            tls_reports: false,
            dmarc: "mark".to_owned(),
            hosts: Vec::new(),
            zones: Vec::new(),
            auth: "users".to_owned(),
            auth_ldap: String::new(),
            send_new_pgp_keys: false,
        }
    }
}

/// `[[mail.source]]`: two rights, kept apart (M-T5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The clients.
    pub network: IpNet,
    /// May send to domains that are not ours.
    #[serde(default = "yes")]
    pub relay: bool,
    /// Managed domains that it may speak for; `*` is all of them.
    #[serde(default = "all_domains")]
    pub speaks_for: Vec<String>,
    /// Counts only with a client certificate that is good for this host name; empty: without.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tls_name: String,
    /// Counts only for mail with this header line, as in `X-Tenant-Id: 1234`; empty: for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant_header: String,
}

impl Source {
    /// Name and value of the header line that mail must have; `None` if it is no header line, or none is asked for.
    #[must_use]
    pub fn tenant(&self) -> Option<(&str, &str)> {
        let (name, value) = self.tenant_header.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        let sound =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) && !value.is_empty() && !value.chars().any(char::is_control);
        sound.then_some((name, value))
    }

    /// Is this the client, and has it shown what this source asks for? With `header` as if the mail to come had the header.
    #[must_use]
    pub fn is(&self, peer: &Peer, header: bool) -> bool {
        let named = self.tls_name.is_empty() || peer.proof.names.contains(&self.tls_name);
        let tenant = self.tenant_header.is_empty() || header || peer.proof.tenants.contains(&self.tenant_header);
        self.network.contains(&peer.address) && named && tenant
    }

    /// True if the address alone is enough.
    #[must_use]
    pub const fn by_address(&self) -> bool {
        self.tls_name.is_empty() && self.tenant_header.is_empty()
    }
}

/// `[[domain]]`: a managed domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name; the row's key is its look-up form.
    pub name: String,
    /// The company's server: `[ip]`, `[ip]:port`, `[host]`, `[host]:port`, or `domain` (M-T2).
    pub forward: String,
    /// TLS level towards it (M-T4).
    #[serde(default = "may")]
    pub tls: String,
    /// Digests of its certificate, for level `fingerprint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
    /// Language of mails to its people when nothing else says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The disclaimer of mail from here, by name.
    #[serde(default = "default_disclaimer", skip_serializing_if = "is_default_disclaimer")]
    pub disclaimer: String,
    /// Mail from this domain is signed under this selector (DKIM); empty: it is not signed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dkim_selector: String,
    /// `auto`: keys are made with the selector; `off`: none are made, and none sign.
    #[serde(default = "auto", skip_serializing_if = "is_auto")]
    pub dkim_key: String,
}

fn default_disclaimer() -> String {
    super::DEFAULT_DISCLAIMER.to_owned()
}

fn is_default_disclaimer(name: &str) -> bool {
    name == super::DEFAULT_DISCLAIMER
}

impl Domain {
    /// Selectors that its mail is signed under, each with the algorithm of its key; empty where it is not signed. Two
    /// keys need two selectors: a receiver that finds two records under one name may take neither (RFC 6376 §3.6.2.2).
    #[must_use]
    pub fn dkim_selectors(&self) -> Vec<(&'static str, String)> {
        if self.dkim_selector.is_empty() || self.dkim_key == "off" {
            return Vec::new();
        }
        vec![("rsa-sha256", self.dkim_selector.clone()), ("ed25519-sha256", format!("{}-ed25519", self.dkim_selector))]
    }
}

/// A key that signs for a domain: what is published in clear, the private part sealed by the vault. Its row's key is the
/// name of the DNS record, `SELECTOR._domainkey.DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimKey {
    /// Identity of the key.
    pub id: KeyId,
    /// The domain, in look-up form.
    pub domain: String,
    /// The selector.
    pub selector: String,
    /// `rsa-sha256` or `ed25519-sha256`.
    pub algorithm: String,
    /// The TXT record to publish.
    pub record: String,
    /// The private key (PKCS#8, DER), sealed under the logical name `key/ID`; base64.
    pub sealed: String,
    /// When it was made.
    pub created: Timestamp,
}

impl DkimKey {
    /// Name of the DNS record.
    #[must_use]
    pub fn record_name(selector: &str, domain: &str) -> String {
        format!("{selector}._domainkey.{domain}")
    }
}

impl Domain {
    /// One for each of the names, which stand separated by blanks where people write several at once (M-T2).
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        let names: Vec<&str> = self.name.split_whitespace().collect();
        match names.as_slice() {
            [_, _, ..] => names.iter().map(|name| Self { name: (*name).to_owned(), ..self.clone() }).collect(),
            _ => vec![self.clone()],
        }
    }
}

/// `[[tls]]`: how mail for a domain that is not ours leaves (M-T4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsDestination {
    /// The recipients' domain; the row's key is its look-up form.
    pub domain: String,
    /// Its server, a name or an address without brackets: mail for the domain goes there, past MX and smart host. Empty: the usual way.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// The server's port; counts only with a server.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// `none`, `may`, `encrypt`, `verify`, `secure`, `fingerprint` or `dane`.
    pub level: String,
    /// Digests of its certificate, for level `fingerprint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
}

const fn smtp_port() -> u16 {
    25
}

fn may() -> String {
    "may".to_owned()
}

fn auto() -> String {
    "auto".to_owned()
}

fn is_auto(word: &str) -> bool {
    word == "auto"
}

fn yes() -> bool {
    true
}

fn all_domains() -> Vec<String> {
    vec!["*".to_owned()]
}
