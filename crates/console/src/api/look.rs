//! Looking at a message, a phone's query, a decision ([`crate::inspect`]).

use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::site::PolicyKind;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, value};
use crate::api::doc::{Api, Op};
use crate::api::rules::address;
use crate::api::schema::{EncryptedAttachment, MessageBody, MobileBody, MobileDecide, MobileQuery, MobileXml};
use crate::inspect::{self, Phone};
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let look = Access::Read;
    api.route(
        Op::post("/message/verify", "message_verify")
            .needs(Right::MailProcessing, look)
            .says("The verdict on a message; naming recipients uses their keys and needs `usersadmin` too")
            .takes("Message")
            .answers("any"),
        verify,
    )
    .route(
        Op::post("/message/parts", "message_parts")
            .needs(Right::MailProcessing, look)
            .says("The tree of a message's parts")
            .takes("Message")
            .answers("any"),
        parts,
    )
    .route(
        Op::post("/mobile/query", "mobile_query")
            .needs(Right::MobileDashboard, look)
            .says("A phone's query, read")
            .takes("MobileQuery")
            .answers("any"),
        query,
    )
    .route(
        Op::post("/mobile/decode", "mobile_decode")
            .needs(Right::MobileDashboard, look)
            .says("The XML of a WBXML body: `{\"xml\"}`")
            .takes("MobileBody")
            .answers("any"),
        decode,
    )
    .route(
        Op::post("/mobile/encode", "mobile_encode")
            .needs(Right::MobileDashboard, look)
            .says("The WBXML body of such an XML: `{\"body\"}`, base64")
            .takes("MobileXml")
            .answers("any"),
        encode,
    )
    .route(
        Op::post("/mobile/open", "mobile_open")
            .needs(Right::MobileDevices, Access::Write)
            .says("An encrypted attachment, opened: `{\"name\",\"user\",\"device\",\"content\"}`, base64; files of unmanaged devices never are")
            .takes("EncryptedAttachment")
            .answers("any"),
        open,
    )
    .route(
        Op::post("/mobile/decide", "mobile_decide")
            .needs(Right::MobileDashboard, look)
            .says("What would be decided about a request")
            .takes("MobileDecide")
            .answers("MobileDecision"),
        decide,
    )
}

async fn verify(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: MessageBody = content.json()?;
    let to = asked.to.iter().map(|text| address("to", text)).collect::<Result<Vec<_>, _>>()?;
    if !to.is_empty() {
        // It uses private keys, and its answer says what came of it: that is for who may also import and remove keys.
        admin::authorise::need(&caller.actor, Right::Users, Access::Write)?;
        tracing::info!(event = "message.verify", who = %caller.actor.name, to = ?asked.to, "keys of these recipients may be used");
    }
    value(&inspect::verify(&state, message(&asked)?, &to).await?)
}

async fn parts(content: Content) -> Result<Response, Failed> {
    value(&inspect::parts(message(&content.json()?)?).await?)
}

async fn query(content: Content) -> Result<Response, Failed> {
    value(&inspect::query(&content.json::<MobileQuery>()?.query)?)
}

async fn decode(content: Content) -> Result<Response, Failed> {
    let asked: MobileBody = content.json()?;
    let body = STANDARD.decode(&asked.body).map_err(|_| bad_field("body", "expected the body as base64"))?;
    value(&json!({ "xml": inspect::decode(body.into()).await? }))
}

async fn encode(content: Content) -> Result<Response, Failed> {
    let asked: MobileXml = content.json()?;
    value(&json!({ "body": STANDARD.encode(inspect::encode(asked.xml).await?) }))
}

async fn open(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: EncryptedAttachment = content.json()?;
    let file = STANDARD.decode(&asked.file).map_err(|_| bad_field("file", "expected the file as base64"))?;
    let opened = state.admin().open_attachment(&caller.actor, file.into()).await?;
    let about = opened.about;
    value(&json!({ "name": about.name, "user": about.user, "device": about.device, "content": STANDARD.encode(&opened.content) }))
}

async fn decide(State(state): State<ConsoleState>, content: Content) -> Result<Response, Failed> {
    let asked: MobileDecide = content.json()?;
    let phone =
        Phone { user: asked.user, device: asked.device, device_type: asked.device_type, agent: asked.agent, command: asked.command };
    let decision = inspect::decide(&state, &phone)?;
    let word = if decision.allowed { "allow" } else { "block" };
    let reason = decision.reason.code();
    // In test mode a blocking reason is told and nothing is blocked (contract.md: `test_mode:CODE`).
    let told = if decision.allowed && decision.reason.blocks() { format!("test_mode:{reason}") } else { reason.to_owned() };
    value(&json!({ "decision": word, "reason": told, "policy": decision.reason.policy().map(PolicyKind::word) }))
}

fn message(asked: &MessageBody) -> Result<Bytes, Failed> {
    let decoded = STANDARD.decode(&asked.message).map_err(|_| bad_field("message", "expected the message as base64"))?;
    Ok(Bytes::from(decoded))
}
