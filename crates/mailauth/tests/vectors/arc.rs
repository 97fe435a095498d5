//! 171 validations and the signings of the ValiMail suite for ARC.

use std::collections::BTreeMap;

use mailauth::arc::{Chain, SealRequest, seal, verify};
use mailauth::{Algorithm, DigestSigner, KeySet, SignError, results};
use message::Message;
use model::Timestamp;
use openssl::md::Md;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use yaml_rust2::Yaml;

use crate::kit::{Zone, compare, crlf, documents, material, parsed, text};

#[tokio::test]
async fn m_t11_arc_validation_suite() {
    let Some(folder) = material("valimail-arc") else { return };
    let mut run = 0;
    let mut misses = BTreeMap::new();
    for document in documents(&folder.join("arc-draft-validation-tests.yml")) {
        let zone = zone(&document);
        for (name, test) in document["tests"].as_hash().unwrap() {
            run += 1;
            let message = parsed(crlf(&text(&test["message"])));
            let chain = Chain::of(&message);
            let result = verify(&message, &chain, &KeySet::fetch(&zone, chain.keys()).await);
            let wanted = text(&test["cv"]).to_ascii_lowercase();
            let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted };
            if result.verdict.word() != wanted {
                misses.insert(text(name), format!("{} and not {wanted} {:?}", result.verdict.word(), result.reason));
            }
        }
    }
    compare("arc-validation", run, &misses.into_iter().collect::<Vec<_>>());
    assert_eq!(run, 171 + 4, "four names stand twice");
}

#[tokio::test]
async fn m_t11_arc_signing_suite() {
    let Some(folder) = material("valimail-arc") else { return };
    let mut run = 0;
    let mut misses = BTreeMap::new();
    for document in documents(&folder.join("arc-draft-sign-tests.yml")) {
        let zone = zone(&document);
        let signer = Pem(PKey::from_rsa(Rsa::private_key_from_pem(text(&document["privatekey"]).as_bytes()).unwrap()).unwrap());
        for (name, test) in document["tests"].as_hash().unwrap() {
            run += 1;
            if let Err(what) = signing(&document, &zone, test, &signer).await {
                misses.insert(text(name), what);
            }
        }
    }
    compare("arc-signing", run, &misses.into_iter().collect::<Vec<_>>());
    assert_eq!(run, 17);
}

async fn signing(document: &Yaml, zone: &Zone, test: &Yaml, signer: &Pem) -> Result<(), String> {
    let message = parsed(crlf(&text(&test["message"])));
    let name = text(&test["srv-id"]);
    let chain = Chain::of(&message);
    let came_as = verify(&message, &chain, &KeySet::fetch(zone, chain.keys()).await).verdict;
    let fields: Vec<String> = text(&test["sig-headers"]).split(':').map(ToOwned::to_owned).collect();
    let (domain, selector) = (text(&document["domain"]), text(&document["sel"]));
    let request = SealRequest {
        domain: &domain,
        selector: &selector,
        now: Timestamp(test["t"].as_i64().unwrap() * 1_000_000),
        fields: &fields,
        results: &gathered(&message, &name),
        came_as,
    };
    let made = seal(&message, &chain, request, signer).unwrap();
    let made = made.map_or_else(|| parsed(b"\r\n".to_vec()), parsed);
    for (field, wanted) in [("arc-seal", "AS"), ("arc-message-signature", "AMS"), ("arc-authentication-results", "AAR")] {
        let made = made.fields_named(field).next().map(|found| String::from_utf8_lossy(found.value).into_owned()).unwrap_or_default();
        let (made, wanted) = (packed(&made), packed(&text(&test[wanted])));
        if made != wanted {
            return Err(format!("{field}: {made} and not {wanted}"));
        }
    }
    Ok(())
}

/// The results of our own name's fields, one after the other.
fn gathered(message: &Message, name: &str) -> String {
    let own = message.fields_named("authentication-results").filter(|field| results::claimed_name(field.value).as_deref() == Some(name));
    let payloads: Vec<String> = own.filter_map(|field| results::payload(field.value)).collect();
    format!("{name}; {}", payloads.join("; "))
}

/// Without white space, which the two ways of folding differ in.
fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().trim_end_matches(';').to_owned()
}

fn zone(document: &Yaml) -> Zone {
    let mut zone = Zone::default();
    for (name, record) in document["txt-records"].as_hash().into_iter().flatten() {
        zone.add(&text(name), "TXT", text(record).as_bytes());
    }
    zone
}

/// A key of the vectors; its shortness is theirs.
pub(crate) struct Pem(pub(crate) PKey<Private>);

impl DigestSigner for Pem {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RsaSha256
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        let mut context = PkeyCtx::new(&self.0).unwrap();
        context.sign_init().unwrap();
        context.set_rsa_padding(Padding::PKCS1).unwrap();
        context.set_signature_md(Md::sha256()).unwrap();
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature).unwrap();
        Ok(signature)
    }
}
