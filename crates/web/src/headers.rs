//! Header fields of every answer: what a browser may do with it.
//!
//! Strict CSP without inline script or style (design decision 11): a value that slipped through escaping would still run
//! nothing. No HSTS: the console's first certificate is self-signed, and HSTS would lock its administrator out of
//! replacing it; a packaged set-up with a trusted certificate may add it in front.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// The policy of all pages.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const FIELDS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the fields on an answer. What is not marked cacheable (assets) is never stored.
#[must_use]
pub fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in FIELDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
