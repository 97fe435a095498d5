//! Key files as people have them.

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
    desk.openssl("genpkey -algorithm ED25519 -out ed.key").unwrap();
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
