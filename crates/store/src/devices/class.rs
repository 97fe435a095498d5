//! A device's class: all by which lists are filtered, in one word, and how many devices each class has.
//!
//! The classes are few (configurations × decisions), the devices many. So a list that is filtered by anything in the class
//! is a merge of a few ranges of one index, whatever the filter, and a count of devices is a sum over a few rows that change in
//! the transaction that changes a device. Changes of devices take one lock first: two nodes that change the same
//! device at once would both count it.

use std::collections::BTreeMap;

use model::Fault;
use model::device::Override;

use super::Stored;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::values;
use crate::write::Tx;

/// The row that is the lock. No class has this name: a class has four slashes.
const LOCK: &str = "-";

/// What a device is filtered and counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// Configuration by which its latest request came; empty: none yet.
    pub gateway: String,
    /// Some management manages it.
    pub managed: bool,
    /// The administrators' word; as in [`Override::word`].
    pub ruling: String,
    /// The latest decision; `None` if there was none.
    pub allowed: Option<bool>,
    /// Its reason's word, without `test_mode:`.
    pub reason: String,
}

impl Class {
    /// The word in the store.
    #[must_use]
    pub fn word(&self) -> String {
        let Self { gateway, managed, ruling, reason, .. } = self;
        format!("{gateway}/{}/{ruling}/{}/{reason}", u8::from(*managed), super::decided(self.allowed))
    }

    /// From the word; `None` for the lock and for what another version wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.rsplitn(5, '/');
        let (reason, allowed, ruling, managed, gateway) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            gateway: gateway.to_owned(),
            managed: managed == "1",
            ruling: Override::from_word(ruling)?.word().to_owned(),
            allowed: match allowed {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            reason: reason.to_owned(),
        })
    }

    /// The decision's code as dashboards and scripts read it: `test_mode:WORD` for what test mode let pass.
    #[must_use]
    pub fn code(&self) -> String {
        super::code(self.allowed, &self.reason)
    }
}

/// How many devices, by their latest decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Were allowed.
    pub allowed: i64,
    /// Were blocked.
    pub blocked: i64,
    /// Were entered and never seen.
    pub unseen: i64,
}

/// All classes that have devices, each with how many.
///
/// # Errors
/// When the store is away.
pub async fn classes(on: impl Reader) -> Result<Vec<(Class, i64)>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT class, amount FROM device_class WHERE realm = $1 AND amount > 0", values![realm]).await?;
    let read = rows.iter().map(|row| Ok((Class::from_word(&row.text(0)?), row.int(1)?)));
    let read: Vec<_> = read.collect::<Result<_, StoreError>>()?;
    Ok(read.into_iter().filter_map(|(class, amount)| Some((class?, amount))).collect())
}

/// How many devices there are, by their latest decision.
///
/// # Errors
/// When the store is away.
pub async fn tally(on: impl Reader) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    for (class, amount) in classes(on).await? {
        match class.allowed {
            Some(true) => tally.allowed += amount,
            Some(false) => tally.blocked += amount,
            None => tally.unseen += amount,
        }
    }
    Ok(tally)
}

/// Takes the lock of all changes of devices; it lasts until the transaction ends.
pub(super) async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_class (realm, class, amount) VALUES ($1, $2, 0) ON CONFLICT (realm, class) DO UPDATE SET amount = 0";
    let realm = tx.realm();
    tx.execute(sql, values![realm, LOCK]).await.map(drop)
}

/// What a transaction changes in the counts.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<String, i64>);

impl Moves {
    /// A device was `before` (`None`: there was none) and is `after` (`None`: it is gone).
    pub(super) fn note(&mut self, before: Option<&Stored>, after: Option<&Stored>) {
        for (stored, by) in [(before, -1), (after, 1)] {
            if let Some(stored) = stored {
                *self.0.entry(stored.counted()).or_default() += by;
            }
        }
    }

    /// Writes them; the lock is held.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let sql = "INSERT INTO device_class (realm, class, amount) VALUES ($1, $2, $3) \
                   ON CONFLICT (realm, class) DO UPDATE SET amount = device_class.amount + excluded.amount";
        let realm = tx.realm();
        for (class, by) in self.0.into_iter().filter(|(_, by)| *by != 0) {
            tx.execute(sql, values![realm, class, by]).await?;
        }
        Ok(())
    }
}

/// Counts all devices anew, and gives a class to those that a program of an older version wrote without one. Returns how
/// many counts were wrong: 0 unless such a program was at work. Takes seconds at a million devices.
///
/// # Errors
/// When the store is away.
pub async fn recount(tx: &mut Tx) -> Result<u64, Fault> {
    lock(tx).await?;
    let realm = tx.realm();
    let of = "gateway || '/' || CASE WHEN reported LIKE '{\"managed\":true%' THEN '1' ELSE '0' END || '/' || ruling || '/' || \
              CAST(last_allowed AS TEXT) || '/' || last_reason";
    let sql = format!("UPDATE device SET class = {of} WHERE realm = $1 AND class <> {of}");
    tx.execute(sqlx::AssertSqlSafe(sql), values![realm]).await?;
    let counted = tx.rows("SELECT class, CAST(count(*) AS BIGINT) FROM device WHERE realm = $1 GROUP BY class", values![realm]).await?;
    let known = tx.rows("SELECT class, amount FROM device_class WHERE realm = $1 AND class <> $2", values![realm, LOCK]).await?;
    let mut moves = Moves::default();
    for (rows, sign) in [(counted, 1), (known, -1)] {
        for row in rows {
            *moves.0.entry(row.text(0)?).or_default() += sign * row.int(1)?;
        }
    }
    let wrong = moves.0.values().filter(|by| **by != 0).count() as u64;
    moves.write(tx).await?;
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_its_word() {
        for (gateway, allowed, reason) in [("west", Some(true), "compliant"), ("", None, ""), ("a/b", Some(false), "not_managed")] {
            let class = Class { gateway: gateway.into(), managed: true, ruling: "default".into(), allowed, reason: reason.into() };
            assert_eq!(Class::from_word(&class.word()), Some(class));
        }
        assert_eq!(Class::from_word(LOCK), None);
    }

    #[test]
    fn g_12a_test_mode_has_its_own_code() {
        let class = |allowed, reason: &str| {
            Class { gateway: String::new(), managed: false, ruling: "default".into(), allowed, reason: reason.into() }.code()
        };
        assert_eq!(class(Some(true), "user"), "test_mode:user");
        assert_eq!((class(Some(false), "user"), class(Some(true), "compliant")), ("user".into(), "compliant".into()));
        assert_eq!(class(Some(true), "of_a_newer_version"), "of_a_newer_version");
    }
}
