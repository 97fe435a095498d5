//! Policies on what phones see of a mail: classification, attachments, hyperlinks. What valid ones look like.

use content::attachments::TypeRule;
use model::Fault;
use model::address::normal_domain;
use model::site::content::{AttachmentAction, LinkMode, TAGS, TagAction, TagRow, TagSource};
use model::site::{MobileGateway, MobilePolicy, PolicyKind};

use crate::error::bad_field;
use crate::record::line;

/// Rows of one policy, or of one class, at most.
const ROWS: usize = 500;
/// Domains at most.
const DOMAINS: usize = 10_000;
/// Octets of a text that a phone shows.
const TEXT: usize = 4_000;

/// Fields of one kind on a policy of that kind only: on another they would look like protection and be none.
pub(crate) fn check(kind: PolicyKind, policy: &MobilePolicy) -> Result<(), Fault> {
    let has = |kinds: PolicyKind, fields: &[(&str, bool)]| match fields.iter().find(|(_, set)| *set && kind != kinds) {
        Some((field, _)) => Err(bad_field(&format!("mobile.policy.{field}"), format!("only {} has it", kinds.word()))),
        None => Ok(()),
    };
    has(
        PolicyKind::Classification,
        &[
            ("rows", !policy.rows.is_empty()),
            ("tags", !policy.tags.is_empty()),
            ("sources", !policy.sources.is_empty()),
            ("inbox_clients", !policy.inbox_clients.is_empty()),
        ],
    )?;
    has(PolicyKind::Attachments, &[("classes", !policy.classes.is_empty()), ("reader_platforms", !policy.reader_platforms.is_empty())])?;
    has(
        PolicyKind::Hyperlinks,
        &[("mode", policy.mode != LinkMode::All), ("domains", !policy.domains.is_empty()), ("schemes", !policy.schemes.is_empty())],
    )?;
    if kind.is_of_content() && policy.strict {
        return Err(bad_field("mobile.policy.strict", format!("{} asks for no reported fact", kind.word())));
    }
    match kind {
        PolicyKind::Classification => classification(policy),
        PolicyKind::Attachments => attachments(policy),
        PolicyKind::Hyperlinks => hyperlinks(policy),
        _ => Ok(()),
    }
}

fn classification(policy: &MobilePolicy) -> Result<(), Fault> {
    few("mobile.policy.rows", policy.rows.len(), ROWS)?;
    few("mobile.policy.tags", policy.tags.len(), ROWS)?;
    few("mobile.policy.inbox_clients", policy.inbox_clients.len(), ROWS)?;
    policy.tags.iter().try_for_each(|tag| filled("mobile.policy.tags", tag))?;
    policy.inbox_clients.iter().try_for_each(|agent| filled("mobile.policy.inbox_clients", agent))?;
    if let Some(wrong) = policy.sources.iter().find(|source| TagSource::parse(source).is_none()) {
        return Err(bad_field("mobile.policy.sources", format!("expected subject, header:NAME or body, not {wrong:?}")));
    }
    let known = |wanted: &str| {
        let own = policy.tags.iter().map(String::as_str);
        TAGS.into_iter().chain(own).any(|tag| tag.trim().to_lowercase() == wanted.trim().to_lowercase())
    };
    policy.rows.iter().try_for_each(|row| tag_row(row, &known))?;
    let defaults = policy.rows.iter().filter(|row| row.is_default()).map(|row| row.client);
    let doubled = defaults.clone().enumerate().any(|(at, client)| defaults.clone().take(at).any(|earlier| earlier == client));
    if doubled {
        return Err(bad_field("mobile.policy.rows", "expected one row without tag and no_tag for each kind of client at most"));
    }
    Ok(())
}

fn tag_row(row: &TagRow, known: &impl Fn(&str) -> bool) -> Result<(), Fault> {
    const FIELD: &str = "mobile.policy.rows";
    if row.no_tag && !row.tag.is_empty() {
        return Err(bad_field(FIELD, "a row is for a tag or for no tag, not for both"));
    }
    if !row.tag.is_empty() && !known(&row.tag) {
        return Err(bad_field(FIELD, format!("there is no tag {:?}: add it to tags", row.tag)));
    }
    if row.action == TagAction::Allow && !row.template.is_empty() {
        return Err(bad_field(FIELD, "a template is for rows that block"));
    }
    short(FIELD, &row.template)
}

fn attachments(policy: &MobilePolicy) -> Result<(), Fault> {
    policy.reader_platforms.iter().try_for_each(|platform| filled("mobile.policy.reader_platforms", platform))?;
    for (class, rows) in policy.classes.all() {
        let field = format!("mobile.policy.classes.{class}");
        few(&field, rows.len(), ROWS)?;
        for row in rows {
            TypeRule::parse(&row.types).map_err(|wrong| bad_field(&field, wrong))?;
            short(&field, &row.text)?;
            if row.action != AttachmentAction::Block && !row.text.is_empty() {
                return Err(bad_field(&field, "a text is for rows that block"));
            }
        }
    }
    if policy.enabled && policy.classes.is_empty() {
        return Err(bad_field("mobile.policy.classes", "expected rows for at least one class: managed_reader, managed, unmanaged"));
    }
    Ok(())
}

fn hyperlinks(policy: &MobilePolicy) -> Result<(), Fault> {
    const FIELD: &str = "mobile.policy.domains";
    few(FIELD, policy.domains.len(), DOMAINS)?;
    let bad = |domain: &&String| normal_domain(domain.trim().trim_matches('.')).is_none();
    if let Some((number, wrong)) = policy.domains.iter().enumerate().find(|(_, domain)| bad(domain)) {
        return Err(bad_field(FIELD, format!("entry {}: {wrong:?} is no domain", number + 1)));
    }
    match (policy.mode, policy.domains.is_empty()) {
        (LinkMode::All, false) => return Err(bad_field(FIELD, "mode = \"all\" has no list: set mode to include or exclude")),
        (LinkMode::Include, true) => return Err(bad_field(FIELD, "expected domains to include")),
        _ => {}
    }
    few("mobile.policy.schemes", policy.schemes.len(), ROWS)?;
    if policy.enabled && policy.schemes.is_empty() {
        return Err(bad_field("mobile.policy.schemes", "expected at least one entry, as in { http = \"airwatch\" }"));
    }
    policy.schemes.iter().try_for_each(|schemes| {
        line("mobile.policy.schemes", &schemes.profile)?;
        let expected = r#"expected two different schemes, as in { http = "x", https = "xs" }, or a known browser, as in { http = "edge" }"#;
        schemes.pair().map(|_| ()).ok_or_else(|| bad_field("mobile.policy.schemes", expected))
    })
}

/// What a gateway says about content.
pub(crate) fn check_gateway(gateway: &MobileGateway) -> Result<(), Fault> {
    short("mobile.gateway.blocked_text", &gateway.blocked_text)
}

fn few(field: &str, count: usize, most: usize) -> Result<(), Fault> {
    if count > most { Err(bad_field(field, format!("expected at most {most} entries"))) } else { Ok(()) }
}

fn filled(field: &str, text: &str) -> Result<(), Fault> {
    line(field, text)?;
    if text.trim().is_empty() { Err(bad_field(field, "expected entries that are not empty")) } else { Ok(()) }
}

/// A text of some lines: no NUL, which a phone's answer can't carry, and not endless.
fn short(field: &str, text: &str) -> Result<(), Fault> {
    let odd = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if odd || text.len() > TEXT {
        return Err(bad_field(field, format!("expected a text of at most {TEXT} octets without control characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record as _;

    fn said(toml: &str) -> Result<(), String> {
        let policy = toml::from_str::<MobilePolicy>(toml).map_err(|error| error.message().to_owned())?;
        policy.check().map_err(|fault| format!("{}: {}", fault.code, fault.cause))
    }

    #[test]
    fn g_21_g_22_g_23_each_kind_takes_what_it_can_carry_out() {
        for good in [
            "type = 'classification'\nenabled = true\ntags = ['Secret']\nsources = ['subject', 'header:X-Class', 'body']\ninbox_clients = ['Inbox*']\nrows = [{ tag = 'secret', client = 'inbox', action = 'allow' }, { no_tag = true, action = 'block', template = 't' }, { action = 'block' }]",
            "type = 'attachments'\nenabled = true\nreader_platforms = ['ios']\nclasses = { managed_reader = [{ types = ['PDF', '.docx'], action = 'encrypt' }], unmanaged = [{ types = '*', action = 'block', text = 'no' }] }",
            "type = 'hyperlinks'\nenabled = true\nmode = 'include'\ndomains = ['intra.example', 'bücher.example']\nschemes = [{ profile = 'ios', http = 'x', https = 'xs' }, { http = 'edge' }]",
            "type = 'hyperlinks'",
        ] {
            assert_eq!(said(good), Ok(()), "{good}");
        }
        for (bad, what) in [
            ("type = 'classification'\nrows = [{ tag = 'Secret', action = 'block' }]", "add it to tags"),
            ("type = 'classification'\nrows = [{ tag = 'Public', no_tag = true }]", "not for both"),
            ("type = 'classification'\nrows = [{ tag = 'Public', template = 'x' }]", "rows that block"),
            ("type = 'classification'\nrows = [{ action = 'block' }, { action = 'allow' }]", "one row without tag"),
            ("type = 'classification'\nrows = [{ tga = 'Public' }]", "unknown field `tga`"),
            ("type = 'classification'\nrows = [{ tag = 'Public', client = 'phone' }]", "unknown variant `phone`"),
            ("type = 'classification'\nsources = ['text']", "subject, header:NAME or body"),
            ("type = 'classification'\nstrict = true", "mobile.policy.strict"),
            ("type = 'classification'\nlist = ['a']", "mobile.policy.list"),
            ("type = 'attachments'\nenabled = true", "at least one class"),
            ("type = 'attachments'\nclasses = { managed = [{ types = 'PDFF', action = 'block' }] }", "no file type 'PDFF'"),
            ("type = 'attachments'\nclasses = { managed = [{ types = '', action = 'block' }] }", "expected file types"),
            ("type = 'attachments'\nclasses = { managed = [{ types = '*', action = 'drop' }] }", "unknown variant `drop`"),
            ("type = 'attachments'\nclasses = { managed = [{ types = '*', action = 'encrypt', text = 'x' }] }", "rows that block"),
            ("type = 'attachments'\nclasses = { other = [] }", "unknown field `other`"),
            ("type = 'attachments'\nmode = 'include'", "mobile.policy.mode: only hyperlinks has it"),
            ("type = 'hyperlinks'\nenabled = true", "at least one entry"),
            ("type = 'hyperlinks'\nmode = 'include'", "domains to include"),
            ("type = 'hyperlinks'\ndomains = ['a.example']", "has no list"),
            ("type = 'hyperlinks'\nmode = 'exclude'\ndomains = ['a.example', 'a b']", "entry 2: \"a b\" is no domain"),
            ("type = 'hyperlinks'\nschemes = [{ http = 'javascript', https = 'xs' }]", "two different schemes"),
            ("type = 'user'\nrows = [{ action = 'block' }]", "mobile.policy.rows: only classification has it"),
            ("type = 'encryption'\nclasses = { managed = [{ types = '*', action = 'block' }] }", "only attachments has it"),
        ] {
            let said = said(bad).unwrap_err();
            assert!(said.contains(what), "{bad}: {said}");
        }
    }
}
