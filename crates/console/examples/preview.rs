//! Serves every page with made-up data on loopback, to look at them in a browser: `cargo run -p sealgate-console --example
//! preview -- 127.0.0.1:8990`. Not part of the program; nothing in it changes anything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "an example for developers")]

#[path = "../tests/console/sample.rs"]
mod sample;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use model::Language;
use sample::Sample;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8990".to_owned());
    let kit = sample::kit();
    let page = async move |Path((language, kind, name)): Path<(String, String, String)>| {
        let language = Language::from_tag(&language).unwrap_or_default();
        let sample = match kind.as_str() {
            "hostile" => Sample::hostile(),
            "empty" => Sample::empty(),
            _ => Sample::usual(),
        };
        let found = sample.draw_all(&kit, language).into_iter().find(|(of, _)| *of == name);
        web::headers::secure(found.expect("a page's name").1.unwrap_or_else(|failed| panic!("{}", failed.0)))
    };
    let router = Router::new().route("/{language}/{kind}/{name}", get(page)).route(web::assets::PATH, get(web::assets::serve));
    let listener = tokio::net::TcpListener::bind(&address).await.expect("an address that is free");
    axum::serve(listener, router).await.unwrap();
}
