//! Encrypted attachments of phones: the file that stands in place of one (docs/attachment-format.md).
//!
//! AES-256-GCM in chunks, so that a reader shows the beginning of a long file before it has the end, and still notices when
//! chunks are cut off, moved or taken from another file. A key belongs to one device of one user (the vault makes it); each file
//! has a key of its own, made of that one and a salt, so that no nonce is ever used twice. What the header says (whose it is,
//! its name) is readable and authenticated. NIST SP 800-38D; the chunks are STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015).

use model::SecretBytes;
use model::format::Format;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use crate::CryptoError;
use crate::seal::SealKey;

const FORMAT: Format = Format { magic: *b"SGat", version: 2, name: "encrypted attachment" };
/// Files of a device whose key was never renewed: programs of the version before open them too.
const FIRST: Format = Format { version: 1, ..FORMAT };
const SALT: usize = 16;
const TAG: usize = 16;
/// Octets of content in one chunk.
pub const CHUNK: usize = 64 << 10;
/// What ends the names of such files.
pub const ENDING: &str = "sgenc";
/// Their media type.
pub const CONTENT_TYPE: &str = "application/vnd.sealgate.attachment";

/// What the header of a file says. Facts for who opens it; no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Which of the site's keys the device's key is made of.
    pub epoch: i64,
    /// Which of the device's keys it is: 0 for the first, else the number of the order that renewed it.
    pub number: i64,
    /// Whose device, as compared.
    pub user: String,
    /// The device, as compared.
    pub device: String,
    /// The device's class when the file was made: `managed_reader`, `managed`, `unmanaged`.
    pub class: String,
    /// The attachment's name.
    pub name: String,
}

/// Encrypts a whole attachment.
///
/// # Errors
/// [`CryptoError::Malformed`] when what is to be said is over 64 KiB or holds NUL; else only when a primitive fails.
pub fn encrypt(key: &SealKey, about: &About, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt)?;
    let mut file = header(about, &salt)?;
    let (head, own) = (file.clone(), key.mac(PURPOSE, &salt)?);
    file.reserve(plain.len() + (plain.len() / CHUNK + 1) * TAG);
    let mut chunks: Vec<&[u8]> = plain.chunks(CHUNK).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let last = chunks.len() - 1;
    for (number, chunk) in chunks.into_iter().enumerate() {
        let mut tag = [0; TAG];
        let nonce = nonce(number, number == last)?;
        file.extend(encrypt_aead(Cipher::aes_256_gcm(), &own, Some(&nonce), &head, chunk, &mut tag)?);
        file.extend_from_slice(&tag);
    }
    Ok(file)
}

/// What the header says. Nothing of it is proven until the file is decrypted.
///
/// # Errors
/// [`CryptoError::Format`] for a foreign or newer file, [`CryptoError::Malformed`] for a header that can't be read.
pub fn about(file: &[u8]) -> Result<About, CryptoError> {
    split(file).map(|(about, ..)| about)
}

/// Decrypts a whole file with its device's key.
///
/// # Errors
/// As [`about`]; [`CryptoError::Seal`] for another key, or anything changed, moved or cut off.
pub fn decrypt(key: &SealKey, file: &[u8]) -> Result<SecretBytes, CryptoError> {
    let (_, head, salt, mut rest) = split(file)?;
    let own = key.mac(PURPOSE, salt)?;
    let mut plain = Vec::with_capacity(rest.len());
    for number in 0.. {
        let (chunk, behind) = rest.split_at(rest.len().min(CHUNK + TAG));
        let (cipher, tag) = chunk.len().checked_sub(TAG).and_then(|at| chunk.split_at_checked(at)).ok_or(CryptoError::Seal)?;
        let nonce = nonce(number, behind.is_empty())?;
        let open = decrypt_aead(Cipher::aes_256_gcm(), &own, Some(&nonce), head, cipher, tag);
        plain.extend(open.map_err(|_| CryptoError::Seal)?);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    Ok(SecretBytes::new(plain))
}

const PURPOSE: &str = "attachment-file";

fn nonce(number: usize, last: bool) -> Result<[u8; 12], CryptoError> {
    let number = u32::try_from(number).map_err(|_| CryptoError::Malformed("encrypted attachment"))?;
    let mut nonce = [0; 12];
    let (front, back) = nonce.split_at_mut(7);
    front.fill(0);
    let [a, b, c, d] = number.to_be_bytes();
    back.copy_from_slice(&[a, b, c, d, u8::from(last)]);
    Ok(nonce)
}

/// Format header · epoch · number of the device's key (version 2) · length of the texts · texts, separated by NUL · salt.
fn header(about: &About, salt: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let texts = [&about.user, &about.device, &about.class, &about.name];
    let length = u16::try_from(texts.iter().map(|text| text.len() + 1).sum::<usize>() - 1);
    let length = length.map_err(|_| CryptoError::Malformed("encrypted attachment"))?;
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(CryptoError::Malformed("encrypted attachment"));
    }
    let renewed = about.number != 0;
    let mut head = if renewed { FORMAT } else { FIRST }.header().to_vec();
    head.extend_from_slice(&about.epoch.to_be_bytes());
    if renewed {
        head.extend_from_slice(&about.number.to_be_bytes());
    }
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(texts.map(String::as_str).join("\0").as_bytes());
    head.extend_from_slice(salt);
    Ok(head)
}

/// A file, cut: what is said, the whole header, the salt, the chunks.
type Pieces<'f> = (About, &'f [u8], &'f [u8], &'f [u8]);

fn split(file: &[u8]) -> Result<Pieces<'_>, CryptoError> {
    let broken = || CryptoError::Malformed("encrypted attachment");
    let (version, rest) = FORMAT.read(file)?;
    let (epoch, mut rest) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let mut number = 0;
    if version >= FORMAT.version {
        let (read, behind) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
        (number, rest) = (i64::from_be_bytes(*read), behind);
    }
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(broken)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (texts, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
    let (salt, chunks) = rest.split_at_checked(SALT).ok_or_else(broken)?;
    let head = file.len().checked_sub(chunks.len()).and_then(|end| file.get(..end)).ok_or_else(broken)?;
    let texts = std::str::from_utf8(texts).map_err(|_| broken())?;
    let mut texts = texts.split('\0').map(str::to_owned);
    let (Some(user), Some(device), Some(class), Some(name), None) = (texts.next(), texts.next(), texts.next(), texts.next(), texts.next())
    else {
        return Err(broken());
    };
    Ok((About { epoch: i64::from_be_bytes(*epoch), number, user, device, class, name }, head, salt, chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> About {
        let text = |text: &str| text.to_owned();
        About { epoch: 3, number: 0, user: text("carol"), device: text("d1"), class: text("managed"), name: text("Bücher.pdf") }
    }

    #[test]
    fn g_21_a_file_opens_with_its_devices_key_only_and_says_whose_it_is() {
        let key = SealKey::random().unwrap();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let file = encrypt(&key, &sample(), &plain).unwrap();
            assert_eq!(about(&file).unwrap(), sample());
            assert_eq!(decrypt(&key, &file).unwrap().expose(), plain, "{length}");
            assert!(matches!(decrypt(&SealKey::random().unwrap(), &file), Err(CryptoError::Seal)));
        }
        let (one, two) = (encrypt(&key, &sample(), b"same").unwrap(), encrypt(&key, &sample(), b"same").unwrap());
        assert_ne!(one, two, "a salt of its own for each");
        assert!(!one.windows(4).any(|window| window == b"same"));
    }

    #[test]
    fn g_25_files_of_the_first_key_keep_their_form_and_later_ones_say_which() {
        let key = SealKey::random().unwrap();
        let first = encrypt(&key, &sample(), b"x").unwrap();
        assert_eq!(first[..8], *b"SGat\0\x01\0\0", "programs of the version before open it");
        let renewed = About { number: 1_795_297_474, ..sample() };
        let later = encrypt(&key, &renewed, b"x").unwrap();
        assert_eq!(later[..8], *b"SGat\0\x02\0\0");
        assert_eq!(later[16..24], 1_795_297_474_i64.to_be_bytes());
        assert_eq!(about(&later).unwrap(), renewed);
        for at in 0..later.len() {
            let mut changed = later.clone();
            changed[at] ^= 1;
            assert!(decrypt(&key, &changed).is_err() && decrypt(&key, &later[..at]).is_err(), "octet {at}");
        }
        assert!(about(b"SGat\0\x03\0\0 a later one").is_err());
    }

    #[test]
    fn x_22_any_changed_octet_and_any_cut_is_noticed() {
        let key = SealKey::random().unwrap();
        let file = encrypt(&key, &sample(), b"short").unwrap();
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(decrypt(&key, &changed).is_err(), "octet {at}");
            assert!(decrypt(&key, &file[..at]).is_err(), "cut at {at}");
        }
        let long = encrypt(&key, &sample(), &vec![7; 2 * CHUNK + 5]).unwrap();
        let head = long.len() - (2 * CHUNK + 5 + 3 * TAG);
        let piece = CHUNK + TAG;
        assert!(decrypt(&key, &long[..head + 2 * piece]).is_err(), "the last chunk is cut off");
        assert!(decrypt(&key, &long[..head + piece]).is_err());
        let swapped = [&long[..head], &long[head + piece..head + 2 * piece], &long[head..head + piece], &long[head + 2 * piece..]].concat();
        assert!(decrypt(&key, &swapped).is_err(), "chunks change places");
        let doubled = [&long[..], &long[head + 2 * piece..]].concat();
        assert!(decrypt(&key, &doubled).is_err(), "something behind the end");
    }

    #[test]
    fn x_11_any_octets_are_refused() {
        let key = SealKey::random().unwrap();
        for octets in [
            &b""[..],
            b"SGat",
            b"SGat\0\x01\0\0",
            b"SGat\0\x02\0\0",
            b"SGat\0\x03\0\0",
            &[b"SGat\0\x01\0\0".as_slice(), &[0xFF; 40]].concat(),
        ] {
            assert!(about(octets).is_err() && decrypt(&key, octets).is_err());
        }
        assert!(encrypt(&key, &About { name: "a\0b".into(), ..sample() }, b"").is_err());
        assert!(encrypt(&key, &About { name: "x".repeat(70_000), ..sample() }, b"").is_err());
    }
}
