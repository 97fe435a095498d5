//! Keys of our users, and files of keys and certificates that come in. Those of others: [`super::certificates`].

use admin::keys::{Detail, Owner, Summary};
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use model::site::{Retirement, Trust};
use model::{Access, Right, SecretBytes, SecretText};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::rules::address;
use crate::api::schema::{DomainKey, Key, KeyDetail, KeyExport, KeyExported, KeyGenerate, KeyImport, KeyMail, KeyRetire};
use crate::gather::Asked;
use crate::state::ConsoleState;

/// How long a certificate that is made here is good, unless the caller says otherwise.
const DAYS: u32 = 1_095;

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
        Op::get("/keys/{id}", "key_show")
            .needs(Right::Users, look)
            .says("One key: its certificate with its chain, and all that is known of it")
            .answers("KeyDetail")
            .versioned(),
        show,
    )
    .route(
        Op::post("/keys/generate", "key_generate")
            .needs(Right::Users, change)
            .says("Makes a key with a certificate that signs itself")
            .takes("KeyGenerate")
            .answers("Key"),
        generate,
    )
    .route(
        Op::put("/keys/{id}/retired", "key_retire")
            .needs(Right::Users, change)
            .says("Takes a key out of use: it still opens mail, and does nothing else")
            .takes("KeyRetire")
            .answers("KeyRetire")
            .versioned(),
        retire,
    )
    .route(
        Op::post("/keys/{id}/export", "key_export")
            .needs(Right::Users, change)
            .says("A key pair under a pass phrase, as PKCS#12 or as an armoured OpenPGP key; noted in the audit log")
            .takes("KeyExport")
            .answers("KeyExported"),
        export,
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
            .says("Takes a partner's certificate; an OpenPGP key takes the right for those too")
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
    let detail = state.admin().key_show(&caller.actor, &id).await?;
    versioned(detail.summary.version, &detailed(detail))
}

async fn generate(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: KeyGenerate = content.json()?;
    let kind = asked.kind.as_deref().unwrap_or(admin::key_upkeep::KINDS[0].0);
    let owner = address("owner", &asked.owner)?;
    value(&shown(state.admin().key_generate(&caller.actor, &owner, kind, asked.days.unwrap_or(DAYS)).await?))
}

async fn retire(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let asked: KeyRetire = content.json()?;
    let why = Retirement::from_word(&asked.why).ok_or_else(|| bad_field("why", "expected expired or revoked"))?;
    let version = state.admin().key_retire(&caller.actor, &id, why, expect(&headers)?).await?;
    versioned(version, &asked)
}

async fn export(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, content: Content) -> Result<Response, Failed> {
    let asked: KeyExport = content.json()?;
    let file = state.admin().key_export(&caller.actor, &id, &SecretText::new(asked.passphrase)).await?;
    value(&KeyExported { file: STANDARD.encode(file.expose()) })
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

pub(super) async fn import_partner(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
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

pub(super) fn read_trust(word: &str) -> Result<Trust, Failed> {
    Trust::from_word(word).ok_or_else(|| bad_field("trust", "expected trusted, untrusted or undefined").into())
}

/// One with all that is known of it.
pub(super) fn detailed(detail: Detail) -> KeyDetail {
    KeyDetail {
        id: detail.summary.key.clone(),
        key: shown(detail.summary),
        certificate: detail.certificate,
        addresses: detail.addresses,
        former: detail.former,
        mails: detail.mails.into_iter().map(|met| KeyMail { trace: met.trace, from: met.sender, at: time(met.at) }).collect(),
    }
}

pub(super) fn shown(summary: Summary) -> Key {
    Key {
        section: summary.section.to_owned(),
        key: summary.key,
        kind: summary.kind.to_owned(),
        owner: summary.owner,
        subject: summary.subject,
        issuer: summary.issuer,
        serial: summary.serial,
        not_before: time(summary.not_before),
        not_after: summary.not_after.and_then(time),
        sha256: summary.sha256,
        sha1: summary.sha1,
        algorithm: summary.algorithm.to_owned(),
        bits: summary.bits,
        signs: summary.signs,
        encrypts: summary.encrypts,
        private: summary.private,
        origin: summary.origin,
        state: summary.state.to_owned(),
        trust: summary.trust.to_owned(),
        created: summary.created.and_then(time),
        version: summary.version,
    }
}
