//! Dialogues: the page at `/open` (G-21, the table of device classes). The mail server is played by the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a dialogue fails by panicking")]

mod house;

use std::sync::Arc;

use crypto::attachment::{About, encrypt};
use crypto::seal::SealKey;
use house::{House, Talk, field};
use model::device::{Override, Reported};
use model::ports::ContentKeys;

/// A file of carol's device as `encrypt` makes it; what it holds is its name.
fn file(about: About) -> Vec<u8> {
    let keys = content::testing::Keys::new(1);
    let (_, key) = keys.attachment_key(&about.user, &about.device, about.number, Some(about.epoch)).unwrap();
    encrypt(&SealKey::new(key).unwrap(), &about, format!("this is {}", about.name).as_bytes()).unwrap()
}

fn about() -> About {
    let text = |text: &str| text.to_owned();
    About { epoch: 1, number: 0, user: text("carol"), device: text("phone1"), class: text("managed_reader"), name: text("plan.txt") }
}

fn post(user: &str, password: &str, file: &[u8]) -> Vec<u8> {
    let field = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let begin = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"plan.txt.sgenc\"\r\nContent-Type: application/x\r\n\r\n";
    let form = [field("user", user).as_bytes(), field("password", password).as_bytes(), begin.as_bytes(), file, b"\r\n--b--\r\n"].concat();
    let head = format!(
        "POST /open HTTP/1.1\r\nHost: gate.example\r\nAccept-Language: de\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    [head.as_bytes(), &form].concat()
}

/// A gate that knows carol's managed phone, and one of its connections.
async fn house() -> (House, Talk) {
    let house = House::new().await;
    house.set("carol", "phone1", Override::Default);
    let reported = Reported { managed: true, enrolled: true, platform: "iOS".into(), ..Reported::default() };
    *house.known.reported.lock() = Some(Arc::new(reported));
    let phone = house.phone().await;
    (house, phone)
}

/// The mail server is asked by OPTIONS, with these credentials, and answers; then without, and says 401.
async fn signs_in(house: &House, authorization: &str) {
    let mut server = house.server().await;
    let head = server.head().await;
    assert!(head.starts_with("OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "authorization"), Some(authorization));
    server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let mut server = house.server().await;
    assert_eq!(field(&server.head().await, "authorization"), None);
    server.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
}

/// carol:carolpw
const CAROL: &str = "Basic Y2Fyb2w6Y2Fyb2xwdw==";

async fn answered(phone: &mut Talk) -> (String, String) {
    let (head, body) = phone.message().await;
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn g_21_the_owner_reads_a_file_and_nothing_is_kept() {
    let (house, mut phone) = house().await;
    phone.say(post("carol", "carolpw", &file(about()))).await;
    signs_in(&house, CAROL).await;
    let (head, body) = answered(&mut phone).await;
    assert!(head.starts_with("HTTP/1.1 200") && body == "this is plan.txt", "{head}{body}");
    assert_eq!(field(&head, "cache-control"), Some("no-store"));
    assert!(field(&head, "content-security-policy").unwrap().ends_with("sandbox") && field(&head, "set-cookie").is_none());
    assert_eq!(field(&head, "content-disposition"), Some("inline; filename=\"plan.txt\"; filename*=UTF-8''plan.txt"));
    let seen = house.known.seen.lock().pop().unwrap();
    assert_eq!((seen.command.as_str(), seen.device.as_str(), seen.user.as_str()), ("Open", "phone1", "carol"), "the opening is recorded");

    // Another spelling of the owner, and another key of the device.
    phone.say(post("COMPANY\\Carol", "carolpw", &file(About { number: 7, ..about() }))).await;
    signs_in(&house, "Basic Q09NUEFOWVxDYXJvbDpjYXJvbHB3").await;
    assert_eq!(answered(&mut phone).await.1, "this is plan.txt");
}

#[tokio::test]
async fn g_21_wrong_passwords_are_the_mail_servers_to_find() {
    let (house, mut phone) = house().await;
    phone.say(post("carol", "carolpw", &file(about()))).await;
    let mut server = house.server().await;
    server.head().await;
    server.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
    let (head, body) = answered(&mut phone).await;
    assert!(head.starts_with("HTTP/1.1 403") && body.contains("Passwort ist falsch") && body.contains("value=\"carol\""), "{head}{body}");
    assert!(!body.contains("carolpw"), "the password is not given back");
    // A server that looks at no credentials proves nobody.
    phone.say(post("carol", "carolpw", &file(about()))).await;
    for _ in 0..2 {
        let mut server = house.server().await;
        server.head().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    }
    assert!(answered(&mut phone).await.0.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn x_16_wrong_passwords_here_count_like_those_of_phones() {
    let settings = mobile::Settings {
        pool_rest: std::time::Duration::ZERO,
        guesses: mobile::GuessSettings { network: 2, ..mobile::GuessSettings::default() },
        ..mobile::Settings::default()
    };
    let house = House::with(settings, "http").await;
    let mut phone = house.phone().await;
    for _ in 0..2 {
        phone.say(post("carol", "guess", &file(about()))).await;
        let mut server = house.server().await;
        server.head().await;
        server.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
        assert!(answered(&mut phone).await.0.starts_with("HTTP/1.1 403"));
    }
    phone.say(post("carol", "carolpw", &file(about()))).await;
    let (head, body) = answered(&mut phone).await;
    assert!(head.starts_with("HTTP/1.1 503") && field(&head, "retry-after").is_some() && body.contains("zu viele"), "{head}{body}");
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn g_21_only_an_allowed_managed_device_with_a_reader_gives_its_files() {
    let (house, mut phone) = house().await;
    let managed = house.known.reported.lock().clone().unwrap();
    let text = |text: &str| text.to_owned();
    let kept = "gesperrt oder nicht mit einem Leser";
    let other = [
        (About { user: text("eve"), ..about() }, "anderen Konto"),
        (About { device: text("phone2"), ..about() }, kept),
        (About { class: text("managed"), ..about() }, kept),
        (About { class: text("unmanaged"), ..about() }, kept),
    ];
    for (made, said) in other {
        phone.say(post("carol", "carolpw", &file(made))).await;
        signs_in(&house, CAROL).await;
        let (head, body) = answered(&mut phone).await;
        assert!(head.starts_with("HTTP/1.1 403") && body.contains(said) && !body.contains("this is"), "{said}: {head}{body}");
    }
    for (reported, ruling) in [
        (Some(Reported { managed: false, ..Reported::clone(&managed) }), Override::Default),
        (Some(Reported { platform: "windows".into(), ..Reported::clone(&managed) }), Override::Default),
        (None, Override::Default),
        (Some(Reported::clone(&managed)), Override::Blacklist),
    ] {
        *house.known.reported.lock() = reported.map(Arc::new);
        house.set("carol", "phone1", ruling);
        phone.say(post("carol", "carolpw", &file(about()))).await;
        signs_in(&house, CAROL).await;
        let (head, body) = answered(&mut phone).await;
        assert!(head.starts_with("HTTP/1.1 403") && body.contains(kept), "{head}{body}");
    }
    assert!(house.known.seen.lock().is_empty());
}

#[tokio::test]
async fn x_11_odd_files_and_forms_are_refused_before_anybody_is_asked() {
    let (house, mut phone) = house().await;
    for (request, status) in [
        (post("carol", "carolpw", b"%PDF-1.7"), "422"),
        (post("carol", "carolpw", b""), "422"),
        (post("", "carolpw", &file(about())), "422"),
        (b"POST /open HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 3\r\n\r\nabc".to_vec(), "400"),
        (b"PUT /open HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 3\r\n\r\nabc".to_vec(), "405"),
    ] {
        // One that was refused may end its connection.
        let mut phone = house.phone().await;
        phone.say(request).await;
        let (head, _) = phone.message().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    }
    assert!(house.is_quiet().await);
    let mut changed = file(about());
    *changed.last_mut().unwrap() ^= 1;
    phone.say(post("carol", "carolpw", &changed)).await;
    signs_in(&house, CAROL).await;
    assert!(answered(&mut phone).await.0.starts_with("HTTP/1.1 422"), "one that was changed opens for nobody");
}

#[tokio::test]
async fn x_11_a_file_that_is_too_large_is_not_read_to_its_end() {
    let settings = mobile::Settings { inspected_body: 100_000, ..mobile::Settings::default() };
    let house = House::with(settings, "http").await;
    let mut phone = house.phone().await;
    phone.say(post("carol", "carolpw", &vec![b'x'; 200_000])).await;
    assert!(phone.head().await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn g_21_the_page_stands_on_its_own() {
    let (house, mut phone) = house().await;
    phone.say("GET /open?language=fr HTTP/1.1\r\nHost: gate.example\r\n\r\n").await;
    let (head, page) = answered(&mut phone).await;
    assert!(head.starts_with("HTTP/1.1 200") && page.contains("<html lang=\"fr\">") && !page.contains("<script"), "{head}{page}");
    assert!(field(&head, "content-security-policy").unwrap().contains("default-src 'none'"));
    for reference in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        if reference.starts_with("/assets/") || reference.contains("webmanifest") {
            phone.say(format!("GET {reference} HTTP/1.1\r\nHost: gate.example\r\n\r\n")).await;
            let (head, _) = phone.message().await;
            assert!(head.starts_with("HTTP/1.1 200"), "{reference}: {head}");
        }
    }
    assert!(house.is_quiet().await);
    for other in ["/open/x", "/Open", "/assets/app.css", "/assets/%2e%2e/x"] {
        phone.say(format!("GET {other} HTTP/1.1\r\nHost: gate.example\r\n\r\n")).await;
        let (head, _) = phone.message().await;
        assert!(head.starts_with("HTTP/1.1 403"), "{other}: {head}");
    }
}
