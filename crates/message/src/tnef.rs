//! Outlook's `winmail.dat`: what is inside a TNEF stream (MS-OXTNEF).
//!
//! A stream is a row of attributes, each with level, id, length, data and checksum; attachments are runs of attributes
//! that begin with attAttachRenddata. [`parse`] notes ranges, [`without`] cuts attachments out and leaves all other
//! octets as they are. Properties (names, embedded objects, bodies) are read by [`props`], compressed RTF by [`rtf`].
//! A stream that ends early or holds nonsense gives what was read until then and says so: never a guess, never a panic.

mod props;
mod rtf;

use std::ops::Range;

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::bytes_of::slice;
use crate::text;

/// First octets of a stream (MS-OXTNEF §2.1.3.1).
pub const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];

/// Octets of an attribute around its data: level, id, length before it, the checksum after it.
const BEFORE: usize = 9;
const AFTER: usize = 2;

/// Attribute ids that are read (MS-OXTNEF §2.1.3.1).
const TITLE: u32 = 0x0001_8010;
const DATA: u32 = 0x0006_800f;
const RENDDATA: u32 = 0x0006_9002;
const TRANSPORT_NAME: u32 = 0x0006_9001;
const ATTACHMENT: u32 = 0x0006_9005;
const MAPI_PROPS: u32 = 0x0006_9003;
const CODE_PAGE: u32 = 0x0006_9007;

/// What a stream holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tnef {
    /// Files and embedded messages, in their order.
    pub attachments: Vec<Attachment>,
    /// The message's own text in other forms: `body.rtf`, `body.html`.
    pub bodies: Vec<Body>,
    /// True if the stream ended early or something in it could not be read.
    pub damaged: bool,
}

/// One attachment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// The file's name as written (decoded, without control characters). Never a path for us.
    pub name: Option<String>,
    /// What the sender said it is.
    pub mime: Option<String>,
    /// Where the content lies in the stream; an embedded message is a TNEF stream of its own. An attachment with a content
    /// and an object beside it is two, which go together.
    pub content: Range<usize>,
    /// Where all its attributes lie.
    pub range: Range<usize>,
}

/// The message's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// `body.rtf` or `body.html`.
    pub name: &'static str,
    /// Decompressed.
    pub content: Bytes,
}

/// Reads a stream; `None` if it is none.
///
/// # Errors
/// When the budget's bytes (decompressed bodies), parts (attributes and properties) or time run out.
pub fn parse(stream: &Bytes, budget: &Budget) -> Result<Option<Tnef>, Exhausted> {
    if !stream.starts_with(&SIGNATURE) {
        return Ok(None);
    }
    let mut reader = Reader { stream, tnef: Tnef::default(), code_page: None, open: None, object: None };
    let mut at = SIGNATURE.len() + 2; // the key, of no meaning
    while let Some(attribute) = Attribute::at(stream, at) {
        budget.part()?;
        budget.time()?;
        reader.take(&attribute, budget)?;
        at = attribute.end;
    }
    reader.tnef.damaged |= at < stream.len();
    reader.close(at);
    Ok(Some(reader.tnef))
}

/// The stream without these attachments (places in [`Tnef::attachments`]).
#[must_use]
pub fn without(stream: &Bytes, tnef: &Tnef, gone: &dyn Fn(usize) -> bool) -> Bytes {
    let mut kept = Vec::with_capacity(stream.len());
    let mut at = 0;
    for (_, attachment) in tnef.attachments.iter().enumerate().filter(|(place, _)| gone(*place)) {
        kept.extend_from_slice(slice(stream, at..attachment.range.start));
        at = attachment.range.end;
    }
    kept.extend_from_slice(slice(stream, at..stream.len()));
    kept.into()
}

struct Attribute {
    level: u8,
    id: u32,
    start: usize,
    data: Range<usize>,
    end: usize,
}

impl Attribute {
    /// The attribute that begins at `at`, if it is whole and its level is one of the two that there are.
    fn at(stream: &[u8], at: usize) -> Option<Self> {
        let head = stream.get(at..at.checked_add(BEFORE)?)?;
        let (level, id, length) = (*head.first()?, u32_at(head, 1)?, usize::try_from(u32_at(head, 5)?).ok()?);
        let data = at + BEFORE..(at + BEFORE).checked_add(length)?;
        let end = data.end.checked_add(AFTER)?;
        (matches!(level, 1 | 2) && end <= stream.len()).then_some(Self { level, id, start: at, data, end })
    }
}

struct Reader<'a> {
    stream: &'a Bytes,
    tnef: Tnef,
    code_page: Option<String>,
    open: Option<Attachment>,
    /// The embedded object of the open attachment.
    object: Option<Range<usize>>,
}

impl Reader<'_> {
    fn take(&mut self, attribute: &Attribute, budget: &Budget) -> Result<(), Exhausted> {
        let data = slice(self.stream, attribute.data.clone());
        match (attribute.level, attribute.id) {
            (_, CODE_PAGE) => self.code_page = u32_at(data, 0).map(|number| format!("windows-{number}")),
            (1, MAPI_PROPS) => self.message(attribute.data.clone(), budget)?,
            (2, RENDDATA) => {
                self.close(attribute.start);
                self.open = Some(Attachment { range: attribute.start..attribute.end, ..Attachment::default() });
            }
            (2, TITLE | TRANSPORT_NAME) => {
                let name = self.name(data);
                let attachment = self.attachment(attribute);
                attachment.name = attachment.name.take().or(name);
            }
            (2, DATA) => self.attachment(attribute).content = attribute.data.clone(),
            (2, ATTACHMENT) => self.properties(attribute, budget)?,
            _ => {}
        }
        Ok(())
    }

    /// The attachment that this attribute belongs to; some writers leave attAttachRenddata out.
    fn attachment(&mut self, attribute: &Attribute) -> &mut Attachment {
        self.open.get_or_insert_with(|| Attachment { range: attribute.start..attribute.end, ..Attachment::default() })
    }

    fn close(&mut self, at: usize) {
        if let Some(mut attachment) = self.open.take() {
            attachment.range.end = at.max(attachment.range.start);
            let object = self.object.take();
            if attachment.content.is_empty() {
                attachment.content = object.unwrap_or_default();
                self.tnef.attachments.push(attachment);
                return;
            }
            let beside = object.map(|content| Attachment { content, ..attachment.clone() });
            self.tnef.attachments.push(attachment);
            self.tnef.attachments.extend(beside);
        }
    }

    fn name(&self, data: &[u8]) -> Option<String> {
        let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
        let name = text::plain(&text::charset(self.code_page.as_deref().or(Some("windows-1252")), slice(data, 0..end)));
        (!name.is_empty()).then_some(name)
    }

    /// Properties of an attachment: the long name, the type, an embedded object.
    fn properties(&mut self, attribute: &Attribute, budget: &Budget) -> Result<(), Exhausted> {
        let (found, whole) = props::read(self.stream, attribute.data.clone(), budget)?;
        self.tnef.damaged |= !whole;
        let text = |id: u16, reader: &Self| {
            found.iter().find(|property| property.id == id).and_then(|property| match property.kind {
                props::UNICODE => utf_16(slice(reader.stream, property.value.clone())),
                props::STRING => reader.name(slice(reader.stream, property.value.clone())),
                _ => None,
            })
        };
        let name = text(props::LONG_NAME, self).or_else(|| text(props::NAME, self)).or_else(|| text(props::DISPLAY_NAME, self));
        let mime = text(props::MIME_TAG, self);
        let object = found.iter().find(|property| property.id == props::ATTACH_DATA && !property.value.is_empty());
        let content = object.map(|property| match property.kind {
            // An object begins with the id of its interface.
            props::OBJECT => (property.value.start + 16).min(property.value.end)..property.value.end,
            _ => property.value.clone(),
        });
        let attachment = self.attachment(attribute);
        attachment.name = name.or(attachment.name.take());
        attachment.mime = mime.or(attachment.mime.take());
        self.object = content.or(self.object.take());
        Ok(())
    }

    /// Properties of the message: its text as HTML and as compressed RTF.
    fn message(&mut self, range: Range<usize>, budget: &Budget) -> Result<(), Exhausted> {
        let (found, whole) = props::read(self.stream, range, budget)?;
        self.tnef.damaged |= !whole;
        for property in found.iter().filter(|property| !property.value.is_empty()) {
            let value = self.stream.slice(property.value.clone());
            match property.id {
                props::BODY_HTML => self.tnef.bodies.push(Body { name: "body.html", content: value }),
                props::RTF_COMPRESSED => match rtf::decompress(&value, budget)? {
                    Some(content) => self.tnef.bodies.push(Body { name: "body.rtf", content }),
                    None => self.tnef.damaged = true,
                },
                _ => {}
            }
        }
        Ok(())
    }
}

fn utf_16(data: &[u8]) -> Option<String> {
    let units = data.chunks_exact(2).map(|pair| u16::from_le_bytes([*pair.first().unwrap_or(&0), *pair.get(1).unwrap_or(&0)]));
    let text: String = char::decode_utf16(units.take_while(|unit| *unit != 0)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let text = text::plain(&text);
    (!text.is_empty()).then_some(text)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

#[cfg(test)]
#[path = "tnef/tests.rs"]
mod tests;
