//! What the form brings: a name, a password, a file (RFC 7578). Read by a library, within bounds of our own.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use model::SecretText;
use multer::{Constraints, Multipart, SizeLimit};

use super::Refusal;

/// Longest name or password, in octets.
const TEXT: u64 = 1 << 10;
/// Most fields.
const FIELDS: usize = 8;

/// The fields. What is not there is empty.
#[derive(Debug)]
pub(super) struct Given {
    /// As it was typed, without blanks around.
    pub(super) user: String,
    pub(super) password: SecretText,
    pub(super) file: Bytes,
}

/// Reads the form; its octets are in memory already.
///
/// # Errors
/// It is no form, or has more fields or longer ones than this page sends.
pub(super) async fn read(parts: &Parts, octets: Bytes) -> Result<Given, Refusal> {
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Refusal::Unreadable)?;
    let boundary = multer::parse_boundary(kind).map_err(|_| Refusal::Unreadable)?;
    let limits = SizeLimit::new().for_field("user", TEXT).for_field("password", TEXT);
    let constraints = Constraints::new().size_limit(limits);
    let whole = stream::iter([Ok::<_, Infallible>(octets)]);
    let mut form = Multipart::with_constraints(whole, boundary, constraints);
    let mut given = Given { user: String::new(), password: SecretText::new(String::new()), file: Bytes::new() };
    for _ in 0..FIELDS {
        let Some(field) = form.next_field().await.map_err(|_| Refusal::Unreadable)? else { return Ok(given) };
        let name = field.name().unwrap_or_default().to_owned();
        let value = field.bytes().await.map_err(|_| Refusal::Unreadable)?;
        match name.as_str() {
            "user" => given.user = text(&value)?.trim().to_owned(),
            "password" => given.password = SecretText::new(text(&value)?),
            "file" => given.file = value,
            _ => {}
        }
    }
    Err(Refusal::Unreadable)
}

/// Text that can stand in credentials (RFC 7617 §2).
fn text(value: &[u8]) -> Result<String, Refusal> {
    let text = std::str::from_utf8(value).map_err(|_| Refusal::Unreadable)?;
    if text.chars().any(char::is_control) { Err(Refusal::Unreadable) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn given(kind: &str, body: &str) -> Result<(String, String, Bytes), Refusal> {
        let parts = http::Request::post("/open").header(CONTENT_TYPE, kind).body(()).unwrap().into_parts().0;
        read(&parts, Bytes::from(body.to_owned())).await.map(|given| (given.user, given.password.expose().to_owned(), given.file))
    }

    fn field(name: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    const KIND: &str = "multipart/form-data; boundary=x";

    #[tokio::test]
    async fn g_21_the_three_fields_are_read_and_others_passed_over() {
        let file =
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.sgenc\"\r\nContent-Type: a/b\r\n\r\n\u{0}octets\r\n\r\n";
        let body = [&field("language", "de"), &field("user", " carol "), &field("password", "p w"), file, "--x--\r\n"].concat();
        assert_eq!(given(KIND, &body).await.unwrap(), ("carol".into(), "p w".into(), "\u{0}octets\r\n".into()));
        let last = [&field("user", "a"), &field("user", "b"), "--x--"].concat();
        assert_eq!(given(KIND, &last).await.unwrap().0, "b");
    }

    #[tokio::test]
    async fn x_11_odd_forms_are_refused() {
        let many = [&field("a", "").repeat(9), "--x--"].concat();
        let long = [&field("user", &"u".repeat(2_000)), "--x--"].concat();
        let control = [&field("password", "a\u{0}b"), "--x--"].concat();
        for (kind, body) in [
            (KIND, ""),
            (KIND, "--x\r\n"),
            (KIND, "--x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nnever ends"),
            (KIND, many.as_str()),
            (KIND, long.as_str()),
            (KIND, control.as_str()),
            ("multipart/form-data", "--x--"),
            ("application/x-www-form-urlencoded", "user=a"),
        ] {
            assert_eq!(given(kind, body).await, Err(Refusal::Unreadable), "{kind}: {body:?}");
        }
    }
}
