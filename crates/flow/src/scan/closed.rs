//! What no scanner can look into: archives and documents with a password (security.md X-5, mail-gateway.md M-P9).
//!
//! By the octets, not by name. A scanner that says so itself (clamd's AlertEncrypted) is heard as well.

use memchr::memmem::{find, find_iter};

/// Header of a file in a ZIP, and where its flags stand (APPNOTE.TXT 4.3.7); bit 0: encrypted.
const ZIP_FILE: &[u8] = b"PK\x03\x04";
const ZIP_FLAGS: usize = 6;
/// Compound file (old Office, and the wrapper of encrypted new Office).
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// `EncryptedPackage` in UTF-16: the stream that holds an encrypted Office document ([MS-OFFCRYPTO] 2.3.4.4).
const ENCRYPTED_PACKAGE: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
/// Beginnings of archives.
const ARCHIVES: [&[u8]; 9] =
    [ZIP_FILE, b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"MSCF"];
/// Where a tar says that it is one.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Why this content stays closed; `None` if nothing says so.
pub(super) fn why(content: &[u8]) -> Option<&'static str> {
    if content.starts_with(b"PK") || content.starts_with(b"MZ") {
        let locked = |at: usize| content.get(at + ZIP_FLAGS).is_some_and(|flags| flags & 1 == 1);
        return find_iter(content, ZIP_FILE).any(locked).then_some("encrypted");
    }
    if content.starts_with(COMPOUND) {
        return find(content, ENCRYPTED_PACKAGE).map(|_| "encrypted");
    }
    if content.starts_with(b"%PDF-") {
        return find(content, b"/Encrypt").map(|_| "encrypted");
    }
    None
}

/// Is it an archive?
pub(super) fn is_archive(content: &[u8]) -> bool {
    ARCHIVES.iter().any(|start| content.starts_with(start)) || content.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_5_what_has_a_password_is_seen() {
        let zip = |flags: u8| [b"PK\x03\x04\x14\0".as_slice(), &[flags, 0], b"\x08\0rest"].concat();
        assert_eq!(why(&zip(0)), None);
        assert_eq!(why(&zip(1)), Some("encrypted"));
        assert_eq!(why(&[zip(0), zip(9)].concat()), Some("encrypted"), "one file of several");
        assert_eq!(why(&[COMPOUND, b"Root", ENCRYPTED_PACKAGE].concat()), Some("encrypted"));
        assert_eq!(why(&[COMPOUND, b"WordDocument"].concat()), None);
        assert_eq!(why(b"%PDF-1.7 trailer << /Encrypt 5 0 R >>"), Some("encrypted"));
        for plain in [b"".as_slice(), b"PK", b"PK\x03\x04", b"text about /Encrypt", b"%PDF-1.7"] {
            assert_eq!(why(plain), None);
        }
        assert!(is_archive(&zip(0)) && is_archive(b"\x1f\x8b\x08") && !is_archive(b"text") && !is_archive(b""));
    }
}
