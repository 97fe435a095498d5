//! What every page of ours stands on: who calls, what they may, how a page looks, how an error is shown.
//!
//! `console` (and later the portal) describe their routes and pages with this; nothing here knows a use case. The
//! order in which a request passes:
//!
//! 1. [`routes`]: each route is declared with what it needs; without that it does not compile.
//! 2. [`guard`]: who is it ([`caller`]: session cookie, bearer token, local socket) → may they → is the form ours
//!    (CSRF) → the handler → an error becomes a page or problem+json ([`mod@problem`]) → [`headers`] for all.
//! 3. [`session`], [`mod@model::guess`], [`password`]: signing in, staying signed in, and not guessing.
//! 4. [`kit`]: templates with forced HTML escaping, texts in the caller's language, navigation by rights.
//! 5. The pieces of pages: [`table`], [`form`], [`chart`], [`confirm`]; [`assets`] with content-hash names.
//!
//! Everything works without JavaScript; the script only refreshes counts and shows charts' tool tips.

pub mod assets;
pub mod caller;
pub mod chart;
pub mod confirm;
pub mod form;
pub mod guard;
pub mod headers;
pub mod kit;
pub mod navigation;
pub mod password;
pub mod problem;
pub mod routes;
pub mod session;
pub mod share;
pub mod table;

pub use caller::{AccountState, Caller, ClientAddress, Identity, Via};
pub use chart::{Chart, ChartKind, Series};
pub use confirm::Confirm;
pub use form::{Field, FieldKind, Form, FormData};
pub use guard::Failed;
pub use kit::{Kit, KitParts};
pub use model::guess::{GuessSettings, Guesses};
pub use navigation::{Entry, Menu};
pub use problem::{problem, status};
pub use routes::{Face, Need, Public, RouteInfo, Routes};
pub use session::{SessionSettings, Sessions};
pub use share::{Part, Share};
pub use table::{Cell, Column, Row, Table, Tone};
