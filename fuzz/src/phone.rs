//! What a phone sends: the query of its request, its credentials, its bodies.

use activesync::wbxml::{Event, LIMITS, Reader, Writer, root, sync_waits};
use activesync::{Version, query, user};
use model::Budget;

/// The octets as the request's query and as the Authorization field.
pub fn eas_query(data: &[u8]) {
    let _ = user::credentials(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Version::parse(text);
    if let Ok(query) = query::parse(text) {
        let _ = query.device();
        assert_eq!(query::parse(text).map(|again| again.device()), Ok(query.device()), "one text, two devices");
    }
}

/// The octets as WBXML; what was read and written again reads the same.
pub fn wbxml(data: &[u8]) {
    let _ = (root(data, &Budget::new(LIMITS)), sync_waits(data, &Budget::new(LIMITS)));
    let Some(written) = copy(data) else { return };
    let again = copy(&written).expect("what was written can be read");
    assert_eq!(again, written, "reading and writing again changed it");
}

/// Reads all events and writes them anew; `None` if the octets are refused.
fn copy(data: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(data, &Budget::new(LIMITS)).ok()?;
    let mut writer = Writer::new();
    let mut at = reader.position();
    while let Some(event) = reader.next().ok()? {
        assert!(reader.position() > at && reader.position() <= data.len(), "no progress, or too much");
        assert!(reader.depth() <= LIMITS.depth);
        at = reader.position();
        match event {
            Event::Start { page, tag, empty: true } => writer.empty(page, tag),
            Event::Start { page, tag, empty: false } => writer.start(page, tag),
            Event::End => writer.end(),
            Event::Text(text) => writer.text(std::str::from_utf8(text).ok()?),
            Event::Opaque(octets) => writer.opaque(octets),
        };
    }
    Some(writer.finish())
}
