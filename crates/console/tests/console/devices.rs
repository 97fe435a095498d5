//! Devices and policies, by pages and by API: lists with every filter, acts that ask first, CSV, compliance, test mode.

use admin::devices::DeviceName;
use http::{Method, StatusCode, header};
use model::Actor;
use serde_json::{Value, json};

use crate::house::{Answer, Browser, House, call, house};

const FILE: &str = "user,id,override,managed,enrolled,phone,friendly_name,address\n\
    anna,a1,,true,true,+41 79 555 00 01,Anna's phone,anna@company.example\n\
    anna,a2,whitelist,,,,,\n\
    bob,b1,blacklist,true,false,,Bob's tablet,bob@company.example\n\
    carl,c1,,,,,,\n";

struct Api<'a> {
    house: &'a House,
    token: String,
}

impl Api<'_> {
    async fn call(&self, method: Method, path: &str, body: &str) -> Answer {
        call(&console::router(self.house.state.clone()), method, path, &self.token, &[], body).await
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        let list = self.call(Method::GET, &format!("/devices?{query}"), "").await;
        assert_eq!(list.status, StatusCode::OK, "{query}: {}", list.text);
        list.json()["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }
}

async fn api<'a>(house: &'a House, scopes: &[&str]) -> Api<'a> {
    Api { house, token: house.token(scopes).await }
}

/// Four devices; those of anna and bob have been seen.
async fn filled(house: &House) {
    house.admin.device_import(&Actor::local(), FILE.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_7_the_api_filters_searches_counts_and_exports() {
    let house = house().await;
    let api = api(&house, &["mobiledashboardadmin"]).await;
    let bad = format!("{FILE}dora,d 1,,,,,,\n");
    let taken = api.call(Method::POST, "/devices/import", &bad).await.json();
    assert_eq!((&taken["taken"], &taken["refused"], &taken["bad"][0]["line"]), (&json!(4), &json!(1), &json!(6)), "{taken}");
    for (query, ids) in [
        ("", vec!["a1", "a2", "b1", "c1"]),
        ("q=anna", vec!["a1", "a2"]),
        ("q=%2B41+79", vec!["a1"]),
        ("q=Bob%27s", vec!["b1"]),
        ("managed=true", vec!["a1", "b1"]),
        ("managed=false", vec!["a2", "c1"]),
        ("override=blacklist", vec!["b1"]),
        ("status=unseen&override=default", vec!["a1", "c1"]),
        ("status=blocked", vec![]),
        ("seen=24", vec![]),
        ("gateway=west", vec![]),
        ("user=ca", vec!["c1"]),
    ] {
        assert_eq!(api.ids(query).await, ids, "{query}");
    }
    for query in ["seen=soon", "managed=x", "status=x", "override=x", "reason=x", "after=x"] {
        let refused = api.call(Method::GET, &format!("/devices?{query}"), "").await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("bad-field")), "{query}");
    }
    let first = api.call(Method::GET, "/devices?limit=3", "").await.json();
    assert_eq!((&first["total"], &first["next"]), (&json!(4), &json!("bob/b1")));
    assert_eq!(api.ids("limit=3&after=bob%2Fb1").await, ["c1"]);
    let users = api.call(Method::GET, "/devices/users?limit=2", "").await.json();
    assert_eq!((&users["items"][0]["devices"], &users["next"]), (&json!(2), &json!("bob")), "{users}");
    let counts = api.call(Method::GET, "/devices/counts", "").await.json();
    let sum: i64 = counts["items"].as_array().unwrap().iter().map(|one| one["count"].as_i64().unwrap()).sum();
    assert_eq!(sum, 4, "{counts}");
    let file = api.call(Method::GET, "/devices/export?managed=true", "").await;
    assert!(file.header(header::CONTENT_TYPE).starts_with("text/csv"));
    assert_eq!((file.text.lines().count(), file.text.contains("'+41 79")), (3, true), "{}", file.text);
    assert_eq!(api.call(Method::POST, "/devices/import", &file.text).await.json()["taken"], 2, "and can be read again");
}

#[tokio::test]
async fn g_13_a_run_is_ordered_once_and_shown() {
    let house = house().await;
    let api = api(&house, &["mobiledashboardadmin"]).await;
    filled(&house).await;
    let run = async |body: Value| api.call(Method::POST, "/devices/compliance", &body.to_string()).await;
    let some = run(json!({ "devices": [{ "user": "bob", "id": "b1" }] })).await.json();
    assert_eq!(some, json!({ "ordered": false, "changed": 0 }), "nobody has seen it");
    assert_eq!(run(json!({ "all": true })).await.json()["ordered"], true);
    for odd in [json!({}), json!({ "all": true, "gateway": "west" }), json!({ "gateway": "nowhere" })] {
        assert_eq!(run(odd.clone()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd}");
    }
    let state = api.call(Method::GET, "/devices/compliance", "").await.json();
    assert_eq!((&state["items"][0]["gateway"], &state["items"][0]["failed"]), (&json!(""), &json!(false)), "{state}");
    let mut browser = browser(&house).await;
    assert!(browser.get("/mobile").await.text.contains("Compliance runs that wait or work: 1"));
    house.admin.compliance_work().await.unwrap();
    assert!(!browser.get("/mobile").await.text.contains("Compliance runs"));
}

async fn browser(house: &House) -> Browser {
    house.administrator("carol", &["mobiledashboardadmin", "mobilepoliciesadmin"]).await;
    house.signed_in("carol").await
}

#[tokio::test]
async fn a_7_bars_and_counts_lead_to_the_list() {
    let house = house().await;
    filled(&house).await;
    let mut browser = browser(&house).await;
    let page = browser.get("/mobile").await.text;
    assert!(page.contains("devices?managed=true"), "{page}");
    let list = browser.get("/devices?managed=true").await.text;
    assert!(list.contains("Anna&#x27;s phone") && list.contains("2 devices") && !list.contains(">carl<"), "{list}");
    assert!(list.contains("<option value=\"true\" selected>"), "the filter stays chosen");
    let all = browser.get("/devices?columns=all&q=anna").await.text;
    assert!(all.contains("+41 79 555 00 01") && !all.contains("Bob"), "{all}");
    let users = browser.get("/devices?view=user").await.text;
    assert!(users.contains("devices?user=anna") && !users.contains("type=\"checkbox\""), "{users}");
    let file = browser.get("/devices.csv?managed=true").await;
    assert_eq!((file.text.lines().count(), file.header(header::CONTENT_DISPOSITION)), (3, "attachment; filename=\"devices.csv\""));
    assert_eq!(browser.get("/devices?reason=odd").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_8_each_act_asks_first_for_one_and_for_a_selection() {
    let house = house().await;
    filled(&house).await;
    let mut browser = browser(&house).await;
    let ruling = async |user: &str, id: &str| {
        let row = house.admin.device(&Actor::local(), &DeviceName::parse(user, id).unwrap()).await;
        row.map(|row| row.device.override_.word()).map_err(|fault| fault.code)
    };
    let chosen = "d=anna%2Fa1&d=carl%2Fc1";
    let question = browser.get(&format!("/device-actions/blacklist?{chosen}")).await;
    assert!(question.text.contains("Always block these 2 devices?") && question.text.contains("anna"), "{}", question.text);
    assert_eq!(ruling("anna", "a1").await, Ok("default"), "asking changes nothing");
    assert_eq!(browser.send(Method::POST, "/device-actions/blacklist", chosen).await.status, StatusCode::FORBIDDEN, "without its token");
    let done = browser.post(&format!("/device-actions/blacklist?{chosen}"), "/device-actions/blacklist", chosen).await;
    assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/devices"));
    assert_eq!((ruling("anna", "a1").await, ruling("carl", "c1").await), (Ok("blacklist"), Ok("blacklist")));
    assert_eq!(browser.get("/device-actions/blacklist").await.status, StatusCode::UNPROCESSABLE_ENTITY, "none was chosen");
    assert_eq!(browser.get(&format!("/device-actions/odd?{chosen}")).await.status, StatusCode::NOT_FOUND);

    let removed = browser.post("/devices/carl/c1/remove", "/devices/carl/c1/remove", "version=2").await;
    assert_eq!(removed.header(header::LOCATION), "/devices");
    assert_eq!(ruling("carl", "c1").await, Err("not-found"));
    browser.post("/devices/bob/b1", "/device-actions/remove", "d=bob%2Fb1").await;
    assert_eq!(ruling("bob", "b1").await, Ok("blacklist"), "a managed one stays");
    let page = browser.get("/devices/bob/b1").await.text;
    assert!(
        !page.contains("b1&#x2f;remove") && !page.contains("b1&#x2f;blacklist") && page.contains("b1&#x2f;default"),
        "only what makes sense: {page}"
    );
    let stale = browser.post("/devices/bob/b1/default", "/devices/bob/b1/default", "version=99").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "somebody was quicker: {}", stale.text);
}

#[tokio::test]
async fn a_8_sync_again_and_another_key_are_ordered_by_pages_and_api() {
    let house = house().await;
    filled(&house).await;
    let mut browser = browser(&house).await;
    let orders = async |user: &str, id: &str| {
        let row = house.admin.device(&Actor::local(), &DeviceName::parse(user, id).unwrap()).await.unwrap();
        (row.device.orders.resync, row.device.orders.key)
    };
    assert!(browser.get("/devices/anna/a1").await.text.contains("a1&#x2f;sync-again"));
    let question = browser.get("/devices/anna/a1/renew-key").await.text;
    assert!(question.contains("another key") && question.contains("be undone"), "{question}");
    assert_eq!(orders("anna", "a1").await, (0, 0), "asking changes nothing");
    let done = browser.post("/devices/anna/a1/sync-again", "/devices/anna/a1/sync-again", "").await;
    assert_eq!(done.header(header::LOCATION), "/devices/anna/a1");
    let first = orders("anna", "a1").await;
    assert!(first.0 > 0 && first.1 == 0);
    let chosen = "d=anna%2Fa1&d=carl%2Fc1";
    let question = browser.get(&format!("/device-actions/renew-key?{chosen}")).await.text;
    assert!(question.contains("these 2 devices") && question.contains("anna") && question.contains("carl"), "{question}");
    browser.post(&format!("/device-actions/renew-key?{chosen}"), "/device-actions/renew-key", chosen).await;
    let second = orders("anna", "a1").await;
    assert!(second.0 > first.0 && second.1 > 0 && orders("carl", "c1").await.1 > 0 && orders("bob", "b1").await == (0, 0));
    let log = house.admin.audit_log(&Actor::local(), "", 5).await.unwrap();
    assert!(log.iter().any(|entry| entry.who == "carol" && entry.what == "device/carl/c1"), "{log:?}");

    let page = browser.get("/mobile").await.text;
    assert!(page.contains("/device-orders/sync-again") && !page.contains("/device-orders/renew-key"), "that takes another right: {page}");
    assert!(browser.get("/device-orders/sync-again").await.text.contains("Have all devices sync"));
    assert_eq!(browser.post("/device-orders/sync-again", "/device-orders/sync-again", "").await.header(header::LOCATION), "/mobile");
    let refused = browser.post("/device-orders/renew-key", "/device-orders/renew-key", "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(browser.get("/device-orders/blacklist").await.status, StatusCode::NOT_FOUND);

    let api = api(&house, &["mobiledashboardadmin", "mobiledevicesadmin"]).await;
    let order = async |path: &str, body: Value| api.call(Method::POST, path, &body.to_string()).await;
    let one = json!({ "devices": [{ "user": "bob", "id": "b1" }] });
    assert_eq!(order("/devices/sync-again", one.clone()).await.json(), json!({ "count": 1 }));
    assert!(orders("bob", "b1").await.0 > 0);
    assert_eq!(order("/devices/renew-key", json!({ "all": true })).await.json(), json!({ "count": null }));
    for odd in
        [json!({}), json!({ "all": true, "devices": [] }), json!({ "devices": [] }), json!({ "devices": [{ "user": "a", "id": "b c" }] })]
    {
        assert_eq!(order("/devices/renew-key", odd.clone()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd}");
    }
    assert_eq!(order("/devices/renew-key", json!({ "devices": [{ "user": "a", "id": "b" }] })).await.status, StatusCode::NOT_FOUND);
    let shown = api.call(Method::GET, "/devices/bob/b1", "").await.json();
    assert!(shown["resync_ordered"].is_string() && shown["key_renewed"].is_null(), "{shown}");
}

#[tokio::test]
async fn a_8_g_31_diagnostics_are_turned_on_for_one_and_for_a_selection_and_shown() {
    let house = house().await;
    filled(&house).await;
    house.administrator("carol", &["mobiledashboardadmin", "mobilediagnosticsadmin"]).await;
    let mut browser = house.signed_in("carol").await;
    assert!(browser.get("/diagnostics").await.text.contains("Diagnostics are on for no device"));
    let chosen = "d=anna%2Fa1&d=carl%2Fc1";
    let question = browser.get(&format!("/device-actions/diagnostics-on?{chosen}")).await.text;
    assert!(question.contains("Turn the diagnostics of these 2 devices on?") && question.contains("no passwords"), "{question}");
    let page = format!("/device-actions/diagnostics-on?{chosen}");
    let done = browser.post(&page, "/device-actions/diagnostics-on", chosen).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let list = browser.get("/diagnostics").await.text;
    assert!(list.contains("a1") && list.contains("c1") && !list.contains(">a2<"), "{list}");
    let one = browser.get("/devices/anna/a1").await.text;
    assert!(one.contains("a1&#x2f;diagnostics-off") && !one.contains("a1&#x2f;diagnostics-on"), "only what makes sense: {one}");
    assert!(one.contains("Requests, kept by diagnostics"), "{one}");
    let off = browser.post("/devices/anna/a1/diagnostics-off", "/devices/anna/a1/diagnostics-off", "version=1").await;
    assert_eq!(off.status, StatusCode::SEE_OTHER, "{}", off.text);
    let log = house.admin.audit_log(&Actor::local(), "", 20).await.unwrap();
    assert!(log.iter().any(|entry| entry.who == "carol" && entry.after.as_deref() == Some(r#"{"diagnostics":false}"#)), "{log:?}");

    let api = api(&house, &["mobiledashboardadmin", "mobilediagnosticsadmin:read"]).await;
    let on = json!({ "devices": [{ "user": "ANNA", "id": "A1" }], "on": true }).to_string();
    for count in [1, 0] {
        assert_eq!(api.call(Method::POST, "/devices/diagnostics", &on).await.json()["count"], count);
    }
    let list = api.call(Method::GET, "/devices/diagnostics", "").await.json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["user"]), (2, &json!("anna")), "{list}");
    let unknown = json!({ "devices": [{ "user": "anna", "id": "a1" }, { "user": "anna", "id": "a9" }], "on": false }).to_string();
    assert_eq!(api.call(Method::POST, "/devices/diagnostics", &unknown).await.status, StatusCode::NOT_FOUND);
    let list = api.call(Method::GET, "/devices/diagnostics", "").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "none of them was turned off: {list}");
    let kept = api.call(Method::GET, "/devices/anna/a1/transactions", "").await.json();
    assert_eq!(kept, json!({ "items": [], "next": null }));
}

#[tokio::test]
async fn a_11_policies_are_chosen_switched_and_counted() {
    let house = house().await;
    filled(&house).await;
    let mut browser = browser(&house).await;
    let page = browser.get("/policies").await.text;
    assert!(page.contains("Policies that are on: 0.") && page.contains("Managed device"), "all off at first: {page}");
    let question = browser.get("/policies/managed_device/on").await.text;
    assert!(question.contains("It would block 1 devices now"), "{question}");
    let on = browser.post("/policies/managed_device/on", "/policies/managed_device/on", "version=0").await;
    assert_eq!(on.status, StatusCode::SEE_OTHER, "{}", on.text);
    assert!(browser.get("/policies").await.text.contains("Policies that are on: 1."));
    let again = browser.post("/policies/managed_device/off", "/policies/managed_device/off", "version=0").await;
    assert_eq!(again.status, StatusCode::CONFLICT, "two people: {}", again.text);

    let wrong = browser.post("/policies/os", "/policies/os", "version=0&enabled=yes&action=block&list=ios%3A+x+-+17").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("ios: x - 17") && wrong.text.contains("aria-invalid"), "what was typed stays: {}", wrong.text);
    let right =
        browser.post("/policies/os", "/policies/os", "version=0&enabled=yes&action=block&list=ios%3A+16+-+17%0D%0Aandroid%3A").await;
    assert_eq!((right.status, right.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/policies"), "{}", right.text);
    let edit = browser.get("/policies/os").await.text;
    assert!(edit.contains("ios: 16 - 17\nandroid:") && edit.contains("<option value=\"block\" selected>"), "{edit}");
    let days = browser.post("/policies/inactivity", "/policies/inactivity", "version=0&enabled=yes&days=many").await;
    assert!(days.status == StatusCode::UNPROCESSABLE_ENTITY && days.text.contains("value=\"many\""), "{}", days.text);
    let limited = browser.post("/policies/os", "/policies/os", "version=1&enabled=yes&action=allow&list=ios%3A&labels=sales").await;
    assert_eq!(limited.status, StatusCode::SEE_OTHER, "{}", limited.text);
    let page = browser.get("/policies").await.text;
    assert!(page.contains("os%3Asales") && page.contains("devices labelled sales"), "another one beside it: {page}");
    assert_eq!(browser.get("/policies/odd").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn g_22_domains_of_links_are_typed_taken_in_and_written_out() {
    let house = house().await;
    let mut browser = browser(&house).await;
    let saved = "version=0&mode=include&domains=Intra.example%0D%0Apartner.example";
    let done = browser.post("/policies/hyperlinks", "/policies/hyperlinks", saved).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = browser.get("/policies/hyperlinks").await.text;
    assert!(page.contains("Intra.example\npartner.example") && page.contains("<option value=\"include\" selected>"), "{page}");
    let wrong = browser.post("/policies/hyperlinks", "/policies/hyperlinks", "version=1&mode=include&domains=a%20b").await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text.contains("is no domain"), "{}", wrong.text);

    let api = api(&house, &["mobilepoliciesadmin"]).await;
    let file = "domain\r\nshop.example\r\nno domain\r\nPARTNER.example\r\n";
    let taken = api.call(Method::POST, "/policies/hyperlinks/domains", file).await.json();
    assert_eq!((&taken["taken"], &taken["refused"], &taken["bad"][0]["line"]), (&json!(2), &json!(1), &json!(3)), "{taken}");
    let out = api.call(Method::GET, "/policies/hyperlinks/domains", "").await;
    assert!(out.header(header::CONTENT_TYPE).starts_with("text/csv"));
    assert_eq!(out.text.lines().collect::<Vec<_>>(), ["domain", "Intra.example", "partner.example", "shop.example"]);
    let replaced = api.call(Method::POST, "/policies/hyperlinks/domains?replace=true", "only.example").await;
    assert_eq!(replaced.json()["taken"], 1);
    assert_eq!(api.call(Method::GET, "/policies/hyperlinks/domains", "").await.text, "domain\r\nonly.example\r\n");
    browser.post("/policies/os", "/policies/os", "version=0&action=block&list=ios%3A").await;
    for (path, status) in [("/policies/os/domains", StatusCode::UNPROCESSABLE_ENTITY), ("/policies/none/domains", StatusCode::NOT_FOUND)] {
        assert_eq!(api.call(Method::POST, path, "a.example").await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_8_test_mode_asks_and_is_recorded() {
    let house = house().await;
    let mut browser = browser(&house).await;
    assert!(browser.get("/test-mode/on").await.text.contains("every device gets mail"));
    let done = browser.post("/test-mode/on", "/test-mode/on", "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let kept = house.admin.settings::<model::site::MobileSettings>(&Actor::local()).await.unwrap();
    assert!(kept.record.test_mode);
    let log = house.admin.audit_log(&Actor::local(), "", 5).await.unwrap();
    assert!(log.iter().any(|entry| entry.who == "carol" && entry.what.starts_with("mobile/")), "{log:?}");
    assert_eq!(browser.get("/test-mode/perhaps").await.status, StatusCode::NOT_FOUND);
}
