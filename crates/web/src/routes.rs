//! Routes with what each needs: a route cannot be added without saying it.
//!
//! Every method of [`Routes`] that adds one takes a right, or says who may come without ([`Public`] has three
//! uses and no more). The list of all routes is kept, so that a test can request each without and with the
//! wrong rights (CVE-2026-44125, -29134, -29132).
//!
//! A page with its right:
//!
//! ```
//! async fn hello() -> &'static str {
//!     "hello"
//! }
//! fn routes(routes: web::Routes) -> web::Routes {
//!     routes.page("/hello", model::Right::MailSystem, hello)
//! }
//! ```
//!
//! The same without it is no program:
//!
//! ```compile_fail
//! async fn hello() -> &'static str {
//!     "hello"
//! }
//! fn routes(routes: web::Routes) -> web::Routes {
//!     routes.page("/hello", hello)
//! }
//! ```
//!
//! Nor is there a way round, past the guard:
//!
//! ```compile_fail
//! async fn hello() -> &'static str {
//!     "hello"
//! }
//! fn routes(mut routes: web::Routes) -> web::Routes {
//!     routes.router = routes.router.route("/hello", axum::routing::get(hello));
//!     routes
//! }
//! ```

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use model::{Access, Right};

use crate::guard::{self, Guard, LocalCaller};
use crate::kit::Kit;

/// What may be open to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    /// Signing in, and choosing a language before it.
    SignIn,
    /// Style, script, pictures.
    Asset,
    /// "Is it alive?"
    Health,
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// This right.
    Right(Right, Access),
    /// Any signed-in account, for its own things only.
    SignedIn,
    /// The one thing open to somebody with a one-time password: replacing it, and signing out.
    SignedInAtLast,
    /// Nothing.
    Public(Public),
}

/// Whom a route answers, and so how it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// A person with a browser: pages, and the way to the sign-in.
    Page,
    /// A program: problem+json; only tokens and the local socket.
    Api,
}

/// One route, for the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// Its method.
    pub method: Method,
    /// Its path, with `{name}` for parameters.
    pub path: String,
    /// What it needs.
    pub need: Need,
    /// Whom it answers.
    pub face: Face,
}

/// A router whose every route is guarded.
pub struct Routes<S = ()> {
    kit: Kit,
    router: Router<S>,
    list: Vec<RouteInfo>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet.
    #[must_use]
    pub fn new(kit: Kit) -> Self {
        Self { kit, router: Router::new(), list: Vec::new() }
    }

    /// A page that shows: GET, for who may read.
    #[must_use]
    pub fn page<H: Handler<T, S>, T: 'static>(self, path: &str, right: Right, handler: H) -> Self {
        self.handle(&Method::GET, path, Need::Right(right, Access::Read), handler)
    }

    /// A form that changes: POST, for who may write. Its token is checked before the handler runs.
    #[must_use]
    pub fn action<H: Handler<T, S>, T: 'static>(self, path: &str, right: Right, handler: H) -> Self {
        self.handle(&Method::POST, path, Need::Right(right, Access::Write), handler)
    }

    /// A page about the caller's own things (GET or POST).
    #[must_use]
    pub fn own<H: Handler<T, S>, T: 'static>(self, method: &Method, path: &str, handler: H) -> Self {
        self.handle(method, path, Need::SignedIn, handler)
    }

    /// What also somebody with a one-time password may do.
    #[must_use]
    pub fn own_at_last<H: Handler<T, S>, T: 'static>(self, method: &Method, path: &str, handler: H) -> Self {
        self.handle(method, path, Need::SignedInAtLast, handler)
    }

    /// What everybody may do.
    #[must_use]
    pub fn public<H: Handler<T, S>, T: 'static>(self, method: &Method, path: &str, public: Public, handler: H) -> Self {
        self.handle(method, path, Need::Public(public), handler)
    }

    /// A route of the API. `methods` are those that `handlers` has.
    #[must_use]
    pub fn api(self, path: &str, methods: &[Method], need: (Right, Access), handlers: MethodRouter<S>) -> Self {
        self.mount(path, methods, Need::Right(need.0, need.1), Face::Api, handlers)
    }

    /// A route of the API that any token may use.
    #[must_use]
    pub fn api_own(self, path: &str, methods: &[Method], handlers: MethodRouter<S>) -> Self {
        self.mount(path, methods, Need::SignedIn, Face::Api, handlers)
    }

    /// All routes of another set as well.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }

    /// All routes, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> &[RouteInfo] {
        &self.list
    }

    /// The router for a listener that strangers reach.
    pub fn into_router(self, state: S) -> Router {
        self.finish(None, state)
    }

    /// The router for who sits at the node: every request is the local administrator's. Never behind a listener that a
    /// network reaches.
    pub fn into_local_router(self, state: S) -> Router {
        self.finish(Some(LocalCaller), state)
    }

    fn handle<H: Handler<T, S>, T: 'static>(self, method: &Method, path: &str, need: Need, handler: H) -> Self {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.mount(path, std::slice::from_ref(method), need, Face::Page, on(filter, handler))
    }

    fn mount(mut self, path: &str, methods: &[Method], need: Need, face: Face, handlers: MethodRouter<S>) -> Self {
        let guard = Guard { kit: self.kit.clone(), need, face };
        let guarded = handlers.route_layer(axum::middleware::from_fn_with_state(guard, guard::check));
        self.router = self.router.route(path, guarded);
        self.list.extend(methods.iter().map(|method| RouteInfo { method: method.clone(), path: path.to_owned(), need, face }));
        self
    }

    fn finish(self, local: Option<LocalCaller>, state: S) -> Router {
        let kit = self.kit;
        self.router
            .fallback(guard::not_found)
            .method_not_allowed_fallback(guard::method_not_allowed)
            .layer(axum::middleware::from_fn_with_state((kit, local), guard::outermost))
            .with_state(state)
    }
}
