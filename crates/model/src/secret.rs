//! Secrets that can't be printed (CVE-2026-7864, security.md X-21).

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, shown as `«secret»`, compared in constant time. No `Serialize`.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over; the caller's copy is gone.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// `N` fresh random bytes.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random(length: usize) -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes, named so that each use is seen in review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// A secret text (password, token, URL with password): as [`SecretBytes`].
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, named so that each use is seen in review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«secret»")
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«secret»")
    }
}

impl<'de> serde::Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_7864_secrets_do_not_print() {
        assert_eq!(format!("{:?} {:?}", SecretBytes::new(b"hunter2".to_vec()), SecretText::new("hunter2".into())), "«secret» «secret»");
    }
}
