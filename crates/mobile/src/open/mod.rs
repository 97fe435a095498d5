//! The page at `/open`: the owner of a managed device reads an encrypted attachment (mobile-gateway.md, the table of device classes).
//!
//! Not passed on to the mail server like everything else here: the page is the gate's own. Who asks gives a name, a password and the
//! file; the mail server says whether the password is right (`sign_in`), the policies whether the device may have mail, and then
//! the content is the answer (`show`). All of it in memory and for this one request: nothing is kept, there is no session and no
//! cookie, and neither the file's name nor its content is logged. Passwords that are wrong count like those of phones.
//!
//! | path | what |
//! | --- | --- |
//! | `/open` | the form, and its answer |
//! | `/open/app.webmanifest` | makes it a web app that can be installed |
//! | `/assets/…` | style and pictures, by exact names |

mod form;
mod page;
mod show;
mod sign_in;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use content::DeviceClass;
use crypto::CryptoError;
use crypto::attachment::{About, about, decrypt};
use crypto::seal::SealKey;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use model::device::{Decision, Device, DeviceId, Sighting, user_key};
use model::site::MobileGateway;
use model::{Fault, Guilty, TraceId};

use crate::answer::{self, Answer};
use crate::bodies::{Lease, held, read_request};
use crate::forward::swallow;
use crate::gate::MobileGate;
use crate::identify::{Asked, Door};
use form::Given;
use page::Page;
pub(crate) use page::Pages;

/// What is asked for here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The form.
    Form,
    /// What makes the page an app.
    Manifest,
    /// Style or a picture.
    Asset,
}

/// Why a file is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What was sent is no form of this page.
    Unreadable,
    /// A field is empty.
    Missing,
    /// It is larger than what is looked at.
    TooBig,
    /// The file is no encrypted attachment of this site, or it was changed.
    NoFile,
    /// The mail server does not know this name with this password.
    Password,
    /// Too many wrong passwords.
    Wait,
    /// It is somebody else's file.
    NotYours,
    /// The device is blocked, or its files are for administrators or for nobody.
    Kept,
    /// Not now.
    Later,
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooBig => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Missing | Self::NoFile => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Password | Self::NotYours | Self::Kept => StatusCode::FORBIDDEN,
            Self::Wait | Self::Later => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Id of its text, and the word in the log.
    const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Missing => "missing",
            Self::TooBig => "too-big",
            Self::NoFile => "no-file",
            Self::Password => "password",
            Self::Wait => "wait",
            Self::NotYours => "not-yours",
            Self::Kept => "kept",
            Self::Later => "later",
        }
    }
}

/// Answers a request for one of these paths.
pub(crate) async fn answer(
    gate: &Arc<MobileGate>,
    (parts, body): (Parts, Incoming),
    part: Part,
    (gateway, client): (Arc<MobileGateway>, IpAddr),
) -> Response<Answer> {
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    let language = page::language(&parts);
    match part {
        Part::Manifest if reads => show::fixed(page::MANIFEST, page::manifest(language).into()),
        Part::Asset if reads => show::asset(parts.uri.path()),
        Part::Form if reads => gate.pages.draw(&Page { language, ..Page::default() }, StatusCode::OK),
        Part::Form if parts.method == Method::POST => {
            let mut user = String::new();
            match Box::pin(opened(gate, (&parts, body), (gateway, client), &mut user)).await {
                Ok(shown) => shown,
                Err(refusal) => {
                    tracing::info!(event = "attachment.refused", user = user_key(&user), reason = refusal.word(), %client);
                    let mut page = gate.pages.draw(&Page { language, user, refusal: Some(refusal) }, refusal.status());
                    if refusal.status() == StatusCode::SERVICE_UNAVAILABLE {
                        page.headers_mut().insert(http::header::RETRY_AFTER, gate.settings.retry_after.as_secs().max(1).into());
                    }
                    page
                }
            }
        }
        Part::Manifest | Part::Asset | Part::Form => {
            swallow(gate, body).await;
            answer::plain(StatusCode::METHOD_NOT_ALLOWED)
        }
    }
}

/// Reads the form, asks everybody who has to say something, and opens the file. `typed` becomes the name as it was typed.
async fn opened(
    gate: &Arc<MobileGate>,
    (parts, body): (&Parts, Incoming),
    (gateway, client): (Arc<MobileGateway>, IpAddr),
    typed: &mut String,
) -> Result<Response<Answer>, Refusal> {
    let mut lease = Lease::new(gate);
    let octets = read_request(body, gate.settings.body_idle, &mut lease).await.map_err(|fault| of_fault(&fault))?;
    let given = form::read(parts, octets).await?;
    given.user.clone_into(typed);
    if given.user.is_empty() || given.password.expose().is_empty() || given.file.is_empty() {
        return Err(Refusal::Missing);
    }
    // What the header says is proven when the file opens, not before.
    let about = about(&given.file).map_err(|_| Refusal::NoFile)?;
    let device = DeviceId::parse(&about.device).ok_or(Refusal::NoFile)?;
    let asked = Box::new(asked(gate, &given, device.clone(), (gateway.clone(), client)));
    let trace = asked.trace;
    if gate.guesses.must_wait(&asked) {
        return Err(Refusal::Wait);
    }
    match Box::pin(sign_in::is_right(gate, asked, &given)).await {
        Ok(true) => {}
        Ok(false) => return Err(Refusal::Password),
        Err(fault) => {
            tracing::warn!(event = "mobile.failed", %trace, code = fault.code, cause = %fault.cause, command = "Open");
            return Err(Refusal::Later);
        }
    }
    let user = user_key(&given.user);
    if about.user != user || !about.device.eq_ignore_ascii_case(device.as_str()) {
        return Err(Refusal::NotYours);
    }
    let decision = may_read(gate, &gateway, &about, &device).ok_or(Refusal::Kept)?;
    let content = decrypted(gate, &about, &device, given.file).await?;
    let size = content.len();
    tracing::info!(event = "attachment.opened", %trace, user, device = device.as_str(), gateway = gateway.id, %client, size);
    metrics::counter!("sealgate_mobile_attachments_opened_total").increment(1);
    let none = String::new;
    gate.ports.recorder.record(Sighting {
        device,
        user,
        device_type: none(),
        agent: none(),
        command: Door::Open.name().to_owned(),
        at: gate.ports.clock.now(),
        decision,
        gateway: gateway.id.clone(),
        client: client.to_string(),
    });
    Ok(show::content(&about.name, held(content, lease)))
}

/// What is known of who asks, for what counts wrong passwords.
fn asked(gate: &MobileGate, given: &Given, device: DeviceId, (gateway, client): (Arc<MobileGateway>, IpAddr)) -> Asked {
    Asked {
        trace: TraceId::new(),
        client,
        user: user_key(&given.user).into(),
        device: Some(device),
        device_type: Box::default(),
        agent: Box::default(),
        command: None,
        version: None,
        harmless: true,
        head_only: false,
        gateway,
        door: Door::Open,
        from_proxy: gate.is_trusted_proxy(client),
        path: None,
    }
}

/// The decision about the device's next request, if its owner may read this file: managed and with a reader when the file was made
/// and now, and allowed to have mail.
fn may_read(gate: &MobileGate, gateway: &MobileGateway, about: &About, id: &DeviceId) -> Option<Decision> {
    let device: Device = gate.ports.devices.device(&about.user, id)?;
    let site = gate.ports.facts.site();
    let now = content::plan::class_of(&site, Some(gateway), device.reported.as_deref()?);
    let made = DeviceClass::from_word(&about.class)?;
    let reads = now == DeviceClass::ManagedReader && made == DeviceClass::ManagedReader;
    let decision = crate::judge::standing(&device, &gateway.id, &site, gate.ports.clock.now());
    (reads && decision.allowed).then_some(decision)
}

async fn decrypted(gate: &Arc<MobileGate>, about: &About, device: &DeviceId, file: Bytes) -> Result<Bytes, Refusal> {
    let key = gate.ports.keys.attachment_key(&about.user, device.as_str(), about.number, Some(about.epoch));
    let (_, key) = key.ok_or(Refusal::NoFile)?;
    let work = move || -> Result<Bytes, CryptoError> { Ok(Bytes::copy_from_slice(decrypt(&SealKey::new(key)?, &file)?.expose())) };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(_)) => Err(Refusal::NoFile),
        Err(_) => Err(Refusal::Later),
    }
}

fn of_fault(fault: &Fault) -> Refusal {
    match fault.code {
        "body-too-big" => Refusal::TooBig,
        _ if fault.guilty == Guilty::Sender => Refusal::Unreadable,
        _ => Refusal::Later,
    }
}
