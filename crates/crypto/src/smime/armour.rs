//! CMS as a MIME entity: base64 in lines, and the header fields of RFC 8551 §3.2, §3.5.3.
//!
//! Lines are 76 characters and end with CRLF, so that nothing on the way has a reason to touch them.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;

/// Octets that make one line of 76 characters (RFC 2045 §6.8).
const LINE: usize = 57;
/// Lines that are encoded at once: a line alone is too short for wide registers.
const LINES: usize = 54;

/// By the processor's wide registers where it has them.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// Room that `length` octets need.
pub(super) const fn encoded_length(length: usize) -> usize {
    length.div_ceil(3) * 4 + length.div_ceil(LINE) * 2
}

/// Appends `bytes` in base64.
pub(super) fn base64_lines(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(encoded_length(bytes.len()));
    let mut text = [0u8; 76 * LINES];
    for block in bytes.chunks(LINE * LINES) {
        // 57 octets make 76 characters; the error (no room) does not happen.
        let length = BASE64.encode_slice(block, &mut text).unwrap_or(0);
        for line in text.get(..length).unwrap_or_default().chunks(76) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
}
