//! The ARC sets of a mail and their structure (RFC 8617 §4.2, §5.2 steps 1–3). Looks at fields only; no keys, no hashes.

use std::ops::Range;

use message::Message;

use crate::domain;
use crate::signature::{Algorithm, Signature};
use crate::tags::{Tags, white};

/// RFC 8617 §5.2: more are a failure.
pub(super) const SETS_MAX: usize = 50;

/// What `cv=` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cv {
    None,
    Pass,
    Fail,
}

/// An ARC-Seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) algorithm: Algorithm,
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) signature: Vec<u8>,
    pub(super) cv: Cv,
}

/// One handler's three fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) results: Range<usize>,
    pub(super) message_range: Range<usize>,
    pub(super) message: Signature,
    pub(super) seal_range: Range<usize>,
    pub(super) seal: Seal,
}

/// The chain of a mail as its fields say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// In the order of their numbers.
    pub(super) sets: Vec<Set>,
    /// Why the chain is broken already by its form.
    pub(super) flaw: Option<&'static str>,
    /// The highest number that stands anywhere.
    pub(super) highest: u64,
}

impl Chain {
    /// Reads the chain.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let highest = std::cell::Cell::new(0);
        match read(message, &highest) {
            Ok(sets) => Self { sets, flaw: None, highest: highest.get() },
            Err(flaw) => Self { sets: Vec::new(), flaw: Some(flaw), highest: highest.get() },
        }
    }

    /// True if the mail has none of the three fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.flaw.is_none()
    }

    /// Selectors and domains of the keys that checking needs.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, String)> {
        let seals = self.sets.iter().map(|set| (set.seal.selector.clone(), set.seal.domain.clone()));
        let newest = self.sets.last().map(|set| (set.message.selector.clone(), set.message.domain.clone()));
        seals.chain(newest).collect()
    }

    /// Domain of the newest seal; empty without one.
    #[must_use]
    pub fn sealed_by(&self) -> &str {
        self.sets.last().map_or("", |set| &set.seal.domain)
    }
}

/// The fields of one kind, by number.
struct Numbered<T>(Vec<(u64, T)>);

impl<T> Numbered<T> {
    fn put(&mut self, number: u64, value: T) -> Result<(), &'static str> {
        if self.0.iter().any(|(known, _)| *known == number) {
            return Err("an ARC number stands twice");
        }
        self.0.push((number, value));
        Ok(())
    }

    fn take(&mut self, number: u64) -> Result<T, &'static str> {
        let at = self.0.iter().position(|(known, _)| *known == number).ok_or("an ARC set is not whole")?;
        Ok(self.0.swap_remove(at).1)
    }
}

fn read(message: &Message, highest: &std::cell::Cell<u64>) -> Result<Vec<Set>, &'static str> {
    let (mut results, mut messages, mut seals) = (Numbered(Vec::new()), Numbered(Vec::new()), Numbered(Vec::new()));
    let note = |number: u64| {
        highest.set(highest.get().max(number));
        if number > SETS_MAX as u64 { Err("too many ARC sets") } else { Ok(number) }
    };
    for field in message.fields() {
        if field.is("arc-authentication-results") {
            results.put(note(results_number(field.value)?)?, field.range.clone())?;
        } else if field.is("arc-message-signature") {
            let tags = Tags::parse(field.value).map_err(|_| "ARC-Message-Signature syntax error")?;
            messages.put(note(number(&tags)?)?, (field.range.clone(), message_signature(&tags)?))?;
        } else if field.is("arc-seal") {
            let tags = Tags::parse(field.value).map_err(|_| "ARC-Seal syntax error")?;
            seals.put(note(number(&tags)?)?, (field.range.clone(), read_seal(&tags)?))?;
        }
    }
    let count = results.0.len().max(messages.0.len()).max(seals.0.len());
    let mut sets = Vec::with_capacity(count);
    for number in 1..=count as u64 {
        let (message_range, message) = messages.take(number)?;
        let (seal_range, seal) = seals.take(number)?;
        sets.push(Set { results: results.take(number)?, message_range, message, seal_range, seal });
    }
    Ok(sets)
}

fn number(tags: &Tags<'_>) -> Result<u64, &'static str> {
    tags.number("i").ok().flatten().filter(|number| *number > 0).ok_or("an ARC field without its number")
}

/// `i=N;` stands first in ARC-Authentication-Results (RFC 8617 §4.1.1).
fn results_number(value: &[u8]) -> Result<u64, &'static str> {
    let bad = "ARC-Authentication-Results without its number";
    let end = value.iter().position(|b| *b == b';').ok_or(bad)?;
    let tags = value.get(..end).and_then(|head| Tags::parse(head).ok()).ok_or(bad)?;
    number(&tags).map_err(|_| bad)
}

fn message_signature(tags: &Tags<'_>) -> Result<Signature, &'static str> {
    let signature = Signature::from_tags(tags, false)?;
    if signature.signed.iter().any(|name| name.trim_matches(white).eq_ignore_ascii_case("arc-seal")) {
        return Err("ARC-Message-Signature covers ARC-Seal");
    }
    Ok(signature)
}

fn read_seal(tags: &Tags<'_>) -> Result<Seal, &'static str> {
    if ["h", "bh", "c", "l"].iter().any(|tag| tags.get(tag).is_some()) {
        return Err("ARC-Seal with tags that it must not have");
    }
    tags.number("t").map_err(|_| "a number is malformed")?;
    Ok(Seal {
        algorithm: Algorithm::from_word(tags.get("a").ok_or("ARC-Seal without a=")?)?,
        domain: tags.get("d").and_then(domain::normal).ok_or("ARC-Seal without a domain")?,
        selector: tags.get("s").filter(|s| domain::is_name(s)).ok_or("ARC-Seal without a selector")?.to_ascii_lowercase(),
        signature: tags.base64("b").filter(|b| !b.is_empty()).ok_or("b= is missing or malformed")?,
        cv: match tags.get("cv").map(str::to_ascii_lowercase).as_deref() {
            Some("none") => Cv::None,
            Some("pass") => Cv::Pass,
            Some("fail") => Cv::Fail,
            _ => return Err("ARC-Seal without cv="),
        },
    })
}
