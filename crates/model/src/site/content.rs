//! What `[[mobile.policy]]` says about the content of mails on phones (mobile-gateway.md G-21, G-22, G-23).
//!
//! The words of the three kinds `classification`, `attachments` and `hyperlinks` as people write them. What they mean for one
//! mail on one device is decided in the room `content`; here is only what can be told without a mail.

use serde::{Deserialize, Serialize};

/// Tags that are there without being set (mobile-gateway.md G-23).
pub const TAGS: [&str; 4] = ["Public", "Internal", "Confidential", "Restricted"];

/// Managed browsers whose schemes are known: word, the scheme for http, the one for https.
pub const BROWSERS: [(&str, &str, &str); 5] = [
    ("airwatch", "awb", "awbs"),
    ("edge", "microsoft-edge-http", "microsoft-edge-https"),
    ("citrix", "ctxmobilebrowser", "ctxmobilebrowsers"),
    ("mobileiron", "mibrowser", "mibrowsers"),
    ("chrome", "googlechrome", "googlechromes"),
];

/// One row of `classification`: a tag and a kind of client, and what happens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagRow {
    /// The tag that this row is for; empty with `no_tag` unset: the default row.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// For mails without any tag.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_tag: bool,
    /// For which clients; left out: for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<TagClient>,
    /// What happens.
    pub action: TagAction,
    /// `block`: the name of a `[[template]]`, or the text itself, that stands in place of the mail. Fixed text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
}

impl TagRow {
    /// True for the row that decides when no other does.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.tag.is_empty() && !self.no_tag
    }
}

/// Kinds of clients that rows of `classification` tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagClient {
    /// A managed inbox app: its User-Agent fits one of `inbox_clients`.
    Inbox,
    /// Every other.
    Other,
}

/// What a row of `classification` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagAction {
    /// The mail is shown.
    #[default]
    Allow,
    /// Its body is replaced, its attachments are refused.
    Block,
}

/// Where a tag is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// Before the subject.
    Subject,
    /// In the header field of this name; it is seen where the phone asks for MIME.
    Header(String),
    /// On a line of the text.
    Body,
}

impl TagSource {
    /// From `subject`, `header:NAME`, `body`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let token = |c: char| c.is_ascii_graphic() && c != ':';
        match text.split_once(':') {
            Some((word, name)) if word.trim().eq_ignore_ascii_case("header") => {
                let name = name.trim();
                (!name.is_empty() && name.chars().all(token)).then(|| Self::Header(name.to_owned()))
            }
            Some(_) => None,
            None if text.eq_ignore_ascii_case("subject") => Some(Self::Subject),
            None if text.eq_ignore_ascii_case("body") => Some(Self::Body),
            None => None,
        }
    }
}

/// `classes` of `attachments`: for each class of devices its rows, the first that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttachmentClasses {
    /// Managed devices of a platform that can open encrypted attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_reader: Vec<AttachmentRow>,
    /// Other managed devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed: Vec<AttachmentRow>,
    /// Devices that nobody manages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<AttachmentRow>,
}

impl AttachmentClasses {
    /// True without any row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.managed_reader.is_empty() && self.managed.is_empty() && self.unmanaged.is_empty()
    }

    /// Each class with its word.
    #[must_use]
    pub fn all(&self) -> [(&'static str, &[AttachmentRow]); 3] {
        [("managed_reader", &self.managed_reader), ("managed", &self.managed), ("unmanaged", &self.unmanaged)]
    }
}

/// What happens to attachments of some types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentRow {
    /// File types, groups and MIME types as in rules (`PDF,OFFICE,!OOXML-MACRO`), endings (`.docx`), or `*`.
    pub types: TypeList,
    /// What happens to them.
    pub action: AttachmentAction,
    /// `block`: what stands in place of the attachment; empty: the gateway's `blocked_text`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A list of types, written as one text or as several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TypeList {
    /// Separated by commas.
    One(String),
    /// One an entry.
    Several(Vec<String>),
}

impl TypeList {
    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts.as_slice(),
        };
        texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty())
    }
}

/// What happens to an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentAction {
    /// It passes.
    Allow,
    /// A text stands in its place.
    Block,
    /// It passes encrypted, with a key of this device and user.
    Encrypt,
}

impl AttachmentAction {
    /// The word in configuration and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Encrypt => "encrypt",
        }
    }
}

/// Which links `hyperlinks` rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkMode {
    /// All.
    #[default]
    All,
    /// Those to the listed domains.
    Include,
    /// All but those.
    Exclude,
}

/// The schemes of the managed browser that comes with a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkSchemes {
    /// The profile: a label of the device, or its platform, with `*` and `?`; empty: every managed device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// What stands in place of `http`; or the word of a known browser, which stands for both.
    pub http: String,
    /// What stands in place of `https`; empty: the browser's, or that of `http`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub https: String,
}

impl LinkSchemes {
    /// The pair of schemes; `None` if one of them can't be a scheme (RFC 3986 §3.1) or would change nothing.
    #[must_use]
    pub fn pair(&self) -> Option<(&str, &str)> {
        let known = BROWSERS.iter().find(|(word, ..)| self.https.is_empty() && self.http.eq_ignore_ascii_case(word));
        let (http, https) = match known {
            Some((_, http, https)) => (*http, *https),
            None if self.https.is_empty() => return None,
            None => (self.http.as_str(), self.https.as_str()),
        };
        (is_scheme(http) && is_scheme(https) && !http.eq_ignore_ascii_case(https)).then_some((http, https))
    }
}

fn is_scheme(text: &str) -> bool {
    let taken = ["http", "https", "javascript", "data", "file", "mailto", "cid"].iter().any(|other| text.eq_ignore_ascii_case(other));
    let rest = |octet: u8| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet);
    !taken && text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_22_schemes_are_written_or_those_of_a_known_browser() {
        let of = |http: &str, https: &str| LinkSchemes { profile: String::new(), http: http.into(), https: https.into() };
        assert_eq!(of("x", "xs").pair(), Some(("x", "xs")));
        assert_eq!(of("AirWatch", "").pair(), Some(("awb", "awbs")));
        for (http, https) in [("x", ""), ("http", "xs"), ("x", "javascript"), ("a b", "xs"), ("1x", "xs"), ("x", "x"), ("", "xs")] {
            assert_eq!(of(http, https).pair(), None, "{http} {https}: both could not be told apart on the way back");
        }
        for (word, http, https) in BROWSERS {
            assert_eq!(of(word, "").pair(), Some((http, https)));
        }
    }

    #[test]
    fn g_23_sources_are_three_words() {
        assert_eq!(TagSource::parse(" Subject "), Some(TagSource::Subject));
        assert_eq!(TagSource::parse("header:X-Class"), Some(TagSource::Header("X-Class".into())));
        assert_eq!(TagSource::parse("body"), Some(TagSource::Body));
        for bad in ["", "header:", "header", "header:a b", "subject:x", "text"] {
            assert_eq!(TagSource::parse(bad), None, "{bad}");
        }
    }
}
