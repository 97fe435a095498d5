//! The console from outside: its pages and its API over the use cases on a real store (SQLite in a directory of its own).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod api;
mod devices;
mod gateways;
mod house;
mod pages;
mod routes;
mod sample;
mod sample_keys;
mod sign_in;
