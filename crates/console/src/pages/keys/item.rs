//! One key or certificate in full (M-C6).

use admin::key_uses::KeyUsed;
use admin::key_view::OPENPGP;
use admin::keys::{Detail, Summary};
use axum::response::Response;
use minijinja::context;
use model::{Access, Right};
use web::form::encode;
use web::{Caller, Cell, Column, Confirm, Failed, Kit, Table};

use super::{path, state, trust, word};
use crate::say::Say;

/// Whose keys: a list and its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Keys of our users.
    Own,
    /// Certificates of partners.
    Partners,
    /// OpenPGP keys of partners.
    Pgp,
    /// The trust store.
    Roots,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Own, Self::Partners, Self::Pgp, Self::Roots];

    /// Where its pages are.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Own => "/keys",
            Self::Partners => "/certificates",
            Self::Pgp => "/pgp-keys",
            Self::Roots => "/roots",
        }
    }

    /// Before the ids of its texts.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Own => "keys",
            Self::Partners => "certificates",
            Self::Pgp => "pgp-keys",
            Self::Roots => "roots",
        }
    }

    /// The text of its menu entry.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Own => "nav-keys",
            Self::Partners => "nav-certificates",
            Self::Pgp => "nav-pgp-keys",
            Self::Roots => "nav-roots",
        }
    }

    /// What its list is asked for.
    pub(super) const fn query(self) -> &'static str {
        if matches!(self, Self::Roots) { "trust" } else { "owner" }
    }

    /// The right that it takes.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Own => Right::Users,
            Self::Partners => Right::X509Certificates,
            Self::Pgp => Right::PgpKeys,
            Self::Roots => Right::X509Roots,
        }
    }

    /// What can be done to one of them, by the word in paths and texts.
    pub(super) fn acts(self, detail: &Detail) -> Vec<&'static str> {
        let summary = &detail.summary;
        match self {
            Self::Own if summary.state == "revoked" => vec!["export", "remove"],
            Self::Own => vec!["export", "expire", "revoke", "remove"],
            Self::Partners | Self::Pgp => vec!["remove"],
            Self::Roots => match summary.trust {
                "trusted" => vec!["distrust", "remove"],
                "untrusted" => vec!["trust", "remove"],
                _ => vec!["trust", "distrust", "remove"],
            },
        }
    }
}

/// Takes something from somebody.
fn is_danger(act: &str) -> bool {
    matches!(act, "revoke" | "remove" | "distrust")
}

/// Draws one. `uses`: what a key of ours was used for last; `None` if that is not known here.
///
/// # Errors
/// When a template fails.
pub fn draw_item(kit: &Kit, caller: &Caller, shelf: Shelf, detail: &Detail, uses: Option<&[KeyUsed]>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let (summary, here) = (&detail.summary, path(shelf, &detail.summary));
    let id = |act: &str| say.t(&format!("{}-act-{act}", shelf.word()));
    let acts: Vec<_> = shelf.acts(detail).into_iter().map(|act| (id(act), format!("{here}/{act}"), is_danger(act))).collect();
    let used = uses.map(|uses| {
        let columns = ["key-used-at", "key-used-for", "key-used-mail"].map(|id| Column::text(say.t(id))).into();
        let rows = uses.iter().map(|used| {
            let way = format!("/log/{}", encode(&used.trace));
            vec![Cell::text(used.at.clone()), Cell::text(word(say, "key-purpose", &used.purpose)), Cell::link(used.trace.clone(), way)]
        });
        Table::new(say.t("key-used-caption"), say.t("key-used-none"), columns).rows(rows)
    });
    let met = (shelf == Shelf::Roots).then(|| {
        let columns = ["root-met-at", "root-met-from", "key-used-mail"].map(|id| Column::text(say.t(id))).into();
        let rows = detail.mails.iter().map(|met| {
            vec![Cell::time(met.at), Cell::text(met.sender.clone()), Cell::link(met.trace.clone(), format!("/log/{}", encode(&met.trace)))]
        });
        Table::new(say.t("root-met-caption"), say.t("root-met-none"), columns).rows(rows)
    });
    let title = if summary.owner.is_empty() { summary.subject.clone() } else { summary.owner.clone() };
    let notice = if shelf == Shelf::Roots && summary.trust == "undefined" { say.t("root-compare") } else { String::new() };
    let values = context! {
        title, notice, facts => facts(say, shelf, detail), acts, pem => detail.certificate, download => format!("{here}/certificate.pem"),
        public => say.t(if is_pgp(summary) { "key-public" } else { "key-certificate" }),
        back => shelf.path(), back_text => say.t(shelf.title()), used, met,
        may_act => caller.actor.rights.allow(shelf.right(), Access::Write),
    };
    kit.page(caller, "key.html", values)
}

/// True for an OpenPGP key.
pub(super) fn is_pgp(key: &Summary) -> bool {
    key.kind == OPENPGP
}

/// When its time is over.
pub(super) fn until(say: Say, key: &Summary) -> Cell {
    key.not_after.map_or_else(|| Cell::text(say.t("key-never")), Cell::time)
}

fn or_dash(text: String) -> Cell {
    if text.is_empty() { Cell::text("\u{2013}") } else { Cell::text(text) }
}

/// The id of its name, and what it is.
type Fact = (&'static str, Cell);

/// What only certificates have, or only OpenPGP keys: who it is, and its fingerprints.
fn own_facts(key: &Summary) -> (Vec<Fact>, Vec<Fact>) {
    if is_pgp(key) {
        let who = [
            ("key-user-ids", or_dash(key.subject.clone())),
            ("key-kind", Cell::text(key.issuer.clone())),
            ("key-id", Cell::code(key.serial.clone())),
        ];
        return (who.into(), vec![("key-fingerprint", Cell::code(fingerprint(key)))]);
    }
    let who = [
        ("key-subject", or_dash(key.subject.clone())),
        ("key-issuer", or_dash(key.issuer.clone())),
        ("key-serial", Cell::code(key.serial.clone())),
    ];
    (who.into(), vec![("key-sha256", Cell::code(fingerprint(key))), ("key-sha1", Cell::code(grouped(&key.sha1, 2, ":")))])
}

fn facts(say: Say, shelf: Shelf, detail: &Detail) -> Vec<(String, Cell)> {
    let key = &detail.summary;
    let usages: Vec<String> = [("sign", key.signs), ("encrypt", key.encrypts)]
        .into_iter()
        .filter(|(_, may)| *may)
        .map(|(usage, _)| word(say, "key-usage", usage))
        .collect();
    let private = say.t(if key.private { "key-private-here" } else { "key-private-not" });
    let mut facts = vec![("key-state", state(say, key.state))];
    if shelf == Shelf::Roots {
        facts.push(("key-trust", trust(say, key.trust)));
    }
    let (who, fingerprints) = own_facts(key);
    facts.extend(who);
    facts.extend([
        ("key-addresses", or_dash(detail.addresses.join(", "))),
        ("key-algorithm", Cell::text(format!("{} {}", key.algorithm, key.bits))),
        ("key-from", Cell::time(key.not_before)),
        ("key-until", until(say, key)),
        ("key-usages", or_dash(usages.join(", "))),
    ]);
    facts.extend(fingerprints);
    facts.extend([("key-origin", Cell::text(word(say, "key-origin", &key.origin))), ("key-private", Cell::text(private))]);
    if let Some(created) = key.created {
        facts.push(("key-created", Cell::time(created)));
    }
    if !detail.former.is_empty() {
        facts.push(("key-former", Cell::number(i64::try_from(detail.former.len()).unwrap_or(i64::MAX))));
    }
    facts.into_iter().map(|(id, cell)| (say.t(id), cell)).collect()
}

/// As people compare it: AB:CD:… of a certificate, ABCD 1234 … of an OpenPGP key.
fn fingerprint(key: &Summary) -> String {
    if is_pgp(key) { grouped(&key.sha256, 4, " ") } else { grouped(&key.sha256, 2, ":") }
}

fn grouped(hex: &str, size: usize, between: &str) -> String {
    let groups: Vec<String> = hex.as_bytes().chunks(size).map(|some| String::from_utf8_lossy(some).to_ascii_uppercase()).collect();
    groups.join(between)
}

/// A text, in its form for OpenPGP keys where it has one.
pub(super) fn said(say: Say, id: &str, key: &Summary) -> String {
    let own = format!("{id}-{OPENPGP}");
    say.t(if is_pgp(key) && texts::has(say.0, &own) { &own } else { id })
}

/// Draws the question before an act.
///
/// # Errors
/// When a template fails.
pub(super) fn draw_confirm(kit: &Kit, caller: &Caller, shelf: Shelf, detail: &Detail, act: &str) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let id = |part: &str| say.t(&format!("{}-{act}-{part}", shelf.word()));
    let (summary, here) = (&detail.summary, path(shelf, &detail.summary));
    let confirm = Confirm {
        question: id("question"),
        consequence: said(say, &format!("{}-{act}-consequence", shelf.word()), summary),
        subject: format!("{}\n{}\n{}", summary.owner, summary.subject, fingerprint(summary)).trim().to_owned(),
        action: format!("{here}/{act}"),
        submit: say.t(&format!("{}-act-{act}", shelf.word())),
        cancel: here,
        danger: is_danger(act),
        hidden: vec![("version".to_owned(), summary.version.to_string())],
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

/// Each question that can be asked about one, drawn.
#[must_use]
pub fn questions(kit: &Kit, caller: &Caller, shelf: Shelf, detail: &Detail) -> Vec<Result<Response, Failed>> {
    let asked = shelf.acts(detail).into_iter().filter(|act| *act != "export");
    asked.map(|act| draw_confirm(kit, caller, shelf, detail, act)).collect()
}
