//! The administration console: pages for people and `/api/v1` for scripts, over the same use cases.
//!
//! Nothing is decided here: a handler reads the request, calls one use case of `admin` with the caller as actor, and
//! draws the answer. Rights are declared with each route (`web::Routes`) and checked again in the use case.
//!
//! 1. [`routes`]: every route with what it needs; [`router`] and [`local_router`] for the program's listeners.
//! 2. [`pages`]: each page, its handlers and its template; drawn from plain values ([`view`]) that [`gather`] and
//!    the handlers make of the use cases' answers; [`navigation`]: the menus; [`say`]: texts in the caller's language.
//! 3. [`api`]: the same use cases as JSON, described by OpenAPI from the same table that makes the routes.
//! 4. [`inspect`]: looking at one message, one query, one decision, for the API and the command line.
//! 5. [`state`]: what the handlers share; [`history`]: mail by hour for the home page's chart; [`device_query`]: what lists of devices are asked for.

pub mod api;
mod csv;
pub mod device_query;
pub mod gather;
pub mod history;
pub mod inspect;
pub mod navigation;
pub mod pages;
pub mod routes;
pub mod say;
pub mod state;
pub mod view;

pub use routes::{local_router, router};
pub use state::{ConsoleParts, ConsoleState, NodeFacts};
