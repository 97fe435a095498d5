//! The page itself, in four languages, and what makes it an app.

use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, VARY};
use http::request::Parts;
use http::{Response, StatusCode};
use minijinja::context;
use model::Language;
use web::kit::KitError;

use super::{Refusal, show};
use crate::answer::{self, Answer};

/// Media type of [`manifest`].
pub(super) const MANIFEST: &str = "application/manifest+json";
/// What the page may do: its own style, its own picture, its own form; nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

/// What a page shows.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) language: Language,
    /// What was typed as the name.
    pub(super) user: String,
    /// Why the file was not shown.
    pub(super) refusal: Option<Refusal>,
}

/// The page's template, ready to be drawn.
#[derive(Debug)]
pub(crate) struct Pages(Result<web::kit::Pages, KitError>);

impl Pages {
    pub(crate) fn new() -> Self {
        let made = web::kit::Pages::new(&[("open.html".to_owned(), include_str!("../../templates/open.html").to_owned())]);
        if let Err(wrong) = &made {
            tracing::error!(event = "page.failed", cause = %wrong, "the page /open");
        }
        Self(made)
    }

    pub(super) fn draw(&self, page: &Page, status: StatusCode) -> Response<Answer> {
        let values = context! {
            language => page.language.tag(),
            user => page.user,
            refusal => page.refusal.map(|refusal| format!("open-refused-{}", refusal.word())),
        };
        let Some(html) = self.0.as_ref().ok().and_then(|pages| pages.html(page.language, "open.html", &values).ok()) else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut response = show::with("text/html; charset=utf-8", html.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept-language"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}

/// By `?language=`, else what the browser prefers.
pub(super) fn language(parts: &Parts) -> Language {
    let chosen = parts.uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("language="));
    let preferred = || parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map(Language::from_accept);
    chosen.and_then(Language::from_tag).or_else(preferred).unwrap_or_default()
}

/// The web app manifest (W3C Application Manifest).
pub(super) fn manifest(language: Language) -> String {
    let text = |id: &str| texts::text(language, id, &[]);
    let icon = web::assets::path("seal.svg").unwrap_or_default();
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!(
        r##"{{"name":{},"short_name":{},"lang":"{}","id":"/open","start_url":"/open","scope":"/open","display":"standalone","background_color":"#f4f6f8","theme_color":"#0e5f73","icons":[{{"src":{},"type":"image/svg+xml","sizes":"any","purpose":"any"}}]}}"##,
        quoted(&text("open-title")),
        quoted(&text("open-short")),
        language.tag(),
        quoted(&icon),
    )
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn text(response: Response<Answer>) -> String {
        match response.into_body() {
            Answer::Own(Some(octets)) => String::from_utf8(octets.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn g_21_the_page_is_drawn_in_each_language_with_each_refusal() {
        let pages = Pages::new();
        let all = [
            Refusal::Unreadable,
            Refusal::Missing,
            Refusal::TooBig,
            Refusal::NoFile,
            Refusal::Password,
            Refusal::Wait,
            Refusal::NotYours,
            Refusal::Kept,
            Refusal::Later,
        ];
        for language in Language::ALL {
            for refusal in all.into_iter().map(Some).chain([None]) {
                let page = Page { language, user: "<b>carol".into(), refusal };
                let html = text(pages.draw(&page, StatusCode::OK));
                assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())) && html.contains("multipart/form-data"), "{html}");
                assert!(html.contains("&lt;b&gt;carol") && !html.contains("<b>"), "{html}");
                assert_eq!(html.contains("role=\"alert\""), refusal.is_some());
            }
            let manifest: serde_json::Value = serde_json::from_str(&manifest(language)).unwrap();
            assert_eq!((manifest["start_url"].as_str(), manifest["lang"].as_str()), (Some("/open"), Some(language.tag())));
        }
    }

    #[test]
    fn g_21_the_language_is_chosen_or_the_browsers() {
        let of = |uri: &str| {
            let request = Request::get(uri).header(ACCEPT_LANGUAGE, "fr, de;q=0.5").body(()).unwrap();
            language(&request.into_parts().0)
        };
        assert_eq!((of("/open"), of("/open?language=it"), of("/open?language=xx")), (Language::Fr, Language::It, Language::Fr));
    }
}
