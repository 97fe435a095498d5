//! Keys and certificates (mail-gateway.md M-C4 to M-C6): keys of our users, certificates and OpenPGP keys of partners, the trust store. List, one in
//! full, import by file or pasted text, and what asks first.

mod import;
mod item;
mod own;
mod partners;
mod roots;

use admin::keys::{Detail, Summary};
use axum::response::{IntoResponse, Response};
use http::header;
use minijinja::context;
use web::form::encode;
use web::{Caller, Cell, Column, Failed, Field, FieldKind, Kit, Table, Tone};

use crate::say::Say;
use crate::view::Page;

pub use import::{Kind, draw_import};
pub use item::{Shelf, draw_item, questions};
pub use own::{
    act, ask, certificate, draw_export, draw_generate, export, export_now, generate, generate_now, import, import_now, list, show,
};
pub use partners::{
    Certificates, OfPartners, PgpKeys, ask_partner, list_partners, partner_certificate, partner_import, partner_import_now, remove_partner,
    show_partner,
};
pub use roots::{act_root, ask_root, list_roots, root_certificate, root_import, root_import_now, show_root};

/// Draws a list of one shelf. `asked` is what was looked for: an address, or of roots a decision.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, shelf: Shelf, page: &Page<Summary>, asked: &str) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let first = if shelf == Shelf::Roots { "key-subject" } else { "key-owner" };
    let mut columns: Vec<Column> =
        [first, "key-kind", "key-algorithm", "key-until", "key-origin", "key-state"].map(|id| Column::text(say.t(id))).into();
    if shelf == Shelf::Roots {
        columns.push(Column::text(say.t("key-trust")));
    }
    let rows = page.items.iter().map(|key| {
        let name = if shelf == Shelf::Roots { key.subject.clone() } else { key.owner.clone() };
        let mut cells = vec![
            Cell::link(name, path(shelf, key)),
            Cell::text(if item::is_pgp(key) { key.issuer.as_str() } else { "S/MIME" }),
            Cell::text(format!("{} {}", key.algorithm, key.bits)),
            item::until(say, key),
            Cell::text(word(say, "key-origin", &key.origin)),
            state(say, key.state),
        ];
        if shelf == Shelf::Roots {
            cells.push(trust(say, key.trust));
        }
        cells
    });
    let base = match asked {
        "" => shelf.path().to_owned(),
        asked => format!("{}?{}={}", shelf.path(), shelf.query(), encode(asked)),
    };
    let id = |part: &str| say.t(&format!("{}-{part}", shelf.word()));
    let empty = if asked.is_empty() { id("empty") } else { say.t("keys-none-found") };
    let table = Table::new(id("caption"), empty, columns).rows(rows).paged(&base, page.here.as_deref(), page.next.as_deref());
    let field = if shelf == Shelf::Roots {
        let decisions = ["", "trusted", "untrusted", "undefined"];
        let options = decisions.map(|one| (one.to_owned(), word(say, "key-trust", if one.is_empty() { "any" } else { one }))).into();
        Field::new("trust", say.t("key-trust"), FieldKind::Select { options }).value(asked)
    } else {
        Field::new("owner", say.t("keys-search"), FieldKind::Search).value(asked)
    };
    let may_act = caller.actor.rights.allow(shelf.right(), model::Access::Write);
    let values = context! {
        title => say.t(shelf.title()), intro => id("intro"), table, field, may_act, search => say.t("keys-show"),
        here => shelf.path(), import => format!("{}/import", shelf.path()), generate => shelf == Shelf::Own,
    };
    kit.page(caller, "keys.html", values)
}

/// The page of one.
fn path(shelf: Shelf, key: &Summary) -> String {
    match shelf {
        Shelf::Own | Shelf::Roots => format!("{}/{}", shelf.path(), encode(&key.key)),
        Shelf::Partners | Shelf::Pgp => {
            let shelf = if item::is_pgp(key) { Shelf::Pgp } else { Shelf::Partners };
            format!("{}/{}/{}", shelf.path(), encode(&key.owner), encode(&key.sha256))
        }
    }
}

/// A word of ours in the caller's language; one that a newer node wrote as it is.
fn word(say: Say, kind: &str, word: &str) -> String {
    let id = format!("{kind}-{word}");
    if texts::has(say.0, &id) { say.t(&id) } else { word.to_owned() }
}

fn state(say: Say, state: &str) -> Cell {
    let tone = match state {
        "valid" => Tone::Good,
        "early" | "weak" => Tone::Warn,
        "revoked" => Tone::Bad,
        _ => Tone::Plain,
    };
    Cell::state(word(say, "key-state", state), tone)
}

fn trust(say: Say, trust: &str) -> Cell {
    let tone = match trust {
        "trusted" => Tone::Good,
        "untrusted" => Tone::Bad,
        _ => Tone::Warn,
    };
    Cell::state(word(say, "key-trust", trust), tone)
}

/// What others may have of a key, for browsers to save.
fn public_file(detail: Detail) -> Response {
    let (name, kind) =
        if item::is_pgp(&detail.summary) { ("key.asc", "application/pgp-keys") } else { ("certificate.pem", "application/x-pem-file") };
    file(name, kind, detail.certificate.into_bytes())
}

/// A file that browsers save. The name is ours: letters, digits, `.` and `-`.
fn file(name: &str, kind: &'static str, content: Vec<u8>) -> Response {
    let fields = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (fields, content).into_response()
}
