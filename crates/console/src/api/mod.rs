//! `/api/v1`: the use cases as JSON (console.md A-6).
//!
//! Lists page by cursor (`?after=…&limit=…`, answer `{"items": […], "next": "…"|null}`). What has a version carries it as
//! ETag; a change may say `If-Match: "VERSION"` (RFC 9110 §13.1.1) or, to make something new, `If-None-Match: *`. Errors are
//! problem+json (RFC 9457); places in a rule text or site file are listed in its `errors` and `findings`. Tokens bring
//! scopes, which are words of rights. Each route is registered with its description, so OpenAPI is complete by
//! construction ([`doc`]).

pub mod answer;
pub mod certificates;
pub mod config;
pub mod devices;
pub mod diagnostics;
pub mod doc;
pub mod gateways;
pub mod home;
pub mod keys;
pub mod log;
pub mod look;
pub mod master_key;
pub mod people;
pub mod queue;
pub mod records;
pub mod rule_versions;
pub mod rules;
pub mod schema;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use model::{Access, Right};
use web::{Failed, Routes};

use crate::api::doc::{Api, Op};
use crate::state::ConsoleState;

/// All routes of the API.
#[must_use]
pub fn routes(state: &ConsoleState) -> Routes<ConsoleState> {
    all(Api::new(Routes::new(state.kit().clone()))).finish().0
}

/// The description of all routes, as it is served and as it lies in `docs/openapi.json`.
///
/// # Errors
/// When it has no JSON form.
pub fn description(state: &ConsoleState) -> Result<String, serde_json::Error> {
    let (_, document) = all(Api::new(Routes::new(state.kit().clone()))).finish();
    // By way of a value: members in one fixed order.
    serde_json::to_string_pretty(&serde_json::to_value(document)?).map(|text| text + "\n")
}

fn all(api: Api) -> Api {
    let api = api.own(Op::get("/openapi.json", "openapi").says("This description"), openapi);
    let api = people::routes(master_key::routes(certificates::routes(keys::routes(gateways::routes(records::routes(home::routes(api)))))));
    let api = rules::routes(rule_versions::routes(diagnostics::routes(devices::routes(api))));
    let api = look::routes(log::routes(queue::routes(config::routes(api))));
    api.route(
        Op::get("/audit", "audit_list")
            .needs(Right::Administration, Access::Read)
            .says("The audit log, newest first")
            .pages()
            .answers("AuditList"),
        people::audit,
    )
}

/// `GET /api/v1/openapi.json`.
///
/// # Errors
/// When it has no JSON form.
async fn openapi(State(state): State<ConsoleState>) -> Result<Response, Failed> {
    let text = description(&state).map_err(|error| answer::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
