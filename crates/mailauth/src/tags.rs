//! Tag lists: `a=rsa-sha256; d=example.org; …` in DKIM-Signature, ARC fields, key records and DMARC records.
//!
//! Standard: RFC 6376 §3.2. A name may stand once; white space and folding around names and values go; inside a value
//! they stay, for who reads it to say what they mean there. Never panics, reads at most [`TAGS_MAX`] tags.

/// More tags than any field has.
const TAGS_MAX: usize = 64;

/// Why a text is no tag list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TagError {
    /// Not UTF-8, or a control character in it.
    #[error("characters that no tag list has")]
    Characters,
    /// A part without `=` or with a bad name, or an empty part before the end.
    #[error("not a list of tags")]
    Form,
    /// A name stands twice.
    #[error("a tag stands twice")]
    Twice,
    /// Too many.
    #[error("too many tags")]
    Many,
}

/// A tag list that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads a field's value or a record.
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, TagError> {
        let text = std::str::from_utf8(value).map_err(|_| TagError::Characters)?;
        if text.bytes().any(|byte| byte.is_ascii_control() && !white(byte as char)) {
            return Err(TagError::Characters);
        }
        let mut tags: Vec<(&str, &str)> = Vec::new();
        let mut parts = text.split(';').peekable();
        while let Some(part) = parts.next() {
            let part = part.trim_matches(white);
            if part.is_empty() && parts.peek().is_none() && !tags.is_empty() {
                break;
            }
            let (name, value) = part.split_once('=').ok_or(TagError::Form)?;
            let name = name.trim_end_matches(white);
            if !is_tag_name(name) {
                return Err(TagError::Form);
            }
            if tags.iter().any(|(known, _)| *known == name) {
                return Err(TagError::Twice);
            }
            if tags.len() == TAGS_MAX {
                return Err(TagError::Many);
            }
            tags.push((name, value.trim_start_matches(white)));
        }
        Ok(Self(tags))
    }

    /// The value of a tag, as written but for white space around it.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Name of the first tag, for formats where the version must stand first.
    pub(crate) fn first(&self) -> Option<&'a str> {
        self.0.first().map(|(name, _)| *name)
    }

    /// A value without any white space, as base64 may be folded anywhere.
    pub(crate) fn packed(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.chars().filter(|c| !white(*c)).collect())
    }

    /// A base64 value; `None` if it is missing or is none.
    pub(crate) fn base64(&self, name: &str) -> Option<Vec<u8>> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(self.packed(name)?).ok()
    }

    /// A decimal number; `Err` if it is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, TagError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if value.is_empty() || value.len() > 18 || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TagError::Form);
        }
        value.parse().map(Some).map_err(|_| TagError::Form)
    }

    /// A list divided by colons; `None` without the tag.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        self.get(name).map(|value| value.split(':').map(|item| item.trim_matches(white)).collect())
    }
}

/// White space of RFC 5322 with line ends of folded fields.
pub(crate) fn white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_tag_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_lists() {
        let tags = Tags::parse(b" a = rsa-sha256;\r\n\tb=AB\r\n C= ; h=from : to;t=12; ").unwrap();
        assert_eq!(tags.get("a"), Some("rsa-sha256"));
        assert_eq!(tags.packed("b").as_deref(), Some("ABC="));
        assert_eq!(tags.list("h"), Some(vec!["from", "to"]));
        assert_eq!((tags.number("t"), tags.number("x")), (Ok(Some(12)), Ok(None)));
        for (bad, why) in [
            (&b"a=1;;b=2"[..], TagError::Form),
            (b"", TagError::Form),
            (b"a", TagError::Form),
            (b"1a=1", TagError::Form),
            (b"a=1;a=2", TagError::Twice),
            (b"a=\x01", TagError::Characters),
            (b"a=\xff", TagError::Characters),
        ] {
            assert_eq!(Tags::parse(bad), Err(why), "{bad:?}");
        }
        assert_eq!(Tags::parse(b"t=-1").unwrap().number("t"), Err(TagError::Form));
    }
}
