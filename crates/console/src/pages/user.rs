//! One user: what they may, and what asks before they are deactivated or deleted (M-C15).

use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::site::User;
use model::{Access, Address, Right};
use store::Expect;
use web::form::encode;
use web::guard::see_other;
use web::{Caller, Cell, Failed, FormData, Kit, Tone};

use crate::gather::not_found;
use crate::say::Say;
use crate::state::ConsoleState;

/// One user, and how many keys they have.
#[derive(Debug, Clone)]
pub struct Known {
    /// The account.
    pub user: User,
    /// Version of its row.
    pub version: i64,
    /// Keys of theirs.
    pub keys: usize,
}

async fn known(state: &ConsoleState, caller: &Caller, key: &str) -> Result<Known, Failed> {
    let kept = state.admin().show::<User>(&caller.actor, &look_up(key)).await?;
    let keys = state.admin().key_list(&caller.actor, Some(&kept.record.address), "", 1).await?.len();
    Ok(Known { user: kept.record, version: kept.version, keys })
}

/// `GET /users/{address}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    draw(state.kit(), &caller, &known(&state, &caller, &key).await?)
}

/// Draws a user.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, known: &Known) -> Result<Response, Failed> {
    let (say, user) = (Say(caller.language), &known.user);
    let inactive = user.may_not_encrypt && user.may_not_sign;
    let truth = |is: bool| Cell::text(say.t(if is { "user-yes" } else { "user-no" }));
    let state = if inactive { ("user-inactive", Tone::Plain) } else { ("user-active", Tone::Good) };
    let facts = vec![
        (say.t("user-address"), Cell::text(user.address.as_str())),
        (say.t("user-name"), Cell::text(user.name.clone())),
        (say.t("user-state"), Cell::state(say.t(state.0), state.1)),
        (say.t("user-may-not-sign"), truth(user.may_not_sign)),
        (say.t("user-may-not-encrypt"), truth(user.may_not_encrypt)),
        (say.t("user-smime-keys"), Cell::number(i64::try_from(known.keys).unwrap_or(i64::MAX))),
    ];
    let here = path(user);
    let mut acts = vec![(say.t("user-keys-link"), keys_of(user), false)];
    if caller.actor.rights.allow(Right::Users, Access::Write) {
        if !inactive {
            acts.push((say.t("user-act-deactivate"), format!("{here}/deactivate"), false));
        }
        acts.push((say.t("user-act-remove"), format!("{here}/remove"), true));
    }
    kit.page(caller, "user.html", context! { title => user.address.as_str(), facts, acts })
}

/// `GET /users/{address}/{act}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path((key, act)): Path<(String, String)>) -> Result<Response, Failed> {
    if !["deactivate", "remove"].contains(&act.as_str()) {
        return Err(not_found().into());
    }
    draw_question(state.kit(), &caller, &known(&state, &caller, &key).await?, &act)
}

/// Draws the question: of a user with keys it names what can't be opened any more, and what to do instead.
///
/// # Errors
/// When a template fails.
pub fn draw_question(kit: &Kit, caller: &Caller, known: &Known, act: &str) -> Result<Response, Failed> {
    let (say, here) = (Say(caller.language), path(&known.user));
    let with_keys = act == "remove" && known.keys > 0;
    let id = |part: &str| say.t(&format!("user-{act}-{part}"));
    let values = context! {
        question => id("question"), consequence => id("consequence"), subject => known.user.address.as_str(), here, act,
        version => known.version, danger => act == "remove", with_keys, keys => keys_of(&known.user),
        warning => say.with("user-remove-keys", "count", known.keys),
        submit => say.t(&if with_keys { "user-remove-with-keys".to_owned() } else { format!("user-act-{act}") }),
    };
    kit.page(caller, "user_question.html", values)
}

/// `POST /users/{address}/{act}`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; `user-has-keys` where that was not said; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((key, act)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    match act.as_str() {
        "deactivate" => {
            state.admin().user_deactivate(&caller.actor, &look_up(&key), expect).await?;
            Ok(see_other(&format!("/users/{}", encode(&key))))
        }
        "remove" => {
            state.admin().remove::<User>(&caller.actor, &look_up(&key), expect, !form.text("with_keys").is_empty()).await?;
            Ok(see_other("/users"))
        }
        _ => Err(not_found().into()),
    }
}

/// The account's key, from however its address was written.
fn look_up(text: &str) -> String {
    Address::parse(text).map_or_else(|_| text.to_owned(), |address| address.key().as_str().to_owned())
}

fn path(user: &User) -> String {
    format!("/users/{}", encode(user.address.key().as_str()))
}

fn keys_of(user: &User) -> String {
    format!("/keys?owner={}", encode(user.address.as_str()))
}
