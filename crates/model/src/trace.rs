//! The id in every log line of one mail or one request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A message's (or request's) identity: time-ordered, unique without coordination (UUIDv7, RFC 9562 §5.7),
/// written as 26 lower-case characters of Crockford's base 32. It is the Received line's id, the value of
/// `X-Sealgate-Trace`, and half of each effect's identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(u128);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl TraceId {
    /// A new id, by the system's clock and randomness.
    #[must_use]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().as_u128())
    }

    /// From stored bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits, for a binary column.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads the 26-character form; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 26 {
            return None;
        }
        text.bytes()
            .try_fold(0u128, |bits, byte| {
                let digit = ALPHABET.iter().position(|c| *c == byte)?;
                bits.checked_mul(32)?.checked_add(digit as u128)
            })
            .map(Self)
    }
}

impl Default for TraceId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in (0..26).rev() {
            let index = ((self.0 >> (digit * 5)) & 31) as usize;
            let c = ALPHABET.get(index).copied().unwrap_or(b'0');
            fmt::Write::write_char(f, c as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for TraceId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).ok_or("a trace id has 26 characters of 0-9 a-z without i l o u")
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bits_are_one() {
        let id = TraceId::new();
        assert_eq!(TraceId::parse(&id.to_string()), Some(id));
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(TraceId::parse("zzzzzzzzzzzzzzzzzzzzzzzzzz"), None, "over 128 bits");
        assert_eq!(TraceId::parse("short"), None);
    }
}
