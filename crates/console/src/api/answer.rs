//! Reading requests and writing answers, the same way on every route.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::{Fault, Guilty};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use store::Expect;
use web::Failed;

use crate::gather::Asked;

/// Largest body: a message of 50 MB as base64 in JSON, with room.
const BODY_MAX: usize = 100 << 20;
/// Items of a page unless the caller says otherwise, and at most: use cases give 1,000, and one more row than is shown
/// is asked for, which tells whether there is a next page.
const LIMIT: (u32, u32) = (100, 999);

/// The body of a request, read after the guard let it through.
#[derive(Debug, Clone)]
pub struct Content(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Failed;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failed> {
        let too_large = |_| Fault::permanent(Guilty::Sender, "too-large", "body").with("limit", "100 MiB");
        Ok(Self(axum::body::to_bytes(request.into_body(), BODY_MAX).await.map_err(too_large)?))
    }
}

impl Content {
    /// The body as JSON. A field that nobody knows is refused: rows of the site pass over it for newer nodes' sake, but a
    /// caller who misspells a field must hear of it.
    ///
    /// # Errors
    /// `bad-request`; what is wrong stands in `errors`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failed> {
        self.json_beside(&[])
    }

    /// The same, with members that may stand beside those of `T` and are not read.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn json_beside<T: DeserializeOwned>(&self, allowed: &[&str]) -> Result<T, Failed> {
        // A list would be taken for the fields in their order.
        if self.0.trim_ascii_start().first() != Some(&b'{') {
            return Err(bad_json(&"expected an object"));
        }
        let mut unknown = Vec::new();
        let mut reader = serde_json::Deserializer::from_slice(&self.0);
        let read = serde_ignored::deserialize(&mut reader, |path| unknown.push(path.to_string()));
        unknown.retain(|path| !allowed.contains(&path.as_str()));
        let value = read.and_then(|value| reader.end().map(|()| value)).map_err(|error| bad_json(&error))?;
        match unknown.first() {
            None => Ok(value),
            Some(path) => Err(bad_json(&format!("unknown field `{path}`"))),
        }
    }

    /// The body as UTF-8 text.
    ///
    /// # Errors
    /// `bad-request`.
    pub fn text(&self) -> Result<&str, Failed> {
        std::str::from_utf8(&self.0).map_err(|error| bad_json(&error))
    }
}

/// A body that can't be read.
pub fn bad_json(error: &impl ToString) -> Failed {
    let fault = Fault::permanent(Guilty::Sender, "bad-request", error.to_string());
    Failed(fault, Some(Box::new(places("errors", vec![Value::String(error.to_string())]))))
}

/// A field that can't be used.
#[must_use]
pub fn bad_field(field: &str, expected: &str) -> Fault {
    Fault::permanent(Guilty::Sender, "bad-field", format!("{field}: {expected}")).with("field", field).with("expected", expected)
}

/// What should not happen.
#[must_use]
pub fn internal(cause: &impl ToString) -> Fault {
    Fault::temporary(Guilty::Ourselves, "internal", cause.to_string())
}

/// One extension member.
#[must_use]
pub fn places(name: &str, values: Vec<Value>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(values));
    members
}

/// What a use case says that names places: the first in words, all in `errors` (text) and `findings` (with line and column).
pub fn refused(error: admin::AdminError) -> Failed {
    let (errors, findings): (Vec<Value>, Vec<Value>) = match &error {
        admin::AdminError::Site(found) => found.iter().map(|one| (Value::String(one.to_string()), json!(one))).unzip(),
        admin::AdminError::Rules(found) => found.iter().map(|one| (Value::String(one.to_string()), json!(one))).unzip(),
        admin::AdminError::Tests(failed) => {
            let said = |test: &admin::rule_tests::TestResult| Value::String(format!("{}: {}", test.name, test.differences.join("; ")));
            (failed.iter().map(said).collect(), Vec::new())
        }
        admin::AdminError::WouldDelete(names) => (names.iter().cloned().map(Value::String).collect(), Vec::new()),
        admin::AdminError::Fault(_) => return Failed::from(Fault::from(error)),
    };
    let mut members = places("errors", errors);
    members.extend(places("findings", findings));
    Failed(error.into(), Some(Box::new(members)))
}

/// `?limit=`.
#[must_use]
pub fn limit(asked: &Asked) -> u32 {
    asked.text("limit").parse().unwrap_or(LIMIT.0).clamp(1, LIMIT.1)
}

/// One page: up to `limit` of the `limit + 1` rows that were asked for.
///
/// # Errors
/// When an item has no JSON form.
pub fn page<T, U: Serialize>(
    mut rows: Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> String,
    shown: impl Fn(T) -> U,
) -> Result<Response, Failed> {
    let full = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if full { rows.last().map(&cursor) } else { None };
    let items: Vec<U> = rows.into_iter().map(shown).collect();
    value(&json!({ "items": items, "next": next }))
}

/// 200 with JSON.
///
/// # Errors
/// When it has no JSON form.
pub fn value(value: &impl Serialize) -> Result<Response, Failed> {
    let text = serde_json::to_string(value).map_err(|error| internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// 200 with JSON and its version as ETag.
///
/// # Errors
/// When it has no JSON form.
pub fn versioned(version: i64, shown: &impl Serialize) -> Result<Response, Failed> {
    let mut response = value(shown)?;
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// 204.
#[must_use]
pub fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// What the caller says is there now: `If-Match: "3"`, `If-None-Match: *`, or nothing (the last one wins).
///
/// # Errors
/// `bad-request` for anything else; `changed-meanwhile` for a tag that is none of ours, which no version equals.
pub fn expect(headers: &HeaderMap) -> Result<Expect, Failed> {
    let field = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (field(header::IF_MATCH), field(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Expect::Any),
        (None, Some("*")) => Ok(Expect::New),
        (Some(tag), None) if tag.starts_with('"') || tag.bytes().all(|b| b.is_ascii_digit()) => {
            let number = tag.trim_matches('"').parse();
            number
                .map(Expect::Version)
                .map_err(|_| Fault::permanent(Guilty::Sender, "changed-meanwhile", "a tag that is none of ours").into())
        }
        // A weak tag matches nothing in If-Match (RFC 9110 §13.1.1).
        (Some(tag), None) if tag.starts_with("W/") => Err(Fault::permanent(Guilty::Sender, "changed-meanwhile", "a weak tag").into()),
        _ => Err(bad_json(&"expected If-Match with one ETag, or If-None-Match: *")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn conditions_are_read_strictly() {
        let read = |pairs: &[(http::HeaderName, &str)]| expect(&headers(pairs)).map_err(|failed| failed.0.code);
        assert_eq!(read(&[]), Ok(Expect::Any));
        assert_eq!(read(&[(header::IF_MATCH, "\"3\"")]), Ok(Expect::Version(3)));
        assert_eq!(read(&[(header::IF_MATCH, "3")]), Ok(Expect::Version(3)));
        assert_eq!(read(&[(header::IF_NONE_MATCH, "*")]), Ok(Expect::New));
        assert_eq!(read(&[(header::IF_MATCH, "W/\"3\"")]), Err("changed-meanwhile"));
        assert_eq!(read(&[(header::IF_MATCH, "\"abc\"")]), Err("changed-meanwhile"));
        assert_eq!(read(&[(header::IF_MATCH, "*")]), Err("bad-request"));
        assert_eq!(read(&[(header::IF_MATCH, "\"3\""), (header::IF_NONE_MATCH, "*")]), Err("bad-request"));
    }
}
