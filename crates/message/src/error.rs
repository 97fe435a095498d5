//! What can be wrong with a message, in this room's terms and as a [`Fault`] for the others.

use model::{Exhausted, Fault, Guilty};

/// Why bytes are not taken as a message, or a field not as a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The header passes its limit (mail-gateway.md M-T6).
    #[error("the header is over {limit_bytes} octets or {limit_lines} lines")]
    HeaderTooLarge {
        /// Octets that are allowed.
        limit_bytes: usize,
        /// Lines that are allowed.
        limit_lines: usize,
    },
    /// Too deep, too many parts, too many bytes, too late.
    #[error("too complex: {0}")]
    TooComplex(#[from] Exhausted),
    /// A prepared header field is not exactly one well-formed field.
    #[error("not one well-formed header field")]
    BadField,
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::HeaderTooLarge { limit_bytes, limit_lines } => {
                Self::permanent(Guilty::Sender, "mail-header-too-large", error.to_string())
                    .with("octets", limit_bytes)
                    .with("lines", limit_lines)
            }
            MessageError::TooComplex(exhausted) if exhausted.kind == model::BudgetKind::Time => {
                Self::temporary(Guilty::Ourselves, "mail-too-complex", error.to_string())
            }
            MessageError::TooComplex(_) => Self::permanent(Guilty::Sender, "mail-too-complex", error.to_string()),
            MessageError::BadField => Self::permanent(Guilty::Ourselves, "mail-field-malformed", error.to_string()),
        }
    }
}

/// Why a message has no one author that every program would name alike (CVE-2026-27444).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FromError {
    /// There is no From field, or an empty one.
    #[error("there is no author")]
    Missing,
    /// Several From or Sender fields, or several mailboxes in one.
    #[error("there are several authors")]
    Several,
    /// Not one mailbox by a strict reading.
    #[error("the author can't be read without guessing")]
    Unreadable,
    /// A Sender field names somebody else than From.
    #[error("Sender names somebody else than From")]
    SenderDiffers,
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::BudgetKind;

    #[test]
    fn faults_carry_stable_codes() {
        let large: Fault = MessageError::HeaderTooLarge { limit_bytes: 1, limit_lines: 2 }.into();
        assert_eq!((large.code, large.temporary), ("mail-header-too-large", false));
        let complex: Fault = MessageError::TooComplex(Exhausted { kind: BudgetKind::Parts, limit: 1 }).into();
        assert_eq!((complex.code, complex.temporary), ("mail-too-complex", false));
        let late: Fault = MessageError::TooComplex(Exhausted { kind: BudgetKind::Time, limit: 1 }).into();
        assert!(late.temporary, "running out of time is not the sender's fault");
    }
}
