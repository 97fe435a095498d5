//! Links that open in a managed browser: another scheme in front, and the old one again on the way back (G-22).
//!
//! Works on octets, because bodies come in many charsets: all that are looked at have ASCII where ASCII is. In HTML the
//! addresses of links change, and what a mail program would make a link of; never what the mail loads by itself. Only the
//! scheme changes, so what the link names stays readable, and a domain that is written oddly is still the one it was.

use std::sync::Arc;

use model::address::normal_domain;
use model::site::PolicyRule;
use model::site::content::LinkMode;

/// The policy for one device.
#[derive(Debug, Clone)]
pub struct Links {
    rule: Arc<PolicyRule>,
    http: String,
    https: String,
}

impl Links {
    pub(crate) fn new(rule: &Arc<PolicyRule>, (http, https): (&str, &str)) -> Self {
        Self { rule: rule.clone(), http: http.to_owned(), https: https.to_owned() }
    }

    /// True if links to this host change.
    #[must_use]
    pub fn rewrites(&self, host: &str) -> bool {
        let named = || self.rule.names_domain(&normal_domain(host.trim_end_matches('.')).unwrap_or_else(|| host.to_lowercase()));
        match self.rule.policy.mode {
            LinkMode::All => true,
            LinkMode::Include => named(),
            LinkMode::Exclude => !named(),
        }
    }

    /// Links in a text; `None` if none of them changes.
    #[must_use]
    pub fn in_text(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Output::new(text);
        self.scan(text, 0, &mut out);
        out.finish()
    }

    /// Links in HTML; `None` if none of them changes. Read as a browser does, so that none hides behind odd writing.
    #[must_use]
    pub fn in_html(&self, html: &[u8]) -> Option<Vec<u8>> {
        let mut out = Output::new(html);
        let mut in_anchor = false;
        let mut at = 0;
        while let Some(rest) = html.get(at..).filter(|rest| !rest.is_empty()) {
            let text_ends = memchr::memchr(b'<', rest).unwrap_or(rest.len());
            if !in_anchor {
                self.scan(rest.get(..text_ends).unwrap_or_default(), at, &mut out);
            }
            at += text_ends;
            let Some(tag) = html.get(at..).filter(|tag| !tag.is_empty()) else { break };
            if tag.starts_with(b"<!--") {
                at += memchr::memmem::find(tag, b"-->").map_or(tag.len(), |end| end + 3);
                continue;
            }
            let name = tag_name(tag);
            if name.is_empty() {
                at += 1;
                continue;
            }
            let is_link = matches!(name.as_slice(), b"a" | b"area");
            let length = self.tag(tag, at, is_link, &mut out);
            at += length;
            match name.as_slice() {
                b"a" => in_anchor = true,
                b"/a" => in_anchor = false,
                b"style" | b"script" | b"title" | b"textarea" => at += until_end_of(&name, html.get(at..).unwrap_or_default()),
                _ => {}
            }
        }
        out.finish()
    }

    /// The way back: our schemes become `http` and `https` again. `None` if there is none.
    #[must_use]
    pub fn back(&self, octets: &[u8]) -> Option<Vec<u8>> {
        let mut out = Output::new(octets);
        for colon in memchr::memmem::find_iter(octets, b"://") {
            let start = scheme_start(octets, colon);
            let scheme = octets.get(start..colon).unwrap_or_default();
            if scheme.eq_ignore_ascii_case(self.https.as_bytes()) {
                out.replace(start, colon, b"https");
            } else if scheme.eq_ignore_ascii_case(self.http.as_bytes()) {
                out.replace(start, colon, b"http");
            }
        }
        out.finish()
    }

    fn ours(&self, scheme: &[u8]) -> Option<&[u8]> {
        if scheme.eq_ignore_ascii_case(b"https") {
            Some(self.https.as_bytes())
        } else {
            scheme.eq_ignore_ascii_case(b"http").then_some(self.http.as_bytes())
        }
    }

    fn scan(&self, text: &[u8], offset: usize, out: &mut Output<'_>) {
        let mut link_ends = 0;
        for colon in memchr::memmem::find_iter(text, b"://") {
            let start = scheme_start(text, colon);
            // A link inside a link is a word that some server is to read.
            if start < link_ends {
                continue;
            }
            let Some(ours) = self.ours(text.get(start..colon).unwrap_or_default()) else { continue };
            let rest = text.get(colon + 3..).unwrap_or_default();
            let length = rest.iter().position(|octet| octet.is_ascii_whitespace() || b"<>\"".contains(octet)).unwrap_or(rest.len());
            link_ends = colon + 3 + length;
            if self.rewrites(&host(rest)) {
                out.replace(offset + start, offset + colon, ours);
            }
        }
    }

    /// Reads one tag, changes its `href` if it is a link, and says how long it is.
    fn tag(&self, tag: &[u8], offset: usize, is_link: bool, out: &mut Output<'_>) -> usize {
        let get = |at: usize| tag.get(at).copied();
        let skip = |mut at: usize, wanted: fn(u8) -> bool| {
            while get(at).is_some_and(wanted) {
                at += 1;
            }
            at
        };
        let blank = |octet: u8| octet.is_ascii_whitespace() || octet == b'/';
        let mut at = skip(2, |octet| !octet.is_ascii_whitespace() && !b"/>".contains(&octet));
        loop {
            at = skip(at, blank);
            match get(at) {
                None => return tag.len(),
                Some(b'>') => return at + 1,
                Some(_) => {}
            }
            let name_at = at;
            at = skip(at + 1, |octet| !octet.is_ascii_whitespace() && !b"=>/".contains(&octet));
            let name = tag.get(name_at..at).unwrap_or_default();
            let equals = skip(at, |octet| octet.is_ascii_whitespace());
            if get(equals) != Some(b'=') {
                continue;
            }
            let begin = skip(equals + 1, |octet| octet.is_ascii_whitespace());
            let (from, to, next) = match get(begin) {
                Some(quote @ (b'"' | b'\'')) => {
                    let inside = tag.get(begin + 1..).unwrap_or_default();
                    let end = begin + 1 + memchr::memchr(quote, inside).unwrap_or(inside.len());
                    (begin + 1, end, end + 1)
                }
                _ => {
                    let end = skip(begin, |octet| !octet.is_ascii_whitespace() && octet != b'>');
                    (begin, end, end)
                }
            };
            if is_link && name.eq_ignore_ascii_case(b"href") {
                self.address(tag.get(from..to).unwrap_or_default(), offset + from, out);
            }
            at = next.max(at + 1);
        }
    }

    /// The value of an `href`, as a browser reads it: blanks and line ends do not count, characters may be written as numbers.
    fn address(&self, value: &[u8], offset: usize, out: &mut Output<'_>) {
        let mut read = Vec::new();
        let mut at = 0;
        // Long enough for a scheme and a host; what comes behind is the same either way.
        while let Some((octet, length)) = value.get(at..).and_then(character).filter(|_| read.len() < 600) {
            at += length;
            let blank = octet.is_ascii_control() || octet == b' ' && read.is_empty();
            if !blank {
                read.push((octet, at));
            }
        }
        let plain: Vec<u8> = read.iter().map(|(octet, _)| *octet).collect();
        let Some(colon) = memchr::memchr(b':', &plain) else { return };
        let Some(ours) = self.ours(plain.get(..colon).unwrap_or_default()) else { return };
        let slashes = plain.get(colon + 1..).unwrap_or_default().iter().take_while(|octet| b"/\\".contains(octet)).count();
        if !self.rewrites(&host(plain.get(colon + 1 + slashes..).unwrap_or_default())) {
            return;
        }
        let Some(end) = read.get(colon + slashes).map(|(_, end)| *end) else { return };
        out.replace(offset, offset + end, &[ours, b"://"].concat());
    }
}

/// One character of an attribute's value and its octets: itself, or a reference by number or by the names that addresses
/// are hidden behind. What is beyond ASCII is given as `?`.
fn character(text: &[u8]) -> Option<(u8, usize)> {
    let first = *text.first()?;
    if first != b'&' {
        return Some((first, 1));
    }
    let semicolon = text.iter().take(12).position(|octet| *octet == b';');
    let body = text.get(1..semicolon.unwrap_or(1)).unwrap_or_default();
    let named = match body {
        b"colon" => Some(b':'),
        b"sol" => Some(b'/'),
        b"bsol" => Some(b'\\'),
        b"Tab" => Some(b'\t'),
        b"NewLine" => Some(b'\n'),
        b"amp" => Some(b'&'),
        _ => None,
    };
    if let (Some(octet), Some(end)) = (named, semicolon) {
        return Some((octet, end + 1));
    }
    let (digits_at, radix) = match text.get(1..3) {
        Some(b"#x" | b"#X") => (3, 16),
        Some([b'#', _]) => (2, 10),
        _ => return Some((b'&', 1)),
    };
    let digits = text.get(digits_at..).unwrap_or_default();
    let count = digits.iter().take(8).take_while(|octet| char::from(**octet).is_digit(radix)).count();
    let Some(number) = digits.get(..count).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u32::from_str_radix(d, radix).ok())
    else {
        return Some((b'&', 1));
    };
    let ended = usize::from(digits.get(count) == Some(&b';'));
    Some((u8::try_from(number).ok().filter(u8::is_ascii).unwrap_or(b'?'), digits_at + count + ended))
}

/// The name of the tag that begins here, in lower case, with the `/` of an end tag; empty if it is none.
fn tag_name(tag: &[u8]) -> Vec<u8> {
    let rest = tag.get(1..).unwrap_or_default();
    let (end, word) = rest.strip_prefix(b"/").map_or((&b""[..], rest), |word| (b"/", word));
    let letters: Vec<u8> = word.iter().take(12).take_while(|octet| octet.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    if letters.is_empty() { letters } else { [end, &letters].concat() }
}

/// Where the scheme before this colon begins.
fn scheme_start(text: &[u8], colon: usize) -> usize {
    let before = text.get(..colon).unwrap_or_default();
    let longest = before.len().saturating_sub(64);
    let tail = before.get(longest..).unwrap_or_default();
    longest + tail.iter().rposition(|octet| !(octet.is_ascii_alphanumeric() || b"+-.".contains(octet))).map_or(0, |at| at + 1)
}

/// The host of what stands behind `//`: without user and port.
fn host(rest: &[u8]) -> String {
    let ends = |octet: &u8| octet.is_ascii_whitespace() || octet.is_ascii_control() || b"/\\?#<>\"'`(){}|^&,;".contains(octet);
    let authority: Vec<u8> = rest.iter().take(512).take_while(|octet| !ends(octet)).copied().collect();
    let text = String::from_utf8_lossy(&authority).into_owned();
    let host = text.rsplit_once('@').map_or(text.as_str(), |(_, host)| host);
    let bare = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    bare.trim_end_matches(['.', '!', '*', '_']).to_owned()
}

/// Octets up to the end tag of an element whose content is no HTML.
fn until_end_of(name: &[u8], rest: &[u8]) -> usize {
    let ends = memchr::memmem::find_iter(rest, b"</")
        .find(|at| rest.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)));
    ends.unwrap_or(rest.len())
}

/// The octets with some of them replaced, from the first to the last.
struct Output<'t> {
    from: &'t [u8],
    done: usize,
    out: Vec<u8>,
}

impl<'t> Output<'t> {
    fn new(from: &'t [u8]) -> Self {
        Self { from, done: 0, out: Vec::new() }
    }

    fn replace(&mut self, start: usize, end: usize, with: &[u8]) {
        if start < self.done || end < start {
            return;
        }
        self.out.extend_from_slice(self.from.get(self.done..start).unwrap_or_default());
        self.out.extend_from_slice(with);
        self.done = end;
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.done == 0 {
            return None;
        }
        self.out.extend_from_slice(self.from.get(self.done..).unwrap_or_default());
        Some(self.out)
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
