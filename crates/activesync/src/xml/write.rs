//! WBXML to XML: one walk over the tree, with what the octets say between its nodes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::Budget;

use super::{HEADER, NAMESPACE, XmlError};
use crate::code_pages::page_name;
use crate::wbxml::{Child, Document, Element, UnknownTags, ValueSpan, number_width};

/// The XML of a body. Unknown elements of known pages are called by their number.
///
/// # Errors
/// [`XmlError`] when the octets are no WBXML of ActiveSync, or cost too much.
pub fn decode(octets: Bytes, budget: &Budget) -> Result<String, XmlError> {
    let document = Document::parse(octets, UnknownTags::Keep, budget)?;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let Some(root) = document.root() else { return Ok(out) };
    let (header, pages) = document.before_root();
    let header = (header != HEADER[..]).then(|| data_encoding::HEXLOWER.encode(&header));
    let mut walk = Walk { document: &document, out: &mut out, page: 0 };
    walk.element(root, None, &pages, header.as_deref());
    out.push('\n');
    Ok(out)
}

struct Walk<'d, 'o> {
    document: &'d Document,
    out: &'o mut String,
    /// The code page in force.
    page: u8,
}

impl Walk<'_, '_> {
    /// Deep as the budget lets a body be.
    fn element(&mut self, element: Element<'_>, around: Option<(u8, usize)>, gap: &[u8], header: Option<&str>) {
        let depth = around.map_or(0, |(_, depth)| depth + 1);
        let tag = element.tag();
        let name = tag.name().map_or_else(|| format!("x{:02X}", tag.token), ToOwned::to_owned);
        let _ = write!(self.out, "<{name}");
        if around.is_none_or(|(page, _)| page != tag.page) {
            let _ = write!(self.out, " xmlns=\"{}\"", page_name(tag.page).unwrap_or_default());
        }
        if around.is_none() {
            let _ = write!(self.out, " xmlns:w=\"{NAMESPACE}\"");
        }
        if let Some(header) = header {
            self.attribute("header", header);
        }
        self.pages("pages", gap, Some(tag.page));
        let (children, end) = element.contents();
        match &children[..] {
            [] if !element.has_end() => self.out.push_str("/>"),
            [] => {
                self.attribute("open", "true");
                self.pages("end-pages", &end, None);
                self.out.push_str("/>");
            }
            [(gap, Child::Value(value))] if gap.is_empty() => {
                let (text, form) = shown(&value.octets(self.document), value.opaque);
                self.form(value, form);
                self.pages("end-pages", &end, None);
                let _ = write!(self.out, ">{text}</{name}>");
            }
            children => {
                let ends_on = end.last().copied();
                if ends_on.is_some() {
                    self.attribute("end-pages", &listed(&end));
                }
                self.out.push('>');
                for (gap, child) in children {
                    self.line(depth + 1);
                    match child {
                        Child::Element(inner) => self.element(*inner, Some((tag.page, depth)), gap, None),
                        Child::Value(value) => self.value(value, gap),
                    }
                }
                self.page = ends_on.unwrap_or(self.page);
                self.line(depth);
                let _ = write!(self.out, "</{name}>");
            }
        }
    }

    /// A value that is not alone.
    fn value(&mut self, value: &ValueSpan, gap: &[u8]) {
        self.out.push_str("<w:value");
        self.pages("pages", gap, None);
        let (text, form) = shown(&value.octets(self.document), value.opaque);
        self.form(value, form);
        let _ = write!(self.out, ">{text}</w:value>");
    }

    fn form(&mut self, value: &ValueSpan, form: Option<&str>) {
        if let Some(form) = form {
            self.attribute("form", form);
        }
        if value.opaque && value.width != number_width(value.length()) {
            self.attribute("width", &value.width.to_string());
        }
    }

    /// Switches as they stand, unless they are the one that a shortest form has. Ends on the page in force behind them.
    fn pages(&mut self, name: &str, gap: &[u8], wanted: Option<u8>) {
        let text = listed(gap);
        let shortest = wanted.filter(|page| *page != self.page).map_or_else(String::new, |page| page.to_string());
        if text != shortest {
            self.attribute(name, &text);
        }
        self.page = gap.last().copied().unwrap_or(self.page);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, " w:{name}=\"{value}\"");
    }

    fn line(&mut self, depth: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// The pages of some switches, each of which is two octets.
fn listed(gap: &[u8]) -> String {
    let pages: Vec<String> = gap.iter().skip(1).step_by(2).map(u8::to_string).collect();
    pages.join(" ")
}

/// A value's text as XML holds it, and the form if it is not the plain one.
fn shown(octets: &[u8], opaque: bool) -> (String, Option<&'static str>) {
    match std::str::from_utf8(octets).ok().filter(|text| text.chars().all(is_xml)) {
        Some(text) if opaque => (escape(text), Some("opaque")),
        Some(text) if text.trim().is_empty() => (escape(text), Some("inline")),
        Some(text) => (escape(text), None),
        None => (STANDARD.encode(octets), Some(if opaque { "opaque-base64" } else { "inline-base64" })),
    }
}

/// What XML 1.0 can hold (§2.2).
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// CR is written by number: a reader turns a bare one into LF (XML 1.0 §2.11).
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}
