//! DKIM samples of dkimpy: signatures that others made, and ours checked by our own eyes (others check them in the
//! stories).

use std::path::Path;

use mailauth::dkim::{SignRequest, sign, signatures, verify};
use mailauth::{Algorithm, DigestSigner, KeySet, SignError};
use message::Message;
use model::Timestamp;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use crate::arc::Pem;
use crate::kit::{Zone, crlf, material, parsed};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

async fn checked(message: &Message, zone: &Zone) -> Vec<(&'static str, Option<&'static str>)> {
    let found = signatures(message, 10);
    let keys = KeySet::fetch(zone, found.iter().filter_map(mailauth::dkim::Found::key)).await;
    verify(message, &found, &keys, NOW).into_iter().map(|result| (result.verdict.word(), result.reason)).collect()
}

fn sample(folder: &Path, name: &str) -> Message {
    parsed(crlf(&String::from_utf8(std::fs::read(folder.join(name)).unwrap()).unwrap()))
}

fn zone(folder: &Path) -> Zone {
    let mut zone = Zone::default();
    let mut add = |name: &str, file: &str| zone.add(name, "TXT", std::fs::read(folder.join(file)).unwrap().trim_ascii());
    add("test._domainkey.football.example.com", "test.txt");
    add("sed._domainkey.test.ex", "ed25519test.dns");
    add("rsa._domainkey.example.com", "test.txt");
    for (selector, file) in [("badk", "badk.txt"), ("badversion", "badversion.txt"), ("bad", "test_bad.txt"), ("tlsrpt", "test_tlsrpt.txt")]
    {
        add(&format!("{selector}._domainkey.example.com"), file);
    }
    for (selector, file) in [("pkcs1", "2048_testkey_wo_markers.pub.rsa.txt"), ("spki", "2048_testkey_wo_markers.pub.txt")] {
        add(&format!("{selector}._domainkey.example.com"), file);
    }
    // RFC 8463 appendix A.
    zone.add("brisbane._domainkey.football.example.com", "TXT", b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    zone
}

#[tokio::test]
async fn m_t11_dkim_samples_of_dkimpy() {
    let Some(folder) = material("dkimpy") else { return };
    let zone = zone(&folder);
    let pass = ("pass", None);
    assert_eq!(checked(&sample(&folder, "rfc6376.signed.msg"), &zone).await, [pass, pass], "Ed25519 and RSA, simple");
    assert_eq!(checked(&sample(&folder, "rfc6376.signed.rsa.msg"), &zone).await, [pass]);
    let no_time = checked(&sample(&folder, "rfc6376.signed.no_t.msg"), &zone).await;
    assert_eq!(no_time, [("fail", Some("signature did not verify"))], "its t= was taken away after signing");
    assert_eq!(checked(&sample(&folder, "ed25519test2.msg"), &zone).await.len(), 1);
    let bad_domain = checked(&sample(&folder, "test.message.baddomain"), &zone).await;
    assert_eq!(bad_domain[0].0, "permerror");
    assert_eq!(checked(&sample(&folder, "test2.message"), &zone).await[0], ("permerror", Some("no key for signature")));
    assert!(checked(&sample(&folder, "test.message"), &zone).await.is_empty());
}

#[tokio::test]
async fn m_t11_what_we_sign_verifies_and_a_change_shows() {
    let Some(folder) = material("dkimpy") else { return };
    let zone = zone(&folder);
    let rsa = |file: &str| {
        let pem = std::fs::read(folder.join(file)).unwrap();
        Pem(PKey::from_rsa(Rsa::private_key_from_pem(&pem).unwrap()).unwrap())
    };
    let ed25519 = Ed25519(PKey::private_key_from_raw_bytes(&seed(&folder), Id::ED25519).unwrap());
    for name in ["test.message", "rfc6376.msg", "test_extra.message", "ed25519test.msg"] {
        let message = sample(&folder, name);
        let cases: [(&str, &str, &dyn DigestSigner, &str); 7] = [
            ("football.example.com", "brisbane", &ed25519, "pass"),
            ("football.example.com", "test", &rsa("test.private"), "pass"),
            ("example.com", "spki", &rsa("2048_testkey.key"), "pass"),
            ("example.com", "pkcs1", &rsa("2048_testkey.key"), "pass"),
            ("example.com", "badk", &rsa("test.private"), "permerror"),
            ("example.com", "badversion", &rsa("test.private"), "permerror"),
            ("example.com", "tlsrpt", &rsa("test.private"), "permerror"),
        ];
        for (domain, selector, signer, wanted) in cases {
            let field = sign(&message, SignRequest { domain, selector, now: NOW }, signer).unwrap();
            assert!(field.split(|b| *b == b'\n').all(|line| line.len() <= 80), "folded: {}", String::from_utf8_lossy(&field));
            let signed = [field.as_slice(), message.bytes()].concat();
            assert_eq!(checked(&parsed(signed.clone()), &zone).await[0].0, wanted, "{name} {selector}");
            if wanted != "pass" {
                continue;
            }
            let more = [signed.as_slice(), b"more\r\n"].concat();
            assert_eq!(checked(&parsed(more), &zone).await[0].1, Some("body hash did not verify"));
            let added = [field.as_slice(), b"Subject: another\r\n", message.bytes()].concat();
            assert_eq!(checked(&parsed(added), &zone).await[0].1, Some("signature did not verify"), "oversigned");
            let reply_to = [field.as_slice(), b"Reply-To: eve@evil.example\r\n", message.bytes()].concat();
            assert_eq!(checked(&parsed(reply_to), &zone).await[0].0, "fail", "a field that was not there");
        }
    }
}

fn seed(folder: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(folder.join("rfc8032_7_1.key")).unwrap();
    openssl::base64::decode_block(text.trim()).unwrap()
}

struct Ed25519(PKey<Private>);

impl DigestSigner for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519Sha256
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        Ok(Signer::new_without_digest(&self.0).unwrap().sign_oneshot_to_vec(digest).unwrap())
    }
}
