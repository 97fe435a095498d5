//! `sealgate device`: what it asks of the API.

use std::path::Path;

use http::Method;
use model::{Fault, Guilty};
use serde_json::{Value, json};

use super::args::{Device, DeviceList, DeviceOrder, Switch};
use super::client::{Answer, Call, Content, Node};
use super::commands::{Shown, get, part, post, read, with_fields};

/// All but files.
///
/// # Errors
/// When the node can't be reached.
pub(super) async fn run(node: &Node, device: Device) -> Result<Answer, Fault> {
    match device {
        Device::List(list) => get(node, &format!("/devices{}", query(&list))).await,
        Device::Show { user, id } => get(node, &at(&user, &id)).await,
        Device::Add { user, id, fields } => report(node, &at(&user, &id), with_fields(json!({}), &fields), None).await,
        Device::Edit { user, id, ruling, fields } => edit(node, &at(&user, &id), ruling, &fields).await,
        Device::Remove { user, id } => node.call(Call { method: Method::DELETE, path: &at(&user, &id), ..Call::default() }).await,
        Device::Compliance { gateway } => {
            let body = gateway.map_or_else(|| json!({ "all": true }), |gateway| json!({ "gateway": gateway }));
            post(node, "/devices/compliance", Some(Content::Json(body))).await
        }
        Device::SyncAgain(order) => ordered(node, "/devices/sync-again", order).await,
        Device::RenewKey(order) => ordered(node, "/devices/renew-key", order).await,
        Device::Diagnostics { user: Some(user), id: Some(id), switch: Some(switch) } => {
            let body = json!({ "devices": [{ "user": user, "id": id }], "on": switch == Switch::On });
            post(node, "/devices/diagnostics", Some(Content::Json(body))).await
        }
        Device::Diagnostics { .. } => get(node, "/devices/diagnostics").await,
        Device::Transactions { user, id, limit } => {
            let limit = limit.map_or_else(String::new, |limit| format!("?limit={limit}"));
            get(node, &format!("{}/transactions{limit}", at(&user, &id))).await
        }
        Device::Import { .. } | Device::Export { .. } => get(node, "/devices").await,
    }
}

/// Sends a file of devices.
///
/// # Errors
/// When the file can't be read or the node can't be reached.
pub(super) async fn import(node: &Node, file: &Path) -> Result<Answer, Fault> {
    post(node, "/devices/import", Some(Content::Bytes(read(file)?))).await
}

/// Writes all devices to a file.
///
/// # Errors
/// When the file can't be written or the node can't be reached.
pub(super) async fn export(node: &Node, file: &Path) -> Result<Shown, Fault> {
    let answer = get(node, "/devices/export").await?;
    let Value::String(text) = &answer.body else { return Ok(Shown::Value(answer)) };
    if answer.status >= 400 || file == Path::new("-") {
        return Ok(Shown::Value(answer));
    }
    std::fs::write(file, text).map_err(|e| {
        Fault::permanent(Guilty::Configuration, "file-unreadable", format!("{}: {e}", file.display()))
            .with("path", file.display())
            .with("detail", e)
    })?;
    // A line for each device and one for their names; a field may hold line ends, but those of ours never do.
    let devices = text.lines().count().saturating_sub(1);
    Ok(Shown::Value(Answer { body: json!({ "file": file.display().to_string(), "devices": devices }), ..answer }))
}

async fn ordered(node: &Node, path: &str, order: DeviceOrder) -> Result<Answer, Fault> {
    let body = match (order.user, order.id) {
        (Some(user), Some(id)) => json!({ "devices": [{ "user": user, "id": id }] }),
        _ => json!({ "all": order.all }),
    };
    post(node, path, Some(Content::Json(body))).await
}

fn at(user: &str, id: &str) -> String {
    format!("/devices/{}/{}", part(user), part(id))
}

fn query(list: &DeviceList) -> String {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let given = [
        ("q", list.search.clone()),
        ("seen", number(list.seen)),
        ("managed", list.managed.map(|managed| managed.to_string())),
        ("status", list.status.clone()),
        ("override", list.ruling.clone()),
        ("reason", list.reason.clone()),
        ("gateway", list.gateway.clone()),
        ("after", list.after.clone()),
        ("limit", number(list.limit)),
    ];
    let pairs: Vec<String> = given.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", part(&value)))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

async fn edit(node: &Node, at: &str, ruling: Option<String>, fields: &[String]) -> Result<Answer, Fault> {
    if let Some(ruling) = ruling {
        let body = Some(Content::Json(json!({ "override": ruling })));
        let ruled = node.call(Call { method: Method::PUT, path: at, body, if_match: None }).await?;
        if fields.is_empty() || ruled.status >= 400 {
            return Ok(ruled);
        }
    }
    let now = get(node, at).await?;
    let known = now.body.get("reported").filter(|reported| reported.is_object()).cloned();
    report(node, at, with_fields(known.unwrap_or_else(|| json!({})), fields), now.etag).await
}

async fn report(node: &Node, at: &str, mut facts: Value, if_match: Option<String>) -> Result<Answer, Fault> {
    if let Some(facts) = facts.as_object_mut() {
        facts.retain(|_, value| !value.is_null());
    }
    let path = format!("{at}/report");
    node.call(Call { method: Method::PUT, path: &path, body: Some(Content::Json(facts)), if_match }).await
}
