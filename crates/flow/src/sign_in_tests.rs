//! Tests of signing in: whose account it is, what a no looks like, and what counts as a guess.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::SiteRow;
use model::site::Section;

use super::*;

/// Hashes are `hash of PASSWORD`; counts how often one was looked at.
#[derive(Default)]
struct Plain(AtomicUsize);

#[async_trait]
impl SignInPort for Plain {
    async fn fits(&self, password: SecretText, hash: Option<String>) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        hash.is_some_and(|hash| hash == format!("hash of {}", password.expose()))
    }

    fn open(&self, _: &str, _: &str) -> Option<SecretText> {
        None
    }
}

const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

fn site() -> Site {
    let mut site = Site::default();
    for (section, key, body) in [
        (Section::User, "bob@company.example", r#"{"address":"Bob@company.example","user_id":"bob1","send_as":["sales@company.example"]}"#),
        (Section::User, "ann@company.example", r#"{"address":"ann@company.example","user_id":"twin"}"#),
        (
            Section::User,
            "eve@company.example",
            r#"{"address":"eve@company.example","user_id":"twin","may_not_encrypt":true,"may_not_sign":true}"#,
        ),
        (Section::Secret, "user/bob@company.example/password", r#"{"password_hash":"hash of secret"}"#),
        (Section::Secret, "user/eve@company.example/password", r#"{"password_hash":"hash of secret"}"#),
    ] {
        site.apply(&SiteRow { section, key: key.into(), version: 1, body: body.into() }).unwrap();
    }
    site
}

fn peer(last: u8) -> Peer {
    Peer::new([192, 0, 2, last].into())
}

fn sign_in(port: &Arc<Plain>) -> SignIn {
    SignIn::new(port.clone(), SignInSettings { answer: Duration::from_millis(30), ..SignInSettings::default() })
}

async fn tries(signs: &SignIn, name: &str, password: &str, last: u8) -> Result<Address, &'static str> {
    signs.check(&site(), &peer(last), name, SecretText::new(password.to_owned()), NOW).await.map_err(|fault| fault.code)
}

#[tokio::test]
async fn m_t5_an_account_is_found_by_address_or_user_id() {
    let signs = sign_in(&Arc::default());
    for name in ["bob@company.example", "BOB@Company.Example", "bob1", "BOB1"] {
        assert_eq!(tries(&signs, name, "secret", 1).await.unwrap().as_str(), "Bob@company.example", "{name}");
    }
    assert_eq!(tries(&signs, "eve@company.example", "secret", 1).await, Err("sign-in-failed"), "a leaver");
    assert_eq!(tries(&signs, "twin", "secret", 1).await, Err("sign-in-failed"), "two have this id");
    assert_eq!(tries(&signs, "ann@company.example", "", 1).await, Err("sign-in-failed"), "no password is no password");
}

#[tokio::test]
async fn x_16_every_no_takes_as_long_and_looks_at_a_hash() {
    let port: Arc<Plain> = Arc::default();
    let signs = sign_in(&port);
    for (number, (name, password)) in
        [("bob@company.example", "wrong"), ("nobody@company.example", "wrong"), ("", "x"), ("no address", "x")].into_iter().enumerate()
    {
        let begun = Instant::now();
        assert_eq!(tries(&signs, name, password, 1).await, Err("sign-in-failed"));
        assert!(begun.elapsed() >= Duration::from_millis(30), "{name}");
        assert_eq!(port.0.load(Ordering::Relaxed), number + 1, "{name}: a hash was looked at");
    }
}

#[tokio::test]
async fn x_16_guesses_count_per_account_and_per_network() {
    let port: Arc<Plain> = Arc::default();
    let signs = sign_in(&port);
    for (last, name) in (1..).zip(["bob@company.example", "BOB@company.example", "bob1", "Bob1", "\"bob\"@company.example"]) {
        assert!(tries(&signs, name, "guess", last).await.is_err());
    }
    assert_eq!(tries(&signs, "bob@company.example", "secret", 99).await, Err("sign-in-failed"), "locked, from anywhere");
    assert_eq!(port.0.load(Ordering::Relaxed), 6, "a lock costs what a guess costs");
    let signs = sign_in(&port);
    for number in 0..20 {
        assert!(tries(&signs, &format!("user{number}"), "guess", 7).await.is_err());
    }
    assert!(tries(&signs, "bob@company.example", "secret", 7).await.is_err(), "this network has guessed enough");
    assert!(tries(&signs, "bob@company.example", "secret", 8).await.is_ok());
}

#[tokio::test]
async fn x_16_a_flood_of_names_locks_no_account_out() {
    let guesses = GuessSettings { most: 4, ..GuessSettings::default() };
    let signs = SignIn::new(Arc::<Plain>::default(), SignInSettings { answer: Duration::ZERO, guesses, ..SignInSettings::default() });
    assert!(tries(&signs, "bob@company.example", "secret", 1).await.is_ok());
    for last in 10..60 {
        assert!(tries(&signs, &format!("name{last}"), "guess", last).await.is_err());
        assert!(tries(&signs, "bob1", "guess", last).await.is_err());
    }
    assert_eq!(tries(&signs, "bob@company.example", "secret", 2).await, Err("sign-in-failed"), "he is guessed at");
    assert!(tries(&signs, "bob@company.example", "secret", 1).await.is_ok(), "but gets in from where he did before");
}

#[tokio::test]
async fn m_t5_a_directory_that_can_not_be_asked_is_nobodys_guess() {
    let mut site = site();
    let body = r#"{"auth":"ldap","auth_ldap":"ldap://127.0.0.1:1;u;@secret(mail/auth_ldap);dc=x;(mail=$user)"}"#;
    site.apply(&SiteRow { section: Section::Mail, key: String::new(), version: 1, body: body.into() }).unwrap();
    let signs = sign_in(&Arc::default());
    for _ in 0..10 {
        let fault = signs.check(&site, &peer(1), "bob@company.example", SecretText::new("x".to_owned()), NOW).await.unwrap_err();
        assert_eq!((fault.code, fault.temporary), ("directory-away", true));
    }
    assert!(offered(&site) && still_there(&site, &Address::parse("new@company.example").unwrap()));
}

#[test]
fn m_t5_an_account_is_gone_with_its_user() {
    let site = site();
    let address = |text: &str| Address::parse(text).unwrap();
    assert!(still_there(&site, &address("bob@company.example")));
    assert!(!still_there(&site, &address("eve@company.example")) && !still_there(&site, &address("gone@company.example")));
    assert!(may_send_as(&site, &address("bob@company.example"), &address("SALES@company.example")));
    assert!(!may_send_as(&site, &address("sales@company.example"), &address("bob@company.example")), "not the other way round");
    assert!(offered(&site) && !offered(&Site::default()));
}
