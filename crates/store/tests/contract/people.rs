//! Administrators, sessions, tokens.

use model::Timestamp;
use store::Expect;
use store::people::{self, Administrator, Session, Token};

use crate::World;

fn ann(rights: &str) -> Administrator {
    Administrator { name: "ann".into(), password_hash: "$argon2id$x".into(), rights: rights.into(), must_change: true, version: 0 }
}

async fn put(w: &World, who: Administrator, expect: Expect) -> Result<i64, &'static str> {
    let put = w.store.write(move |tx| Box::pin(async move { people::put_administrator(tx, &who, expect).await })).await;
    put.map_err(|fault| fault.code)
}

async fn begin(w: &World, hash: &str, expires: i64) {
    let session =
        Session { hash: hash.into(), administrator: "ann".into(), body: "{}".into(), seen: Timestamp(1), expires: Timestamp(expires) };
    w.store.write(move |tx| Box::pin(async move { people::begin_session(tx, &session).await })).await.expect("begun");
}

pub(crate) async fn check(w: &World) {
    administrators(w).await;
    sessions(w).await;
    tokens(w).await;
    let removed = w.store.write(|tx| Box::pin(async move { people::remove_administrator(tx, "ann", Expect::Any).await })).await;
    w.is(removed.expect("removed"), "removed");
    w.same(people::tokens(&w.store).await.expect("tokens"), vec![], "with all their tokens");
}

async fn administrators(w: &World) {
    w.same(put(w, ann("[]"), Expect::New).await, Ok(1), "made");
    w.same(put(w, ann("[]"), Expect::New).await, Err("changed-meanwhile"), "is there");
    w.same(put(w, ann(r#"["admin"]"#), Expect::Version(1)).await, Ok(2), "changed");
    w.same(put(w, ann("[]"), Expect::Version(1)).await, Err("changed-meanwhile"), "two people edit");
    let read = people::administrator(&w.other, "ann").await.expect("reads").expect("is there");
    w.same((read.rights.as_str(), read.must_change, read.version), (r#"["admin"]"#, true, 2), "as written");
    w.is(!format!("{read:?}").contains("argon2"), "the hash is not printed");
    w.same(people::administrators(&w.store).await.expect("all").len(), 1, "one");
    w.is(people::administrator(&w.store, "eve").await.expect("reads").is_none(), "nobody");
}

async fn sessions(w: &World) {
    let now = w.clock_now();
    begin(w, "s1", now + 100).await;
    begin(w, "s2", now + 10).await;
    let find = async |hash: &str, at: i64| people::session(&w.other, hash, Timestamp(at)).await.expect("reads");
    w.same(find("s1", now).await.map(|s| s.administrator), Some("ann".to_owned()), "found by its hash");
    w.is(find("s2", now + 10).await.is_none(), "ended");
    let touched =
        w.store.write(move |tx| Box::pin(async move { people::touch_session(tx, "s1", "{1}", Timestamp(now + 900)).await })).await;
    w.is(touched.expect("touched"), "seen");
    w.same(find("s1", now + 899).await.map(|s| s.body), Some("{1}".to_owned()), "for longer");
    let pruned = w.store.write(move |tx| Box::pin(async move { people::prune(tx, Timestamp(now + 10)).await })).await;
    w.same(pruned.expect("pruned"), 1, "the ended one goes");
    let ended = w.store.write(|tx| Box::pin(async move { people::end_session(tx, "s1").await })).await;
    w.is(ended.expect("ended"), "signed out");
    begin(w, "s3", now + 100).await;
    w.same(put(w, ann(r#"["admin"]"#), Expect::Any).await, Ok(3), "changed");
    w.is(find("s3", now).await.is_none(), "a change of rights or password ends the sessions");
}

async fn tokens(w: &World) {
    let token = |id: &str, expires: Option<i64>| Token {
        id: id.into(),
        hash: format!("hash of {id}"),
        name: "nightly".into(),
        owner: "ann".into(),
        scopes: "[]".into(),
        created: Timestamp(5),
        expires: expires.map(Timestamp),
    };
    for token in [token("t1", None), token("t2", Some(100))] {
        w.store.write(move |tx| Box::pin(async move { people::add_token(tx, &token).await })).await.expect("added");
    }
    let twice = token("t1", None);
    let twice = w.store.write(move |tx| Box::pin(async move { people::add_token(tx, &twice).await })).await;
    w.same(twice.map_err(|fault| fault.code), Err("changed-meanwhile"), "ids are unique");
    w.same(people::token(&w.other, "hash of t1", Timestamp(999)).await.expect("reads"), Some(token("t1", None)), "for ever");
    w.is(people::token(&w.other, "hash of t2", Timestamp(99)).await.expect("reads").is_some(), "until its end");
    w.is(people::token(&w.other, "hash of t2", Timestamp(100)).await.expect("reads").is_none(), "not after");
    w.same(people::tokens(&w.store).await.expect("tokens").len(), 2, "both are listed");
    let removed = w.store.write(|tx| Box::pin(async move { people::remove_token(tx, "t2").await })).await;
    w.is(removed.expect("removed"), "removed");
}

impl World {
    fn clock_now(&self) -> i64 {
        model::Clock::now(&*self.clock).0
    }
}
