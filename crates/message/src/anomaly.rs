//! What two programs could read in two ways (security.md X-9).
//!
//! The scanner takes one reading and names each place where another program may take another. It refuses
//! nothing itself: [`crate::Message::refuse_ambiguous`] turns the dangerous ones into a fault, and whoever
//! passes a mail on in spite of them marks it.

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// What it is.
    pub kind: AnomalyKind,
    /// Id of the part: `1` is the message itself.
    pub part: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnomalyKind {
    /// A field that may stand once stands twice; its lower-case name.
    Duplicate(String),
    /// A line in the header that is no field.
    BrokenLine,
    /// A Content-Type that is not `type/subtype`.
    BrokenType,
    /// A multipart without a usable boundary.
    BoundaryMissing,
    /// A boundary said twice, or in a form (RFC 2231, not ASCII) that some programs don't read.
    BoundaryDoubtful,
    /// A boundary that an enclosing multipart has too, or that differs from it by `--` at its end only.
    BoundaryRepeated,
    /// A line that begins with a boundary and goes on with something else (RFC 2046 §5.1.1 takes it, the
    /// grammar does not).
    BoundaryLookalike,
    /// A delimiter behind the closing delimiter.
    BoundaryAfterClose,
    /// A boundary that is the beginning of an enclosing one, or the other way round.
    BoundaryPrefix,
    /// No closing delimiter: the mail may be cut.
    BoundaryUnclosed,
    /// No delimiter at all.
    BoundaryUnused,
    /// A multipart or message in base64 or quoted-printable, which RFC 2045 §6.4 forbids.
    EncodedComposite,
    /// A Content-Transfer-Encoding that nobody knows.
    UnknownEncoding,
    /// NUL in a header.
    HeaderNul,
    /// CR without LF in a header.
    HeaderBareCr,
    /// NUL in the body.
    BodyNul,
    /// CR without LF in the body.
    BodyBareCr,
}

impl AnomalyKind {
    /// True where two usual programs would show different things, so that what was scanned or judged need
    /// not be what is read. False for what is common and harmless.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        match self {
            Self::Duplicate(_)
            | Self::BoundaryMissing
            | Self::BoundaryDoubtful
            | Self::BoundaryRepeated
            | Self::BoundaryLookalike
            | Self::BoundaryAfterClose
            | Self::EncodedComposite
            | Self::HeaderNul
            | Self::HeaderBareCr => true,
            Self::BrokenLine
            | Self::BrokenType
            | Self::BoundaryPrefix
            | Self::BoundaryUnclosed
            | Self::BoundaryUnused
            | Self::UnknownEncoding
            | Self::BodyNul
            | Self::BodyBareCr => false,
        }
    }

    /// A stable kebab-case word for logs and reasons.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Duplicate(_) => "duplicate-field",
            Self::BrokenLine => "broken-header-line",
            Self::BrokenType => "broken-content-type",
            Self::BoundaryMissing => "boundary-missing",
            Self::BoundaryDoubtful => "boundary-doubtful",
            Self::BoundaryRepeated => "boundary-repeated",
            Self::BoundaryLookalike => "boundary-lookalike",
            Self::BoundaryAfterClose => "boundary-after-close",
            Self::BoundaryPrefix => "boundary-prefix",
            Self::BoundaryUnclosed => "boundary-unclosed",
            Self::BoundaryUnused => "boundary-unused",
            Self::EncodedComposite => "encoded-composite",
            Self::UnknownEncoding => "unknown-encoding",
            Self::HeaderNul => "header-nul",
            Self::HeaderBareCr => "header-bare-cr",
            Self::BodyNul => "body-nul",
            Self::BodyBareCr => "body-bare-cr",
        }
    }
}

impl std::fmt::Display for Anomaly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in part {}", self.kind.word(), self.part)?;
        match &self.kind {
            AnomalyKind::Duplicate(name) => write!(f, ": {name}"),
            _ => Ok(()),
        }
    }
}

/// Fields of a message's header that may stand at most once (RFC 5322 §3.6) and that decide who it is from,
/// to whom, and what it is.
pub(crate) const SINGLE: [&str; 9] = ["from", "sender", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version"];

/// Fields of every part that may stand at most once (RFC 2045 §3).
pub(crate) const SINGLE_IN_PART: [&str; 4] = ["content-type", "content-transfer-encoding", "content-disposition", "content-id"];

/// NUL and bare CR in `bytes`: whether each is there.
pub(crate) fn stray(bytes: &[u8]) -> (bool, bool) {
    let nul = memchr::memchr(0, bytes).is_some();
    let bare = memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'));
    (nul, bare)
}
