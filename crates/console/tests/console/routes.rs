//! Every route, taken from the router's own list, without and with the wrong rights (CVE-2026-44125, -29134, -29132).

use http::{Method, StatusCode, header};
use model::{Access, Right};
use web::{Face, Need, Public, RouteInfo};

use crate::house::{House, call, house};

fn path_of(route: &RouteInfo) -> String {
    let mut path = route.path.clone();
    for (name, value) in [
        ("{key}", "x"),
        ("{id}", "x1"),
        ("{user}", "bob"),
        ("{name}", "x"),
        ("{gateway}", "*"),
        ("{platform}", "ios"),
        ("{client}", "mail"),
        ("{act}", "hold"),
    ] {
        path = path.replace(name, value);
    }
    path
}

fn list(house: &House) -> Vec<RouteInfo> {
    let list = console::routes::routes(&house.state).list().to_vec();
    assert!(list.len() > 80, "{} routes", list.len());
    list
}

#[tokio::test]
async fn cve_2026_44125_no_route_answers_a_stranger() {
    let house = house().await;
    let router = console::router(house.state.clone());
    for route in list(&house) {
        let path = path_of(&route);
        let stranger = house.browser().send(route.method.clone(), &path, "").await;
        match (route.need, route.face) {
            (Need::Public(Public::SignIn), _) => assert!([StatusCode::OK, StatusCode::FORBIDDEN].contains(&stranger.status), "{path}"),
            (Need::Public(Public::Asset | Public::Health), _) => assert_eq!(stranger.status, StatusCode::NOT_FOUND, "{path}"),
            (_, Face::Page) if route.method == Method::GET => {
                assert_eq!(stranger.status, StatusCode::SEE_OTHER, "{path}");
                assert!(stranger.header(header::LOCATION).starts_with("/sign-in"), "{path}");
            }
            _ => assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{} {path}", route.method),
        }
        if route.face == Face::Api {
            let wrong = call(&router, route.method, path.trim_start_matches("/api/v1"), "sealgate_wrong", &[], "").await;
            assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn cve_2026_29132_no_route_answers_somebody_with_all_other_rights() {
    let house = house().await;
    let router = console::router(house.state.clone());
    for right in Right::ALL {
        let others: Vec<&str> = Right::ALL.iter().filter(|other| *other != right).map(|other| other.word()).collect();
        let name = format!("not-{}", right.word());
        house.administrator(&name, &others).await;
        let (token, mut browser) = (house.token(&others).await, house.signed_in(&name).await);
        let csrf = browser.get("/password").await.csrf();
        for route in list(&house) {
            if !matches!(route.need, Need::Right(needed, _) if needed == *right) {
                continue;
            }
            let path = path_of(&route);
            let status = match route.face {
                Face::Page => browser.send(route.method.clone(), &path, &format!("csrf={csrf}")).await.status,
                Face::Api => call(&router, route.method.clone(), path.trim_start_matches("/api/v1"), &token, &[], "").await.status,
            };
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", route.method);
        }
    }
}

#[tokio::test]
async fn cve_2026_29134_a_reading_right_changes_nothing_and_the_right_one_opens() {
    let house = house().await;
    let router = console::router(house.state.clone());
    let readers: Vec<String> = Right::ALL.iter().map(|right| format!("{}:read", right.word())).collect();
    let reader = house.token(&readers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let all = house.token(&["admin"]).await;
    for route in list(&house).into_iter().filter(|route| route.face == Face::Api) {
        let path = path_of(&route);
        let path = path.trim_start_matches("/api/v1");
        let read = call(&router, route.method.clone(), path, &reader, &[], "").await.status;
        let full = call(&router, route.method.clone(), path, &all, &[], "").await.status;
        if matches!(route.need, Need::Right(_, Access::Write)) {
            assert_eq!(read, StatusCode::FORBIDDEN, "{} {path}", route.method);
        } else {
            assert_ne!(read, StatusCode::FORBIDDEN, "{} {path}", route.method);
        }
        assert!(
            ![StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED, StatusCode::INTERNAL_SERVER_ERROR].contains(&full),
            "{} {path}: {full}",
            route.method
        );
    }
}

#[tokio::test]
async fn a_session_is_no_way_into_the_api_and_a_token_none_into_pages() {
    let house = house().await;
    house.administrator("carol", &["admin"]).await;
    let mut browser = house.signed_in("carol").await;
    assert_eq!(browser.get("/api/v1/counts").await.status, StatusCode::UNAUTHORIZED, "no forged request reaches the API by a cookie");
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}
