//! Domains, TLS levels of destinations, sources, users, partners, roots, templates, gateways, and the two rows of settings: one code for all.

use admin::domain_removal::Remains;
use admin::{Kept, Record};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use model::address::normal_domain;
use model::site::{
    Disclaimer, Domain, Group, LogSettings, MailSettings, MobileGateway, MobilePolicy, MobileSettings, Partner, ProtectionSettings, Root,
    Section, SiteFile, Source, SystemSettings, Template, TlsDestination, User,
};
use model::{Access, Address, Right, SecretText};
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::schema::{DomainRemoved, PolicyEffect, UserPassword};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let api = kept::<Domain>(api, ["/domains", "/domains/{key}"], ["domain_list", "domain_show", "domain_put"], ["Domain", "DomainList"]);
    let api = api.route(
        Op::delete("/domains/{key}", "domain_remove")
            .needs(Right::MailSystem, Access::Write)
            .says("Removes a domain, and says what can then no longer be opened")
            .query("users", "`keep`, `disable` or `delete`: what becomes of its users and their keys; asked for if it has any")
            .query("with_keys", "`true`: keys may go")
            .answers("DomainRemoved")
            .versioned(),
        remove_domain,
    );
    let api = noun::<TlsDestination>(
        api,
        ["/tls", "/tls/{key}"],
        ["tls_list", "tls_show", "tls_put", "tls_remove"],
        ["TlsDestination", "TlsDestinationList"],
    );
    let api = noun::<Source>(
        api,
        ["/sources", "/sources/{key}"],
        ["source_list", "source_show", "source_put", "source_remove"],
        ["Source", "SourceList"],
    );
    let api = users(api);
    let api = noun::<Partner>(
        api,
        ["/partners", "/partners/{key}"],
        ["partner_list", "partner_show", "partner_put", "partner_remove"],
        ["Partner", "PartnerList"],
    );
    let api = noun::<Root>(api, ["/roots", "/roots/{key}"], ["root_list", "root_show", "root_put", "root_remove"], ["Root", "RootList"]);
    let api = noun::<Template>(
        api,
        ["/templates", "/templates/{key}"],
        ["template_list", "template_show", "template_put", "template_remove"],
        ["Template", "TemplateList"],
    );
    let api = rules_name(api);
    let api = noun::<MobileGateway>(
        api,
        ["/gateways", "/gateways/{key}"],
        ["gateway_list", "gateway_show", "gateway_put", "gateway_remove"],
        ["Gateway", "GatewayList"],
    );
    let api = noun::<MobilePolicy>(
        api,
        ["/policies", "/policies/{key}"],
        ["policy_list", "policy_show", "policy_put", "policy_remove"],
        ["Policy", "PolicyList"],
    );
    let api = api
        .route(
            Op::get("/policies/{key}/domains", "policy_domains_export")
                .needs(Right::MobilePolicies, Access::Read)
                .says("The domains of a policy on links as CSV, one a line")
                .answers("csv"),
            domains_export,
        )
        .route(
            Op::post("/policies/{key}/domains", "policy_domains_import")
                .needs(Right::MobilePolicies, Access::Write)
                .says("Takes in domains of a policy on links as CSV, one a line: every bad line is named, good lines go in")
                .query("replace", "`true`: they stand in place of those that are there")
                .takes("csv")
                .answers("DeviceImported"),
            domains_import,
        );
    let api = api.route(
        Op::get("/policy-effects", "policy_effects")
            .needs(Right::MobilePolicies, Access::Read)
            .says("How many devices each policy would block now if it were the only one, on or off")
            .answers("PolicyEffectList"),
        policy_effects,
    );
    let api = noun::<SystemSettings>(
        api,
        ["/systems", "/systems/{key}"],
        ["system_list", "system_show", "system_put", "system_remove"],
        ["System", "SystemList"],
    );
    let api = settings::<LogSettings>(api, "/settings/logs", ["log_settings_show", "log_settings_put"], "LogSettings");
    let api = settings::<MailSettings>(api, "/settings/mail", ["mail_settings_show", "mail_settings_put"], "MailSettings");
    let api = settings::<ProtectionSettings>(
        api,
        "/settings/protection",
        ["protection_settings_show", "protection_settings_put"],
        "ProtectionSettings",
    );
    settings::<MobileSettings>(api, "/settings/mobile", ["mobile_settings_show", "mobile_settings_put"], "MobileSettings")
}

fn users(api: Api) -> Api {
    let api = kept::<User>(api, ["/users", "/users/{key}"], ["user_list", "user_show", "user_put"], ["User", "UserList"]);
    let api = api.route(
        Op::delete("/users/{key}", "user_remove")
            .needs(Right::Users, Access::Write)
            .says("Removes a user. One who has keys goes only if that was said: mail to them can't be opened any more")
            .query("with_keys", "`true`: the keys go too")
            .query("users", "`disable`: the user stays as a leaver, and mail to the keys is still opened")
            .versioned(),
        remove_user,
    );
    api.route(
        Op::put("/users/{key}/password", "user_password_put")
            .needs(Right::Users, Access::Write)
            .says("Gives a user a password for SMTP AUTH, or takes it away")
            .takes("UserPassword"),
        put_password,
    )
}

/// What rules name: disclaimers, files, groups.
fn rules_name(api: Api) -> Api {
    let api = noun::<Disclaimer>(
        api,
        ["/disclaimers", "/disclaimers/{key}"],
        ["disclaimer_list", "disclaimer_show", "disclaimer_put", "disclaimer_remove"],
        ["Disclaimer", "DisclaimerList"],
    );
    let api =
        noun::<SiteFile>(api, ["/files", "/files/{key}"], ["file_list", "file_show", "file_put", "file_remove"], ["File", "FileList"]);
    noun::<Group>(api, ["/groups", "/groups/{key}"], ["group_list", "group_show", "group_put", "group_remove"], ["Group", "GroupList"])
}

async fn policy_effects(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let effects = state.admin().policy_effects(&caller.actor).await?;
    let items: Vec<PolicyEffect> = effects.into_iter().map(|(key, would_block)| PolicyEffect { key, would_block }).collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

/// List, show, put and remove of one kind of record.
fn noun<R: Record>(
    api: Api,
    [many, one]: [&'static str; 2],
    [list_id, show_id, put_id, remove_id]: [&'static str; 4],
    [schema, list_schema]: [&'static str; 2],
) -> Api {
    let api = kept::<R>(api, [many, one], [list_id, show_id, put_id], [schema, list_schema]);
    api.route(
        Op::delete(one, remove_id)
            .needs(R::RIGHT, Access::Write)
            .says("Removes one")
            .query("with_keys", "`true`: also if keys go with it")
            .versioned(),
        remove::<R>,
    )
}

/// List, show and put of one kind of record.
fn kept<R: Record>(
    api: Api,
    [many, one]: [&'static str; 2],
    [list_id, show_id, put_id]: [&'static str; 3],
    [schema, list_schema]: [&'static str; 2],
) -> Api {
    let (look, change) = ((R::RIGHT, Access::Read), (R::RIGHT, Access::Write));
    api.route(
        Op::get(many, list_id)
            .needs(look.0, look.1)
            .says("A page of them, by key")
            .query("prefix", "beginning of the key")
            .pages()
            .answers(list_schema),
        list::<R>,
    )
    .route(Op::get(one, show_id).needs(look.0, look.1).says("One of them").answers(schema).versioned(), show::<R>)
    .route(Op::put(one, put_id).needs(change.0, change.1).says("Makes or changes one").takes(schema).answers(schema).versioned(), put::<R>)
}

fn settings<R: Record + Default>(api: Api, path: &'static str, [show_id, put_id]: [&'static str; 2], schema: &'static str) -> Api {
    api.route(Op::get(path, show_id).needs(R::RIGHT, Access::Read).says("The settings").answers(schema).versioned(), show_settings::<R>)
        .route(
            Op::put(path, put_id).needs(R::RIGHT, Access::Write).says("Changes the settings").takes(schema).answers(schema).versioned(),
            put_settings::<R>,
        )
}

async fn list<R: Record>(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let rows = state.admin().list::<R>(&caller.actor, asked.text("prefix"), asked.text("after"), limit + 1).await?;
    page(rows, limit, |row| row.key.clone(), |row| row)
}

async fn show<R: Record>(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    answer(&state.admin().show::<R>(&caller.actor, &stored_key(R::SECTION, &key)).await?)
}

async fn put<R: Record>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let record: R = read(&content)?;
    if record.key() != stored_key(R::SECTION, &key) {
        return Err(bad_field("key", "expected the same name in the path and in the body").into());
    }
    answer(&state.admin().put(&caller.actor, record, expect(&headers)?).await?)
}

async fn remove<R: Record>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Failed> {
    let key = stored_key(R::SECTION, &key);
    state.admin().remove::<R>(&caller.actor, &key, expect(&headers)?, asked.flag("with_keys")).await?;
    Ok(done())
}

async fn remove_user(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Failed> {
    let key = stored_key(Section::User, &key);
    match Remains::read(asked.text("users"))? {
        Some(Remains::Disable) => state.admin().user_deactivate(&caller.actor, &key, expect(&headers)?).await.map(drop)?,
        Some(Remains::Keep) => return Err(bad_field("users", "expected disable or delete").into()),
        said => {
            let with_keys = asked.flag("with_keys") || said == Some(Remains::Delete);
            state.admin().remove::<User>(&caller.actor, &key, expect(&headers)?, with_keys).await?;
        }
    }
    Ok(done())
}

async fn remove_domain(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Failed> {
    let (key, users) = (stored_key(Section::Domain, &key), Remains::read(asked.text("users"))?);
    let removed = state.admin().domain_remove(&caller.actor, &key, expect(&headers)?, users, asked.flag("with_keys")).await?;
    value(&DomainRemoved {
        domain: removed.domain,
        users: removed.users.map_or("", Remains::word).to_owned(),
        accounts: removed.accounts as u64,
        keys: removed.keys as u64,
        closed: removed.closed,
        waiting: removed.waiting as u64,
    })
}

async fn put_password(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    content: Content,
) -> Result<Response, Failed> {
    let asked: UserPassword = content.json()?;
    let user = Address::parse(&key).map_err(|error| bad_field("key", &error.to_string()))?;
    let password = (!asked.password.is_empty()).then(|| SecretText::new(asked.password));
    state.admin().user_password(&caller.actor, &user, password).await?;
    Ok(done())
}

async fn show_settings<R: Record + Default>(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    answer(&state.admin().settings::<R>(&caller.actor).await?)
}

async fn put_settings<R: Record + Default>(
    State(state): State<ConsoleState>,
    caller: Caller,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    answer(&state.admin().put::<R>(&caller.actor, read(&content)?, expect(&headers)?).await?)
}

fn answer<R: Record>(kept: &Kept<R>) -> Result<Response, Failed> {
    versioned(kept.version, kept)
}

/// The record in a body. `key` and `revision` may stand in it, as in the answer of a GET, and are not read.
fn read<R: Record>(content: &Content) -> Result<R, Failed> {
    content.json_beside(&["key", "revision"])
}

/// The key as it is stored, from how people write it.
fn stored_key(section: Section, text: &str) -> String {
    match section {
        Section::Domain | Section::Tls => normal_domain(text).unwrap_or_else(|| text.to_owned()),
        Section::User | Section::Partner => {
            Address::parse(text).map_or_else(|_| text.to_owned(), |address| address.key().as_str().to_owned())
        }
        Section::Root => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    }
}

async fn domains_export(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    let text = state.admin().link_domains_export(&caller.actor, &key).await?;
    let fields = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"domains.csv\""),
    ];
    Ok((fields, text).into_response())
}

async fn domains_import(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    asked: Asked,
    content: Content,
) -> Result<Response, Failed> {
    value(&state.admin().link_domains_import(&caller.actor, &key, &content.0, asked.text("replace") == "true").await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_spelling() {
        assert_eq!(stored_key(Section::Domain, "Bücher.Example"), "xn--bcher-kva.example");
        assert_eq!(stored_key(Section::User, "Bob@Company.Example"), "bob@company.example");
        assert_eq!(stored_key(Section::Template, "Bounce"), "Bounce");
    }
}
