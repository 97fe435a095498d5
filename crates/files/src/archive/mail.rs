//! A mail as a file: an attached `.eml`, or one that was encoded although no message may be (RFC 2046 §5.2.1).

use bytes::Bytes;
use message::Message;
use model::{Budget, Exhausted};

use super::{Entry, Listed, Visitor};

pub(super) fn each(content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let message = match Message::parse(content.clone(), budget) {
        Ok(message) => message,
        Err(message::MessageError::TooComplex(exhausted)) => return Err(exhausted),
        Err(_) => return Ok(Listed::DAMAGED),
    };
    for (place, part) in message.parts().filter(|part| part.is_leaf()).enumerate() {
        visit(place, Entry::stored(part.name.clone(), part.decode(&message, budget)?))?;
    }
    Ok(Listed::WHOLE)
}
