//! Every key that the contract names for the site file: built, or not available yet.

/// What the table says of one section.
#[derive(Debug)]
pub struct Table {
    /// The section as it is written.
    pub name: &'static str,
    /// Keys that work.
    pub built: &'static [&'static str],
    /// Keys that come later.
    pub later: &'static [&'static str],
}

/// Sections of which something is built.
pub const MAIL: Table = Table {
    name: "mail",
    built: &[
        "hostname",
        "postmaster",
        "relay_networks",
        "max_message_size",
        "max_recipients",
        "smart_host",
        "smart_host_user",
        "smart_host_password",
        "verify_recipients",
        "tls_out",
        "revocation",
        "smime_signature",
        "smime_key_transport",
        "header_protection",
        "retry_first",
        "retry_max",
        "expire",
        "delay_notice",
        "tls_reports",
        "dmarc",
        "hosts",
        "zones",
        "auth",
        "auth_ldap",
        "send_new_pgp_keys",
    ],
    later: &["pop3_fetch", "pop3_every"],
};
/// `[[mail.source]]`.
pub const SOURCE: Table =
    Table { name: "mail.source", built: &["network", "relay", "speaks_for", "tls_name", "tenant_header"], later: &[] };
/// `[[domain]]`.
pub const DOMAIN: Table = Table {
    name: "domain",
    built: &["name", "forward", "tls", "fingerprints", "language", "disclaimer", "dkim_selector", "dkim_key"],
    later: &["webmail_profile", "smime_domain_key", "pgp_domain_key"],
};
/// `[[tls]]`.
pub const TLS: Table = Table { name: "tls", built: &["domain", "server", "port", "level", "fingerprints"], later: &[] };
/// `[protection]`.
pub const PROTECTION: Table = Table {
    name: "protection",
    built: &[
        "greylist",
        "greylist_delay",
        "greylist_window",
        "greylist_memory",
        "helo_required",
        "helo_valid",
        "helo_fqdn",
        "ptr",
        "ptr_strict",
        "sender_domain",
        "rbl",
        "access",
        "clamd",
        "rspamd",
        "scanner_down",
    ],
    later: &["icap", "spamd"],
};
/// `[[user]]`.
pub const USER: Table = Table {
    name: "user",
    built: &["address", "user_id", "name", "password", "may_not_encrypt", "may_not_sign", "send_as", "groups", "attributes"],
    later: &["pop3"],
};
/// `[[partner]]`.
pub const PARTNER: Table = Table { name: "partner", built: &["address", "certificate", "pgp_key"], later: &["domain"] };
/// `[[root]]`.
pub const ROOT: Table = Table { name: "root", built: &["certificate", "trust"], later: &[] };
/// `[rules]`; `text` stands for `file` where the file's content is sent along.
pub const RULES: Table = Table {
    name: "rules",
    built: &["generator", "file", "text", "custom_incoming", "custom_outgoing", "custom_user_creation", "require_tests", "test"],
    later: &[],
};
/// `[[template]]`.
pub const TEMPLATE: Table = Table { name: "template", built: &["name", "text"], later: &[] };
/// `[[disclaimer]]`.
pub const DISCLAIMER: Table = Table { name: "disclaimer", built: &["name", "text", "html"], later: &[] };
/// `[[file]]`; `content` stands for `path` where the file's content is sent along, in base64.
pub const FILE: Table = Table { name: "file", built: &["name", "path", "content"], later: &[] };
/// `[[group]]`.
pub const GROUP: Table = Table { name: "group", built: &["name", "description", "members"], later: &[] };
/// `[mobile]`.
pub const MOBILE: Table = Table { name: "mobile", built: &["test_mode", "external_block"], later: &[] };
/// `[[mobile.gateway]]`.
pub const GATEWAY: Table = Table {
    name: "mobile.gateway",
    built: &[
        "id",
        "name",
        "enabled",
        "kind",
        "mail_server",
        "verify_tls_mail",
        "verify_tls",
        "allow_without_policies",
        "smime_skip_signed",
        "attachments_without_policy",
        "blocked_text",
        "version",
        "external_url",
        "listen",
        "webmail_paths",
        "ews",
        "redirect_hosts",
        "tls",
        "proxy_mail",
        "proxy_api",
        "smime_lookup",
        "trusted_proxies",
        "forward_client_address",
        "report_recommended",
        "report_required",
        "report_optional",
        "refresh_minutes",
        "delta_minutes",
        "realtime_push",
        "diagnostic",
        "rate_to_console",
        "rate_to_gateway",
        "profiles",
    ],
    later: &["certificate", "verify_tls_api", "auth", "kcd", "swap", "notice_mailbox"],
};
/// `[[mobile.policy]]`.
pub const POLICY: Table = Table {
    name: "mobile.policy",
    built: &[
        "type",
        "enabled",
        "strict",
        "labels",
        "gateways",
        "days",
        "action",
        "list",
        "folders",
        "rows",
        "tags",
        "sources",
        "inbox_clients",
        "classes",
        "reader_platforms",
        "mode",
        "domains",
        "schemes",
    ],
    later: &[],
};
/// `[logs]`.
pub const LOGS: Table = Table { name: "logs", built: &["days", "rotate"], later: &[] };
/// `[[system]]`.
pub const SYSTEM: Table = Table {
    name: "system",
    built: &["node", "description", "syslog"],
    later: &["snmp", "time_zone", "ntp", "vips", "routes", "portal_proxy"],
};
/// `[[device]]`.
pub const DEVICE: Table = Table {
    name: "device",
    built: &[
        "id",
        "user",
        "override",
        "managed",
        "enrolled",
        "mdm_compliant",
        "compromised",
        "encrypted",
        "eas_profile",
        "platform",
        "model",
        "os",
        "last_seen",
        "phone",
        "imei",
        "friendly_name",
        "address",
        "labels",
        "external",
    ],
    later: &["gateway"],
};

/// Sections that work, besides those inside `mail` and `mobile`.
pub const SECTIONS: [&str; 16] = [
    "mail",
    "domain",
    "tls",
    "protection",
    "user",
    "group",
    "partner",
    "root",
    "rules",
    "template",
    "disclaimer",
    "file",
    "mobile",
    "device",
    "logs",
    "system",
];

/// Sections that come later.
pub const SECTIONS_LATER: [&str; 10] =
    ["webmail", "webmail_profile", "sms", "ca", "external_ca", "directory", "backup", "report", "outbound_proxy", "updates"];
