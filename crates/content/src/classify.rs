//! Which tag a mail bears, and what that means for this client (mobile-gateway.md G-23).
//!
//! A tag is a word that senders or their programs put before the subject, into a header field, or on a line of the text.
//! Words that merely begin a sentence are none: `Public holiday` has no tag.

use std::sync::Arc;

use model::site::PolicyRule;
use model::site::content::{TAGS, TagAction, TagClient, TagRow, TagSource};

/// Lines of a text that are looked at.
const LINES: usize = 10_000;
/// Marks before a subject that mail programs put there, however many.
const REPLIES: [&str; 14] = ["re", "fw", "fwd", "aw", "wg", "antw", "sv", "vs", "tr", "ref", "r", "i", "rif", "rv"];

/// What of a mail can be seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'m> {
    /// Its subject; `None` if this answer does not say it.
    pub subject: Option<&'m str>,
    /// Header fields, name and text; empty where the phone did not ask for MIME.
    pub fields: &'m [(String, String)],
    /// Its text.
    pub body: Option<&'m str>,
}

/// The policy for one client.
#[derive(Debug, Clone)]
pub struct Classification {
    tags: Vec<String>,
    sources: Vec<TagSource>,
    rows: Vec<(TagRow, String)>,
    client: TagClient,
}

impl Classification {
    /// Of a policy, for the client with this User-Agent. `text_of` gives what stands in place of a mail for a row's template.
    pub(crate) fn new(rule: &Arc<PolicyRule>, agent: &str, text_of: impl Fn(&str) -> String) -> Self {
        let policy = &rule.policy;
        let tags = TAGS.iter().map(|tag| (*tag).to_owned()).chain(policy.tags.iter().map(|tag| tag.trim().to_owned()));
        let mut sources: Vec<TagSource> = policy.sources.iter().filter_map(|text| TagSource::parse(text)).collect();
        if sources.is_empty() {
            sources = vec![TagSource::Subject, TagSource::Body];
        }
        let client = if !agent.is_empty() && rule.names(agent) { TagClient::Inbox } else { TagClient::Other };
        Self {
            tags: tags.filter(|tag| !tag.is_empty()).collect(),
            sources,
            rows: policy.rows.iter().map(|row| (row.clone(), text_of(&row.template))).collect(),
            client,
        }
    }

    /// True if no row ever blocks this client.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.rows.iter().any(|(row, _)| row.action == TagAction::Block && self.is_for_us(row))
    }

    /// True if the subject is one of the places, and so must be seen before a body is shown.
    #[must_use]
    pub fn asks_the_subject(&self) -> bool {
        self.sources.contains(&TagSource::Subject)
    }

    /// The tag, from the first place that has one.
    #[must_use]
    pub fn tag_of(&self, seen: &Seen<'_>) -> Option<&str> {
        self.sources.iter().find_map(|source| match source {
            TagSource::Subject => seen.subject.and_then(|subject| self.before(subject)),
            TagSource::Header(name) => {
                let fields = seen.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
                fields.into_iter().find_map(|(_, text)| self.is_one(text.trim()).or_else(|| self.before(text)))
            }
            TagSource::Body => seen.body?.lines().take(LINES).find_map(|line| self.on_line(line)),
        })
    }

    /// What stands in place of a mail with this tag (or without any), if it is blocked.
    #[must_use]
    pub fn blocks(&self, tag: Option<&str>) -> Option<&str> {
        let fits = |row: &TagRow| match tag {
            Some(tag) => row.tag.trim().eq_ignore_ascii_case(tag),
            None => row.no_tag,
        };
        let mut rows = self.rows.iter().filter(|(row, _)| self.is_for_us(row));
        let default = rows.clone().find(|(row, _)| row.is_default());
        let (row, text) = rows.find(|(row, _)| !row.is_default() && fits(row)).or(default)?;
        (row.action == TagAction::Block).then_some(text)
    }

    /// The same by the mark that [`mark`] made of a tag; 0 is none. A tag that no longer exists is none.
    #[must_use]
    pub fn blocks_mark(&self, mark: u32) -> Option<&str> {
        let tag = self.tags.iter().find(|tag| mark != 0 && self::mark(tag) == mark);
        self.blocks(tag.map(String::as_str))
    }

    fn is_for_us(&self, row: &TagRow) -> bool {
        row.client.is_none_or(|client| client == self.client)
    }

    fn is_one(&self, text: &str) -> Option<&str> {
        self.tags.iter().find(|tag| same(tag, text)).map(String::as_str)
    }

    /// `[Tag] …`, `(Tag) …`, `Tag: …`, `Tag - …`, `#Tag …`, behind any `Re:`; the text may be the tag alone.
    fn before(&self, text: &str) -> Option<&str> {
        let mut rest = text.trim_start();
        while let Some((word, behind)) = rest.split_once(':') {
            let bare = word.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "[]()".contains(c));
            if !REPLIES.iter().any(|reply| reply.eq_ignore_ascii_case(bare)) {
                break;
            }
            rest = behind.trim_start();
        }
        self.tags.iter().find(|tag| begins(rest, tag)).map(String::as_str)
    }

    /// A line that is a tag: alone, in brackets, or behind `Classification:`; behind the marks of a quotation too.
    fn on_line(&self, line: &str) -> Option<&str> {
        let line = line.trim_start_matches(['>', '|', ' ', '\t']).trim();
        if line.is_empty() || line.len() > 300 {
            return None;
        }
        let value = line.split_once(':').map(|(_, value)| value.trim());
        self.is_one(bare(line)).or_else(|| value.and_then(|value| self.is_one(bare(value))))
    }
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| "[](){}<>*_#-=".contains(c) || c.is_whitespace())
}

fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

fn begins(text: &str, tag: &str) -> bool {
    let (open, inside) = match text.chars().next() {
        Some(c @ ('[' | '(' | '{' | '<' | '#' | '*')) => (Some(c), text.get(1..).unwrap_or_default().trim_start()),
        _ => (None, text),
    };
    // Letters may have more octets in the other case, so characters are compared.
    let mut rest = inside.chars();
    for wanted in tag.chars() {
        let Some(found) = rest.next() else { return false };
        if !found.to_lowercase().eq(wanted.to_lowercase()) {
            return false;
        }
    }
    let behind = rest.as_str();
    match open {
        Some('#') => behind.is_empty() || behind.starts_with(|c: char| !c.is_alphanumeric()),
        Some(open) => {
            let close = match open {
                '[' => ']',
                '(' => ')',
                '{' => '}',
                '<' => '>',
                other => other,
            };
            behind.trim_start().starts_with(close)
        }
        None => {
            let next = behind.trim_start();
            next.is_empty() || next.starts_with([':', '|', '/']) || (behind.len() > next.len() && next.starts_with(['-', '–', '—']))
        }
    }
}

/// A tag in 32 bits, for a reference that has room for little; never 0. FNV-1a over its lower-case octets.
#[must_use]
pub fn mark(tag: &str) -> u32 {
    let hash = tag.to_lowercase().bytes().fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use model::site::MobilePolicy;

    use super::*;

    fn policy(more: &str) -> Arc<PolicyRule> {
        let toml = format!("type = 'classification'\nenabled = true\n{more}");
        Arc::new(PolicyRule::new(toml::from_str::<MobilePolicy>(&toml).unwrap()).unwrap())
    }

    fn made(more: &str, agent: &str) -> Classification {
        Classification::new(&policy(more), agent, |template| format!("<{template}>"))
    }

    #[test]
    fn g_23_a_tag_stands_before_the_subject() {
        let policy = made("tags = ['Secret', 'Strictly Secret', 'Öffentlich']", "");
        for (subject, tag) in [
            ("[Confidential] plans", Some("Confidential")),
            ("Re: AW: [2]: fwd: (internal) plans", None),
            ("Re: AW: FW[2]: (internal) plans", Some("Internal")),
            ("CONFIDENTIAL: plans", Some("Confidential")),
            ("Secret - plans", Some("Secret")),
            ("#restricted plans", Some("Restricted")),
            ("Strictly secret | plans", Some("Strictly Secret")),
            ("öffentlich: x", Some("Öffentlich")),
            ("Public", Some("Public")),
            ("Public holiday", None),
            ("Publication: x", None),
            ("Secret-Santa", None),
            ("[Confidentially] x", None),
            ("plans [Confidential]", None),
            ("", None),
        ] {
            assert_eq!(policy.tag_of(&Seen { subject: Some(subject), ..Seen::default() }), tag, "{subject}");
        }
    }

    #[test]
    fn g_23_places_are_asked_in_the_order_that_is_set() {
        let fields = [("X-Class".to_owned(), "Restricted".to_owned())];
        let seen = Seen { subject: Some("[Public] x"), fields: &fields, body: Some("hello\n> Classification: Internal\n") };
        let tag = |sources: &str| made(&format!("sources = [{sources}]"), "").tag_of(&seen).map(str::to_owned);
        assert_eq!(tag("").as_deref(), Some("Public"));
        assert_eq!(tag("'header:x-class', 'subject'").as_deref(), Some("Restricted"));
        assert_eq!(tag("'body', 'subject'").as_deref(), Some("Internal"));
        assert_eq!(tag("'header:other'"), None);
        let body =
            |text: &'static str| made("sources = ['body']", "").tag_of(&Seen { body: Some(text), ..Seen::default() }).map(str::to_owned);
        assert_eq!(body("x\n[Confidential]\n").as_deref(), Some("Confidential"));
        assert_eq!(body("this is confidential\nPublic holiday: none"), None);
    }

    #[test]
    fn g_23_rows_are_for_tags_and_clients_and_the_default_comes_last() {
        let rows = "inbox_clients = ['Inbox/*']\nrows = [
            { action = 'block', template = 'default' },
            { tag = 'confidential', client = 'inbox', action = 'allow' },
            { tag = 'Confidential', action = 'block', template = 'conf' },
            { no_tag = true, client = 'other', action = 'allow' },
        ]";
        let (inbox, other) = (made(rows, "inbox/3.1"), made(rows, "Apple-iPhone"));
        assert_eq!((inbox.blocks(Some("Confidential")), other.blocks(Some("Confidential"))), (None, Some("<conf>")));
        assert_eq!((inbox.blocks(None), other.blocks(None)), (Some("<default>"), None));
        assert_eq!(other.blocks(Some("Public")), Some("<default>"));
        assert_eq!(other.blocks_mark(mark("CONFIDENTIAL")), Some("<conf>"));
        assert_eq!((other.blocks_mark(0), other.blocks_mark(7)), (None, None), "no tag, or one that is gone");
        assert!(!inbox.is_idle() && made("rows = [{ tag = 'Public', client = 'inbox', action = 'block' }]", "x").is_idle());
        assert_eq!(made("", "").blocks(Some("Public")), None);
    }
}
