//! Devices as CSV, streamed: a page of the store at a time, so that a million of them need no memory.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use model::{Actor, Fault};
use store::devices::Filter;

use crate::state::ConsoleState;

/// What is left to be sent.
struct Rest {
    state: ConsoleState,
    actor: Actor,
    filter: Filter,
    ready: Option<String>,
    next: Option<String>,
}

/// The devices that the filter takes, as a file to save.
///
/// # Errors
/// Those of the first page; a later one cuts the answer off, which the receiver sees.
pub async fn devices(state: &ConsoleState, actor: &Actor, filter: Filter) -> Result<Response, Fault> {
    let (first, next) = state.admin().device_export(actor, &filter, "").await?;
    let rest = Rest { state: state.clone(), actor: actor.clone(), filter, ready: Some(first), next };
    let pages = stream::try_unfold(rest, async |mut rest: Rest| {
        if let Some(ready) = rest.ready.take() {
            return Ok(Some((ready, rest)));
        }
        let Some(after) = rest.next.take() else { return Ok(None) };
        let page = rest.state.admin().device_export(&rest.actor, &rest.filter, &after).await;
        let (text, next) = page.map_err(|fault| std::io::Error::other(fault.to_string()))?;
        rest.next = next;
        Ok::<_, std::io::Error>(Some((text, rest)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"devices.csv\""),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}
