//! Stories: what replies tell of OpenPGP keys (security.md X-3). Messages are made by GnuPG, taken apart octet by octet and put together again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sealgate_tests::Scene;
use sealgate_tests::copies::encryption_key;
use sealgate_tests::oracle::replies_tell_nothing;
use testkit::Room;
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::tools::must;

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";
const ALICE: &str = "alice@company.example";
const OTHER: &str = "other@elsewhere.example";
const ROUNDS: usize = 30;
/// So much text that opening it all takes a time that shows.
const LINES: usize = 1_000;

/// An OpenPGP message as GnuPG writes it: a packet with the wrapped session key, and the rest.
#[derive(Clone)]
struct Message {
    /// Version, key id, algorithm.
    head: Vec<u8>,
    /// What is wrapped, as the algorithm writes it.
    wrapped: Vec<u8>,
    rest: Vec<u8>,
}

impl Message {
    /// RFC 9580 §4.2.2: the old form of a length, in one or two octets.
    fn of(bytes: &[u8]) -> Self {
        let (at, length) = match bytes[0] {
            0x84 => (2, usize::from(bytes[1])),
            0x85 => (3, usize::from(bytes[1]) << 8 | usize::from(bytes[2])),
            other => panic!("{other:x} is no packet of a session key"),
        };
        let (packet, rest) = bytes[at..].split_at(length);
        Self { head: packet[..10].to_vec(), wrapped: packet[10..].to_vec(), rest: rest.to_vec() }
    }

    /// PGP/MIME around it.
    fn entity(&self) -> String {
        let packet = [&self.head[..], &self.wrapped].concat();
        let length = u16::try_from(packet.len()).expect("short");
        let text = STANDARD.encode([&[0x85][..], &length.to_be_bytes(), &packet, &self.rest].concat());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=enc\r\n\r\n--enc\r\n\
             Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--enc\r\nContent-Type: application/octet-stream\r\n\r\n\
             -----BEGIN PGP MESSAGE-----\r\n\r\n{}\r\n-----END PGP MESSAGE-----\r\n\r\n--enc--\r\n",
            lines.join("\r\n")
        )
    }

    /// The same with one octet of its content turned, far behind the session key.
    fn changed(&self) -> Self {
        let mut changed = self.clone();
        let middle = changed.rest.len() / 2 + 100;
        changed.rest[middle] ^= 0x10;
        changed
    }

    fn with(&self, wrapped: Vec<u8>) -> Self {
        Self { wrapped, ..self.clone() }
    }
}

/// Sealed by GnuPG, the content neither compressed nor signed.
fn sealed(gpg: &Gpg, to: &str) -> Message {
    let text = format!("Content-Type: text/plain\r\n\r\n{}", "for alice alone, line by line, and nobody else's\r\n".repeat(LINES));
    Message::of(&gpg.must(&["--compress-algo", "none", "--encrypt", "-r", to], text.as_bytes()))
}

/// The RSA key that mail for somebody is encrypted to, for openssl.
fn public_key(room: &Room, gpg: &Gpg, who: &str) -> String {
    let id = encryption_key(gpg, who);
    let listed = String::from_utf8(gpg.must(&["--with-colons", "--with-key-data", "--list-keys", who], b"")).expect("text");
    let mut lines = listed.lines().skip_while(|line| !(line.starts_with("sub:") && line.contains(&id)));
    let modulus = lines.find_map(|line| line.strip_prefix("pkd:0:")).and_then(|pkd| pkd.split(':').nth(1)).expect("a modulus");
    let config = format!(
        "asn1=SEQUENCE:info\n[info]\nkind=SEQUENCE:kind\nkey=BITWRAP,SEQUENCE:key\n[kind]\nname=OID:rsaEncryption\nnone=NULL\n\
         [key]\nn=INTEGER:0x{modulus}\ne=INTEGER:0x010001\n"
    );
    let (config, der) = (room.write("key.cnf", config), room.file(&format!("{id}.der")));
    let _ = must("openssl", &["asn1parse", "-genconf", &config, "-noout", "-out", &der], b"");
    der
}

/// A raw RSA block as OpenPGP wraps a session key for AES-256 (RFC 9580 §5.1.3): a key of no meaning, right but for `spoil`.
fn wrapped(room: &Room, key: &str, spoil: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0xaa; 256];
    (block[0], block[1], block[220], block[221]) = (0, 2, 0, 9);
    let sum: u16 = block[222..254].iter().map(|octet| u16::from(*octet)).sum();
    block[254..].copy_from_slice(&sum.to_be_bytes());
    spoil(&mut block);
    let plain = room.write("block", &block);
    let line = ["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", key, "-pkeyopt", "rsa_padding_mode:none", "-in", &plain];
    let value = must("openssl", &line, b"");
    let value: Vec<u8> = value.into_iter().skip_while(|octet| *octet == 0).collect();
    let bits = value.len() * 8 - usize::try_from(value[0].leading_zeros()).expect("few");
    [&u16::try_from(bits).expect("short").to_be_bytes()[..], &value].concat()
}

/// Alice's key of this algorithm in the gateway, and somebody else's beside it.
fn scene(algorithm: &str) -> (Scene, Gpg) {
    let (scene, gpg) = (Scene::start(USERS), Gpg::new());
    gpg.person("Alice <alice@company.example>", algorithm, "never");
    gpg.person("Other <other@elsewhere.example>", algorithm, "never");
    let file = scene.room.write("alice.asc", gpg.secret(ALICE));
    let _ = scene.gateway.run(&["key", "import", &file, "--user", ALICE]);
    (scene, gpg)
}

#[test]
fn x_3_m_c2_replies_tell_nothing_of_what_an_rsa_key_did() {
    isolated(|| {
        let (scene, gpg) = scene("rsa2048");
        let good = sealed(&gpg, ALICE);
        let (ours, others) = (public_key(&scene.room, &gpg, ALICE), public_key(&scene.room, &gpg, OTHER));
        let kinds = [
            ("good", good.clone()),
            ("right padding, wrong key", good.with(wrapped(&scene.room, &ours, |_| ()))),
            ("right padding, wrong sum", good.with(wrapped(&scene.room, &ours, |block| block[255] ^= 1))),
            ("right padding, no cipher", good.with(wrapped(&scene.room, &ours, |block| block[221] = 99))),
            ("wrong padding", good.with(wrapped(&scene.room, &ours, |block| block[1] = 1))),
            // Wrapped by another's key, under the id of Alice's.
            ("foreign", good.with(wrapped(&scene.room, &others, |_| ()))),
            ("right key, changed content", good.changed()),
        ];
        replies_tell_nothing(&scene, ROUNDS, &kinds.map(|(name, message)| (name, message.entity())));
    });
}

#[test]
fn x_3_m_c2_replies_tell_nothing_of_what_a_curve_key_did() {
    isolated(|| {
        let (scene, gpg) = scene("future-default");
        let good = sealed(&gpg, ALICE);
        let turned = |from_end: usize| {
            let (mut wrapped, at) = (good.wrapped.clone(), good.wrapped.len() - from_end);
            wrapped[at] ^= 1;
            good.with(wrapped)
        };
        let kinds = [
            ("good", good.clone()),
            // The point comes first, then 48 octets of wrapped key (RFC 9580 §11.5).
            ("another point", turned(60)),
            ("another wrapped key", turned(5)),
            ("foreign", good.with(sealed(&gpg, OTHER).wrapped)),
            ("right key, changed content", good.changed()),
        ];
        replies_tell_nothing(&scene, ROUNDS, &kinds.map(|(name, message)| (name, message.entity())));
    });
}
