//! Protocol versions: `2.5` to `16.1`, as the header and the base64 query write them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A protocol version in tenths, as in the base64 query's first octet (MS-ASHTTP §2.2.1.1.1.1): 14.1 is 141, 2.5 is 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// The first version whose answers may carry the common status codes (MS-ASCMD §2.2.2).
    pub const COMMON_STATUS: Self = Self(140);
    /// The first version in which an empty answer to Sync means "no changes" (MS-ASCMD §2.2.1.21).
    pub const EMPTY_SYNC: Self = Self(121);

    /// From the octet of the base64 query.
    #[must_use]
    pub const fn from_tenths(tenths: u8) -> Self {
        Self(tenths)
    }

    /// From the header `MS-ASProtocolVersion` (MS-ASHTTP §2.2.1.1.2.6), such as `14.1`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(major, 2) || !digits(minor, 1) {
            return None;
        }
        let (major, minor) = (major.parse::<u8>().ok()?, minor.parse::<u8>().ok()?);
        major.checked_mul(10)?.checked_add(minor).map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn both_spellings_are_one() {
        assert_eq!(Version::parse("14.1"), Some(Version::from_tenths(141)));
        assert_eq!(Version::parse(" 2.5 ").unwrap().to_string(), "2.5");
        assert!(Version::parse("12.1").unwrap() < Version::COMMON_STATUS);
        for bad in ["", "14", "14.", ".1", "14.10", "114.1", "26.9", "+4.1", "14.1 16.0"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }
}
