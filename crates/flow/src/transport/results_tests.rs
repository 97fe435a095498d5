//! Counts by day, domain and policy, and their file.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const FIRST: Timestamp = Timestamp(86_400_000_000 * 3 - 1);
const SECOND: Timestamp = Timestamp(86_400_000_000 * 3);

fn failure() -> Failure {
    Failure { result: "validation-failure".into(), host: "mx.a.example".into(), address: None, reason: "why".into() }
}

fn counted(results: &Results) {
    let policy = Policy::none("a.example");
    results.note(FIRST, &policy, None);
    results.note(FIRST, &policy, Some(failure()));
    results.note(FIRST, &policy, Some(failure()));
    results.note(SECOND, &Policy::none("b.example"), None);
    results.note_report(FIRST, "c.example");
    results.note(FIRST, &Policy::none("c.example"), None);
}

#[test]
fn m_t4_sessions_are_counted_by_day_domain_and_policy() {
    let results = Results::new(DAY, None);
    counted(&results);
    let (period, domains) = results.over(SECOND).unwrap();
    assert_eq!(
        (period.start, period.end, domains.len()),
        (Timestamp(86_400_000_000 * 2), Timestamp(86_399_000_000 + 86_400_000_000 * 2), 1)
    );
    let (domain, policies) = &domains[0];
    assert_eq!(domain, "a.example");
    assert_eq!(policies[0].summary, Summary { good: 1, bad: 2 });
    let shown = serde_json::to_value(policies).unwrap();
    assert_eq!(shown[0]["policy"]["policy-type"], "no-policy-found");
    assert_eq!(shown[0]["failure-details"][0]["failed-session-count"], 2);
    assert!(results.over(SECOND).is_some(), "it stays until its reports are sent");
    results.told(period);
    assert!(results.over(SECOND).is_none(), "today is not over");
}

#[test]
fn m_t4_counts_survive_the_end_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tls-results");
    let results = Results::new(DAY, Some(file.clone()));
    results.keep().unwrap();
    assert!(!file.exists(), "nothing to keep yet");
    counted(&results);
    results.keep().unwrap();
    let again = Results::new(DAY, Some(file.clone()));
    assert_eq!(again.over(SECOND), results.over(SECOND));
    again.note(FIRST, &Policy::none("a.example"), Some(failure()));
    let (period, domains) = again.over(SECOND).unwrap();
    assert_eq!(domains[0].1[0].summary, Summary { good: 1, bad: 3 }, "counting goes on");
    again.told(period);
    again.keep().unwrap();
    let last = Results::new(DAY, Some(file.clone()));
    assert!(last.over(SECOND).is_none(), "what was told is gone");
    assert_eq!(last.over(Timestamp(86_400_000_000 * 5)).unwrap().1[0].0, "b.example");
    for broken in [&b"noise"[..], b"SGtr\0\x02\0\0[]", b"SGtr\0\x01\0\0[{", b""] {
        std::fs::write(&file, broken).unwrap();
        let fresh = Results::new(DAY, Some(file.clone()));
        assert!(fresh.over(SECOND).is_none());
        counted(&fresh);
        fresh.keep().unwrap();
        assert_eq!(Results::new(DAY, Some(file.clone())).over(SECOND), results.over(SECOND));
    }
}

#[test]
fn x_11_a_domain_that_shows_another_policy_each_time_takes_no_more_room() {
    let results = Results::new(DAY, None);
    let day = Timestamp(86_400_000_000);
    for n in 0..1_000 {
        results.note(day, &Policy::tlsa("a.example", vec![format!("3 1 1 {n:064x}")]), None);
    }
    results.note(day, &Policy::none("b.example"), None);
    let (_, domains) = results.over(day.after(DAY)).unwrap();
    let mut policies: Vec<(String, usize)> = domains.into_iter().map(|(domain, policies)| (domain, policies.len())).collect();
    policies.sort();
    assert_eq!(policies, [("a.example".to_owned(), POLICIES_MAX), ("b.example".to_owned(), 1)]);
}
