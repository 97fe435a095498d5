//! Keys and certificates: import, list, show, remove, and the decision about a root.

use admin::keys::{Owner, Summary};
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use model::site::Trust;
use model::{Access, Right, SecretBytes, SecretText};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::rules::address;
use crate::api::schema::{DomainKey, Key, KeyImport, TrustBody};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (look, change) = (Access::Read, Access::Write);
    api.route(
        Op::get("/keys", "key_list")
            .needs(Right::Users, look)
            .says("Keys of our users")
            .query("owner", "only of this address")
            .pages()
            .answers("KeyList"),
        list,
    )
    .route(
        Op::get("/keys/{id}", "key_show").needs(Right::Users, look).says("A key's certificate with its chain").answers("KeyCertificate"),
        show,
    )
    .route(
        Op::delete("/keys/{id}", "key_remove")
            .needs(Right::Users, change)
            .says("Removes a key: mail to it can't be opened any more")
            .versioned(),
        remove,
    )
    .route(
        Op::post("/keys/import/user", "key_import_user")
            .needs(Right::Users, change)
            .says("Takes a user's key file")
            .takes("KeyImport")
            .answers("KeyList"),
        import_user,
    )
    .route(
        Op::post("/keys/import/partner", "key_import_partner")
            .needs(Right::X509Certificates, change)
            .says("Takes a partner's certificate")
            .takes("KeyImport")
            .answers("KeyList"),
        import_partner,
    )
    .route(
        Op::post("/keys/import/root", "key_import_root")
            .needs(Right::X509Roots, change)
            .says("Takes a root certificate")
            .takes("KeyImport")
            .answers("KeyList"),
        import_root,
    )
    .route(
        Op::post("/keys/import/domain", "key_import_domain")
            .needs(Right::DomainKeys, change)
            .says("Takes a domain's key file")
            .takes("KeyImport")
            .answers("KeyList"),
        import_domain,
    )
    .route(
        Op::get("/domain-keys", "domain_key_list")
            .needs(Right::DomainKeys, look)
            .says("Keys that sign for domains (DKIM, ARC), with the DNS records to publish")
            .query("domain", "only of this domain")
            .answers("DomainKeyList"),
        domain_keys,
    )
    .route(
        Op::put("/roots/{key}/trust", "root_trust")
            .needs(Right::X509Roots, change)
            .says("Decides about a root")
            .takes("Trust")
            .answers("Trust")
            .versioned(),
        trust,
    )
}

async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let owner = match asked.text("owner") {
        "" => None,
        text => Some(address("owner", text)?),
    };
    let rows = state.admin().key_list(&caller.actor, owner.as_ref(), asked.text("after"), limit + 1).await?;
    page(rows, limit, |row| row.key.clone(), shown)
}

async fn show(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let certificate = state.admin().key_certificate(&caller.actor, &id).await?;
    value(&json!({ "id": id, "certificate": certificate }))
}

async fn remove(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Failed> {
    state.admin().key_remove(&caller.actor, &id, expect(&headers)?).await?;
    Ok(done())
}

async fn domain_keys(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let domain = Some(asked.text("domain")).filter(|domain| !domain.is_empty());
    let keys = state.admin().domain_keys(&caller.actor, domain).await?;
    let shown = |key: admin::domain_keys::DomainKey| DomainKey {
        domain: key.domain,
        selector: key.selector,
        algorithm: key.algorithm,
        name: key.name,
        record: key.record,
        created: time(key.created),
        signs: key.signs,
    };
    let items: Vec<DomainKey> = keys.into_iter().map(shown).collect();
    value(&json!({ "items": items, "next": null }))
}

async fn import_user(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: KeyImport = content.json()?;
    let owner = Owner::User(address("owner", &asked.owner)?);
    import(&state, &caller, owner, asked).await
}

async fn import_partner(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: KeyImport = content.json()?;
    let owner = Owner::Partner(address("owner", &asked.owner)?);
    import(&state, &caller, owner, asked).await
}

async fn import_root(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: KeyImport = content.json()?;
    let owner = Owner::Root(read_trust(asked.trust.as_deref().unwrap_or("undefined"))?);
    import(&state, &caller, owner, asked).await
}

async fn import_domain(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: KeyImport = content.json()?;
    let owner = Owner::Domain(asked.owner.clone());
    import(&state, &caller, owner, asked).await
}

async fn import(state: &ConsoleState, caller: &Caller, owner: Owner, asked: KeyImport) -> Result<Response, Failed> {
    let file = STANDARD.decode(&asked.file).map_err(|_| bad_field("file", "expected the file as base64"))?;
    let pass = asked.passphrase.map(SecretText::new);
    let taken = state.admin().key_import(&caller.actor, owner, SecretBytes::new(file), pass).await?;
    let items: Vec<Key> = taken.into_iter().map(shown).collect();
    value(&json!({ "items": items, "next": null }))
}

async fn trust(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let wanted: TrustBody = content.json()?;
    let version = state.admin().root_trust(&caller.actor, &key.to_ascii_lowercase(), read_trust(&wanted.trust)?, expect(&headers)?).await?;
    versioned(version, &wanted)
}

fn read_trust(word: &str) -> Result<Trust, Failed> {
    match word {
        "trusted" => Ok(Trust::Trusted),
        "untrusted" => Ok(Trust::Untrusted),
        "undefined" => Ok(Trust::Undefined),
        _ => Err(bad_field("trust", "expected trusted, untrusted or undefined").into()),
    }
}

fn shown(summary: Summary) -> Key {
    Key {
        section: summary.section.to_owned(),
        key: summary.key,
        owner: summary.owner,
        subject: summary.subject,
        issuer: summary.issuer,
        serial: summary.serial,
        not_before: time(summary.not_before),
        not_after: time(summary.not_after),
        sha256: summary.sha256,
        signs: summary.signs,
        encrypts: summary.encrypts,
        private: summary.private,
        version: summary.version,
    }
}
