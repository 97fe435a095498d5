//! What can be done with one device or a selection: each asks first, on a page that says what follows.

use admin::compliance::Whom;
use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::Fault;
use model::device::Override;
use store::Expect;
use store::devices::Ordered;
use web::guard::see_other;
use web::{Caller, Confirm, Failed, FormData, Kit};

use super::{item, path};
use crate::api::answer::bad_field;
use crate::gather::{Asked, not_found};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::DeviceItem;

/// Devices of a selection that the question names; more are counted.
const NAMED: usize = 20;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Rules: always allowed, always blocked, or as the policies say.
    Rule(Override),
    /// Judges by the policies as they are now.
    Compliance,
    /// Syncs its folders anew, with another key for attachments or without.
    Order(Ordered),
    /// Turns diagnostics on or off.
    Diagnostics(bool),
    /// Forgets, unless some management manages it.
    Remove,
}

impl Act {
    /// All of them, in the order of the buttons.
    pub const ALL: [Self; 9] = [
        Self::Rule(Override::Whitelist),
        Self::Rule(Override::Blacklist),
        Self::Rule(Override::Default),
        Self::Compliance,
        Self::Order(Ordered::Resync),
        Self::Order(Ordered::Key),
        Self::Diagnostics(true),
        Self::Diagnostics(false),
        Self::Remove,
    ];

    /// The word in paths and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rule(ruling) => ruling.word(),
            Self::Compliance => "compliance",
            Self::Order(Ordered::Resync) => "sync-again",
            Self::Order(Ordered::Key) => "renew-key",
            Self::Diagnostics(true) => "diagnostics-on",
            Self::Diagnostics(false) => "diagnostics-off",
            Self::Remove => "remove",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }

    /// Takes something from somebody.
    #[must_use]
    pub const fn is_danger(self) -> bool {
        matches!(self, Self::Rule(Override::Blacklist) | Self::Remove)
    }

    /// Id of a text: of the button (empty part), `question`, `question-many`, `consequence`.
    pub(super) fn text(self, part: &str) -> String {
        if part.is_empty() { format!("device-act-{}", self.word()) } else { format!("device-{}-{part}", self.word()) }
    }

    async fn run(self, state: &ConsoleState, caller: &Caller, names: Vec<DeviceName>, expect: Expect) -> Result<(), Fault> {
        let (admin, actor) = (state.admin(), &caller.actor);
        match self {
            Self::Rule(ruling) => admin.rule_devices(actor, names, ruling, expect).await.map(drop),
            Self::Compliance => admin.compliance_run(actor, &Whom::Devices(names)).await.map(drop),
            Self::Order(ordered) => admin.order_devices(actor, names, ordered, expect).await.map(drop),
            Self::Diagnostics(on) => admin.diagnose_devices(actor, names, on).await.map(drop),
            Self::Remove => admin.remove_unmanaged(actor, names).await.map(drop),
        }
    }
}

/// `GET /devices/{user}/{id}/{act}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id, act)): Path<(String, String, String)>,
) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let row = state.admin().device(&caller.actor, &DeviceName::parse(&user, &id)?).await?;
    draw_confirm(state.kit(), &caller, &[item(row)], act)
}

/// `POST /devices/{user}/{id}/{act}`: does it.
///
/// # Errors
/// `changed-meanwhile` if somebody else has ruled since the page was drawn; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id, act)): Path<(String, String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let name = DeviceName::parse(&user, &id)?;
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    let item = DeviceItem { user: name.user.clone(), id: name.id.as_str().to_owned(), ..DeviceItem::default() };
    act.run(&state, &caller, vec![name], expect).await?;
    Ok(see_other(&if act == Act::Remove { "/devices".to_owned() } else { path(&item) }))
}

/// `GET /device-actions/{act}?d=USER/ID&d=…`: asks about a selection.
///
/// # Errors
/// `bad-field` if none was chosen; when the store is away.
pub async fn ask_many(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(act): Path<String>,
    asked: Asked,
) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let names = chosen(asked.all("d"))?;
    let mut items = Vec::with_capacity(names.len());
    for name in names {
        items.push(item(state.admin().device(&caller.actor, &name).await?));
    }
    draw_confirm(state.kit(), &caller, &items, act)
}

/// `POST /device-actions/{act}`: does it, with all or none.
///
/// # Errors
/// As [`ask_many`].
pub async fn act_many(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(act): Path<String>,
    form: FormData,
) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    act.run(&state, &caller, chosen(form.all("d"))?, Expect::Any).await?;
    Ok(see_other("/devices"))
}

/// `USER/ID`, at least one. The id can't hold a slash.
fn chosen<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<DeviceName>, Failed> {
    let mut names = Vec::new();
    for value in values {
        let (user, id) = value.rsplit_once('/').ok_or_else(not_found)?;
        names.push(DeviceName::parse(user, id)?);
    }
    if names.is_empty() || names.len() > usize::try_from(crate::gather::ROWS).unwrap_or(usize::MAX) {
        return Err(bad_field("devices", "expected at least one device to be chosen, and at most a page of them").into());
    }
    Ok(names)
}

/// Draws the question about one device, or a selection.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, items: &[DeviceItem], act: Act) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let named = |item: &DeviceItem| {
        [item.user.as_str(), &item.reported.friendly_name, &item.device_type, &item.id]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    let (question, action, cancel, hidden) = match items {
        [one] => {
            let hidden = vec![("version".to_owned(), one.version.to_string())];
            (say.t(&act.text("question")), format!("{}/{}", path(one), act.word()), path(one), hidden)
        }
        many => {
            let hidden = many.iter().map(|one| ("d".to_owned(), format!("{}/{}", one.user, one.id))).collect();
            let question = say.with(&act.text("question-many"), "count", many.len());
            (question, format!("/device-actions/{}", act.word()), "/devices".to_owned(), hidden)
        }
    };
    let mut subject: Vec<String> = items.iter().take(NAMED).map(named).collect();
    if items.len() > NAMED {
        subject.push(say.with("devices-and-more", "count", items.len() - NAMED));
    }
    let confirm = Confirm {
        question,
        consequence: say.t(&act.text("consequence")),
        subject: subject.join("\n"),
        action,
        submit: say.t(&act.text("")),
        cancel,
        danger: act.is_danger(),
        hidden,
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}
