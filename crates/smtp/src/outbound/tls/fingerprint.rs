//! Digests of certificates as administrators write them: SHA-1 or SHA-256 in hex, with or without colons, several
//! separated by `|`. MD5 is refused where it is entered: it proves nothing any more (mail-gateway.md M-T4).

use std::fmt;

/// A digest of a whole certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fingerprint {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

/// Why a text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// 16 octets.
    #[error("this has 16 octets and is an MD5 digest, which is not taken: use the certificate's SHA-256 (or SHA-1) digest")]
    Md5,
    /// Neither 20 nor 32 octets in hex.
    #[error("expected a SHA-256 or SHA-1 digest in hex, with or without colons, several separated by |")]
    Shape,
}

/// Most digests of one text.
const MOST: usize = 32;

impl Fingerprint {
    /// Reads one or several, separated by `|`; at most 32.
    ///
    /// # Errors
    /// [`FingerprintError`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, FingerprintError> {
        let mut parts = text.split('|');
        let found = parts.by_ref().take(MOST).map(Self::parse).collect();
        if parts.next().is_some() { Err(FingerprintError::Shape) } else { found }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`FingerprintError`].
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let digits: Vec<u8> = if text.contains(':') {
            let octets = text.split(':').map(|part| if part.len() == 2 { Ok(part.as_bytes()) } else { Err(FingerprintError::Shape) });
            octets.collect::<Result<Vec<_>, _>>()?.concat()
        } else {
            text.as_bytes().to_vec()
        };
        let octets = hex(&digits).ok_or(FingerprintError::Shape)?;
        match octets.len() {
            16 => Err(FingerprintError::Md5),
            20 => octets.try_into().map(Self::Sha1).map_err(|_| FingerprintError::Shape),
            32 => octets.try_into().map(Self::Sha256).map_err(|_| FingerprintError::Shape),
            _ => Err(FingerprintError::Shape),
        }
    }

    /// True if the certificate has this digest.
    #[must_use]
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        match self {
            Self::Sha1(digest) => openssl::sha::sha1(certificate) == *digest,
            Self::Sha256(digest) => openssl::sha::sha256(certificate) == *digest,
        }
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || digits.len() > 64 {
        return None;
    }
    let digit = |octet: &u8| char::from(*octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| pair.iter().try_fold(0_u8, |octet, one| Some((octet << 4) | digit(one)?))).collect()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets: &[u8] = match self {
            Self::Sha1(digest) => digest,
            Self::Sha256(digest) => digest,
        };
        octets.iter().enumerate().try_for_each(|(place, octet)| write!(f, "{}{octet:02X}", if place == 0 { "" } else { ":" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn m_t4_digests_are_read_in_both_forms() {
        let both = Fingerprint::parse_list(&format!("{SHA1} | {SHA256}")).unwrap();
        assert!(both.len() == 2 && both.iter().all(|digest| digest.is_of(b"abc") && !digest.is_of(b"abd")));
        assert_eq!(both[0].to_string(), SHA1);
        assert_eq!(Fingerprint::parse(&SHA1.replace(':', "").to_lowercase()), Ok(both[0]));
        assert_eq!(Fingerprint::parse(&both[1].to_string()), Ok(both[1]));
    }

    #[test]
    fn m_t4_md5_digests_are_refused() {
        let md5 = "C4:F8:39:9F:61:66:79:2B:4C:79:6C:32:1B:C2:56:D5";
        assert_eq!(Fingerprint::parse(md5), Err(FingerprintError::Md5));
        assert_eq!(Fingerprint::parse_list(&format!("{SHA256}|{}", md5.replace(':', ""))), Err(FingerprintError::Md5));
        for bad in ["", "|", "zz", "A9:99", "A9:993:E3", &SHA1[1..], &format!("{SHA1}:"), &"00".repeat(64), "ü"] {
            assert_eq!(Fingerprint::parse_list(bad), Err(FingerprintError::Shape), "{bad:?}");
        }
        assert_eq!(Fingerprint::parse_list(&[SHA256; 33].join("|")), Err(FingerprintError::Shape));
    }
}
