//! `/api/v1`: the same numbers and acts as the pages, conditions, cursors, problems, and its description.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::house::{Answer, House, call, house};

struct Script<'a> {
    house: &'a House,
    token: String,
}

impl Script<'_> {
    async fn call(&self, method: Method, path: &str, headers: &[(header::HeaderName, &str)], body: Value) -> Answer {
        let router = console::router(self.house.state.clone());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(&router, method, path, &self.token, headers, &body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], Value::Null).await
    }
}

async fn script<'a>(house: &'a House, scopes: &[&str]) -> Script<'a> {
    Script { house, token: house.token(scopes).await }
}

/// What comes from outside is read into types that know their fields, after the caller was known; a token is compared by
/// its hash and never taken apart.
#[tokio::test]
async fn cve_2026_44126_bodies_have_types_and_tokens_are_opaque() {
    let house = house().await;
    let script = script(&house, &["mailsystemadmin"]).await;
    let router = console::router(house.state.clone());
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        r#"{"name":"a.example","forward":"[127.0.0.1]:25","__proto__":{"admin":true}}"#,
        r#"{"name":"a.example","forward":"[127.0.0.1]:25","type":"java.lang.Runtime"}"#,
        r#"{"name":{"$type":"x"},"forward":"[127.0.0.1]:25"}"#,
        r#"{"name":"a.example","name":"b.example","forward":"[127.0.0.1]:25"}"#,
        r#"["a.example","[127.0.0.1]:25"]"#,
        r#"O:8:"stdClass":0:{}"#,
        deep.as_str(),
    ];
    for body in bodies {
        let shown = &body[..body.len().min(80)];
        let stranger = call(&router, Method::PUT, "/domains/a.example", "sealgate_wrong", &[], body).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "before it is read: {shown}");
        let answer = call(&router, Method::PUT, "/domains/a.example", &script.token, &[], body).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("bad-request")),
            "{shown}: {}",
            answer.text
        );
    }
    assert_eq!(script.get("/domains/a.example").await.status, StatusCode::NOT_FOUND);
    let changed = |with: &str| format!("{}{with}", &script.token[..script.token.len() - 1]);
    for token in [changed(""), changed("."), format!("{}.e30.x", script.token), "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".to_owned()] {
        assert_eq!(call(&router, Method::GET, "/domains", &token, &[], "").await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_domain_is_made_changed_and_removed_under_conditions() {
    let house = house().await;
    let script = script(&house, &["mailsystemadmin"]).await;
    let domain = json!({ "name": "Company.Example", "forward": "[127.0.0.1]:2601" });
    let new = [(header::IF_NONE_MATCH, "*")];
    let made = script.call(Method::PUT, "/domains/company.example", &new, domain.clone()).await;
    assert_eq!((made.status, made.header(header::ETAG)), (StatusCode::OK, "\"1\""), "{}", made.text);
    let again = script.call(Method::PUT, "/domains/company.example", &new, domain.clone()).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (StatusCode::CONFLICT, Some("exists-already")));

    let shown = script.get("/domains/COMPANY.example").await;
    assert_eq!(shown.header(header::ETAG), "\"1\"");
    let mut body = shown.json();
    body["tls"] = json!("none");
    let changed = script.call(Method::PUT, "/domains/company.example", &[(header::IF_MATCH, "\"1\"")], body.clone()).await;
    assert_eq!(
        (changed.status, changed.header(header::ETAG)),
        (StatusCode::OK, "\"2\""),
        "what a GET gave can be put back: {}",
        changed.text
    );
    let late = script.call(Method::PUT, "/domains/company.example", &[(header::IF_MATCH, "\"1\"")], body).await;
    assert_eq!((late.status, late.json()["code"].as_str()), (StatusCode::PRECONDITION_FAILED, Some("changed-meanwhile")));

    let other = script.call(Method::PUT, "/domains/other.example", &[], domain).await;
    assert_eq!(other.json()["code"], "bad-field", "path and body name the same thing");
    let unknown = script.call(Method::PUT, "/domains/a.example", &[], json!({ "name": "a.example", "forward": "x", "colour": 1 })).await;
    assert_eq!((unknown.status, unknown.json()["code"].as_str()), (StatusCode::BAD_REQUEST, Some("bad-request")));
    assert!(unknown.json()["errors"][0].as_str().unwrap().contains("colour"));

    assert_eq!(
        script.call(Method::DELETE, "/domains/company.example", &[(header::IF_MATCH, "\"1\"")], Value::Null).await.status,
        StatusCode::PRECONDITION_FAILED
    );
    let removed = script.call(Method::DELETE, "/domains/company.example", &[], Value::Null).await;
    assert_eq!((removed.status, removed.json()["accounts"].as_u64()), (StatusCode::OK, Some(0)), "and says what it took with it");
    assert_eq!(script.get("/domains/company.example").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_page_by_cursor() {
    let house = house().await;
    let script = script(&house, &["usersadmin"]).await;
    for n in 0..7 {
        let address = format!("user{n}@company.example");
        let made = script.call(Method::PUT, &format!("/users/{address}"), &[], json!({ "address": address })).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    }
    let (mut seen, mut path) = (Vec::new(), "/users?limit=3".to_owned());
    loop {
        let page = script.get(&path).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["address"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/users?limit=3&after={}", web::form::encode(next));
    }
    assert_eq!(seen, (0..7).map(|n| format!("user{n}@company.example")).collect::<Vec<_>>());
    assert_eq!(script.get("/users?prefix=user3").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_and_api_show_the_same_numbers() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    house.queue.add("q1", model::Timestamp(house.now().0 - 7_200_000_000));
    house.queue.add("q2", house.now());
    let script = script(&house, &["homeadmin:read"]).await;
    let local = model::Actor::local();
    let rule = house.admin.rule_devices(
        &local,
        vec![admin::devices::DeviceName::parse("bob", "dev1").unwrap()],
        model::device::Override::Blacklist,
        store::Expect::Any,
    );
    rule.await.unwrap();
    let counts = script.get("/counts").await.json();
    let mut browser = house.signed_in("carol").await;
    let live = browser.get("/live").await.json()["values"].clone();
    for (name, value) in counts["mail"].as_object().unwrap() {
        assert_eq!(live[name], json!(value.to_string()), "{name}");
    }
    assert_eq!((&counts["queue"]["length"], &live["queue_length"]), (&json!(2), &json!("2")));
    assert_eq!((&counts["devices"]["unseen"], &live["queue_oldest"]), (&json!(1), &json!("2 hours")));
    let state = script.get("/state").await.json();
    assert_eq!(state["well"], false);
    let troubles: Vec<&str> = state["troubles"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(troubles, ["queue-old", "no-domain"]);
    let home = browser.get("/").await.text;
    assert!(home.contains("waiting for 2 hours") && home.contains("href=\"&#x2f;queue\""), "{home}");
}

#[tokio::test]
async fn the_queue_and_devices_are_acted_on() {
    let house = house().await;
    let script = script(&house, &["logsadmin", "mobiledashboardadmin"]).await;
    house.queue.add("q1", house.now());
    assert_eq!(script.call(Method::POST, "/queue/q1/hold", &[], Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(script.get("/queue").await.json()["items"][0]["held"], true);
    assert_eq!(script.call(Method::POST, "/queue/retry", &[], Value::Null).await.json()["count"], 1);
    assert_eq!(script.call(Method::DELETE, "/queue/q9", &[], Value::Null).await.status, StatusCode::NOT_FOUND);
    let ruled = script.call(Method::PUT, "/devices/CORP%5CBob/ABC1", &[], json!({ "override": "whitelist" })).await;
    assert_eq!((ruled.json()["user"].as_str(), ruled.json()["id"].as_str()), (Some("bob"), Some("abc1")), "{}", ruled.text);
    let bad = script.call(Method::PUT, "/devices/bob/abc1", &[], json!({ "override": "maybe" })).await;
    assert_eq!((bad.status, bad.json()["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("bad-field")));
    let many = json!({ "devices": [{ "user": "bob", "id": "abc1" }, { "user": "eve", "id": "x" }], "override": "blacklist" });
    assert_eq!(script.call(Method::POST, "/devices/rule", &[], many).await.json()["count"], 2);
    assert_eq!(script.get("/devices?override=blacklist&limit=1").await.json()["next"], "bob/abc1");
}

#[tokio::test]
async fn a_refused_rule_set_names_its_places() {
    let house = house().await;
    let script = script(&house, &["mailprocessingadmin"]).await;
    let answer =
        script.call(Method::POST, "/rules/check", &[], json!({ "name": "own.rules", "text": "if (no_such_thing()) {\n}\n" })).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
    let problem = answer.json();
    for member in ["type", "title", "status", "detail", "code", "temporary", "errors", "findings"] {
        assert!(!problem[member].is_null(), "{member}: {problem}");
    }
    assert_eq!(problem["findings"][0]["line"], 1);
    let shown = script.get("/rules").await;
    assert!(shown.json()["text"].as_str().unwrap().len() > 100, "the generator's default runs");
    let generated = script.call(Method::POST, "/rules/generate", &[], json!({})).await.json();
    assert_eq!(generated["text"], shown.json()["text"]);
}

#[tokio::test]
async fn tokens_are_shown_once_and_never_above_their_maker() {
    let house = house().await;
    let script = script(&house, &["administrationadmin", "homeadmin"]).await;
    let made = script.call(Method::POST, "/tokens", &[], json!({ "name": "sub", "scopes": ["homeadmin:read"] })).await.json();
    let text = made["token"].as_str().unwrap();
    assert!(!script.get("/tokens").await.text.contains(text));
    let router = console::router(house.state.clone());
    assert_eq!(call(&router, Method::GET, "/counts", text, &[], "").await.status, StatusCode::OK);
    let above = script.call(Method::POST, "/tokens", &[], json!({ "name": "sub", "scopes": ["usersadmin"] })).await;
    assert_eq!((above.status, above.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("above-own-rights")));
    script.call(Method::DELETE, &format!("/tokens/{}", made["id"].as_str().unwrap()), &[], Value::Null).await;
    assert_eq!(call(&router, Method::GET, "/counts", text, &[], "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn messages_queries_and_decisions_are_looked_at() {
    let house = house().await;
    let local = house.local();
    let post = async |path: &str, body: Value| call(&local, Method::POST, path, "", &[], &body.to_string()).await;
    let message = "RnJvbTogYUBiLmV4YW1wbGUNClRvOiBjQGQuZXhhbXBsZQ0KDQpIZWxsbw0K";
    let verdict = post("/message/verify", json!({ "message": message, "to": ["c@d.example"] })).await.json();
    assert_eq!((verdict["signature"].as_str(), verdict["encryption"].as_str()), (Some("none"), Some("none")));
    assert!(verdict["reasons"].is_array() && verdict["layers"].is_array());
    let parts = post("/message/parts", json!({ "message": message })).await.json();
    assert_eq!((parts["id"].as_str(), parts["content_type"].as_str(), parts["size"].as_u64()), (Some("1"), Some("text/plain"), Some(7)));
    let query = post("/mobile/query", json!({ "query": "/Microsoft-Server-ActiveSync?Cmd=Sync&User=bob&DeviceId=d1&DeviceType=iPhone" }))
        .await
        .json();
    assert_eq!((query["command"].as_str(), query["device_id"].as_str()), (Some("Sync"), Some("d1")), "{query}");
    let decision = post("/mobile/decide", json!({ "user": "CORP\\bob", "device": "d1" })).await.json();
    assert_eq!(decision, json!({ "decision": "allow", "reason": "compliant", "policy": null }));
    assert_eq!(post("/mobile/query", json!({ "query": "" })).await.json()["code"], "bad-field");
    assert_eq!(post("/message/parts", json!({ "message": "no base64!" })).await.json()["code"], "bad-field");
}

#[tokio::test]
async fn x_3_x_4_only_who_may_manage_keys_uses_them_to_look_at_a_message() {
    let house = house().await;
    let message = "RnJvbTogYUBiLmV4YW1wbGUNClRvOiBjQGQuZXhhbXBsZQ0KDQpIZWxsbw0K";
    let (closed, opened) = (json!({ "message": message }), json!({ "message": message, "to": ["c@d.example"] }));
    for (scopes, status) in [
        (&["mailprocessingadmin:read"][..], StatusCode::FORBIDDEN),
        (&["mailprocessingadmin", "usersadmin:read"], StatusCode::FORBIDDEN),
        (&["mailprocessingadmin:read", "usersadmin"], StatusCode::OK),
    ] {
        let script = script(&house, scopes).await;
        let without = script.call(Method::POST, "/message/verify", &[], closed.clone()).await;
        assert_eq!(without.status, StatusCode::OK, "{scopes:?}: {}", without.text);
        let with = script.call(Method::POST, "/message/verify", &[], opened.clone()).await;
        assert_eq!(with.status, status, "{scopes:?}: {}", with.text);
        if status == StatusCode::FORBIDDEN {
            assert_eq!(with.json()["code"], "not-permitted");
        }
    }
}

#[tokio::test]
async fn the_description_is_served_complete_and_fresh() {
    let house = house().await;
    let script = script(&house, &["homeadmin:read"]).await;
    let served = script.get("/openapi.json").await;
    let document = served.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for route in console::routes::routes(&house.state).list().iter().filter(|route| route.face == web::Face::Api) {
        let operation = &document["paths"][&route.path][route.method.as_str().to_ascii_lowercase()];
        assert!(
            !operation["operationId"].is_null() && !operation["summary"].as_str().unwrap().is_empty(),
            "{} {}",
            route.method,
            route.path
        );
        assert!(operation["security"][0]["token"].is_array() && !operation["responses"]["default"].is_null(), "{}", route.path);
    }
    for reference in served.text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(!document["components"]["schemas"][name].is_null(), "{name}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("SEALGATE_WRITE_DOCS").is_some() {
        std::fs::write(file, &served.text).unwrap();
    }
    let checked_in = std::fs::read_to_string(file).unwrap_or_default();
    assert!(checked_in == served.text, "docs/openapi.json is old: run this test with SEALGATE_WRITE_DOCS=1");
}
