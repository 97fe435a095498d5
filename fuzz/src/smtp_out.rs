//! The client's side of SMTP: a server's replies; what administrators write about next hops.

use bytes::BytesMut;
use smtp::outbound::{Fingerprint, ReplyReader, Target};

/// The octets as replies, whole and in pieces whose sizes the first octet gives; then as a next hop and as digests.
pub fn smtp_reply(data: &[u8]) {
    let Some((first, replies)) = data.split_first() else { return };
    assert_eq!(read(replies, replies.len().max(1)), read(replies, usize::from(*first % 7) + 1), "the same octets, other replies");
    if let Ok(text) = std::str::from_utf8(replies) {
        if let Ok(target) = Target::parse(text) {
            assert_eq!(Target::parse(&target.to_string()), Ok(target), "what is written is not what was read");
        }
        for digest in Fingerprint::parse_list(text).unwrap_or_default() {
            assert_eq!(Fingerprint::parse(&digest.to_string()), Ok(digest));
        }
    }
}

/// Texts of the replies up to the first that can't be read.
fn read(octets: &[u8], size: usize) -> Vec<String> {
    let (mut reader, mut input, mut texts) = (ReplyReader::default(), BytesMut::new(), Vec::new());
    for piece in octets.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            match reader.take(&mut input) {
                Ok(Some(reply)) => {
                    let text = reply.text();
                    assert!((200..600).contains(&reply.code()) && !text.chars().any(char::is_control), "{text:?}");
                    texts.push(text);
                }
                Ok(None) => break,
                Err(_) => return texts,
            }
        }
    }
    texts
}
