//! Good mails by several makers, in variants that keep the signed octets: each is `valid`.

use model::SignatureVerdict;

use crate::kit::{Office, RSA, office};
use crate::wrap::Wrap;

/// What is signed: charsets, encodings, trees, and lines that servers like to touch.
const CONTENTS: [(&str, &[u8]); 10] = [
    ("ascii", b"Content-Type: text/plain\r\n\r\nGood morning.\r\n"),
    ("utf-8", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße, 医生\r\n".as_bytes()),
    ("latin-1", b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"),
    ("quoted-printable", b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe=\r\n</p>\r\n"),
    ("base64", b"content-transfer-encoding: BASE64\r\nContent-Type: application/octet-stream;\r\n\tname=\"a b.bin\"\r\n\r\nAAECAwQ=\r\n"),
    ("tree", b"Content-Type: multipart/mixed; boundary=in\r\n\r\npreamble\r\n--in\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n\r\nplain\r\n--alt\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--alt--\r\n--in\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--in--\r\nepilogue\r\n"),
    ("no last line end", b"Content-Type: text/plain\r\n\r\nno line end"),
    ("blanks", b"Content-Type: text/plain; format=flowed\r\n\r\nblanks at the end   \r\n\r\n\r\nFrom the start\r\n.\r\n..\r\n"),
    ("folded", b"Content-Type:\r\n text/plain;\r\n\tcharset=us-ascii\r\nX-Other: one\r\n two\r\n\r\nfolded\r\n"),
    ("empty", b"Content-Type: text/plain\r\n\r\n"),
];

/// Who signs by what: a detached signature over the content.
type Maker = (&'static str, &'static str, fn(&Office, &str, &[u8]) -> Option<Vec<u8>>);

const MAKERS: [Maker; 7] = [
    ("openssl, RSA", "anna", |office, file, content| Some(office.signed(file, content, "anna", "-md sha256"))),
    ("openssl, PSS with SHA-512", "anna", |office, file, content| {
        Some(office.signed(file, content, "anna", "-md sha512 -keyopt rsa_padding_mode:pss"))
    }),
    ("openssl, ECDSA, key identifier", "ben", |office, file, content| Some(office.signed(file, content, "ben", "-md sha384 -keyid"))),
    ("openssl, a CA between, CAdES", "ida", |office, file, content| {
        Some(office.signed(file, content, "ida", "-md sha256 -cades -certfile between.crt"))
    }),
    ("openssl, without attributes", "anna", |office, file, content| Some(office.signed(file, content, "anna", "-md sha256 -noattr"))),
    ("python cryptography", "anna", python),
    ("gpgsm", "anna", gpgsm),
];

const PYTHON: &str = "import sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
key = serialization.load_pem_private_key(open('anna.key', 'rb').read(), None)
certificate = x509.load_pem_x509_certificate(open('anna.crt', 'rb').read())
builder = pkcs7.PKCS7SignatureBuilder().set_data(open(sys.argv[1], 'rb').read()).add_signer(certificate, key, hashes.SHA256())
options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
open(sys.argv[2], 'wb').write(builder.sign(serialization.Encoding.DER, options))
";

fn python(office: &Office, file: &str, content: &[u8]) -> Option<Vec<u8>> {
    office.write(&format!("{file}.py"), PYTHON);
    office.write(&format!("{file}.in"), content);
    office.run("python3", &format!("{file}.py {file}.in {file}.out")).unwrap_or_else(|error| panic!("{error}"));
    Some(office.read(&format!("{file}.out")))
}

/// gpgsm takes no empty content.
fn gpgsm(office: &Office, file: &str, content: &[u8]) -> Option<Vec<u8>> {
    let home = office.path("gnupg");
    if !home.exists() {
        std::fs::create_dir(&home).unwrap();
        office.openssl("pkcs12 -export -in anna.crt -inkey anna.key -passout pass:secret -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -out anna.p12");
        let print = String::from_utf8(office.openssl("x509 -in root.crt -noout -fingerprint -sha1")).unwrap();
        let print = print.split('=').nth(1).unwrap().trim().replace(':', "");
        std::fs::write(home.join("trustlist.txt"), format!("{print} S relax\n")).unwrap();
        std::fs::write(home.join("gpgsm.conf"), "disable-crl-checks\nbatch\n").unwrap();
        std::fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
        std::fs::write(office.path("secret"), "secret").unwrap();
        office.run("gpgsm", "--homedir gnupg --import root.crt").unwrap_or_else(|error| panic!("{error}"));
        let import = "--homedir gnupg --pinentry-mode loopback --passphrase-fd 0 --import anna.p12";
        office.run("gpgsm", import).unwrap_or_else(|error| panic!("{error}"));
    }
    office.write(&format!("{file}.in"), content);
    let sign = format!(
        "--homedir gnupg --pinentry-mode loopback --passphrase-fd 0 --digest-algo SHA256 -u anna@partner.example --yes --output {file}.out --detach-sign {file}.in"
    );
    office.run("gpgsm", &sign).unwrap_or_else(|error| panic!("{error}"));
    Some(office.read(&format!("{file}.out")))
}

fn is_valid(office: &Office, what: &str, mail: &[u8]) {
    let judgement = office.judged(mail);
    assert_eq!(judgement.signature, SignatureVerdict::Valid, "{what}: {:?}\n{}", judgement.reasons, String::from_utf8_lossy(mail));
}

#[test]
fn m_c1_m_c13_good_mails_of_several_makers_are_valid() {
    let office = office();
    let mut seen = 0;
    for (place, (maker, by, sign)) in MAKERS.iter().enumerate() {
        let from = format!("{by}@partner.example");
        for (name, content) in CONTENTS {
            let Some(cms) = sign(office, &format!("good-{place}"), content) else { continue };
            is_valid(office, &format!("{maker}, {name}"), &Wrap::of(&from).clear(content, &cms));
            seen += 1;
        }
    }
    let _ = office.run("gpgconf", "--homedir gnupg --kill gpg-agent");
    assert!(seen >= 60, "{seen}");
}

#[test]
fn m_c1_opaque_and_streamed_signatures_are_valid() {
    let office = office();
    for (place, flags) in ["-nodetach", "-nodetach -stream", "-nodetach -md sha512", "-nodetach -keyid"].into_iter().enumerate() {
        for (name, content) in CONTENTS.iter().filter(|(name, _)| *name != "empty") {
            let cms = office.signed(&format!("opaque-{place}"), content, "ben", flags);
            is_valid(office, &format!("{flags}, {name}"), &Wrap::of("ben@partner.example").opaque(&cms));
        }
    }
}

#[test]
fn m_c1_what_servers_do_around_signed_octets_breaks_nothing() {
    let office = office();
    let (_, content) = CONTENTS[1];
    let cms = office.signed("around", content, "anna", "-md sha256");
    let plain = Wrap::of("anna@partner.example");
    let wraps = [
        ("preamble and epilogue", Wrap { preamble: "This is S/MIME.\r\n\r\n", epilogue: "\r\nbehind\r\n", ..plain.clone() }),
        ("long lines of base64", Wrap { line: 4_000, ..plain.clone() }),
        ("short lines of base64", Wrap { line: 60, ..plain.clone() }),
        (
            "old names",
            Wrap {
                kind: "multipart/signed; protocol=\"application/x-pkcs7-signature\"; micalg=sha256; boundary=\"{b}\"",
                protocol: "application/x-pkcs7-signature; name=\"smime.p7s\"",
                ..plain.clone()
            },
        ),
        ("a type of some gateways", Wrap { protocol: "application/octet-stream; name=smime.p7s", ..plain.clone() }),
        (
            "folded and commented",
            Wrap {
                kind: "multipart/signed;\r\n\tboundary={b};\r\n micalg=\"sha-256\";\r\n\tprotocol=\"application/pkcs7-signature\"",
                ..plain.clone()
            },
        ),
        ("odd boundary", Wrap { boundary: "=_a'()+_,-./:=?z", ..plain.clone() }),
        (
            "fields above",
            Wrap {
                above: "Received: from a by b\r\n\twith ESMTP; x\r\nX-Spam: no\r\nReturn-Path: <bounce@list.example>\r\n",
                ..plain.clone()
            },
        ),
        ("no micalg", Wrap { kind: "Multipart/Signed; Protocol=\"application/pkcs7-signature\"; Boundary=\"{b}\"", ..plain.clone() }),
        ("name before the address", Wrap::of("\"Anna, of the partner\" <anna@partner.example>")),
        ("encoded name", Wrap::of("=?utf-8?q?Ann=C3=A4?= <anna@partner.example>")),
        ("other case", Wrap::of("Anna@PARTNER.example")),
        ("folded From", Wrap { from: "From:\r\n Anna\r\n <anna@partner.example>\r\n".into(), ..plain.clone() }),
        ("a comment in From", Wrap::of("anna@partner.example (Anna)")),
    ];
    for (name, wrap) in &wraps {
        is_valid(office, name, &wrap.clear(content, &cms));
    }
    // A file with bare line feeds, as people keep mails.
    let unix = String::from_utf8(plain.clear(content, &cms)).unwrap().replace("\r\n", "\n");
    is_valid(office, "bare line feeds", unix.as_bytes());
    // Another server's order of the same certificates, and one more.
    office.issue("idle", "root", RSA, "basicConstraints=CA:FALSE\n", "30");
    office.write("more.pem", [office.read("idle.crt"), office.read("between.crt"), office.read("foreign.crt")].concat());
    let cms = office.signed("around", content, "ida", "-md sha256 -certfile more.pem");
    is_valid(office, "superfluous certificates", &Wrap::of("ida@partner.example").clear(content, &cms));
}
