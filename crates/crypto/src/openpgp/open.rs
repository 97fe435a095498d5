//! Opens an encrypted message with keys that its recipients own.
//!
//! Before it, the caller chose which keys may be tried for whom (security.md X-4). [`open_for`] unwraps the session key with each owner's
//! keys and says for which of them the message opened: to be named in it proves nothing. Where the message names nobody (hidden
//! recipients), all keys of an owner are tried. Only the library's own check decides that the content is whole (MDC or AEAD); everything
//! else ends in one error, [`CryptoError::CannotOpen`], and nothing is released. A key that gives no session key has a random one
//! put in its place, and what is not opened takes as long as what is: how long an answer takes tells nothing of the padding, nor of the
//! content's first octets (RFC 9580 §13.4, §13.5). RFC 9580 §5.1, §5.13.

use std::cell::Cell;
use std::io::Read;
use std::time::SystemTime;

use bytes::Bytes;
use model::{Budget, KeyPurpose, KeyUse, KeyUseError, TraceId};
use openssl::hash::{Hasher, MessageDigest};
use openssl::symm::{Cipher, Crypter, Mode};
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::packet::{PKESK, Packet, SEIP, SKESK};
use sequoia_openpgp::parse::stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper};
use sequoia_openpgp::parse::{PacketParser, PacketParserResult, Parse};
use sequoia_openpgp::types::SymmetricAlgorithm;
use sequoia_openpgp::{Cert, KeyHandle};

use super::handle::{Handle, OwnPgp};
use super::verify::{Finding, Judge, Request};
use super::{PgpKey, SESSION_KEYS, SKEW, opening_policy, read_all, system_time};
use crate::CryptoError;

/// Uses of keys for one owner and message.
const TRIES: usize = 12;

/// An opened message.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What was inside.
    pub content: Bytes,
    /// The file name that was inside, as it was written; never a path for us.
    pub name: Option<String>,
    /// The verdict on the signature inside, `None` if there was none.
    pub signature: Option<Finding>,
}

/// A place in the message where a session key lies.
struct Place {
    packet: PKESK,
    recipient: Option<KeyHandle>,
}

/// A session key that an owner's key gave.
#[derive(Clone)]
struct SessionKeyOf {
    algorithm: Option<SymmetricAlgorithm>,
    key: SessionKey,
    /// The certificate of the key that gave it.
    of: PgpKey,
}

/// Fingerprints or key ids that the message names, upper-case hex; an empty text for each hidden recipient. Uses no key, and asks nothing of
/// how the content is protected.
///
/// # Errors
/// [`CryptoError::Malformed`] if it is no message that is encrypted to a key.
pub fn named(data: &[u8]) -> Result<Vec<String>, CryptoError> {
    Ok(begin(data)?.places.iter().map(|place| place.recipient.as_ref().map(KeyHandle::to_hex).unwrap_or_default()).collect())
}

/// Opens a message (armour or binary) for several owners and says for each whether it is theirs. At least one answer is yes.
///
/// # Errors
/// [`CryptoError::NoKey`] when no key of theirs is named; [`CryptoError::CannotOpen`] for any failure with a key;
/// [`CryptoError::Key`] with `Unavailable` when the vault is away; malformed input.
pub fn open_for(
    data: &[u8],
    owners: &[Vec<OwnPgp>],
    request: &Request<'_>,
    handle: (&dyn KeyUse, TraceId),
    budget: &Budget,
) -> Result<(Opened, Vec<bool>), CryptoError> {
    let (places, hint) = places(data)?;
    let mut tried_any = false;
    let mut had: Vec<Vec<SessionKeyOf>> = Vec::with_capacity(owners.len());
    for owner in owners {
        let (keys, tried) = session_keys(&places, hint, owner, handle, budget)?;
        tried_any |= tried;
        had.push(keys);
    }
    let mut before: Vec<&SessionKeyOf> = Vec::new();
    for key in had.iter().flatten() {
        if before.iter().any(|one| one.key == key.key) {
            continue;
        }
        before.push(key);
        budget.time()?;
        match release(data, key, request, budget) {
            Ok(opened) => return Ok((opened, had.iter().map(|keys| keys.iter().any(|own| own.key == key.key)).collect())),
            Err(CryptoError::CannotOpen) => {}
            Err(error) => return Err(error),
        }
    }
    Err(if tried_any { CryptoError::CannotOpen } else { CryptoError::NoKey })
}

/// Where session keys lie, and the cipher where it is written before the content.
fn places(data: &[u8]) -> Result<(Vec<Place>, Option<SymmetricAlgorithm>), CryptoError> {
    let begun = begin(data)?;
    // Old containers without integrity protection open nothing.
    if begun.is_protected { Ok((begun.places, begun.hint)) } else { Err(CryptoError::CannotOpen) }
}

/// What stands before the content.
struct Beginning {
    places: Vec<Place>,
    /// The content's integrity is protected.
    is_protected: bool,
    /// The cipher, where it is written here.
    hint: Option<SymmetricAlgorithm>,
}

fn begin(data: &[u8]) -> Result<Beginning, CryptoError> {
    let malformed = |_| CryptoError::Malformed("OpenPGP message");
    let mut result = PacketParser::from_bytes(data).map_err(malformed)?;
    let (mut found, mut count) = (Vec::new(), 0);
    while let PacketParserResult::Some(parser) = result {
        match &parser.packet {
            Packet::SEIP(container) => {
                let hint = match container {
                    SEIP::V2(container) => Some(container.symmetric_algo()),
                    _ => None,
                };
                return Ok(Beginning { places: found, is_protected: true, hint });
            }
            Packet::PKESK(_) | Packet::SKESK(_) | Packet::Marker(_) | Packet::Padding(_) => {}
            _ => break,
        }
        count += 1;
        if count > SESSION_KEYS {
            break;
        }
        let (packet, rest) = parser.next().map_err(malformed)?;
        if let Packet::PKESK(packet) = packet {
            found.push(Place { recipient: packet.recipient(), packet });
        }
        result = rest;
    }
    if found.is_empty() {
        Err(CryptoError::Malformed("OpenPGP message"))
    } else {
        Ok(Beginning { places: found, is_protected: false, hint: None })
    }
}

/// What this owner's keys give, and whether any of them was used.
fn session_keys(
    places: &[Place],
    hint: Option<SymmetricAlgorithm>,
    owner: &[OwnPgp],
    handle: (&dyn KeyUse, TraceId),
    budget: &Budget,
) -> Result<(Vec<SessionKeyOf>, bool), CryptoError> {
    let mut candidates: Vec<(&Place, &OwnPgp, String)> = Vec::new();
    for own in owner {
        for ka in own.key.cert().keys() {
            let fingerprint = ka.key().fingerprint().to_hex().to_ascii_lowercase();
            if !own.secrets.contains(&fingerprint) || !ka.key().pk_algo().for_encryption() {
                continue;
            }
            let fits = |place: &&Place| match &place.recipient {
                Some(recipient) => recipient.aliases(ka.key().key_handle()),
                None => place.packet.pk_algo() == ka.key().pk_algo(),
            };
            candidates.extend(places.iter().filter(fits).map(|place| (place, own, fingerprint.clone())));
        }
    }
    // Those that are named come first: of hidden ones there may be many.
    candidates.sort_by_key(|(place, ..)| place.recipient.is_none());
    let (mut keys, mut tried) = (Vec::new(), false);
    for (place, own, fingerprint) in candidates.into_iter().take(TRIES) {
        budget.time()?;
        let Some(mut key) = Handle::new(own, &fingerprint, handle, KeyPurpose::OpenMail) else { continue };
        let found = place.packet.decrypt(&mut key, hint);
        match key.failure.take() {
            Some(error @ KeyUseError::Unavailable(_)) => return Err(CryptoError::Key(error)),
            Some(KeyUseError::UnknownKey) => continue,
            _ => tried = true,
        }
        let (algorithm, session_key) = found.map_or_else(|| stand_in(&place.packet, hint), Ok)?;
        keys.push(SessionKeyOf { algorithm, key: session_key, of: own.key.clone() });
    }
    Ok((keys, tried))
}

/// A session key of no meaning, for a place that gave none (RFC 9580 §13.5).
fn stand_in(place: &PKESK, hint: Option<SymmetricAlgorithm>) -> Result<(Option<SymmetricAlgorithm>, SessionKey), CryptoError> {
    let algorithm = hint.unwrap_or(SymmetricAlgorithm::AES256);
    let key = algorithm.key_size().and_then(SessionKey::new).map_err(|error| CryptoError::Primitive(error.to_string()))?;
    // Version 6 leaves the cipher to the container.
    Ok((matches!(place, PKESK::V3(_)).then_some(algorithm), key))
}

/// The content, once all of it has proved to be whole. The library looks at the first octets before it opens the rest: where they say no, the
/// rest is opened here, for the time that it takes.
fn release(data: &[u8], key: &SessionKeyOf, request: &Request<'_>, budget: &Budget) -> Result<Opened, CryptoError> {
    let opened = Cell::new(false);
    let helper = Opening { key, judge: Judge::new(request), opened: &opened, name: None };
    let released = released(data, system_time(request.now) + SKEW, helper, budget);
    if !opened.get() {
        open_for_nobody(data, key, budget)?;
    }
    released
}

/// Reads, decrypts and digests as much as for a message of version 1 whose key is right, and gives nothing.
fn open_for_nobody(data: &[u8], key: &SessionKeyOf, budget: &Budget) -> Result<(), CryptoError> {
    let cannot = |_| CryptoError::CannotOpen;
    let mut result = PacketParser::from_bytes(data).map_err(cannot)?;
    let mut container = loop {
        match result {
            PacketParserResult::Some(parser) if matches!(parser.packet, Packet::SEIP(_)) => break parser,
            PacketParserResult::Some(parser) => result = parser.next().map_err(cannot)?.1,
            PacketParserResult::EOF(_) => return Err(CryptoError::CannotOpen),
        }
    };
    #[allow(deprecated, reason = "old mail")]
    let (cipher, key) = match (key.algorithm, key.key.len()) {
        (Some(SymmetricAlgorithm::TripleDES), 24) => (Cipher::des_ede3_cfb64(), &*key.key),
        (_, 16) => (Cipher::aes_128_cfb128(), &*key.key),
        (_, 24) => (Cipher::aes_192_cfb128(), &*key.key),
        (_, 32) => (Cipher::aes_256_cfb128(), &*key.key),
        _ => return Err(CryptoError::CannotOpen),
    };
    let mut crypter = Crypter::new(cipher, Mode::Decrypt, key, Some(&vec![0; cipher.iv_len().unwrap_or(0)]))?;
    let mut digest = Hasher::new(MessageDigest::sha1())?;
    let (mut closed, mut open) = (vec![0; 64 << 10], vec![0; (64 << 10) + cipher.block_size()]);
    loop {
        let count = container.read(&mut closed).map_err(|_| CryptoError::CannotOpen)?;
        if count == 0 {
            return Ok(());
        }
        budget.time()?;
        let count = crypter.update(closed.get(..count).unwrap_or_default(), &mut open)?;
        digest.update(open.get(..count).unwrap_or_default())?;
    }
}

fn released(data: &[u8], time: SystemTime, helper: Opening<'_>, budget: &Budget) -> Result<Opened, CryptoError> {
    let decryptor = DecryptorBuilder::from_bytes(data).and_then(|builder| builder.with_policy(opening_policy(), time, helper));
    let mut decryptor = decryptor.map_err(|_| CryptoError::CannotOpen)?;
    let content = read_all(&mut decryptor, data.len(), budget)?;
    if !decryptor.message_processed() || !decryptor.helper_ref().opened.get() {
        return Err(CryptoError::CannotOpen);
    }
    let helper = decryptor.into_helper();
    Ok(Opened { content: Bytes::from(content), name: helper.name, signature: helper.judge.signed() })
}

/// What the library asks for while it opens.
struct Opening<'a> {
    key: &'a SessionKeyOf,
    judge: Judge<'a>,
    opened: &'a Cell<bool>,
    name: Option<String>,
}

impl VerificationHelper for Opening<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> sequoia_openpgp::Result<()> {
        if let Packet::Literal(literal) = &parser.packet {
            self.name = literal.filename().map(|name| String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty());
        }
        self.judge.count(&parser.packet)
    }

    fn get_certs(&mut self, ids: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        self.judge.get_certs(ids)
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        self.judge.check(structure)
    }
}

impl DecryptionHelper for Opening<'_> {
    fn decrypt(
        &mut self,
        _: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia_openpgp::Result<Option<Cert>> {
        // One container in another: the second would be opened with a key that nobody asked for.
        if self.opened.get() || !decrypt(algorithm.or(self.key.algorithm), &self.key.key) {
            return Err(sequoia_openpgp::Error::MissingSessionKey("none".into()).into());
        }
        self.opened.set(true);
        // For signatures that say whom they were made for.
        Ok(Some(self.key.of.cert().clone()))
    }
}
