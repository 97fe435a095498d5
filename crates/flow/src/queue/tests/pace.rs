//! How fast the queue alone is, on the node's own disk: a measure, no test. `cargo test -- --ignored --nocapture pace`.

use std::time::Instant;

use segments::OsDisk;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measure for people"]
async fn pace() {
    let world = World::new().await;
    for (sessions, confirms) in [(20_usize, false), (20, true), (200, false), (200, true)] {
        // Beside the test program: on a disk, and outside the source tree.
        let program = std::env::current_exe().unwrap();
        let directory = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
        let ports = Ports {
            facts: world.facts.clone() as Arc<dyn Facts>,
            effects: world.sink.clone() as Arc<dyn EffectSink>,
            resolver: NoDns,
            evidence: Arc::new(NoEvidence),
            secrets: Arc::new(NoSecrets),
            lists: None,
            own_mail: OwnMail::new(Arc::new(NoKeys), CpuPool::new(1).unwrap()),
            clock: world.clock.clone() as Arc<dyn model::Clock>,
            disk: Arc::new(OsDisk::new(&directory.path().join("queue")).unwrap()),
            keys: Arc::new(XorVault(9)),
        };
        let queue = Arc::new(Queue::open(Settings::default(), ports).unwrap());
        queue.run();
        let content: Bytes = "0123456789 0123456789 0123456789 0123456789 0123456789 012345678\r\n".repeat(150).into();
        let (mails, start) = (4_000, Instant::now());
        let senders: Vec<_> = (0..sessions)
            .map(|session| {
                let (queue, content) = (Arc::clone(&queue), content.clone());
                tokio::spawn(async move {
                    for n in 0..mails / sessions {
                        let digest = if confirms { format!("{session} {n}") } else { String::new() };
                        let mail = Plan { digest, effects: vec![count()], ..plan(vec![output(&["b@partner.example"], content.clone())]) };
                        let trace = mail.trace;
                        queue.commit(mail).await.unwrap();
                        if confirms {
                            // As a client does that goes on after its 250.
                            tokio::task::yield_now().await;
                            queue.confirm(trace);
                        }
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.unwrap();
        }
        let accepted = start.elapsed();
        while !is_empty(&queue) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (delivered, usage) = (start.elapsed(), queue.core.segments.usage());
        let rate = |time: Duration| mails as f64 / time.as_secs_f64();
        println!(
            "{sessions} sessions, replies confirmed: {confirms}: {:.0} accepted/s, {:.0} delivered/s, {} syncs, {usage:?}",
            rate(accepted),
            rate(delivered),
            usage.groups
        );
        queue.stop().await;
    }
}
