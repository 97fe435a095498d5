//! What a phone sends: the query of its request, its credentials, its bodies.

use activesync::multipart::Multipart;
use activesync::views::{device, folders, items, outgoing, people};
use activesync::wbxml::{Document, Edits, Event, Fragment, LIMITS, Piece, Reader, Rope, Stream, UnknownTags, Writer, root, sync_waits};
use activesync::{Tag, Version, query, user, xml};
use bytes::Bytes;
use model::{Budget, Limits};

/// The octets as the request's query and as the Authorization field.
pub fn eas_query(data: &[u8]) {
    let _ = user::credentials(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Version::parse(text);
    if let Ok(query) = query::parse(text) {
        let _ = (query.device(), outgoing::from_query(&query), outgoing::attachment_asked(&query));
        assert_eq!(query::parse(text).map(|again| again.device()), Ok(query.device()), "one text, two devices");
    }
}

/// The octets as WBXML; what was read and written again reads the same, what nobody changed is the same octets, and what
/// was changed can be read.
pub fn wbxml(data: &[u8]) {
    let _ = (root(data, &Budget::new(LIMITS)), sync_waits(data, &Budget::new(LIMITS)));
    let document = Document::parse(Bytes::copy_from_slice(data), UnknownTags::Keep, &Budget::new(LIMITS)).ok();
    assert_eq!(streamed(data).is_some(), document.is_some(), "stream and tree disagree");
    if let Some(document) = &document {
        tree(document, data);
    }
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

/// XML, views, no change, and changes of a document.
fn tree(document: &Document, data: &[u8]) {
    let roomy = Limits { bytes: 1 << 40, depth: 64, parts: usize::MAX, ..LIMITS };
    let text = xml::decode(document.octets().clone(), &Budget::new(roomy)).expect("a body that was read");
    assert_eq!(xml::encode(&text, &Budget::new(roomy)).as_deref(), Ok(data), "other octets by XML: {text}");
    assert_eq!(Edits::new(document).finish().into_bytes(), data, "what nobody changed is other octets");
    for item in items::items(document) {
        let _ = (item.class(), item.folder(), item.bodies(), item.attachments(), item.fetched_content(), item.subjects().count());
    }
    let _ = (folders::hierarchy(document), folders::named(document), folders::heartbeat(document));
    let _ = (people::asked(document), people::resolved(document), people::to_validate(document), people::meeting_answers(document));
    let _ = (device::information(document), device::provisioned(document), outgoing::from_body(document), people::away_texts(document));
    let mut edits = Edits::new(document);
    let fragment = Fragment::new().start(Tag::new(17, 0x0A)).text(Tag::new(0, 0x0B), "new");
    for (place, element) in document.elements().enumerate() {
        let _ = match data.get(place % data.len().max(1)).map(|octet| octet % 5) {
            Some(0) => edits.set(element.id(), "changed"),
            Some(1) => edits.remove(element.id()),
            Some(2) => edits.before(element.id(), &fragment),
            Some(3) => edits.append(element.id(), &fragment),
            _ => Ok(()),
        };
    }
    let changed = edits.finish().into_bytes();
    assert!(Document::parse(changed, UnknownTags::Keep, &Budget::new(roomy)).is_ok(), "a changed body can't be read");
}

/// The octets in small chunks; `None` if they are refused.
fn streamed(data: &[u8]) -> Option<()> {
    let mut stream = Stream::new(&Budget::new(LIMITS));
    let mut out = Vec::new();
    let size = data.len() % 7 + 1;
    for chunk in data.chunks(size) {
        stream.push(chunk).ok()?;
        while let Some(piece) = stream.next().ok()? {
            if let Piece::Value { octets, raw, .. } = &piece {
                assert!(octets.len() <= raw.len());
            }
            out.extend_from_slice(piece.raw());
        }
    }
    stream.finish().ok()?;
    assert_eq!(out, data, "the pieces are not the body");
    Some(())
}

/// The octets as XML of a body.
pub fn wbxml_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(octets) = xml::encode(text, &Budget::new(LIMITS)) {
        let again = xml::decode(octets.clone().into(), &Budget::new(LIMITS)).expect("what was written can be read");
        assert_eq!(xml::encode(&again, &Budget::new(LIMITS)), Ok(octets), "written anew it is another body");
    }
}

/// The octets as an answer in parts.
pub fn multipart(data: &[u8]) {
    let Ok(answer) = Multipart::parse(Bytes::copy_from_slice(data), &Budget::new(LIMITS)) else { return };
    assert_eq!(answer.with(Vec::new()).map(Rope::into_bytes).ok().as_deref(), Some(data), "what nobody changed is other octets");
    let last = answer.len() - 1;
    let changed = answer.with(vec![(last, Rope::from(Bytes::from_static(b"changed")))]).expect("a part that is there");
    let again = Multipart::parse(changed.into_bytes(), &Budget::new(LIMITS)).expect("what was written can be read");
    assert!((0..last).all(|part| again.part(part) == answer.part(part)));
    assert_eq!(again.part(last).as_deref(), Some(&b"changed"[..]));
}
