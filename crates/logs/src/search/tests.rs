//! Searches over files that the writer and the keeper made.

use std::sync::Arc;

use model::{FixedClock, TraceId};

use super::*;
use crate::query::{Asked, Outcome};
use crate::{Keeper, Stories};

const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

/// A folder with stories of so many mails, `every`th of them put away; the 7th of ten is deferred, then delivered much later, the 9th bounces.
struct House {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    stories: Stories,
}

fn trace(n: usize) -> String {
    let ms = u128::try_from(NOW.0 / 1_000).unwrap() + n as u128;
    TraceId::from_u128((ms << 80) | (7 << 76) | n as u128).to_string()
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(NOW));
        let stories = Stories::open(folder.path(), clock.clone(), || ()).unwrap();
        Self { folder, clock, stories }
    }

    fn say(&self, fields: &str) {
        let at = jiff::Timestamp::from_microsecond(model::Clock::now(&*self.clock).0).unwrap();
        self.stories.append(format!("{{\"timestamp\":\"{at:.6}\",\"level\":\"INFO\",{fields}}}\n").as_bytes());
        self.clock.advance(Duration::from_millis(1));
    }

    fn accepted(&self, n: usize) {
        self.say(&format!(
            r#""event":"mail.accepted","trace":"{}","peer":"192.0.2.{}","from":"Alice{}@Company.example","to":"bob{n}@partner.example, all@list.example","size":{n},"message_id":"{n}@company.example""#,
            trace(n),
            n % 200,
            n % 50,
        ));
    }

    fn told(&self, n: usize, event: &str, to: &str) {
        self.say(&format!(r#""event":"{event}","trace":"{}","to":"{to}","reply":"words of {event} {n}""#, trace(n)));
    }

    fn mails(&self, range: std::ops::Range<usize>) {
        for n in range.clone() {
            self.accepted(n);
            let to = format!("bob{n}@partner.example");
            match n % 10 {
                7 => self.told(n, "mail.deferred", &to),
                9 => self.told(n, "mail.bounced", &to),
                _ => self.told(n, "mail.delivered", &to),
            }
            self.told(n, "mail.delivered", "all@list.example");
        }
    }

    fn put_away(&self) {
        self.clock.advance(Duration::from_secs(86_400));
        self.stories.look();
        Keeper::new(self.folder.path()).round(90, model::Clock::now(&*self.clock)).unwrap();
    }

    fn page(&self, asked: &Asked<'_>, after: &str, limit: usize, time: Duration) -> Found {
        let query = Query::parse(asked, model::Clock::now(&*self.clock)).unwrap();
        Reader::new(self.folder.path()).search(&query, &Page { after, limit, events: false, time }).unwrap()
    }

    fn all(&self, asked: &Asked<'_>, limit: usize) -> Vec<Story> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let found = self.page(asked, &after, limit, Duration::from_secs(60));
            assert_eq!((found.in_time, &found.damaged), (true, &Vec::new()));
            all.extend(found.stories);
            match found.next {
                Some(next) => after = next,
                None => return all,
            }
        }
    }
}

fn numbers(stories: &[Story]) -> Vec<u64> {
    stories.iter().map(|story| story.size).collect()
}

/// Some put away, some rotated only, some in the active file.
fn house() -> House {
    let house = House::new();
    house.mails(0..4_000);
    house.put_away();
    house.mails(4_000..4_500);
    house.clock.advance(Duration::from_secs(86_400));
    house.stories.look();
    house.mails(4_500..5_000);
    for n in (7..4_900).step_by(10) {
        house.told(n, "mail.delivered", &format!("bob{n}@partner.example"));
    }
    house
}

#[test]
fn s_6_every_mail_is_found_once_newest_first_over_all_kinds_of_files() {
    let house = house();
    assert_eq!(files::list(house.folder.path()).unwrap().iter().map(|file| file.archived).collect::<Vec<_>>(), [true, false]);
    let found = numbers(&house.all(&Asked::default(), 333));
    let wanted: Vec<u64> = (0..5_000).rev().collect();
    assert_eq!(found, wanted);
}

#[test]
fn s_6_by_trace_address_domain_peer_and_message_id() {
    let house = house();
    let one = |asked: Asked<'_>| numbers(&house.all(&asked, 1_000));
    assert_eq!(one(Asked { trace: &trace(1_234), ..Asked::default() }), [1_234]);
    assert_eq!(one(Asked { trace: &trace(999_999), ..Asked::default() }), Vec::<u64>::new());
    assert_eq!(one(Asked { to: "BOB4321@partner.example", ..Asked::default() }), [4_321]);
    assert_eq!(one(Asked { address: "bob4999@partner.example", ..Asked::default() }), [4_999]);
    assert_eq!(one(Asked { from: "bob1@partner.example", ..Asked::default() }), Vec::<u64>::new());
    assert_eq!(one(Asked { from: "alice7@company.example", ..Asked::default() }).len(), 100);
    assert_eq!(one(Asked { domain: "list.example", ..Asked::default() }).len(), 5_000);
    assert_eq!(one(Asked { peer: "192.0.2.199", ..Asked::default() }).len(), 25);
    assert_eq!(one(Asked { message_id: "<77@company.example>", ..Asked::default() }), [77]);
    assert_eq!(one(Asked { from: "alice7@company.example", to: "bob57@partner.example", ..Asked::default() }), [57]);
    assert_eq!(one(Asked { text: "BOUNCED 4999", ..Asked::default() }), [4_999]);
}

#[test]
fn s_6_by_outcome_as_it_is_now() {
    let house = house();
    let bounced = house.all(&Asked { outcome: "bounced", ..Asked::default() }, 60);
    assert_eq!(bounced.len(), 500);
    assert!(bounced.iter().all(|story| story.size % 10 == 9 && story.recipients.len() == 2));
    // Mail 17 was deferred on the first day and delivered on the third: its story joins three files.
    let deferred = numbers(&house.all(&Asked { outcome: "deferred", ..Asked::default() }, 60));
    assert_eq!(deferred, (4_907..5_000).rev().filter(|n| n % 10 == 7).collect::<Vec<u64>>());
    let story = house.all(&Asked { trace: &trace(17), ..Asked::default() }, 1).remove(0);
    assert_eq!((story.outcome, story.recipients[0].tries), (Some(Outcome::Delivered), 2));
}

#[test]
fn s_6_by_time() {
    let house = House::new();
    house.mails(0..100);
    let middle = jiff::Timestamp::from_microsecond(model::Clock::now(&*house.clock).0).unwrap().to_string();
    house.mails(100..200);
    house.put_away();
    assert_eq!(house.all(&Asked { until: &middle, ..Asked::default() }, 30).len(), 100);
    let later = house.all(&Asked { since: &middle, ..Asked::default() }, 30);
    assert!(later.iter().all(|story| story.size >= 100) && later.len() == 100);
    assert_eq!(house.all(&Asked { since: "1h", ..Asked::default() }, 30).len(), 0);
}

#[test]
fn s_6_a_place_stays_when_its_file_is_put_away() {
    let house = House::new();
    house.mails(0..3_000);
    let first = house.page(&Asked::default(), "", 1_000, Duration::from_secs(60));
    house.put_away();
    house.mails(3_000..3_010);
    let second = house.page(&Asked::default(), first.next.as_deref().unwrap(), 1_000, Duration::from_secs(60));
    assert_eq!(numbers(&second.stories), (1_000..2_000).rev().collect::<Vec<u64>>());
}

#[test]
fn s_6_when_its_time_is_up_a_page_says_where_to_go_on() {
    let house = house();
    let asked = Asked { text: "nowhere to be found", ..Asked::default() };
    let (mut after, mut pages) = (String::new(), 0);
    while pages < 100 {
        let found = house.page(&asked, &after, 10, Duration::ZERO);
        pages += 1;
        assert!(found.stories.is_empty());
        let Some(next) = found.next else { break };
        assert!(!found.in_time && next != after, "each page goes on, by a block at least");
        after = next;
    }
    assert!((2..100).contains(&pages), "{pages}");
}

#[test]
fn a_damaged_archive_is_named_and_the_rest_is_found() {
    let house = house();
    let archive = files::list(house.folder.path()).unwrap().remove(0).path;
    std::fs::write(&archive, b"nonsense").unwrap();
    let found = house.page(&Asked { to: "bob4999@partner.example", ..Asked::default() }, "", 10, Duration::from_secs(60));
    assert_eq!(numbers(&found.stories), [4_999]);
    assert_eq!(found.damaged.len(), 1, "{:?}", found.damaged);
}

#[test]
fn a_client_that_was_refused_before_its_mail_had_an_id_is_found() {
    let house = House::new();
    house.mails(0..3);
    house.say(r#""event":"mail.refused","peer":"198.51.100.9","from":"eve@elsewhere.example","to":"bob@other.example","code":"no-relay","cause":"not ours""#);
    house.mails(3..5);
    let found = house.all(&Asked { address: "eve@elsewhere.example", ..Asked::default() }, 10);
    assert_eq!((found.len(), found[0].outcome, found[0].reason.as_str()), (1, Some(Outcome::Refused), "no-relay not ours"));
    assert_eq!(house.all(&Asked { outcome: "refused", ..Asked::default() }, 10).len(), 1);
    assert_eq!(house.all(&Asked::default(), 10).len(), 6);
}
