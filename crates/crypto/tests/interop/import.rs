//! Key files as people have them.

use crypto::pki::export;
use crypto::pki::import::{ImportError, any, certificates, pem, pkcs12, pkcs12_all};

use crate::kit::{Desk, company, material};

fn desk() -> Desk {
    let desk = Desk::new();
    let company = company();
    for (name, made) in [("ca", &company.ca), ("alice", &company.alice), ("bob", &company.bob)] {
        desk.put(name, made);
    }
    desk
}

#[test]
fn m_c5_pkcs12_new_and_old_are_read() {
    let (desk, company) = (desk(), company());
    for algorithms in ["", "-legacy", "-keypbe NONE -certpbe NONE"] {
        desk.openssl(&format!(
            "pkcs12 -export -in alice.crt -inkey alice.key -certfile ca.crt -out file.p12 -passout pass:grün {algorithms}"
        ))
        .unwrap();
        let file = desk.read("file.p12");
        let imported = pkcs12(&file, "grün").unwrap_or_else(|error| panic!("{algorithms}: {error}"));
        assert_eq!(imported.chain, [company.alice.certificate.clone(), company.ca.certificate.clone()]);
        assert_eq!(imported.private_pkcs8, company.alice.private_pkcs8);
        assert_eq!(pkcs12(&file, "blau").unwrap_err(), ImportError::WrongPassPhrase, "{algorithms}");
        assert_eq!(any(&file, None).unwrap_err(), ImportError::PassPhraseNeeded);
        assert_eq!(pkcs12(&file, "gr\0ün").unwrap_err(), ImportError::WrongPassPhrase);
        assert_eq!(pkcs12(&file[..file.len() / 2], "grün").unwrap_err(), ImportError::Unreadable);
    }
    // Loading the legacy provider kept the default one.
    assert!(openssl::hash::hash(openssl::hash::MessageDigest::sha256(), b"").is_ok());
}

#[test]
fn m_c5_pem_in_its_forms() {
    let (desk, company) = (desk(), company());
    let both = [desk.read("alice.key"), desk.read("alice.crt")].concat();
    assert_eq!(pem(&both, None).unwrap().private_pkcs8, company.alice.private_pkcs8);
    desk.openssl("pkcs8 -topk8 -in alice.key -out protected.key -passout pass:word").unwrap();
    let protected = [desk.read("protected.key"), desk.read("alice.crt")].concat();
    assert_eq!(pem(&protected, Some("word")).unwrap().chain[0], company.alice.certificate);
    assert_eq!(pem(&protected, Some("other")).unwrap_err(), ImportError::WrongPassPhrase);
    assert_eq!(pem(&protected, None).unwrap_err(), ImportError::PassPhraseNeeded);
    desk.openssl("rsa -traditional -aes256 -in alice.key -out old.key -passout pass:word").unwrap();
    assert!(pem(&[desk.read("old.key"), desk.read("alice.crt")].concat(), Some("word")).is_ok());
    desk.openssl("ec -in bob.key -out sec1.key").unwrap();
    assert!(pem(&[desk.read("bob.crt"), desk.read("sec1.key")].concat(), None).is_ok());
}

#[test]
fn what_is_wrong_is_said() {
    let (desk, company) = (desk(), company());
    let key = desk.read("alice.key");
    let errors = [
        (desk.read("alice.crt"), ImportError::NoKey),
        (key.clone(), ImportError::NoCertificate),
        ([key.clone(), desk.read("bob.crt")].concat(), ImportError::KeyDoesNotFit),
        (b"hello".to_vec(), ImportError::Unreadable),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec(), ImportError::Unreadable),
        (Vec::new(), ImportError::Unreadable),
    ];
    for (file, expected) in errors {
        assert_eq!(any(&file, None).unwrap_err(), expected);
    }
    let two = [key, desk.read("alice.crt"), desk.read("bob.key"), desk.read("bob.crt")].concat();
    assert_eq!(pem(&two, None).unwrap_err(), ImportError::SeveralKeys(2));
    assert_eq!(any(&two, None).unwrap().len(), 2);
    assert_eq!(any(company.alice.certificate.der(), None).unwrap_err(), ImportError::NoKey);
    assert_eq!(any(company.alice.private_pkcs8.expose(), None).unwrap_err(), ImportError::NoCertificate);
    assert_eq!(certificates(company.alice.certificate.der()).unwrap(), std::slice::from_ref(&company.alice.certificate));
    desk.openssl("genpkey -algorithm ED448 -out ed.key").unwrap();
    desk.openssl("req -x509 -new -key ed.key -subj /CN=ed -out ed.crt").unwrap();
    assert_eq!(pem(&[desk.read("ed.key"), desk.read("ed.crt")].concat(), None).unwrap_err(), ImportError::UnsupportedKey);
}

#[test]
fn rfc_9216_files_hold_a_signing_and_an_encryption_key() {
    let Some(folder) = material("smime/rfc9216") else { return };
    for name in ["alice", "bob"] {
        let file = std::fs::read(folder.join(format!("{name}.p12"))).unwrap();
        let pairs = pkcs12_all(&file, name).unwrap();
        assert_eq!(pairs.len(), 2, "{name}");
        assert_eq!(pkcs12(&file, name).unwrap_err(), ImportError::SeveralKeys(2));
        assert!(pairs.iter().any(|pair| pair.chain[0].may_sign_mail() && !pair.chain[0].may_encrypt_mail()));
        assert!(pairs.iter().any(|pair| pair.chain[0].may_encrypt_mail() && !pair.chain[0].may_sign_mail()));
    }
}

#[test]
fn m_c12_openssl_opens_what_is_exported_with_its_pass_phrase_only() {
    let (desk, company) = (desk(), company());
    let chain = [company.alice.certificate.clone(), company.ca.certificate.clone()];
    let file = |pass: &str| export::pkcs12(&company.alice.private_pkcs8, &chain, pass, "alice\0@company.example");
    for weak in ["", "short", "with\0a nul inside"] {
        assert!(file(weak).is_err(), "{weak:?}");
    }
    let exported = file("grün und lang").unwrap();
    desk.write("out.p12", exported.expose());
    let opened = |pass: &str| {
        let run = std::process::Command::new("openssl")
            .args(["pkcs12", "-in", "out.p12", "-nodes", "-passin", &format!("pass:{pass}")])
            .current_dir(desk.path(""))
            .output()
            .unwrap();
        (run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned())
    };
    let (ok, text) = opened("grün und lang");
    assert!(ok && text.contains("PRIVATE KEY") && text.matches("BEGIN CERTIFICATE").count() == 2, "{text}");
    assert!(!opened("").0 && !opened("another phrase").0);
    let again = pkcs12(exported.expose(), "grün und lang").unwrap();
    assert_eq!((again.private_pkcs8, again.chain), (company.alice.private_pkcs8.clone(), chain.to_vec()));
}

#[test]
fn m_c6_bundles_of_certificates_are_read() {
    let (desk, company) = (desk(), company());
    desk.openssl("crl2pkcs7 -nocrl -certfile alice.crt -certfile ca.crt -out bundle.pem").unwrap();
    desk.openssl("crl2pkcs7 -nocrl -certfile alice.crt -certfile ca.crt -outform DER -out bundle.p7c").unwrap();
    for name in ["bundle.pem", "bundle.p7c"] {
        let found = certificates(&desk.read(name)).unwrap();
        assert!(found.contains(&company.alice.certificate) && found.contains(&company.ca.certificate) && found.len() == 2, "{name}");
    }
    let cut = desk.read("bundle.p7c");
    assert_eq!(certificates(&cut[..cut.len() - 9]).unwrap_err(), ImportError::NoCertificates);
    desk.openssl("crl2pkcs7 -nocrl -outform DER -out empty.p7c").unwrap();
    assert_eq!(certificates(&desk.read("empty.p7c")).unwrap_err(), ImportError::NoCertificates);
}

#[test]
fn m_c5_openssl_accepts_what_signs_itself() {
    let desk = desk();
    for kind in [model::KeyKind::Rsa(3072), model::KeyKind::EcP256] {
        let made =
            crypto::pki::issue::self_signed_user(&crate::kit::address("eve@company.example"), "Eve É", kind, crate::kit::VALIDITY).unwrap();
        desk.put("eve", &made);
        let at = crate::kit::NOW.0 / 1_000_000;
        desk.openssl(&format!("verify -attime {at} -purpose smimesign -CAfile eve.crt eve.crt")).unwrap();
        let leaf = &made.certificate;
        assert!(leaf.may_sign_mail() && leaf.may_encrypt_mail() && leaf.announces_gcm() && leaf.is_strong() && !leaf.is_ca(), "{kind:?}");
        assert_eq!((leaf.subject(), leaf.issuer()), ("CN=Eve É".to_owned(), "CN=Eve É".to_owned()));
        let sha1 = String::from_utf8(desk.openssl("x509 -in eve.crt -noout -fingerprint -sha1").unwrap()).unwrap();
        let plain: String = sha1.split('=').nth(1).unwrap().trim().replace(':', "").to_lowercase();
        assert_eq!(plain, leaf.fingerprint_sha1());
    }
}

#[test]
fn x_11_a_file_that_asks_for_endless_work_is_refused_before_any_is_done() {
    let (desk, company) = (desk(), company());
    desk.openssl("pkcs12 -export -in alice.crt -inkey alice.key -out file.p12 -passout pass:word -iter 50000").unwrap();
    let good = desk.read("file.p12");
    assert_eq!(pkcs12(&good, "word").unwrap().private_pkcs8, company.alice.private_pkcs8);
    // 50,000 as INTEGER is 02 03 00 C3 50; with the same length 8,388,607 still may be, and a fourth octet may not.
    let rounds = [0x02, 0x03, 0x00, 0xc3, 0x50];
    let places: Vec<usize> = good.windows(5).enumerate().filter(|(_, window)| *window == rounds).map(|(at, _)| at).collect();
    assert!(places.len() >= 2, "of the safes and of the MAC");
    desk.openssl("pkcs8 -topk8 -in alice.key -outform DER -out fair.der -passout pass:word -iter 50000").unwrap();
    let fair = desk.read("fair.der");
    let at = fair.windows(5).position(|window| window == rounds).unwrap();
    assert!(matches!(any(&fair, Some("word")), Err(ImportError::NoCertificate)), "it opens");
    // One octet more in a copy: 02 04 7F FF FF FF, and every length above it grows by one.
    let costly = grown(&fair, at, &[0x02, 0x04, 0x7f, 0xff, 0xff, 0xff], 5);
    let began = std::time::Instant::now();
    assert_eq!(any(&costly, Some("word")).unwrap_err(), ImportError::TooCostly);
    let text = format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n{}",
        openssl::base64::encode_block(&costly),
        company.alice.certificate.pem()
    );
    assert_eq!(pem(text.as_bytes(), Some("word")).unwrap_err(), ImportError::TooCostly);
    // The last one is the MAC's: only the outermost length is above it, and that of macData.
    let costly = grown(&good, *places.last().unwrap(), &[0x02, 0x04, 0x7f, 0xff, 0xff, 0xff], 5);
    assert_eq!(pkcs12(&costly, "word").unwrap_err(), ImportError::TooCostly);
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn x_11_a_protected_key_in_an_open_safe_is_asked_too() {
    let desk = desk();
    desk.openssl("pkcs8 -topk8 -in alice.key -outform DER -out fair.der -passout pass:word -iter 50000").unwrap();
    let fair = desk.read("fair.der");
    let at = fair.windows(5).position(|window| window == [0x02, 0x03, 0x00, 0xc3, 0x50]).unwrap();
    // One round more than is done.
    let costly = grown(&fair, at, &[0x02, 0x04, 0x00, 0x98, 0x96, 0x81], 5);
    let wrap = |tag: u8, parts: &[&[u8]]| {
        let body = parts.concat();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]][..], &body].concat()
    };
    let bag = |kind: u8, value: &[u8]| {
        let id = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, kind];
        wrap(0x30, &[&wrap(0x30, &[&id, &wrap(0xa0, &[value])])])
    };
    let data = |content: &[u8]| {
        let id = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
        wrap(0x30, &[&id, &wrap(0xa0, &[&wrap(0x04, &[content])])])
    };
    let file = |safes: &[&[u8]]| wrap(0x30, &[&[0x02, 0x01, 0x03], &data(&wrap(0x30, safes))]);
    for (key, costly) in [(&fair, false), (&costly, true)] {
        let own = data(&bag(2, key));
        // What is unknown before it, and a safe in a safe, hide nothing.
        let unknown = wrap(0x30, &[&[0x06, 0x01, 0x2a]]);
        let inner = data(&bag(6, &bag(2, key)));
        for safes in [&[own.as_slice()][..], &[&unknown, &own], &[&inner]] {
            // Neither has a MAC, so the fair one is refused later, for another reason.
            let error = pkcs12_all(&file(safes), "word").unwrap_err();
            assert_eq!(error == ImportError::TooCostly, costly, "{error}");
        }
    }
}

/// DER with `old` octets at a place replaced by `new` ones, one longer: each length above grows by one.
fn grown(der: &[u8], at: usize, new: &[u8], old: usize) -> Vec<u8> {
    fn walk(out: &mut [u8], start: usize, end: usize, at: usize) {
        let mut place = start;
        while place + 2 <= end {
            let (size, length) = match out[place + 1] {
                short @ ..=0x7f => (2, usize::from(short)),
                0x81 => (3, usize::from(out[place + 2])),
                _ => (4, usize::from(out[place + 2]) * 256 + usize::from(out[place + 3])),
            };
            if (place + size..place + size + length).contains(&at) && place != at {
                let longer = length + 1;
                match size {
                    2 => out[place + 1] = u8::try_from(longer).unwrap(),
                    3 => out[place + 2] = u8::try_from(longer).unwrap(),
                    _ => (out[place + 2], out[place + 3]) = (u8::try_from(longer / 256).unwrap(), u8::try_from(longer % 256).unwrap()),
                }
                return walk(out, place + size, place + size + length, at);
            }
            place += size + length;
        }
    }
    let mut out = der.to_vec();
    walk(&mut out, 0, der.len(), at);
    out.splice(at..at + old, new.iter().copied());
    out
}
