//! Uses of keys: logged each, equal for good and bad input, gone with their row.

use std::fmt::Write as _;

use crypto::pki::import::Imported;
use crypto::smime::{ContentCipher, encrypt, open, sign};
use model::site::{Section, SiteRow};
use model::{Budget, Site};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;
use crate::choose;
use crate::testing::{Fixed, NOW, key, world};

/// Collects the fields of all events as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{}={value:?} ", field.name()).unwrap();
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().push(text.0);
    }
}

fn logged(work: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), work);
    lines.0.lock().clone()
}

const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nhunter2\r\n";

#[test]
fn promise_3_every_key_use_is_logged_with_its_message() {
    let world = world();
    let keys = world.keys();
    let identity = choose::signing(&world.site, &key("alice@company.example"), NOW).unwrap();
    let own = choose::own(&world.site, &[key("bob@company.example")]);
    let (signing, opening) = (TraceId::new(), TraceId::new());
    let lines = logged(|| {
        sign(ENTITY, &identity, &keys, signing, NOW).unwrap();
        let sealed = encrypt(ENTITY, &own, ContentCipher::Aes256Gcm).unwrap();
        let body: String = std::str::from_utf8(&sealed).unwrap().split_once("\r\n\r\n").unwrap().1.lines().collect();
        open(&STANDARD.decode(body).unwrap(), &own, &keys, opening, &Budget::default()).unwrap();
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, key, trace, purpose) in
        [(&lines[0], &identity.key, signing, "sign-mail"), (&lines[1], own[0].key_id(), opening, "open-mail")]
    {
        assert!(
            line.contains("key.used") && line.contains(&key.0) && line.contains(&trace.to_string()) && line.contains(purpose),
            "{line}"
        );
    }
    // A use that can't be done is logged as well.
    let unknown = KeyId("0".repeat(64));
    let lines = logged(|| {
        let request = KeyUseRequest::SignSha256(&[0; 32]);
        assert!(matches!(keys.use_key(&unknown, signing, KeyPurpose::SignMail, &request), Err(KeyUseError::UnknownKey)));
    });
    assert!(lines[0].contains("key.used") && lines[0].contains("known=false"), "{lines:?}");
}

#[test]
fn x_3_the_log_does_not_tell_good_from_bad_padding() {
    let world = world();
    let keys = world.keys();
    let own = choose::own(&world.site, &[key("alice@company.example")]);
    let rsa = openssl::x509::X509::from_der(own[0].der()).unwrap().public_key().unwrap().rsa().unwrap();
    let mut good = vec![0; rsa.size() as usize];
    rsa.public_encrypt(&[7; 32], &mut good, openssl::rsa::Padding::PKCS1).unwrap();
    let bad = vec![1; good.len()];
    let trace = TraceId::new();
    let mut results = Vec::new();
    let mut lines = Vec::new();
    for wrapped in [&good, &bad] {
        lines.push(logged(|| {
            let request = KeyUseRequest::UnwrapPkcs1 { wrapped, expected: 32 };
            results.push(keys.use_key(own[0].key_id(), trace, KeyPurpose::OpenMail, &request).unwrap());
        }));
    }
    assert_eq!(lines[0], lines[1]);
    assert_eq!(results[0].expose(), [7; 32]);
    assert_eq!(results[1].expose().len(), 32);
}

#[test]
fn a_deleted_key_is_gone_at_once() {
    let world = world();
    let id = choose::signing(&world.site, &key("bob@company.example"), NOW).unwrap().key;
    let facts = Arc::new(Changing(Mutex::new(world.site.clone())));
    let keys = Keys::new(facts.clone(), world.vault.clone());
    assert!(keys.kind(&id).is_some());
    let mut site = Site::clone(&world.site);
    site.apply(&SiteRow { section: Section::Key, key: id.0.clone(), version: 2, body: String::new() }).unwrap();
    *facts.0.lock() = Arc::new(site);
    assert!(keys.kind(&id).is_none());
}

struct Changing(Mutex<Arc<Site>>);

impl Facts for Changing {
    fn site(&self) -> Arc<Site> {
        self.0.lock().clone()
    }
}

#[test]
fn x_22_a_row_moved_to_another_owner_opens_nothing() {
    let world = world();
    let (alice, bob) = (key("alice@company.example"), key("bob@company.example"));
    let mut site = Site::clone(&world.site);
    let (alices, bobs) = (site.keys_of[&alice][0].clone(), site.keys_of[&bob][0].clone());
    let stolen = site.keys[&alices].sealed.clone();
    let mut record = KeyRecord::clone(&site.keys[&bobs]);
    record.sealed = stolen;
    site.apply(&SiteRow { section: Section::Key, key: bobs.0.clone(), version: 2, body: serde_json::to_string(&record).unwrap() }).unwrap();
    let keys = Keys::new(Arc::new(Fixed(Arc::new(site))), world.vault.clone());
    let request = KeyUseRequest::SignSha256(&[0; 32]);
    assert!(matches!(keys.use_key(&bobs, TraceId::new(), KeyPurpose::SignMail, &request), Err(KeyUseError::Failed)));
}

#[test]
fn x_22_rows_hold_no_private_key() {
    let world = world();
    let made = &world.ca;
    let pair = Imported { private_pkcs8: made.private_pkcs8.clone(), chain: vec![made.certificate.clone()] };
    assert!(crate::import::key_row(&world.vault, &crate::testing::address("ca@company.example"), &pair, NOW).is_err());
    for record in world.site.keys.values() {
        let sealed = STANDARD.decode(&record.sealed).unwrap();
        assert!(openssl::pkey::PKey::private_key_from_der(&sealed).is_err());
        let plain = world.vault.unseal(&sealed_as(&record.id), &sealed).unwrap();
        assert!(!sealed.windows(32).any(|window| plain.expose().windows(32).any(|piece| piece == window)));
    }
    assert_eq!(format!("{:?}", world.keys()), "Keys");
}
