//! Keys, messages, signatures among ourselves; against GnuPG and Sequoia's command line: `tests/interop/openpgp.rs`.

use std::io::Write;
use std::sync::Mutex;

use model::{Address, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, SecretText, SignatureVerdict, TraceId};
use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::amalgamation::key::PrimaryKey;
use sequoia_openpgp::cert::{CertBuilder, ValidCert};
use sequoia_openpgp::crypto::mpi::SecretKeyChecksum;
use sequoia_openpgp::crypto::{KeyPair, S2K};
use sequoia_openpgp::packet::key::{Encrypted, SecretKeyMaterial};
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::serialize::stream::{Armorer, Compressor, Encryptor, LiteralWriter, Message, Recipient, Signer};
use sequoia_openpgp::{Cert, KeyID};

use super::*;
use crate::pki::import::ImportError;

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
fn m_c2_a_message_for_a_thousand_opens() {
    let (alice, bob) = (person("alice", Generation::V4, NOW), person("bob", Generation::V4, NOW));
    let (first, last) = (alice.made.key.valid(NOW).unwrap(), bob.made.key.valid(NOW).unwrap());
    let one = |valid: &ValidCert<'_>| valid.keys().for_transport_encryption().map(|ka| ka.key().clone()).next().unwrap();
    let (hers, his) = (one(&first), one(&last));
    let to = |key| Recipient::new(None, Some(sequoia_openpgp::KeyHandle::from(sequoia_openpgp::packet::Key::fingerprint(key))), key);
    let mut sealed = Vec::new();
    let recipients = (0..1_000).map(|_| to(&hers)).chain([to(&his)]);
    let mut literal =
        LiteralWriter::new(Encryptor::for_recipients(Message::new(&mut sealed), recipients).build().unwrap()).build().unwrap();
    literal.write_all(ENTITY).unwrap();
    literal.finalize().unwrap();
    let (inside, theirs) = opened(&sealed, &[&[&bob], &[]], &alice, &[], NOW).unwrap();
    assert_eq!((inside.content.as_ref(), theirs), (ENTITY, vec![true, false]));
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

/// The (first) signing key with its private part.
fn signing_pair(person: &Person) -> KeyPair {
    let cert = Cert::from_bytes(person.made.secret.expose()).unwrap();
    let keys = cert.keys().with_policy(policy(), system_time(NOW)).secret().for_signing();
    keys.map(|ka| ka.key().clone().into_keypair().unwrap()).next().unwrap()
}

fn inline(person: &Person, intended: Option<&Person>) -> Vec<u8> {
    let mut plain = Vec::new();
    let message = Armorer::new(Message::new(&mut plain)).kind(Kind::Message).build().unwrap();
    let mut signer = Signer::new(message, signing_pair(person)).unwrap().creation_time(system_time(NOW));
    if let Some(to) = intended {
        signer = signer.add_intended_recipient(to.made.key.cert());
    }
    let mut literal = LiteralWriter::new(signer.build().unwrap()).build().unwrap();
    literal.write_all(ENTITY).unwrap();
    literal.finalize().unwrap();
    plain
}

#[test]
fn x_2_a_signature_for_somebody_counts_only_in_what_was_sealed_for_them() {
    let (alice, bob) = (person("alice", Generation::V4, NOW), person("bob", Generation::V4, NOW));
    let known = |_: &[String]| vec![alice.known()];
    let request = Request { from: Ok(alice.address.clone()), covers_whole: true, known: &known, now: NOW };
    let (finding, content) = verify_inline(&inline(&alice, None), &request, &Budget::default());
    assert_eq!((finding.verdict, content.as_deref()), (SignatureVerdict::Valid, Some(ENTITY)));
    // Bob has opened what Alice sealed for him, and passes the signed text on to others.
    let (finding, _) = verify_inline(&inline(&alice, Some(&bob)), &request, &Budget::default());
    assert_eq!(finding.verdict, SignatureVerdict::Mismatch, "{finding:?}");
    assert_eq!(finding.reasons, ["for-other-recipients"]);
}

#[test]
fn x_11_signers_that_are_named_and_signatures_are_counted_before_anybody_is_looked_for() {
    let alice = person("alice", Generation::V4, NOW);
    let asked = Mutex::new(Vec::new());
    let known = |ids: &[String]| {
        asked.lock().unwrap().push(ids.len());
        vec![alice.known()]
    };
    let request = Request { from: Ok(alice.address.clone()), covers_whole: true, known: &known, now: NOW };
    let mut octets = Vec::new();
    let signer = Signer::new(Message::new(&mut octets), signing_pair(&alice)).unwrap();
    let mut signer = signer.creation_time(system_time(NOW)).detached().build().unwrap();
    signer.write_all(ENTITY).unwrap();
    signer.finalize().unwrap();
    let Packet::Signature(good) = Packet::from_bytes(&octets).unwrap() else { panic!("no signature") };
    let judged = |signatures: &[Signature]| {
        let octets: Vec<u8> = signatures.iter().flat_map(|one| Packet::from(one.clone()).to_vec().unwrap()).collect();
        verify_detached(ENTITY, &octets, &request, &Budget::default()).verdict
    };
    assert_eq!(judged(std::slice::from_ref(&good)), SignatureVerdict::Valid);
    assert_eq!(judged(&vec![good.clone(); SIGNATURES]), SignatureVerdict::Valid);
    let before = asked.lock().unwrap().len();
    assert_eq!(judged(&vec![good.clone(); SIGNATURES + 1]), SignatureVerdict::Invalid);
    // Names that are not signed.
    let mut named = good;
    for number in 0..SIGNERS as u64 {
        let name = SubpacketValue::Issuer(KeyID::from(number + 1));
        named.unhashed_area_mut().add(Subpacket::new(name, false).unwrap()).unwrap();
    }
    assert_eq!(judged(&[named]), SignatureVerdict::Invalid);
    assert_eq!(asked.lock().unwrap().len(), before, "nobody was looked for");
}

#[test]
fn x_11_what_comes_out_of_compression_takes_memory() {
    let bob = person("bob", Generation::V4, NOW);
    let valid = bob.made.key.valid(NOW).unwrap();
    let keys = valid.keys().for_transport_encryption().map(|ka| Recipient::new(None, ka.key().key_handle(), ka.key()));
    let mut sealed = Vec::new();
    let message = Encryptor::for_recipients(Message::new(&mut sealed), keys).build().unwrap();
    let mut literal = LiteralWriter::new(Compressor::new(message).build().unwrap()).build().unwrap();
    literal.write_all(&vec![b'x'; 40 << 20]).unwrap();
    literal.finalize().unwrap();
    let request = Request { from: Ok(bob.address.clone()), covers_whole: true, known: &|_: &[String]| Vec::new(), now: NOW };
    let limits = model::Limits { ratio: 10_000, ..model::Limits::default() };
    for (total, opens) in [(64 << 20, false), (1 << 30, true)] {
        let pool = model::MemoryPool::new(total);
        let budget = Budget::growing(limits, &pool);
        let opened = open_for(&sealed, &[vec![bob.own()]], &request, (&ring(&[&bob]), TraceId::from_u128(1)), &budget);
        match opened {
            Ok((opened, _)) => assert!(opens && opened.content.len() == 40 << 20 && pool.free() < total),
            Err(CryptoError::Budget(met)) => assert!(!opens && met.kind == model::BudgetKind::Memory),
            Err(error) => panic!("{error}"),
        }
        drop(budget);
        assert_eq!(pool.free(), total);
    }
}

#[test]
fn x_11_a_key_file_asks_for_no_more_than_may_be_done() {
    let closed = |s2k: S2K, subkeys: usize| {
        let builder = (0..subkeys).fold(CertBuilder::new().add_userid("x <x@company.example>"), |builder, _| builder.add_signing_subkey());
        let (cert, _) = builder.set_creation_time(system_time(NOW)).generate().unwrap();
        let secret = Encrypted::new(s2k, SymmetricAlgorithm::AES256, Some(SecretKeyChecksum::SHA1), vec![7; 64].into());
        let parts: Vec<Packet> = cert
            .keys()
            .map(|ka| match (ka.key().clone().add_secret(SecretKeyMaterial::Encrypted(secret.clone())).0, ka.primary()) {
                (part, true) => Packet::from(part.role_into_primary()),
                (part, false) => Packet::from(part.role_into_subordinate()),
            })
            .collect();
        cert.strip_secret_key_material().insert_packets(parts).unwrap().0.as_tsk().to_vec().unwrap()
    };
    let read = |file: &[u8]| import::secret_keys(file, Some("word")).unwrap_err();
    let argon = |t, m| S2K::Argon2 { salt: [7; 16], t, p: 1, m };
    assert_eq!(read(&closed(argon(1, 4), 1)), ImportError::WrongPassPhrase);
    assert_eq!(read(&closed(argon(1, 30), 1)), ImportError::TooCostly, "a terabyte");
    assert_eq!(read(&closed(argon(255, 16), 1)), ImportError::TooCostly, "255 times 64 MiB");
    assert_eq!(read(&closed(argon(1, 4), 40)), ImportError::TooCostly, "each of very many");
}

#[test]
fn x_11_a_file_of_a_revocation_is_not_unpacked() {
    let mut bomb = Vec::new();
    let message = Compressor::new(Message::new(&mut bomb)).build().unwrap();
    let mut literal = LiteralWriter::new(message).build().unwrap();
    for _ in 0..300 {
        literal.write_all(&vec![0; 1 << 20]).unwrap();
    }
    literal.finalize().unwrap();
    assert!(!import::is_revocation(&bomb));
    // The most that this process ever held, KiB.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|line| line.trim().split(' ').next()).unwrap();
    assert!(most.parse::<u64>().unwrap() < 200 << 10, "{most} KiB");
}
