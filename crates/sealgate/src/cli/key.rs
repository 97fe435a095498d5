//! What `sealgate key` asks of the API.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::BASE64;
use http::Method;
use model::{Fault, Guilty};
use serde_json::{Value, json};

use super::args::{Key, KeyImport, KeyKind, KeyRef};
use super::client::{Answer, Call, Content, Node};
use super::commands::{Shown, get, named, part, post, put, read, text};

/// Runs it.
pub(super) async fn run(node: &Node, key: Key) -> Result<Shown, Fault> {
    let answer = match key {
        Key::Import(import) => take(node, import).await?,
        Key::List { what, owner } => {
            let path = match what {
                KeyKind::Users => "/keys",
                KeyKind::Partners => "/certificates",
                KeyKind::Pgp => "/pgp-keys",
                KeyKind::Roots => "/trust-store",
                KeyKind::Dkim => "/domain-keys",
            };
            let owner = owner.map(|owner| format!("?owner={}", part(&owner))).unwrap_or_default();
            get(node, &format!("{path}{owner}")).await?
        }
        Key::Show(key) => get(node, &at(&key)).await?,
        Key::Remove { key, allow_delete } => remove(node, &key, allow_delete).await?,
        Key::Generate { user, kind, days } => {
            let mut body = json!({ "owner": user, "kind": kind.word() });
            if let Some(days) = days {
                put(&mut body, "days", Value::from(days));
            }
            post(node, "/keys/generate", Some(Content::Json(body))).await?
        }
        Key::Export { id, passphrase_file, to } => return export(node, &id, &passphrase_file, to.as_deref()).await,
        Key::Revoke { id } => retire(node, &id, "revoked").await?,
        Key::Expire { id } => retire(node, &id, "expired").await?,
        Key::Trust { sha256 } => decide(node, &sha256, "trusted").await?,
        Key::Untrust { sha256 } => decide(node, &sha256, "untrusted").await?,
        Key::Uses { id, limit } => {
            let limit = limit.map(|limit| format!("?limit={limit}")).unwrap_or_default();
            get(node, &format!("/keys/{}/uses{limit}", part(&id))).await?
        }
        Key::Master { rotate: false } => get(node, "/master-key").await?,
        Key::Master { rotate: true } => post(node, "/master-key/rotate", None).await?,
        Key::Other(words) => return Ok(named("key", &words, &["publish", "fetch"])),
    };
    Ok(Shown::Value(answer))
}

async fn take(node: &Node, import: KeyImport) -> Result<Answer, Fault> {
    let mut body = json!({ "file": BASE64.encode(&read(&import.file)?) });
    let owned = [(import.user, "/keys/import/user"), (import.partner, "/keys/import/partner"), (import.domain, "/keys/import/domain")];
    let path = match owned.into_iter().find_map(|(owner, path)| Some((owner?, path))) {
        Some((owner, path)) => {
            put(&mut body, "owner", Value::String(owner));
            path
        }
        None if import.root => {
            put(&mut body, "trust", Value::from(if import.trust { "trusted" } else { "undefined" }));
            "/keys/import/root"
        }
        None => {
            let cause = "write --user ADDRESS, --partner ADDRESS, --domain DOMAIN or --root";
            return Err(Fault::permanent(Guilty::Configuration, "key-owner-missing", cause));
        }
    };
    if let Some(file) = import.passphrase_file {
        put(&mut body, "passphrase", Value::String(pass_phrase(&file)?));
    }
    post(node, path, Some(Content::Json(body))).await
}

/// The first line of a file, without its end.
fn pass_phrase(file: &Path) -> Result<String, Fault> {
    Ok(text(file)?.trim_end_matches(['\r', '\n']).to_owned())
}

fn at(key: &KeyRef) -> String {
    match &key.partner {
        Some(partner) if key.pgp => format!("/pgp-keys/{}/{}", part(partner), part(&key.id)),
        Some(partner) => format!("/certificates/{}/{}", part(partner), part(&key.id)),
        None if key.root => format!("/trust-store/{}", part(&key.id)),
        None => format!("/keys/{}", part(&key.id)),
    }
}

async fn remove(node: &Node, key: &KeyRef, allow_delete: bool) -> Result<Answer, Fault> {
    let ours = key.partner.is_none() && !key.root;
    if ours && !allow_delete {
        let cause = format!("mail to key {} can't be opened any more", key.id);
        return Err(Fault::permanent(Guilty::Configuration, "would-delete", cause).with("names", &key.id));
    }
    let path = if key.root { format!("/roots/{}", part(&key.id)) } else { at(key) };
    node.call(Call { method: Method::DELETE, path: &path, ..Call::default() }).await
}

async fn retire(node: &Node, id: &str, why: &str) -> Result<Answer, Fault> {
    change(node, &format!("/keys/{}/retired", part(id)), json!({ "why": why })).await
}

async fn decide(node: &Node, sha256: &str, trust: &str) -> Result<Answer, Fault> {
    // As other programs print it: with colons, in capital letters.
    let sha256 = sha256.replace(':', "").to_ascii_lowercase();
    change(node, &format!("/roots/{}/trust", part(&sha256)), json!({ "trust": trust })).await
}

async fn change(node: &Node, path: &str, body: Value) -> Result<Answer, Fault> {
    node.call(Call { method: Method::PUT, path, body: Some(Content::Json(body)), if_match: None }).await
}

/// The file is for its owner alone, and nothing is written over.
async fn export(node: &Node, id: &str, passphrase_file: &Path, to: Option<&Path>) -> Result<Shown, Fault> {
    let body = json!({ "passphrase": pass_phrase(passphrase_file)? });
    let path = format!("/keys/{}/export", part(id));
    let Some(to) = to else {
        return post(node, &path, Some(Content::Json(body))).await.map(|answer| Shown::Octets(answer, "file"));
    };
    let unwritable = |error: std::io::Error| {
        Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {error}", to.display()))
            .with("path", to.display())
            .with("detail", error)
    };
    // Opened first: who can't keep the file leaves no note of having taken a key.
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(unwritable)?;
    let answer = post(node, &path, Some(Content::Json(body))).await?;
    let octets = answer.body.get("file").and_then(Value::as_str).and_then(|text| BASE64.decode(text.as_bytes()).ok());
    let Some(octets) = octets.filter(|_| answer.status < 400) else {
        drop(file);
        std::fs::remove_file(to).map_err(unwritable)?;
        return Ok(Shown::Value(answer));
    };
    file.write_all(&octets).and_then(|()| file.sync_all()).map_err(unwritable)?;
    Ok(Shown::Value(Answer { status: answer.status, etag: None, body: json!({ "id": id, "file": to.display().to_string() }) }))
}
