//! DMARC records (RFC 9989 §4.7). Lenient as the standard asks: an unknown or malformed tag is passed over, only the
//! version counts strictly.

use crate::tags::white;

/// What the domain's owner wishes for mail that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Policy {
    /// Nothing.
    #[default]
    None,
    /// Suspicious.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// The word in records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject].into_iter().find(|policy| policy.word().eq_ignore_ascii_case(word))
    }

    /// One step milder, for a domain that only tests (`t=y`).
    const fn milder(self) -> Self {
        match self {
            Self::Reject => Self::Quarantine,
            Self::Quarantine | Self::None => Self::None,
        }
    }
}

/// `psd=`: is it a public suffix?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Suffix {
    Yes,
    No,
    #[default]
    Unsaid,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    pub(super) policy: Policy,
    pub(super) subdomains: Option<Policy>,
    pub(super) non_existent: Option<Policy>,
    pub(super) strict_dkim: bool,
    pub(super) strict_spf: bool,
    pub(super) suffix: Suffix,
    testing: bool,
}

impl Record {
    /// Reads a TXT record; `None` if it is no DMARC record.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut tags = text.split(';').map(|tag| tag.split_once('=').unwrap_or((tag, "")));
        let trimmed =
            |(name, value): (&'_ str, &'_ str)| (name.trim_matches(white).to_ascii_lowercase(), value.trim_matches(white).to_owned());
        let (name, version) = trimmed(tags.next()?);
        if name != "v" || version != "DMARC1" {
            return None;
        }
        let mut record = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in tags.map(trimmed).take(64) {
            if seen.contains(&name) {
                continue;
            }
            record.take(&name, &value);
            seen.push(name);
        }
        Some(record)
    }

    fn take(&mut self, name: &str, value: &str) {
        let yes = value.eq_ignore_ascii_case("y");
        match name {
            // An unknown word counts as none (§4.7): it must not make mail be refused.
            "p" => self.policy = Policy::from_word(value).unwrap_or_default(),
            "sp" => self.subdomains = Policy::from_word(value),
            "np" => self.non_existent = Policy::from_word(value),
            "adkim" => self.strict_dkim = value.eq_ignore_ascii_case("s"),
            "aspf" => self.strict_spf = value.eq_ignore_ascii_case("s"),
            "t" => self.testing |= yes,
            // RFC 7489's way to say that a policy is being tried; other shares mean nothing any more.
            "pct" => self.testing |= value == "0",
            "psd" if yes => self.suffix = Suffix::Yes,
            "psd" if value.eq_ignore_ascii_case("n") => self.suffix = Suffix::No,
            _ => {}
        }
    }

    /// The policy for mail from the record's own domain.
    pub(super) fn for_itself(&self) -> Policy {
        self.effective(self.policy)
    }

    /// The policy for a domain below it.
    pub(super) fn for_subdomain(&self, exists: bool) -> Policy {
        let usual = self.subdomains.unwrap_or(self.policy);
        self.effective(if exists { usual } else { self.non_existent.unwrap_or(usual) })
    }

    fn effective(&self, policy: Policy) -> Policy {
        if self.testing { policy.milder() } else { policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t11_dmarc_records() {
        let record = Record::parse(b"v=DMARC1; p=reject; sp=quarantine;np=none; adkim=s; psd=n; p=none; x").unwrap();
        assert_eq!(
            (record.for_itself(), record.for_subdomain(true), record.for_subdomain(false)),
            (Policy::Reject, Policy::Quarantine, Policy::None)
        );
        assert!(record.strict_dkim && !record.strict_spf && record.suffix == Suffix::No);
        assert_eq!(Record::parse(b"v=DMARC1; p=reject; t=y").unwrap().for_itself(), Policy::Quarantine);
        assert_eq!(Record::parse(b"v=DMARC1;p=reject;pct=0").unwrap().for_itself(), Policy::Quarantine);
        assert_eq!(Record::parse(b"v=DMARC1; p=rejekt").unwrap().for_itself(), Policy::None);
        for no_record in [&b"v=DMARC2; p=reject"[..], b"p=reject; v=DMARC1", b"v=dmarc1", b"", b"\xff"] {
            assert_eq!(Record::parse(no_record), None);
        }
    }
}
