//! Short octets for what every mail's summary has in long words: its digest and its counts.
//!
//! ```text
//! digest   empty · 0 and the 32 octets of a hash · any other text as it is
//! effects  empty · 1, then for each: which counter · by how many · any others as JSON, which begins with "["
//! ```
//! Both are a quarter of their texts. A start reads them by the million, and memory keeps them with each mail that waits.

use model::{Counter, Effect};

use super::octets::{Reader, Writer};

const HASH: u8 = 0;
const COUNTS: u8 = 1;
/// Octets of a SHA-256 hash.
const HASH_LENGTH: usize = 32;

/// A digest in octets.
pub(crate) fn digest(text: &str) -> Vec<u8> {
    match hash(text) {
        Some(hash) => [&[HASH], hash.as_slice()].concat(),
        None => text.as_bytes().to_vec(),
    }
}

/// A digest's text; `None` for octets that are none.
pub(crate) fn digest_text(octets: &[u8]) -> Option<String> {
    match octets.split_first() {
        Some((&HASH, hash)) => {
            (hash.len() == HASH_LENGTH).then(|| hash.iter().flat_map(|octet| [octet >> 4, octet & 15]).map(digit).collect())
        }
        _ => String::from_utf8(octets.to_vec()).ok(),
    }
}

/// The octets that 64 small hexadecimal digits stand for.
fn hash(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().as_chunks::<2>();
    let all = (text.len() == 2 * HASH_LENGTH).then_some(pairs.0)?;
    all.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

/// Effects in octets.
///
/// # Errors
/// Those of JSON.
pub(crate) fn effects(effects: &[Effect]) -> Result<Vec<u8>, serde_json::Error> {
    if effects.is_empty() {
        return Ok(Vec::new());
    }
    counts(effects).map_or_else(|| serde_json::to_vec(effects), Ok)
}

/// `None` if there is anything but counts.
fn counts(effects: &[Effect]) -> Option<Vec<u8>> {
    let mut out = Writer::default();
    out.octet(COUNTS);
    for effect in effects {
        let Effect::Count { counter, by } = effect else { return None };
        out.count(Counter::ALL.iter().position(|known| known == counter)?);
        out.count(usize::try_from(*by).ok()?);
    }
    Some(out.done())
}

/// Reads effects; `None` for octets that are none, or a newer program's.
pub(crate) fn effects_of(octets: &[u8]) -> Option<Vec<Effect>> {
    let Some((&COUNTS, rest)) = octets.split_first() else {
        return if octets.is_empty() { Some(Vec::new()) } else { serde_json::from_slice(octets).ok() };
    };
    let mut from = Reader::new(rest);
    let mut effects = Vec::new();
    while !from.remaining().is_empty() {
        let counter = *Counter::ALL.get(from.count()?)?;
        effects.push(Effect::Count { counter, by: u32::try_from(from.count()?).ok()? });
    }
    Some(effects)
}

#[cfg(test)]
mod tests {
    use model::Address;

    use super::*;

    #[test]
    fn digests_and_effects_read_back() {
        let hash = "00ff".repeat(16);
        for (text, length) in [("", 0), ("adopted/x", 9), (hash.as_str(), 33), (&hash.to_uppercase(), 64)] {
            let octets = digest(text);
            assert_eq!((octets.len(), digest_text(&octets).as_deref()), (length, Some(text)));
        }
        let count = |counter, by| Effect::Count { counter, by };
        let account =
            Effect::CreateAccount { address: Address::parse("a@company.example").unwrap(), name: String::new(), user_id: String::new() };
        let all: Vec<_> = Counter::ALL.map(|counter| count(counter, 300)).into();
        for (list, most) in [(vec![], 0), (all, 25), (vec![count(Counter::Bounced, 1), account], 200)] {
            let octets = effects(&list).unwrap();
            assert!(octets.len() <= most, "{}", octets.len());
            assert_eq!(effects_of(&octets), Some(list));
        }
    }

    #[test]
    fn octets_that_are_none_of_ours_are_none() {
        for bad in [&[HASH][..], &[HASH; 32], b"\xff"] {
            assert_eq!(digest_text(bad), None);
        }
        for bad in [&[COUNTS, 0][..], &[COUNTS, 200, 1, 1], &[COUNTS, 0, 0xff], b"x", b"[1]", &[2, 0]] {
            assert_eq!(effects_of(bad), None);
        }
    }

    /// Octets on disks say them by their place.
    #[test]
    fn counters_keep_their_places() {
        let names = Counter::ALL.map(Counter::name);
        let known = [
            "mail_received",
            "mail_sent",
            "smime_decrypted",
            "smime_encrypted",
            "smime_signed",
            "smime_valid",
            "smime_not_valid",
            "bounced",
        ];
        assert_eq!(names.get(..known.len()), Some(known.as_slice()), "new ones go to the end");
    }
}
