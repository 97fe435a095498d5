//! The feed: what was changed, in order; lost places are noticed.

use model::site::Section;
use store::feed::{self, Change, Part, Place, Since};
use store::{Expect, site};

use crate::World;

async fn put(w: &World, key: &'static str, text: &str) {
    let body = format!(r#"{{"name":"t","text":"{text}"}}"#);
    let put = w.store.write(move |tx| Box::pin(async move { site::put(tx, Section::Template, key, &body, Expect::Any).await })).await;
    put.expect("put");
}

fn row(key: &str) -> Change {
    Change::Row(Part::Site(Section::Template), key.into())
}

pub(crate) async fn check(w: &World) {
    let start = feed::newest(&w.store).await.expect("place");
    let same = feed::since(&w.store, &start, 10).await.expect("since");
    w.same(same, Since::Changes(vec![], start.clone()), "nothing new");

    put(w, "feed-a", "1").await;
    put(w, "feed-a", "1").await;
    put(w, "feed-b", "1").await;
    let mass = w.other.write(|tx| {
        Box::pin(async move {
            tx.reload(Section::User);
            tx.reload(Section::User);
            tx.reload_devices();
            Ok(())
        })
    });
    mass.await.expect("mass change");
    let newest = feed::newest(&w.store).await.expect("place");
    w.same(newest.number, start.number + 4, "no change, no row; a mass change is one row a section");
    let Since::Changes(changes, at) = feed::since(&w.other, &start, 100).await.expect("since") else { panic!("lost") };
    let wanted = vec![row("feed-a"), row("feed-b"), Change::Reload(Part::Site(Section::User)), Change::Reload(Part::Device)];
    w.same(changes, wanted, "in the order of the commits");
    w.same(at, newest.clone(), "and we stand at the newest");
    let Since::Changes(changes, at) = feed::since(&w.other, &start, 1).await.expect("since") else { panic!("lost") };
    w.same((changes, at.number), (vec![row("feed-a")], start.number + 1), "bounded");

    let foreign = Place { number: newest.number, id: "another".into() };
    w.same(feed::since(&w.store, &foreign, 10).await.expect("since"), Since::Lost, "another's place: a restored backup");
    let beyond = Place { number: newest.number + 7, id: newest.id.clone() };
    w.same(feed::since(&w.store, &beyond, 10).await.expect("since"), Since::Lost, "a place that is not there yet");
    w.is(w.store.prune_feed(1).await.expect("pruned") > 0, "old rows go");
    w.same(feed::since(&w.store, &start, 10).await.expect("since"), Since::Lost, "a pruned place");
    w.same(feed::newest(&w.store).await.expect("place"), newest.clone(), "the newest row stays");
    w.same(w.store.prune_feed(0).await.expect("pruned"), 0, "always");
    put(w, "feed-b", "2").await;
    let Since::Changes(changes, _) = feed::since(&w.store, &newest, 10).await.expect("since") else { panic!("lost") };
    w.same(changes, vec![row("feed-b")], "and the feed goes on from there");
}
