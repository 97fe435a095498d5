//! Forms: fields with label, hint and error, that keep what was typed (console.md A-12).
//!
//! A [`Form`] is what the template `kit/form.html` draws; [`FormData`] is what came back, read by the guard, which
//! has already checked the token in it. Passwords are never sent back to the browser.

use axum::extract::FromRequestParts;
use model::{Fault, Guilty, SecretText};
use serde::Serialize;

use crate::guard::Failed;

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FieldKind {
    /// One line.
    Text,
    /// One line, hidden, never shown again.
    Password,
    /// One line with a mail address.
    Email,
    /// One line that searches.
    Search,
    /// Several lines.
    Area {
        /// Lines shown.
        rows: u8,
    },
    /// A file; the form is then sent with files.
    File,
    /// On or off.
    Check,
    /// One of some.
    Select {
        /// Value and shown text.
        options: Vec<(String, String)>,
    },
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name in the form.
    pub name: String,
    /// Its label, in the caller's language.
    pub label: String,
    /// What is expected, if that is not plain from the label.
    pub hint: String,
    /// What is wrong with what was typed; empty if nothing is.
    pub error: String,
    /// What was typed, or the present value.
    pub value: String,
    /// What it takes.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// True if it may not stay empty.
    pub required: bool,
    /// The `autocomplete` token of HTML (`username`, `current-password`, …), or empty.
    pub autocomplete: &'static str,
}

impl Field {
    /// A field that is empty and may stay so.
    #[must_use]
    pub fn new(name: &str, label: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name: name.to_owned(),
            label: label.into(),
            hint: String::new(),
            error: String::new(),
            value: String::new(),
            kind,
            required: false,
            autocomplete: "off",
        }
    }

    /// That must be filled.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// With a value. A password's is dropped.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        if self.kind != FieldKind::Password {
            self.value = value.into();
        }
        self
    }

    /// With an `autocomplete` token.
    #[must_use]
    pub const fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = token;
        self
    }
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Where it is sent, by POST.
    pub action: String,
    /// The button's text.
    pub submit: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What is wrong with the whole; empty if nothing is.
    pub error: String,
    /// Where "cancel" leads; empty for no such link.
    pub cancel: String,
    /// True if its button removes something.
    pub danger: bool,
    /// Values that are sent along unseen.
    pub hidden: Vec<(String, String)>,
    /// True if it has a field for a file.
    pub files: bool,
}

impl Form {
    /// A form without fields.
    #[must_use]
    pub fn new(action: impl Into<String>, submit: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            submit: submit.into(),
            fields: Vec::new(),
            error: String::new(),
            cancel: String::new(),
            danger: false,
            hidden: Vec::new(),
            files: false,
        }
    }

    /// With one more field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.files |= field.kind == FieldKind::File;
        self.fields.push(field);
        self
    }

    /// Two fields for a new password, `NAME` and `NAME_again`: it is typed twice.
    #[must_use]
    pub fn password_twice(self, name: &str, label: impl Into<String>, again: impl Into<String>, hint: impl Into<String>) -> Self {
        let field = |name: &str, label: String| Field::new(name, label, FieldKind::Password).required().autocomplete("new-password");
        self.field(field(name, label.into()).hint(hint)).field(field(&format!("{name}_again"), again.into()))
    }

    /// With what was typed put back, and an error at one field, or at the whole form if no field has the name.
    #[must_use]
    pub fn rejected(mut self, typed: &FormData, at: &str, error: impl Into<String>) -> Self {
        for field in &mut self.fields {
            if !matches!(field.kind, FieldKind::Password | FieldKind::File) {
                field.value = typed.text(&field.name).to_owned();
            }
        }
        match self.fields.iter_mut().find(|field| field.name == at) {
            Some(field) => field.error = error.into(),
            None => self.error = error.into(),
        }
        self
    }
}

/// What a browser sent: names and values in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FormData(Vec<(String, String)>, Vec<(String, Vec<u8>)>);

impl std::fmt::Debug for FormData {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FormData {
    /// Reads `application/x-www-form-urlencoded`; `None` if it is not UTF-8 or has over 1,000 fields.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next()?)?;
            let value = decode(halves.next().unwrap_or_default())?;
            fields.push((name, value.replace("\r\n", "\n")));
            if fields.len() > 1_000 {
                return None;
            }
        }
        Some(Self(fields, Vec::new()))
    }

    /// Reads `multipart/form-data` with this boundary; `None` if it is no such form.
    #[must_use]
    pub fn parse_files(body: &[u8], boundary: &str) -> Option<Self> {
        message::form_data::read(body, boundary).map(|parts| Self(parts.texts, parts.files))
    }

    /// The content of the first file of a field; `None` if none was chosen.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.1.iter().find(|(key, _)| key == name).map(|(_, content)| content.as_slice())
    }

    /// The first value of a name; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The same as a secret.
    #[must_use]
    pub fn secret(&self, name: &str) -> SecretText {
        SecretText::new(self.text(name).to_owned())
    }

    /// All values of a name (a selection of rows).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FormData {
    type Rejection = Failed;

    /// Only for routes whose guard reads forms.
    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Failed> {
        let missing = || Failed::from(Fault::permanent(Guilty::Sender, "bad-request", "no form"));
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?, 16)
                    .ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// A value for a query string or a path segment: everything but unreserved characters as %XX (RFC 3986 §2.3).
#[must_use]
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A path of our own to go back to, from a form or query; anything that might lead elsewhere is `/`.
#[must_use]
pub fn own_path(text: &str) -> &str {
    let ours = text.starts_with('/') && !text.starts_with("//") && text.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    if ours { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let form = FormData::parse(b"name=B%C3%BCcher+%26+Co&row=1&row=2&note=a%0D%0Ab&flag").unwrap();
        assert_eq!(form.text("name"), "Bücher & Co");
        assert_eq!(form.all("row").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((form.text("note"), form.text("flag"), form.text("missing")), ("a\nb", "", ""));
        for bad in [&b"a=%"[..], b"a=%4", b"a=%+1", b"a=%FF", b"\xff=1"] {
            assert_eq!(FormData::parse(bad), None);
        }
        assert_eq!(FormData::parse(&b"a&".repeat(1001)), None);
        assert!(!format!("{:?}", FormData::parse(b"password=hunter2").unwrap()).contains("hunter2"));
    }

    #[test]
    fn what_was_typed_stays_but_passwords() {
        let typed = FormData::parse(b"name=typed&password=secret").unwrap();
        let form = Form::new("/x", "Save")
            .field(Field::new("name", "Name", FieldKind::Text))
            .password_twice("password", "Password", "Again", "")
            .rejected(&typed, "name", "too short");
        assert_eq!((form.fields[0].value.as_str(), form.fields[0].error.as_str()), ("typed", "too short"));
        assert!(form.fields[1].value.is_empty() && form.fields.len() == 3);
        assert_eq!(form.rejected(&typed, "", "all wrong").error, "all wrong");
    }

    #[test]
    fn one_never_leads_elsewhere() {
        assert_eq!(own_path("/queue?after=x"), "/queue?after=x");
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "", "/a\r\nSet-Cookie: x", "/ä"] {
            assert_eq!(own_path(evil), "/", "{evil}");
        }
        assert_eq!(encode("/a b?ü&"), "%2Fa%20b%3F%C3%BC%26");
    }
}
