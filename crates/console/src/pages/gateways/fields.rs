//! The settings of one configuration as fields of forms: drawn, and read back. A form shows some groups of them; what it does not show
//! stays as it was.

use model::Fault;
use model::site::{
    Assignment, DeviceProfile, Diagnostic, MobileGateway, OutboundProxy, PROFILE_PAIRS, REPORT_OPTIONAL, REPORT_REQUIRED, SmimeLookup,
    WithoutPolicy,
};
use web::{Field, FieldKind, FormData};

use crate::api::answer::bad_field;
use crate::say::Say;

/// What belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Which kind of mail server.
    Kind,
    /// Where it is, and what phones call the gateway.
    Basic,
    /// Networks, proxies, paths, what can't be judged.
    Advanced,
    /// What is reported and exchanged, and how often.
    Reports,
    /// Profiles for devices.
    Profiles,
}

impl Group {
    /// Its fields with the present values.
    #[must_use]
    pub fn fields(self, say: Say, one: &MobileGateway) -> Vec<Field> {
        match self {
            Self::Kind => kind(say, one),
            Self::Basic => basic(say, one),
            Self::Advanced => advanced(say, one),
            Self::Reports => reports(say, one),
            Self::Profiles => profiles(say, one),
        }
    }

    /// The configuration with what a form that shows this group says.
    ///
    /// # Errors
    /// `bad-field` for what can't be read.
    pub fn read(self, before: MobileGateway, form: &FormData) -> Result<MobileGateway, Fault> {
        match self {
            Self::Kind => Ok(MobileGateway { kind: line(form, "kind"), version: line(form, "server_version"), ..before }),
            Self::Basic => Ok(MobileGateway {
                name: line(form, "name"),
                enabled: on(form, "enabled"),
                external_url: line(form, "external_url"),
                mail_server: words(form, "mail_server").join(" "),
                verify_tls_mail: on(form, "verify_tls_mail"),
                ..before
            }),
            Self::Advanced => read_advanced(before, form),
            Self::Reports => read_reports(before, form),
            Self::Profiles => Ok(MobileGateway { profiles: read_profiles(form), ..before }),
        }
    }
}

fn line(form: &FormData, name: &str) -> String {
    form.text(name).trim().to_owned()
}

fn on(form: &FormData, name: &str) -> bool {
    form.text(name) == "yes"
}

fn words(form: &FormData, name: &str) -> Vec<String> {
    form.text(name).split([',', '\n', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn text(say: Say, name: &str, id: &str, value: &str) -> Field {
    let hint = format!("{id}-hint");
    let hint = if texts::has(say.0, &hint) { say.t(&hint) } else { String::new() };
    Field::new(name, say.t(id), FieldKind::Text).hint(hint).value(value)
}

fn check(say: Say, name: &str, id: &str, on: bool) -> Field {
    Field::new(name, say.t(id), FieldKind::Check).hint(say.t(&format!("{id}-hint"))).value(if on { "yes" } else { "" })
}

fn area(say: Say, name: &str, id: &str, lines: &[String]) -> Field {
    Field::new(name, say.t(id), FieldKind::Area { rows: 3 }).hint(say.t(&format!("{id}-hint"))).value(lines.join("\n"))
}

fn select(say: Say, name: &str, id: &str, options: Vec<(String, String)>, value: &str) -> Field {
    Field { kind: FieldKind::Select { options }, ..text(say, name, id, value) }
}

fn kind(say: Say, one: &MobileGateway) -> Vec<Field> {
    let kinds = admin::gateway::KINDS.iter().map(|kind| ((*kind).to_owned(), say.t(&format!("gateway-kind-{kind}")))).collect();
    vec![select(say, "kind", "gateway-kind", kinds, &one.kind), text(say, "server_version", "gateway-version", &one.version)]
}

fn basic(say: Say, one: &MobileGateway) -> Vec<Field> {
    let servers: Vec<String> = one.mail_servers().map(str::to_owned).collect();
    vec![
        text(say, "name", "gateway-name", &one.name),
        check(say, "enabled", "gateway-enabled", one.enabled),
        text(say, "external_url", "gateway-external-url", &one.external_url),
        area(say, "mail_server", "gateway-mail-server", &servers),
        check(say, "verify_tls_mail", "gateway-verify", one.verify_tls_mail),
    ]
}

fn advanced(say: Say, one: &MobileGateway) -> Vec<Field> {
    let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let options = |words: &[&str], id: &str| words.iter().map(|word| ((*word).to_owned(), say.t(&format!("{id}-{word}")))).collect();
    let proxies: Vec<String> = one.trusted_proxies.iter().map(ToString::to_string).collect();
    let without = if one.attachments_without_policy == WithoutPolicy::Allow { "allow" } else { "block" };
    let auth = if one.proxy_mail.auth == "basic" { "basic" } else { "none" };
    let secret = |name: &str, id: &str| {
        let hint = say.t("gateway-proxy-password-hint");
        Field::new(name, say.t(id), FieldKind::Password).hint(hint).autocomplete("new-password")
    };
    vec![
        select(say, "tls", "gateway-tls", options(&["own", "terminated_before"], "gateway-tls"), &one.tls),
        area(say, "trusted_proxies", "gateway-proxies", &proxies),
        check(say, "forward_client_address", "gateway-forward", one.forward_client_address),
        area(say, "listen", "gateway-listen", &lines(&one.listen)),
        area(say, "webmail_paths", "gateway-webmail", &one.webmail_paths),
        check(say, "ews", "gateway-ews", one.ews),
        area(say, "redirect_hosts", "gateway-redirects", &one.redirect_hosts),
        text(say, "proxy_url", "gateway-proxy-url", &one.proxy_mail.url),
        select(say, "proxy_auth", "gateway-proxy-auth", options(&["none", "basic"], "gateway-proxy-auth"), auth),
        text(say, "proxy_user", "gateway-proxy-user", &one.proxy_mail.user),
        secret("proxy_password", "gateway-proxy-password"),
        secret("proxy_password_again", "gateway-proxy-password-again"),
        text(say, "smime_lookup", "gateway-lookup", &one.smime_lookup.url),
        text(say, "lookup_user", "gateway-lookup-user", &one.smime_lookup.user),
        Field::new("lookup_password", say.t("gateway-lookup-password"), FieldKind::Password)
            .hint(say.t("gateway-lookup-password-hint"))
            .autocomplete("new-password"),
        text(say, "lookup_attribute", "gateway-lookup-attribute", &one.smime_lookup.attribute),
        check(say, "allow_without_policies", "gateway-without", one.allow_without_policies),
        check(say, "smime_skip_signed", "gateway-smime", one.smime_skip_signed),
        select(say, "attachments_without_policy", "gateway-unjudged", options(&["block", "allow"], "gateway-unjudged"), without),
        Field::new("blocked_text", say.t("gateway-blocked-text"), FieldKind::Area { rows: 3 })
            .hint(say.t("gateway-blocked-text-hint"))
            .value(one.blocked_text.clone()),
    ]
}

fn read_advanced(before: MobileGateway, form: &FormData) -> Result<MobileGateway, Fault> {
    let mut trusted_proxies = before.trusted_proxies.clone();
    trusted_proxies.clear();
    for word in words(form, "trusted_proxies") {
        // One address is a network of one.
        let network = match (word.contains('/'), word.contains(':')) {
            (true, _) => word,
            (false, true) => format!("{word}/128"),
            (false, false) => format!("{word}/32"),
        };
        let read = network.parse().map_err(|_| bad_field("mobile.gateway.trusted_proxies", "expected networks, as in 192.0.2.0/24"));
        trusted_proxies.push(read?);
    }
    Ok(MobileGateway {
        tls: line(form, "tls"),
        trusted_proxies,
        forward_client_address: on(form, "forward_client_address"),
        listen: words(form, "listen").join(" "),
        webmail_paths: words(form, "webmail_paths"),
        ews: on(form, "ews"),
        redirect_hosts: words(form, "redirect_hosts"),
        proxy_mail: read_proxy(&before, form)?,
        smime_lookup: read_lookup(&before, form),
        allow_without_policies: on(form, "allow_without_policies"),
        smime_skip_signed: on(form, "smime_skip_signed"),
        attachments_without_policy: match form.text("attachments_without_policy") {
            "allow" => WithoutPolicy::Allow,
            _ => WithoutPolicy::Block,
        },
        blocked_text: line(form, "blocked_text"),
        ..before
    })
}

/// The directory that was typed. An empty password leaves the one that is kept, as long as somebody signs in.
fn read_lookup(before: &MobileGateway, form: &FormData) -> SmimeLookup {
    let (user, typed) = (line(form, "lookup_user"), form.text("lookup_password"));
    let password = match (user.is_empty(), typed.is_empty()) {
        (true, true) => String::new(),
        (false, true) => before.smime_lookup.password.clone(),
        (_, false) => typed.to_owned(),
    };
    let attribute = Some(line(form, "lookup_attribute")).filter(|text| !text.is_empty());
    let auth = if user.is_empty() && password.is_empty() { "anonymous" } else { "basic" };
    SmimeLookup {
        url: line(form, "smime_lookup"),
        auth: auth.to_owned(),
        user,
        password,
        attribute: attribute.unwrap_or_else(|| SmimeLookup::default().attribute),
    }
}

/// An empty password leaves the one that is kept.
fn read_proxy(before: &MobileGateway, form: &FormData) -> Result<OutboundProxy, Fault> {
    let (url, auth) = (line(form, "proxy_url"), line(form, "proxy_auth"));
    if url.is_empty() {
        return Ok(OutboundProxy::default());
    }
    if auth != "basic" {
        return Ok(OutboundProxy { url, auth, ..OutboundProxy::default() });
    }
    let typed = form.text("proxy_password");
    if typed != form.text("proxy_password_again") {
        return Err(bad_field("mobile.gateway.proxy_password_again", "expected the same password twice"));
    }
    let password = if typed.is_empty() { before.proxy_mail.password.clone() } else { typed.to_owned() };
    Ok(OutboundProxy { url, auth, user: line(form, "proxy_user"), password })
}

fn reports(say: Say, one: &MobileGateway) -> Vec<Field> {
    let number = |name: &str, id: &str, value: u32| text(say, name, id, &value.to_string());
    let tick = |command: &str, listed: &[String], id: &str| {
        let on = listed.iter().any(|named| named == command);
        let label = say.with(id, "command", command);
        Field::new(&format!("report_{command}"), label, FieldKind::Check).value(if on { "yes" } else { "" })
    };
    let mut fields = vec![check(say, "report_recommended", "gateway-report", one.report_recommended)];
    fields.extend(REPORT_REQUIRED.iter().map(|command| tick(command, &one.report_required, "gateway-report-required")));
    fields.extend(REPORT_OPTIONAL.iter().map(|command| tick(command, &one.report_optional, "gateway-report-optional")));
    fields.extend([
        number("refresh_minutes", "gateway-refresh", one.refresh_minutes),
        number("delta_minutes", "gateway-delta", one.delta_minutes),
        check(say, "realtime_push", "gateway-push", one.realtime_push),
        number("diagnostic_count", "gateway-diagnostic-count", one.diagnostic.count),
        number("diagnostic_every", "gateway-diagnostic-every", one.diagnostic.every_minutes),
        number("rate_to_console", "gateway-rate-console", one.rate_to_console),
        number("rate_to_gateway", "gateway-rate-gateway", one.rate_to_gateway),
    ]);
    fields
}

fn read_reports(before: MobileGateway, form: &FormData) -> Result<MobileGateway, Fault> {
    let number = |name: &str| {
        let wrong = |_| bad_field(&format!("mobile.gateway.{name}"), "expected a whole number");
        line(form, name).parse::<u32>().map_err(wrong)
    };
    let ticked = |commands: &[&str]| {
        commands.iter().filter(|command| on(form, &format!("report_{command}"))).map(|command| (*command).to_owned()).collect()
    };
    Ok(MobileGateway {
        report_recommended: on(form, "report_recommended"),
        report_required: ticked(&REPORT_REQUIRED),
        report_optional: ticked(&REPORT_OPTIONAL),
        refresh_minutes: number("refresh_minutes")?,
        delta_minutes: number("delta_minutes")?,
        realtime_push: on(form, "realtime_push"),
        diagnostic: Diagnostic { count: number("diagnostic_count")?, every_minutes: number("diagnostic_every")? },
        rate_to_console: number("rate_to_console")?,
        rate_to_gateway: number("rate_to_gateway")?,
        ..before
    })
}

/// Three fields a pair: whether there is one, its name, and how it reaches devices.
fn profiles(say: Say, one: &MobileGateway) -> Vec<Field> {
    let mut fields = Vec::new();
    for (platform, client) in PROFILE_PAIRS {
        let (key, kept) =
            (format!("{platform}_{client}"), one.profiles.iter().find(|kept| kept.platform == platform && kept.client == client));
        let pair = say.t(&format!("gateway-profile-{platform}-{client}"));
        let name = kept.map_or_else(|| if one.name.is_empty() { one.id.clone() } else { one.name.clone() }, |kept| kept.profile.clone());
        let options =
            [Assignment::Auto, Assignment::Optional].map(|how| (how.word().to_owned(), say.t(&format!("gateway-profile-{}", how.word()))));
        fields.extend([
            Field::new(&format!("profile_{key}"), say.with("gateway-profile-for", "client", &pair), FieldKind::Check)
                .value(if kept.is_some() { "yes" } else { "" }),
            Field::new(&format!("name_{key}"), say.with("gateway-profile-name", "client", &pair), FieldKind::Text)
                .hint(say.t("gateway-profile-name-hint"))
                .value(name),
            Field::new(
                &format!("how_{key}"),
                say.with("gateway-profile-assignment", "client", &pair),
                FieldKind::Select { options: options.to_vec() },
            )
            .value(kept.map_or(Assignment::Auto, |kept| kept.assignment).word()),
        ]);
    }
    fields
}

fn read_profiles(form: &FormData) -> Vec<DeviceProfile> {
    let read = |(platform, client): (&str, &str)| {
        let key = format!("{platform}_{client}");
        on(form, &format!("profile_{key}")).then(|| DeviceProfile {
            platform: platform.to_owned(),
            client: client.to_owned(),
            profile: line(form, &format!("name_{key}")),
            assignment: if form.text(&format!("how_{key}")) == "optional" { Assignment::Optional } else { Assignment::Auto },
        })
    };
    PROFILE_PAIRS.into_iter().filter_map(read).collect()
}

/// The field of a form that a fault of a configuration is about.
#[must_use]
pub fn field_of(fault: &Fault) -> &str {
    if fault.code == "exists-already" {
        return "id";
    }
    let field = fault.args.iter().find(|(name, _)| *name == "field").map_or("", |(_, value)| value.as_str());
    match field.rsplit('.').next().unwrap_or_default() {
        "version" => "server_version",
        "proxy_mail" => "proxy_url",
        "diagnostic" => "diagnostic_count",
        "profiles" => "name_ios_mail",
        other => other,
    }
}
