//! The pages: URL = file = template name. Each file draws its pages from plain values of [`crate::view`].

pub mod account;
pub mod audit;
pub mod devices;
pub mod diagnostics;
pub mod gateways;
pub mod home;
pub mod keys;
pub mod log;
pub mod mobile;
pub mod policies;
pub mod queue;
pub mod rules;
pub mod site;
pub mod user;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// Name and source of each of the console's templates.
#[must_use]
pub fn templates() -> Vec<(String, String)> {
    Templates::iter()
        .filter_map(|name| Some((name.to_string(), String::from_utf8(Templates::get(&name)?.data.into_owned()).ok()?)))
        .collect()
}
