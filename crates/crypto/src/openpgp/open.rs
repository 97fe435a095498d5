//! Opens an encrypted message with keys that its recipients own.
//!
//! Before it, the caller chose which keys may be tried for whom (security.md X-4). [`open_for`] unwraps the session key with each owner's
//! keys and says for which of them the message opened: to be named in it proves nothing. Where the message names nobody (hidden
//! recipients), all keys of an owner are tried. Only the library's own check decides that the content is whole (MDC or AEAD); everything
//! else ends in one error, [`CryptoError::CannotOpen`], and nothing is released. RFC 9580 §5.1, §5.13.

use bytes::Bytes;
use model::{Budget, KeyPurpose, KeyUse, KeyUseError, TraceId};
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

/// Fingerprints or key ids that the message names, upper-case hex; an empty text for each hidden recipient. Uses no key.
///
/// # Errors
/// [`CryptoError::Malformed`] if it is no encrypted message.
pub fn named(data: &[u8]) -> Result<Vec<String>, CryptoError> {
    let (places, _) = places(data)?;
    Ok(places.iter().map(|place| place.recipient.as_ref().map(KeyHandle::to_hex).unwrap_or_default()).collect())
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
                return Ok((found, hint));
            }
            Packet::PKESK(_) | Packet::SKESK(_) | Packet::Marker(_) | Packet::Padding(_) => {}
            // Old containers without integrity protection among them.
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
    if found.is_empty() { Err(CryptoError::Malformed("OpenPGP message")) } else { Err(CryptoError::CannotOpen) }
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
        keys.extend(found.map(|(algorithm, key)| SessionKeyOf { algorithm, key, of: own.key.clone() }));
    }
    Ok((keys, tried))
}

/// The content, once all of it has proved to be whole.
fn release(data: &[u8], key: &SessionKeyOf, request: &Request<'_>, budget: &Budget) -> Result<Opened, CryptoError> {
    let helper = Opening { key, judge: Judge::new(request), opened: false, name: None };
    let time = system_time(request.now) + SKEW;
    let decryptor = DecryptorBuilder::from_bytes(data).and_then(|builder| builder.with_policy(opening_policy(), time, helper));
    let mut decryptor = decryptor.map_err(|_| CryptoError::CannotOpen)?;
    let content = read_all(&mut decryptor, data.len(), budget)?;
    if !decryptor.message_processed() || !decryptor.helper_ref().opened {
        return Err(CryptoError::CannotOpen);
    }
    let helper = decryptor.into_helper();
    Ok(Opened { content: Bytes::from(content), name: helper.name, signature: helper.judge.signed() })
}

/// What the library asks for while it opens.
struct Opening<'a> {
    key: &'a SessionKeyOf,
    judge: Judge<'a>,
    opened: bool,
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
        if self.opened || !decrypt(algorithm.or(self.key.algorithm), &self.key.key) {
            return Err(sequoia_openpgp::Error::MissingSessionKey("none".into()).into());
        }
        self.opened = true;
        // For signatures that say whom they were made for.
        Ok(Some(self.key.of.cert().clone()))
    }
}
