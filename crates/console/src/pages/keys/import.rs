//! Keys and certificates come in: a file, or what was pasted.

use admin::keys::Owner;
use axum::response::Response;
use minijinja::context;
use model::site::Trust;
use model::{Address, Fault, SecretBytes};
use web::guard::see_other;
use web::{Caller, Failed, Field, FieldKind, Form, FormData, Kit};

use super::Shelf;
use crate::api::answer::bad_field;
use crate::say::Say;
use crate::state::ConsoleState;

/// What comes in.
pub type Kind = Shelf;

/// Draws the form; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_import(kit: &Kit, caller: &Caller, kind: Kind, owner: &str, wrong: Option<(&FormData, &Fault)>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let id = |part: &str| say.t(&format!("{}-import-{part}", kind.word()));
    let mut form = Form::new(format!("{}/import", kind.path()), say.t("key-import"));
    if kind != Shelf::Roots {
        form = form.field(Field::new("owner", id("owner"), FieldKind::Email).required().value(owner));
    }
    form = form.field(Field::new("file", say.t("key-file"), FieldKind::File).hint(id("hint"))).field(
        Field::new("pasted", say.t("key-pasted"), FieldKind::Area { rows: 8 }).hint(say.t(if kind == Shelf::Pgp {
            "pgp-keys-pasted-hint"
        } else {
            "key-pasted-hint"
        })),
    );
    form = match kind {
        Shelf::Own => form.field(Field::new("passphrase", say.t("key-passphrase"), FieldKind::Password).hint(say.t("key-passphrase-hint"))),
        Shelf::Roots => form.field(Field::new("trusted", say.t("roots-import-trust"), FieldKind::Check).hint(say.t("root-compare"))),
        Shelf::Partners | Shelf::Pgp => form,
    };
    form.cancel = kind.path().to_owned();
    if let Some((typed, fault)) = wrong {
        form = form.rejected(typed, field_of(fault), texts::fault(say.0, fault));
    }
    kit.page(caller, "key_form.html", context! { title => id("title"), intro => id("intro"), form })
}

/// Takes what came, and shows the list with it; what is wrong is shown with what was typed.
pub(super) async fn take(state: &ConsoleState, caller: &Caller, kind: Kind, form: &FormData) -> Result<Response, Failed> {
    let fault = match taken(state, caller, kind, form).await {
        Ok(place) => return Ok(see_other(&place)),
        // What the person can mend is theirs to see beside the form; the rest has its own page.
        Err(fault) if fault.temporary || fault.code == "not-permitted" => return Err(fault.into()),
        Err(fault) => fault,
    };
    draw_import(state.kit(), caller, kind, form.text("owner"), Some((form, &fault)))
}

async fn taken(state: &ConsoleState, caller: &Caller, kind: Kind, form: &FormData) -> Result<String, Fault> {
    let address = || Address::parse(form.text("owner").trim()).map_err(|error| bad_field("owner", &error.to_string()));
    let owner = match kind {
        Shelf::Own => Owner::User(address()?),
        Shelf::Partners | Shelf::Pgp => Owner::Partner(address()?),
        Shelf::Roots if form.text("trusted").is_empty() => Owner::Root(Trust::Undefined),
        Shelf::Roots => Owner::Root(Trust::Trusted),
    };
    let pasted = form.text("pasted").trim();
    let content = match form.file("file") {
        Some(content) => content.to_vec(),
        None if pasted.is_empty() => return Err(bad_field("file", texts::text(caller.language, "key-file-missing", &[]).as_str())),
        None => pasted.as_bytes().to_vec(),
    };
    let pass = Some(form.secret("passphrase")).filter(|pass| !pass.expose().is_empty());
    let summaries = state.admin().key_import(&caller.actor, owner, SecretBytes::new(content), pass).await?;
    // Of one, its page; of several, the list.
    let only = summaries.first().filter(|_| summaries.len() == 1);
    Ok(only.map_or_else(|| kind.path().to_owned(), |summary| super::path(kind, summary)))
}

/// The field of a form that a fault is about; empty: the whole. What is wrong with a file stands at the file.
pub(super) fn field_of(fault: &Fault) -> &str {
    match fault.args.iter().find(|(name, _)| *name == "field") {
        // The account is asked about as `user`.
        Some((_, field)) if field == "user" => "owner",
        Some((_, field)) => field,
        None if fault.code == "import-wrong-pass-phrase" || fault.code == "import-pass-phrase-needed" => "passphrase",
        None if fault.code.starts_with("import-") => "file",
        None => "",
    }
}
