//! Pages of devices, filtered or searched, fast at a million rows whatever is asked.
//!
//! Without a search: the classes that fit are few, so the page is a merge of the first rows of each, all from one index. By
//! the time of the latest request the order is the newest first, else by user and id. With a search: one place after the
//! other (user, id, address, name, phone, IMEI), each a range of its index, in that order; a device stands once, where it is
//! found first. What does not fit the filter is passed over, for at most [`LOOKED_AT`] rows: then the page ends early and
//! its cursor says where to go on.

use std::collections::HashSet;

use model::device::Override;
use model::{Fault, Guilty, Timestamp};

use super::search::Place;
use super::{Class, DeviceRow, Stored, classes, columns};
use crate::Store;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::site::past;
use crate::value::values;

/// Rows that one search looks at, at most.
const LOOKED_AT: usize = 4_000;
/// Rows that a search reads at once.
const AT_ONCE: usize = 500;

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its latest request was allowed, or would be now.
    Allowed,
    /// It was blocked, or would be now.
    Blocked,
    /// It was entered and never seen.
    Unseen,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Blocked, Self::Unseen];

    /// By the latest decision.
    #[must_use]
    pub const fn of(allowed: Option<bool>) -> Self {
        match allowed {
            Some(true) => Self::Allowed,
            Some(false) => Self::Blocked,
            None => Self::Unseen,
        }
    }

    /// The word in queries and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Unseen => "unseen",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// Which devices a page shows: all that are given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// What the user, the id, the address, the friendly name, the phone number or the IMEI begins with; empty: all.
    pub search: String,
    /// What the user begins with; empty: all. Counts only without `search`.
    pub user: String,
    /// Whose latest request came after this; the newest stand first then.
    pub seen_since: Option<Timestamp>,
    /// Managed by some management, or not.
    pub managed: Option<bool>,
    /// By the latest decision.
    pub status: Option<Status>,
    /// With this ruling.
    pub ruling: Option<Override>,
    /// With this reason code; `test_mode:CODE` is one of its own. Empty: any.
    pub reason: String,
    /// Whose latest request came by this configuration; empty: any.
    pub gateway: String,
}

impl Filter {
    /// True if devices of this class are shown.
    #[must_use]
    pub fn takes(&self, class: &Class) -> bool {
        self.managed.is_none_or(|managed| managed == class.managed)
            && self.status.is_none_or(|status| status == Status::of(class.allowed))
            && self.ruling.is_none_or(|ruling| ruling.word() == class.ruling)
            && (self.reason.is_empty() || self.reason == class.code())
            && (self.gateway.is_empty() || self.gateway == class.gateway)
    }

    fn takes_all_classes(&self) -> bool {
        *self == Self { search: self.search.clone(), user: self.user.clone(), seen_since: self.seen_since, ..Self::default() }
    }
}

/// One page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The devices.
    pub rows: Vec<DeviceRow>,
    /// Where the next page begins, if there may be one.
    pub next: Option<String>,
    /// How many there are in all; `None` where that would have to be counted (a search, a time).
    pub total: Option<i64>,
}

/// A page of at most `limit` devices after a cursor; an empty one begins at the first.
///
/// # Errors
/// `bad-cursor` for one that is not of this list; when the store is away.
pub async fn page(on: &Store, filter: &Filter, after: &str, limit: u32) -> Result<Found, Fault> {
    let limit = limit.clamp(1, 1_000) as usize;
    let all = classes(on).await?;
    let fitting: Vec<&Class> = all.iter().map(|(class, _)| class).filter(|class| filter.takes(class)).collect();
    let (words, typed) = (fitting.iter().map(|class| class.word()).collect::<HashSet<_>>(), filter.search.trim());
    if !typed.is_empty() {
        return Search { filter, places: &Place::ALL, typed, classes: &words, limit }.run(on, after).await;
    }
    if !filter.user.trim().is_empty() {
        let typed = filter.user.trim();
        return Search { filter, places: &[Place::User], typed, classes: &words, limit }.run(on, after).await;
    }
    let total = all.iter().filter(|(class, _)| filter.takes(class)).map(|(_, amount)| amount).sum();
    match filter.seen_since {
        Some(since) => by_time(on, &fitting, since, after, limit).await,
        None if filter.takes_all_classes() => {
            let rows = scan(on, name_of(after)?, u32::try_from(limit + 1).unwrap_or(u32::MAX)).await?;
            Ok(Found { total: Some(total), ..cut(rows, limit, by_name) })
        }
        None => Ok(Found { total: Some(total), ..by_class(on, &fitting, after, limit).await? }),
    }
}

/// All devices in the order of (user, id), after the given one.
async fn scan(on: impl Reader, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<DeviceRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM device d WHERE d.realm = $1 AND (d.user_key, d.id) > ($2, $3) ORDER BY d.user_key, d.id LIMIT $4"
    );
    let realm = on.realm();
    let (user, id) = after.unwrap_or_default();
    let rows = on.rows(sql, values![realm, user, id, limit]).await?;
    rows.iter().map(|row| Stored::read(row)?.parsed().map_err(Into::into)).collect()
}

/// One line of the list by user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub user: String,
    /// Devices.
    pub devices: i64,
    /// Of them allowed by the latest decision.
    pub allowed: i64,
    /// Of them blocked.
    pub blocked: i64,
    /// Of them managed.
    pub managed: i64,
    /// The latest request of any.
    pub last_seen: Timestamp,
}

/// A page of users who have devices, after a user, whose names begin with `prefix` (any spelling).
///
/// # Errors
/// When the store is away.
pub async fn users(on: impl Reader, prefix: &str, after: &str, limit: u32) -> Result<Vec<UserRow>, Fault> {
    let sql = "SELECT user_key, CAST(count(*) AS BIGINT), CAST(sum(CASE WHEN last_allowed = 1 THEN 1 ELSE 0 END) AS BIGINT), \
               CAST(sum(CASE WHEN last_allowed = 0 THEN 1 ELSE 0 END) AS BIGINT), \
               CAST(sum(CASE WHEN reported LIKE '{\"managed\":true%' THEN 1 ELSE 0 END) AS BIGINT), max(last_seen) \
               FROM device WHERE realm = $1 AND user_key > $2 AND user_key >= $3 AND user_key < $4 \
               GROUP BY user_key ORDER BY user_key LIMIT $5";
    let prefix = model::device::user_key(prefix);
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, after, &prefix, past(&prefix), limit]).await?;
    let read = rows.iter().map(|row| {
        Ok(UserRow {
            user: row.text(0)?,
            devices: row.int(1)?,
            allowed: row.int(2)?,
            blocked: row.int(3)?,
            managed: row.int(4)?,
            last_seen: row.time(5)?,
        })
    });
    read.collect::<Result<_, StoreError>>().map_err(Into::into)
}

async fn by_class(on: &Store, fitting: &[&Class], after: &str, limit: usize) -> Result<Found, Fault> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM device d WHERE d.realm = $1 AND d.class = $2 AND (d.user_key, d.id) > ($3, $4) ORDER BY d.user_key, d.id LIMIT $5"
    );
    let (user, id) = name_of(after)?.unwrap_or_default();
    let mut rows = Vec::new();
    for class in fitting {
        let found = on.rows(sql, values![on.realm(), class.word(), user, id, limit + 1]).await?;
        for row in &found {
            rows.push(Stored::read(row)?);
        }
    }
    rows.sort_by(|a, b| (&a.user, &a.id).cmp(&(&b.user, &b.id)));
    first(rows, limit, by_name)
}

async fn by_time(on: &Store, fitting: &[&Class], since: Timestamp, after: &str, limit: usize) -> Result<Found, Fault> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM device d WHERE d.realm = $1 AND d.class = $2 AND d.last_seen >= $3 AND (d.last_seen, d.user_key, d.id) < ($4, $5, $6) \
         ORDER BY d.last_seen DESC, d.user_key DESC, d.id DESC LIMIT $7"
    );
    let (at, user, id) = time_of(after)?.unwrap_or((i64::MAX, "", ""));
    let mut rows = Vec::new();
    for class in fitting {
        let found = on.rows(sql, values![on.realm(), class.word(), since, at, user, id, limit + 1]).await?;
        for row in &found {
            rows.push(Stored::read(row)?);
        }
    }
    rows.sort_by(|a, b| (b.last_seen, &b.user, &b.id).cmp(&(a.last_seen, &a.user, &a.id)));
    first(rows, limit, |row| format!("{}/{}", row.device.last_seen.0, by_name(row)))
}

/// One search.
struct Search<'a> {
    filter: &'a Filter,
    places: &'a [Place],
    typed: &'a str,
    /// Words of the classes that the filter takes.
    classes: &'a HashSet<String>,
    limit: usize,
}

impl Search<'_> {
    /// Looks at one place after the other.
    async fn run(&self, on: &Store, after: &str) -> Result<Found, Fault> {
        let mut mark = Mark::read(after)?;
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        let at_once = AT_ONCE.min(self.limit + 1).max(50);
        for (number, place) in self.places.iter().enumerate().skip(mark.place) {
            if number > mark.place {
                mark = Mark { place: number, ..Mark::default() };
            }
            let Some((text, whole)) = place.wanted(self.typed) else { continue };
            let end = if whole { format!("{text}\u{1}") } else { past(&text) };
            if mark.is_start() {
                mark = Mark::before(number, *place, &text);
            }
            loop {
                let values = values![on.realm(), &text, &end, &mark.text, &mark.user, &mark.id, at_once];
                let found = on.rows(place.sql(), values).await?;
                for row in &found {
                    let stored = Stored::read(row)?;
                    let here = Mark { place: number, text: row.text(20)?, user: stored.user.clone(), id: stored.id.clone() };
                    if self.takes(number, &stored) {
                        if rows.len() == self.limit {
                            return Ok(Found { rows, next: Some(mark.word()), total: None });
                        }
                        rows.push(stored.parsed()?);
                    }
                    mark = here;
                }
                looked_at += found.len();
                if found.len() < at_once {
                    break;
                }
                if looked_at >= LOOKED_AT {
                    return Ok(Found { rows, next: Some(mark.word()), total: None });
                }
            }
        }
        Ok(Found { rows, next: None, total: None })
    }

    /// Fits the filter, and was not found at an earlier place.
    fn takes(&self, number: usize, stored: &Stored) -> bool {
        let fits = self.filter.takes_all_classes() || self.classes.contains(&stored.class);
        let seen = self.filter.seen_since.is_none_or(|since| stored.last_seen >= since);
        fits && seen && !self.places.iter().take(number).any(|earlier| finds(*earlier, self.typed, stored))
    }
}

/// True if a search finds this row at that place.
fn finds(place: Place, typed: &str, stored: &Stored) -> bool {
    let Some((wanted, whole)) = place.wanted(typed) else { return false };
    let reported = || stored.reported().ok().flatten().unwrap_or_default();
    let text = match place {
        Place::User => stored.user.clone(),
        Place::Id => stored.id.clone(),
        Place::Address => super::search::folded(&reported().address),
        Place::Name => super::search::folded(&reported().friendly_name),
        Place::Phone => super::search::digits(&reported().phone),
        Place::Imei => super::search::letters(&reported().imei),
    };
    if whole { text == wanted } else { text.starts_with(&wanted) }
}

/// A text below `text`, with next to nothing between.
fn below(text: &str) -> String {
    let mut below = text.to_owned();
    if let Some(before) = below.pop().and_then(|last| char::from_u32(u32::from(last).saturating_sub(1))).filter(|before| *before != '\0') {
        below.extend([before, char::MAX]);
    }
    below
}

/// Where a search is: in which place, and behind what there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mark {
    place: usize,
    text: String,
    user: String,
    id: String,
}

impl Mark {
    fn is_start(&self) -> bool {
        self.text.is_empty() && self.user.is_empty() && self.id.is_empty()
    }

    /// Right before the first row that can fit. PostgreSQL begins a range of an index at one of its bounds, and not always at the nearer
    /// one: from the very first row on, it would walk through all that come before.
    fn before(number: usize, place: Place, text: &str) -> Self {
        let (text, none) = (below(text), String::new());
        let (text, user, id) = match place {
            Place::User => (none.clone(), text, none),
            Place::Id => (none.clone(), none, text),
            Place::Address | Place::Name | Place::Phone | Place::Imei => (text, none.clone(), none),
        };
        Self { place: number, text, user, id }
    }

    /// `PLACE/ID/LENGTH/TEXT USER`: an id holds no slash, the others may.
    fn word(&self) -> String {
        format!("{}/{}/{}/{}{}", self.place, self.id, self.text.len(), self.text, self.user)
    }

    fn read(word: &str) -> Result<Self, Fault> {
        if word.is_empty() {
            return Ok(Self::default());
        }
        let mut parts = word.splitn(4, '/');
        let (place, id, length, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let read = || {
            let (length, rest) = (length?.parse::<usize>().ok()?, rest?);
            let (text, user) = rest.split_at_checked(length)?;
            Some(Self { place: place?.parse().ok()?, text: text.to_owned(), user: user.to_owned(), id: id?.to_owned() })
        };
        read().ok_or_else(|| bad_cursor(word))
    }
}

/// The first of rows that are in order, parsed, with the cursor of the next page if there are more.
fn first(rows: Vec<Stored>, limit: usize, cursor: impl Fn(&DeviceRow) -> String) -> Result<Found, Fault> {
    let parsed: Result<Vec<_>, StoreError> = rows.into_iter().take(limit + 1).map(Stored::parsed).collect();
    Ok(cut(parsed?, limit, cursor))
}

fn cut(mut rows: Vec<DeviceRow>, limit: usize, cursor: impl Fn(&DeviceRow) -> String) -> Found {
    let full = rows.len() > limit;
    rows.truncate(limit);
    let next = if full { rows.last().map(cursor) } else { None };
    Found { rows, next, total: None }
}

/// A device's place in the order of names. The id can't hold a slash, so the last one parts the two.
fn by_name(row: &DeviceRow) -> String {
    format!("{}/{}", row.device.user, row.device.id.as_str())
}

fn name_of(cursor: &str) -> Result<Option<(&str, &str)>, Fault> {
    if cursor.is_empty() {
        return Ok(None);
    }
    cursor.rsplit_once('/').map(Some).ok_or_else(|| bad_cursor(cursor))
}

fn time_of(cursor: &str) -> Result<Option<(i64, &str, &str)>, Fault> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (at, name) = cursor.split_once('/')?;
        let (user, id) = name.rsplit_once('/')?;
        Some((at.parse().ok()?, user, id))
    };
    read().map(Some).ok_or_else(|| bad_cursor(cursor))
}

fn bad_cursor(cursor: &str) -> Fault {
    let expected = "expected the `next` of the page before, with the same filter";
    Fault::permanent(Guilty::Sender, "bad-field", format!("after: {cursor:?}")).with("field", "after").with("expected", expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_11_cursors_come_back_as_they_were_and_odd_ones_are_refused() {
        for (text, user) in [("ann", "anna"), ("a/b", "c/d"), ("", ""), ("ä", "ö")] {
            let mark = Mark { place: 3, text: text.into(), user: user.into(), id: "x1".into() };
            assert_eq!(Mark::read(&mark.word()).unwrap(), mark);
        }
        for bad in ["1", "x/y/z", "1/a/99/short", "1/a/1/ä", "1/a/-1/b", "a/b/1/c"] {
            assert!(Mark::read(bad).is_err(), "{bad}");
        }
        assert!(name_of("nothing").is_err() && time_of("x/y/z").is_err() && time_of("5/x").is_err());
        assert_eq!(time_of("5/a/b/id").unwrap(), Some((5, "a/b", "id")));
    }

    #[test]
    fn a_7_a_search_begins_right_before_what_it_looks_for() {
        for text in ["b", "bob", "a\u{1}", "\u{e000}", "\u{10ffff}", "7"] {
            assert!(*below(text) < *text && !below(text).contains('\0'), "{text:?}");
        }
        assert!(*below("bob") > *"boazzzz" && *below("b") > *"azzz");
    }
}
