//! Sealed records of the store, as a damaged or foreign database may hold them.

use crypto::seal::{SealKey, open, seal};
use model::SecretBytes;

/// The octets as a sealed record; and as content, which must come back under its own name and key only, and unchanged.
pub fn sealed_records(data: &[u8]) {
    let key = |octet: u8| SealKey::new(SecretBytes::new(vec![octet; 32])).expect("32 octets");
    let (own, other) = (key(7), key(8));
    assert!(open(&own, "record", data).is_err(), "octets that nobody sealed were opened");
    let (name, content) = data.split_at(data.len().min(16));
    let name = String::from_utf8_lossy(name);
    let Ok(mut sealed) = seal(&own, &name, content) else { return };
    assert_eq!(open(&own, &name, &sealed).ok().map(|plain| plain.expose().to_vec()), Some(content.to_vec()), "the content changed");
    assert!(open(&other, &name, &sealed).is_err(), "opened by another key");
    assert!(open(&own, &format!("{name}x"), &sealed).is_err(), "opened under another name");
    let at = usize::from(data.last().copied().unwrap_or_default()) % sealed.len();
    if let Some(octet) = sealed.get_mut(at) {
        *octet ^= 1;
    }
    assert!(open(&own, &name, &sealed).is_err(), "a changed record was opened");
}
