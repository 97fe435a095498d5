//! Configurations of the mobile gate: list, make, change, remove. What a configuration says beyond these fields stays as it is.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use minijinja::context;
use model::site::{MobileGateway, REPORT_OPTIONAL, REPORT_REQUIRED, SmimeLookup};
use model::{Access, Fault, Right};
use store::Expect;
use web::form::encode;
use web::guard::see_other;
use web::{Caller, Cell, Column, Confirm, Failed, Field, FieldKind, Form, FormData, Kit, Table, Tone};

use crate::api::answer::bad_field;
use crate::say::Say;
use crate::state::ConsoleState;

/// Most configurations of the page.
const MOST: u32 = 1_000;
/// What stands for a configuration that is not made yet; no id may be so.
const NEW: &str = "+";
const KINDS: [&str; 6] = ["exchange", "online", "traveler", "google", "groupwise", "other"];

/// `GET /gateways`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().list::<MobileGateway>(&caller.actor, "", "", MOST).await?;
    let all: Vec<MobileGateway> = kept.into_iter().map(|kept| kept.record).collect();
    draw_list(state.kit(), &caller, &all)
}

/// `GET /gateways/{id}`; `+` is a new one.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn edit(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let (gateway, version) = known(&state, &caller, &id).await?;
    draw_edit(state.kit(), &caller, &gateway, version, None)
}

/// `POST /gateways/{id}`: saves it.
///
/// # Errors
/// `changed-meanwhile`, `exists-already`; when the store is away. What was typed wrong is shown again.
pub async fn save(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, form: FormData) -> Result<Response, Failed> {
    let (before, version) = known(&state, &caller, &id).await?;
    let wrong = |fault: &Fault| -> Result<Response, Failed> {
        let page = draw_edit(state.kit(), &caller, &before, version, Some((&form, fault)))?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let gateway = match typed(before.clone(), &form) {
        Ok(gateway) => gateway,
        Err(fault) => return wrong(&fault),
    };
    let expect = match form.text("version").parse() {
        _ if id == NEW => Expect::New,
        Ok(version) => Expect::Version(version),
        Err(_) => Expect::Any,
    };
    match state.admin().put(&caller.actor, gateway, expect).await {
        Ok(_) => Ok(see_other("/gateways")),
        Err(fault) if matches!(fault.code, "bad-field" | "exists-already") => wrong(&fault),
        Err(fault) => Err(fault.into()),
    }
}

/// `GET /gateways/{id}/remove`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_confirm(state.kit(), &caller, &kept.record, kept.version)
}

/// `POST /gateways/{id}/remove`: removes it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn remove(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, form: FormData) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    state.admin().remove::<MobileGateway>(&caller.actor, &id, expect, false).await?;
    Ok(see_other("/gateways"))
}

async fn known(state: &ConsoleState, caller: &Caller, id: &str) -> Result<(MobileGateway, i64), Failed> {
    if id == NEW {
        return Ok((MobileGateway::default(), 0));
    }
    let kept = state.admin().show::<MobileGateway>(&caller.actor, id).await?;
    Ok((kept.record, kept.version))
}

/// The configuration with what the form says.
fn typed(before: MobileGateway, form: &FormData) -> Result<MobileGateway, Fault> {
    let (line, on) = (|name: &str| form.text(name).trim().to_owned(), |name: &str| form.text(name) == "yes");
    let words = |name: &str| {
        form.text(name).split([',', '\n', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut trusted_proxies = before.trusted_proxies.clone();
    trusted_proxies.clear();
    for word in words("trusted_proxies") {
        // One address is a network of one.
        let network = match (word.contains('/'), word.contains(':')) {
            (true, _) => word,
            (false, true) => format!("{word}/128"),
            (false, false) => format!("{word}/32"),
        };
        let read = network.parse().map_err(|_| bad_field("mobile.gateway.trusted_proxies", "expected networks, as in 192.0.2.0/24"));
        trusted_proxies.push(read?);
    }
    let id = if before.id.is_empty() { line("id") } else { before.id.clone() };
    Ok(MobileGateway {
        id,
        name: line("name"),
        enabled: on("enabled"),
        kind: line("kind"),
        version: line("server_version"),
        external_url: line("external_url"),
        mail_server: words("mail_server").join(" "),
        verify_tls_mail: on("verify_tls_mail"),
        allow_without_policies: on("allow_without_policies"),
        trusted_proxies,
        smime_lookup: lookup(&before, form),
        forward_client_address: on("forward_client_address"),
        report_recommended: on("report_recommended"),
        report_required: words("report_required"),
        report_optional: words("report_optional"),
        ..before
    })
}

/// The directory that was typed. The password is never shown: an empty one keeps what there is, as long as somebody signs in.
fn lookup(before: &MobileGateway, form: &FormData) -> SmimeLookup {
    let line = |name: &str| form.text(name).trim().to_owned();
    let (user, typed) = (line("lookup_user"), form.text("lookup_password"));
    let password = match (user.is_empty(), typed.is_empty()) {
        (true, true) => String::new(),
        (false, true) => before.smime_lookup.password.clone(),
        (_, false) => typed.to_owned(),
    };
    let attribute = Some(line("lookup_attribute")).filter(|text| !text.is_empty()).unwrap_or_else(|| SmimeLookup::default().attribute);
    let auth = if user.is_empty() && password.is_empty() { "anonymous" } else { "basic" };
    SmimeLookup { url: line("smime_lookup"), auth: auth.to_owned(), user, password, attribute }
}

/// Draws the list.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, all: &[MobileGateway]) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = ["gateway-name", "policy-active", "gateway-kind", "gateway-external-url", "gateway-mail-server"]
        .map(|id| Column::text(say.t(id)))
        .to_vec();
    let rows = all.iter().map(|one| {
        let unchecked = if one.verify_tls_mail { String::new() } else { format!(" ({})", say.t("gateway-unchecked")) };
        vec![
            Cell::link(if one.name.is_empty() { one.id.clone() } else { one.name.clone() }, format!("/gateways/{}", encode(&one.id))),
            if one.enabled { Cell::state(say.t("policy-on"), Tone::Good) } else { Cell::state(say.t("policy-off"), Tone::Plain) },
            Cell::text(one.kind.clone()),
            Cell::code(if one.external_url.is_empty() { "\u{2013}" } else { one.external_url.as_str() }),
            Cell::text(format!("{}{unchecked}", one.mail_servers().collect::<Vec<_>>().join(", "))),
        ]
    });
    let table = Table::new(say.t("nav-gateways"), say.t("gateways-empty"), columns).rows(rows);
    let may_act = caller.actor.rights.allow(Right::MobileGateways, Access::Write);
    kit.page(caller, "gateways.html", context! { table, may_act })
}

/// Draws the page of one; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_edit(
    kit: &Kit,
    caller: &Caller,
    one: &MobileGateway,
    version: i64,
    wrong: Option<(&FormData, &Fault)>,
) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let new = one.id.is_empty();
    let path = format!("/gateways/{}", if new { NEW.to_owned() } else { encode(&one.id) });
    let text = |name: &str, id: &str, hint: &str, value: &str| {
        Field::new(name, say.t(id), FieldKind::Text).hint(if hint.is_empty() { String::new() } else { say.t(hint) }).value(value)
    };
    let check = |name: &str, id: &str, hint: &str, on: bool| {
        Field::new(name, say.t(id), FieldKind::Check).hint(say.t(hint)).value(if on { "yes" } else { "" })
    };
    let area = |name: &str, id: &str, hint: &str, value: String| {
        Field::new(name, say.t(id), FieldKind::Area { rows: 3 }).hint(say.t(hint)).value(value)
    };
    let mut form = Form::new(&path, say.t("policy-save"));
    form.cancel = "/gateways".to_owned();
    form.hidden = vec![("version".to_owned(), version.to_string())];
    if new {
        form = form.field(text("id", "gateway-id", "gateway-id-hint", "").required());
    }
    let kinds = KINDS.iter().map(|kind| ((*kind).to_owned(), (*kind).to_owned())).collect();
    let lines = |all: Vec<String>| all.join("\n");
    form = form
        .field(text("name", "gateway-name", "", &one.name))
        .field(check("enabled", "policy-active", "gateway-enabled-hint", one.enabled))
        .field(Field::new("kind", say.t("gateway-kind"), FieldKind::Select { options: kinds }).value(one.kind.clone()))
        .field(text("server_version", "gateway-version", "gateway-version-hint", &one.version))
        .field(text("external_url", "gateway-external-url", "gateway-external-url-hint", &one.external_url))
        .field(area(
            "mail_server",
            "gateway-mail-server",
            "gateway-mail-server-hint",
            lines(one.mail_servers().map(str::to_owned).collect()),
        ))
        .field(check("verify_tls_mail", "gateway-verify", "gateway-verify-hint", one.verify_tls_mail))
        .field(check("allow_without_policies", "gateway-without", "gateway-without-hint", one.allow_without_policies))
        .field(area(
            "trusted_proxies",
            "gateway-proxies",
            "gateway-proxies-hint",
            lines(one.trusted_proxies.iter().map(ToString::to_string).collect()),
        ))
        .field(text("smime_lookup", "gateway-lookup", "gateway-lookup-hint", &one.smime_lookup.url))
        .field(text("lookup_user", "gateway-lookup-user", "gateway-lookup-user-hint", &one.smime_lookup.user))
        .field(
            Field::new("lookup_password", say.t("gateway-lookup-password"), FieldKind::Password)
                .hint(say.t("gateway-lookup-password-hint")),
        )
        .field(text("lookup_attribute", "gateway-lookup-attribute", "", &one.smime_lookup.attribute))
        .field(check("forward_client_address", "gateway-forward", "gateway-forward-hint", one.forward_client_address))
        .field(check("report_recommended", "gateway-report", "gateway-report-hint", one.report_recommended))
        .field(
            Field::new("report_required", say.t("gateway-report-required"), FieldKind::Text)
                .hint(REPORT_REQUIRED.join(", "))
                .value(one.report_required.join(", ")),
        )
        .field(
            Field::new("report_optional", say.t("gateway-report-optional"), FieldKind::Text)
                .hint(REPORT_OPTIONAL.join(", "))
                .value(one.report_optional.join(", ")),
        );
    if let Some((typed, fault)) = wrong {
        let field = fault.args.iter().find(|(name, _)| *name == "field").map_or("", |(_, value)| value.as_str());
        let field = field.rsplit('.').next().unwrap_or_default();
        form = form.rejected(typed, if field == "version" { "server_version" } else { field }, texts::fault(say.0, fault));
    }
    let title = if new {
        say.t("gateways-add")
    } else if one.name.is_empty() {
        one.id.clone()
    } else {
        one.name.clone()
    };
    let may_remove = !new && caller.actor.rights.allow(Right::MobileGateways, Access::Write);
    kit.page(caller, "gateway.html", context! { title, id => one.id, form, may_remove, remove => format!("{path}/remove") })
}

/// Draws the question about its removal.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, one: &MobileGateway, version: i64) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let path = format!("/gateways/{}", encode(&one.id));
    let confirm = Confirm {
        question: say.t("gateway-remove-question"),
        consequence: say.t("gateway-remove-consequence"),
        subject: format!("{} · {}", one.name, one.id),
        action: format!("{path}/remove"),
        submit: say.t("gateway-remove"),
        cancel: path,
        danger: true,
        hidden: vec![("version".to_owned(), version.to_string())],
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}
