//! Configurations of the mobile gate, by pages and by API: made step by step, changed, tested, exported, switched, removed; profiles; and
//! redirects.

use http::{Method, StatusCode, header};
use model::Actor;
use model::site::MobileGateway;
use serde_json::json;

use crate::house::{Browser, House, call, house};

async fn browser(house: &House) -> Browser {
    house.administrator("gaby", &["mobilegatewaysadmin", "usersadmin:read"]).await;
    house.signed_in("gaby").await
}

async fn kept(house: &House, id: &str) -> (MobileGateway, i64) {
    let kept = house.admin.show::<MobileGateway>(&Actor::local(), id).await.unwrap();
    (kept.record, kept.version)
}

const KIND: &str = "kind=exchange&server_version=";
const SETTINGS: &str = "id=west&name=Z%C3%BCrich&enabled=yes&external_url=https%3A%2F%2Fm.company.example\
    &mail_server=https%3A%2F%2Fa.example%0D%0Ahttps%3A%2F%2Fb.example&verify_tls_mail=yes";
const PROFILES: &str = "profile_ios_mail=yes&name_ios_mail=Mail+of+%7Buser%7D&how_ios_mail=optional";

#[tokio::test]
async fn a_9_a_configuration_is_made_step_by_step_and_nothing_typed_is_lost() {
    let house = house().await;
    let mut browser = browser(&house).await;
    let first = browser.get("/gateways/+").await.text;
    assert!(
        first.contains("aria-current=\"step\">1. Kind") && first.contains("name=\"kind\"") && !first.contains("value=\"back\""),
        "{first}"
    );
    let mut step = async |fields: &str| browser.post("/gateways/+", "/gateways/+", fields).await;
    let second = step(&format!("step=kind&reached=kind&to=next&{KIND}")).await.text;
    assert!(second.contains("aria-current=\"step\">2. Settings") && second.contains("name=\"kind\" value=\"exchange\""), "{second}");
    let wrong = step(&format!("step=settings&reached=settings&to=next&{KIND}&id=west&enabled=yes&mail_server=ftp%3A%2F%2Fx")).await;
    assert!(
        wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text.contains("ftp:") && wrong.text.contains("aria-invalid"),
        "{}",
        wrong.text
    );
    let third = step(&format!("step=settings&reached=settings&to=next&{KIND}&{SETTINGS}")).await.text;
    assert!(third.contains("3. Profiles") && third.contains("name=\"name_ios_mail\"") && third.contains("value=\"west\""), "{third}");
    // Back, and next again: what was typed in a later step is still there.
    let all = format!("{KIND}&{SETTINGS}&{PROFILES}");
    let back = step(&format!("step=profiles&reached=profiles&to=back&{all}")).await.text;
    assert!(back.contains("2. Settings") && back.contains("name=\"profile_ios_mail\" value=\"yes\""), "{back}");
    let odd =
        step(&format!("step=profiles&reached=profiles&to=next&{KIND}&{SETTINGS}&profile_ios_mail=yes&name_ios_mail=%7Bpassword%7D")).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", odd.text);
    let summary = step(&format!("step=profiles&reached=profiles&to=next&{all}")).await.text;
    assert!(summary.contains("4. Summary") && summary.contains("Mail of {user}") && summary.contains("a.example, https"), "{summary}");
    let tested = step(&format!("step=summary&reached=summary&to=test&{all}")).await.text;
    assert!(tested.contains("401, offers: Basic"), "{tested}");
    assert_eq!(house.admin.list::<MobileGateway>(&Actor::local(), "", "", 9).await.unwrap().len(), 0, "nothing is made yet");
    let made = step(&format!("step=summary&reached=summary&to=make&{all}")).await;
    assert_eq!((made.status, made.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/gateways/west"), "{}", made.text);
    let (gateway, version) = kept(&house, "west").await;
    assert_eq!((gateway.mail_servers().count(), gateway.profiles.len(), version), (2, 1, 1));
    assert!(gateway.report_recommended && gateway.forward_client_address, "what was not asked about is as it is by default");
    let again = step(&format!("step=settings&reached=settings&to=next&{KIND}&{SETTINGS}")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "there is one: {}", again.text);
    let list = browser.get("/gateways").await.text;
    assert!(list.contains("a.example") && list.contains("ready") && list.contains("2026-11-21"), "{list}");
}

async fn made(house: &House, change: impl FnOnce(&mut MobileGateway)) {
    let mut gateway = MobileGateway {
        id: "west".into(),
        name: "Zürich".into(),
        external_url: "https://m.company.example".into(),
        mail_server: "https://a.example https://dead.example".into(),
        ..MobileGateway::default()
    };
    change(&mut gateway);
    house.admin.put(&Actor::local(), gateway, admin::Expect::New).await.unwrap();
}

#[tokio::test]
async fn a_9_a_12_settings_are_changed_on_two_pages_and_two_people_are_told() {
    let house = house().await;
    made(&house, |_| {}).await;
    let mut browser = browser(&house).await;
    let basic = "version=1&kind=online&name=Z&enabled=yes&mail_server=https%3A%2F%2Fc.example&verify_tls_mail=yes";
    let saved = browser.post("/gateways/west", "/gateways/west", basic).await;
    assert_eq!((saved.status, saved.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/gateways/west"), "{}", saved.text);
    let stale = browser.post("/gateways/west", "/gateways/west", basic).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{}", stale.text);
    let advanced = "version=2&tls=own&trusted_proxies=192.0.2.1%0A10.0.0.0%2F8&webmail_paths=%2Fowa&proxy_url=http%3A%2F%2Fproxy\
        &proxy_auth=basic&proxy_user=u&attachments_without_policy=allow&report_Sync=yes&report_Find=yes&refresh_minutes=30&delta_minutes=5\
        &diagnostic_count=7&diagnostic_every=9&rate_to_console=11&rate_to_gateway=12";
    let page = "/gateways/west/advanced";
    let unlike = browser.post(page, page, &format!("{advanced}&proxy_password=a&proxy_password_again=b")).await;
    assert!(unlike.status == StatusCode::UNPROCESSABLE_ENTITY && unlike.text.contains("same password twice"), "{}", unlike.text);
    let wrong = browser.post(page, page, &format!("{}&proxy_password=a&proxy_password_again=a", advanced.replace("=30", "=soon"))).await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text.contains("value=\"soon\""), "{}", wrong.text);
    let saved = browser.post(page, page, &format!("{advanced}&proxy_password=hidden&proxy_password_again=hidden")).await;
    assert_eq!((saved.status, saved.header(header::LOCATION)), (StatusCode::SEE_OTHER, page), "{}", saved.text);
    let (gateway, version) = kept(&house, "west").await;
    assert_eq!((gateway.kind.as_str(), gateway.trusted_proxies.len(), gateway.webmail_paths.len(), version), ("online", 2, 1, 3));
    assert!(!gateway.report_recommended && !gateway.realtime_push && !gateway.forward_client_address, "boxes that were not ticked");
    assert_eq!((gateway.report_required.clone(), gateway.report_optional.clone()), (vec!["Sync".to_owned()], vec!["Find".to_owned()]));
    assert_eq!((gateway.refresh_minutes, gateway.delta_minutes, gateway.diagnostic.count, gateway.rate_to_gateway), (30, 5, 7, 12));
    assert!(gateway.proxy_mail.password.starts_with("@secret("), "{gateway:?}");
    let drawn = browser.get(page).await.text;
    assert!(!drawn.contains("hidden\"") || !drawn.contains("value=\"hidden\""), "a password is never shown");
    let kept_password = browser.post(page, page, &advanced.replace("version=2", "version=3")).await;
    assert_eq!(kept_password.status, StatusCode::SEE_OTHER, "an empty password leaves the present one: {}", kept_password.text);
    assert!(kept(&house, "west").await.0.proxy_mail.password.starts_with("@secret("));
}

#[tokio::test]
async fn a_9_a_configuration_is_tested_exported_switched_and_removed() {
    let house = house().await;
    made(&house, |_| {}).await;
    let mut browser = browser(&house).await;
    assert!(browser.get("/gateways/west/test").await.text.contains("Test the connection now"));
    let tested = browser.post("/gateways/west/test", "/gateways/west/test", "").await.text;
    assert!(tested.contains("Something does not answer as it should") && tested.contains("can&#x27;t be reached"), "{tested}");
    assert!(tested.contains("&lt;b&gt;nobody"), "causes are text: {tested}");
    let file = browser.get("/gateways/west/export").await;
    assert_eq!(file.header(header::CONTENT_DISPOSITION), "attachment; filename=\"gateway.toml\"");
    assert!(
        file.text.contains("[[mobile.gateway]]") && file.text.contains("id = \"west\"") && file.text.contains("diagnostic = {"),
        "{}",
        file.text
    );
    admin::config::check(&file.text).unwrap();
    let question = browser.get("/gateways/west/off").await.text;
    assert!(question.contains("Turn this configuration off?"), "{question}");
    let off = browser.post("/gateways/west/off", "/gateways/west/off", "version=1").await;
    assert_eq!(off.status, StatusCode::SEE_OTHER, "{}", off.text);
    assert!(!kept(&house, "west").await.0.enabled && browser.get("/gateways/west").await.text.contains("west&#x2f;on"));
    let stale = browser.post("/gateways/west/remove", "/gateways/west/remove", "version=1").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{}", stale.text);
    let gone = browser.post("/gateways/west/remove", "/gateways/west/remove", "version=2").await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text);
    for path in ["/gateways/west", "/gateways/west/test", "/gateways/west/export", "/gateways/west/perhaps"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }

    let (router, token) = (console::router(house.state.clone()), house.token(&["mobilegatewaysadmin"]).await);
    made(&house, |gateway| gateway.mail_server = "https://a.example".into()).await;
    let answer = call(&router, Method::POST, "/gateways/west/test", &token, &[], "").await.json();
    let ways: Vec<_> = answer["steps"].as_array().unwrap().iter().map(|step| step["way"].as_str().unwrap()).collect();
    assert_eq!(ways, ["store", "gateway", "mail-server"], "{answer}");
    assert_eq!((&answer["steps"][2]["ok"], &answer["steps"][2]["found"]), (&json!(true), &json!("Basic")), "{answer}");
    assert_eq!(answer["steps"][1]["code"], "gate-not-here", "this test's node follows no store: {answer}");
}

#[tokio::test]
async fn a_9b_profiles_are_downloaded_for_one_for_all_and_as_a_template() {
    let house = house().await;
    let profiles = json!([
        { "platform": "ios", "client": "mail", "profile": "Mail of {user}", "assignment": "auto" },
        { "platform": "android", "client": "gmail", "profile": "Mail", "assignment": "optional" },
    ]);
    made(&house, |gateway| gateway.profiles = serde_json::from_value(profiles).unwrap()).await;
    for (address, id) in [("anna@company.example", "ameier"), ("bob@company.example", "")] {
        let user: model::site::User = serde_json::from_value(json!({ "address": address, "user_id": id })).unwrap();
        house.admin.put(&Actor::local(), user, admin::Expect::New).await.unwrap();
    }
    let mut browser = browser(&house).await;
    let page = browser.get("/gateways/west/profiles").await.text;
    assert!(page.contains("iOS, Mail") && page.contains("name=\"ios_mail_address\"") && page.contains("optional"), "{page}");
    let one = browser.get("/gateways/west/profiles/ios/mail?ios_mail_address=anna%40company.example").await;
    assert_eq!(one.header(header::CONTENT_TYPE), "application/x-apple-aspen-config");
    assert_eq!(one.header(header::CONTENT_DISPOSITION), "attachment; filename=\"anna@company.example.mobileconfig\"");
    assert!(one.text.starts_with("signed:<?xml") && one.text.contains("<string>m.company.example</string>"), "{}", one.text);
    assert!(one.text.contains("<key>UserName</key><string>ameier</string>") && one.text.contains("Mail of ameier"), "{}", one.text);
    let template = browser.get("/gateways/west/profiles/android/gmail").await.json();
    let settings = &template["managedConfiguration"];
    assert_eq!((&settings["email_address"], &settings["exchange_host"]), (&json!("{address}"), &json!("m.company.example")), "{template}");
    assert_eq!((&template["assignment"], &template["packageName"]), (&json!("optional"), &json!("com.google.android.gm")));
    for (path, status) in [
        ("ios/mail?ios_mail_address=nobody%40company.example", StatusCode::UNPROCESSABLE_ENTITY),
        ("ios/mail?ios_mail_address=x", StatusCode::UNPROCESSABLE_ENTITY),
        ("ios/outlook", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(browser.get(&format!("/gateways/west/profiles/{path}")).await.status, status, "{path}");
    }
    let (router, token) = (console::router(house.state.clone()), house.token(&["mobilegatewaysadmin:read"]).await);
    let refused = call(&router, Method::GET, "/gateways/west/profiles/android/gmail?all=true", &token, &[], "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "users need their own right");
    let changed = browser
        .post(
            "/gateways/west/profiles",
            "/gateways/west/profiles",
            "version=1&profile_android_outlook=yes&name_android_outlook=Out&how_android_outlook=auto",
        )
        .await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{}", changed.text);
    let (gateway, _) = kept(&house, "west").await;
    assert_eq!((gateway.profiles.len(), gateway.profiles[0].client.as_str()), (1, "outlook"));
}

#[tokio::test]
async fn g_5_g_16_redirects_are_listed_and_cleared() {
    let house = house().await;
    let redirect = |user: &str, device: Option<&str>| admin::Redirect {
        gateway: "west".into(),
        user: user.into(),
        device: device.and_then(model::device::DeviceId::parse),
        url: "https://eu.mail.example".into(),
    };
    *house.phones.redirects.lock() = vec![redirect("anna", Some("a1")), redirect("bob", Some("b1")), redirect("bob", None)];
    let (router, token) = (console::router(house.state.clone()), house.token(&["mobilegatewaysadmin"]).await);
    let ask = async |method: Method, query: &str| call(&router, method, &format!("/mobile/redirects{query}"), &token, &[], "").await;
    let all = ask(Method::GET, "").await.json();
    assert_eq!((&all["total"], &all["items"][2]["device"]), (&json!(3), &json!("")), "{all}");
    assert_eq!(ask(Method::GET, "?user=EX%5CBob&device=B1").await.json()["total"], 1);
    assert_eq!(ask(Method::GET, "?device=a%2Fb").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask(Method::DELETE, "?user=bob").await.json()["count"], 2);
    assert_eq!(ask(Method::DELETE, "?gateway=east").await.json()["count"], 0);
    assert_eq!(ask(Method::DELETE, "").await.json()["count"], 1);
    let log = house.admin.audit_log(&Actor::local(), "", 9).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.what.starts_with("redirect/")).count(), 2, "{log:?}");
}
