//! The guard from outside: every route without and with the wrong rights, forms without their token, sessions that
//! end, tokens, the local socket, and one fault on both faces.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::{Method, Request, StatusCode, header};
use model::{Access, Actor, Fault, FixedClock, Guilty, Language, Right, Rights, SecretText, Timestamp};
use parking_lot::Mutex;
use tower::ServiceExt;
use web::caller::{AccountState, Caller, ClientAddress, Identity};
use web::session::{COOKIE, SessionSettings, VISIT_COOKIE};
use web::{Failed, FormData, Kit, KitParts, Need, Public, Routes};

struct Accounts(Mutex<Option<AccountState>>);

#[async_trait]
impl Identity for Accounts {
    async fn account(&self, name: &str) -> Result<Option<AccountState>, Fault> {
        assert_eq!(name, "bob");
        Ok(self.0.lock().clone())
    }
    async fn token(&self, token: &SecretText, origin: IpAddr) -> Result<Option<Actor>, Fault> {
        let rights = match token.expose() {
            "good" => Rights::from_words(["logsadmin"]),
            "reader" => Rights::from_words(["logsadmin:read"]),
            _ => return Ok(None),
        };
        Ok(Some(Actor { name: "token x of bob".into(), rights, origin: origin.to_string() }))
    }
}

struct World {
    kit: Kit,
    clock: Arc<FixedClock>,
    accounts: Arc<Accounts>,
}

impl World {
    fn new(rights: &[&str]) -> Self {
        let state = AccountState { rights: Rights::from_words(rights.iter().copied()), must_change_password: false, language: None };
        let (clock, accounts) = (Arc::new(FixedClock::new(Timestamp(1_000_000_000_000))), Arc::new(Accounts(Mutex::new(Some(state)))));
        let kit = Kit::new(KitParts {
            templates: Vec::new(),
            navigation: &[],
            identity: accounts.clone(),
            clock: clock.clone(),
            sessions: SessionSettings::default(),
        })
        .unwrap();
        Self { kit, clock, accounts }
    }

    fn routes(&self) -> Routes {
        Routes::new(self.kit.clone())
            .public(&Method::POST, "/sign-in", Public::SignIn, async |form: FormData| form.text("name").to_owned())
            .public(&Method::GET, "/health", Public::Health, async || "up")
            .own(&Method::GET, "/mine", async |caller: Caller| caller.actor.name)
            .own_at_last(&Method::GET, "/password", async || "choose one")
            .page("/queue", Right::Logs, async || "the queue")
            .page("/broken", Right::Logs, async || Failed::from(fault()))
            .action("/queue/remove", Right::Logs, async |form: FormData| form.text("id").to_owned())
            .api("/api/v1/queue", &[Method::GET], (Right::Logs, Access::Read), get(async || "[]"))
            .api("/api/v1/broken", &[Method::GET], (Right::Logs, Access::Read), get(async || Failed::from(fault())))
            .api("/api/v1/queue/{id}", &[Method::DELETE], (Right::Logs, Access::Write), axum::routing::delete(async || "gone"))
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.routes().into_router(()).oneshot(request).await.unwrap()
    }

    /// A session's cookie and its forms' token.
    fn session(&self) -> (String, String) {
        let id = self.kit.sessions().start("bob", model::Clock::now(self.clock.as_ref())).unwrap();
        let cookie = format!("{COOKIE}={}", id.to_text());
        let mut headers = http::HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        let (_, session) = self.kit.sessions().find(&headers, model::Clock::now(self.clock.as_ref())).unwrap();
        (cookie, session.csrf)
    }
}

fn fault() -> Fault {
    Fault::permanent(Guilty::Sender, "exists-already", "private cause").with("name", "<b>x</b>")
}

fn ask(method: Method, path: &str, cookie: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

fn post(path: &str, cookie: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn cve_2026_44125_every_route_refuses_strangers_and_wrong_rights() {
    let world = World::new(&["usersadmin"]);
    let (cookie, csrf) = world.session();
    let list = world.routes().list().to_vec();
    assert_eq!(list.len(), 10);
    for route in list {
        let path = route.path.replace("{id}", "1");
        let stranger = world.send(ask(route.method.clone(), &path, "")).await.status();
        let known = world.send(if route.method == Method::POST {
            post(&path, &cookie, &format!("csrf={csrf}"))
        } else {
            ask(route.method.clone(), &path, &cookie)
        });
        let known = known.await.status();
        match route.need {
            Need::Public(Public::SignIn) => assert_eq!(stranger, StatusCode::FORBIDDEN, "{path}: no visit, no sign-in"),
            Need::Public(_) => assert_eq!(stranger, StatusCode::OK, "{path}"),
            Need::SignedIn | Need::SignedInAtLast => assert!(stranger == StatusCode::SEE_OTHER && known == StatusCode::OK, "{path}"),
            Need::Right(..) => {
                assert!([StatusCode::SEE_OTHER, StatusCode::UNAUTHORIZED].contains(&stranger), "{path}: {stranger}");
                let expected = if path.starts_with("/api/") { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
                assert_eq!(known, expected, "{path}: sessions are for pages, and this one lacks the right");
            }
        }
    }
}

#[tokio::test]
async fn rights_open_pages_and_vanish_at_once() {
    let world = World::new(&["logsadmin:read"]);
    let (cookie, csrf) = world.session();
    assert_eq!(text(world.send(ask(Method::GET, "/queue", &cookie)).await).await, "the queue");
    assert_eq!(
        world.send(post("/queue/remove", &cookie, &format!("csrf={csrf}&id=1"))).await.status(),
        StatusCode::FORBIDDEN,
        "may look only"
    );
    world.accounts.0.lock().as_mut().unwrap().rights = Rights::NONE;
    assert_eq!(world.send(ask(Method::GET, "/queue", &cookie)).await.status(), StatusCode::FORBIDDEN);
    *world.accounts.0.lock() = None;
    let answer = world.send(ask(Method::GET, "/queue?after=x", &cookie)).await;
    assert_eq!(answer.headers()[header::LOCATION], "/sign-in?next=%2Fqueue%3Fafter%3Dx", "the account is gone");
}

#[tokio::test]
async fn forms_need_their_token() {
    let world = World::new(&["logsadmin"]);
    let (cookie, csrf) = world.session();
    let (_, foreign) = world.session();
    for body in ["id=1", "csrf=&id=1", "csrf=x&id=1", &format!("csrf={foreign}&id=1")] {
        let answer = world.send(post("/queue/remove", &cookie, body)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{body}");
        assert!(text(answer).await.contains("form-not-ours"));
    }
    assert_eq!(text(world.send(post("/queue/remove", &cookie, &format!("csrf={csrf}&id=7"))).await).await, "7");
    let mut cross = post("/queue/remove", &cookie, &format!("csrf={csrf}&id=7"));
    cross.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(world.send(cross).await.status(), StatusCode::FORBIDDEN);
    let json = Request::builder()
        .method(Method::POST)
        .uri("/queue/remove")
        .header(header::COOKIE, &cookie)
        .header(header::CONTENT_TYPE, "text/plain");
    assert_eq!(world.send(json.body(Body::from(format!("csrf={csrf}"))).unwrap()).await.status(), StatusCode::BAD_REQUEST);
    let large = format!("csrf={csrf}&id={}", "x".repeat(2 << 20));
    assert_eq!(world.send(post("/queue/remove", &cookie, &large)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_sign_in_form_belongs_to_a_visit() {
    let world = World::new(&[]);
    assert_eq!(world.send(post("/sign-in", "", "csrf=&name=bob")).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(world.send(post("/sign-in", &format!("{VISIT_COOKIE}=abc"), "csrf=abd&name=bob")).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(text(world.send(post("/sign-in", &format!("{VISIT_COOKIE}=abc"), "csrf=abc&name=bob")).await).await, "bob");
}

#[tokio::test]
async fn sessions_expire_by_the_clock() {
    let world = World::new(&["logsadmin"]);
    let (cookie, _) = world.session();
    world.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(world.send(ask(Method::GET, "/queue", &cookie)).await.status(), StatusCode::OK);
    world.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(world.send(ask(Method::GET, "/queue", &cookie)).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_one_time_password_opens_only_its_replacement() {
    let world = World::new(&["admin"]);
    world.accounts.0.lock().as_mut().unwrap().must_change_password = true;
    let (cookie, csrf) = world.session();
    for path in ["/queue", "/mine", "/broken"] {
        assert_eq!(world.send(ask(Method::GET, path, &cookie)).await.headers()[header::LOCATION], "/password", "{path}");
    }
    assert_eq!(world.send(post("/queue/remove", &cookie, &format!("csrf={csrf}"))).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(world.send(ask(Method::GET, "/password", &cookie)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn tokens_open_the_api_within_their_scope() {
    let world = World::new(&["admin"]);
    let bearer = |method: Method, path: &str, value: &str| {
        let mut request = ask(method, path, "");
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        request
    };
    assert_eq!(world.send(bearer(Method::GET, "/api/v1/queue", "Bearer good")).await.status(), StatusCode::OK);
    assert_eq!(world.send(bearer(Method::GET, "/api/v1/queue", "bearer reader")).await.status(), StatusCode::OK);
    assert_eq!(world.send(bearer(Method::DELETE, "/api/v1/queue/1", "Bearer good")).await.status(), StatusCode::OK);
    assert_eq!(world.send(bearer(Method::DELETE, "/api/v1/queue/1", "Bearer reader")).await.status(), StatusCode::FORBIDDEN);
    for bad in ["Bearer bad", "Bearer", "Basic Z29vZA==", "good"] {
        assert_eq!(world.send(bearer(Method::GET, "/api/v1/queue", bad)).await.status(), StatusCode::UNAUTHORIZED, "{bad}");
    }
    assert_eq!(world.send(bearer(Method::GET, "/queue", "Bearer good")).await.status(), StatusCode::SEE_OTHER, "pages take sessions only");
}

#[tokio::test]
async fn who_sits_at_the_node_may_all_and_no_header_makes_one_local() {
    let world = World::new(&[]);
    let local = world.routes().into_local_router(());
    let answer = local.oneshot(ask(Method::DELETE, "/api/v1/queue/1", "")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut forged = ask(Method::GET, "/queue", "");
    forged.extensions_mut().insert(Caller::local(Language::En));
    assert_eq!(world.send(forged).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn one_fault_on_two_faces_in_the_callers_language() {
    let world = World::new(&["logsadmin"]);
    let (cookie, _) = world.session();
    let mut page = ask(Method::GET, "/broken", &cookie);
    page.headers_mut().insert(header::ACCEPT_LANGUAGE, "de-CH, en;q=0.5".parse().unwrap());
    let page = world.send(page).await;
    assert_eq!(page.status(), StatusCode::CONFLICT);
    let page = text(page).await;
    assert!(page.contains("&lt;b&gt;x&lt;&#x2f;b&gt;“ gibt es schon") && page.contains("lang=\"de\""), "{page}");

    let mut api = ask(Method::GET, "/api/v1/broken", "");
    api.headers_mut().insert(header::AUTHORIZATION, "Bearer good".parse().unwrap());
    api.headers_mut().insert(header::ACCEPT_LANGUAGE, "de".parse().unwrap());
    let api = world.send(api).await;
    assert_eq!((api.status(), api.headers()[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::CONFLICT, "application/problem+json"));
    let json: serde_json::Value = serde_json::from_str(&text(api).await).unwrap();
    assert_eq!(json["code"], "exists-already");
    assert!(json["detail"].as_str().unwrap().contains("<b>x</b>“ gibt es schon"));
    assert!(!page.contains("private cause") && !json.to_string().contains("private cause"));
}

#[tokio::test]
async fn what_no_route_answers_has_a_face_too_and_every_answer_the_header_fields() {
    let world = World::new(&[]);
    for (method, path, status, kind) in [
        (Method::GET, "/none", StatusCode::NOT_FOUND, "text/html; charset=utf-8"),
        (Method::GET, "/api/v1/none", StatusCode::NOT_FOUND, "application/problem+json"),
        (Method::DELETE, "/health", StatusCode::METHOD_NOT_ALLOWED, "text/html; charset=utf-8"),
        (Method::GET, "/health", StatusCode::OK, "text/plain; charset=utf-8"),
    ] {
        let answer = world.send(ask(method, path, "")).await;
        assert_eq!((answer.status(), answer.headers()[header::CONTENT_TYPE].to_str().unwrap()), (status, kind), "{path}");
        let csp = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(csp.starts_with("default-src 'none'") && !csp.contains("unsafe"));
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn the_clients_address_is_said_by_the_listener_only() {
    let mut request = ask(Method::GET, "/", "");
    request.headers_mut().insert("x-forwarded-for", "203.0.113.1".parse().unwrap());
    assert_eq!(ClientAddress::of(request.extensions()).0.to_string(), "0.0.0.0", "x_20: headers say nothing");
    request.extensions_mut().insert(ClientAddress("192.0.2.1".parse().unwrap()));
    assert_eq!(ClientAddress::of(request.extensions()).0.to_string(), "192.0.2.1");
}
