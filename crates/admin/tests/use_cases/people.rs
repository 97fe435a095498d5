//! Administrators, sign-in and tokens.

use std::net::IpAddr;
use std::time::Duration;

use admin::Expect;
use model::{Access, Actor, Right, Rights, SecretText};

use super::{House, house, local, with_rights};

fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

fn here() -> IpAddr {
    "192.0.2.9".parse().unwrap()
}

async fn enters(house: &House, name: &str, password: &str) -> bool {
    match house.admin.sign_in(name, secret(password), here()).await {
        Ok(_) => true,
        Err(fault) => {
            assert_eq!(fault.code, "sign-in-failed");
            false
        }
    }
}

#[tokio::test]
async fn a_1_the_first_start_makes_one_administrator_with_a_one_time_password() {
    let house = house().await;
    let (name, password) = house.admin.first_administrator().await.unwrap().unwrap();
    assert!(house.admin.first_administrator().await.unwrap().is_none(), "only once");
    let signed_in = house.admin.sign_in(" ADMIN ", password.clone(), here()).await.unwrap();
    assert_eq!((signed_in.name.as_str(), signed_in.rights, signed_in.must_change_password), ("admin", Rights::all(), true));

    let change = |present: &str, new: &str, again: &str| {
        let (admin, present, new, again) = (house.admin.clone(), secret(present), secret(new), secret(again));
        async move { admin.change_own_password("admin", present, new, again).await.map_err(|fault| fault.code) }
    };
    let one_time = password.expose();
    assert_eq!(change(one_time, "short", "short").await, Err("password-too-short"));
    assert_eq!(change(one_time, "a long password", "another password").await, Err("password-differs"));
    assert_eq!(change("wrong", "a long password", "a long password").await, Err("password-wrong"));
    assert_eq!(change(one_time, one_time, one_time).await, Err("password-not-new"));
    assert_eq!(change(one_time, "a long password", "a long password").await, Ok(()));
    assert!(!enters(&house, &name, one_time).await, "the one-time password is gone");
    let signed_in = house.admin.sign_in("admin", secret("a long password"), here()).await.unwrap();
    assert!(!signed_in.must_change_password);
}

#[tokio::test]
async fn x_16_guessing_locks_the_account_everywhere_and_says_nothing() {
    let house = house().await;
    house.admin.administrator_add(&local(), "bob", &["homeadmin".into()]).await.unwrap();
    let password = house.admin.administrator_reset(&local(), "bob").await.unwrap();
    for _ in 0..3 {
        assert!(!enters(&house, "bob", "guess").await);
    }
    assert!(!enters(&house, "bob", password.expose()).await, "locked, and in the same words");
    let fresh = house.admin.administrator_reset(&local(), "bob").await.unwrap();
    assert!(enters(&house, "bob", fresh.expose()).await, "an administrator unlocks");
}

#[tokio::test]
async fn x_16_guessing_names_locks_the_network() {
    let house = house().await;
    let password = house.admin.administrator_add(&local(), "bob", &["homeadmin".into()]).await.unwrap();
    for n in 0..5 {
        assert!(!enters(&house, &format!("nobody{n}"), "guess").await);
    }
    assert!(!enters(&house, "bob", password.expose()).await, "this network has guessed too often");
    let elsewhere = "198.51.100.1".parse().unwrap();
    assert!(house.admin.sign_in("bob", password, elsewhere).await.is_ok());
}

#[tokio::test]
async fn a_3_nobody_raises_rights_above_their_own() {
    let house = house().await;
    let admin = &house.admin;
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    admin.first_administrator().await.unwrap();
    let carol = with_rights(&["administrationadmin", "usersadmin"]);
    for above in [vec!["admin"], vec!["caadmin"], vec!["usersadmin", "logsadmin:read"]] {
        let fault = admin.administrator_add(&carol, "dave", &words(&above)).await.unwrap_err();
        assert_eq!(fault.code, "above-own-rights", "{above:?}");
        assert_eq!(admin.token_add(&carol, "t", &words(&above), None).await.unwrap_err().code, "above-own-rights");
    }
    admin.administrator_add(&carol, "dave", &words(&["usersadmin"])).await.unwrap();
    assert_eq!(admin.administrator_rights(&carol, "dave", &words(&["admin"]), Expect::Any).await.unwrap_err().code, "above-own-rights");
    // Nor may they touch somebody above them: a reset password would be a way to become them.
    assert_eq!(admin.administrator_reset(&carol, "admin").await.unwrap_err().code, "above-own-rights");
    assert_eq!(admin.administrator_remove(&carol, "admin", Expect::Any).await.unwrap_err().code, "above-own-rights");
    assert_eq!(admin.administrator_rights(&carol, "admin", &[], Expect::Any).await.unwrap_err().code, "above-own-rights");

    assert_eq!(admin.administrator_add(&local(), "eve", &words(&["useradmin"])).await.unwrap_err().code, "bad-field");
    assert_eq!(admin.administrator_add(&local(), "DAVE", &words(&[])).await.unwrap_err().code, "exists-already");
    admin.administrator_remove(&local(), "dave", Expect::Any).await.unwrap();
    assert_eq!(admin.administrator_remove(&local(), "admin", Expect::Any).await.unwrap_err().code, "still-used", "the last one stays");
}

#[tokio::test]
async fn tokens_are_cut_down_to_what_their_owner_may_now() {
    let house = house().await;
    let admin = &house.admin;
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    admin.administrator_add(&local(), "carol", &words(&["administrationadmin", "usersadmin", "homeadmin"])).await.unwrap();
    let carol = with_rights(&["administrationadmin", "usersadmin", "homeadmin"]);
    let (shown, token) = admin.token_add(&carol, "script", &words(&["usersadmin", "homeadmin:read"]), None).await.unwrap();
    assert_eq!(shown.owner, "carol");
    let may = |actor: &Actor, right, access| actor.rights.allow(right, access);
    let actor = admin.token_actor(&token, here()).await.unwrap().unwrap();
    assert_eq!((actor.name.as_str(), actor.origin.as_str()), ("token script of carol", "192.0.2.9"));
    assert!(may(&actor, Right::Users, Access::Write) && may(&actor, Right::Home, Access::Read));
    assert!(!may(&actor, Right::Home, Access::Write) && !may(&actor, Right::Administration, Access::Read));

    admin.administrator_rights(&local(), "carol", &words(&["homeadmin"]), Expect::Any).await.unwrap();
    let actor = admin.token_actor(&token, here()).await.unwrap().unwrap();
    assert!(!may(&actor, Right::Users, Access::Read) && may(&actor, Right::Home, Access::Read), "the owner lost the right");

    assert!(admin.token_actor(&secret("sealgate_guess"), here()).await.unwrap().is_none());
    admin.token_remove(&local(), &shown.id).await.unwrap();
    assert!(admin.token_actor(&token, here()).await.unwrap().is_none());
    assert_eq!(admin.token_remove(&local(), &shown.id).await.unwrap_err().code, "not-found");

    let (_, short) = admin.token_add(&local(), "short", &words(&["homeadmin"]), Some(Duration::from_secs(60))).await.unwrap();
    assert!(admin.token_actor(&short, here()).await.unwrap().is_some());
    house.clock.advance(Duration::from_secs(61));
    assert!(admin.token_actor(&short, here()).await.unwrap().is_none(), "its time is over");
}

#[tokio::test]
async fn x_16_a_reset_password_ends_the_tokens_made_with_the_old_one() {
    let house = house().await;
    let admin = &house.admin;
    let rights = vec!["administrationadmin".to_owned(), "homeadmin".to_owned()];
    admin.administrator_add(&local(), "carol", &rights).await.unwrap();
    let carol = with_rights(&["administrationadmin", "homeadmin"]);
    let (shown, taken) = admin.token_add(&carol, "left behind", &["homeadmin".to_owned()], None).await.unwrap();
    let (_, others) = admin.token_add(&local(), "somebody else's", &["homeadmin".to_owned()], None).await.unwrap();
    assert!(admin.token_actor(&taken, here()).await.unwrap().is_some());

    admin.administrator_reset(&local(), "carol").await.unwrap();
    assert!(admin.token_actor(&taken, here()).await.unwrap().is_none(), "who knew the old password keeps nothing");
    assert!(admin.token_actor(&others, here()).await.unwrap().is_some(), "others' tokens stay");
    let log = house.log().await;
    assert!(log.last().unwrap().starts_with(&format!("local administrator token/{} ", shown.id)), "{log:?}");
}

#[tokio::test]
async fn x_22_a_stolen_database_holds_no_password_and_no_token() {
    let house = house().await;
    let (_, password) = house.admin.first_administrator().await.unwrap().unwrap();
    let (_, token) = house.admin.token_add(&local(), "t", &["homeadmin".to_owned()], None).await.unwrap();
    let log = house.log().await.join("\n");
    assert!(log.contains("administrator/admin") && log.contains("«secret»") && !log.contains("argon2"), "x_21: {log}");
    house.store.close().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(house.dir.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        seen += bytes.len();
        for secret in [password.expose(), token.expose()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(seen > 10_000, "the database was looked at");
}
