//! One table for routes and their description: who adds a route describes it, or it does not compile.
//!
//! The document is OpenAPI 3.1, made with utoipa's types; schemas come from [`crate::api::schema`].

use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;
use model::{Access, Right};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, Info, OpenApi, OpenApiBuilder, Paths, Ref, Required, Response, ResponseBuilder};
use web::Routes;

use crate::api::schema;
use crate::state::ConsoleState;

/// Before each path.
pub const BASE: &str = "/api/v1";

/// The description of one route.
#[derive(Debug, Clone)]
pub struct Op {
    method: Method,
    path: &'static str,
    id: &'static str,
    need: Option<(Right, Access)>,
    summary: &'static str,
    query: Vec<(&'static str, &'static str)>,
    body: Option<&'static str>,
    answer: Option<&'static str>,
    versioned: bool,
}

impl Op {
    fn new(method: Method, path: &'static str, id: &'static str) -> Self {
        Self { method, path, id, need: None, summary: "", query: Vec::new(), body: None, answer: None, versioned: false }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::GET, path, id)
    }

    /// A PUT.
    #[must_use]
    pub fn put(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::PUT, path, id)
    }

    /// A POST.
    #[must_use]
    pub fn post(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::POST, path, id)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete(path: &'static str, id: &'static str) -> Self {
        Self::new(Method::DELETE, path, id)
    }

    /// What it needs.
    #[must_use]
    pub const fn needs(mut self, right: Right, access: Access) -> Self {
        self.need = Some((right, access));
        self
    }

    /// What it does, in one line.
    #[must_use]
    pub const fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// With a parameter in the query.
    #[must_use]
    pub fn query(mut self, name: &'static str, description: &'static str) -> Self {
        self.query.push((name, description));
        self
    }

    /// A list that pages by cursor.
    #[must_use]
    pub fn pages(self) -> Self {
        self.query("after", "the `next` of the page before").query("limit", "items of one page, 1 to 999, 100 if not said")
    }

    /// The schema of its body; `text` is plain text.
    #[must_use]
    pub const fn takes(mut self, schema: &'static str) -> Self {
        self.body = Some(schema);
        self
    }

    /// The schema of its answer; without one it is 204.
    #[must_use]
    pub const fn answers(mut self, schema: &'static str) -> Self {
        self.answer = Some(schema);
        self
    }

    /// Its answer carries an ETag, and a change of it may say If-Match.
    #[must_use]
    pub const fn versioned(mut self) -> Self {
        self.versioned = true;
        self
    }
}

/// Routes and their description, growing together.
pub struct Api {
    routes: Routes<ConsoleState>,
    paths: Paths,
}

impl Api {
    /// None yet.
    #[must_use]
    pub fn new(routes: Routes<ConsoleState>) -> Self {
        Self { routes, paths: Paths::new() }
    }

    /// Adds a route. One that names no right can be used by nobody but with [`Api::own`].
    #[must_use]
    pub fn route<H: Handler<T, ConsoleState>, T: 'static>(mut self, op: Op, handler: H) -> Self {
        let (path, filter) = (format!("{BASE}{}", op.path), MethodFilter::try_from(op.method.clone()).unwrap_or(MethodFilter::GET));
        let methods = [op.method.clone()];
        self.routes = match op.need {
            Some(need) => self.routes.api(&path, &methods, need, on(filter, handler)),
            None => self.routes.api_own(&path, &methods, on(filter, handler)),
        };
        self.describe(op, path);
        self
    }

    /// Adds a route that any token may use.
    #[must_use]
    pub fn own<H: Handler<T, ConsoleState>, T: 'static>(self, op: Op, handler: H) -> Self {
        self.route(Op { need: None, ..op }, handler)
    }

    /// The routes and the document.
    #[must_use]
    pub fn finish(self) -> (Routes<ConsoleState>, OpenApi) {
        let mut components = Components::new();
        components.schemas.extend(schema::all());
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("a token of `sealgate token add`")).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let mut info = Info::new("Sealgate", "1");
        info.description = Some("The administration API: what the console can do, a script can do.".to_owned());
        let document = OpenApiBuilder::new().info(info).paths(self.paths).components(Some(components)).build();
        (self.routes, document)
    }

    fn describe(&mut self, op: Op, path: String) {
        let method = match op.method {
            Method::PUT => HttpMethod::Put,
            Method::POST => HttpMethod::Post,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let item = PathItem::new(method, operation(&op, &path));
        match self.paths.paths.get_mut(&path) {
            Some(known) => known.merge_operations(item),
            None => drop(self.paths.paths.insert(path, item)),
        }
    }
}

fn operation(op: &Op, path: &str) -> Operation {
    let tag = path.trim_start_matches(BASE).trim_start_matches('/').split('/').next().unwrap_or_default();
    let mut builder = OperationBuilder::new().operation_id(Some(op.id)).summary(Some(op.summary)).tag(tag);
    if let Some((right, access)) = op.need {
        let word = if access == Access::Read { format!("{}:read", right.word()) } else { right.word().to_owned() };
        builder = builder.description(Some(format!("Needs the right `{word}`."))).security(SecurityRequirement::new("token", [word]));
    } else {
        builder = builder.security(SecurityRequirement::new::<_, [&str; 0], &str>("token", []));
    }
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let parameter = |name: &str, place: ParameterIn, required: Required| {
        ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(text()))
    };
    for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        builder = builder.parameter(parameter(name, ParameterIn::Path, Required::True));
    }
    for (name, description) in &op.query {
        builder = builder.parameter(parameter(name, ParameterIn::Query, Required::False).description(Some(*description)));
    }
    if op.versioned && op.method != Method::GET {
        let told = "the ETag that was seen: 412 if somebody has changed it since";
        builder = builder.parameter(parameter("If-Match", ParameterIn::Header, Required::False).description(Some(told)));
    }
    if let Some(schema) = op.body {
        let (kind, content) = content_of(schema);
        builder = builder.request_body(Some(RequestBodyBuilder::new().content(kind, content).required(Some(Required::True)).build()));
    }
    let success = match op.answer {
        Some(schema) => {
            let (kind, content) = content_of(schema);
            ("200", ResponseBuilder::new().description("Done").content(kind, content).build())
        }
        None => ("204", Response::new("Done")),
    };
    let problem = ResponseBuilder::new()
        .description("Not done: what happened and what to do (RFC 9457)")
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name("Problem"))))
        .build();
    builder.response(success.0, success.1).response("default", problem).build()
}

fn content_of(schema: &str) -> (&'static str, Content) {
    match schema {
        "csv" => ("text/csv", Content::new(Some(ObjectBuilder::new().schema_type(Type::String)))),
        "text" => ("text/plain", Content::new(Some(ObjectBuilder::new().schema_type(Type::String)))),
        "octets" => ("application/octet-stream", Content::new(Some(ObjectBuilder::new().schema_type(Type::String)))),
        "any" => ("application/json", Content::new(Some(ObjectBuilder::new()))),
        name => ("application/json", Content::new(Some(Ref::from_schema_name(name)))),
    }
}
