//! Autodiscover in XML: texts are looked at, elements, attributes and everything between them pass as they came.
//!
//! One walk over events, no tree, no more than one text held. A document type is refused, so there are no entities but the five of XML itself.

use quick_xml::events::{BytesText, Event};
use quick_xml::{Reader, Writer};

use super::Text;

/// Deepest nesting; real answers have six levels.
const DEPTH: usize = 32;
/// Most events of one answer.
const MOST: usize = 50_000;

/// The answer with other texts.
///
/// # Errors
/// A sentence: it is no well-formed XML, or more than bounds allow.
pub(super) fn rewritten(text: Text<'_>, body: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = Reader::from_reader(body);
    let mut out = Out { writer: Writer::new(Vec::with_capacity(body.len() + 256)), pieces: Vec::new(), plain: String::new() };
    let (mut depth, mut roots) = (0_usize, 0_usize);
    for _ in 0..MOST {
        let event = reader.read_event().map_err(|cause| cause.to_string())?;
        match &event {
            Event::DocType(_) => return Err("it has a document type".to_owned()),
            Event::Start(_) => {
                roots += usize::from(depth == 0);
                depth += 1;
                if depth > DEPTH {
                    return Err(format!("over {DEPTH} levels"));
                }
            }
            Event::Empty(_) => roots += usize::from(depth == 0),
            Event::End(_) => depth = depth.checked_sub(1).ok_or("an element ends that did not begin")?,
            Event::Text(piece) => out.plain.push_str(&piece.unescape().map_err(|cause| cause.to_string())?),
            Event::CData(piece) => out.plain.push_str(std::str::from_utf8(piece).map_err(|cause| cause.to_string())?),
            Event::Eof | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
        match event {
            Event::Eof if depth == 0 && roots == 1 => {
                out.text(text)?;
                return Ok(out.writer.into_inner());
            }
            Event::Eof => return Err("it ends inside an element, or has no root".to_owned()),
            Event::Start(_) | Event::Empty(_) | Event::End(_) => {
                out.text(text)?;
                out.write(event)?;
            }
            piece => out.pieces.push(piece),
        }
    }
    Err(format!("over {MOST} parts"))
}

/// What is written, and the pieces of the text that is being read: what stands between two tags is one text, however it is cut
/// by comments and CDATA.
struct Out<'b> {
    writer: Writer<Vec<u8>>,
    pieces: Vec<Event<'b>>,
    plain: String,
}

impl<'b> Out<'b> {
    /// Ends the text: as it came, or another one in its place.
    fn text(&mut self, text: Text<'_>) -> Result<(), String> {
        let (pieces, plain) = (std::mem::take(&mut self.pieces), std::mem::take(&mut self.plain));
        match text(&plain) {
            Some(other) => self.write(Event::Text(BytesText::new(&other))),
            None => pieces.into_iter().try_for_each(|piece| self.write(piece)),
        }
    }

    fn write(&mut self, event: Event<'_>) -> Result<(), String> {
        self.writer.write_event(event).map_err(|cause| cause.to_string())
    }
}
