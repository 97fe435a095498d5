//! The administration console: pages for people and `/api/v1` for scripts, over the same use cases.
//!
//! Nothing is decided here: a handler reads the request, calls one use case of `admin` with the caller as actor, and
//! draws the answer. Rights are declared with each route (`web::Routes`) and checked again in the use case.
//!
//! 1. [`view`]: what pages show, as plain values; [`pages`]: each page and its template; [`navigation`]: the menus.
//! 2. [`say`]: texts in the caller's language.

pub mod navigation;
pub mod pages;
pub mod say;
pub mod view;
