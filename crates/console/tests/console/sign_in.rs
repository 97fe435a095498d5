//! Signing in, one-time passwords, sessions, forms (console.md A-1, security.md X-16).

use std::time::Duration;

use http::{Method, StatusCode, header};
use model::Actor;

use crate::house::house;

/// The page without what differs from visit to visit.
fn said(text: &str) -> String {
    text.split("role=\"alert\">").nth(1).map_or("", |rest| rest.split('<').next().unwrap()).to_owned()
}

#[tokio::test]
async fn x_16_whatever_is_wrong_is_said_with_the_same_words_after_the_same_work() {
    let house = house().await;
    for name in ["carol", "dave", "erin", "frank"] {
        house.administrator(name, &["admin"]).await;
    }
    let mut browser = house.browser();
    let mut words = Vec::new();
    // Each kind costs one password hash, and that is nearly all of the time: counted, as times of a busy machine say nothing.
    let mut hashed = Vec::new();
    let wrong = ["carol", "dave", "erin", "frank"].map(|name| (name, "hunter2"));
    let unknown = ["gina", "hal", "ina", "jo"].map(|name| (name, "hunter2"));
    let locked = ["hunter2", "hunter2", "long enough carol", "long enough carol", "long enough carol"].map(|password| ("carol", password));
    for (name, password) in wrong.into_iter().chain(unknown).chain(locked) {
        let csrf = browser.get("/sign-in").await.csrf();
        let form = format!("csrf={csrf}&name={name}&password={}&next=/", web::form::encode(password));
        let before = house.pool.ran();
        let answer = browser.send(Method::POST, "/sign-in", &form).await;
        hashed.push(house.pool.ran() - before);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {password}");
        assert!(answer.text.contains(&format!("value=\"{name}\"")), "the name stays");
        assert!(!answer.text.contains(password), "the password doesn't");
        words.push(said(&answer.text));
    }
    assert!(!words[0].is_empty() && words.iter().all(|said| *said == words[0]), "{words:?}");
    assert!(hashed.iter().all(|count| *count == 1), "{hashed:?}");
}

#[tokio::test]
async fn a_one_time_password_is_replaced_before_anything_else() {
    let house = house().await;
    let (name, one_time) = house.admin.first_administrator().await.unwrap().unwrap();
    let mut browser = house.browser();
    let answer = browser.sign_in(&name, one_time.expose()).await;
    assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/password"));
    assert_eq!(browser.get("/queue").await.header(header::LOCATION), "/password");
    let page = browser.get("/password").await;
    assert!(!page.text.contains("href=\"/queue\""), "no menu yet");

    let present = web::form::encode(one_time.expose());
    for (fields, words) in [
        (format!("present={present}&password=short&password_again=short"), "too short"),
        (format!("present={present}&password=correct+horse&password_again=correct+house"), "differ"),
        ("present=wrong&password=correct+horse&password_again=correct+horse".to_owned(), "present password is wrong"),
        (format!("present={present}&password={present}&password_again={present}"), "is the old one"),
    ] {
        let answer = browser.post("/password", "/password", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(answer.text.contains(words) && answer.text.contains("aria-invalid=\"true\""), "{}", answer.text);
        assert!(!answer.text.contains("correct horse"), "passwords are never sent back");
    }
    let done =
        browser.post("/password", "/password", &format!("present={present}&password=correct+horse&password_again=correct+horse")).await;
    assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/"));
    // Changing the password ends sessions; where this browser's own ended too, it signs in again.
    if browser.get("/").await.status != StatusCode::OK {
        assert_eq!(browser.sign_in(&name, "correct horse").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    let mut other = house.browser();
    assert_eq!(other.sign_in(&name, one_time.expose()).await.status, StatusCode::UNAUTHORIZED, "it worked once");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_keeps_this_one() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    let (mut here, mut there) = (house.signed_in("carol").await, house.signed_in("carol").await);
    let fields = "present=long+enough+carol&password=another+one+now&password_again=another+one+now";
    assert_eq!(here.post("/password", "/password", fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/").await.status, StatusCode::OK);
    assert_eq!(there.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sessions_expire_by_the_clock_and_end_by_signing_out() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    let mut browser = house.signed_in("carol").await;
    house.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    house.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(browser.get("/").await.header(header::LOCATION), "/sign-in");

    let mut browser = house.signed_in("carol").await;
    let mut copy = house.signed_in("carol").await;
    assert_eq!(browser.post("/", "/sign-out", "").await.header(header::LOCATION), "/sign-in");
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(copy.get("/").await.status, StatusCode::OK, "the other browser stays");
}

#[tokio::test]
async fn an_account_that_is_removed_or_demoted_feels_it_at_once() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    house.administrator("dave", &["homeadmin", "logsadmin"]).await;
    let mut browser = house.signed_in("dave").await;
    assert_eq!(browser.get("/queue").await.status, StatusCode::OK);
    house.admin.administrator_rights(&Actor::local(), "dave", &["homeadmin".to_owned()], store::Expect::Any).await.unwrap();
    assert_eq!(browser.get("/queue").await.status, StatusCode::FORBIDDEN);
    assert!(!browser.get("/").await.text.contains("href=\"/queue\""), "nor is it shown");
    house.admin.administrator_remove(&Actor::local(), "dave", store::Expect::Any).await.unwrap();
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    house.queue.add("q1", house.now());
    let mut browser = house.signed_in("carol").await;
    for form in ["", "csrf=", "csrf=abc"] {
        assert_eq!(browser.send(Method::POST, "/queue/q1/remove", form).await.status, StatusCode::FORBIDDEN, "{form}");
    }
    assert!(house.queue.entries.lock().contains_key("q1"));
    let ask = browser.get("/queue/q1/remove").await;
    assert!(ask.text.contains("be undone") && ask.text.contains("&lt;script&gt;@partner.example"), "{}", ask.text);
    let done = browser.post("/queue/q1/remove", "/queue/q1/remove", "").await;
    assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/queue"));
    assert!(!house.queue.entries.lock().contains_key("q1"));
    let log = browser.get("/audit").await;
    assert!(log.text.contains("queue&#x2f;q1") && log.text.contains("carol"), "{}", log.text);
}

#[tokio::test]
async fn the_language_is_the_browsers_until_one_is_chosen() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    let mut browser = house.browser();
    browser.language = "de-CH, en;q=0.5";
    assert!(browser.get("/sign-in").await.text.contains("<html lang=\"de\">"));
    browser.post("/sign-in", "/sign-in/language", "language=it&next=//evil.example").await;
    assert!(browser.get("/sign-in").await.text.contains("<html lang=\"it\">"));
    browser.sign_in("carol", "long enough carol").await;
    assert!(browser.get("/").await.text.contains("Pagina iniziale"));
    let answer = browser.post("/", "/language", "language=fr&next=//evil.example").await;
    assert_eq!(answer.header(header::LOCATION), "/", "never to another site");
    assert!(browser.get("/").await.text.contains("Tout va bien") || browser.get("/").await.text.contains("Accueil"));
}

#[tokio::test]
async fn after_sign_in_one_comes_where_one_wanted_to() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    let mut browser = house.browser();
    let sent = browser.get("/devices?q=anna").await;
    let page = browser.get(sent.header(header::LOCATION)).await;
    assert!(page.text.contains("&#x2f;devices?q=anna"), "{}", page.text);
    let fields = "name=carol&password=long+enough+carol&next=%2Fdevices%3Fq%3Danna";
    assert_eq!(browser.post("/sign-in", "/sign-in", fields).await.header(header::LOCATION), "/devices?q=anna");
    let mut evil = house.browser();
    let fields = "name=carol&password=long+enough+carol&next=https%3A%2F%2Fevil.example";
    assert_eq!(evil.post("/sign-in", "/sign-in", fields).await.header(header::LOCATION), "/");
}
