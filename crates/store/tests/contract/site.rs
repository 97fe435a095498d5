//! Site rows: versions, conflicts, order, pages; data keys.

use model::Fault;
use model::site::Section;
use store::{Expect, Put, WrappedKey, data_keys, site};

use crate::World;

pub(crate) async fn put(w: &World, section: Section, key: &str, body: &str, expect: Expect) -> Result<Put, &'static str> {
    let (key, body) = (key.to_owned(), body.to_owned());
    let put = w.store.write(move |tx| Box::pin(async move { site::put(tx, section, &key, &body, expect).await })).await;
    put.map_err(|fault: Fault| fault.code)
}

async fn remove(w: &World, key: &'static str, expect: Expect) -> Result<bool, &'static str> {
    let removed = w.other.write(move |tx| Box::pin(async move { site::remove(tx, Section::Template, key, expect).await })).await;
    removed.map_err(|fault| fault.code)
}

fn body(text: &str) -> String {
    format!(r#"{{"name":"t","text":"{text}"}}"#)
}

pub(crate) async fn check(w: &World) {
    versions_and_conflicts(w).await;
    removed_rows_count_on(w).await;
    bodies_that_nodes_cannot_read_are_refused(w).await;
    order_and_pages(w).await;
    keys_by_epoch(w).await;
}

async fn versions_and_conflicts(w: &World) {
    let t = Section::Template;
    w.same(put(w, t, "a", &body("1"), Expect::New).await, Ok(Put { version: 1, changed: true }), "made");
    w.same(put(w, t, "a", &body("1"), Expect::New).await, Err("changed-meanwhile"), "is there already");
    w.same(put(w, t, "a", &body("2"), Expect::Version(1)).await, Ok(Put { version: 2, changed: true }), "the expected version");
    w.same(put(w, t, "a", &body("3"), Expect::Version(1)).await, Err("changed-meanwhile"), "two people edit: the second is told");
    w.same(put(w, t, "a", &body("2"), Expect::Any).await, Ok(Put { version: 2, changed: false }), "the same again is no change");
    w.same(put(w, t, "a", &body("4"), Expect::Any).await, Ok(Put { version: 3, changed: true }), "the last wins when asked to");
    let row = site::get(&w.other, t, "a").await.expect("reads").expect("is there");
    w.same((row.version, row.body), (3, body("4")), "the other node reads it");
    w.same(put(w, t, "none", &body("1"), Expect::Version(1)).await, Err("changed-meanwhile"), "nothing there to change");
}

async fn removed_rows_count_on(w: &World) {
    w.same(remove(w, "a", Expect::Version(2)).await, Err("changed-meanwhile"), "an old version removes nothing");
    w.same(remove(w, "a", Expect::Version(3)).await, Ok(true), "removed");
    w.same(remove(w, "a", Expect::Any).await, Ok(false), "removed before");
    w.is(site::get(&w.store, Section::Template, "a").await.expect("reads").is_none(), "it is gone");
    w.same(remove(w, "a", Expect::Version(4)).await, Err("changed-meanwhile"), "a removed row can't be removed again");
    let anew = put(w, Section::Template, "a", &body("5"), Expect::New).await;
    w.same(anew, Ok(Put { version: 5, changed: true }), "made anew it does not reuse a version");
}

async fn bodies_that_nodes_cannot_read_are_refused(w: &World) {
    let refused = put(w, Section::Domain, "bad.example", r#"{"name":1}"#, Expect::Any).await;
    w.same(refused, Err("site-row-unreadable"), "a body of the wrong shape");
    w.is(site::get(&w.store, Section::Domain, "bad.example").await.expect("reads").is_none(), "it is not there");
}

async fn order_and_pages(w: &World) {
    // Upper case before lower case, letters beyond ASCII last: octets, not a locale.
    for key in ["page-b", "page-B", "page-ä", "page-a", "page-Z", "other"] {
        put(w, Section::Template, key, &body("p"), Expect::Any).await.expect("put");
    }
    let page = site::page(&w.store, Section::Template, "page-", "", 3).await.expect("page");
    let keys: Vec<_> = page.iter().map(|row| row.key.as_str()).collect();
    w.same(keys, vec!["page-B", "page-Z", "page-a"], "first page");
    let page = site::page(&w.store, Section::Template, "page-", "page-a", 9).await.expect("page");
    let keys: Vec<_> = page.iter().map(|row| row.key.as_str()).collect();
    w.same(keys, vec!["page-b", "page-ä"], "second page");
    let all = site::all(&w.store).await.expect("all");
    let section = site::section(&w.store, Section::Template).await.expect("section");
    w.is(section.iter().all(|row| all.contains(row)) && section.len() >= 7, "the section is a part of all");
    w.is(all.windows(2).all(|two| (two[0].section.word(), &two[0].key) < (two[1].section.word(), &two[1].key)), "all are in order");
}

async fn keys_by_epoch(w: &World) {
    let key = |epoch: i64, byte: u8| WrappedKey { epoch, wrapped: vec![byte, 0, 255] };
    w.same(data_keys::all(&w.store).await.expect("keys"), vec![], "a fresh site has none");
    for epoch in [2, 1] {
        let add = key(epoch, 7);
        w.store.write(move |tx| Box::pin(async move { data_keys::add(tx, &add).await })).await.expect("added");
    }
    let twice = w.other.write(move |tx| Box::pin(async move { data_keys::add(tx, &WrappedKey { epoch: 2, wrapped: vec![] }).await })).await;
    w.same(twice.map_err(|f| f.code), Err("changed-meanwhile"), "one key an epoch");
    let anew = key(1, 9);
    w.store.write(move |tx| Box::pin(async move { data_keys::rewrap(tx, &anew).await })).await.expect("wrapped anew");
    w.same(data_keys::all(&w.other).await.expect("keys"), vec![key(1, 9), key(2, 7)], "oldest first, NUL octets and all");
}
