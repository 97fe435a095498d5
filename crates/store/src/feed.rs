//! The change feed: how every node learns what changed, in the order of the commits.
//!
//! One row per change, numbered from one counter row that is taken as the transaction's last act: the row's
//! lock is held until the commit, so numbers become visible in their own order and a reader that has seen N
//! never misses a smaller one; and because it is taken last, a long transaction holds up nobody. Rows carry
//! random ids: a reader that finds its place gone (pruned) or with another id (a restored backup) reads all anew.
//! The feed names what changed, not the new content: the reader reads the row.

use model::Fault;
use model::site::Section;

use crate::Store;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::values;
use crate::write::Tx;

/// What a row of the feed speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A section of the site's rows.
    Site(Section),
    /// Devices: rulings of administrators (sightings don't go through the feed).
    Device,
    /// Wrapped data keys.
    DataKey,
}

impl Part {
    /// The word in the feed.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Site(section) => section.word(),
            Self::Device => "device",
            Self::DataKey => "data_key",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Device, Self::DataKey].into_iter().find(|p| p.word() == word).or_else(|| Section::from_word(word).map(Self::Site))
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// One row was put or removed.
    Row(Part, String),
    /// Many rows: read this part anew.
    Reload(Part),
}

/// A reader's place: all up to this row is known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Number of the row.
    pub number: i64,
    /// Its random id.
    pub id: String,
}

/// What came after a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// These changes, in order; the new place. Empty: nothing yet.
    Changes(Vec<Change>, Place),
    /// The place is gone or is another's: read everything anew.
    Lost,
}

/// Writes the transaction's changes as its last act and returns the newest number.
pub(crate) async fn append(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let changes = tx.take_changes();
    let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(None);
    }
    if let Some(hint) = tx.dialect().hint() {
        tx.script(hint).await?;
    }
    let realm = tx.realm();
    let taken = "UPDATE feed_counter SET number = number + $2 WHERE realm = $1 RETURNING number";
    let row = tx.row(taken, values![realm, count]).await?;
    let newest = row.ok_or(StoreError::Damaged { what: "the feed", cause: "its counter is gone".into() })?.int(0)?;
    for (number, change) in (newest - count + 1..).zip(changes) {
        let (part, key) = match change {
            Change::Row(part, key) => (part, Some(key)),
            Change::Reload(part) => (part, None),
        };
        let sql = "INSERT INTO feed (realm, number, id, section, key) VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, values![realm, number, uuid::Uuid::new_v4().to_string(), part.word(), key]).await?;
    }
    Ok(Some(newest))
}

/// The newest place.
///
/// # Errors
/// When the store is away.
pub async fn newest(on: impl Reader) -> Result<Place, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT number, id FROM feed WHERE realm = $1 ORDER BY number DESC LIMIT 1", values![realm]).await?;
    let row = rows.first().ok_or(StoreError::Damaged { what: "the feed", cause: "it is empty".into() })?;
    Ok(Place { number: row.int(0)?, id: row.text(1)? })
}

/// At most `limit` changes after `place`.
///
/// # Errors
/// When the store is away.
pub async fn since(on: impl Reader, place: &Place, limit: usize) -> Result<Since, Fault> {
    let sql = "SELECT number, id, section, key FROM feed WHERE realm = $1 AND number >= $2 ORDER BY number LIMIT $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, place.number, limit.saturating_add(1)]).await?;
    let Some((first, later)) = rows.split_first() else {
        return Ok(Since::Lost);
    };
    if first.int(0)? != place.number || first.text(1)? != place.id {
        return Ok(Since::Lost);
    }
    let mut at = place.clone();
    let mut changes = Vec::with_capacity(later.len());
    for row in later {
        at = Place { number: row.int(0)?, id: row.text(1)? };
        let word = row.text(2)?;
        let Some(part) = Part::from_word(&word) else {
            tracing::debug!(section = word, "the feed speaks of something that only a newer version knows");
            continue;
        };
        changes.push(row.opt_text(3)?.map_or(Change::Reload(part), |key| Change::Row(part, key)));
    }
    Ok(Since::Changes(changes, at))
}

impl Store {
    /// Removes all but the newest `keep` rows of the feed (the newest row stays always). A reader that was away
    /// for longer reloads.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn prune_feed(&self, keep: u32) -> Result<u64, Fault> {
        self.write(move |tx| {
            Box::pin(async move {
                let realm = tx.realm();
                let sql = "DELETE FROM feed WHERE realm = $1 AND number < (SELECT number - $2 FROM feed_counter WHERE realm = $1)";
                Ok(tx.execute(sql, values![realm, i64::from(keep.max(1)) - 1]).await?)
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_to_one() {
        for part in Section::ALL.into_iter().map(Part::Site).chain([Part::Device, Part::DataKey]) {
            assert_eq!(Part::from_word(part.word()), Some(part));
        }
        assert_eq!(Part::from_word("start"), None);
    }
}
