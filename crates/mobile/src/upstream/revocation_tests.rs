//! What is asked, what is remembered, and what never waits.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use model::FixedClock;
use tokio::sync::Notify;

use super::*;

/// Says what it is told to say, and counts.
#[derive(Default)]
struct Told {
    says: Mutex<Option<Standing>>,
    asked: AtomicUsize,
    stapled: Mutex<Vec<u8>>,
    answered: Notify,
}

#[async_trait]
impl Issuers for Told {
    async fn standing(&self, gateway: &str, _shown: Vec<Vec<u8>>, stapled: Vec<u8>) -> Standing {
        assert_eq!(gateway, "west");
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.stapled.lock() = stapled;
        self.answered.notify_one();
        let says = self.says.lock().clone();
        match says {
            Some(says) => says,
            None => std::future::pending().await,
        }
    }
}

fn shown(name: &str) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from(name.as_bytes().to_vec()), CertificateDer::from(b"issuer".to_vec())]
}

fn watch(told: &Arc<Told>, clock: &Arc<FixedClock>) -> Arc<Watch> {
    Watch::new(Some(told.clone()), clock.clone(), Duration::from_millis(1), Registry::new())
}

/// Until the issuers were asked once more and their answer is in.
async fn again(told: &Told) {
    // The second question comes after the first one's answer was taken.
    let wanted = told.asked.load(Ordering::SeqCst) + 2;
    while told.asked.load(Ordering::SeqCst) < wanted {
        told.answered.notified().await;
    }
}

#[tokio::test]
async fn g_2_nothing_waits_for_issuers_and_only_what_is_known_as_revoked_is_refused() {
    let (told, clock) = (Arc::new(Told::default()), Arc::new(FixedClock::new(Timestamp(0))));
    let watch = watch(&told, &clock);
    for _ in 0..3 {
        assert!(watch.admits(("west", "mail.example"), &shown("a")).is_ok(), "while nobody has answered");
    }
    told.answered.notified().await;
    assert_eq!(told.asked.load(Ordering::SeqCst), 1, "once for the certificate");
    for (says, passes) in [
        (Standing::Unknown("nobody".into()), true),
        (Standing::Revoked("its certificate was revoked".into()), false),
        (Standing::Unknown("nobody".into()), true),
        (Standing::Good, true),
    ] {
        let told = Arc::new(Told { says: Mutex::new(Some(says.clone())), ..Told::default() });
        let watch = self::watch(&told, &clock);
        assert!(watch.admits(("west", "mail.example"), &shown("a")).is_ok());
        again(&told).await;
        let admitted = watch.admits(("west", "mail.example"), &shown("a"));
        assert_eq!((admitted.is_ok(), watch.still_admits("west", &shown("a"))), (passes, passes), "{says:?}");
        if let Err(fault) = admitted {
            assert!((fault.code, fault.temporary) == (REVOKED, false) && fault.cause.contains("was revoked"), "{fault}");
        }
        assert!(watch.still_admits("west", &shown("never seen")));
        let beside = [shown("a"), shown("something else")].concat();
        assert_eq!(watch.admits(("west", "mail.example"), &beside).is_ok(), passes, "whatever else it sends");
    }
}

#[tokio::test]
async fn g_2_what_was_revoked_stays_so_until_the_issuer_says_otherwise() {
    let (told, clock) = (Arc::new(Told::default()), Arc::new(FixedClock::new(Timestamp(0))));
    let watch = watch(&told, &clock);
    *told.says.lock() = Some(Standing::Revoked("on hold".into()));
    for (says, passes) in [(None, false), (Some(Standing::Unknown("away".into())), false), (Some(Standing::Good), true)] {
        if says.is_some() {
            told.says.lock().clone_from(&says);
        }
        let _ = watch.admits(("west", "mail.example"), &shown("a"));
        again(&told).await;
        assert_eq!(watch.admits(("west", "mail.example"), &shown("a")).is_ok(), passes, "{says:?}");
    }
}

#[tokio::test]
async fn g_2_x_11_certificates_are_bounded_and_forgotten_and_staples_are_passed_on() {
    let (told, clock) = (Arc::new(Told::default()), Arc::new(FixedClock::new(Timestamp(0))));
    let watch = watch(&told, &clock);
    watch.stapled("west", &shown("a"), "x".repeat(STAPLED + 1).as_bytes());
    assert!(watch.seen.lock().is_empty(), "too long to keep");
    watch.stapled("west", &shown("a"), b"staple");
    told.answered.notified().await;
    assert_eq!(*told.stapled.lock(), b"staple");
    for number in 0..MOST * 2 {
        clock.advance(Duration::from_secs(1));
        let _ = watch.admits(("west", "mail.example"), &shown(&number.to_string()));
    }
    assert_eq!(watch.seen.lock().len(), MOST);
    assert!(!watch.seen.lock().contains_key(&name("west", &shown("a"))), "who was not seen longest goes");
    clock.advance(FORGET + Duration::from_secs(1));
    let last = name("west", &shown(&(MOST * 2 - 1).to_string()));
    assert!(watch.question(&last).is_none() && watch.seen.lock().len() == MOST - 1, "not seen for a day");
    let nobody = Watch::new(None, clock.clone(), Duration::from_millis(1), Registry::new());
    assert!(nobody.admits(("west", "mail.example"), &shown("a")).is_ok() && nobody.seen.lock().is_empty());
}
