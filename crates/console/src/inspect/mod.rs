//! Looking at one thing without changing anything: a message's verdict, its parts, a phone's query, a decision.
//!
//! What `/api/v1/message/*` and `/api/v1/mobile/*`, and by them the command line, answer (contract.md "Outputs that
//! scripts read"). The verdict is `keyring`'s, the decision `mobile`'s, the query `activesync`'s: the same code that
//! judges live mail and live phones, with nothing recorded.

pub mod parts;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use message::Message;
use mobile::Subject;
use model::device::{Decision, Device, DeviceId, user_key};
use model::{Address, Budget, Fault, Guilty, Judgement, TraceId};

use crate::state::ConsoleState;

/// The verdict on a message with this site's roots, and with the keys of `to` if it is encrypted: a key opens only mail that
/// is judged for its owner (security.md X-4).
///
/// # Errors
/// When the bytes are no message within the limits.
pub async fn verify(state: &ConsoleState, bytes: Bytes, to: &[Address]) -> Result<Judgement, Fault> {
    let (site, keys, now) = (state.facts().site(), Arc::clone(state.keys()), state.kit().now());
    let recipients: Vec<_> = to.iter().map(Address::key).collect();
    on_thread(move || {
        let budget = Budget::default();
        let message = Message::parse(bytes, &budget).map_err(Fault::from)?;
        let case = keyring::judge::Case { site: &site, keys: keys.as_ref(), trace: TraceId::new(), recipients: &recipients, now };
        Ok(keyring::judge::judge(&message, &case, &budget))
    })
    .await
}

/// Longest time that looking into files may take.
const LOOK: Duration = Duration::from_secs(10);

/// The tree of a message's parts, with what their files are and hold.
///
/// # Errors
/// When the bytes are no message within the limits.
pub async fn parts(bytes: Bytes) -> Result<parts::Shown, Fault> {
    on_thread(move || {
        let budget = Budget::default();
        let message = Message::parse(bytes, &budget).map_err(Fault::from)?;
        Ok(parts::show(&message, &Budget::new(files::limits(LOOK))))
    })
    .await
}

/// The query of a phone's request, as it stands after the `?`.
///
/// # Errors
/// `bad-field` with what is wrong.
pub fn query(text: &str) -> Result<activesync::query::Query, Fault> {
    let text = text.rsplit_once('?').map_or(text, |(_, query)| query);
    activesync::query::parse(text).map_err(|error| crate::api::answer::bad_field("query", &error.to_string()))
}

/// A body of ActiveSync as XML.
///
/// # Errors
/// `wbxml-unreadable`.
pub async fn decode(body: Bytes) -> Result<String, Fault> {
    on_thread(move || activesync::xml::decode(body, &Budget::new(activesync::wbxml::LIMITS)).map_err(unreadable)).await
}

/// The body of such an XML.
///
/// # Errors
/// `wbxml-unreadable`.
pub async fn encode(xml: String) -> Result<Vec<u8>, Fault> {
    on_thread(move || activesync::xml::encode(&xml, &Budget::new(activesync::wbxml::LIMITS)).map_err(unreadable)).await
}

fn unreadable(error: activesync::xml::XmlError) -> Fault {
    let detail = error.to_string();
    Fault::permanent(Guilty::Sender, "wbxml-unreadable", detail.clone()).with("detail", detail)
}

/// What would be decided about a request.
#[derive(Debug, Clone, Default)]
pub struct Phone {
    /// The user, in any spelling.
    pub user: String,
    /// The device id.
    pub device: String,
    /// `DeviceType=`; empty: as the device said it last.
    pub device_type: String,
    /// User-Agent; empty: as the device said it last.
    pub agent: String,
    /// The command's name; `Sync` if empty.
    pub command: String,
}

/// Decides as the mobile gate would at this moment; nothing is recorded.
///
/// # Errors
/// `bad-field`.
pub fn decide(state: &ConsoleState, phone: &Phone) -> Result<Decision, Fault> {
    let bad = crate::api::answer::bad_field;
    let device = match phone.device.as_str() {
        "" => None,
        text => Some(DeviceId::parse(text).ok_or_else(|| bad("device", "expected the device's id: letters, digits, - _ { }"))?),
    };
    let command = match phone.command.as_str() {
        "" => "Sync",
        name => name,
    };
    let command =
        activesync::Command::from_name(command).ok_or_else(|| bad("command", "expected a command of the protocol, as in Sync"))?;
    let user = user_key(&phone.user);
    // What is not said is as the device's latest request said it.
    let known = device.as_ref().and_then(|id| state.devices().device(&user, id));
    let said = |text: &str, seen: fn(&Device) -> &String| match (text, &known) {
        ("", Some(device)) => seen(device).clone(),
        (text, _) => text.to_owned(),
    };
    let (device_type, agent) = (said(&phone.device_type, |device| &device.device_type), said(&phone.agent, |device| &device.agent));
    let site = state.facts().site();
    let gateway = mobile::only_gateway(&site).map(|gateway| gateway.id.as_str());
    let subject = Subject {
        user: &user,
        device: device.as_ref(),
        device_type: &device_type,
        agent: &agent,
        command: Some(command),
        version: None,
        gateway,
        place: mobile::SubjectPlace::ActiveSync,
    };
    Ok(mobile::decide(&subject, &site, state.devices(), state.kit().now()))
}

/// Parsing and judging take processor time: not on a thread that serves sockets.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::temporary(Guilty::Ourselves, "internal", error.to_string())))
}
