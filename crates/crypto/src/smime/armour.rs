//! CMS as a MIME entity: base64 in lines, and the header fields of RFC 8551 §3.2, §3.5.3.
//!
//! Lines are 76 characters and end with CRLF, so that nothing on the way has a reason to touch them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets that make one line of 76 characters (RFC 2045 §6.8).
const LINE: usize = 57;

/// Room that `length` octets need.
pub(super) const fn encoded_length(length: usize) -> usize {
    length.div_ceil(3) * 4 + length.div_ceil(LINE) * 2
}

/// Appends `bytes` in base64.
pub(super) fn base64_lines(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(encoded_length(bytes.len()));
    let mut line = [0u8; 78];
    for chunk in bytes.chunks(LINE) {
        // 57 octets make 76 characters; the error (no room) does not happen.
        let length = STANDARD.encode_slice(chunk, &mut line).unwrap_or(0);
        out.extend_from_slice(line.get(..length).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
}
