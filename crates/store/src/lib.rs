//! All SQL of Sealgate, on SQLite and PostgreSQL alike, from one SQL text.
//!
//! Order of things: [`Store::open`] looks at the place, connects and migrates ([`migrations`]); every change is one
//! closure for the write task ([`mod@write`]); what nodes must learn goes into the [`feed`] as the transaction's last act;
//! [`live`] holds the site's data in memory, follows the feed, keeps a sealed copy on the node's disk, and takes
//! phones' sightings; so neither gate runs SQL on its path. What differs between the engines stands in
//! [`dialect`] alone.
//! Must never: be called on the path of a mail or of a phone's request, but for [`live`].

pub mod audit;
pub mod data_keys;
pub mod devices;
pub mod diagnostics;
pub mod dialect;
pub mod effects;
mod engine;
mod error;
pub mod exact;
pub mod feed;
pub mod greylist;
pub mod jobs;
pub mod live;
pub mod migrations;
pub mod nodes;
pub mod people;
mod reader;
pub mod roots_met;
pub mod site;
mod store;
mod user_attributes;
mod value;
pub mod write;

pub use data_keys::WrappedKey;
pub use dialect::Dialect;
pub use error::StoreError;
pub use live::{Live, LiveSettings, Sealer};
pub use reader::Reader;
pub use site::{Expect, Put};
pub use store::{Store, StoreSettings};
pub use write::Tx;
