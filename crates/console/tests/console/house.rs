//! A console on a fresh store, and a small browser for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use admin::{Admin, Parts, PhoneGate, QueueAdopted, QueueAsk, QueueControl, QueueEntry, Redirect, ServerProbe, Settings};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use console::{ConsoleParts, ConsoleState, NodeFacts};
use crypto::pool::CpuPool;
use http::{HeaderMap, Method, Request, StatusCode, header};
use keyring::{MasterKey, Vault};
use model::device::{Device, DeviceId};
use model::ports::{DeviceFacts, Facts};
use model::{
    Actor, Clock, Fault, FixedClock, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, Site, Timestamp, TraceId,
};
use parking_lot::Mutex;
use store::Store;
use tempfile::TempDir;
use tower::ServiceExt;
use web::ClientAddress;

/// 2026-11-21.
pub const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

struct Nothing(Arc<Site>);

impl Facts for Nothing {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

impl DeviceFacts for Nothing {
    fn device(&self, _: &str, _: &DeviceId) -> Option<Device> {
        None
    }
}

impl KeyUse for Nothing {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        None
    }
    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, _: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        Err(KeyUseError::UnknownKey)
    }
}

/// A queue of which every act is remembered.
#[derive(Default)]
pub struct Queue {
    pub entries: Mutex<BTreeMap<String, QueueEntry>>,
}

impl Queue {
    pub fn add(&self, id: &str, created: Timestamp) {
        let entry = QueueEntry {
            id: id.into(),
            trace: TraceId::from_u128(7),
            from: "anna@company.example".into(),
            to: vec!["<script>@partner.example".into()],
            size: 1_234,
            created,
            next_try: created,
            tries: 1,
            last_error: "451 later".into(),
            held: false,
        };
        self.entries.lock().insert(id.into(), entry);
    }
}

#[async_trait]
impl QueueControl for Queue {
    async fn list(&self, ask: &QueueAsk, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault> {
        let asked = |entry: &&QueueEntry| ask.domain.as_ref().is_none_or(|domain| entry.to.iter().any(|to| to.ends_with(domain)));
        let entries = self.entries.lock();
        let behind = entries.values().filter(|entry| entry.id.as_str() > cursor);
        Ok(behind.filter(asked).take(limit as usize).cloned().collect())
    }
    async fn length(&self) -> Result<(u64, Timestamp), Fault> {
        let entries = self.entries.lock();
        Ok((entries.len() as u64, entries.values().map(|entry| entry.created).min().unwrap_or_default()))
    }
    async fn adopt(&self, _directory: &str) -> Result<QueueAdopted, Fault> {
        Ok(QueueAdopted::default())
    }
    async fn show(&self, id: &str) -> Result<Option<QueueEntry>, Fault> {
        Ok(self.entries.lock().get(id).cloned())
    }
    async fn retry(&self, id: Option<&str>) -> Result<u64, Fault> {
        let entries = self.entries.lock();
        Ok(id.map_or(entries.len() as u64, |id| u64::from(entries.contains_key(id))))
    }
    async fn hold(&self, id: &str, held: bool) -> Result<bool, Fault> {
        Ok(self.entries.lock().get_mut(id).map(|entry| entry.held = held).is_some())
    }
    async fn remove(&self, id: &str, _tell: bool) -> Result<bool, Fault> {
        Ok(self.entries.lock().remove(id).is_some())
    }
}

/// A mobile gate whose mail server answers as its URL says, and that signs by writing its name.
#[derive(Default)]
pub struct Phones {
    pub redirects: Mutex<Vec<Redirect>>,
}

#[async_trait]
impl PhoneGate for Phones {
    async fn probe(&self, gateway: &model::site::MobileGateway) -> Vec<ServerProbe> {
        let answer = |server: &str| match server.contains("dead") {
            true => Err(Fault::temporary(model::Guilty::NextHop, "mail-server-unreachable", "<b>nobody</b> there")),
            false => Ok(vec!["Basic".to_owned()]),
        };
        let one = |server: &str| ServerProbe { server: server.to_owned(), took: Duration::from_millis(7), answer: answer(server) };
        gateway.mail_servers().map(one).collect()
    }
    fn is_ready(&self) -> bool {
        true
    }
    fn certificate_ends(&self) -> Option<Timestamp> {
        Some(NOW)
    }
    fn redirects(&self) -> Vec<Redirect> {
        self.redirects.lock().clone()
    }
    fn clear_redirect(&self, redirect: &Redirect) -> bool {
        let mut all = self.redirects.lock();
        let before = all.len();
        all.retain(|known| (&known.gateway, &known.user, &known.device) != (&redirect.gateway, &redirect.user, &redirect.device));
        all.len() < before
    }
    fn sign_profile(&self, profile: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok([b"signed:", profile].concat())
    }
}

/// A console with all that it stands on.
pub struct House {
    pub state: ConsoleState,
    pub admin: Admin,
    pub clock: Arc<FixedClock>,
    pub queue: Arc<Queue>,
    pub phones: Arc<Phones>,
    pub pool: CpuPool,
    _dir: TempDir,
}

pub async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let store = Store::open("sqlite:", &dir.path().join("data"), clock.clone()).await.unwrap();
    let (vault, _) = Vault::create(MasterKey::create(&dir.path().join("master.key")).unwrap()).unwrap();
    let (queue, phones) = (Arc::new(Queue::default()), Arc::new(Phones::default()));
    let settings = Settings { account_limit: 3, network_limit: 50, lock_for: Duration::from_secs(600), ..Settings::default() };
    let pool = CpuPool::new(1).unwrap();
    let admin = Admin::new(Parts {
        store,
        live: None,
        vault: Arc::new(vault),
        pool: pool.clone(),
        clock: clock.clone(),
        simulator: None,
        queue: Some(queue.clone()),
        phones: Some(phones.clone()),
        master: None,
        logs: Some(logs::Reader::new(dir.path())),
        settings,
    });
    let nothing = Arc::new(Nothing(Arc::default()));
    let state = ConsoleState::new(ConsoleParts {
        admin: admin.clone(),
        facts: nothing.clone(),
        devices: nothing.clone(),
        keys: nothing,
        clock: clock.clone(),
        engines: Arc::new(()),
        node: NodeFacts { id: "n1".into(), version: "0.1.0".into(), started: NOW },
        sessions: web::SessionSettings::default(),
        guesses: web::GuessSettings { per_account: 100, per_network: 1_000, ..web::GuessSettings::default() },
    })
    .unwrap();
    House { state, admin, clock, queue, phones, pool, _dir: dir }
}

impl House {
    pub fn browser(&self) -> Browser {
        Browser { router: console::router(self.state.clone()), cookies: BTreeMap::new(), language: "en" }
    }

    pub fn local(&self) -> Router {
        console::local_router(self.state.clone())
    }

    /// A token with these scopes.
    pub async fn token(&self, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let (_, secret) = self.admin.token_add(&Actor::local(), "test", &scopes, None).await.unwrap();
        secret.expose().to_owned()
    }

    /// An administrator whose password is already their own: `long enough NAME`.
    pub async fn administrator(&self, name: &str, rights: &[&str]) {
        let rights: Vec<String> = rights.iter().map(|right| (*right).to_owned()).collect();
        let one_time = self.admin.administrator_add(&Actor::local(), name, &rights).await.unwrap();
        let own = || model::SecretText::new(format!("long enough {name}"));
        self.admin.change_own_password(name, one_time, own(), own()).await.unwrap();
    }

    /// A browser in which this administrator has signed in.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, &format!("long enough {name}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The token of the page's forms.
    pub fn csrf(&self) -> String {
        self.text.split("name=\"csrf\" value=\"").nth(1).map_or("", |rest| rest.split('"').next().unwrap()).to_owned()
    }
}

/// Keeps cookies, sends forms.
pub struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
    pub language: &'static str,
}

impl Browser {
    pub async fn send(&mut self, method: Method, path: &str, form: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookies.join("; "))
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(ClientAddress("192.0.2.1".parse().unwrap()))
            .body(Body::from(form.to_owned()))
            .unwrap();
        let answer = Answer::of(self.router.clone().oneshot(request).await.unwrap()).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(
                line.starts_with("__Host-") && line.contains("; Secure; HttpOnly; SameSite=Lax") && line.contains("; Path=/;"),
                "{line}"
            );
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    /// Sends a form with the token of the page that it stands on.
    pub async fn post(&mut self, page: &str, path: &str, fields: &str) -> Answer {
        let csrf = self.get(page).await.csrf();
        self.send(Method::POST, path, &format!("csrf={csrf}&{fields}")).await
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let fields = format!("name={}&password={}&next=/", web::form::encode(name), web::form::encode(password));
        self.post("/sign-in", "/sign-in", &fields).await
    }
}

/// Calls the API.
pub async fn call(router: &Router, method: Method, path: &str, token: &str, headers: &[(header::HeaderName, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    Answer::of(router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()).await
}
