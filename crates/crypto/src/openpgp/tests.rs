//! Keys, messages, signatures among ourselves; against GnuPG and Sequoia's command line: `tests/interop/openpgp.rs`.

use std::io::Write;
use std::sync::Mutex;

use model::{Address, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, SecretText, SignatureVerdict, TraceId};
use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::ValidCert;
use sequoia_openpgp::serialize::stream::{Armorer, Encryptor, LiteralWriter, Message, Recipient};

use super::*;

const NOW: Timestamp = Timestamp(1_795_297_474_000_000);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nThe price is 42.\r\n";

/// Keys in this process, with a log.
struct Ring(Vec<SoftPgp>, Mutex<Vec<(String, KeyPurpose)>>);

impl KeyUse for Ring {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        Some(KeyKind::OpenPgp)
    }

    fn use_key(&self, key: &KeyId, _: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.1.lock().unwrap().push((key.0.clone(), purpose));
        self.0.iter().find(|soft| soft.fingerprint() == key.0).ok_or(KeyUseError::UnknownKey)?.perform(request)
    }
}

struct Person {
    made: Made,
    address: Address,
}

fn person(name: &str, kind: Generation, now: Timestamp) -> Person {
    let address = Address::parse(&format!("{name}@company.example")).unwrap();
    Person { made: make(name, &address, kind, now, Some(YEAR)).unwrap(), address }
}

impl Person {
    fn own(&self) -> OwnPgp {
        OwnPgp { id: KeyId(self.made.key.fingerprint().to_owned()), key: self.made.key.clone(), secrets: self.made.secrets.clone() }
    }

    fn known(&self) -> Known {
        Known { key: self.made.key.clone(), owner: self.address.key() }
    }
}

fn ring(people: &[&Person]) -> Ring {
    Ring(people.iter().map(|person| SoftPgp::open(&person.made.secret).unwrap()).collect(), Mutex::default())
}

fn opened(data: &[u8], owners: &[&[&Person]], from: &Person, known: &[Known], now: Timestamp) -> Result<(Opened, Vec<bool>), CryptoError> {
    let people: Vec<&Person> = owners.iter().flat_map(|owner| owner.iter().copied()).collect();
    let ring = ring(&people);
    let owners: Vec<Vec<OwnPgp>> = owners.iter().map(|owner| owner.iter().map(|person| person.own()).collect()).collect();
    let look = |_: &[String]| known.to_vec();
    let request = Request { from: Ok(from.address.clone()), covers_whole: true, known: &look, now };
    open_for(data, &owners, &request, (&ring, TraceId::from_u128(1)), &Budget::default())
}

#[test]
fn m_c2_what_we_seal_opens_with_its_signature() {
    for kind in [Generation::V4, Generation::V6, Generation::V4Rsa] {
        let (alice, bob) = (person("alice", kind, NOW), person("bob", kind, NOW));
        let keys = ring(&[&alice]);
        let sealed =
            encrypt(ENTITY, &[bob.made.key.clone(), bob.made.key.clone()], Some(&alice.own()), (&keys, TraceId::from_u128(1)), NOW)
                .unwrap();
        assert!(sealed.starts_with(b"-----BEGIN PGP MESSAGE-----\r\n"), "{kind:?}");
        assert_eq!(*keys.1.lock().unwrap(), [(alice.made.key.fingerprint().to_owned(), KeyPurpose::SignMail)], "one use, by handle");
        let (inside, theirs) = opened(&sealed, &[&[&alice], &[&bob]], &alice, &[alice.known()], NOW).unwrap();
        assert_eq!((inside.content.as_ref(), theirs.as_slice()), (ENTITY, &[false, true][..]));
        let finding = inside.signature.unwrap();
        assert_eq!((finding.verdict, finding.signer.as_deref()), (SignatureVerdict::Valid, Some("alice@company.example")), "{finding:?}");
        let finding = opened(&sealed, &[&[&bob]], &alice, &[], NOW).unwrap().0.signature.unwrap();
        assert_eq!(finding.verdict, SignatureVerdict::Unchecked, "nobody knows the key: {finding:?}");
        let finding = opened(&sealed, &[&[&bob]], &bob, &[alice.known()], NOW).unwrap().0.signature.unwrap();
        assert_eq!(finding.verdict, SignatureVerdict::Mismatch, "{finding:?}");
        let later = NOW.after(YEAR * 2);
        let finding = opened(&sealed, &[&[&bob]], &alice, &[alice.known()], later).unwrap().0.signature.unwrap();
        assert_eq!(finding.verdict, SignatureVerdict::Expired, "an old key opens, and proves nothing any more: {finding:?}");
        assert!(
            encrypt(ENTITY, std::slice::from_ref(&bob.made.key), None, (&keys, TraceId::from_u128(1)), later).is_err(),
            "not to an expired key"
        );
    }
}

#[test]
fn m_c2_hidden_recipients_are_tried_and_found() {
    let (alice, bob) = (person("alice", Generation::V4, NOW), person("bob", Generation::V4, NOW));
    let valid: ValidCert<'_> = bob.made.key.valid(NOW).unwrap();
    let keys = valid.keys().for_transport_encryption().map(|ka| Recipient::new(None, None, ka.key()));
    let mut sealed = Vec::new();
    let message = Armorer::new(Message::new(&mut sealed)).kind(Kind::Message).build().unwrap();
    let message = Encryptor::for_recipients(message, keys).build().unwrap();
    let mut literal = LiteralWriter::new(message).build().unwrap();
    literal.write_all(ENTITY).unwrap();
    literal.finalize().unwrap();
    assert_eq!(named(&sealed).unwrap(), [""]);
    let (inside, theirs) = opened(&sealed, &[&[&alice], &[&bob]], &alice, &[], NOW).unwrap();
    assert_eq!((inside.content.as_ref(), theirs, inside.signature), (ENTITY, vec![false, true], None));
    assert!(matches!(opened(&sealed, &[&[&alice]], &alice, &[], NOW), Err(CryptoError::CannotOpen)));
}

#[test]
fn x_1_what_was_changed_or_is_not_protected_gives_nothing() {
    for kind in [Generation::V4, Generation::V6] {
        let (alice, bob) = (person("alice", kind, NOW), person("bob", kind, NOW));
        let sealed =
            encrypt(ENTITY, std::slice::from_ref(&bob.made.key), Some(&alice.own()), (&ring(&[&alice]), TraceId::from_u128(1)), NOW)
                .unwrap();
        let mut binary = Vec::new();
        let mut reader = sequoia_openpgp::armor::Reader::from_bytes(&sealed, None);
        std::io::Read::read_to_end(&mut reader, &mut binary).unwrap();
        assert_eq!(opened(&binary, &[&[&bob]], &alice, &[], NOW).unwrap().0.content.as_ref(), ENTITY, "binary opens as well");
        for at in (0..binary.len()).step_by(7).chain([binary.len() - 1, binary.len() - 20]) {
            let mut changed = binary.clone();
            changed[at] ^= 0x10;
            if let Ok((inside, _)) = opened(&changed, &[&[&bob]], &alice, &[], NOW) {
                // A key id that is not asked for, or a bit of no meaning.
                assert_eq!(inside.content.as_ref(), ENTITY, "octet {at}");
            }
        }
        for end in [binary.len() - 1, binary.len() - 22, binary.len() / 2] {
            assert!(opened(&binary[..end], &[&[&bob]], &alice, &[], NOW).is_err(), "cut at {end}");
        }
        assert!(opened(&[&binary[..], &binary].concat(), &[&[&bob]], &alice, &[], NOW).is_err(), "two in one");
        // The container's tag 18 made 9: as if it had never been protected.
        let tag = binary.iter().rposition(|octet| *octet == 0xd2).unwrap();
        let mut downgraded = binary.clone();
        downgraded[tag] = 0xc9;
        assert!(opened(&downgraded, &[&[&bob]], &alice, &[], NOW).is_err());
    }
}

#[test]
fn x_11_a_bomb_is_stopped() {
    use sequoia_openpgp::serialize::stream::Compressor;
    let bob = person("bob", Generation::V4, NOW);
    let valid = bob.made.key.valid(NOW).unwrap();
    let keys = valid.keys().for_transport_encryption().map(|ka| Recipient::new(None, ka.key().key_handle(), ka.key()));
    let mut sealed = Vec::new();
    let message = Encryptor::for_recipients(Message::new(&mut sealed), keys).build().unwrap();
    let message = Compressor::new(message).build().unwrap();
    let mut literal = LiteralWriter::new(message).build().unwrap();
    for _ in 0..40 {
        literal.write_all(&vec![0; 1 << 20]).unwrap();
    }
    literal.finalize().unwrap();
    assert!(sealed.len() < 1 << 20);
    assert!(matches!(opened(&sealed, &[&[&bob]], &bob, &[], NOW), Err(CryptoError::Budget(_))));
}

#[test]
fn m_c5_a_revoked_key_signs_and_receives_no_more() {
    let (alice, bob) = (person("alice", Generation::V4, NOW), person("bob", Generation::V4, NOW));
    let keys = ring(&[&alice]);
    let sealed = encrypt(ENTITY, std::slice::from_ref(&bob.made.key), Some(&alice.own()), (&keys, TraceId::from_u128(1)), NOW).unwrap();
    let later = NOW.after(Duration::from_secs(3_600));
    for lost in [false, true] {
        let revoked = revoke(&alice.own(), lost, (&keys, TraceId::from_u128(1)), later).unwrap();
        assert_eq!((alice.made.key.state(later), revoked.state(later)), (PgpState::Good, PgpState::Revoked));
        assert!(!revoked.encrypts(later) && revoked.signing_key(&alice.made.secrets, later).is_none());
        let known = Known { key: revoked.clone(), owner: alice.address.key() };
        let finding = opened(&sealed, &[&[&bob]], &alice, &[known], later).unwrap().0.signature.unwrap();
        assert_eq!(finding.verdict, SignatureVerdict::Revoked, "{finding:?}");
        let newer = import::public_keys(revoked.armoured().as_bytes()).unwrap();
        assert_eq!(import::merged(&alice.made.key, &newer[0]).unwrap().state(later), PgpState::Revoked, "the news is taken over");
    }
}

#[test]
fn m_c12_a_private_key_leaves_under_a_pass_phrase_and_comes_back() {
    let alice = person("alice", Generation::V4, NOW);
    let soft = SoftPgp::open(&alice.made.secret).unwrap();
    let file = soft.export(&SecretText::new("correct horse".into())).unwrap();
    assert!(import::looks_so(file.expose()) && !format!("{soft:?}").contains("BEGIN"));
    let read = |pass| import::secret_keys(file.expose(), pass);
    use crate::pki::import::ImportError;
    assert_eq!(read(None).unwrap_err(), ImportError::PassPhraseNeeded);
    assert_eq!(read(Some("wrong")).unwrap_err(), ImportError::WrongPassPhrase);
    let back = read(Some("correct horse")).unwrap().remove(0);
    assert_eq!((back.key, back.secrets), (alice.made.key.clone(), alice.made.secrets.clone()));
    assert_eq!(SoftPgp::open(&back.secret).unwrap().fingerprint(), alice.made.key.fingerprint());
    assert_eq!(import::secret_keys(alice.made.key.armoured().as_bytes(), None).unwrap_err(), ImportError::NoKey);
    assert_eq!(import::public_keys(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n").unwrap_err(), ImportError::Unreadable);
}

#[test]
fn cve_2026_2748_user_ids_name_an_address_by_the_strict_grammar() {
    let address = Address::parse("alice@company.example").unwrap();
    for name in ["Alice", "", "Alice (work)", "eve@evil.example", "A <eve@evil.example>", "A\r\nB"] {
        let made = make(name, &address, Generation::V4, NOW, None).unwrap();
        assert_eq!(made.key.addresses(NOW), std::slice::from_ref(&address), "{name:?}");
        assert_eq!(made.key.addresses_ever(), std::slice::from_ref(&address));
        let details = made.key.details(NOW);
        assert!(details.signs && details.encrypts && details.expires.is_none() && details.version == 4, "{details:?}");
    }
}
