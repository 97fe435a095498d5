//! The form of text that is hashed and signed, by S/MIME and OpenPGP alike.

use std::borrow::Cow;

/// Lines end with CRLF (RFC 8551 §3.1.1, RFC 3156 §5). Mail as received has only those; a file with bare line feeds is read as if it had come
/// by mail.
pub(crate) fn canonical(content: &[u8]) -> Cow<'_, [u8]> {
    let bare = |at: usize| at == 0 || content.get(at - 1) != Some(&b'\r');
    if !memchr::memchr_iter(b'\n', content).any(bare) {
        return Cow::Borrowed(content);
    }
    let mut lines = Vec::with_capacity(content.len() + content.len() / 40);
    for (at, octet) in content.iter().enumerate() {
        if *octet == b'\n' && bare(at) {
            lines.push(b'\r');
        }
        lines.push(*octet);
    }
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_line_feeds_become_line_ends_and_nothing_else_changes() {
        assert!(matches!(canonical(b"a\r\nb\rc\r\n"), Cow::Borrowed(_)));
        assert_eq!(canonical(b"\na\r\nb\n\n\r").as_ref(), b"\r\na\r\nb\r\n\r\n\r");
    }
}
