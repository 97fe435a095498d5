//! The writer: elements by code page and number, in the shortest form.

use super::{END, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE, VERSION};

/// Writes one body. Elements that are still open at [`Writer::finish`] are closed there.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    page: u8,
    open: usize,
}

impl Writer {
    /// Starts with the header that every ActiveSync server writes: version 1.3, unknown public id, UTF-8, no string table.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![VERSION, 0x01, 0x6A, 0x00], page: 0, open: 0 }
    }

    /// Starts inside another body, where this code page is in force.
    pub(super) fn inside(page: u8) -> Self {
        Self { bytes: Vec::new(), page, open: 0 }
    }

    /// Opens an element with content.
    pub fn start(&mut self, page: u8, tag: u8) -> &mut Self {
        self.tag(page, tag | HAS_CONTENT);
        self.open += 1;
        self
    }

    /// An element without content.
    pub fn empty(&mut self, page: u8, tag: u8) -> &mut Self {
        self.tag(page, tag);
        self
    }

    /// Closes the innermost open element.
    pub fn end(&mut self) -> &mut Self {
        if self.open > 0 {
            self.open -= 1;
            self.bytes.push(END);
        }
        self
    }

    /// An inline string. It ends at a NUL, which the format can't carry.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.push(STR_I);
        self.bytes.extend(text.bytes().take_while(|byte| *byte != 0));
        self.bytes.push(0);
        self
    }

    /// Opaque octets; what is over 4 GiB is cut off.
    pub fn opaque(&mut self, octets: &[u8]) -> &mut Self {
        let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        self.bytes.push(OPAQUE);
        number(&mut self.bytes, length);
        self.bytes.extend(octets.iter().take(length as usize));
        self
    }

    /// The body.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        for _ in 0..self.open {
            self.bytes.push(END);
        }
        self.bytes
    }

    /// The octets, with this code page in force behind them.
    pub(super) fn finish_on(mut self, page: u8) -> Vec<u8> {
        let switch = page != self.page;
        self.page = page;
        let mut bytes = self.finish();
        if switch {
            bytes.extend([SWITCH_PAGE, page]);
        }
        bytes
    }

    fn tag(&mut self, page: u8, token: u8) {
        if page != self.page {
            self.bytes.extend([SWITCH_PAGE, page]);
            self.page = page;
        }
        self.bytes.push(token);
    }
}

/// A `mb_u_int32` in its shortest form (WBXML §5.1).
pub(crate) fn number(bytes: &mut Vec<u8>, value: u32) {
    for shift in [28, 21, 14, 7] {
        if value >> shift != 0 {
            bytes.push((value >> shift & 0x7F) as u8 | 0x80);
        }
    }
    bytes.push((value & 0x7F) as u8);
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}
