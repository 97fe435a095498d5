//! What the demonstration shows, step by step; each step prints what came out and checks it.

use std::time::Duration;

use bytes::Bytes;
use crypto::pki::SoftKey;
use crypto::smime::{self, ContentCipher, SigningIdentity};
use message::Message;
use message::shape::{self, Shape};
use model::{
    Address, Budget, Clock, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, Outcome, SecretBytes, SystemClock, TraceId,
};
use serde_json::json;

use super::scene::{PATIENCE, Scene};
use crate::cli::client::{Call, Content, Node as Api};
use crate::node::Node;

type Step = Result<String, String>;
/// A step that has not run yet, with its name.
type Planned<'a> = (&'static str, std::pin::Pin<Box<dyn Future<Output = Step> + 'a>>);

/// Plays all steps in order; the first that fails is returned with its cause.
pub async fn play(scene: &mut Scene, node: &Node) -> Option<(&'static str, String)> {
    let api = Api::Running(crate::place::socket(&node.core().data()));
    let steps: [Planned<'_>; 6] = [
        ("the company is set up", Box::pin(set_up(scene, &api))),
        ("Alice writes to Bob: signed and encrypted on the way out", Box::pin(outgoing(scene, node))),
        ("Bob answers: opened and verified on the way in", Box::pin(incoming(scene, node))),
        ("Alice demands encryption for Carol, who has no key: nothing leaves, Alice is told", Box::pin(bounced(scene, node))),
        ("a phone comes through the mobile gate", Box::pin(phone_allowed(node))),
        ("the phone is blocked", Box::pin(phone_blocked(node, &api))),
    ];
    for (number, (name, step)) in steps.into_iter().enumerate() {
        println!("\n{}. {name}", number + 1);
        match step.await {
            Ok(shown) => shown.lines().for_each(|line| println!("     {line}")),
            Err(cause) => return Some((name, cause)),
        }
    }
    None
}

async fn call(api: &Api, call: Call<'_>) -> Result<serde_json::Value, String> {
    let path = call.path.to_owned();
    let answer = api.call(call).await.map_err(|fault| fault.cause.into_owned())?;
    if answer.status < 300 { Ok(answer.body) } else { Err(format!("{path}: {} {}", answer.status, answer.body)) }
}

async fn set_up(scene: &Scene, api: &Api) -> Step {
    let site = Content::Bytes(scene.site().into_bytes());
    call(api, Call { method: http::Method::POST, path: "/config/apply", body: Some(site), if_match: None }).await?;
    let pair = format!("{}{}{}", scene.alice.certificate.pem(), scene.ca.pem(), pem_key(&scene.alice.private_pkcs8));
    for (path, owner, content) in [
        ("/keys/import/user", "alice@company.example", pair),
        ("/keys/import/partner", "bob@partner.example", scene.bob.certificate.pem()),
        ("/keys/import/root", "", scene.ca.pem()),
    ] {
        let trust = owner.is_empty().then_some("trusted");
        let body = json!({ "owner": owner, "trust": trust, "file": data_encoding::BASE64.encode(content.as_bytes()) });
        call(api, Call { method: http::Method::POST, path, body: Some(Content::Json(body)), if_match: None }).await?;
    }
    Ok("managed domain company.example, Alice's key in the vault, Bob's certificate, the demo CA trusted".to_owned())
}

fn pem_key(pkcs8: &SecretBytes) -> String {
    let text = data_encoding::BASE64.encode(pkcs8.expose());
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

async fn outgoing(scene: &Scene, node: &Node) -> Step {
    send(
        node,
        "alice@company.example",
        "bob@partner.example",
        &text("alice@company.example", "bob@partner.example", "Offer [secure]", "The price is 42."),
    )
    .await?;
    let mail = scene.partner.next_mail().ok_or("the partner's server got nothing")?;
    let message = parse(&mail.content)?;
    let Shape::Cms { der, .. } = shape::of(&message) else { return Err("it left unencrypted".to_owned()) };
    if message.decoded("subject").as_deref() != Some("Offer") {
        return Err("the tag [secure] is still in the subject".to_owned());
    }
    let bob = Own(SoftKey::from_pkcs8(&scene.bob.private_pkcs8).map_err(|e| e.to_string())?);
    let opened = smime::open(&der, std::slice::from_ref(&scene.bob.certificate), &bob, TraceId::new(), &Budget::default())
        .map_err(|e| format!("Bob can't open it: {e}"))?;
    let inner = String::from_utf8_lossy(&opened.entity).into_owned();
    if !inner.contains("The price is 42.") || !inner.contains("multipart/signed") {
        return Err("what Bob opened is not what Alice wrote, signed".to_owned());
    }
    Ok(format!(
        "at the partner's: {} octets of {}, opened with Bob's key: signed, \"The price is 42.\"",
        mail.content.len(),
        opened.cipher_word
    ))
}

async fn incoming(scene: &Scene, node: &Node) -> Step {
    let bob = Own(SoftKey::from_pkcs8(&scene.bob.private_pkcs8).map_err(|e| e.to_string())?);
    let signer = SigningIdentity { key: scene.bob.certificate.key_id().clone(), chain: vec![scene.bob.certificate.clone()] };
    let entity = b"Content-Type: text/plain\r\n\r\nAgreed.\r\n";
    let signed = smime::sign(entity, &signer, &bob, TraceId::new(), SystemClock.now()).map_err(|e| e.to_string())?;
    let closed =
        smime::encrypt(&signed, std::slice::from_ref(&scene.alice.certificate), ContentCipher::Aes256Gcm).map_err(|e| e.to_string())?;
    let mut mail = b"From: <bob@partner.example>\r\nTo: <alice@company.example>\r\nSubject: Re: Offer\r\nMIME-Version: 1.0\r\n".to_vec();
    mail.extend_from_slice(&closed);
    send(node, "bob@partner.example", "alice@company.example", &mail).await?;
    let mail = scene.company.next_mail().ok_or("the company's server got nothing")?;
    let message = parse(&mail.content)?;
    let word = |name: &str| message.decoded(name).unwrap_or_default();
    let (signature, encryption) = (word("x-sealgate-signature"), word("x-sealgate-encryption"));
    if (signature.as_str(), encryption.as_str()) != ("valid", "smime") || !String::from_utf8_lossy(&mail.content).contains("Agreed.") {
        return Err(format!("signature {signature}, encryption {encryption}, expected valid and smime"));
    }
    Ok(format!("at the company's: \"{}\", signature {signature}, encryption {encryption}", word("subject")))
}

async fn bounced(scene: &Scene, node: &Node) -> Step {
    send(
        node,
        "alice@company.example",
        "carol@partner.example",
        &text("alice@company.example", "carol@partner.example", "Plan [secure]", "Not for everybody."),
    )
    .await?;
    let mail = scene.company.next_mail().ok_or("Alice was not told")?;
    let message = parse(&mail.content)?;
    let told = String::from_utf8_lossy(&mail.content).contains("carol@partner.example") && mail.to == ["alice@company.example"];
    if !told || !scene.partner.is_quiet() {
        return Err("Alice was not told, or something left for Carol".to_owned());
    }
    Ok(format!("Alice got: \"{}\"; the partner's server got nothing", message.decoded("subject").unwrap_or_default()))
}

async fn phone_allowed(node: &Node) -> Step {
    let options = phone(node, http::Method::OPTIONS, "").await?;
    let versions = options.headers().get("ms-asprotocolversions").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let sync = phone(node, http::Method::POST, "?Cmd=FolderSync&User=alice&DeviceId=DEMOPHONE1&DeviceType=Demo").await?;
    if versions.is_empty() || sync.status() != 200 || sync.body().len() < 10 {
        return Err(format!("OPTIONS {}, FolderSync {}", options.status(), sync.status()));
    }
    Ok(format!("OPTIONS: versions {versions}; FolderSync: {} with {} octets", sync.status().as_u16(), sync.body().len()))
}

async fn phone_blocked(node: &Node, api: &Api) -> Step {
    let path = "/devices/alice/demophone1";
    let mut known = call(api, Call { path, ..Call::default() }).await;
    let end = tokio::time::Instant::now() + PATIENCE;
    while known.is_err() && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
        known = call(api, Call { path, ..Call::default() }).await;
    }
    known.map_err(|e| format!("the device was not recorded: {e}"))?;
    let ruling = Some(Content::Json(json!({ "override": "blacklist" })));
    call(api, Call { method: http::Method::PUT, path, body: ruling, if_match: None }).await?;
    let answer = phone(node, http::Method::POST, "?Cmd=FolderSync&User=alice&DeviceId=DEMOPHONE1&DeviceType=Demo").await?;
    let blocked = answer.body().windows(3).any(|w| w == b"129");
    let ruling = Some(Content::Json(json!({ "override": "default" })));
    call(api, Call { method: http::Method::PUT, path, body: ruling, if_match: None }).await?;
    if answer.status() != 200 || !blocked {
        return Err(format!("expected Status 129, got HTTP {} with {:02x?}", answer.status(), answer.body()));
    }
    Ok("FolderSync is answered with Status 129; then the device is allowed again".to_owned())
}

fn text(from: &str, to: &str, subject: &str, body: &str) -> Vec<u8> {
    let now = SystemClock.now();
    format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: {}\r\nMessage-ID: <{}@demo.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{body}\r\n", now.rfc5322(), TraceId::new()).into_bytes()
}

fn parse(content: &[u8]) -> Result<Message, String> {
    Message::parse(Bytes::copy_from_slice(content), &Budget::default()).map_err(|e| e.to_string())
}

/// Hands a mail to the gateway by SMTP.
async fn send(node: &Node, from: &str, to: &str, content: &[u8]) -> Result<(), String> {
    use smtp::outbound::{Connection, Content, Endpoint, OpenSettings, Transaction};
    let address = *node.listeners().get("smtp").and_then(|all| all.first()).ok_or("no SMTP listener")?;
    let endpoint = Endpoint { host: "localhost".to_owned(), address };
    let mut connection = Connection::connect(&endpoint, &OpenSettings::new("client.demo.example")).await.map_err(|e| e.to_string())?;
    let (from, to) = (Address::parse(from).map_err(|e| e.to_string())?, Address::parse(to).map_err(|e| e.to_string())?);
    let content = Content::new(Bytes::copy_from_slice(content)).map_err(|e| format!("{e:?}"))?;
    let to = [model::Recipient::plain(to)];
    let outcomes = connection.deliver(&Transaction::plain(Some(&from), &to, &content)).await;
    connection.quit().await;
    match outcomes.first() {
        Some(Outcome::Done { .. }) => Ok(()),
        other => Err(format!("the gateway did not take it: {other:?}")),
    }
}

/// One request of a phone, over TLS.
async fn phone(node: &Node, method: http::Method, query: &str) -> Result<http::Response<Bytes>, String> {
    let address = *node.listeners().get("mobile").and_then(|all| all.first()).ok_or("no mobile listener")?;
    super::super::https::request(
        address,
        method,
        &format!("/Microsoft-Server-ActiveSync{query}"),
        &[
            ("authorization", "Basic YWxpY2U6ZGVtbw=="),
            ("ms-asprotocolversion", "14.1"),
            ("user-agent", "Demo phone"),
            ("content-type", "application/vnd.ms-sync.wbxml"),
        ],
    )
    .await
    .map_err(|e| e.to_string())
}

/// Bob's key, in Bob's hands.
struct Own(SoftKey);

impl KeyUse for Own {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        Some(KeyKind::Rsa(2048))
    }

    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.0.perform(request)
    }
}
