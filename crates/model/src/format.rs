//! The header that every stored or sent format of ours starts with (design decision 12).
//!
//! Eight octets: four of magic that name the format, two of version (big-endian), two reserved as zero. A
//! reader meets an unknown version with a clear error instead of guessing.

/// Length of the header in octets.
pub const HEADER_LENGTH: usize = 8;

/// A format of ours: its magic and the versions that this program reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Four octets of ASCII.
    pub magic: [u8; 4],
    /// The version that is written; all from 1 up to it are read.
    pub version: u16,
    /// What a person calls it.
    pub name: &'static str,
}

/// Why a stored thing can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Too short, or another magic.
    #[error("this is no {0} of Sealgate, or it is damaged")]
    Foreign(&'static str),
    /// Written by a later program.
    #[error("this {name} has version {found}; this program reads up to {known}: it was written by a newer Sealgate")]
    Newer {
        /// The format's name.
        name: &'static str,
        /// Version in the header.
        found: u16,
        /// Newest version known here.
        known: u16,
    },
}

impl Format {
    /// The header to write first.
    #[must_use]
    pub const fn header(&self) -> [u8; HEADER_LENGTH] {
        let [a, b, c, d] = self.magic;
        let [high, low] = self.version.to_be_bytes();
        [a, b, c, d, high, low, 0, 0]
    }

    /// Checks the header and returns the version and what follows it.
    ///
    /// # Errors
    /// [`FormatError`] says whether it is foreign or newer.
    pub fn read<'a>(&self, bytes: &'a [u8]) -> Result<(u16, &'a [u8]), FormatError> {
        let (header, rest) = bytes.split_at_checked(HEADER_LENGTH).ok_or(FormatError::Foreign(self.name))?;
        let [a, b, c, d, high, low, 0, 0] = *header else {
            return Err(FormatError::Foreign(self.name));
        };
        let found = u16::from_be_bytes([high, low]);
        if [a, b, c, d] != self.magic || found == 0 {
            return Err(FormatError::Foreign(self.name));
        }
        if found > self.version {
            return Err(FormatError::Newer { name: self.name, found, known: self.version });
        }
        Ok((found, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { magic: *b"SGxx", version: 2, name: "test" };

    #[test]
    fn older_is_read_newer_is_named_foreign_is_refused() {
        assert_eq!(FORMAT.read(b"SGxx\0\x01\0\0rest"), Ok((1, &b"rest"[..])));
        assert_eq!(FORMAT.read(&FORMAT.header()), Ok((2, &b""[..])));
        assert_eq!(FORMAT.read(b"SGxx\0\x03\0\0"), Err(FormatError::Newer { name: "test", found: 3, known: 2 }));
        for foreign in [&b"SGyy\0\x01\0\0"[..], b"SGxx", b"SGxx\0\0\0\0", b"SGxx\0\x01\0\x01"] {
            assert_eq!(FORMAT.read(foreign), Err(FormatError::Foreign("test")));
        }
    }
}
