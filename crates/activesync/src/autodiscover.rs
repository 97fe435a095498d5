//! Answers of Autodiscover, XML (MS-ASCMD §2.2.1.1, MS-OXDISCO) and JSON, with other texts in them.
//!
//! The caller says what becomes of each text; everything else passes. Bounded in depth and parts; follows nothing, expands
//! nothing.

mod json;
mod xml;

/// What becomes of a text; `None`: it stays.
pub type Text<'t> = &'t dyn Fn(&str) -> Option<String>;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `autodiscover.xml`.
    Xml,
    /// `autodiscover.json`.
    Json,
}

impl Form {
    /// By the first octet that is no blank.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        match body.trim_ascii_start().first()? {
            b'<' => Some(Self::Xml),
            // A byte order mark.
            0xEF => Some(Self::Xml),
            b'{' | b'[' => Some(Self::Json),
            _ => None,
        }
    }
}

/// An answer with other texts.
///
/// # Errors
/// A sentence that says what is wrong with it: it is not well-formed, or is more than bounds allow.
pub fn rewrite(form: Form, body: &[u8], text: Text<'_>) -> Result<Vec<u8>, String> {
    match form {
        Form::Xml => xml::rewritten(text, body),
        Form::Json => json::rewritten(text, body),
    }
}
