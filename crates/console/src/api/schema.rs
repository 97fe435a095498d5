//! Bodies of requests and answers, and their schemas.
//!
//! Records of the site are described by mirrors of `model`'s structs (a test holds them equal field by field), because
//! `model` knows nothing of OpenAPI. Times are RFC 3339 in UTC, `null` for "never".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, schema::Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! bodies {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* $(,)? })*) => {
        $(bodies!(@$kind $(#[$doc])* $name { $($(#[$field_doc])* $field : $type),* });)*
    };
    (@answer $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, ToSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field : $type),* }
    };
    (@request $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field : $type),* }
    };
}

bodies! {
    /// The live counts.
    answer Counts {
        /// Messages by what was done to them.
        #[schema(value_type = BTreeMap<String, i64>)]
        mail: serde_json::Value,
        /// Devices by their latest decision.
        devices: DeviceCounts,
        /// The queue of this node.
        queue: QueueCounts,
    }
    /// Devices by their latest decision.
    answer DeviceCounts {
        /// Were allowed.
        allowed: i64,
        /// Were blocked.
        blocked: i64,
        /// Nobody has seen yet.
        unseen: i64,
    }
    /// The queue of this node.
    answer QueueCounts {
        /// Messages waiting.
        length: i64,
        /// When the oldest of them came.
        oldest: Option<String>,
    }
    /// Is all well?
    answer State {
        /// True if nothing needs a look.
        well: bool,
        /// What needs a look.
        troubles: Vec<Trouble>,
        /// This node's id.
        node: String,
        /// Our name in mail.
        hostname: String,
        /// The program's version.
        version: String,
        /// Since the node started.
        uptime_seconds: i64,
        /// Number of the last change that this node has seen.
        site_number: i64,
    }
    /// Something that needs a look.
    answer Trouble {
        /// Its stable word.
        code: String,
        /// What it is, in the caller's language.
        message: String,
    }
    /// One delivery in the queue.
    answer QueueItem {
        /// Its id.
        id: String,
        /// The mail's trace id.
        trace: String,
        /// Envelope sender; empty for bounces.
        from: String,
        /// Who has not got it yet.
        to: Vec<String>,
        /// Octets.
        size: u64,
        /// When it came.
        created: String,
        /// When it is tried next.
        next_try: String,
        /// Tries so far.
        tries: u32,
        /// What the other side said last.
        last_error: String,
        /// Stays until somebody releases it.
        held: bool,
    }
    /// How many were tried at once.
    answer Retried {
        /// Messages.
        count: u64,
    }
    /// One device.
    answer Device {
        /// Its id.
        id: String,
        /// Its user.
        user: String,
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
        /// `DeviceType=` of its requests.
        device_type: String,
        /// User-Agent of its latest request.
        agent: String,
        /// First request.
        first_seen: Option<String>,
        /// Latest request.
        last_seen: Option<String>,
        /// Command of the latest request.
        last_command: String,
        /// The latest decision.
        allowed: Option<bool>,
        /// Reason code of the latest decision.
        reason: String,
        /// Counts rulings.
        version: i64,
    }
    /// How many devices were ruled for.
    answer Ruled {
        /// Devices.
        count: u64,
    }
    /// What people see of a key or certificate.
    answer Key {
        /// Where it is stored: `key`, `partner` or `root`.
        section: String,
        /// Its key there.
        key: String,
        /// Whose; empty for roots.
        owner: String,
        /// The certificate's subject.
        subject: String,
        /// The certificate's issuer.
        issuer: String,
        /// Serial number, hex.
        serial: String,
        /// First instant of its validity.
        not_before: Option<String>,
        /// Last instant of its validity.
        not_after: Option<String>,
        /// SHA-256 of the certificate, hex.
        sha256: String,
        /// May sign mail.
        signs: bool,
        /// Mail may be encrypted to it.
        encrypts: bool,
        /// Its private key is here.
        private: bool,
        /// Version of the row.
        version: i64,
    }
    /// A key's certificate.
    answer KeyCertificate {
        /// The key's id.
        id: String,
        /// The certificate and its chain, PEM.
        certificate: String,
    }
    /// The rule set that runs.
    answer Rules {
        /// Its version.
        version: i64,
        /// Its text.
        text: String,
        /// The generator's switches, if it made the text.
        generator: Option<BTreeMap<String, serde_json::Value>>,
    }
    /// A place in a text, and what is wrong there.
    answer Finding {
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong.
        message: String,
    }
    /// What looking at a rule text found.
    answer RulesChecked {
        /// Warnings; errors are a problem with `findings`.
        warnings: Vec<Finding>,
    }
    /// What was put in force.
    answer RulesApplied {
        /// Its version.
        version: i64,
        /// Warnings.
        warnings: Vec<Finding>,
        /// Switches that have no effect yet.
        left_out: Vec<String>,
    }
    /// What the generator wrote.
    answer RulesGenerated {
        /// The rule text.
        text: String,
        /// Switches that have no effect yet.
        left_out: Vec<String>,
    }
    /// One change of a site file.
    answer Change {
        /// The section.
        section: String,
        /// The row.
        key: String,
        /// `added`, `changed` or `removed`.
        kind: String,
        /// JSON before, secrets masked.
        before: Option<String>,
        /// JSON after, secrets masked.
        after: Option<String>,
    }
    /// What applying a site file did, or would do.
    answer Applied {
        /// The changes; none if the site was so already.
        changes: Vec<Change>,
        /// Switches of the generator that have no effect yet.
        left_out: Vec<String>,
        /// Warnings about the rule set.
        warnings: Vec<Finding>,
    }
    /// A token, without its secret.
    answer Token {
        /// Its id.
        id: String,
        /// What its owner calls it.
        name: String,
        /// Whose rights bound it.
        owner: String,
        /// Words of rights.
        scopes: Vec<String>,
        /// When it was made.
        created: String,
        /// When it ends.
        expires: Option<String>,
    }
    /// A new token.
    answer TokenMade {
        /// What lists show of it.
        #[serde(flatten)]
        info: Token,
        /// Its text, given this once.
        token: String,
    }
    /// Somebody who may sign in.
    answer Administrator {
        /// Sign-in name.
        name: String,
        /// Words of rights.
        rights: Vec<String>,
        /// Has a one-time password.
        must_change: bool,
        /// Version of the row.
        version: i64,
    }
    /// A one-time password.
    answer OneTimePassword {
        /// Whose.
        name: String,
        /// Given this once.
        one_time_password: String,
    }
    /// One line of the audit log.
    answer AuditEntry {
        /// Its place; the cursor of pages.
        id: String,
        /// When.
        at: String,
        /// Who.
        who: String,
        /// What: `section/key`.
        what: String,
        /// JSON before, secrets masked.
        before: Option<String>,
        /// JSON after, secrets masked.
        after: Option<String>,
    }
    /// What the mobile gate would decide.
    answer MobileDecision {
        /// `allow` or `block`.
        decision: String,
        /// The reason's code.
        reason: String,
        /// The policy that blocks, if one does.
        policy: Option<String>,
    }
    /// An error (RFC 9457).
    answer Problem {
        /// `urn:sealgate:fault:CODE`.
        #[serde(rename = "type")]
        kind: String,
        /// The kind in words.
        title: String,
        /// The HTTP status.
        status: u16,
        /// What happened and what to do, in the caller's language.
        detail: String,
        /// The stable code.
        code: String,
        /// True if it may work later.
        temporary: bool,
        /// All that was found, as text.
        errors: Option<Vec<String>>,
        /// The same with places.
        findings: Option<Vec<Finding>>,
    }

    /// A ruling.
    request Ruling {
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
    }
    /// Names one device.
    request DeviceRef {
        /// Its user.
        user: String,
        /// Its id.
        id: String,
    }
    /// A ruling for many devices.
    request DeviceRuling {
        /// 1 to 1,000 of them.
        devices: Vec<DeviceRef>,
        /// `default`, `whitelist` or `blacklist`.
        #[serde(rename = "override")]
        ruling: String,
    }
    /// A file of keys or certificates.
    request KeyImport {
        /// The address, or the domain; empty for a root.
        #[serde(default)]
        owner: String,
        /// The file, base64.
        file: String,
        /// Opens a protected file.
        #[serde(default)]
        passphrase: Option<String>,
        /// For a root: `trusted`, `untrusted` or `undefined`.
        #[serde(default)]
        trust: Option<String>,
    }
    /// A rule text to look at.
    request RulesCheck {
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// The text.
        text: String,
    }
    /// Rules to put in force: either a text or switches.
    request RulesApply {
        /// The text.
        #[serde(default)]
        text: Option<String>,
        /// The generator's switches.
        #[serde(default)]
        generator: Option<BTreeMap<String, serde_json::Value>>,
    }
    /// A message to run through rules.
    request RulesRun {
        /// The name that findings say.
        #[serde(default)]
        name: String,
        /// A rule text; without it the rules that run.
        #[serde(default)]
        rules: Option<String>,
        /// The message, base64.
        message: String,
        /// MAIL FROM; empty is the null sender.
        #[serde(default)]
        from: String,
        /// RCPT TO.
        to: Vec<String>,
        /// As if the client may speak for the sender.
        #[serde(default)]
        authenticated: bool,
    }
    /// Switches for the generator.
    request RulesGenerate {
        /// As under `[rules.generator]`.
        #[serde(default)]
        generator: BTreeMap<String, serde_json::Value>,
    }
    /// A token to make.
    request TokenAdd {
        /// What its owner calls it.
        name: String,
        /// Words of rights; with `:read` for looking only.
        scopes: Vec<String>,
        /// Without it the token does not end.
        #[serde(default)]
        lifetime_seconds: Option<u64>,
    }
    /// An administrator to make.
    request AdministratorAdd {
        /// Sign-in name.
        name: String,
        /// Words of rights.
        rights: Vec<String>,
    }
    /// A message to look at.
    request MessageBody {
        /// The message, base64.
        message: String,
        /// Whose keys may open it.
        #[serde(default)]
        to: Vec<String>,
    }
    /// A phone's query.
    request MobileQuery {
        /// What stands after the `?`, or the whole URL.
        query: String,
    }
    /// A request of a phone.
    request MobileDecide {
        /// The user, in any spelling.
        user: String,
        /// The device id.
        #[serde(default)]
        device: String,
        /// `DeviceType=`.
        #[serde(default)]
        device_type: String,
        /// User-Agent.
        #[serde(default)]
        agent: String,
        /// The command; `Sync` if not said.
        #[serde(default)]
        command: String,
    }
    /// Rights to give.
    request RightsBody {
        /// Words of rights.
        rights: Vec<String>,
    }
    /// A decision about a root.
    request TrustBody {
        /// `trusted`, `untrusted` or `undefined`.
        trust: String,
    }

    /// `[[domain]]`.
    request Domain {
        /// The name.
        name: String,
        /// The company's server.
        forward: String,
        /// `none` or `may`.
        tls: Option<String>,
        /// Language of mails to its people.
        language: Option<String>,
    }
    /// `[[mail.source]]`.
    request Source {
        /// The clients.
        network: String,
        /// May send to domains that are not ours.
        relay: Option<bool>,
        /// Managed domains that it may speak for.
        speaks_for: Option<Vec<String>>,
    }
    /// `[[user]]`.
    request User {
        /// The account.
        address: String,
        /// Default: the address.
        user_id: Option<String>,
        /// Full name.
        name: Option<String>,
        /// No outgoing encryption.
        may_not_encrypt: Option<bool>,
        /// No outgoing signature.
        may_not_sign: Option<bool>,
    }
    /// `[[partner]]`.
    request Partner {
        /// Whose.
        address: String,
        /// Certificates, PEM, newest first.
        certificates: Vec<String>,
        /// `imported` or `harvested`.
        origin: Option<String>,
    }
    /// `[[root]]`.
    request Root {
        /// The certificate, PEM.
        certificate: String,
        /// `trusted`, `untrusted` or `undefined`.
        trust: Option<String>,
    }
    /// `[[template]]`.
    request Template {
        /// Its name, as rules say it.
        name: String,
        /// Header lines, an empty line, the text.
        text: String,
    }
    /// `[[mobile.gateway]]`.
    request Gateway {
        /// Unique.
        id: String,
        /// Shown name.
        name: Option<String>,
        /// Off: answers 503.
        enabled: Option<bool>,
        /// `exchange`, `online`, `traveler`, `google`, `groupwise`, `other`.
        kind: Option<String>,
        /// `https://host[:port][/path]`.
        mail_server: String,
        /// Off: certificate errors of the mail server are ignored.
        verify_tls_mail: Option<bool>,
        /// Mail flows while there are no policies.
        allow_without_policies: Option<bool>,
    }
    /// `[mail]`.
    request MailSettings {
        /// Our name in HELO, Received and DSNs.
        hostname: Option<String>,
        /// Sender of our own messages.
        postmaster: Option<String>,
        /// May relay and speak for all managed domains.
        relay_networks: Option<Vec<String>>,
        /// As in `50MB`.
        max_message_size: Option<String>,
        /// Most recipients of one message.
        max_recipients: Option<u32>,
        /// Next hop for all that is not ours.
        smart_host: Option<String>,
        /// `none` or `may`.
        tls_out: Option<String>,
        /// First wait, as in `5m`.
        retry_first: Option<String>,
        /// Longest wait.
        retry_max: Option<String>,
        /// After so long a DSN ends it.
        expire: Option<String>,
        /// The sender is told once that mail is late.
        delay_notice: Option<String>,
    }
    /// `[mobile]`.
    request MobileSettings {
        /// Evaluate and report, block nothing.
        test_mode: Option<bool>,
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// What `after` says for the next page; `null` on the last.
    pub next: Option<String>,
}

/// All schemas by name, with those that they refer to.
#[must_use]
pub fn all() -> BTreeMap<String, RefOr<Schema>> {
    let mut found = Vec::new();
    macro_rules! add {
        ($($name:literal : $type:ty),* $(,)?) => { $(
            found.push(($name.to_owned(), <$type as PartialSchema>::schema()));
            <$type as ToSchema>::schemas(&mut found);
        )* };
    }
    add!(
        "Counts": Counts, "State": State, "QueueItem": QueueItem, "Retried": Retried, "Device": Device, "Ruled": Ruled, "Key": Key,
        "KeyCertificate": KeyCertificate, "Rules": Rules, "RulesChecked": RulesChecked, "RulesApplied": RulesApplied,
        "RulesGenerated": RulesGenerated, "Applied": Applied, "Token": Token, "TokenMade": TokenMade, "Administrator": Administrator,
        "OneTimePassword": OneTimePassword, "AuditEntry": AuditEntry, "MobileDecision": MobileDecision, "Problem": Problem,
        "Ruling": Ruling, "DeviceRuling": DeviceRuling, "KeyImport": KeyImport, "RulesCheck": RulesCheck, "RulesApply": RulesApply,
        "RulesRun": RulesRun, "RulesGenerate": RulesGenerate, "TokenAdd": TokenAdd, "AdministratorAdd": AdministratorAdd,
        "Message": MessageBody, "MobileQuery": MobileQuery, "MobileDecide": MobileDecide, "Rights": RightsBody, "Trust": TrustBody,
        "Domain": Domain, "Source": Source, "User": User, "Partner": Partner, "Root": Root, "Template": Template, "Gateway": Gateway,
        "MailSettings": MailSettings, "MobileSettings": MobileSettings, "QueueList": List<QueueItem>, "DeviceList": List<Device>,
        "KeyList": List<Key>, "TokenList": List<Token>, "AdministratorList": List<Administrator>, "AuditList": List<AuditEntry>,
        "DomainList": List<Domain>, "SourceList": List<Source>, "UserList": List<User>, "PartnerList": List<Partner>,
        "RootList": List<Root>, "TemplateList": List<Template>, "GatewayList": List<Gateway>,
    );
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use model::site;

    use super::*;

    /// Names of the members that a schema has.
    fn described(name: &str) -> Vec<String> {
        let schema = serde_json::to_value(&all()[name]).unwrap();
        let mut names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    fn real(value: impl Serialize) -> Vec<String> {
        let mut names: Vec<String> = serde_json::to_value(value).unwrap().as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn mirrors_have_the_fields_of_the_records() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(described("MailSettings"), real(site::MailSettings::default()));
        assert_eq!(described("MobileSettings"), real(site::MobileSettings::default()));
        assert_eq!(described("Domain"), real(read::<site::Domain>(json(r#"{"name":"a.example","forward":"b","language":"de"}"#))));
        assert_eq!(described("Source"), real(read::<site::Source>(json(r#"{"network":"10.0.0.0/8"}"#))));
        assert_eq!(described("User"), real(read::<site::User>(json(r#"{"address":"a@b.example"}"#))));
        assert_eq!(described("Partner"), real(read::<site::Partner>(json(r#"{"address":"a@b.example","certificates":[]}"#))));
        assert_eq!(described("Root"), real(read::<site::Root>(json(r#"{"certificate":""}"#))));
        assert_eq!(described("Template"), real(read::<site::Template>(json(r#"{"name":"a","text":"b"}"#))));
        assert_eq!(described("Gateway"), real(read::<site::MobileGateway>(json(r#"{"id":"a","mail_server":"https://b"}"#))));
    }

    #[test]
    fn every_reference_in_a_schema_leads_somewhere() {
        let schemas = all();
        let text = serde_json::to_string(&schemas).unwrap();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
