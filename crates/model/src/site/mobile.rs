//! Settings of the mobile gate: `[mobile]` and `[[mobile.gateway]]`.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::DeviceProfile;
use super::exchange::{BATCH, DELTA_MINUTES, Diagnostic, REFRESH_MINUTES};

/// `[[mobile.gateway]]`, as far as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MobileGateway {
    /// Unique.
    pub id: String,
    /// Shown name.
    #[serde(default)]
    pub name: String,
    /// Off: answers 503.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// `exchange`, `online`, `traveler`, `google`, `groupwise`, `other`: sets the upstream path.
    #[serde(default = "exchange")]
    pub kind: String,
    /// The mail server's version, where its path depends on it (Traveler below 9).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `https://host`: the name by which phones know this gateway, and by which a request's configuration is found (G-38).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub external_url: String,
    /// Addresses `host:port` of the node's listeners that belong to it, separated by blanks; a list in files.
    #[serde(default, skip_serializing_if = "String::is_empty", with = "blanks")]
    pub listen: String,
    /// `https://host[:port][/path]`; `http://` for a server on the same machine. Several, separated by blanks, serve by
    /// turns; a list in files.
    #[serde(with = "blanks")]
    pub mail_server: String,
    /// Off: certificate errors of the mail server are ignored, and that is logged.
    #[serde(default = "yes", alias = "verify_tls")]
    pub verify_tls_mail: bool,
    /// Mail flows while there are no policies.
    #[serde(default)]
    pub allow_without_policies: bool,
    /// Paths of web mail that are passed on, each with all below it (G-6); empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webmail_paths: Vec<String>,
    /// Exchange Web Services are passed on, under the same policies.
    #[serde(default)]
    pub ews: bool,
    /// Hosts, with `*`, to which the mail server may redirect phones (G-5), besides its own; with a port if it is not 443.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_hosts: Vec<String>,
    /// `own`, or `terminated_before`: a trusted proxy has taken TLS off (G-2).
    #[serde(default = "own")]
    pub tls: String,
    /// The way to the mail server leads through this proxy (G-2).
    #[serde(default, skip_serializing_if = "OutboundProxy::is_none")]
    pub proxy_mail: OutboundProxy,
    /// The way to what the gate asks for itself leads through this one: issuers of the mail server's certificate.
    #[serde(default, skip_serializing_if = "OutboundProxy::is_none")]
    pub proxy_api: OutboundProxy,
    /// Balancers whose word about the client is believed (G-37), besides the node's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<IpNet>,
    /// The client's address goes to the mail server in `X-Forwarded-For`.
    #[serde(default = "yes")]
    pub forward_client_address: bool,
    /// S/MIME mails, signed or encrypted, keep their attachments and links as they are.
    #[serde(default = "yes")]
    pub smime_skip_signed: bool,
    /// The directory in which certificates of recipients are looked up (G-24).
    #[serde(default, skip_serializing_if = "SmimeLookup::is_none")]
    pub smime_lookup: SmimeLookup,
    /// What happens to attachments that can't be judged.
    #[serde(default)]
    pub attachments_without_policy: WithoutPolicy,
    /// What stands in place of a blocked attachment; empty: a text of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub blocked_text: String,
    /// Requests of every command are reported to the console (G-31); else those of the two lists.
    #[serde(default = "yes")]
    pub report_recommended: bool,
    /// Commands of [`REPORT_REQUIRED`] that are reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report_required: Vec<String>,
    /// Commands of [`REPORT_OPTIONAL`] that are reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report_optional: Vec<String>,
    /// Policies and devices are read whole so often (G-14), in minutes.
    #[serde(default = "refresh")]
    pub refresh_minutes: u32,
    /// What changed is read so often where it is not pushed, in minutes.
    #[serde(default = "delta")]
    pub delta_minutes: u32,
    /// What changed is in force at once; else with the next delta sync.
    #[serde(default = "yes")]
    pub realtime_push: bool,
    /// How much is kept of devices whose diagnostics are on.
    #[serde(default)]
    pub diagnostic: Diagnostic,
    /// Sightings in one batch to the console.
    #[serde(default = "batch")]
    pub rate_to_console: u32,
    /// Devices in one batch to the gateway, while all of them are read.
    #[serde(default = "batch")]
    pub rate_to_gateway: u32,
    /// How mail clients of devices are set up, one for each platform and client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<DeviceProfile>,
}

/// Commands that `report_required` may name.
pub const REPORT_REQUIRED: [&str; 8] = ["Settings", "Provision", "FolderSync", "Sync", "Ping", "SendMail", "SmartReply", "SmartForward"];
/// Commands that `report_optional` may name.
pub const REPORT_OPTIONAL: [&str; 12] = [
    "GetAttachment",
    "ItemOperations",
    "Search",
    "Find",
    "MoveItems",
    "GetItemEstimate",
    "FolderCreate",
    "FolderUpdate",
    "FolderDelete",
    "MeetingResponse",
    "ResolveRecipients",
    "ValidateCert",
];

/// A proxy on the way out, asked by CONNECT (RFC 9110 §9.3.6).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundProxy {
    /// `http://host:port`; empty: none.
    pub url: String,
    /// `none` or `basic`; empty: `none`.
    pub auth: String,
    /// For `basic`.
    pub user: String,
    /// For `basic`: the name of a secret, as `@secret(NAME)`.
    pub password: String,
}

impl OutboundProxy {
    /// True if there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.url.is_empty()
    }
}

/// A directory with certificates of people (mobile-gateway.md G-24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmimeLookup {
    /// RFC 4516: `ldaps://host[:port]/base??scope?filter`; empty: none.
    pub url: String,
    /// `anonymous` or `basic`.
    pub auth: String,
    /// For `basic`: whom to sign in as.
    pub user: String,
    /// For `basic`: the name of a secret, as `@secret(NAME)`.
    pub password: String,
    /// Where certificates stand.
    pub attribute: String,
}

impl Default for SmimeLookup {
    fn default() -> Self {
        let none = String::new;
        Self { url: none(), auth: "anonymous".into(), user: none(), password: none(), attribute: "userCertificate;binary".into() }
    }
}

impl SmimeLookup {
    /// True if there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.url.is_empty()
    }
}

impl Default for MobileGateway {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            enabled: true,
            kind: exchange(),
            version: String::new(),
            external_url: String::new(),
            listen: String::new(),
            mail_server: String::new(),
            verify_tls_mail: true,
            allow_without_policies: false,
            webmail_paths: Vec::new(),
            ews: false,
            redirect_hosts: Vec::new(),
            tls: own(),
            proxy_mail: OutboundProxy::default(),
            proxy_api: OutboundProxy::default(),
            trusted_proxies: Vec::new(),
            forward_client_address: true,
            smime_skip_signed: true,
            smime_lookup: SmimeLookup::default(),
            attachments_without_policy: WithoutPolicy::Block,
            blocked_text: String::new(),
            report_recommended: true,
            report_required: Vec::new(),
            report_optional: Vec::new(),
            refresh_minutes: REFRESH_MINUTES,
            delta_minutes: DELTA_MINUTES,
            realtime_push: true,
            diagnostic: Diagnostic::default(),
            rate_to_console: BATCH,
            rate_to_gateway: BATCH,
            profiles: Vec::new(),
        }
    }
}

impl MobileGateway {
    /// True if requests of this command are reported to the console.
    #[must_use]
    pub fn reports(&self, command: &str) -> bool {
        self.report_recommended || self.report_required.iter().chain(&self.report_optional).any(|named| named == command)
    }

    /// The name under which the password of `proxy_mail` is kept.
    #[must_use]
    pub fn proxy_secret(&self) -> String {
        format!("gateway/{}/proxy_mail", self.id)
    }

    /// The name under which the password of `proxy_api` is kept.
    #[must_use]
    pub fn proxy_api_secret(&self) -> String {
        format!("gateway/{}/proxy_api", self.id)
    }

    /// The name under which the password of `smime_lookup` is kept.
    #[must_use]
    pub fn lookup_secret(&self) -> String {
        format!("gateway/{}/smime_lookup", self.id)
    }

    /// True if a proxy before us takes TLS off.
    #[must_use]
    pub fn is_terminated_before(&self) -> bool {
        self.tls == "terminated_before"
    }

    /// The host in `external_url`, in small letters; `None` if it has none.
    #[must_use]
    pub fn external_host(&self) -> Option<String> {
        let rest = self.external_url.split_once("://").map_or(self.external_url.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host_of(authority)
    }

    /// The addresses in `listen`.
    pub fn listens(&self) -> impl Iterator<Item = std::net::SocketAddr> {
        self.listen.split_whitespace().filter_map(|address| address.parse().ok())
    }

    /// The URLs in `mail_server`.
    pub fn mail_servers(&self) -> impl Iterator<Item = &str> {
        self.mail_server.split_whitespace()
    }
}

/// The host of `host[:port]` as compared: small letters, no brackets, no dot at its end; `None` if there is none.
#[must_use]
pub fn host_of(authority: &str) -> Option<String> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// A text or a list of texts, kept as one text with blanks between.
mod blanks {
    use serde::ser::SerializeSeq as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        if text.split_whitespace().nth(1).is_none() {
            return serializer.serialize_str(text);
        }
        let mut list = serializer.serialize_seq(None)?;
        text.split_whitespace().try_for_each(|one| list.serialize_element(one))?;
        list.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::One(text) => text,
            Written::Many(list) => list.join(" "),
        })
    }
}

/// What happens to what can't be judged (mobile-gateway.md G-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutPolicy {
    /// It stays away.
    #[default]
    Block,
    /// It passes.
    Allow,
}

/// `[mobile]` and the `user`, `mail_client`, `eas_device_type` lists that block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct MobileSettings {
    /// Evaluate and report, block nothing.
    pub test_mode: bool,
    /// Somebody else than this console has closed access for all devices, and says so here (reason `external_global`).
    pub external_block: bool,
}

/// All devices are to sync their folders anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct ResyncOrder {
    /// As [`crate::device::Orders::resync`]; 0: never ordered.
    pub number: i64,
}

fn exchange() -> String {
    "exchange".to_owned()
}

fn own() -> String {
    "own".to_owned()
}

fn yes() -> bool {
    true
}

fn refresh() -> u32 {
    REFRESH_MINUTES
}

fn delta() -> u32 {
    DELTA_MINUTES
}

fn batch() -> u32 {
    BATCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_37_one_mail_server_or_a_list() {
        let one: MobileGateway = serde_json::from_str(r#"{"id":"a","mail_server":"https://m"}"#).unwrap();
        assert_eq!(one.mail_servers().collect::<Vec<_>>(), ["https://m"]);
        let two: MobileGateway = serde_json::from_str(r#"{"id":"a","mail_server":["https://m","https://n"]}"#).unwrap();
        assert_eq!(two.mail_servers().collect::<Vec<_>>(), ["https://m", "https://n"]);
        let written = serde_json::to_value(&two).unwrap();
        assert_eq!(written["mail_server"], serde_json::json!(["https://m", "https://n"]));
        assert_eq!(serde_json::to_value(&one).unwrap()["mail_server"], "https://m");
    }

    #[test]
    fn g_38_hosts_are_compared_in_one_form() {
        for (text, host) in [("Mail.Example.", "mail.example"), ("mail.example:8443", "mail.example"), ("[::1]:443", "::1")] {
            assert_eq!(host_of(text).as_deref(), Some(host));
        }
        assert_eq!((host_of(""), host_of(":443")), (None, None));
        let gateway = MobileGateway { external_url: "https://Mail.Example/".into(), ..MobileGateway::default() };
        assert_eq!(gateway.external_host().as_deref(), Some("mail.example"));
    }
}
