//! Story: bad files of keys by every way in. Each is refused in words that say what to do, and nothing of it is taken: what is listed of keys,
//! partners, roots and accounts stays as it was (mail-gateway.md M-C4, M-C5, M-C6).

use sealgate_tests::Scene;
use serde_json::Value;
use testkit::Room;
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, must};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n[[user]]\naddress = \"dave@company.example\"\n";
const MAIL: &str = "keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=emailProtection\n";

/// A file, its pass phrase, the code of the refusal, and words that its text must have.
type Row = (&'static str, Vec<u8>, Option<&'static str>, &'static str, &'static str);

/// Everything that is made by other programs.
struct Bench<'a> {
    room: &'a Room,
    ca: Ca<'a>,
    gpg: Gpg,
    alice: Person,
    bob: Person,
}

impl<'a> Bench<'a> {
    fn new(room: &'a Room) -> Self {
        let ca = Ca::new(room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        let gpg = Gpg::new();
        for who in ["Alice <alice@company.example>", "Bob <bob@partner.example>", "Rex <bob@partner.example>", "Nobody"] {
            gpg.person(who, "future-default", "never");
        }
        Self { room, ca, gpg, alice, bob }
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(file).unwrap()
    }

    /// Key and certificate, PEM, the certificate by the CA with these extensions.
    fn issue(&self, name: &str, algorithm: &str, extensions: &str, days: &str) -> (Vec<u8>, Vec<u8>) {
        let file = |kind: &str| self.room.file(&format!("{name}.{kind}"));
        let (key, cert) = (file("key"), file("crt"));
        let subject = format!("/CN={name}");
        let request = must("openssl", &["req", "-new", "-newkey", algorithm, "-nodes", "-subj", &subject, "-keyout", &key], b"");
        let extensions = self.room.write(&format!("{name}.ext"), extensions);
        let (issuer, issuer_key) = (self.ca.cert(), self.ca.cert().replace(".crt", ".key"));
        let by = ["x509", "-req", "-CA", &issuer, "-CAkey", &issuer_key, "-CAcreateserial"];
        let _ = must("openssl", &[&by[..], &["-days", days, "-extfile", &extensions, "-out", &cert]].concat(), &request);
        (self.read(&key), self.read(&cert))
    }

    /// The same file in another form, by openssl.
    fn changed(&self, args: &[&str], file: &[u8]) -> Vec<u8> {
        must("openssl", args, file)
    }

    /// A key of GnuPG's as `gpg` makes it with these options; its user id names this address.
    fn pgp(&self, user_id: &str, args: &[&str]) -> Vec<u8> {
        let gpg = Gpg::new();
        let _ = gpg.must(args, b"");
        assert!(!user_id.is_empty());
        gpg.public(user_id)
    }

    /// GnuPG's own revocation of one of the keys.
    fn revocation(&self, who: &str) -> Vec<u8> {
        let files = std::fs::read_dir(self.gpg.home().join("openpgp-revocs.d")).unwrap();
        let mut texts = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        texts.find(|text| String::from_utf8_lossy(text).contains(who)).unwrap()
    }

    /// What is no file of keys whatever is wanted.
    fn junk(&self) -> Vec<(&'static str, Vec<u8>)> {
        let sealed = self.gpg.must(&["--armor", "--encrypt", "-r", ALICE], b"words");
        let names = ["req", "-new", "-key", &self.alice.key, "-subj", "/CN=alice"];
        vec![
            ("a page", b"<!DOCTYPE html><title>Sign in</title>".to_vec()),
            ("zeros", vec![0; 300]),
            ("a request", self.changed(&names, b"")),
            ("an OpenPGP message", sealed),
            ("the end of a file", self.read(&self.alice.cert)[400..].to_vec()),
            ("no octets in it", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec()),
        ]
    }
}

fn cut(file: &[u8]) -> Vec<u8> {
    file[..file.len() / 2].to_vec()
}

/// All that a refused file may not have changed.
fn lists(scene: &Scene) -> Vec<Value> {
    let list = |args: &[&str]| serde_json::from_str(&scene.gateway.run(&[args, &["--json"]].concat())).unwrap();
    vec![list(&["key", "list"]), list(&["key", "list", "partners"]), list(&["key", "list", "roots"]), list(&["user", "list"])]
}

/// Each row is refused as it says, and the lists stay as they are.
fn refused(scene: &Scene, owner: &[&str], rows: &[Row]) {
    let before = lists(scene);
    for (name, file, pass, code, words) in rows {
        let file = scene.room.write("file", file);
        let pass = pass.map(|pass| scene.room.write("pass", pass));
        let mut args = [&["--json", "key", "import", &file], owner].concat();
        if let Some(pass) = &pass {
            args.extend(["--passphrase-file", pass]);
        }
        let answer = scene.gateway.command(&args);
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        let error: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{owner:?} {name}: {e}: {answer:?}"));
        assert_eq!((answer.status.code(), error["error"]["code"].as_str()), (Some(1), Some(*code)), "{owner:?} {name}: {said}");
        let text = format!("{} {}", error["error"]["message"], error["error"]["hint"]);
        assert!(text.contains(words), "{owner:?} {name}: {text}");
        assert_eq!(lists(scene), before, "{owner:?} {name}: nothing is half imported");
    }
}

/// S/MIME keys of our users.
fn smime_of_users(bench: &Bench<'_>) -> Vec<Row> {
    let (p12, key, cert) = (bench.read(&bench.alice.p12), bench.read(&bench.alice.key), bench.read(&bench.alice.cert));
    let bobs = (bench.read(&bench.bob.key), bench.read(&bench.bob.cert));
    let protected = bench.changed(&["pkcs8", "-topk8", "-passout", "pass:secret"], &key);
    let der = |kind: &str, file: &[u8]| bench.changed(&[kind, "-outform", "DER"], file);
    let broken = String::from_utf8(cert.clone()).unwrap().replacen("MII", "M!I", 1).into_bytes();
    let own = |name: &str, algorithm: &str, extensions: &str| {
        let (key, cert) = bench.issue(name, algorithm, extensions, "20");
        [key, cert].concat()
    };
    let named = format!("subjectAltName=email:{ALICE}\n{MAIL}");
    let server = format!("subjectAltName=email:{ALICE}\nextendedKeyUsage=serverAuth\n");
    let mut rows: Vec<Row> = vec![
        ("another pass phrase", p12.clone(), Some("secrets"), "import-wrong-pass-phrase", "Check it"),
        ("no pass phrase", p12.clone(), None, "import-pass-phrase-needed", "Give its pass phrase"),
        ("half of a PKCS#12 file", cut(&p12), Some("secret"), "import-unreadable", "Export it again"),
        ("nothing", Vec::new(), None, "bad-field", "1 to"),
        ("a key alone", key.clone(), None, "import-no-certificate", "together"),
        ("a key alone, DER", der("rsa", &key), None, "import-no-certificate", "together"),
        ("a certificate alone", cert.clone(), None, "import-no-key", "with its key"),
        ("a certificate alone, DER", der("x509", &cert), None, "import-no-key", "with its key"),
        ("another's certificate", [&key[..], &bobs.1].concat(), None, "import-key-does-not-fit", "belong together"),
        ("a protected key", [&protected[..], &cert].concat(), Some("other"), "import-wrong-pass-phrase", "Check it"),
        ("a protected key, no pass phrase", [&protected[..], &cert].concat(), None, "import-pass-phrase-needed", "Give"),
        ("half of a key", [&cert[..], &cut(&key)].concat(), None, "import-unreadable", "Export it again"),
        ("a broken certificate", [&key[..], &broken].concat(), None, "import-unreadable", "Export it again"),
        ("a certificate cut off", [&key[..], &cut(&cert)].concat(), None, "import-unreadable", "Export it again"),
        ("another's pair", [&bobs.0[..], &bobs.1].concat(), None, "certificate-other-address", "another address"),
        ("two pairs, one another's", [&key[..], &cert, &bobs.0, &bobs.1].concat(), None, "certificate-other-address", "another"),
        ("two keys, one certificate", [&key[..], &cert, &bobs.0].concat(), None, "import-key-does-not-fit", "belong together"),
        ("RSA of 512 bits", own("r512", "rsa:512", &named), None, "import-unsupported-key", "RSA from 1024"),
        ("Ed448", own("ed448", "ed448", &named), None, "import-unsupported-key", "Ed25519"),
        ("no address", own("none", "rsa:2048", MAIL), None, "certificate-no-address", "with the address"),
        ("for servers", own("server", "rsa:2048", &server), None, "certificate-not-for-mail", "made for mail"),
        ("of a colleague", own("dave", "rsa:2048", &named.replace("alice", "dave")), None, "certificate-other-address", "another"),
    ];
    rows.extend(bench.junk().into_iter().map(|(name, file)| (name, file, None, "import-unreadable", "Export it again")));
    rows
}

/// OpenPGP keys of our users.
fn pgp_of_users(bench: &Bench<'_>) -> Vec<Row> {
    let gpg = &bench.gpg;
    let protected = Gpg::new();
    let _ = protected.must(&["--passphrase", "secret", "--quick-generate-key", ALICE, "future-default", "default", "never"], b"");
    let protected = protected.must(&["--passphrase", "secret", "--armor", "--export-secret-keys", ALICE], b"");
    let (alice, bob) = (gpg.secret("Alice"), gpg.secret("Bob"));
    vec![
        ("public only", gpg.public("Alice"), None, "import-no-key", "with its key"),
        ("another pass phrase", protected.clone(), Some("other"), "import-wrong-pass-phrase", "Check it"),
        ("no pass phrase", protected, None, "import-pass-phrase-needed", "Give its pass phrase"),
        ("half of a key", cut(&alice), None, "import-unreadable", "Export it again"),
        ("another's", bob.clone(), None, "certificate-other-address", "another address"),
        ("two keys, one another's", [alice, bob].concat(), None, "certificate-other-address", "another address"),
        ("no address", gpg.secret("Nobody"), None, "certificate-no-address", "with the address"),
    ]
}

/// Certificates of partners.
fn smime_of_partners(bench: &Bench<'_>) -> Vec<Row> {
    let (key, cert, root) = (bench.read(&bench.bob.key), bench.read(&bench.bob.cert), bench.read(&bench.ca.cert()));
    let der = bench.changed(&["x509", "-outform", "DER"], &cert);
    let bundle = bench.changed(&["crl2pkcs7", "-nocrl", "-certfile", &bench.bob.cert, "-outform", "DER"], b"");
    let of = |name: &str, algorithm: &str, extensions: &str, days: &str| bench.issue(name, algorithm, extensions, days).1;
    let named = format!("subjectAltName=email:{BOB}\n{MAIL}");
    let signing = named.replace(",keyEncipherment", "");
    let server = format!("subjectAltName=email:{BOB}\nextendedKeyUsage=serverAuth\n");
    let mut rows: Vec<Row> = vec![
        ("nothing", Vec::new(), None, "bad-field", "1 to"),
        ("a PKCS#12 file", bench.read(&bench.bob.p12), Some("secret"), "import-private-key", "certificate alone"),
        ("key and certificate", [&key[..], &cert].concat(), None, "import-private-key", "tell its owner"),
        ("a key, DER", bench.changed(&["rsa", "-outform", "DER"], &key), None, "import-private-key", "tell its owner"),
        ("a protected key", bench.changed(&["pkcs8", "-topk8", "-passout", "pass:x"], &key), None, "import-private-key", "alone"),
        ("half of a certificate", cut(&cert), None, "import-no-certificates", "Export it again"),
        ("half of a certificate, DER", cut(&der), None, "import-no-certificates", "Export it again"),
        ("half of a bundle", cut(&bundle), None, "import-no-certificates", "Export it again"),
        ("one good, one cut off", [&cert[..], &cut(&cert)].concat(), None, "import-no-certificates", "Export it again"),
        ("over", of("over", "rsa:2048", &named, "-1"), None, "certificate-over", "its successor"),
        ("RSA of 1024 bits", of("r1024", "rsa:1024", &named, "20"), None, "certificate-too-short", "2048"),
        ("another's", bench.read(&bench.alice.cert), None, "certificate-other-address", "another address"),
        ("no address", of("nobody", "rsa:2048", MAIL, "20"), None, "certificate-no-address", "with the address"),
        ("for signing", of("signing", "rsa:2048", &signing, "20"), None, "certificate-not-for-encryption", "for encryption"),
        ("for servers", of("host", "rsa:2048", &server, "20"), None, "certificate-not-for-encryption", "for encryption"),
        ("a CA's", root, None, "certificate-not-for-encryption", "for encryption"),
    ];
    rows.extend(bench.junk().into_iter().map(|(name, file)| (name, file, None, "import-no-certificates", "Export it again")));
    rows
}

/// OpenPGP keys of partners.
fn pgp_of_partners(bench: &Bench<'_>) -> Vec<Row> {
    let gpg = &bench.gpg;
    let over = ["--faked-system-time", "20250101T000000!", "--quick-generate-key", BOB, "future-default", "default", "1d"];
    let short = ["--quick-generate-key", BOB, "rsa1024", "default", "never"];
    let revocation = bench.revocation("Rex <");
    let revoked = {
        let text = String::from_utf8_lossy(&revocation).replace(":-----BEGIN", "-----BEGIN");
        gpg.import(text.as_bytes());
        gpg.public("Rex")
    };
    vec![
        ("a private key", gpg.secret("Bob"), None, "import-private-key", "tell its owner"),
        ("half of a key", cut(&gpg.public("Bob")), None, "import-unreadable", "Export it again"),
        ("another's", gpg.public("Alice"), None, "certificate-other-address", "another address"),
        ("no address", gpg.public("Nobody"), None, "certificate-no-address", "with the address"),
        ("over", bench.pgp(BOB, &over), None, "certificate-over", "its successor"),
        ("RSA of 1024 bits", bench.pgp(BOB, &short), None, "certificate-insecure", "a new one"),
        ("revoked", revoked, None, "certificate-revoked", "the new one"),
        ("a revocation without its key", revocation, None, "import-revokes-unknown", "Import the key first"),
    ]
}

fn roots(bench: &Bench<'_>) -> Vec<Row> {
    let (root, leaf) = (bench.read(&bench.ca.cert()), bench.read(&bench.bob.cert));
    let short = bench.issue("shortca", "rsa:1024", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n", "20").1;
    let mut rows: Vec<Row> = vec![
        ("nothing", Vec::new(), None, "bad-field", "1 to"),
        ("somebody's certificate", leaf.clone(), None, "certificate-no-authority", "nothing of the file was taken"),
        ("a root and somebody's", [&root[..], &leaf].concat(), None, "certificate-no-authority", "a partner"),
        ("a root and one too short", [&root[..], &short].concat(), None, "certificate-too-short", "2048"),
        ("half of a root", cut(&root), None, "import-no-certificates", "Export it again"),
        ("a PKCS#12 file", bench.read(&bench.alice.p12), Some("secret"), "import-private-key", "certificate alone"),
        ("an OpenPGP key", bench.gpg.public("Bob"), None, "import-no-certificates", "Export it again"),
    ];
    rows.extend(bench.junk().into_iter().map(|(name, file)| (name, file, None, "import-no-certificates", "Export it again")));
    rows
}

#[test]
fn m_c5_bad_keys_of_users_are_refused_and_nothing_is_half_imported() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let bench = Bench::new(&scene.room);
        // One is there before: it stays as it is.
        scene.user_key(&bench.alice);
        let owner = ["--user", ALICE];
        refused(&scene, &owner, &smime_of_users(&bench));
        refused(&scene, &owner, &pgp_of_users(&bench));
        let huge = vec![b'x'; 2_000_000];
        refused(&scene, &owner, &[("too much", huge, None, "bad-field", "1 to")]);
        // A stranger's address, and a key that is a colleague's here.
        let p12 = bench.read(&bench.bob.p12);
        refused(&scene, &["--user", BOB], &[("not one of us", p12, Some("secret"), "bad-field", "managed domain")]);
        let extensions = scene.room.write("both.ext", format!("subjectAltName=email:dave@company.example\n{MAIL}"));
        let request = must("openssl", &["req", "-new", "-key", &bench.alice.key, "-subj", "/CN=dave"], b"");
        let (issuer, issuer_key) = (bench.ca.cert(), bench.ca.cert().replace(".crt", ".key"));
        let line = ["x509", "-req", "-CA", &issuer, "-CAkey", &issuer_key, "-CAcreateserial", "-days", "20", "-extfile", &extensions];
        let both = [bench.read(&bench.alice.key), must("openssl", &line, &request)].concat();
        refused(&scene, &["--user", "dave@company.example"], &[("a colleague's key", both, None, "key-of-another", "one owner")]);
    });
}

#[test]
fn m_c6_m_c4_bad_keys_of_partners_and_roots_are_refused_and_nothing_is_half_imported() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let bench = Bench::new(&scene.room);
        refused(&scene, &["--partner", BOB], &smime_of_partners(&bench));
        refused(&scene, &["--partner", BOB], &pgp_of_partners(&bench));
        refused(&scene, &["--root"], &roots(&bench));
        refused(&scene, &["--root", "--trust"], &roots(&bench));
        // With a good one there before.
        scene.partner_key(&bench.bob);
        scene.trust(&bench.ca);
        refused(&scene, &["--partner", BOB], &smime_of_partners(&bench));
        refused(&scene, &["--root", "--trust"], &roots(&bench));
    });
}

#[test]
fn m_c5_m_c6_what_serves_in_part_is_taken_and_says_so() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let bench = Bench::new(&scene.room);
        let take = |owner: &[&str], file: &[u8]| -> Value {
            let file = scene.room.write("file", file);
            let said = scene.gateway.run(&[&["--json", "key", "import", &file], owner].concat());
            serde_json::from_str::<Value>(&said).unwrap()["items"][0].clone()
        };
        let named = format!("subjectAltName=email:{ALICE}\n{MAIL}");
        // What opens old mail and does nothing else.
        for (algorithm, days, state) in [("rsa:1024", "20", "weak"), ("rsa:2048", "-1", "expired")] {
            let (key, cert) = bench.issue(state, algorithm, &named, days);
            assert_eq!(take(&["--user", ALICE], &[key, cert].concat())["state"], state);
        }
        // What only signs.
        let gpg = Gpg::new();
        let _ = gpg.must(&["--quick-generate-key", BOB, "ed25519", "sign,cert", "never"], b"");
        let shown = take(&["--partner", BOB], &gpg.public(BOB));
        assert_eq!((&shown["state"], &shown["signs"], &shown["encrypts"]), (&"valid".into(), &true.into(), &false.into()), "{shown}");
        // Explanatory text between the blocks is no fault (RFC 7468 §2).
        let text = [b"Bag Attributes\n  friendlyName: Bob\n".to_vec(), bench.read(&bench.bob.cert), b"-- \nBob\n".to_vec()].concat();
        assert_eq!(take(&["--partner", BOB], &text)["state"], "valid");
    });
}
