//! The room against the outside: the `openssl` command line both ways, published samples, and attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod algorithms;
mod both_ways;
mod cost;
mod import;
mod kit;
mod material;
mod openpgp;
mod paths;
mod spoof;
