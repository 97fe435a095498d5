//! One fault on two faces: the status code that both use, and problem+json (RFC 9457).
//!
//! The page is made by [`crate::kit::Kit::error_page`]. Both take their words from `texts`; the private cause goes to the
//! log and nowhere else.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{Fault, Guilty, Language};
use serde::Serialize;

/// The media type of RFC 9457 §6.1.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The body of an error answer of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `urn:sealgate:fault:CODE`: names the kind, resolves to nothing (RFC 9457 §3.1.1).
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same at each occurrence.
    pub title: String,
    /// The HTTP status code again.
    pub status: u16,
    /// What happened this time and what to do, in the caller's language.
    pub detail: String,
    /// The fault's stable code.
    pub code: String,
    /// True if the same request may work later.
    pub temporary: bool,
}

/// The HTTP status of a fault (RFC 9110 §15), for pages and API alike.
#[must_use]
pub fn status(fault: &Fault) -> StatusCode {
    match fault.code {
        "bad-request" | "bad-cursor" => StatusCode::BAD_REQUEST,
        "not-signed-in" | "token-unknown" | "sign-in-failed" => StatusCode::UNAUTHORIZED,
        "not-permitted" | "above-own-rights" | "form-not-ours" | "password-must-change" => StatusCode::FORBIDDEN,
        "not-found" => StatusCode::NOT_FOUND,
        "method-not-allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "exists-already" | "still-used" | "domain-has-users" => StatusCode::CONFLICT,
        "changed-meanwhile" => StatusCode::PRECONDITION_FAILED,
        "precondition-needed" => StatusCode::PRECONDITION_REQUIRED,
        "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "not-available-yet" => StatusCode::NOT_IMPLEMENTED,
        _ => match (fault.guilty, fault.temporary) {
            (Guilty::Sender, _) | (Guilty::Configuration, false) => StatusCode::UNPROCESSABLE_ENTITY,
            (Guilty::NextHop, false) => StatusCode::BAD_GATEWAY,
            (Guilty::Ourselves, false) => StatusCode::INTERNAL_SERVER_ERROR,
            (Guilty::NextHop | Guilty::Ourselves | Guilty::Configuration, true) => StatusCode::SERVICE_UNAVAILABLE,
        },
    }
}

/// The fault as RFC 9457 says it.
#[must_use]
pub fn body(fault: &Fault, language: Language) -> Problem {
    Problem {
        kind: format!("urn:sealgate:fault:{}", fault.code),
        title: fault.code.replace('-', " "),
        status: status(fault).as_u16(),
        detail: texts::fault(language, fault),
        code: fault.code.to_owned(),
        temporary: fault.temporary,
    }
}

/// The whole answer.
#[must_use]
pub fn problem(fault: &Fault, language: Language) -> Response {
    problem_with(fault, language, serde_json::Map::new())
}

/// The whole answer with extension members (RFC 9457 §3.2), which come after the others.
pub(crate) fn problem_with(fault: &Fault, language: Language, more: serde_json::Map<String, serde_json::Value>) -> Response {
    let mut value = serde_json::to_value(body(fault, language)).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        for (name, member) in more {
            members.entry(name).or_insert(member);
        }
    }
    let text = value.to_string();
    let mut response = (status(fault), text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if status(fault) == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Writes the cause to the log, once, where the fault leaves the program. Faults of the caller are no news.
pub(crate) fn log(fault: &Fault) {
    match fault.guilty {
        Guilty::Sender => tracing::debug!(event = "request.refused", code = fault.code, cause = %fault.cause),
        _ => tracing::warn!(event = "request.failed", code = fault.code, cause = %fault.cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457() {
        let fault = Fault::permanent(Guilty::Sender, "exists-already", "UNIQUE failed: domain.key").with("name", "<b>x</b>");
        let json = serde_json::to_value(body(&fault, Language::En)).unwrap();
        assert_eq!(json["type"], "urn:sealgate:fault:exists-already");
        assert_eq!(json["title"], "exists already");
        assert_eq!(json["status"], 409);
        assert_eq!(json["code"], "exists-already");
        assert!(json["detail"].as_str().unwrap().contains("<b>x</b>"), "JSON needs no HTML escaping");
        assert!(!json.to_string().contains("UNIQUE"), "the cause is private");
    }

    #[test]
    fn whose_fault_it_is_shows_in_the_status() {
        assert_eq!(status(&Fault::temporary(Guilty::Ourselves, "store-away", "")), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(&Fault::permanent(Guilty::Ourselves, "x", "")), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(&Fault::permanent(Guilty::Sender, "x", "")), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(status(&Fault::permanent(Guilty::NextHop, "x", "")), StatusCode::BAD_GATEWAY);
        let answer = problem(&Fault::permanent(Guilty::Sender, "not-signed-in", ""), Language::De);
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
