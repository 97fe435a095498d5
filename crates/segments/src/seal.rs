//! A segment's own key: AES-256-GCM over each record, and the key's file.
//!
//! Each segment has a fresh random key, wrapped by the vault in `NUMBER.key`. The nonce is the record's
//! offset (of an index file: random, beginning with 1): a segment is written once, front to back, never again at the same place, so no nonce repeats under
//! one key (NIST SP 800-38D §8.2.1). The frame is authenticated with the content. Forgetting a segment
//! overwrites its key file: from then on nobody opens it, whatever the disk keeps.

use model::SecretBytes;
use model::format::{Format, HEADER_LENGTH};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::SegmentError;
use crate::disk::{Disk, DiskFile};

/// The format of a key file: this header, then what the vault made.
const KEY: Format = Format { magic: *b"SGsk", version: 1, name: "segment key" };
const KEY_LENGTH: usize = 32;
/// Octets that sealing adds.
pub(crate) const TAG_LENGTH: usize = 16;
/// Octets of a nonce.
pub(crate) const NONCE_LENGTH: usize = 12;
/// More than any vault's wrapping of 32 octets.
const KEY_FILE_MAX: u64 = 64 * 1024;

/// Wraps segment keys: filled by the vault of the `keyring` room.
pub trait SegmentKeys: Send + Sync {
    /// Seals a key under a logical name.
    ///
    /// # Errors
    /// When the vault has no key or its cipher fails.
    fn wrap(&self, name: &str, key: &[u8]) -> Result<Vec<u8>, KeysError>;
    /// Opens what [`SegmentKeys::wrap`] made under the same name.
    ///
    /// # Errors
    /// When it was made by another vault, or is damaged.
    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<SecretBytes, KeysError>;
}

/// The vault said no; the text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the queue's key {name} can't be used: {cause}")]
pub struct KeysError {
    /// The logical name.
    pub name: String,
    /// Why.
    pub cause: String,
}

/// The key of one segment.
pub(crate) struct SegmentKey {
    key: SecretBytes,
}

impl SegmentKey {
    /// A fresh key, durable in its file when this returns.
    pub(crate) fn create(disk: &dyn Disk, keys: &dyn SegmentKeys, number: u64) -> Result<Self, SegmentError> {
        let key = SecretBytes::random(KEY_LENGTH).map_err(|error| SegmentError::Cipher(error.to_string()))?;
        let mut content = KEY.header().to_vec();
        content.extend_from_slice(&keys.wrap(&logical_name(number), key.expose())?);
        let name = file_name(number);
        let failed = |act| move |error| SegmentError::disk(act, &file_name(number), error);
        let file = disk.create(&name, 0).map_err(failed("create"))?;
        file.write_at(&content, 0).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        Ok(Self { key })
    }

    /// Reads a segment's key.
    pub(crate) fn load(disk: &dyn Disk, keys: &dyn SegmentKeys, number: u64) -> Result<Self, SegmentError> {
        let name = file_name(number);
        let failed = |error| SegmentError::disk("read", &name, error);
        let file = disk.open(&name).map_err(failed)?;
        let content = read_all(file.as_ref(), KEY_FILE_MAX).map_err(failed)?;
        let (_, wrapped) = KEY.read(&content).map_err(|source| SegmentError::Format { name: name.clone(), source })?;
        let key = keys.unwrap(&logical_name(number), wrapped)?;
        Ok(Self { key })
    }

    /// Overwrites the key file with zeros; durable when this returns.
    pub(crate) fn wipe(disk: &dyn Disk, number: u64) -> std::io::Result<()> {
        let file = disk.open(&file_name(number))?;
        let length = usize::try_from(file.length()?.min(KEY_FILE_MAX)).unwrap_or(HEADER_LENGTH);
        file.write_at(&vec![0; length], 0)?;
        file.sync()
    }

    /// Appends the sealed `parts` (and their tag) to `out`.
    pub(crate) fn seal<T: AsRef<[u8]>>(
        &self,
        context: &mut CipherCtx,
        place: (u64, &[u8]),
        parts: &[T],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorStack> {
        let (offset, head) = place;
        self.seal_under(context, (&nonce(offset), head), parts, out)
    }

    /// [`SegmentKey::seal`] under a nonce that the caller answers for: it must never have been used with this key.
    pub(crate) fn seal_under<T: AsRef<[u8]>>(
        &self,
        context: &mut CipherCtx,
        (nonce, head): (&[u8; NONCE_LENGTH], &[u8]),
        parts: &[T],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorStack> {
        context.encrypt_init(Some(Cipher::aes_256_gcm()), Some(self.key.expose()), Some(nonce))?;
        context.cipher_update(head, None)?;
        for part in parts {
            context.cipher_update_vec(part.as_ref(), out)?;
        }
        context.cipher_final_vec(out)?;
        let mut tag = [0; TAG_LENGTH];
        context.tag(&mut tag)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens a sealed record; `None` if it is not what was sealed.
    pub(crate) fn open(&self, offset: u64, head: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut content = sealed.to_vec();
        let length = self.open_in_place(&nonce(offset), head, &mut content)?;
        content.truncate(length);
        Some(content)
    }

    /// Opens what [`SegmentKey::seal_under`] sealed, where it lies: the content takes the place of its ciphertext, the tag is left
    /// behind it. `None` if it is not what was sealed; what `sealed` holds then is nothing.
    pub(crate) fn open_in_place(&self, nonce: &[u8; NONCE_LENGTH], head: &[u8], sealed: &mut [u8]) -> Option<usize> {
        let length = sealed.len().checked_sub(TAG_LENGTH)?;
        let (text, tag) = sealed.split_at_mut_checked(length)?;
        let mut context = CipherCtx::new().ok()?;
        context.decrypt_init(Some(Cipher::aes_256_gcm()), Some(self.key.expose()), Some(nonce)).ok()?;
        context.set_tag(tag).ok()?;
        context.cipher_update(head, None).ok()?;
        let opened = context.cipher_update_inplace(text, length).ok()?;
        context.cipher_final(text.get_mut(opened..)?).ok()?;
        (opened == length).then_some(length)
    }
}

/// The key's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.key")
}

/// Reads a whole file that must not be longer than `limit`.
pub(crate) fn read_all(file: &dyn DiskFile, limit: u64) -> std::io::Result<Vec<u8>> {
    let length = file.length()?;
    if length > limit {
        return Err(std::io::Error::other(format!("{length} bytes are more than the {limit} expected here")));
    }
    let mut content = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = file.read_at(&mut content, 0)?;
    content.truncate(read);
    Ok(content)
}

fn logical_name(number: u64) -> String {
    format!("segment/{number}")
}

/// The first four octets are zero: nonces of anything else begin otherwise.
fn nonce(offset: u64) -> [u8; NONCE_LENGTH] {
    let [a, b, c, d, e, f, g, h] = offset.to_be_bytes();
    [0, 0, 0, 0, a, b, c, d, e, f, g, h]
}
