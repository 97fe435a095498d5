//! One policy's page of choices. What is wrong stays as it was typed, with what is expected.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use minijinja::context;
use model::Fault;
use model::site::content::LinkMode;
use model::site::{MobilePolicy, PolicyAction, PolicyDevices, PolicyEntry, PolicyKind};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, Field, FieldKind, Form, FormData, Kit};

use super::{item, kind_text, known, path, title};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::PolicyItem;

/// `GET /policies/{key}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn edit(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    let (policy, version) = known(&state, &caller, &key).await?;
    draw_edit(state.kit(), &caller, &item(policy, version), None)
}

/// `POST /policies/{key}`: saves it. With other labels or configurations it is another policy beside this one.
///
/// # Errors
/// `changed-meanwhile`; when the store is away. What was typed wrong is shown again.
pub async fn save(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>, form: FormData) -> Result<Response, Failed> {
    let (before, version) = known(&state, &caller, &key).await?;
    let shown = item(before.clone(), version);
    let policy = match typed(before, &form) {
        Ok(policy) => policy,
        Err(fault) => return refuse(&state, &caller, &shown, &form, fault),
    };
    let expect = match form.text("version").parse() {
        _ if policy.key() != key => Expect::New,
        Ok(0) => Expect::New,
        Ok(version) => Expect::Version(version),
        Err(_) => Expect::Any,
    };
    match state.admin().put(&caller.actor, policy, expect).await {
        Ok(_) => Ok(see_other("/policies")),
        Err(fault) if fault.code == "bad-field" => refuse(&state, &caller, &shown, &form, fault),
        Err(fault) => Err(fault.into()),
    }
}

fn refuse(state: &ConsoleState, caller: &Caller, shown: &PolicyItem, form: &FormData, fault: Fault) -> Result<Response, Failed> {
    let page = draw_edit(state.kit(), caller, shown, Some((form, &fault)))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The policy with what the form says.
fn typed(before: MobilePolicy, form: &FormData) -> Result<MobilePolicy, Fault> {
    let words = |name: &str| form.text(name).split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let kind = PolicyKind::from_word(&before.kind);
    let has_list = kind.is_some_and(PolicyKind::has_list);
    let days = match form.text("days").trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| crate::api::answer::bad_field("mobile.policy.days", "expected a number from 1 to 32767"))?),
    };
    let mut policy = MobilePolicy {
        enabled: form.text("enabled") == "yes",
        strict: form.text("strict") == "yes",
        labels: words("labels"),
        gateways: words("gateways"),
        ..before
    };
    if kind == Some(PolicyKind::Inactivity) {
        policy.days = days;
    }
    if kind == Some(PolicyKind::Hyperlinks) {
        policy.mode = MODES.into_iter().find(|mode| word(*mode) == form.text("mode")).unwrap_or_default();
        policy.domains = form.text("domains").lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    }
    if has_list {
        policy.action = if form.text("action") == "block" { PolicyAction::Block } else { PolicyAction::Allow };
        policy.list = form.text("list").lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| entry(kind, line)).collect();
    }
    Ok(policy)
}

/// What a policy on links may say of its list.
const MODES: [LinkMode; 3] = [LinkMode::All, LinkMode::Include, LinkMode::Exclude];

const fn word(mode: LinkMode) -> &'static str {
    match mode {
        LinkMode::All => "all",
        LinkMode::Include => "include",
        LinkMode::Exclude => "exclude",
    }
}

/// One line of a list: a name; for models `platform: model` too; for versions `platform: from - to`, each end may be left out.
fn entry(kind: Option<PolicyKind>, line: &str) -> PolicyEntry {
    let parted = line.split_once(':').map(|(platform, rest)| (platform.trim().to_owned(), rest.trim().to_owned()));
    match (kind, parted) {
        (Some(PolicyKind::Os), Some((platform, range))) => {
            let (from, to) = match range.split_once(" - ").or_else(|| range.split_once('-')) {
                Some((from, to)) => (from.trim().to_owned(), to.trim().to_owned()),
                None if range.is_empty() => (String::new(), String::new()),
                None => (range.clone(), range),
            };
            PolicyEntry::Of(PolicyDevices { platform, from, to, ..PolicyDevices::default() })
        }
        (Some(PolicyKind::Os), None) => PolicyEntry::Of(PolicyDevices { platform: line.to_owned(), ..PolicyDevices::default() }),
        (Some(PolicyKind::Model), Some((platform, model))) => {
            PolicyEntry::Of(PolicyDevices { platform, model, ..PolicyDevices::default() })
        }
        _ => PolicyEntry::Text(line.to_owned()),
    }
}

/// The line of an entry, as [`entry`] reads it.
pub(super) fn written(entry: &PolicyEntry) -> String {
    match entry {
        PolicyEntry::Text(text) => text.clone(),
        PolicyEntry::Of(of) if !of.model.is_empty() => format!("{}: {}", of.platform, of.model),
        PolicyEntry::Of(of) if of.from.is_empty() && of.to.is_empty() => format!("{}:", of.platform),
        PolicyEntry::Of(of) => format!("{}: {} - {}", of.platform, of.from, of.to),
    }
}

/// Draws the page; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_edit(kit: &Kit, caller: &Caller, item: &PolicyItem, wrong: Option<(&FormData, &Fault)>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let check = |name: &str, id: &str, hint: &str, on: bool| {
        Field::new(name, say.t(id), FieldKind::Check).hint(say.t(hint)).value(if on { "yes" } else { "" })
    };
    let mut form = Form::new(path(item), say.t("policy-save"));
    form.cancel = "/policies".to_owned();
    form.hidden = vec![("version".to_owned(), item.version.to_string())];
    form = form.field(check("enabled", "policy-enabled", "policy-enabled-hint", item.enabled));
    if item.kind == "inactivity" {
        let days = item.days.map(|days| days.to_string()).unwrap_or_default();
        form = form.field(Field::new("days", say.t("policy-days-label"), FieldKind::Text).hint(say.t("policy-days-hint")).value(days));
    }
    if let Some(blocks) = item.blocks_listed {
        let options = vec![("allow".to_owned(), say.t("policy-action-allow")), ("block".to_owned(), say.t("policy-action-block"))];
        let action = Field::new("action", say.t("policy-action"), FieldKind::Select { options });
        form = form.field(action.value(if blocks { "block" } else { "allow" }));
        let hint = match item.kind.as_str() {
            "os" => "policy-list-hint-os",
            "model" => "policy-list-hint-model",
            _ => "policy-list-hint",
        };
        form =
            form.field(Field::new("list", say.t("policy-list"), FieldKind::Area { rows: 8 }).hint(say.t(hint)).value(item.list.join("\n")));
    }
    if let Some(mode) = item.link_mode {
        let options = MODES.map(|mode| (word(mode).to_owned(), say.t(&format!("policy-links-{}", word(mode))))).to_vec();
        form = form.field(Field::new("mode", say.t("policy-links-mode"), FieldKind::Select { options }).value(word(mode))).field(
            Field::new("domains", say.t("policy-links-domains"), FieldKind::Area { rows: 8 })
                .hint(say.t("policy-links-domains-hint"))
                .value(item.domains.join("\n")),
        );
    }
    let kind = PolicyKind::from_word(&item.kind);
    if kind.is_some_and(|kind| kind != PolicyKind::ManagedDevice && !kind.is_of_content()) {
        form = form.field(check("strict", "policy-strict", "policy-strict-hint", item.strict));
    }
    form = form
        .field(
            Field::new("labels", say.t("policy-labels"), FieldKind::Text).hint(say.t("policy-labels-hint")).value(item.labels.join(", ")),
        )
        .field(
            Field::new("gateways", say.t("policy-gateways"), FieldKind::Text)
                .hint(say.t("policy-gateways-hint"))
                .value(item.gateways.join(", ")),
        );
    if let Some((typed, fault)) = wrong {
        let field = fault.args.iter().find(|(name, _)| *name == "field").map_or("", |(_, value)| value.as_str());
        let expected = texts::fault(say.0, fault);
        form = form.rejected(typed, field.rsplit('.').next().unwrap_or_default(), expected);
    }
    let may_act = caller.actor.rights.allow(model::Right::MobilePolicies, model::Access::Write);
    let elsewhere = kind.is_some_and(PolicyKind::is_of_content);
    let values = context! { elsewhere, title => title(say, item), does => kind_text(say, &item.kind, "-does"), form, may_act };
    kit.page(caller, "policy.html", values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_11_lines_come_back_as_they_were() {
        for (kind, line) in [
            (PolicyKind::Os, "ios: 16.4 - 17"),
            (PolicyKind::Os, "ios: 16.4 - "),
            (PolicyKind::Os, "android:"),
            (PolicyKind::Model, "ios: iPhone1?"),
            (PolicyKind::Model, "SM-*"),
            (PolicyKind::MailClient, "Apple-iPhone*/14: x"),
            (PolicyKind::User, "temp-*"),
        ] {
            assert_eq!(written(&entry(Some(kind), line)), line);
        }
        let PolicyEntry::Of(of) = entry(Some(PolicyKind::Os), "ios:16-17") else { panic!() };
        assert_eq!((of.platform.as_str(), of.from.as_str(), of.to.as_str()), ("ios", "16", "17"));
        let PolicyEntry::Of(of) = entry(Some(PolicyKind::Os), "ios: 16") else { panic!() };
        assert_eq!((of.from.as_str(), of.to.as_str()), ("16", "16"), "one version");
    }
}
