//! Encrypted attachments of phones, as anybody may give one to the page `/open`.

use crypto::attachment::{About, about, decrypt, encrypt};
use crypto::seal::SealKey;
use model::SecretBytes;

/// The octets as a file; and as what a file is made of, which must come back and must not open when it is changed.
pub fn sealed_attachment(data: &[u8]) {
    let Ok(key) = SealKey::new(SecretBytes::new(vec![7; 32])) else { return };
    let said = about(data);
    if decrypt(&key, data).is_ok() {
        assert!(said.is_ok(), "a file without a header that can be read was opened");
    }
    let (head, content) = data.split_at(data.len().min(48));
    let texts = String::from_utf8_lossy(head).replace('\0', "");
    let mut words = texts.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let number = i64::from(head.first().copied().unwrap_or_default() % 2);
    let made = About { epoch: content.len() as i64, number, user: word(), device: word(), class: word(), name: word() };
    let Ok(mut file) = encrypt(&key, &made, content) else { return };
    assert_eq!(about(&file).ok(), Some(made), "the header changed");
    assert_eq!(decrypt(&key, &file).ok().map(|plain| plain.expose().to_vec()), Some(content.to_vec()), "the content changed");
    let at = usize::from(head.last().copied().unwrap_or_default()) % file.len().max(1);
    if let Some(octet) = file.get_mut(at) {
        *octet ^= 1;
    }
    assert!(decrypt(&key, &file).is_err(), "a changed file was opened");
}
