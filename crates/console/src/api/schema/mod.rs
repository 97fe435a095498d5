//! Bodies of requests and answers, and their schemas by name.

use std::collections::BTreeMap;

use serde::Serialize;
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

mod answers;
mod log;
mod phones;
mod records;
mod requests;

pub use answers::*;
pub use log::*;
pub use phones::*;
pub use records::*;
pub use requests::*;

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// What `after` says for the next page; `null` on the last.
    pub next: Option<String>,
}

/// A page of devices.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DevicePage {
    /// The items; there may be fewer than `limit` although there is a next page.
    pub items: Vec<Device>,
    /// What `after` says for the next page; `null` on the last.
    pub next: Option<String>,
    /// How many there are in all; `null` where that would have to be counted: of a search, or by time.
    pub total: Option<i64>,
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
        "Counts": Counts, "State": State, "QueueItem": QueueItem, "Retried": Retried, "QueueAdopt": QueueAdopt,
        "QueueAdopted": QueueAdopted, "Device": Device, "Ruled": Ruled, "DeviceClass": DeviceClass, "DeviceClassList": List<DeviceClass>,
        "DeviceUser": DeviceUser, "DeviceUserList": List<DeviceUser>, "DeviceDecision": DeviceDecision,
        "DeviceDecisionList": List<DeviceDecision>, "DeviceBadLine": DeviceBadLine, "DeviceImported": DeviceImported,
        "ComplianceJob": ComplianceJob, "ComplianceJobList": List<ComplianceJob>, "ComplianceRun": ComplianceRun,
        "ComplianceAsked": ComplianceAsked, "DeviceOrder": DeviceOrder, "DeviceOrdered": DeviceOrdered, "GatewayTest": GatewayTest, "GatewayStep": GatewayStep,
        "MobileRedirectList": MobileRedirectList, "MobileRedirect": MobileRedirect, "DeviceDiagnosis": DeviceDiagnosis, "DiagnosedDevice": DiagnosedDevice,
        "DiagnosedDeviceList": List<DiagnosedDevice>, "DeviceTransaction": DeviceTransaction,
        "DeviceTransactionList": List<DeviceTransaction>, "DeviceNames": DeviceNames, "PolicyEffect": PolicyEffect,
        "PolicyEffectList": List<PolicyEffect>, "Key": Key,
        "DomainKey": DomainKey, "DomainRemoved": DomainRemoved, "DomainKeyList": List<DomainKey>,
        "KeyDetail": KeyDetail, "KeyMail": KeyMail, "KeyUsed": KeyUsed, "KeyUsedList": List<KeyUsed>, "MasterKey": MasterKey, "KeyExported": KeyExported, "KeyExport": KeyExport, "KeyGenerate": KeyGenerate, "KeyRetire": KeyRetire, "Rules": Rules, "RulesChecked": RulesChecked, "RulesApplied": RulesApplied,
        "RulesGenerated": RulesGenerated, "RuleVersion": RuleVersion, "RuleVersionList": List<RuleVersion>, "RulesDiff": RulesDiff,
        "RulesRollback": RulesRollback, "RulesReplay": RulesReplay, "RulesTests": RulesTests, "RulesTest": RulesTest, "RulesTested": RulesTested, "Applied": Applied, "Token": Token, "TokenMade": TokenMade, "Administrator": Administrator,
        "OneTimePassword": OneTimePassword, "AuditEntry": AuditEntry, "MobileDecision": MobileDecision, "Problem": Problem,
        "Ruling": Ruling, "DeviceRuling": DeviceRuling, "KeyImport": KeyImport, "RulesCheck": RulesCheck, "RulesApply": RulesApply,
        "RulesRun": RulesRun, "RulesGenerate": RulesGenerate, "TokenAdd": TokenAdd, "AdministratorAdd": AdministratorAdd,
        "UserPassword": UserPassword,
        "Message": MessageBody, "MobileQuery": MobileQuery, "MobileBody": MobileBody, "MobileXml": MobileXml, "EncryptedAttachment": EncryptedAttachment, "MobileDecide": MobileDecide, "Rights": RightsBody, "Trust": TrustBody,
        "Domain": Domain, "TlsDestination": TlsDestination, "Source": Source, "User": User, "Partner": Partner, "Root": Root,
        "Template": Template, "Disclaimer": Disclaimer, "File": File, "Group": Group, "Gateway": Gateway, "Diagnostic": Diagnostic, "DeviceProfile": DeviceProfile, "Policy": Policy, "PolicyList": List<Policy>, "DeviceReport": DeviceReport, "HostEntry": HostEntry, "ZoneHost": ZoneHost, "MailSettings": MailSettings,
        "MobileSettings": MobileSettings, "ProtectionSettings": ProtectionSettings, "Scanner": Scanner,
        "ScannerList": List<Scanner>, "QueueList": List<QueueItem>, "DeviceList": DevicePage,
        "KeyList": List<Key>, "TokenList": List<Token>, "AdministratorList": List<Administrator>, "AuditList": List<AuditEntry>,
        "DomainList": List<Domain>, "TlsDestinationList": List<TlsDestination>, "SourceList": List<Source>, "UserList": List<User>, "PartnerList": List<Partner>,
        "RootList": List<Root>, "TemplateList": List<Template>, "DisclaimerList": List<Disclaimer>, "FileList": List<File>, "GroupList": List<Group>, "GatewayList": List<Gateway>,
        "LogFound": LogFound, "LogSettings": LogSettings, "System": System, "SystemList": List<System>,
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
        assert_eq!(described("ProtectionSettings"), real(site::ProtectionSettings::default()));
        assert_eq!(
            described("Domain"),
            real(read::<site::Domain>(json(
                r#"{"name":"a.example","forward":"b","language":"de","fingerprints":[""],"dkim_selector":"s","dkim_key":"off","disclaimer":"a"}"#
            )))
        );
        let tls = r#"{"domain":"a.example","server":"b","level":"may","fingerprints":[""]}"#;
        assert_eq!(described("TlsDestination"), real(read::<site::TlsDestination>(json(tls))));
        let policy = r#"{"type":"os","strict":true,"labels":["a"],"gateways":["b"],"days":1,"list":["x"],
            "folders":[{"name":"a"}],"rows":[{"action":"block"}],"tags":["a"],"sources":["body"],"inbox_clients":["a"],
            "classes":{"managed":[{"types":"*","action":"block"}]},"reader_platforms":["ios"],"mode":"include","domains":["a.example"],
            "schemes":[{"http":"edge"}]}"#;
        assert_eq!(described("Policy"), real(read::<site::MobilePolicy>(json(policy))));
        let report = json(
            r#"{"managed":true,"enrolled":true,"mdm_compliant":true,"compromised":true,"encrypted":true,"eas_profile":true,"platform":"a",
            "model":"a","os":"1","last_seen":"2026-11-21T21:44:34Z","phone":"1","imei":"1","friendly_name":"a","address":"a","labels":["a"],
            "external":"global","enrolled_at":"2026-11-21T21:44:34Z"}"#,
        );
        assert_eq!(described("DeviceReport"), real(read::<model::device::Reported>(report)));
        assert_eq!(described("LogSettings"), real(site::LogSettings::default()));
        assert_eq!(described("System"), real(read::<site::SystemSettings>(json(r#"{"node":"a"}"#))));
        let target = r#"{"target":"udp://a:514","ca":"x"}"#;
        assert_eq!(described("SyslogTarget"), real(read::<site::SyslogTarget>(json(target))));
        assert_eq!(
            described("Source"),
            real(read::<site::Source>(json(r#"{"network":"10.0.0.0/8","tls_name":"a.example","tenant_header":"X: y"}"#)))
        );
        assert_eq!(
            described("User"),
            real(read::<site::User>(json(r#"{"address":"a@b.example","send_as":["c@b.example"],"groups":["a"],"attributes":{"sn":"b"}}"#)))
        );
        assert_eq!(
            described("Partner"),
            real(read::<site::Partner>(json(r#"{"address":"a@b.example","certificates":[],"origins":{"a":"b"}}"#)))
        );
        assert_eq!(described("Root"), real(read::<site::Root>(json(r#"{"certificate":"","origin":"a"}"#))));
        assert_eq!(described("Template"), real(read::<site::Template>(json(r#"{"name":"a","text":"b"}"#))));
        assert_eq!(described("Disclaimer"), real(read::<site::Disclaimer>(json(r#"{"name":"a"}"#))));
        assert_eq!(described("File"), real(read::<site::SiteFile>(json(r#"{"name":"a","content":"eA=="}"#))));
        assert_eq!(described("Group"), real(read::<site::Group>(json(r#"{"name":"a","members":["a@b.example"]}"#))));
        let gateway = r#"{"id":"a","mail_server":"https://b","version":"8","external_url":"https://c.example","listen":"127.0.0.1:1",
            "trusted_proxies":["10.0.0.0/8"],"blocked_text":"a","report_required":["Sync"],"report_optional":["Find"],
            "webmail_paths":["/owa"],"redirect_hosts":["d.example"],"proxy_mail":{"url":"http://p"},"proxy_api":{"url":"http://p"},"smime_lookup":{"url":"ldaps://d"},
            "profiles":[{"platform":"ios","client":"mail","profile":"a"}]}"#;
        assert_eq!(described("Gateway"), real(read::<site::MobileGateway>(json(gateway))));
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
