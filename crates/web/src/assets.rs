//! Style, script and pictures, embedded, served under a name that holds the hash of their content.
//!
//! So a browser may keep them for ever, and an upgrade is seen at once. A request names nothing but an exact name from
//! this list: no client string becomes a path (CVE-2026-2743).

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use model::{Fault, Guilty};
use rust_embed::RustEmbed;

use crate::guard::Failed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// Where assets are served.
pub const PATH: &str = "/assets/{name}";

struct Asset {
    name: String,
    kind: &'static str,
    data: Vec<u8>,
}

/// By plain name and by hashed name.
struct Assets {
    served: HashMap<String, Asset>,
    names: HashMap<String, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut all = Assets { served: HashMap::new(), names: HashMap::new() };
    for plain in Files::iter() {
        let (Some(file), Some((stem, end))) = (Files::get(&plain), plain.rsplit_once('.')) else { continue };
        let hash: String = file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{stem}.{hash}.{end}");
        let kind = match end {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        };
        all.names.insert(plain.to_string(), name.clone());
        all.served.insert(name.clone(), Asset { name, kind, data: file.data.into_owned() });
    }
    all
});

/// The path under which an asset is served; `None` if there is none of this name.
#[must_use]
pub fn path(plain: &str) -> Option<String> {
    ASSETS.names.get(plain).map(|name| format!("/assets/{name}"))
}

/// All served paths, for tests.
#[must_use]
pub fn paths() -> Vec<String> {
    ASSETS.served.values().map(|asset| format!("/assets/{}", asset.name)).collect()
}

/// Media type and content of an asset, by the exact name under which it is served (without `/assets/`).
#[must_use]
pub fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    ASSETS.served.get(name).map(|asset| (asset.kind, asset.data.as_slice()))
}

/// Serves one asset.
///
/// # Errors
/// `not-found` for any other name.
pub async fn serve(Path(name): Path<String>) -> Result<Response, Failed> {
    let asset = ASSETS.served.get(&name).ok_or_else(|| Fault::permanent(Guilty::Sender, "not-found", "no such asset"))?;
    let fields = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((fields, asset.data.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_hash() {
        let style = path("app.css").unwrap();
        assert!(style.starts_with("/assets/app.") && style.len() == "/assets/app.".len() + 16 + ".css".len(), "{style}");
        assert_eq!(path("../Cargo.toml"), None);
    }

    #[tokio::test]
    async fn cve_2026_2743_cve_2026_44127_only_exact_names_are_served() {
        assert!(serve(Path(path("app.css").unwrap().replace("/assets/", ""))).await.is_ok());
        for bad in ["app.css", "../src/lib.rs", "..%2f..%2fCargo.toml", "/etc/passwd", ""] {
            assert!(serve(Path(bad.to_owned())).await.is_err(), "{bad}");
        }
    }

    #[test]
    fn styles_and_scripts_load_nothing_from_elsewhere() {
        for file in Files::iter() {
            let text = String::from_utf8(Files::get(&file).unwrap().data.into_owned()).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import"), "{file}");
        }
    }
}
