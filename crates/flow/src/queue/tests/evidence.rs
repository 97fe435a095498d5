//! What is demanded of a next hop changes while a connection to it is kept.

use smtp::outbound::{Endpoint, Target, TlsDemand, TlsLevel};

use super::*;
use crate::queue::{Ended, Evidence, Raised};
use crate::transport::Policy;

/// What DNS and policies say at the moment of every server.
struct Known(Mutex<TlsLevel>);

#[async_trait]
impl Evidence for Known {
    async fn raise(&self, _target: &Target, _server: &Endpoint, demand: TlsDemand) -> Result<Raised, model::Outcome> {
        Ok(Raised::by(TlsDemand { level: *self.0.lock(), ..demand }))
    }

    fn ended(&self, _server: &Endpoint, _policy: &Policy, _ended: Ended<'_>) {}
}

#[tokio::test]
async fn x_23_a_kept_connection_carries_no_mail_of_which_more_is_demanded() {
    let (world, known) = (World::new().await, Arc::new(Known(Mutex::new(TlsLevel::May))));
    let ports = Ports {
        facts: world.facts.clone() as Arc<dyn Facts>,
        effects: world.sink.clone() as Arc<dyn EffectSink>,
        resolver: NoDns,
        evidence: known.clone(),
        lists: None,
        own_mail: OwnMail::new(Arc::new(NoKeys), CpuPool::new(1).unwrap()),
        secrets: Arc::new(NoSecrets),
        clock: world.clock.clone() as Arc<dyn model::Clock>,
        disk: Arc::new(world.disk.clone()),
        keys: Arc::new(XorVault(9)),
    };
    let settings = Settings { per_destination: 1, idle: Duration::from_secs(600), ..World::settings() };
    let queue = Queue::open(settings, ports).unwrap();
    queue.run();
    for text in ["first", "second"] {
        queue.commit(plan(vec![output(&["b@partner.example"], body(text))])).await.unwrap();
        until(|| is_empty(&queue)).await;
    }
    assert_eq!((world.hop.taken().len(), world.hop.connections()), (2, 1), "one connection, in clear");

    *known.0.lock() = TlsLevel::Encrypt;
    let mail = plan(vec![output(&["b@partner.example"], body("third"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
    let seen = queue.show(mail.trace).unwrap().row.last_error.unwrap();
    assert!(seen.contains("STARTTLS") && world.hop.taken().len() == 2, "{seen}");

    *known.0.lock() = TlsLevel::May;
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 3);
    queue.stop().await;
}
