//! Do a gateway's replies, or their times, tell what a private key did (security.md X-3)?

use std::time::Instant;

use crate::Scene;
use crate::ranks::assert_alike;
use crate::scene::{GATE, header, mail_of};
use crate::smtp::Client;

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";

/// Bob sends Alice all kinds of entities many times. The first opens, all others fail; replies must be the same for all, times for all
/// that fail: good mail has more to do.
///
/// # Panics
/// When something differs; says what.
pub fn replies_tell_nothing(scene: &Scene, rounds: usize, kinds: &[(&str, String)]) {
    let mut client = Client::connect(GATE, "127.0.0.20").expect("a connection");
    let _ = client.say("EHLO partner.example").expect("a reply");
    let (mut times, mut replies) = (vec![Vec::new(); kinds.len()], Vec::new());
    for round in 0..rounds {
        // In another order each time, so that what the machine does beside meets all alike.
        for turn in 0..kinds.len() {
            let which = (turn + round) % kinds.len();
            let mail = mail_of(BOB, ALICE, &format!("m{round}-{which}"), &kinds[which].1);
            let before = Instant::now();
            let reply = client.mail(BOB, &[ALICE], mail.as_bytes()).expect("a reply");
            times[which].push(before.elapsed().as_secs_f64());
            // Without the trace id, which is another for each mail.
            let words: Vec<&str> = reply.split_whitespace().filter(|word| word.len() < 20).collect();
            replies.push(words.join(" "));
        }
    }
    replies.sort_unstable();
    replies.dedup();
    assert_eq!(replies, ["250 2.0.0 Accepted as"], "one reply for all");
    let mails = scene.company.wait_for("alice", rounds * kinds.len());
    let failed = mails.iter().filter(|mail| header(mail, "x-sealgate-encryption") == "failed").count();
    assert_eq!(failed, rounds * (kinds.len() - 1), "all of them were tried");
    let samples: Vec<_> = kinds.iter().map(|kind| kind.0).zip(times).skip(1).collect();
    assert_alike(&samples);
}
