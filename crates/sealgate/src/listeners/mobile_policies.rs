//! Policies by type and key, and each type as CSV (mobile-gateway.md G-16), for the local administration of the mobile gate.
//!
//! Shows what this node judges by, from its memory; only the list of all devices comes from the store, a page at a time. Keys of attachments
//! are told by number and age, never by their octets.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use content::DeviceClass;
use futures_util::stream;
use mobile::RedirectKey;
use model::device::{Device, DeviceId, Orders, user_key};
use model::ports::DeviceFacts;
use model::site::content::LinkMode;
use model::site::{PolicyKind, PolicyRule};
use model::{Actor, Facts, Fault, Site, Timestamp};
use serde_json::{Value, json};
use store::devices::Filter;

use super::mobile_admin::Local;

/// Devices of one id that are shown: several users may have one each.
const SAME_ID: u32 = 100;

/// The policies that a type of the contract stands for; `None` for a type that is no list of policies.
fn kind_of(kind: &str) -> Option<PolicyKind> {
    Some(match kind {
        "account" => PolicyKind::User,
        "easdevicetype" => PolicyKind::EasDeviceType,
        "mailclient" => PolicyKind::MailClient,
        "hyperlink" => PolicyKind::Hyperlinks,
        "managedattachment" | "unmanagedattachment" | "unmanagedattachement" => PolicyKind::Attachments,
        _ => return None,
    })
}

/// The classes of devices that a type on attachments is about, by their words.
fn classes_of(kind: &str) -> &'static [DeviceClass] {
    match kind {
        "managedattachment" => &[DeviceClass::ManagedReader, DeviceClass::Managed],
        _ => &[DeviceClass::Unmanaged],
    }
}

pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": { "code": "not-found", "message": "nothing of this type and key is known here" } })))
        .into_response()
}

fn away(fault: &Fault) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": { "code": fault.code, "message": fault.code } }))).into_response()
}

/// `GET /policy/{kind}`: types that need no key.
pub(super) async fn all(State(local): State<Local>, Path(kind): Path<String>) -> Response {
    let site = local.live.site();
    let found = match kind.as_str() {
        "segconfig" => Value::Array(site.gateways.values().filter_map(|gateway| serde_json::to_value(&**gateway).ok()).collect()),
        "generalaccess" => Value::Array(site.gateways.keys().filter_map(|id| general(&site, id)).collect()),
        "hyperlink" => {
            Value::Array(rules(&site, PolicyKind::Hyperlinks).filter_map(|rule| serde_json::to_value(&rule.policy).ok()).collect())
        }
        _ => return not_found(),
    };
    Json(found).into_response()
}

/// `GET /policy/{kind}/{key}`.
pub(super) async fn one(State(local): State<Local>, Path((kind, key)): Path<(String, String)>) -> Response {
    let site = local.live.site();
    let found = match kind.as_str() {
        "segconfig" => site.gateways.get(&key).and_then(|gateway| serde_json::to_value(&**gateway).ok()),
        "generalaccess" => general(&site, &key),
        "device" | "encryptionkeydatapayload" => match devices(&local, &key).await {
            Ok(devices) => shown_devices(&local, &kind, &devices).await,
            Err(fault) => return away(&fault),
        },
        "451redirectmapping" => redirect(&key).and_then(|key| {
            local
                .gate
                .redirects()
                .into_iter()
                .find(|(known, _)| *known == key)
                .map(|(_, url)| json!({ "key": written(&key), "url": &*url }))
        }),
        other => kind_of(other).and_then(|policies| {
            let rules: Vec<Value> = rules(&site, policies).map(|rule| listed(rule, other, &key)).collect();
            (!rules.is_empty()).then(|| json!({ "type": other, "key": key, "policies": rules }))
        }),
    };
    found.map_or_else(not_found, |found| Json(found).into_response())
}

fn general(site: &Site, id: &str) -> Option<Value> {
    let gateway = site.gateways.get(id)?;
    let on: Vec<&str> = site.policies.values().filter(|rule| rule.policy.enabled).map(|rule| rule.kind.word()).collect();
    Some(
        json!({ "gateway": gateway.id, "test_mode": site.mobile.test_mode, "allow_without_policies": gateway.allow_without_policies, "policies": on }),
    )
}

fn rules(site: &Site, kind: PolicyKind) -> impl Iterator<Item = &PolicyRule> {
    site.policies.values().filter(move |rule| rule.kind == kind).map(AsRef::as_ref)
}

/// By `user/id`, or by the id alone: then all users' devices of that id.
async fn devices(local: &Local, key: &str) -> Result<Vec<Device>, Fault> {
    let named = key.rsplit_once('/').map_or((None, key), |(user, id)| (Some(user), id));
    let (user, Some(id)) = (named.0, DeviceId::parse(named.1)) else { return Ok(Vec::new()) };
    if let Some(user) = user {
        return Ok(local.live.device(&user_key(user), &id).into_iter().collect());
    }
    let filter = Filter { search: id.as_str().to_owned(), ..Filter::default() };
    let found = local.admin.devices(&Actor::local(), &filter, "", SAME_ID).await?;
    Ok(found.rows.into_iter().map(|row| row.device).filter(|device| device.id == id).collect())
}

async fn shown_devices(local: &Local, kind: &str, devices: &[Device]) -> Option<Value> {
    if kind == "device" {
        let list: Vec<Value> = devices.iter().filter_map(|device| serde_json::to_value(device).ok()).collect();
        return match &list[..] {
            [] => None,
            [only] => Some(only.clone()),
            _ => Some(json!({ "devices": list })),
        };
    }
    let made = local.admin.data_key_made().await.ok().flatten();
    let now = local.clock.now();
    let one = |device: &Device| {
        let since = key_since(device.orders, made);
        let age = since.map(|since| now.since(since).as_secs());
        json!({ "user": device.user, "id": device.id, "epoch": made.map(|(epoch, _)| epoch), "number": device.orders.key, "state": "current",
            "since": since.map(Timestamp::rfc3339), "age_seconds": age })
    };
    (!devices.is_empty()).then(|| json!({ "keys": devices.iter().map(one).collect::<Vec<_>>() }))
}

/// Since when a device's key is what it is: the later of its own renewal and the site's data key.
fn key_since(orders: Orders, made: Option<(i64, Timestamp)>) -> Option<Timestamp> {
    let own = (orders.key > 0).then(|| Timestamp::from_seconds(orders.key));
    made.map(|(_, at)| at).into_iter().chain(own).max()
}

/// What a policy says of this key: a name, the host of a link, the name of a file.
fn listed(rule: &PolicyRule, kind: &str, key: &str) -> Value {
    let policy = &rule.policy;
    let said = match rule.kind {
        PolicyKind::Hyperlinks => {
            let named = rule.names_domain(&model::address::normal_domain(key.trim_matches('.')).unwrap_or_else(|| key.to_lowercase()));
            let rewritten = match policy.mode {
                LinkMode::All => true,
                LinkMode::Include => named,
                LinkMode::Exclude => !named,
            };
            json!({ "mode": policy.mode, "listed": named, "rewritten": rewritten })
        }
        PolicyKind::Attachments => {
            let by_class = |class: &DeviceClass| (class.word().to_owned(), json!(content::plan::action_for(rule, *class, key)));
            json!({ "actions": classes_of(kind).iter().map(by_class).collect::<serde_json::Map<_, _>>() })
        }
        // Users are compared as requests are.
        PolicyKind::User => json!({ "action": policy.action, "listed": rule.names(&user_key(key)) }),
        _ => json!({ "action": policy.action, "listed": rule.names(key) }),
    };
    let mut all = json!({ "key": policy.key(), "enabled": policy.enabled });
    if let (Some(all), Value::Object(said)) = (all.as_object_mut(), said) {
        all.extend(said);
    }
    all
}

/// `gateway/user[/device]`
pub(super) fn redirect(key: &str) -> Option<RedirectKey> {
    let mut parts = key.splitn(3, '/');
    let (gateway, user) = (parts.next()?.to_owned(), user_key(parts.next()?));
    let device = match parts.next() {
        Some(id) => Some(DeviceId::parse(id)?),
        None => None,
    };
    Some(RedirectKey { gateway, user, device })
}

fn written(key: &RedirectKey) -> String {
    let device = key.device.as_ref().map_or(String::new(), |device| format!("/{}", device.as_str()));
    format!("{}/{}{device}", key.gateway, key.user)
}

/// `GET /download/{kind}`.
pub(super) async fn download(State(local): State<Local>, Path(kind): Path<String>) -> Response {
    let site = local.live.site();
    match kind.as_str() {
        "device" => return all_devices(&local).await,
        "encryptionkeydatapayload" => return all_keys(&local).await,
        _ => {}
    }
    let Some((head, rows)) = table(&local, &site, &kind) else { return not_found() };
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let text: String = std::iter::once(head).chain(rows).map(|row| line(&row)).collect();
    as_file(&kind, Body::from(text))
}

fn as_file(kind: &str, body: Body) -> Response {
    let name = format!("attachment; filename=\"{kind}.csv\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], body).into_response()
}

type Rows = Vec<Vec<String>>;

/// Names of the columns, and the rows, of what fits in memory.
fn table(local: &Local, site: &Site, kind: &str) -> Option<(&'static [&'static str], Rows)> {
    Some(match kind {
        "segconfig" | "generalaccess" => {
            let row = |gateway: &model::site::MobileGateway| {
                let (open, test) = (gateway.allow_without_policies.to_string(), site.mobile.test_mode.to_string());
                let (id, on, kind) = (gateway.id.clone(), gateway.enabled.to_string(), gateway.kind.clone());
                vec![id, on, kind, gateway.mail_server.clone(), gateway.external_url.clone(), open, test]
            };
            let head = &["id", "enabled", "kind", "mail_server", "external_url", "allow_without_policies", "test_mode"];
            (head, site.gateways.values().map(|gateway| row(gateway)).collect())
        }
        "451redirectmapping" => {
            (&["key", "url"], local.gate.redirects().into_iter().map(|(key, url)| vec![written(&key), url.to_string()]).collect())
        }
        _ => match kind_of(kind)? {
            PolicyKind::Hyperlinks => {
                (&["policy", "enabled", "mode", "domain"], rules(site, PolicyKind::Hyperlinks).flat_map(links).collect())
            }
            PolicyKind::Attachments => {
                let head = &["policy", "enabled", "class", "types", "action", "text"];
                (head, rules(site, PolicyKind::Attachments).flat_map(|rule| attachments(rule, classes_of(kind))).collect())
            }
            other => (&["policy", "enabled", "action", "entry"], rules(site, other).flat_map(names).collect()),
        },
    })
}

fn names(rule: &PolicyRule) -> Rows {
    let policy = &rule.policy;
    policy.list.iter().map(|entry| vec![policy.key(), policy.enabled.to_string(), text(&policy.action), text(entry)]).collect()
}

/// One row a domain; a policy for all links has one without.
fn links(rule: &PolicyRule) -> Rows {
    let policy = &rule.policy;
    let row = |domain: &str| vec![policy.key(), policy.enabled.to_string(), text(&policy.mode), domain.to_owned()];
    if policy.domains.is_empty() { vec![row("")] } else { policy.domains.iter().map(|domain| row(domain)).collect() }
}

fn attachments(rule: &PolicyRule, classes: &[DeviceClass]) -> Rows {
    let policy = &rule.policy;
    let rows = |class: &DeviceClass| {
        let class = *class;
        content::plan::rows_of(rule, class).iter().map(move |row| {
            let types = row.types.entries().collect::<Vec<_>>().join(" ");
            vec![policy.key(), policy.enabled.to_string(), class.word().to_owned(), types, text(&row.action), row.text.clone()]
        })
    };
    classes.iter().flat_map(rows).collect()
}

/// All devices, a page of the store at a time.
async fn all_devices(local: &Local) -> Response {
    let page = |admin: admin::Admin, after: String| async move { admin.device_export(&Actor::local(), &Filter::default(), &after).await };
    let (first, next) = match page(local.admin.clone(), String::new()).await {
        Ok(first) => first,
        Err(fault) => return away(&fault),
    };
    let rest = stream::try_unfold((local.admin.clone(), Some(first), next), move |(admin, ready, next)| async move {
        if let Some(ready) = ready {
            return Ok(Some((ready, (admin, None, next))));
        }
        let Some(after) = next else { return Ok(None) };
        let (text, next) = page(admin.clone(), after).await.map_err(|fault| std::io::Error::other(fault.to_string()))?;
        Ok::<_, std::io::Error>(Some((text, (admin, None, next))))
    });
    as_file("device", Body::from_stream(rest))
}

/// The keys of all managed devices: which, and since when.
async fn all_keys(local: &Local) -> Response {
    let made = match local.admin.data_key_made().await {
        Ok(made) => made,
        Err(fault) => return away(&fault),
    };
    let live = local.live.clone();
    let collect = move || {
        let mut out = line(&["user", "id", "epoch", "number", "since"].map(str::to_owned));
        live.each_device(|device| {
            if device.reported.as_ref().is_some_and(|reported| reported.managed) {
                let since = key_since(device.orders, made).map(Timestamp::rfc3339).unwrap_or_default();
                let epoch = made.map(|(epoch, _)| epoch.to_string()).unwrap_or_default();
                out.push_str(&line(&[device.user.clone(), device.id.as_str().to_owned(), epoch, device.orders.key.to_string(), since]));
            }
        });
        out
    };
    match tokio::task::spawn_blocking(collect).await {
        Ok(text) => as_file("encryptionkeydatapayload", Body::from(text)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A value as text: a name as it is, anything else as JSON.
fn text(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn line(cells: &[String]) -> String {
    cells.iter().map(|cell| csv(cell)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// One cell (RFC 4180 §2); one that a spreadsheet would take for a formula is led by an apostrophe.
fn csv(cell: &str) -> String {
    let safe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() };
    if safe.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_33_cells_are_quoted_and_no_formulas() {
        assert_eq!((csv("a"), csv("a,\"b\""), csv("=1+1")), ("a".to_owned(), "\"a,\"\"b\"\"\"".to_owned(), "'=1+1".to_owned()));
    }

    #[test]
    fn g_5_g_33_a_redirect_is_named_by_gateway_user_and_device() {
        let key = redirect("one/EX\\Carol/PHONE1").unwrap();
        assert_eq!(written(&key), "one/carol/phone1");
        assert_eq!(written(&redirect("one/carol").unwrap()), "one/carol");
        assert!(redirect("one").is_none() && redirect("one/carol/..%2f").is_none());
    }

    fn rule(toml: &str) -> PolicyRule {
        PolicyRule::new(toml::from_str(toml).unwrap()).unwrap()
    }

    #[test]
    fn g_16_links_and_attachments_are_looked_up_by_host_and_file_name() {
        let links_of = rule("type = 'hyperlinks'\nmode = 'exclude'\ndomains = ['intra.example']\nschemes = [{ http = 'edge' }]");
        let said = listed(&links_of, "hyperlink", "www.Intra.example");
        assert_eq!((&said["listed"], &said["rewritten"], &said["mode"]), (&json!(true), &json!(false), &json!("exclude")), "{said}");
        assert_eq!(listed(&links_of, "hyperlink", "other.example")["rewritten"], true);
        assert_eq!(links(&links_of), [["hyperlinks", "false", "exclude", "intra.example"]]);
        let files = rule(
            "type = 'attachments'\nclasses = { managed = [{ types = ['PDF'], action = 'encrypt' }], unmanaged = [{ types = '*', action = 'block', text = 'No.' }] }",
        );
        assert_eq!(listed(&files, "managedattachment", "a.pdf")["actions"], json!({ "managed_reader": "allow", "managed": "encrypt" }));
        assert_eq!(listed(&files, "unmanagedattachment", "a.pdf")["actions"], json!({ "unmanaged": "block" }));
        assert_eq!(attachments(&files, classes_of("unmanagedattachement")), [["attachments", "false", "unmanaged", "*", "block", "No."]]);
    }

    #[test]
    fn g_25_a_key_is_as_old_as_its_latest_renewal() {
        let made = Some((2, Timestamp::from_seconds(50)));
        let since = |key: i64| key_since(Orders { resync: 0, key }, made).map(Timestamp::seconds);
        assert_eq!((since(0), since(20), since(70)), (Some(50), Some(50), Some(70)));
        assert_eq!(key_since(Orders::default(), None), None);
    }
}
