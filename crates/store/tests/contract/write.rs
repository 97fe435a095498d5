//! The write task: all or nothing, whatever happens to closure or caller.

use model::site::Section;
use model::{Fault, Guilty};
use store::{Expect, audit, people, site};

use crate::World;

const BODY: &str = r#"{"name":"w.example","forward":"[127.0.0.1]:2601"}"#;

pub(crate) async fn check(w: &World) {
    refused_changes_leave_nothing(w).await;
    panics_leave_nothing(w).await;
    errors_passed_over_leave_nothing(w).await;
    callers_may_go_away(w).await;
    two_nodes_write_at_once(w).await;
    nul_is_refused(w).await;
    audit_is_part_of_the_change(w).await;
}

async fn refused_changes_leave_nothing(w: &World) {
    let before = store::feed::newest(&w.store).await.expect("place");
    let refused: Result<(), Fault> = w
        .store
        .write(|tx| {
            Box::pin(async move {
                site::put(tx, Section::Domain, "w.example", BODY, Expect::Any).await?;
                let seen = site::get(&mut *tx, Section::Domain, "w.example").await?;
                assert!(seen.is_some(), "a transaction reads what it wrote");
                Err(Fault::permanent(Guilty::Sender, "no-right", "on purpose"))
            })
        })
        .await;
    w.same(refused.map_err(|f| f.code), Err("no-right"), "the closure's own fault comes back");
    w.is(site::get(&w.store, Section::Domain, "w.example").await.expect("reads").is_none(), "nothing was kept");
    w.same(store::feed::newest(&w.store).await.expect("place"), before, "the feed is silent");
}

async fn panics_leave_nothing(w: &World) {
    let crashed: Result<(), Fault> = w
        .store
        .write(|tx| {
            Box::pin(async move {
                site::put(tx, Section::Domain, "w.example", BODY, Expect::Any).await?;
                panic!("on purpose")
            })
        })
        .await;
    w.same(crashed.map_err(|f| f.code), Err("store-broken"), "a panic is a fault");
    w.is(site::get(&w.store, Section::Domain, "w.example").await.expect("reads").is_none(), "nothing was kept");
}

/// PostgreSQL's COMMIT of a failed transaction says nothing and keeps nothing; SQLite's would keep the rest.
async fn errors_passed_over_leave_nothing(w: &World) {
    let passed_over = w.store.write(|tx| {
        Box::pin(async move {
            let token = people::Token {
                id: "over".into(),
                hash: "over".into(),
                name: String::new(),
                owner: "ann".into(),
                scopes: "[]".into(),
                created: model::Timestamp(0),
                expires: None,
            };
            people::add_token(tx, &token).await?;
            let _ = people::add_token(tx, &token).await;
            Ok(())
        })
    });
    w.same(passed_over.await.map_err(|f| f.code), Err("store-broken"), "it is not said to be done");
    w.same(people::tokens(&w.store).await.expect("tokens"), vec![], "nothing was kept");
}

async fn callers_may_go_away(w: &World) {
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (leave, may_leave) = tokio::sync::oneshot::channel::<()>();
    let store = w.store.clone();
    let caller = tokio::spawn(async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let _ = entered.send(());
                    let _ = may_leave.await;
                    site::put(tx, Section::Domain, "gone.example", BODY, Expect::Any).await
                })
            })
            .await
    });
    inside.await.expect("the closure runs");
    caller.abort();
    assert!(caller.await.expect_err("aborted").is_cancelled());
    let _ = leave.send(());
    let after = w.store.write(|tx| Box::pin(async move { site::get(&mut *tx, Section::Domain, "gone.example").await })).await;
    w.is(after.expect("writes go on").is_some(), "the change of a caller that went away is whole");
}

/// Each reads, then writes: SQLite without BEGIN IMMEDIATE refuses most of that.
async fn two_nodes_write_at_once(w: &World) {
    let mut all = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = if n % 2 == 0 { w.store.clone() } else { w.other.clone() };
        all.spawn(async move {
            let write = store.write(move |tx| {
                Box::pin(async move {
                    let key = format!("at-once-{n}.example");
                    assert!(site::get(&mut *tx, Section::Domain, &key).await?.is_none());
                    site::put(tx, Section::Domain, &key, BODY, Expect::New).await
                })
            });
            write.await.map_err(|fault| fault.to_string())
        });
    }
    let done = all.join_all().await;
    let failed: Vec<_> = done.iter().filter_map(|put| put.as_ref().err()).collect();
    w.same(failed, vec![], "all hundred succeed");
    w.same(site::page(&w.store, Section::Domain, "at-once-", "", 200).await.expect("page").len(), 100, "and all are there");
}

async fn nul_is_refused(w: &World) {
    let body = r#"{"name":"n.example","forward":"x"}"#;
    let put =
        w.store.write(move |tx| Box::pin(async move { site::put(tx, Section::Domain, "n\0.example", body, Expect::Any).await })).await;
    w.same(put.map(|p| p.version).map_err(|f| f.code), Err("text-has-nul"), "NUL is refused on both engines");
}

async fn audit_is_part_of_the_change(w: &World) {
    for n in 0..5 {
        let what = format!("domain/{n}");
        w.clock.advance(std::time::Duration::from_secs(1));
        let write = w.store.write(move |tx| {
            Box::pin(async move {
                let entry = audit::Entry { who: "ann", what: &what, before: None, after: Some("{}") };
                audit::append(tx, entry).await
            })
        });
        write.await.expect("written");
    }
    let first = audit::page(&w.store, "", 3).await.expect("page");
    let whats: Vec<_> = first.iter().map(|k| k.what.as_str()).collect();
    w.same(whats, vec!["domain/4", "domain/3", "domain/2"], "newest first");
    let second = audit::page(&w.store, &first[2].id, 2).await.expect("page");
    let whats: Vec<_> = second.iter().map(|k| k.what.as_str()).collect();
    w.same(whats, vec!["domain/1", "domain/0"], "the cursor goes on");
    w.same((second[0].who.as_str(), second[0].before.clone(), second[0].after.as_deref()), ("ann", None, Some("{}")), "all is kept");
}
