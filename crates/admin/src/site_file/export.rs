//! The site as a site file: what `config apply` would take to make the same site again.
//!
//! Private keys are not in it (they go with a backup); harvested certificates are, as comments say, the mails' own.

use model::device::Device;
use model::site::{
    LogSettings, MailSettings, MobileGateway, MobilePolicy, MobileSettings, Partner, PolicyEntry, ProtectionSettings, RuleTest,
    RulesSetting, Section, SiteRow, SystemSettings,
};
use model::{Fault, site};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::brought::{by_hand, by_mail};
use super::read::{FileDevice, FilePartner};
use crate::error::internal;
use crate::secrets::{password_of, placeholder};

/// The file's text.
///
/// # Errors
/// When a stored row is damaged.
pub fn export(rows: &[SiteRow], ruled: &[Device]) -> Result<String, Fault> {
    let mut out = String::from("# The site, as `sealgate config export` writes it. Private keys are not in it: see `sealgate backup`.\n");
    each::<MailSettings>(&mut out, rows, Section::Mail, "[mail]")?;
    each::<site::Source>(&mut out, rows, Section::Source, "[[mail.source]]")?;
    each::<site::Domain>(&mut out, rows, Section::Domain, "[[domain]]")?;
    each::<site::TlsDestination>(&mut out, rows, Section::Tls, "[[tls]]")?;
    for row in rows.iter().filter(|row| row.section == Section::Protection) {
        write_protection(&mut out, parse(row)?)?;
    }
    for row in rows.iter().filter(|row| row.section == Section::Rules) {
        write_rules(&mut out, &parse(row)?)?;
    }
    each::<site::Template>(&mut out, rows, Section::Template, "[[template]]")?;
    each::<site::Disclaimer>(&mut out, rows, Section::Disclaimer, "[[disclaimer]]")?;
    each::<site::SiteFile>(&mut out, rows, Section::File, "[[file]]")?;
    each::<site::Group>(&mut out, rows, Section::Group, "[[group]]")?;
    for row in rows.iter().filter(|row| row.section == Section::User) {
        let name = password_of(&row.key);
        let password = rows.iter().any(|row| row.section == Section::Secret && row.key == name).then(|| placeholder(&name));
        table(&mut out, "[[user]]", &FileUser { user: parse(row)?, password })?;
    }
    for row in rows.iter().filter(|row| row.section == Section::Partner) {
        let partner: Partner = parse(row)?;
        let entered = by_hand(&partner);
        let pgp_key: String = partner.pgp_keys.iter().map(|kept| kept.armour.as_str()).collect();
        if !entered.is_empty() || !pgp_key.is_empty() {
            table(&mut out, "[[partner]]", &FilePartner { address: partner.address, certificate: entered.concat(), pgp_key })?;
        }
    }
    for row in rows.iter().filter(|row| row.section == Section::Root && !by_mail(row)) {
        table(&mut out, "[[root]]", &site::Root { origin: String::new(), ..parse(row)? })?;
    }
    each::<MobileSettings>(&mut out, rows, Section::Mobile, "[mobile]")?;
    each::<LogSettings>(&mut out, rows, Section::Logs, "[logs]")?;
    each::<SystemSettings>(&mut out, rows, Section::System, "[[system]]")?;
    for row in rows.iter().filter(|row| row.section == Section::Gateway) {
        write_gateway(&mut out, &parse(row)?)?;
    }
    for row in rows.iter().filter(|row| row.section == Section::Policy) {
        write_policy(&mut out, parse(row)?)?;
    }
    for device in ruled {
        let reported = device.reported.as_deref().cloned().unwrap_or_default().given();
        let written = FileDevice { id: device.id.as_str().to_owned(), user: device.user.clone(), ruling: device.override_, reported };
        table(&mut out, "[[device]]", &written)?;
    }
    Ok(out)
}

/// The list by hand stands inside its section, one entry a line.
fn write_protection(out: &mut String, mut settings: ProtectionSettings) -> Result<(), Fault> {
    let entries = std::mem::take(&mut settings.access);
    let mut value = toml::Value::try_from(&settings).map_err(internal)?;
    if let Some(table) = value.as_table_mut() {
        table.remove("access");
    }
    table(out, "[protection]", &value)?;
    if !entries.is_empty() {
        let text = |text: &str| toml::Value::String(text.to_owned());
        out.push_str("access = [\n");
        for entry in entries {
            let action = toml::Value::try_from(entry.action).map_err(internal)?;
            let (network, comment) = (text(&entry.network.to_string()), text(&entry.comment));
            out.push_str(&format!("  {{ network = {network}, action = {action}, comment = {comment} }},\n"));
        }
        out.push_str("]\n");
    }
    Ok(())
}

/// One configuration of the mobile gate as a section of a site file, its tables in one line each. Secrets are names only.
///
/// # Errors
/// When a value has no form in TOML.
pub fn write_gateway(out: &mut String, gateway: &MobileGateway) -> Result<(), Fault> {
    out.push_str("\n[[mobile.gateway]]\n");
    let value = toml::Value::try_from(gateway).map_err(internal)?;
    for (key, value) in value.as_table().into_iter().flatten() {
        out.push_str(&format!("{key} = {value}\n"));
    }
    Ok(())
}

/// A policy's lists stand inside its section, one entry a line.
fn write_policy(out: &mut String, mut policy: MobilePolicy) -> Result<(), Fault> {
    let (entries, folders) = (std::mem::take(&mut policy.list), std::mem::take(&mut policy.folders));
    let (rows, schemes) = (std::mem::take(&mut policy.rows), std::mem::take(&mut policy.schemes));
    let classes = std::mem::take(&mut policy.classes);
    table(out, "[[mobile.policy]]", &policy)?;
    inline(out, "rows", &rows)?;
    inline(out, "schemes", &schemes)?;
    for (class, rows) in classes.all() {
        inline(out, &format!("classes.{class}"), rows)?;
    }
    if !folders.is_empty() {
        let text = |(key, value): (&str, &str)| format!("{key} = {}", toml::Value::String(value.to_owned()));
        out.push_str("folders = [\n");
        for folder in &folders {
            let fields = [("type", folder.kind.as_str()), ("name", folder.name.as_str())];
            let said: Vec<String> = fields.into_iter().filter(|(_, value)| !value.is_empty()).map(text).collect();
            out.push_str(&format!("  {{ {} }},\n", said.join(", ")));
        }
        out.push_str("]\n");
    }
    if !entries.is_empty() {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        out.push_str("list = [\n");
        for entry in entries {
            let written = match entry {
                PolicyEntry::Text(name) => text(&name),
                PolicyEntry::Of(of) => {
                    let fields = [("platform", of.platform), ("model", of.model), ("from", of.from), ("to", of.to)];
                    let said: Vec<String> = fields
                        .iter()
                        .filter(|(_, value)| !value.is_empty())
                        .map(|(name, value)| format!("{name} = {}", text(value)))
                        .collect();
                    format!("{{ {} }}", said.join(", "))
                }
            };
            out.push_str(&format!("  {written},\n"));
        }
        out.push_str("]\n");
    }
    Ok(())
}

fn inline<T: Serialize>(out: &mut String, name: &str, entries: &[T]) -> Result<(), Fault> {
    if entries.is_empty() {
        return Ok(());
    }
    out.push_str(&format!("{name} = [\n"));
    for entry in entries {
        let value = toml::Value::try_from(entry).map_err(internal)?;
        out.push_str(&format!("  {value},\n"));
    }
    out.push_str("]\n");
    Ok(())
}

/// `[[user]]` with the name of its password, which only the store holds.
#[derive(Serialize)]
struct FileUser {
    #[serde(flatten)]
    user: site::User,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

fn write_rules(out: &mut String, setting: &RulesSetting) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct Text<'t> {
        text: &'t str,
    }
    let required = if setting.require_tests { "require_tests = true\n" } else { "" };
    match &setting.generator {
        Some(switches) if switches.is_empty() => out.push_str(&format!("\n[rules]\ngenerator = true\n{required}")),
        Some(switches) => {
            if setting.require_tests {
                out.push_str(&format!("\n[rules]\n{required}"));
            }
            table(out, "[rules.generator]", switches)?;
        }
        None => {
            table(out, "[rules]", &Text { text: &setting.text })?;
            out.push_str(required);
        }
    }
    setting.tests.iter().try_for_each(|test| write_test(out, test))
}

/// What is expected stands on one line inside the test.
fn write_test(out: &mut String, test: &RuleTest) -> Result<(), Fault> {
    let mut value = toml::Value::try_from(test).map_err(internal)?;
    let expect = value.as_table_mut().and_then(|table| table.remove("expect"));
    table(out, "[[rules.test]]", &value)?;
    if let Some(expect) = expect {
        out.push_str(&format!("expect = {expect}\n"));
    }
    Ok(())
}

fn each<T: Serialize + DeserializeOwned>(out: &mut String, rows: &[SiteRow], section: Section, header: &str) -> Result<(), Fault> {
    rows.iter().filter(|row| row.section == section).try_for_each(|row| table(out, header, &parse::<T>(row)?))
}

fn parse<T: DeserializeOwned>(row: &SiteRow) -> Result<T, Fault> {
    serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))
}

fn table(out: &mut String, header: &str, record: &impl Serialize) -> Result<(), Fault> {
    let body = toml::to_string_pretty(record).map_err(internal)?;
    out.push_str(&format!("\n{header}\n{body}"));
    Ok(())
}
