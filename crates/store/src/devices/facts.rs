//! Facts of devices by the thousand: a start reads a million of them.
//!
//! Row by row that takes half a minute, since for each row and each value the driver copies, locks and wakes somebody. So the database
//! itself puts a page of devices into one text. Before each field stands its length in characters: nothing in a field can be
//! taken for the end of it.
//!
//! ```text
//! device   user · id · ruling · type · agent · reported (each: length `:` text) · last seen `:` · resync `:` · key number `:`
//! ```

use std::sync::Arc;

use model::device::{Device, DeviceId, Orders, Override, Reported};
use model::{Fault, Timestamp};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::{Row, values};

macro_rules! field {
    ($column:literal) => {
        concat!("length(d.", $column, ") || ':' || d.", $column, " || ")
    };
}

macro_rules! page {
    ($which_and_order:literal) => {
        concat!(
            "SELECT COALESCE(string_agg(page.device, ''), '') FROM (SELECT ",
            field!("user_key"),
            field!("id"),
            field!("ruling"),
            field!("device_type"),
            field!("agent"),
            field!("reported"),
            "d.last_seen || ':' || d.resync || ':' || d.key_number || ':' AS device FROM device d WHERE d.realm = $1 ",
            $which_and_order,
            ") page"
        )
    };
}

const AFTER: &str = page!("AND (d.user_key, d.id) > ($2, $3) ORDER BY d.user_key, d.id LIMIT $4");
const BEFORE: &str = page!("AND (d.user_key, d.id) < ($2, $3) ORDER BY d.user_key DESC, d.id DESC LIMIT $4");
const FROM_THE_END: &str = page!("ORDER BY d.user_key DESC, d.id DESC LIMIT $2");

/// A device's place in the order: user and id.
pub type Last = (String, String);

type Place<'t> = Option<(&'t str, &'t str)>;

/// Some devices, not yet parsed.
#[derive(Debug)]
pub struct Facts(String);

/// Facts of the next devices in the order of (user, id), after the given one, at most `limit`; none: there are no more.
///
/// # Errors
/// When the store is away.
pub async fn facts(on: impl Reader, after: Option<(&str, &str)>, limit: u32) -> Result<Facts, Fault> {
    let realm = on.realm();
    let (user, id) = after.unwrap_or_default();
    text(on.rows(AFTER, values![realm, user, id, limit]).await?)
}

/// As [`facts`], the other way: the devices before the given one; `None`: the last of all.
///
/// # Errors
/// When the store is away.
pub async fn facts_before(on: impl Reader, before: Option<(&str, &str)>, limit: u32) -> Result<Facts, Fault> {
    let realm = on.realm();
    text(match before {
        Some((user, id)) => on.rows(BEFORE, values![realm, user, id, limit]).await?,
        None => on.rows(FROM_THE_END, values![realm, limit]).await?,
    })
}

fn text(rows: Vec<Row>) -> Result<Facts, Fault> {
    let text = rows.first().map(|row| row.text(0)).transpose()?;
    Ok(Facts(text.unwrap_or_default()))
}

impl Facts {
    /// How many there are, and the user and id of the last; `None` if there are none.
    ///
    /// # Errors
    /// When the text is not what the statement makes.
    pub fn last(&self) -> Result<Option<(usize, Last)>, Fault> {
        // The database may have put them together in any order.
        self.outermost(Option::max)
    }

    /// As [`Facts::last`], of the first.
    ///
    /// # Errors
    /// As there.
    pub fn first(&self) -> Result<Option<(usize, Last)>, Fault> {
        self.outermost(|met, next| met.map_or(next, |met| next.map(|next| met.min(next))))
    }

    fn outermost<'t>(&'t self, choose: impl Fn(Place<'t>, Place<'t>) -> Place<'t>) -> Result<Option<(usize, Last)>, Fault> {
        let (mut count, mut chosen) = (0, None);
        for fields in self.fields() {
            let fields = fields?;
            chosen = choose(chosen, Some((fields.user, fields.id)));
            count += 1;
        }
        Ok(chosen.map(|(user, id)| (count, (user.to_owned(), id.to_owned()))))
    }

    /// All of them, in no order.
    pub fn devices(&self) -> impl Iterator<Item = Result<Device, Fault>> {
        self.fields().map(|fields| fields.and_then(Fields::device).map_err(Fault::from))
    }

    fn fields(&self) -> impl Iterator<Item = Result<Fields<'_>, StoreError>> {
        let mut rest = Rest(&self.0);
        std::iter::from_fn(move || {
            if rest.0.is_empty() {
                return None;
            }
            let next = rest.next().ok_or_else(|| super::damaged("a page of devices".to_owned()));
            if next.is_err() {
                rest.0 = "";
            }
            Some(next)
        })
    }
}

/// One device.
struct Fields<'t> {
    user: &'t str,
    id: &'t str,
    ruling: &'t str,
    device_type: &'t str,
    agent: &'t str,
    reported: &'t str,
    last_seen: i64,
    orders: Orders,
}

impl Fields<'_> {
    fn device(self) -> Result<Device, StoreError> {
        let reported = match self.reported {
            "" => None,
            text => Some(Arc::new(serde_json::from_str::<Reported>(text).map_err(|e| super::damaged(e.to_string()))?)),
        };
        Ok(Device {
            id: DeviceId::parse(self.id).ok_or_else(|| super::damaged(format!("id {:?}", self.id)))?,
            override_: Override::from_word(self.ruling).ok_or_else(|| super::damaged(format!("override {:?}", self.ruling)))?,
            user: self.user.to_owned(),
            device_type: self.device_type.to_owned(),
            agent: self.agent.to_owned(),
            last_seen: Timestamp(self.last_seen),
            reported,
            orders: self.orders,
        })
    }
}

/// What is still to be read.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn next(&mut self) -> Option<Fields<'t>> {
        let (user, id, ruling) = (self.text()?, self.text()?, self.text()?);
        let (device_type, agent, reported) = (self.text()?, self.text()?, self.text()?);
        let (last_seen, resync, key) = (self.number()?, self.number()?, self.number()?);
        Some(Fields { user, id, ruling, device_type, agent, reported, last_seen, orders: Orders { resync, key } })
    }

    fn number(&mut self) -> Option<i64> {
        let (number, rest) = self.0.split_once(':')?;
        self.0 = rest;
        number.parse().ok()
    }

    fn text(&mut self) -> Option<&'t str> {
        let characters = usize::try_from(self.number()?).ok()?;
        let octets = if self.0.as_bytes().get(..characters)?.is_ascii() {
            characters
        } else {
            // One place more than there are characters: the end of the last.
            self.0.char_indices().map(|(at, _)| at).chain([self.0.len()]).nth(characters)?
        };
        let (text, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_14_a_page_is_read_whole_or_not_at_all() {
        let two = "5:carol4:a1x_9:whitelist1:T0:16:{\"managed\":true}-5:1:2:";
        let page = Facts(format!("3:b\u{f6}b2:d17:default6:iPhone0:0:7:0:0:{two}"));
        assert_eq!(page.last().unwrap(), Some((2, ("carol".to_owned(), "a1x_".to_owned()))));
        let devices: Vec<Device> = page.devices().map(Result::unwrap).collect();
        assert_eq!((devices[0].user.as_str(), devices[0].last_seen, devices[0].reported.is_none()), ("b\u{f6}b", Timestamp(7), true));
        assert_eq!((devices[1].orders, devices[1].override_), (Orders { resync: 1, key: 2 }, Override::Whitelist));
        for cut in (1..page.0.len()).filter(|cut| page.0.is_char_boundary(*cut)) {
            let cut = Facts(page.0[..cut].to_owned());
            assert!(cut.devices().count() <= 2 && (cut.last().is_err() || cut.0.len() == page.0.len() - two.len()), "{}", cut.0);
        }
        assert_eq!(Facts(String::new()).last().unwrap(), None);
    }
}
