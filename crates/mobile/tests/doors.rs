//! Dialogues: doors besides ActiveSync (G-5, G-6), configurations by name (G-38), redirects, loops (G-9), bad passwords (X-16).

mod house;

use std::sync::Arc;
use std::time::Duration;

use house::{CAROL, House, Talk, command, field};
use mobile::{GuessSettings, PaceSettings, Settings};
use model::device::{Override, Reason};
use model::site::MobileGateway;

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: phones.example\r\n{fields}\r\n")
}

async fn asked(house: &House, request: impl AsRef<[u8]>) -> String {
    let mut phone = house.phone().await;
    phone.say(request).await;
    phone.message().await.0
}

/// Sends, has it answered, and gives what the mail server and the phone got.
async fn through(house: &House, request: impl AsRef<[u8]>, answer: &str) -> (String, String, String) {
    let mut phone = house.phone().await;
    phone.say(request).await;
    let mut server = house.server().await;
    let (up, _) = server.message().await;
    server.say(answer).await;
    drop(server);
    let (head, body) = phone.message().await;
    (up, head, String::from_utf8_lossy(&body).into_owned())
}

const FINE: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn g_6_other_paths_are_denied_until_they_are_named() {
    let house = House::new().await;
    assert!(asked(&house, get("/owa/", "")).await.starts_with("HTTP/1.1 403"));
    assert!(asked(&house, get("/EWS/Exchange.asmx", CAROL)).await.starts_with("HTTP/1.1 403"));
    assert!(house.is_quiet().await);
    house.configure(|gateway| (gateway.webmail_paths, gateway.ews) = (vec!["/owa".into()], true));
    let (up, head, _) = through(&house, get("/OWA/%7Ea?b=%2e%2e", "Cookie: c=1\r\n"), FINE).await;
    assert!(up.starts_with("GET /OWA/~a?b=%2e%2e HTTP/1.1\r\n") && field(&up, "cookie") == Some("c=1"), "{up}");
    assert!(head.starts_with("HTTP/1.1 200"));
    assert!(asked(&house, get("/ews/exchange.asmx", "")).await.starts_with("HTTP/1.1 401"));
    let (up, _, _) = through(&house, get("/ews/exchange.asmx", CAROL), FINE).await;
    assert!(up.starts_with("GET /ews/exchange.asmx HTTP/1.1\r\n"));
    house.policies(&[r#"{"type":"managed_device","enabled":true}"#]);
    assert!(asked(&house, get("/ews/exchange.asmx", CAROL)).await.starts_with("HTTP/1.1 403"), "under the same policies");
    for path in ["/owa/../ews/x", "/owa/%2e%2e/ews", "/owa%2fx", "/owa/%252e%252e/x", "/owa\\x", "/owa//x", "/owa/x.", "/powershell"] {
        assert!(asked(&house, get(path, CAROL)).await.starts_with("HTTP/1.1 403"), "{path}");
    }
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn g_5_autodiscover_says_the_gateways_own_name() {
    let house = House::new().await;
    house.configure(|gateway| gateway.external_url = "https://phones.example".into());
    let body = "<A><Url>https://cas.internal/Microsoft-Server-ActiveSync</Url></A>";
    let request = format!(
        "POST /Autodiscover/Autodiscover.xml HTTP/1.1\r\nHost: phones.example\r\n{CAROL}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (up, head, got) = through(&house, &request, &answer).await;
    assert!(up.starts_with("POST /autodiscover/autodiscover.xml HTTP/1.1\r\n"), "{up}");
    assert!(head.starts_with("HTTP/1.1 200") && field(&head, "content-type") == Some("text/xml"), "{head}");
    assert_eq!(got, "<A><Url>https://phones.example/Microsoft-Server-ActiveSync</Url></A>");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
    let (_, head, _) = through(&house, &request, answer).await;
    assert!(head.starts_with("HTTP/1.1 502"), "what can't be rewritten is not passed on: {head}");
    assert!(asked(&house, request.replace(CAROL, "")).await.starts_with("HTTP/1.1 401"));
    let json = r#"{"Protocol":"ActiveSync","Url":"https://cas.internal/Microsoft-Server-ActiveSync"}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    let (_, _, got) = through(&house, get("/autodiscover/autodiscover.json?Email=c@x&Protocol=ActiveSync", ""), &answer).await;
    assert_eq!(got, r#"{"Protocol":"ActiveSync","Url":"https://phones.example/Microsoft-Server-ActiveSync"}"#);
}

#[tokio::test]
async fn g_5_redirects_are_rewritten_remembered_and_cleared() {
    let house = House::new().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    house.configure(|gateway| gateway.external_url = "https://phones.example".into());
    let moved =
        format!("HTTP/1.1 451 Moved\r\nX-MS-Location: http://127.0.0.2:{port}/Microsoft-Server-ActiveSync\r\nContent-Length: 0\r\n\r\n");
    let (_, head, _) = through(&house, on(&command("FolderSync", "")), &moved).await;
    assert!(head.starts_with("HTTP/1.1 503") && field(&head, "x-ms-location").is_none(), "x_17: nobody allowed that host: {head}");
    house.configure(|gateway| gateway.redirect_hosts = vec![format!("127.0.0.2:{port}")]);
    let (_, head, _) = through(&house, on(&command("FolderSync", "")), &moved).await;
    assert!(head.starts_with("HTTP/1.1 451"), "{head}");
    assert_eq!(field(&head, "x-ms-location"), Some("https://phones.example/Microsoft-Server-ActiveSync"));
    let mut phone = house.phone().await;
    phone.say(on(&command("FolderSync", ""))).await;
    let mut there = Talk::new(house::soon("the phone's request", elsewhere.accept()).await.unwrap().0);
    let (up, _) = there.message().await;
    assert_eq!(field(&up, "host"), Some(format!("127.0.0.2:{port}").as_str()));
    there.say(FINE).await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 200"));
    let known = house.gate.redirects();
    assert_eq!((known.len(), known[0].0.user.as_str(), &*known[0].1), (1, "carol", format!("http://127.0.0.2:{port}").as_str()));
    assert!(house.gate.clear_redirect(&known[0].0) && !house.gate.clear_redirect(&known[0].0) && house.gate.redirects().is_empty());
    through(&house, on(&command("FolderSync", "")), FINE).await;
    let own = format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/owa/auth\r\nContent-Length: 0\r\n\r\n", house.port());
    house.configure(|gateway| gateway.webmail_paths = vec!["/owa".into()]);
    let (_, head, _) = through(&house, get("/owa/", ""), &own).await;
    assert_eq!(field(&head, "location"), Some("https://phones.example/owa/auth"));
    let sign_in = "HTTP/1.1 302 Found\r\nLocation: https://login.example/x\r\nContent-Length: 0\r\n\r\n";
    let (_, head, _) = through(&house, get("/owa/", ""), sign_in).await;
    assert_eq!(field(&head, "location"), Some("https://login.example/x"), "web mail may send a browser to a sign-in page");
    for bad in ["//evil.example/x", "https://evil.example/Microsoft-Server-ActiveSync", "http:\\\\evil.example//x"] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {bad}\r\nContent-Length: 0\r\n\r\n");
        let (_, head, _) = through(&house, on(&command("Ping", "x")), &answer).await;
        assert!(head.starts_with("HTTP/1.1 503") && field(&head, "location").is_none(), "{bad}: {head}");
    }
}

/// A request to the gateway's name.
fn on(request: &str) -> String {
    request.replace("gate.example", "phones.example")
}

#[tokio::test]
async fn g_38_a_request_goes_to_the_configuration_of_its_name_or_to_none() {
    let house = House::new().await;
    let second = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail_server = format!("http://{}", second.local_addr().unwrap());
    house.configure(|gateway| gateway.external_url = "https://phones.example".into());
    house.change(|site| {
        let other = MobileGateway { id: "two".into(), external_url: "https://two.example".into(), mail_server, ..MobileGateway::default() };
        site.gateways.insert("two".into(), Arc::new(other));
    });
    house.policies(&[r#"{"type":"user","enabled":true,"action":"block","list":["carol"],"gateways":["two"]}"#]);
    through(&house, on(&command("FolderSync", "")), FINE).await;
    let blocked = command("FolderSync", "").replace("gate.example", "two.example");
    let mut phone = house.phone().await;
    phone.say(&blocked).await;
    assert_eq!(phone.message().await.1, house::wbxml::body(&house::wbxml::el(7, 0x16, vec![house::wbxml::text(7, 0x0C, "130")])));
    house.policies(&[]);
    let mut phone = house.phone().await;
    phone.say(&blocked).await;
    let mut server = Talk::new(house::soon("a request at the second server", second.accept()).await.unwrap().0);
    server.message().await;
    server.say(FINE).await;
    assert!(phone.message().await.0.starts_with("HTTP/1.1 200"));
    assert!(asked(&house, command("FolderSync", "")).await.starts_with("HTTP/1.1 421"), "no configuration is for gate.example");
    assert!(
        asked(&house, on(&command("Sync", "")).replace("POST /", "POST https://two.example:1/x/../")).await.starts_with("HTTP/1.1 403")
    );
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn g_9_a_loop_is_slowed_then_blocked_also_when_whitelisted() {
    let pace = PaceSettings { requests: 2, patience: 1, window: Duration::from_secs(3_600), ..PaceSettings::default() };
    let house = House::with(Settings { pace, pool_rest: Duration::ZERO, ..Settings::default() }, "http").await;
    house.set("carol", "PHONE1", Override::Whitelist);
    for _ in 0..2 {
        through(&house, command("FolderSync", ""), FINE).await;
    }
    let slowed = asked(&house, command("FolderSync", "")).await;
    assert!(slowed.starts_with("HTTP/1.1 503") && field(&slowed, "retry-after").is_some(), "{slowed}");
    let mut phone = house.phone().await;
    phone.say(command("FolderSync", "")).await;
    let (_, body) = phone.message().await;
    assert_eq!(body, house::wbxml::body(&house::wbxml::el(7, 0x16, vec![house::wbxml::text(7, 0x0C, "129")])));
    assert_eq!(house.known.seen.lock().last().unwrap().decision.reason, Reason::Loop);
    assert!(house.is_quiet().await);
    let other = command("FolderSync", "").replace("PHONE1", "PHONE2");
    through(&house, other, FINE).await;
}

#[tokio::test]
async fn x_16_a_flood_of_bad_passwords_does_not_reach_the_mail_server() {
    let guesses = GuessSettings { network: 3, account: 100, ..GuessSettings::default() };
    let house = House::with(Settings { guesses, pool_rest: Duration::ZERO, ..Settings::default() }, "http").await;
    let no = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for n in 0..3 {
        let (_, head, _) = through(&house, command("FolderSync", "").replace("PHONE1", &format!("D{n}")), no).await;
        assert!(head.starts_with("HTTP/1.1 401"));
    }
    for user in ["Y2Fyb2w6Y2Fyb2xwdw==", "Ym9iOmJvYnB3"] {
        let head = asked(&house, command("FolderSync", "").replace("Y2Fyb2w6Y2Fyb2xwdw==", user)).await;
        assert!(head.starts_with("HTTP/1.1 503") && field(&head, "retry-after").is_some(), "the same for every account: {head}");
    }
    assert!(house.is_quiet().await);
}
