//! Tests of [`super`]: time is a parameter.

use super::*;

const SPANS: Spans = Spans { delay: Duration::from_secs(300), window: Duration::from_secs(14_400), memory: Duration::from_secs(3_110_400) };
const START: Timestamp = Timestamp(1_795_297_474_000_000);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn triplet(client: &str, sender: &str, recipient: &str) -> Triplet {
    let address = |text: &str| Address::parse(text).unwrap();
    Triplet::of(client.parse().unwrap(), (!sender.is_empty()).then(|| address(sender)).as_ref(), &address(recipient))
}

fn waits(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Wait { why, .. } => why,
        Verdict::Known => "known",
        Verdict::Passed { .. } => "passed",
    }
}

#[test]
fn m_p1_a_triplet_is_network_sender_and_recipient() {
    let base = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    assert_eq!(base, triplet("192.0.2.200", "a@B.EXAMPLE", "bob@company.example"), "the same /24, other spelling");
    assert_eq!(base, triplet("::ffff:192.0.2.9", "a@b.example", "bob@company.example"));
    assert_ne!(base, triplet("192.0.3.1", "a@b.example", "bob@company.example"));
    assert_ne!(base, triplet("192.0.2.1", "", "bob@company.example"));
    assert_ne!(base, triplet("192.0.2.1", "a@b.example", "ann@company.example"));
    assert_eq!(
        triplet("2001:db8:1:2::1", "a@b.example", "bob@company.example"),
        triplet("2001:db8:1:2:ffff::9", "a@b.example", "bob@company.example"),
        "the same /64"
    );
    assert_eq!(Triplet::parse(&base.text()), Some(base));
    assert_eq!(Triplet::parse("zz"), None);
}

#[test]
fn m_p1_the_retry_passes_in_its_window_and_is_remembered() {
    let list = Greylist::new(100);
    let one = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    assert_eq!(list.judge(one, at(0), SPANS), Verdict::Wait { left: SPANS.delay, why: "first try" });
    assert_eq!(list.judge(one, at(100), SPANS), Verdict::Wait { left: Duration::from_secs(200), why: "too early" });
    assert_eq!(list.judge(one, at(300), SPANS), Verdict::Passed { waited: Duration::from_secs(300) });
    assert_eq!(list.judge(one, at(301), SPANS), Verdict::Known);
    let after = 300 + SPANS.memory.as_secs();
    assert_eq!(waits(list.judge(one, at(after), SPANS)), "known", "the last day, which begins the memory anew");
    assert_eq!(waits(list.judge(one, at(after + SPANS.memory.as_secs()), SPANS)), "known");
    assert_eq!(waits(list.judge(one, at(4 * after), SPANS)), "too late");

    let two = triplet("192.0.2.1", "c@b.example", "bob@company.example");
    assert_eq!(waits(list.judge(two, at(0), SPANS)), "first try");
    assert_eq!(waits(list.judge(two, at(14_401), SPANS)), "too late", "a new window begins");
    assert_eq!(waits(list.judge(two, at(14_500), SPANS)), "too early");
    assert_eq!(waits(list.judge(two, at(14_701), SPANS)), "passed");
}

#[test]
fn m_p1_what_was_learned_never_waits() {
    let list = Greylist::new(100);
    let one = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    list.learn(one, at(0), SPANS);
    assert_eq!(list.judge(one, at(1), SPANS), Verdict::Known);
    assert_eq!(list.take_changed(100).len(), 1);
    list.learn(one, at(10), SPANS);
    assert!(list.take_changed(100).is_empty(), "a busy correspondence is no busy writer");
}

#[test]
fn m_p1_what_another_node_saw_counts_here() {
    let (here, there) = (Greylist::new(100), Greylist::new(100));
    let one = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    assert_eq!(waits(there.judge(one, at(0), SPANS)), "first try");
    here.heard(there.take_changed(100), at(2), SPANS);
    assert_eq!(waits(here.judge(one, at(300), SPANS)), "passed");
    there.heard(here.take_changed(100), at(301), SPANS);
    assert_eq!(waits(there.judge(one, at(302), SPANS)), "known");
    // Both saw a first try before they heard of each other.
    let two = triplet("192.0.2.1", "c@b.example", "bob@company.example");
    let (first, second) = (here.judge(two, at(0), SPANS), there.judge(two, at(200), SPANS));
    assert_eq!((waits(first), waits(second)), ("first try", "first try"));
    there.heard(here.take_changed(100), at(201), SPANS);
    assert_eq!(waits(there.judge(two, at(300), SPANS)), "passed", "the earlier try counts");
}

#[test]
fn m_p1_the_table_is_bounded_and_who_has_passed_stays() {
    let list = Greylist::new(50);
    let known = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    list.learn(known, at(0), SPANS);
    for n in 0..1_000 {
        let flood = triplet("198.51.100.1", &format!("n{n}@b.example"), "bob@company.example");
        assert_eq!(waits(list.judge(flood, at(n), SPANS)), "first try");
        assert!(list.len() <= 50, "{}", list.len());
    }
    assert_eq!(list.judge(known, at(1_001), SPANS), Verdict::Known);
    assert!(list.take_changed(100).len() <= 50);
}

#[test]
fn what_could_not_be_written_is_not_lost() {
    let list = Greylist::new(10);
    let one = triplet("192.0.2.1", "a@b.example", "bob@company.example");
    assert_eq!(waits(list.judge(one, at(0), SPANS)), "first try");
    let old = list.take_changed(100);
    assert_eq!(waits(list.judge(one, at(300), SPANS)), "passed");
    list.put_back(old);
    assert_eq!(list.take_changed(100)[0].1.passed, at(300), "the newer one stays");
}

#[test]
fn m_p1_what_the_store_does_not_know_is_taken_in_parts() {
    let list = Greylist::new(100);
    for n in 0..25 {
        list.learn(triplet("192.0.2.1", &format!("a{n}@b.example"), "bob@company.example"), at(0), SPANS);
    }
    let parts: Vec<usize> = (0..4).map(|_| list.take_changed(10).len()).collect();
    assert_eq!(parts, [10, 10, 5, 0]);
}
