//! OpenPGP packets and armour: keys, encrypted and signed messages, texts with armour in them.

use std::sync::OnceLock;

use bytes::Bytes;
use crypto::openpgp::{Known, OwnPgp, PgpKey, Request, import, named, open_for, verify_detached, verify_inline};
use message::Message;
use message::shape::pgp;
use model::{
    Address, Budget, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, SignatureVerdict, Timestamp, TraceId,
};

/// The key that the seeds are encrypted for and signed by; its private part is nowhere.
const KEY: &[u8] = include_bytes!("../corpus/openpgp/key");

/// The octets as a key, as an encrypted, a signed and a detached object, and as the text of a mail.
pub fn openpgp(data: &[u8]) {
    let now = Timestamp(1_795_297_474_000_000);
    if import::looks_so(data)
        && let Ok(keys) = import::public_keys(data)
    {
        for key in keys {
            let _ = (key.details(now), key.addresses(now), key.addresses_ever(), key.encrypts(now));
            assert!(import::public_keys(key.armoured().as_bytes()).is_ok(), "what is written can be read");
        }
    }
    let _ = (import::secret_keys(data, None).is_ok(), import::is_revocation(data), named(data).is_ok());
    // Nobody is known under this address: whatever it is, it is not valid.
    let known = |_: &[String]| own().iter().map(|key| Known { key: key.clone(), owner: other() }).collect::<Vec<_>>();
    let from = Address::parse("anna@company.example").map_err(|_| "unreadable");
    let request = Request { from, covers_whole: true, known: &known, now };
    let (inline, _) = verify_inline(data, &request, &Budget::default());
    let detached = verify_detached(b"Content-Type: text/plain\r\n\r\nHi\r\n", data, &request, &Budget::default());
    let owners = vec![own().iter().map(|key| OwnPgp { id: KeyId("k".into()), secrets: key.fingerprints(), key: key.clone() }).collect()];
    let opened = open_for(data, &owners, &request, (&FixedKeys, TraceId::from_u128(1)), &Budget::default());
    let inside = opened.ok().and_then(|(opened, _)| opened.signature).map(|finding| finding.verdict);
    for verdict in [Some(inline.verdict), Some(detached.verdict), inside].into_iter().flatten() {
        assert!(!matches!(verdict, SignatureVerdict::Valid | SignatureVerdict::None), "valid for an address that has no key");
    }
    let mail = [b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\n", data].concat();
    if let Ok(message) = Message::parse(Bytes::from(mail), &Budget::default())
        && let Ok(pieces) = pgp::pieces(&message, &Budget::default())
    {
        for piece in pieces {
            assert!(piece.is_encrypted() || piece.is_signed());
            let _ = piece.sole_block();
        }
    }
}

fn other() -> model::AddressKey {
    Address::parse("other@company.example").map(|address| address.key()).unwrap_or_else(|_| unreachable!())
}

fn own() -> &'static [PgpKey] {
    static OWN: OnceLock<Vec<PgpKey>> = OnceLock::new();
    OWN.get_or_init(|| import::public_keys(KEY).unwrap_or_default())
}

/// Gives a constant where a key would give a secret, so that what lies behind it is reached.
struct FixedKeys;

impl KeyUse for FixedKeys {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        Some(KeyKind::OpenPgp)
    }

    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let KeyUseRequest::PgpUnwrap { expected, .. } = request else { return Err(KeyUseError::Unsuitable) };
        // AES-256, a session key of sevens, its checksum.
        let mut key = vec![9];
        key.extend([7; 32]);
        key.extend([0, 224]);
        key.truncate(expected.unwrap_or(35).clamp(3, 35));
        Ok(SecretBytes::new(key))
    }
}
