//! What mail teaches about partners' certificates never outweighs what people entered.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::fmt::Write as _;
use std::sync::Arc;

use model::{FixedClock, TraceId};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;

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

fn certificate() -> (Vec<u8>, String) {
    let made = rcgen::generate_simple_self_signed(vec!["partner.example".to_owned()]).unwrap();
    let pem = X509::from_der(made.cert.der()).unwrap().to_pem().unwrap();
    (made.cert.der().to_vec(), String::from_utf8(pem).unwrap())
}

async fn learnt(store: &Store, address: &Address, der: &[u8]) -> Partner {
    let id = EffectId { trace: TraceId::new(), number: 0 };
    store.apply(&[(id, Effect::LearnCertificate { address: address.clone(), certificate: der.to_vec() })]).await.unwrap();
    let row = site::get(store, Section::Partner, address.key().as_str()).await.unwrap().unwrap();
    serde_json::from_str(&row.body).unwrap()
}

#[tokio::test]
async fn cve_2026_29140_x_14_a_harvested_certificate_never_displaces_one_entered_by_hand_and_is_told() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let told = || lines.0.lock().iter().filter(|line| line.contains("partner.key_changed")).cloned().collect::<Vec<_>>();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:", dir.path(), Arc::new(FixedClock::new(Timestamp(1)))).await.unwrap();
    let ((_, ours), (first, first_pem), (second, second_pem)) = (certificate(), certificate(), certificate());

    let entered = Address::parse("Bob@Partner.example").unwrap();
    let partner = Partner { certificates: vec![ours.clone()], ..Partner::new(entered.clone(), "imported") };
    let body = json(&partner).unwrap();
    let key = entered.key();
    store.write(move |tx| Box::pin(async move { site::put(tx, Section::Partner, key.as_str(), &body, Expect::New).await })).await.unwrap();
    let partner = learnt(&store, &entered, &first).await;
    assert_eq!(
        (partner.certificates, partner.origin.as_str()),
        (vec![ours.clone(), first_pem.clone()], "imported"),
        "the one by hand wins"
    );
    assert_eq!(told().len(), 1);
    for part in ["bob@partner.example", &fingerprint(&ours), &fingerprint(&first_pem)] {
        assert!(part.len() > 10 && told()[0].contains(part), "{part}: {:?}", told());
    }
    learnt(&store, &entered, &first).await;
    assert_eq!(told().len(), 1, "the same certificate again is no news");
    for _ in 0..CERTIFICATES_KEPT {
        learnt(&store, &entered, &certificate().0).await;
    }
    let partner = learnt(&store, &entered, &second).await;
    assert_eq!((partner.certificates.len(), &partner.certificates[0]), (CERTIFICATES_KEPT, &ours), "however many come");

    let before = told().len();
    let met = Address::parse("ann@partner.example").unwrap();
    learnt(&store, &met, &first).await;
    assert_eq!(told().len(), before, "the first certificate of somebody unknown changes nothing");
    let partner = learnt(&store, &met, &second).await;
    assert_eq!(
        (partner.certificates, partner.origin.as_str()),
        (vec![second_pem, first_pem], "harvested"),
        "among harvested ones the newest leads"
    );
    assert_eq!(told().len(), before + 1);
}

#[tokio::test]
async fn x_11_so_many_unknown_issuers_wait_for_a_decision_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:", dir.path(), Arc::new(FixedClock::new(Timestamp(1)))).await.unwrap();
    let issuers = (0..roots_met::UNDECIDED + 3).map(|_| {
        let (der, pem) = certificate();
        model::plan::Issuer { sha256: fingerprint(&pem), certificate: der }
    });
    let effect = Effect::MeetIssuers { address: Address::parse("eve@stranger.example").unwrap(), issuers: issuers.collect() };
    store.apply(&[(EffectId { trace: TraceId::new(), number: 0 }, effect)]).await.unwrap();
    assert_eq!(site::section(&store, Section::Root).await.unwrap().len(), roots_met::UNDECIDED);
}
