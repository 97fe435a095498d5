//! Answers of the page: the content of a file, and what the page is made of.
//!
//! The content is somebody else's file. It is shown only where a browser does nothing but draw it (pictures, PDF, plain text), under a
//! policy that lets it load nothing and run nothing; everything else is handed over as a file.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY};
use http::{Response, StatusCode};

use crate::answer::{self, Answer};

/// Endings of names that are shown, and as what.
const SHOWN: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("txt", "text/plain; charset=utf-8"),
    ("csv", "text/plain; charset=utf-8"),
    ("log", "text/plain; charset=utf-8"),
];
/// A file of unknown kind.
const OCTETS: &str = "application/octet-stream";
/// What a shown file may do. No sandbox for PDF: browsers then refuse to draw it.
const NOTHING: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; object-src 'self'; frame-ancestors 'none'; \
                       base-uri 'none'; form-action 'none'";

/// The opened file.
pub(super) fn content(name: &str, octets: Bytes) -> Response<Answer> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let shown = SHOWN.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind);
    let policy = match shown {
        Some(kind) if !kind.ends_with("pdf") => format!("{NOTHING}; sandbox"),
        _ => NOTHING.to_owned(),
    };
    let mut response = with(shown.unwrap_or(OCTETS), octets);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(HeaderValue::try_from(policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    let disposition = disposition(if shown.is_some() { "inline" } else { "attachment" }, name);
    headers.extend(HeaderValue::try_from(disposition).ok().map(|value| (CONTENT_DISPOSITION, value)));
    response
}

/// RFC 6266 §4.3 with RFC 8187: the name as it is, and in ASCII for who can't read that.
fn disposition(word: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " .-_()".contains(c);
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let encoded: String =
        name.bytes()
            .map(|octet| {
                if octet.is_ascii_alphanumeric() || b".-_".contains(&octet) {
                    char::from(octet).to_string()
                } else {
                    format!("%{octet:02X}")
                }
            })
            .collect();
    format!("{word}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// An asset of the page kit, by its exact name; its name changes with its content.
pub(super) fn asset(path: &str) -> Response<Answer> {
    let found = path.strip_prefix("/assets/").and_then(web::assets::find);
    let Some((kind, octets)) = found else { return answer::plain(StatusCode::NOT_FOUND) };
    let mut response = with(kind, Bytes::from_static(octets));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

/// Something that is always the same.
pub(super) fn fixed(kind: &'static str, octets: Bytes) -> Response<Answer> {
    let mut response = with(kind, octets);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer with the fields that every one here has.
pub(super) fn with(kind: &'static str, octets: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::Own(Some(octets)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in [
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(response: &Response<Answer>, name: HeaderName) -> &str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn g_21_only_what_a_browser_draws_is_shown_and_nothing_runs() {
        for (name, kind, word, boxed) in [
            ("Plan.PDF", "application/pdf", "inline", false),
            ("a.jpeg", "image/jpeg", "inline", true),
            ("notes.txt", "text/plain; charset=utf-8", "inline", true),
            ("page.html", OCTETS, "attachment", false),
            ("a.svg", OCTETS, "attachment", false),
            ("tool.exe", OCTETS, "attachment", false),
            ("pdf", OCTETS, "attachment", false),
        ] {
            let response = content(name, Bytes::from_static(b"x"));
            assert_eq!(field(&response, CONTENT_TYPE), kind, "{name}");
            assert!(field(&response, CONTENT_DISPOSITION).starts_with(word), "{name}");
            let policy = field(&response, CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{name}");
            assert_eq!(policy.ends_with("sandbox"), boxed, "{name}");
            assert_eq!(field(&response, CACHE_CONTROL), "no-store");
        }
    }

    #[test]
    fn x_10_a_name_stays_inside_its_field() {
        let odd = "a\"; filename=\"b\r\nX: y\u{202e}Bücher.pdf";
        let text = disposition("inline", odd);
        assert!(HeaderValue::try_from(&text).is_ok() && text.matches('"').count() == 2, "{text}");
        assert!(text.ends_with("B%C3%BCcher.pdf"), "{text}");
    }

    #[test]
    fn cve_2026_2743_only_exact_names_of_assets_are_served() {
        assert_eq!(asset(&web::assets::path("app.css").unwrap()).status(), StatusCode::OK);
        for bad in ["/assets/app.css", "/assets/../Cargo.toml", "/assets/", "/assets/%2e%2e"] {
            assert_eq!(asset(bad).status(), StatusCode::NOT_FOUND, "{bad}");
        }
    }
}
