//! The words of RFC 8601 §2.7 that SPF, DKIM, DMARC and ARC results have in common.

/// One result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verdict {
    /// Nothing was there to check.
    #[default]
    None,
    /// Checked and good.
    Pass,
    /// Checked and bad.
    Fail,
    /// SPF only: probably bad.
    SoftFail,
    /// No statement.
    Neutral,
    /// Good by itself, but not by our rules (a weak key, a part of the body).
    Policy,
    /// Could not be checked now.
    TempError,
    /// Can't be checked as it is published or written.
    PermError,
}

impl Verdict {
    /// The word in Authentication-Results and in rule variables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::Policy => "policy",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}
