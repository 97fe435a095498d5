//! OpenPGP both ways with GnuPG 2.2 and Sequoia's command line, and the samples of the OpenPGP interoperability test suite.

use std::path::Path;

use crypto::openpgp::{
    Finding, Generation, Known, Made, Opened, OwnPgp, PgpKey, PgpState, Request, SoftPgp, encrypt, import, make, open_for, verify_detached,
};
use model::{
    Address, Clock, KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, SignatureVerdict, SystemClock, Timestamp,
    TraceId,
};
use testkit::gpg::Gpg;
use testkit::tools::{must, run};

use crate::kit::{Desk, address, budget, material};

const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nThe price is 42.\r\n";

/// One key in this process.
struct One(SoftPgp);

impl KeyUse for One {
    fn kind(&self, _: &KeyId) -> Option<KeyKind> {
        Some(KeyKind::OpenPgp)
    }
    fn use_key(&self, _: &KeyId, _: TraceId, _: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        self.0.perform(request)
    }
}

struct Person {
    secret: SecretBytes,
    own: OwnPgp,
    address: Address,
}

impl Person {
    fn new(who: &str, secret: SecretBytes, key: PgpKey, secrets: Vec<String>) -> Self {
        Self { own: OwnPgp { id: KeyId(key.fingerprint().to_owned()), key, secrets }, secret, address: address(who) }
    }

    fn made(who: &str, kind: Generation) -> Self {
        let made = make("Somebody", &address(who), kind, now().moved(-60_000_000), None).unwrap();
        let Made { secret, key, secrets } = made;
        Self::new(who, secret, key, secrets)
    }

    fn imported(who: &str, file: &[u8], pass: Option<&str>) -> Self {
        let found = import::secret_keys(file, pass).unwrap().remove(0);
        Self::new(who, found.secret, found.key, found.secrets)
    }

    fn ring(&self) -> One {
        One(SoftPgp::open(&self.secret).unwrap())
    }

    fn known(&self) -> Known {
        Known { key: self.own.key.clone(), owner: self.address.key() }
    }

    fn opens(&self, data: &[u8], from: &Known) -> Opened {
        let known = |_: &[String]| vec![from.clone()];
        let request = Request { from: Ok(address(from.owner.as_str())), covers_whole: true, known: &known, now: now().moved(60_000_000) };
        open_for(data, &[vec![self.own.clone()]], &request, (&self.ring(), TraceId::new()), &budget()).unwrap().0
    }

    /// Its private key as a file.
    fn file(&self, desk: &Desk, name: &str) -> String {
        desk.write(name, self.secret.expose()).to_string_lossy().into_owned()
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn path(desk: &Desk, name: &str, content: &[u8]) -> String {
    desk.write(name, content).to_string_lossy().into_owned()
}

#[test]
fn m_c2_gnupg_reads_what_we_make() {
    let gpg = Gpg::new();
    gpg.person("Paul <paul@partner.example>", "future-default", "never");
    gpg.person("Pia <pia@partner.example>", "rsa2048", "never");
    for kind in [Generation::V4, Generation::V4Rsa] {
        let alice = Person::made("alice@company.example", kind);
        gpg.import(alice.own.key.armoured().as_bytes());
        for who in ["paul@partner.example", "pia@partner.example"] {
            let key = import::public_keys(&gpg.public(who)).unwrap().remove(0);
            let sealed = encrypt(ENTITY, &[key], Some(&alice.own), (&alice.ring(), TraceId::new()), now()).unwrap();
            let answer = gpg.run(&["--status-fd", "2", "--decrypt"], &sealed);
            assert!(answer.ok && answer.out == ENTITY, "{}", answer.err);
            let good = ["GOODSIG", "DECRYPTION_OKAY", "GOODMDC"].iter().all(|word| answer.err.contains(word));
            assert!(good && answer.err.contains(&alice.own.key.fingerprint().to_uppercase()), "{}", answer.err);
        }
    }
}

#[test]
fn m_c2_we_read_what_gnupg_makes() {
    let gpg = Gpg::new();
    for (user_id, algorithm) in [
        ("Paul <paul@partner.example>", "future-default"),
        ("Pia <pia@partner.example>", "rsa2048"),
        ("Pat <pat@partner.example>", "nistp384"),
    ] {
        gpg.person(user_id, algorithm, "never");
        let who = user_id.split(['<', '>']).nth(1).unwrap();
        let from = Known { key: import::public_keys(&gpg.public(who)).unwrap().remove(0), owner: address(who).key() };
        for kind in [Generation::V4, Generation::V4Rsa] {
            let alice = Person::made("alice@company.example", kind);
            gpg.import(alice.own.key.armoured().as_bytes());
            let fingerprint = alice.own.key.fingerprint();
            for recipient in [["-r", fingerprint], ["-R", fingerprint]] {
                let sealed = gpg.must(&[&["--armor", "--encrypt", "--sign", "-u", who][..], &recipient].concat(), ENTITY);
                let opened = alice.opens(&sealed, &from);
                assert_eq!(opened.content.as_ref(), ENTITY);
                assert_eq!(opened.signature.map(|finding| finding.verdict), Some(SignatureVerdict::Valid), "{who} {kind:?}");
            }
        }
        // The same person's private key comes over, and opens here what it opened there.
        let moved = Person::imported(who, &gpg.secret(who), None);
        let sealed = gpg.must(&["--encrypt", "-r", who], ENTITY);
        assert_eq!(moved.opens(&sealed, &from).content.as_ref(), ENTITY);
    }
}

#[test]
fn m_c5_a_key_goes_to_gnupg_and_back_under_a_pass_phrase() {
    let gpg = Gpg::new();
    let alice = Person::made("alice@company.example", Generation::V4);
    let pass = model::SecretText::new("correct horse".into());
    let file = SoftPgp::open(&alice.secret).unwrap().export(&pass).unwrap();
    let _ = gpg.must(&["--passphrase", "correct horse", "--import"], file.expose());
    let back = gpg.must(&["--passphrase", "correct horse", "--armor", "--export-secret-keys", "alice@company.example"], b"");
    assert_eq!(import::secret_keys(&back, Some("wrong")).unwrap_err(), crypto::pki::import::ImportError::WrongPassPhrase);
    let again = Person::imported("alice@company.example", &back, Some("correct horse"));
    assert_eq!((&again.own.key, &again.own.secrets), (&alice.own.key, &alice.own.secrets));
    let sealed = gpg.must(&["--encrypt", "-r", "alice@company.example"], ENTITY);
    assert_eq!(again.opens(&sealed, &alice.known()).content.as_ref(), ENTITY);
}

#[test]
fn m_c2_sequoia_both_ways() {
    let desk = Desk::new();
    let key = desk.path("paul.key").to_string_lossy().into_owned();
    let _ = must("sq", &["key", "generate", "--userid", "Paul <paul@partner.example>", "--export", &key], b"");
    let paul = Person::imported("paul@partner.example", &desk.read("paul.key"), None);
    let alice = Person::made("alice@company.example", Generation::V4);
    let cert = path(&desk, "alice.cert", alice.own.key.armoured().as_bytes());
    let plain = path(&desk, "plain", ENTITY);
    let sealed = must("sq", &["encrypt", "--recipient-cert", &cert, "--signer-key", &key, &plain], b"");
    let opened = alice.opens(&sealed, &paul.known());
    assert_eq!((opened.content.as_ref(), opened.signature.unwrap().verdict), (ENTITY, SignatureVerdict::Valid));
    let sealed = encrypt(ENTITY, std::slice::from_ref(&paul.own.key), Some(&alice.own), (&alice.ring(), TraceId::new()), now()).unwrap();
    let closed = path(&desk, "closed", &sealed);
    let answer = run("sq", &["decrypt", "--recipient-key", &key, "--signer-cert", &cert, &closed], b"");
    assert!(answer.ok && answer.out == ENTITY && answer.err.contains("Good signature"), "{}", answer.err);
    let ours = alice.file(&desk, "alice.key");
    let sealed = must("sq", &["encrypt", "--recipient-cert", &cert, &plain], b"");
    let closed = path(&desk, "closed", &sealed);
    assert_eq!(must("sq", &["decrypt", "--recipient-key", &ours, &closed], b""), ENTITY, "our private key serves there");
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn m_c2_the_interoperability_suites_keys_are_read() {
    let Some(folder) = material("openpgp/interop-suite") else { return };
    // Version 3, of PGP 2.6, with MD5: never taken.
    let john = import::public_keys(&file(&folder, "certificates/john.pgp"));
    assert_eq!(john.unwrap_err(), crypto::pki::import::ImportError::Unreadable);
    for name in ["alice", "bob", "carol", "ricarda"] {
        let public = import::public_keys(&file(&folder, &format!("certificates/{name}.pgp"))).unwrap().remove(0);
        let secret = import::secret_keys(&file(&folder, &format!("certificates/{name}-secret.pgp")), None);
        if name == "carol" {
            // DSA with ElGamal: named as what is not supported.
            assert_eq!(secret.unwrap_err(), crypto::pki::import::ImportError::UnsupportedKey);
            continue;
        }
        let secret = secret.unwrap_or_else(|error| panic!("{name}: {error}")).remove(0);
        assert_eq!(secret.key, public, "{name}");
        assert!(!public.addresses_ever().is_empty() && !secret.secrets.is_empty(), "{name}: {:?}", public.details(now()));
        if name == "alice" || name == "bob" {
            let revoked = import::revoked_by(&public, &file(&folder, &format!("certificates/{name}-revocation.pgp"))).unwrap();
            assert_eq!((public.state(now()), revoked.state(now())), (PgpState::Good, PgpState::Revoked), "{name}");
            let own =
                Person::imported(public.addresses_ever()[0].as_str(), &file(&folder, &format!("certificates/{name}-secret.pgp")), None);
            let sealed = encrypt(ENTITY, std::slice::from_ref(&public), Some(&own.own), (&own.ring(), TraceId::new()), now()).unwrap();
            let opened = own.opens(&sealed, &own.known());
            assert_eq!((opened.content.as_ref(), opened.signature.unwrap().verdict), (ENTITY, SignatureVerdict::Valid), "{name}");
        }
    }
    for reason in ["compromised", "key_retired", "no_subpacket", "private", "superseded", "uid_retired", "unknown", "unspecified"] {
        for form in ["", ".sk"] {
            let name = format!("revoked-key/revoked-key-cert-revoked-{reason}{form}.pgp");
            let key = import::public_keys(&file(&folder, &name)).unwrap().remove(0);
            // A new self-signature takes a soft revocation back, none takes a hard one back; those of a subkey leave the rest.
            let soft = ["key_retired", "superseded", "uid_retired"].contains(&reason);
            assert_eq!(key.state(now()) == PgpState::Revoked, form.is_empty() && !soft, "{name}: {:?}", key.details(now()));
        }
    }
    // Keys of 16 and 32 kbit: read or refused, never a stop.
    for name in ["rsa-keys/16k.pgp", "rsa-keys/32k.pgp"] {
        let _ = import::public_keys(&file(&folder, name)).map(|keys| keys[0].details(now()));
    }
}

fn finding(content: &[u8], signature: &[u8], key: &PgpKey) -> Finding {
    let owner = key.addresses_ever()[0].clone();
    let known = |_: &[String]| vec![Known { key: key.clone(), owner: owner.key() }];
    let request = Request { from: Ok(owner.clone()), covers_whole: true, known: &known, now: now() };
    verify_detached(content, signature, &request, &budget())
}

#[test]
fn m_c13_signatures_over_a_sha_1_collision_and_by_revoked_keys_are_not_valid() {
    let Some(folder) = material("openpgp/interop-suite") else { return };
    let bob = import::public_keys(&file(&folder, "certificates/bob.pgp")).unwrap().remove(0);
    for number in ["1", "2"] {
        let (pdf, signature) =
            (file(&folder, &format!("messages/shattered-{number}.pdf")), file(&folder, &format!("messages/shattered-{number}.pdf.asc")));
        let found = finding(&pdf, &signature, &bob);
        assert_ne!(found.verdict, SignatureVerdict::Valid, "{found:?}");
    }
    let revoked = import::public_keys(&file(&folder, "revoked-key/revoked-key-cert-revoked-compromised.pgp")).unwrap().remove(0);
    for name in ["t0", "t1-t2", "t2-t3", "t3-now"] {
        let found = finding(b"Hello World!", &file(&folder, &format!("revoked-key/revoked-key-sig-{name}.pgp")), &revoked);
        assert_ne!(found.verdict, SignatureVerdict::Valid, "{name}: {found:?}");
    }
}
