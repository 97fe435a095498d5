//! What is demanded of a connection: level, names, digests, TLSA records, trust.
//!
//! A [`TlsPolicy`] is what settings say of a destination; connections are shared by it. A [`TlsDemand`] is what
//! one server has to meet: the policy, with what DNS and others know of this server put in (RFC 7672, RFC 8461).
//! What is put in may raise `may` and `encrypt`; nothing here lowers a level.

use std::sync::Arc;

use super::{Anchors, Fingerprint, RevocationSource, Tlsa};

/// How much TLS a connection needs, weakest first (mail-gateway.md M-T4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum TlsLevel {
    /// Never.
    None,
    /// When offered, with any certificate; after a failed handshake one more try in clear.
    #[default]
    May,
    /// TLS 1.2 or later with any certificate, or no mail.
    Encrypt,
    /// And the chain ends at a trusted root; the name is not looked at.
    Verify,
    /// And the certificate names the server.
    Secure,
    /// The certificate has one of the digests.
    Fingerprint,
    /// TLSA records match.
    Dane,
}

impl TlsLevel {
    /// All, weakest first.
    pub const ALL: [Self; 7] = [Self::None, Self::May, Self::Encrypt, Self::Verify, Self::Secure, Self::Fingerprint, Self::Dane];

    /// Reads a level's word; `None` for words that are none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }

    /// The word in settings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Verify => "verify",
            Self::Secure => "secure",
            Self::Fingerprint => "fingerprint",
            Self::Dane => "dane",
        }
    }

    /// True if no mail goes without TLS.
    #[must_use]
    pub fn is_mandatory(self) -> bool {
        self >= Self::Encrypt
    }
}

/// What settings demand of a next hop. Connections that differ in it are never shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsPolicy {
    /// See [`TlsLevel`].
    pub level: TlsLevel,
    /// Digests, for level `fingerprint`.
    pub fingerprints: Vec<Fingerprint>,
}

impl TlsPolicy {
    /// A level without digests.
    #[must_use]
    pub const fn of(level: TlsLevel) -> Self {
        Self { level, fingerprints: Vec::new() }
    }

    /// The stronger of two.
    #[must_use]
    pub fn or_stricter(self, other: Self) -> Self {
        if other.level > self.level { other } else { self }
    }
}

/// What it means at levels `verify` and `secure` that nobody says whether a certificate was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Revocation {
    /// It passes, with a log line.
    #[default]
    Soft,
    /// It does not.
    Hard,
}

/// What one server has to meet.
#[derive(Debug, Clone, Default)]
pub struct TlsDemand {
    /// See [`TlsLevel`].
    pub level: TlsLevel,
    /// Names of which the certificate must have one, at `secure` and with TLSA records of usage 2; empty: the server's own
    /// ([`super::super::Endpoint::host`]).
    pub names: Vec<String>,
    /// Only subjectAltName counts, never the common name (RFC 8461 §4.2).
    pub san_only: bool,
    /// What is sent as SNI if it is not the server's name: the TLSA base domain (RFC 7672 §8.1).
    pub sni: Option<String>,
    /// Digests, at `fingerprint`.
    pub fingerprints: Vec<Fingerprint>,
    /// Validated TLSA records, at `dane`.
    pub tlsa: Vec<Tlsa>,
    /// Whom we trust, at `verify` and `secure`; without it nobody.
    pub anchors: Option<Arc<Anchors>>,
    /// See [`Revocation`].
    pub revocation: Revocation,
    /// Who knows what issuers have revoked, beside what the server staples; without it nobody.
    pub lists: Option<Arc<dyn RevocationSource>>,
}

impl TlsDemand {
    /// A level alone.
    #[must_use]
    pub fn of(level: TlsLevel) -> Self {
        Self { level, ..Self::default() }
    }

    /// What a policy demands, with whom we trust.
    #[must_use]
    pub fn by(policy: &TlsPolicy, anchors: Arc<Anchors>, revocation: Revocation) -> Self {
        Self { level: policy.level, fingerprints: policy.fingerprints.clone(), anchors: Some(anchors), revocation, ..Self::default() }
    }

    /// True if a connection that met the other one meets this one as well, because both demand the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let said = |one: &Self| (one.level, one.san_only, one.revocation, one.sni.clone(), one.names.clone(), one.fingerprints.clone());
        // Records of one name come in no order.
        let tlsa = self.tlsa.len() == other.tlsa.len() && self.tlsa.iter().all(|record| other.tlsa.contains(record));
        let trust = match (&self.anchors, &other.anchors) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        said(self) == said(other) && tlsa && trust
    }

    /// Puts in the validated TLSA records of this server (RFC 7672 §2.2). At `may` and `encrypt` usable ones raise the level to
    /// `dane`, and records of which none is usable to `encrypt`. At `dane` they are what has to match; at any other
    /// level they change nothing: what is set there is what the administrator wants to see.
    #[must_use]
    pub fn with_tlsa(mut self, records: Vec<Tlsa>, names: Vec<String>) -> Self {
        let raises = matches!(self.level, TlsLevel::May | TlsLevel::Encrypt);
        if records.is_empty() || !(raises || self.level == TlsLevel::Dane) {
            return self;
        }
        if raises {
            self.level = if records.iter().any(Tlsa::is_usable) { TlsLevel::Dane } else { TlsLevel::Encrypt };
        }
        if self.level == TlsLevel::Dane {
            self.tlsa = records;
            self.names = names;
        }
        self
    }

    /// Puts in that an enforced MTA-STS policy covers this server (RFC 8461 §4): `may`, `encrypt` and `verify` become `secure`
    /// with the server's own name in a subjectAltName.
    #[must_use]
    pub fn with_sts(mut self) -> Self {
        if matches!(self.level, TlsLevel::May | TlsLevel::Encrypt | TlsLevel::Verify) {
            self.level = TlsLevel::Secure;
            self.san_only = true;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlsa(usage: u8) -> Vec<Tlsa> {
        vec![Tlsa { usage, selector: 1, matching: 1, data: vec![0; 32] }]
    }

    #[test]
    fn m_t4_words_are_read_and_written() {
        for level in TlsLevel::ALL {
            assert_eq!(TlsLevel::parse(level.word()), Some(level));
        }
        assert_eq!(TlsLevel::parse("Secure"), None);
    }

    #[test]
    fn m_t4_dane_and_sts_raise_and_never_lower() {
        let raised = |level, usage| TlsDemand::of(level).with_tlsa(tlsa(usage), Vec::new()).level;
        for level in TlsLevel::ALL {
            for usage in [0, 3] {
                assert!(raised(level, usage) >= level, "{level:?} {usage}");
            }
            assert_eq!(TlsDemand::of(level).with_tlsa(Vec::new(), Vec::new()).level, level, "no records change nothing");
            assert!(TlsDemand::of(level).with_sts().level >= level);
        }
        assert_eq!((raised(TlsLevel::May, 3), raised(TlsLevel::Encrypt, 3)), (TlsLevel::Dane, TlsLevel::Dane));
        assert_eq!((raised(TlsLevel::May, 0), raised(TlsLevel::Encrypt, 0)), (TlsLevel::Encrypt, TlsLevel::Encrypt));
        assert_eq!((raised(TlsLevel::None, 3), raised(TlsLevel::Secure, 3)), (TlsLevel::None, TlsLevel::Secure));
        assert_eq!(TlsDemand::of(TlsLevel::May).with_sts().level, TlsLevel::Secure);
    }

    #[test]
    fn m_t4_the_same_demand_is_known_again() {
        let two = |reverse: bool| {
            let mut records = [tlsa(3), tlsa(2)].concat();
            if reverse {
                records.reverse();
            }
            TlsDemand::of(TlsLevel::May).with_tlsa(records, vec!["mx.example".to_owned()])
        };
        assert!(two(false).is_same(&two(true)), "records come in no order");
        let may = || TlsDemand::of(TlsLevel::May);
        let trusting = |anchors: &Arc<Anchors>| TlsDemand { anchors: Some(Arc::clone(anchors)), ..may() };
        let (some, others) = (Arc::new(Anchors::default()), Arc::new(Anchors::default()));
        assert!(trusting(&some).is_same(&trusting(&some)));
        for other in [may().with_sts(), two(false), trusting(&others), TlsDemand { sni: Some("a".to_owned()), ..trusting(&some) }] {
            assert!(!trusting(&some).is_same(&other) && !other.is_same(&trusting(&some)), "{:?}", other.level);
        }
    }

    #[test]
    fn the_stricter_of_two_policies() {
        let (weak, strong) = (TlsPolicy::of(TlsLevel::May), TlsPolicy::of(TlsLevel::Secure));
        assert_eq!(weak.clone().or_stricter(strong.clone()), strong);
        assert_eq!(strong.clone().or_stricter(weak), strong);
    }
}
