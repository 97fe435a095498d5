//! The queue: a table, one delivery in full, and hold, retry, remove, each with its confirmation (M-T7).

use admin::{QueueAsk, QueueEntry};
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use web::form::encode;
use web::guard::see_other;
use web::{Caller, Cell, Column, Confirm, Failed, Field, FieldKind, Kit, Table, Tone};

use crate::gather::{Asked, ROWS, not_found, page_of};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{Page, QueueItem};

/// What can be done to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is not tried until it is retried by hand.
    Hold,
    /// It is tried now, held or not.
    Retry,
    /// It is taken out; nobody gets it and nobody is told.
    Remove,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hold, Self::Retry, Self::Remove];

    /// The word in paths and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Retry => "retry",
            Self::Remove => "remove",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }
}

/// `GET /queue?q=SEARCH&after=ID`.
///
/// # Errors
/// On a node without a mail gate.
pub async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (search, after) = (asked.text("q").trim(), asked.text("after"));
    let entries = state.admin().queue_list(&caller.actor, &QueueAsk::search(search), after, ROWS + 1).await?;
    let page = page_of(entries, after, |entry| entry.id.clone());
    draw_list(state.kit(), &caller, &page.map(item), search)
}

/// `GET /queue/{id}`.
///
/// # Errors
/// `not-found`.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let entry = state.admin().queue_show(&caller.actor, &id).await?;
    draw_item(state.kit(), &caller, &item(entry))
}

/// `GET /queue/{id}/{act}`: asks.
///
/// # Errors
/// `not-found`.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path((id, act)): Path<(String, String)>) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let entry = state.admin().queue_show(&caller.actor, &id).await?;
    draw_confirm(state.kit(), &caller, &item(entry), act)
}

/// `POST /queue/{id}/{act}`: does it.
///
/// # Errors
/// `not-found`.
pub async fn act(State(state): State<ConsoleState>, caller: Caller, Path((id, act)): Path<(String, String)>) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let (admin, actor) = (state.admin(), &caller.actor);
    match act {
        Act::Hold => admin.queue_hold(actor, &id, true).await?,
        Act::Retry => {
            admin.queue_hold(actor, &id, false).await?;
            admin.queue_retry(actor, Some(&id)).await.map(drop)?;
        }
        Act::Remove => admin.queue_remove(actor, &id, false).await?,
    }
    Ok(see_other("/queue"))
}

fn item(entry: QueueEntry) -> QueueItem {
    QueueItem {
        id: entry.id,
        trace: entry.trace.to_string(),
        from: entry.from,
        to: entry.to,
        size: entry.size,
        created: entry.created,
        next_try: entry.next_try,
        tries: i64::from(entry.tries),
        last_error: entry.last_error,
        held: entry.held,
    }
}

/// Draws the list. `search` is what was looked for: an address, a domain or a trace id.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, page: &Page<QueueItem>, search: &str) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = vec![
        Column::text(say.t("queue-from")),
        Column::text(say.t("queue-to")),
        Column::number(say.t("queue-size")),
        Column::text(say.t("queue-created")),
        Column::text(say.t("queue-next")),
        Column::number(say.t("queue-tries")),
        Column::text(say.t("queue-state")),
    ];
    let rows = page.items.iter().map(|item| {
        vec![
            Cell::link(sender(say, item), path(item)),
            Cell::text(receivers(say, item)),
            Cell::Size { bytes: item.size },
            Cell::time(item.created),
            if item.held || item.next_try.0 == 0 { Cell::text("\u{2013}") } else { Cell::time(item.next_try) },
            Cell::number(item.tries),
            state(say, item),
        ]
    });
    let (base, empty) = match search {
        "" => ("/queue".to_owned(), say.t("queue-empty")),
        search => (format!("/queue?q={}", encode(search)), say.t("queue-none-found")),
    };
    let table = Table::new(say.t("queue-caption"), empty, columns).rows(rows);
    let table = table.paged(&base, page.here.as_deref(), page.next.as_deref());
    let field = Field::new("q", say.t("queue-search"), FieldKind::Search).value(search);
    kit.page(caller, "queue.html", context! { table, field })
}

/// Draws one delivery.
///
/// # Errors
/// When a template fails.
pub fn draw_item(kit: &Kit, caller: &Caller, item: &QueueItem) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let acts: Vec<_> = Act::ALL
        .into_iter()
        .filter(|act| !(item.held && *act == Act::Hold))
        .map(|act| (say.t(&format!("queue-act-{}", act.word())), format!("{}/{}", path(item), act.word()), act == Act::Remove))
        .collect();
    let may_act = caller.actor.rights.allow(model::Right::Logs, model::Access::Write);
    let values = context! {
        id => item.id, trace => item.trace, from => sender(say, item), to => item.to, size => item.size, created => item.created.0,
        next_try => item.next_try.0, tries => item.tries, last_error => item.last_error, held => item.held, acts, may_act,
    };
    kit.page(caller, "queue_item.html", values)
}

/// Draws the confirmation of an act.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, item: &QueueItem, act: Act) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let id = |part: &str| format!("queue-{}-{part}", act.word());
    let confirm = Confirm {
        question: say.t(&id("question")),
        consequence: say.t(&id("consequence")),
        subject: format!("{} → {}", sender(say, item), receivers(say, item)),
        action: format!("{}/{}", path(item), act.word()),
        submit: say.t(&format!("queue-act-{}", act.word())),
        cancel: path(item),
        danger: act == Act::Remove,
        hidden: Vec::new(),
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

fn path(item: &QueueItem) -> String {
    format!("/queue/{}", encode(&item.id))
}

fn sender(say: Say, item: &QueueItem) -> String {
    if item.from.is_empty() { say.t("queue-null-sender") } else { item.from.clone() }
}

fn receivers(say: Say, item: &QueueItem) -> String {
    match item.to.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} {}", say.with("queue-and-more", "count", rest.len()))
        }
        few => few.join(", "),
    }
}

fn state(say: Say, item: &QueueItem) -> Cell {
    match (item.held, item.tries) {
        (true, _) => Cell::state(say.t("queue-held"), Tone::Warn),
        (false, 0) => Cell::state(say.t("queue-fresh"), Tone::Plain),
        (false, _) => Cell::state(say.t("queue-deferred"), Tone::Bad),
    }
}
