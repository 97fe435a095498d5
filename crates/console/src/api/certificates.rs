//! Certificates and OpenPGP keys of others: partners', and the trust store of roots.

use admin::partner_keys::PartnerKind;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::keys::{detailed, import_partner, read_trust, shown};
use crate::api::rules::address;
use crate::api::schema::{Key, TrustBody};
use crate::gather::Asked;
use crate::state::ConsoleState;

/// A kind of partners' keys, for handlers that are alike.
trait OfPartners: Send + Sync + 'static {
    const KIND: PartnerKind;
}

struct Certificates;

impl OfPartners for Certificates {
    const KIND: PartnerKind = PartnerKind::Certificates;
}

struct PgpKeys;

impl OfPartners for PgpKeys {
    const KIND: PartnerKind = PartnerKind::PgpKeys;
}

pub(super) fn routes(api: Api) -> Api {
    let ids = ["certificate_list", "certificate_show", "certificate_remove"];
    let api = of_partners::<Certificates>(api, ["/certificates", "/certificates/{key}/{id}"], ids);
    let ids = ["pgp_key_list", "pgp_key_show", "pgp_key_remove"];
    let api = of_partners::<PgpKeys>(api, ["/pgp-keys", "/pgp-keys/{key}/{id}"], ids);
    let api = api.route(
        Op::post("/pgp-keys/import", "pgp_key_import")
            .needs(Right::PgpKeys, Access::Write)
            .says("Takes a partner's OpenPGP key, or its revocation")
            .takes("KeyImport")
            .answers("KeyList"),
        import_partner,
    );
    roots_routes(api)
}

/// List, show and remove of one kind.
fn of_partners<K: OfPartners>(api: Api, [many, one]: [&'static str; 2], [list_id, show_id, remove_id]: [&'static str; 3]) -> Api {
    let right = K::KIND.right();
    api.route(
        Op::get(many, list_id)
            .needs(right, Access::Read)
            .says("Those of partners, by address, newest first. `limit` counts partners")
            .query("owner", "only of this address")
            .pages()
            .answers("KeyList"),
        list::<K>,
    )
    .route(
        Op::get(one, show_id)
            .needs(right, Access::Read)
            .says("One of a partner's, by SHA-256 or fingerprint")
            .answers("KeyDetail")
            .versioned(),
        show::<K>,
    )
    .route(Op::delete(one, remove_id).needs(right, Access::Write).says("Removes one of a partner's").versioned(), remove::<K>)
}

fn roots_routes(api: Api) -> Api {
    let (look, change) = (Access::Read, Access::Write);
    api.route(
        Op::get("/trust-store", "trust_store_list")
            .needs(Right::X509Roots, look)
            .says("Roots and intermediates with the decision about each")
            .query("trust", "only `trusted`, `untrusted` or `undefined` ones")
            .pages()
            .answers("KeyList"),
        roots,
    )
    .route(
        Op::get("/trust-store/{key}", "trust_store_show")
            .needs(Right::X509Roots, look)
            .says("One root or intermediate")
            .answers("KeyDetail")
            .versioned(),
        root,
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

async fn list<K: OfPartners>(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let owner = match asked.text("owner") {
        "" => None,
        text => Some(address("owner", text)?),
    };
    let mut partners = state.admin().partner_key_list(&caller.actor, K::KIND, owner.as_ref(), asked.text("after"), limit + 1).await?;
    let full = partners.len() > limit as usize;
    partners.truncate(limit as usize);
    let next = partners.last().and_then(|of| of.first()).map(|last| last.owner.clone()).filter(|_| full);
    let items: Vec<Key> = partners.into_iter().flatten().map(shown).collect();
    value(&json!({ "items": items, "next": next }))
}

async fn show<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let owner = address("owner", &owner)?;
    let detail = state.admin().partner_key_show(&caller.actor, K::KIND, &owner, &id.to_ascii_lowercase()).await?;
    versioned(detail.summary.version, &detailed(detail))
}

async fn remove<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let owner = address("owner", &owner)?;
    state.admin().partner_key_remove(&caller.actor, K::KIND, &owner, &id.to_ascii_lowercase(), expect(&headers)?).await?;
    Ok(done())
}

async fn roots(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let trust = match asked.text("trust") {
        "" => None,
        word => Some(read_trust(word)?),
    };
    let rows = state.admin().root_list(&caller.actor, trust, asked.text("after"), limit + 1).await?;
    page(rows, limit, |row| row.key.clone(), shown)
}

async fn root(State(state): State<ConsoleState>, caller: Caller, Path(sha256): Path<String>) -> Result<Response, Failed> {
    let detail = state.admin().root_show(&caller.actor, &sha256.to_ascii_lowercase()).await?;
    versioned(detail.summary.version, &detailed(detail))
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
