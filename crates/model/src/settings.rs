//! Durations and sizes as administrators write them: `5m`, `4h`, `50MB`, `256KiB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A duration in settings: a number and one of `ms s m h d`; `0` needs no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A size in settings: a number and one of `kB MB GB` (powers of 1000) or `KiB MiB GiB` (of 1024); bytes without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Span {
    /// Reads `5m`.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no duration: write a number and one of ms, s, m, h, d, as in 5m");
        let (number, unit) = split_unit(text).ok_or_else(expected)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" if number == 0 => 0,
            _ => return Err(expected()),
        };
        number.checked_mul(milliseconds).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(expected)
    }

    /// So many seconds.
    #[must_use]
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }
}

impl Size {
    /// Reads `50MB`.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no size: write a number and one of kB, MB, GB, KiB, MiB, GiB, as in 50MB");
        let (number, unit) = split_unit(text).ok_or_else(expected)?;
        let factor = match unit {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(expected()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(expected)
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let (divisor, unit) = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
            .into_iter()
            .find(|(divisor, _)| ms >= *divisor && ms.is_multiple_of(*divisor))
            .unwrap_or((1, "ms"));
        write!(f, "{}{unit}", ms / divisor)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, unit) = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")]
            .into_iter()
            .find(|(divisor, _)| self.0 >= *divisor && self.0.is_multiple_of(*divisor))
            .unwrap_or((1, ""));
        write!(f, "{}{unit}", self.0 / divisor)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_units() {
        assert_eq!(Span::parse("5m").unwrap().0.as_secs(), 300);
        assert_eq!(Span::parse("5m").unwrap().to_string(), "5m");
        assert_eq!(Span::parse("0").unwrap().0, Duration::ZERO);
        assert_eq!(Size::parse("50MB").unwrap(), Size(50_000_000));
        assert_eq!(Size::parse("256KiB").unwrap(), Size(262_144));
        for bad in ["5", "m", "5 weeks", "-1s", "99999999999999999999d"] {
            assert!(Span::parse(bad).unwrap_err().contains("5m"));
        }
    }
}
