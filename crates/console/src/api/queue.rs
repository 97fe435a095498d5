//! The queue of this node.

use admin::{QueueAsk, QueueEntry};
use axum::extract::{Path, State};
use axum::response::Response;
use model::{Access, Right};
use web::{Caller, Failed};

use crate::api::answer::{Content, done, limit, page, value};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{QueueAdopt, QueueAdopted, QueueItem, Retried};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (look, change) = (Access::Read, Access::Write);
    api.route(
        Op::get("/queue", "queue_list")
            .needs(Right::Logs, look)
            .says("A page of the queue")
            .pages()
            .query("to", "an address that has not got it yet")
            .query("from", "the envelope sender")
            .query("domain", "the domain of an address that has not got it yet")
            .query("trace", "the trace id")
            .answers("QueueList"),
        list,
    )
    .route(Op::get("/queue/{id}", "queue_show").needs(Right::Logs, look).says("One entry").answers("QueueItem"), show)
    .route(
        Op::delete("/queue/{id}", "queue_remove")
            .needs(Right::Logs, change)
            .says("Removes one; what is being delivered ends first")
            .query("tell", "yes: its sender is told"),
        remove,
    )
    .route(Op::post("/queue/{id}/hold", "queue_hold").needs(Right::Logs, change).says("Holds one"), hold)
    .route(Op::post("/queue/{id}/release", "queue_release").needs(Right::Logs, change).says("Releases one"), release)
    .route(Op::post("/queue/{id}/retry", "queue_retry").needs(Right::Logs, change).says("Tries one at once").answers("Retried"), retry)
    .route(Op::post("/queue/retry", "queue_retry_all").needs(Right::Logs, change).says("Tries all at once").answers("Retried"), retry_all)
    .route(
        Op::post("/queue/adopt", "queue_adopt")
            .needs(Right::Logs, change)
            .says("Takes over a dead node's queue from its directory; on the node's own machine only")
            .takes("QueueAdopt")
            .answers("QueueAdopted"),
        adopt,
    )
}

async fn adopt(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let body: QueueAdopt = content.json()?;
    let admin::QueueAdopted { mails, known, unreadable } = state.admin().queue_adopt(&caller.actor, &body.directory).await?;
    value(&QueueAdopted { mails, known, unreadable })
}

async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let ask = QueueAsk::read(asked.text("to"), asked.text("from"), asked.text("domain"), asked.text("trace"))?;
    let rows = state.admin().queue_list(&caller.actor, &ask, asked.text("after"), limit + 1).await?;
    page(rows, limit, |row| row.id.clone(), shown)
}

async fn show(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    value(&shown(state.admin().queue_show(&caller.actor, &id).await?))
}

async fn remove(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, asked: Asked) -> Result<Response, Failed> {
    state.admin().queue_remove(&caller.actor, &id, asked.flag("tell")).await?;
    Ok(done())
}

async fn hold(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    state.admin().queue_hold(&caller.actor, &id, true).await?;
    Ok(done())
}

async fn release(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    state.admin().queue_hold(&caller.actor, &id, false).await?;
    Ok(done())
}

async fn retry(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    value(&Retried { count: state.admin().queue_retry(&caller.actor, Some(&id)).await? })
}

async fn retry_all(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    value(&Retried { count: state.admin().queue_retry(&caller.actor, None).await? })
}

fn shown(entry: QueueEntry) -> QueueItem {
    QueueItem {
        id: entry.id,
        trace: entry.trace.to_string(),
        from: entry.from,
        to: entry.to,
        size: entry.size,
        created: entry.created.rfc3339(),
        next_try: if entry.held { None } else { time(entry.next_try) },
        tries: entry.tries,
        last_error: entry.last_error,
        held: entry.held,
    }
}
