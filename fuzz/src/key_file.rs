//! Key and certificate files, as somebody may upload them.

use crypto::pki::import::{any, certificates};

/// The octets as a file, without and with a pass phrase.
pub fn key_file(data: &[u8]) {
    let _ = any(data, None);
    let _ = any(data, Some("word"));
    if let Ok(found) = certificates(data) {
        assert!(!found.is_empty());
    }
}
