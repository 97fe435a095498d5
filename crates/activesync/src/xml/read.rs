//! XML to WBXML: what [`super::decode`] gave, perhaps changed, or written by hand.
//!
//! Elements and texts are taken as they come; white space between elements is none of theirs. What has no octets
//! (other namespaces, attributes, text beside elements) is refused: nothing is dropped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Budget, budget::Level};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::{HEADER, NAMESPACE, XmlError};
use crate::code_pages::{Tag, page_name};
use crate::wbxml::{Document, END, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE, UnknownTags, write_number};

/// The octets of an XML text.
///
/// # Errors
/// [`XmlError`] with the place and what is wrong there.
pub fn encode(xml: &str, budget: &Budget) -> Result<Vec<u8>, XmlError> {
    budget.bytes(xml.len())?;
    let mut reader = NsReader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut out = Encoder { bytes: Vec::new(), page: 0, open: Vec::new(), done: false, budget: budget.clone(), at: 0 };
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((ResolveResult::Bound(namespace), event)) => (Some(namespace.as_ref().to_vec()), event.into_owned()),
            Ok((_, event)) => (None, event.into_owned()),
            Err(error) => return Err(XmlError::Malformed(reader.error_position(), error.to_string())),
        };
        out.at = reader.buffer_position();
        match event {
            Event::Start(start) => {
                let attributes = Attributes::read(&reader, &start, out.at)?;
                out.start(namespace.as_deref(), &start, attributes)?;
            }
            Event::End(_) => out.end()?,
            Event::Text(text) => {
                let text = text.unescape().map_err(|error| XmlError::Malformed(out.at, error.to_string()))?;
                out.text(&text)?;
            }
            Event::CData(text) => out.text(&String::from_utf8_lossy(&text))?,
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !out.done || !out.open.is_empty() {
        return Err(out.wrong("expected one element"));
    }
    // A header, or switches, that were written by hand may make something else of it.
    Document::parse(out.bytes.clone().into(), UnknownTags::Keep, budget)?;
    Ok(out.bytes)
}

/// The attributes of [`NAMESPACE`] on one element.
#[derive(Debug, Default)]
struct Attributes {
    header: Option<Vec<u8>>,
    pages: Option<Vec<u8>>,
    end_pages: Vec<u8>,
    open: bool,
    form: Option<String>,
    width: usize,
}

impl Attributes {
    fn read(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, at: u64) -> Result<Self, XmlError> {
        let mut read = Self::default();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| XmlError::Malformed(at, error.to_string()))?;
            let name = attribute.key.as_ref();
            if name == b"xmlns" || name.starts_with(b"xmlns:") {
                continue;
            }
            let wrong = |what: &str| XmlError::Meaning(at, format!("attribute {}: {what}", String::from_utf8_lossy(name)));
            let value = attribute.unescape_value().map_err(|error| XmlError::Malformed(at, error.to_string()))?;
            let (resolved, local) = reader.resolve_attribute(attribute.key);
            if resolved != ResolveResult::Bound(quick_xml::name::Namespace(NAMESPACE.as_bytes())) {
                return Err(wrong("WBXML of ActiveSync has no attributes"));
            }
            match local.as_ref() {
                b"header" => {
                    let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(value.trim().as_bytes());
                    read.header = Some(octets.map_err(|_| wrong("expected octets in hex"))?);
                }
                b"pages" => read.pages = Some(pages(&value).ok_or_else(|| wrong("expected numbers of code pages"))?),
                b"end-pages" => read.end_pages = pages(&value).ok_or_else(|| wrong("expected numbers of code pages"))?,
                b"open" => read.open = value == "true",
                b"form" => read.form = Some(value.into_owned()),
                b"width" => {
                    let width = value.parse().ok().filter(|width| (1..=5).contains(width));
                    read.width = width.ok_or_else(|| wrong("expected a number from 1 to 5"))?;
                }
                _ => return Err(wrong("is unknown")),
            }
        }
        Ok(read)
    }
}

/// Numbers of code pages that exist, separated by blanks.
fn pages(text: &str) -> Option<Vec<u8>> {
    text.split_whitespace().map(|word| word.parse().ok().filter(|page| page_name(*page).is_some())).collect()
}

/// One open element, or one open `value`.
struct Open {
    /// Where its tag stands; `None` for a `value`.
    tag_at: Option<usize>,
    attributes: Attributes,
    text: String,
    /// Elements or `value`s stand in it.
    filled: bool,
    _level: Level,
}

struct Encoder {
    bytes: Vec<u8>,
    page: u8,
    open: Vec<Open>,
    done: bool,
    budget: Budget,
    at: u64,
}

impl Encoder {
    fn wrong(&self, what: impl Into<String>) -> XmlError {
        XmlError::Meaning(self.at, what.into())
    }

    fn start(&mut self, namespace: Option<&[u8]>, start: &BytesStart<'_>, mut attributes: Attributes) -> Result<(), XmlError> {
        self.budget.part()?;
        self.budget.time()?;
        if self.done {
            return Err(self.wrong("expected one element"));
        }
        let (tag_at, header) = (self.bytes.len(), attributes.header.take());
        if self.open.is_empty() {
            self.bytes.extend(header.as_deref().unwrap_or(&HEADER));
        } else if header.is_some() {
            return Err(self.wrong("the header stands on the root"));
        }
        self.fill()?;
        let local = start.local_name();
        let name = String::from_utf8_lossy(local.as_ref()).into_owned();
        let is_value = namespace == Some(NAMESPACE.as_bytes());
        let tag = if is_value { None } else { Some(self.tag(namespace, &name)?) };
        if is_value && (name != "value" || self.open.is_empty() || tag_at == 0) {
            return Err(self.wrong(format!("{name} of {NAMESPACE} has no octets here")));
        }
        self.switches(attributes.pages.as_deref(), tag);
        if let Some(tag) = tag {
            if tag.page != self.page {
                return Err(self.wrong(format!("{name} is of another code page than the one that is on")));
            }
            self.bytes.push(tag.token);
        }
        let tag_at = tag.map(|_| self.bytes.len() - 1);
        let level = self.budget.enter()?;
        self.open.push(Open { tag_at, attributes, text: String::new(), filled: false, _level: level });
        Ok(())
    }

    /// The element around gets a content.
    fn fill(&mut self) -> Result<(), XmlError> {
        let Some(around) = self.open.last_mut() else { return Ok(()) };
        let (blank, tag_at) = (around.text.trim().is_empty(), around.tag_at);
        around.text.clear();
        around.filled = true;
        match tag_at {
            Some(at) if blank => {
                self.mark(at);
                Ok(())
            }
            Some(_) => Err(self.wrong("text beside elements stands in a value element")),
            None => Err(self.wrong("a value holds no elements")),
        }
    }

    fn mark(&mut self, at: usize) {
        if let Some(token) = self.bytes.get_mut(at) {
            *token |= HAS_CONTENT;
        }
    }

    fn tag(&self, namespace: Option<&[u8]>, name: &str) -> Result<Tag, XmlError> {
        let page = String::from_utf8_lossy(namespace.unwrap_or_default()).into_owned();
        let page = page.trim_end_matches(':');
        let by_number = || {
            let token = u8::from_str_radix(name.strip_prefix('x')?, 16).ok().filter(|token| (0x05..=0x3F).contains(token))?;
            (0..=u8::MAX).find(|number| page_name(*number) == Some(page)).map(|number| Tag::new(number, token))
        };
        Tag::from_names(page, name)
            .or_else(by_number)
            .ok_or_else(|| self.wrong(format!("there is no element {name} in namespace {page:?}")))
    }

    /// Switches that were asked for, or the one that the tag needs.
    fn switches(&mut self, asked: Option<&[u8]>, tag: Option<Tag>) {
        let needed = tag.map(|tag| tag.page).filter(|page| *page != self.page);
        let all = asked.map_or_else(|| needed.into_iter().collect(), <[u8]>::to_vec);
        for page in all {
            self.bytes.extend([SWITCH_PAGE, page]);
            self.page = page;
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(open) => open.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(self.wrong("expected one element")),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let Some(open) = self.open.pop() else { return Err(self.wrong("expected one element")) };
        let Some(tag_at) = open.tag_at else { return self.value(&open) };
        if open.filled {
            if !open.text.trim().is_empty() {
                return Err(self.wrong("text beside elements stands in a value element"));
            }
        } else if open.attributes.form.is_some() || !open.text.trim().is_empty() {
            self.mark(tag_at);
            self.value(&open)?;
        } else if open.attributes.open {
            self.mark(tag_at);
        } else {
            self.done = self.open.is_empty();
            return Ok(());
        }
        self.switches(Some(&open.attributes.end_pages), None);
        self.bytes.push(END);
        self.done = self.open.is_empty();
        Ok(())
    }

    fn value(&mut self, open: &Open) -> Result<(), XmlError> {
        let form = open.attributes.form.as_deref().unwrap_or("inline");
        let octets = match form {
            "inline" | "opaque" => open.text.as_bytes().to_vec(),
            "inline-base64" | "opaque-base64" => {
                let clean: String = open.text.split_whitespace().collect();
                STANDARD.decode(clean).map_err(|_| self.wrong("expected base64"))?
            }
            other => return Err(self.wrong(format!("form {other:?}: expected inline, opaque, inline-base64 or opaque-base64"))),
        };
        if form.starts_with("inline") {
            if octets.contains(&0) {
                return Err(self.wrong("an inline string can't hold NUL"));
            }
            self.bytes.push(STR_I);
            self.bytes.extend(octets);
            self.bytes.push(0);
            return Ok(());
        }
        let length = u32::try_from(octets.len()).map_err(|_| self.wrong("over 4 GiB"))?;
        let mut number = Vec::with_capacity(5);
        write_number(&mut number, length);
        self.bytes.push(OPAQUE);
        // A longer form than needed begins with groups of seven zero bits.
        self.bytes.extend(std::iter::repeat_n(0x80, open.attributes.width.saturating_sub(number.len())));
        self.bytes.extend(number);
        self.bytes.extend(octets);
        Ok(())
    }
}
