//! Outlook's winmail.dat: attachments, and the message's own text.

use bytes::Bytes;
use message::tnef;
use model::{Budget, Exhausted};

use super::{Entry, Listed, Visitor};

pub(super) fn each(content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let Some(found) = tnef::parse(content, budget)? else { return Ok(Listed::DAMAGED) };
    let mut place = 0;
    for attachment in &found.attachments {
        let range = attachment.content.start.min(content.len())..attachment.content.end.min(content.len());
        visit(place, Entry::stored(attachment.name.clone(), content.slice(range)))?;
        place += 1;
    }
    for body in &found.bodies {
        visit(place, Entry::stored(Some(body.name.to_owned()), body.content.clone()))?;
        place += 1;
    }
    Ok(Listed::whole(!found.damaged))
}
