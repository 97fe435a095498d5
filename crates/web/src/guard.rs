//! The guard in front of every route: who is it, may they, is the form ours; and behind it, how an error is said.
//!
//! Deny by default: a request reaches its handler only through [`check`] with the need of its route. Handlers say errors
//! as [`Failed`]; the one place that turns them into a page or problem+json is here, because here the face
//! and the language are known. Bodies of forms are read here, bounded, so that no handler can forget the token.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use model::{Actor, Fault, Guilty, Language, SecretText};
use subtle::ConstantTimeEq;

use crate::caller::{Caller, ClientAddress, Via};
use crate::form::FormData;
use crate::kit::Kit;
use crate::routes::{Face, Need, Public};
use crate::session::{self, LANGUAGE_COOKIE, VISIT_COOKIE};

/// Largest form, in octets.
const FORM_LIMIT: usize = 1 << 20;
/// Largest form with files.
const UPLOAD_LIMIT: usize = 2 << 20;

/// A fault on its way out of a handler, and what the API adds to its problem+json (places in a rule text, say).
#[derive(Debug, Clone)]
pub struct Failed(pub Fault, pub Option<Box<serde_json::Map<String, serde_json::Value>>>);

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self(fault, None)
    }
}

impl IntoResponse for Failed {
    /// A bare status; the guard puts the page or problem+json in its place.
    fn into_response(self) -> Response {
        let mut response = crate::problem::status(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Marks requests of the local router. Only [`crate::Routes::into_local_router`] makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalCaller;

/// The language in which a request is answered before or without a session's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Spoken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

impl Spoken {
    /// The chosen language, else the browser's (RFC 9110 §12.5.4).
    fn of(headers: &http::HeaderMap) -> Self {
        let chosen = session::cookie(headers, LANGUAGE_COOKIE).and_then(|tag| Language::from_tag(&tag));
        let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map(Language::from_accept);
        Self(chosen.or_else(accepted).unwrap_or_default())
    }
}

/// What the guard of one route knows.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) kit: Kit,
    pub(crate) need: Need,
    pub(crate) face: Face,
}

/// Why a request does not reach its handler.
enum Stop {
    /// Nobody is signed in: show a browser the way.
    SignIn,
    /// A one-time password waits.
    ChangePassword,
    /// Said as an error.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Around everything: security header fields, marks, and faces for what no route answered.
pub(crate) async fn outermost(State((kit, local)): State<(Kit, Option<LocalCaller>)>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().remove::<LocalCaller>();
    request.extensions_mut().remove::<Caller>();
    if let Some(local) = local {
        request.extensions_mut().insert(local);
    }
    let spoken = Spoken::of(request.headers());
    request.extensions_mut().insert(spoken);
    let face = if request.uri().path().starts_with("/api/") { Face::Api } else { Face::Page };
    let mut response = next.run(request).await;
    // A route's guard has said its own errors; what still carries one comes from the fall-backs.
    if let Some(failed) = response.extensions_mut().remove::<Failed>() {
        response = say(&kit, face, spoken.0, None, &failed);
    }
    crate::headers::secure(response)
}

pub(crate) async fn not_found() -> Failed {
    Fault::permanent(Guilty::Sender, "not-found", "no such route").into()
}

pub(crate) async fn method_not_allowed() -> Failed {
    Fault::permanent(Guilty::Sender, "method-not-allowed", "no such method on this route").into()
}

/// In front of one route.
pub(crate) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let spoken = request.extensions().get::<Spoken>().copied().unwrap_or(Spoken(Language::default()));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let reading = request.method() == Method::GET;
    let (mut language, mut caller) = (spoken.0, None);
    let passed = admit(&guard, &mut request, &mut caller).await;
    if let Some(caller) = &caller {
        language = caller.language;
    }
    let failed = match passed {
        Ok(()) => {
            let mut response = next.run(request).await;
            match response.extensions_mut().remove::<Failed>() {
                None => return response,
                Some(failed) => failed,
            }
        }
        Err(Stop::SignIn) if guard.face == Face::Page && reading => return sign_in_first(&path),
        Err(Stop::SignIn) => Fault::permanent(Guilty::Sender, "not-signed-in", "no session, no token").into(),
        Err(Stop::ChangePassword) if guard.face == Face::Page && reading => return see_other("/password"),
        Err(Stop::ChangePassword) => Fault::permanent(Guilty::Sender, "password-must-change", "one-time password").into(),
        Err(Stop::Fault(fault)) => fault.into(),
    };
    say(&guard.kit, guard.face, language, caller.as_ref(), &failed)
}

/// Lets the request through, or says why not. Fills in `caller` as soon as they are known.
async fn admit(guard: &Guard, request: &mut Request, caller: &mut Option<Caller>) -> Result<(), Stop> {
    if let Need::Public(public) = guard.need {
        if public == Public::SignIn && request.method() != Method::GET {
            let visit = session::cookie(request.headers(), VISIT_COOKIE).unwrap_or_default();
            read_form(request, &visit).await?;
        }
        return Ok(());
    }
    let known = identify(guard, Seen::of(request)).await?.ok_or(Stop::SignIn)?;
    *caller = Some(known.clone());
    if known.must_change_password && guard.need != Need::SignedInAtLast {
        return Err(Stop::ChangePassword);
    }
    if let Need::Right(right, access) = guard.need
        && !known.actor.rights.allow(right, access)
    {
        return Err(Fault::permanent(Guilty::Sender, "not-permitted", format!("{} lacks {}", known.actor.name, right.word()))
            .with("right", right.word())
            .into());
    }
    if guard.face == Face::Page && !request.method().is_safe() {
        let expected = matches!(known.via, Via::Session(_)).then(|| known.csrf.clone());
        match expected {
            Some(token) => read_form(request, &token).await?,
            None => collect_form(request).await.map(drop)?,
        }
    }
    request.extensions_mut().insert(known);
    Ok(())
}

/// What of a request says who calls. A copy: the request itself can't be held while the store is asked.
struct Seen {
    headers: http::HeaderMap,
    origin: std::net::IpAddr,
    path: String,
    language: Language,
    local: bool,
}

impl Seen {
    fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        Self {
            headers: request.headers().clone(),
            origin: ClientAddress::of(extensions).0,
            path: request.uri().path().to_owned(),
            language: extensions.get::<Spoken>().map_or_else(Language::default, |spoken| spoken.0),
            local: extensions.get::<LocalCaller>().is_some(),
        }
    }
}

/// The caller, if they can be recognised. Pages take sessions, the API takes tokens; the local router takes neither.
async fn identify(guard: &Guard, seen: Seen) -> Result<Option<Caller>, Stop> {
    if seen.local {
        return Ok(Some(Caller { path: seen.path, ..Caller::local(seen.language) }));
    }
    match guard.face {
        Face::Page => by_session(guard, seen).await,
        Face::Api => by_token(guard, seen).await,
    }
}

async fn by_session(guard: &Guard, seen: Seen) -> Result<Option<Caller>, Stop> {
    let Some((id, session)) = guard.kit.sessions().find(&seen.headers, guard.kit.now()) else {
        return Ok(None);
    };
    let Some(state) = guard.kit.identity().account(&session.account).await? else {
        guard.kit.sessions().end(&id);
        return Ok(None);
    };
    Ok(Some(Caller {
        actor: Actor { name: session.account, rights: state.rights, origin: seen.origin.to_string() },
        via: Via::Session(id),
        language: session.language.or(state.language).unwrap_or(seen.language),
        csrf: session.csrf,
        must_change_password: state.must_change_password,
        path: seen.path,
    }))
}

async fn by_token(guard: &Guard, seen: Seen) -> Result<Option<Caller>, Stop> {
    // RFC 6750 §2.1; the scheme's name has no case (RFC 9110 §11.1).
    let Some(value) = seen.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => SecretText::new(token.trim().to_owned()),
        _ => return Ok(None),
    };
    match guard.kit.identity().token(&token, seen.origin).await? {
        Some(actor) => Ok(Some(Caller { actor, via: Via::Token, path: seen.path, ..Caller::local(seen.language) })),
        None => Err(Fault::permanent(Guilty::Sender, "token-unknown", format!("from {}", seen.origin)).into()),
    }
}

/// Reads the form of a request and checks its token. An empty expected token fits nothing.
async fn read_form(request: &mut Request, expected: &str) -> Result<(), Stop> {
    let not_ours = |cause: &'static str| Stop::from(Fault::permanent(Guilty::Sender, "form-not-ours", cause));
    // Browsers say where a request was born (Fetch Metadata); another site's is refused before anything is read.
    if let Some(site) = request.headers().get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(not_ours("cross-site request"));
    }
    let form = collect_form(request).await?;
    let given = form.text("csrf");
    let fits: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
    if fits && !expected.is_empty() { Ok(()) } else { Err(not_ours("token missing or wrong")) }
}

async fn collect_form(request: &mut Request) -> Result<FormData, Stop> {
    let bad = |cause: &'static str| Stop::from(Fault::permanent(Guilty::Sender, "bad-request", cause));
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let boundary = message::form_data::boundary(kind).map(str::to_owned);
    if boundary.is_none() && !kind.is_empty() && !kind.starts_with(b"application/x-www-form-urlencoded") {
        return Err(bad("no form"));
    }
    let (limit, said) = if boundary.is_some() { (UPLOAD_LIMIT, "2 MiB") } else { (FORM_LIMIT, "1 MiB") };
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let too_large = |_| Stop::from(Fault::permanent(Guilty::Sender, "too-large", "form").with("limit", said));
    let bytes: Bytes = axum::body::to_bytes(body, limit).await.map_err(too_large)?;
    let form = match &boundary {
        Some(boundary) => FormData::parse_files(&bytes, boundary),
        None => FormData::parse(&bytes),
    };
    let form = form.ok_or_else(|| bad("unreadable form"))?;
    request.extensions_mut().insert(form.clone());
    Ok(form)
}

fn say(kit: &Kit, face: Face, language: Language, caller: Option<&Caller>, failed: &Failed) -> Response {
    let Failed(fault, more) = failed;
    crate::problem::log(fault);
    match face {
        Face::Api => crate::problem::problem_with(fault, language, more.as_deref().cloned().unwrap_or_default()),
        Face::Page => kit.error_page(language, caller, fault),
    }
}

fn sign_in_first(path: &str) -> Response {
    if path == "/" {
        return see_other("/sign-in");
    }
    see_other(&format!("/sign-in?next={}", crate::form::encode(path)))
}

/// 303: look there, with GET (RFC 9110 §15.4.4). `path` is one of ours.
#[must_use]
pub fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
