//! What scanners answer. They stand beside us, but what they say repeats what a stranger sent.

use outside::clamd::{Scanned, read_verdict, read_version};
use outside::rspamd::read_score;

/// The octets as clamd's answers and as rspamd's.
pub fn scanner_answers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let clean = |name: &str| name.len() <= 100 && name.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ');
    match read_verdict(&text) {
        Ok(Scanned::Clean) => assert!(matches!(text.as_ref(), "OK" | "stream: OK"), "clean by another word: {text:?}"),
        Ok(Scanned::Found(name)) => assert!(clean(&name), "{name:?} can't stand in a field"),
        Ok(Scanned::Closed(word)) => assert!(matches!(word, "encrypted" | "limit")),
        Err(error) => assert!(!error.to_string().contains(['\r', '\n', '\0'])),
    }
    assert!(clean(&read_version(&text).engine));
    if let Ok(scored) = read_score(data) {
        assert!(scored.score.is_finite());
    }
}
