//! A dead node's queue is taken over once, whatever interrupts it.

use super::disk::{Fault as DiskFault, Unsynced};
use super::*;
use crate::queue::Adopted;

/// What a node that died has left: a mail that went to one of two, a held one, one that was never tried.
async fn dead_node() -> (World, Vec<TraceId>) {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let half = plan(vec![output(&["late@partner.example", "there@partner.example"], body("half"))]);
    let held = plan(vec![output(&["late@partner.example"], body("held"))]);
    for mail in [&half, &held] {
        queue.commit(mail.clone()).await.unwrap();
        until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
    }
    queue.hold(held.trace, true);
    queue.stop().await;
    let world = world.after_kill();
    let queue = world.open_with(World::settings());
    let fresh = Plan { effects: vec![count()], ..plan(vec![output(&["fresh@partner.example"], body("fresh"))]) };
    queue.commit(fresh.clone()).await.unwrap();
    drop(queue);
    (world.after_kill(), vec![half.trace, held.trace, fresh.trace])
}

async fn adopt(queue: &Queue, disk: &PowerDisk) -> Result<Adopted, Fault> {
    queue.adopt(Arc::new(disk.clone()), Arc::new(XorVault(9))).await
}

#[tokio::test]
async fn m_t7_a_dead_node_s_queue_goes_on_here_as_far_as_it_had_come() {
    let (dead, traces) = dead_node().await;
    let world = World::new().await;
    let queue = world.open();
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    assert_eq!(adopt(&queue, &dead.disk).await.unwrap(), Adopted { mails: 3, known: 0, unreadable: 0 });
    let half = queue.show(traces[0]).unwrap();
    assert_eq!((half.row.to, half.row.tries), (vec!["late@partner.example".to_owned()], 1));
    assert!(queue.show(traces[1]).unwrap().row.held);
    until(|| world.hop.taken().len() == 1 && world.sink.applied.lock().len() == 1).await;
    assert_eq!(adopt(&queue, &dead.disk).await.unwrap(), Adopted::default(), "nothing is left there");
    world.hop.take_all();
    queue.hold(traces[1], false);
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    let to: Vec<String> = world.hop.taken().iter().map(|mail| mail.to.join(" ")).collect();
    assert_eq!(to.iter().filter(|to| *to == "late@partner.example").count(), 2, "{to:?}");
    assert_eq!((to.len(), queue.counts().replies_remembered), (3, 0), "who had got it does not get it again: {to:?}");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_an_interrupted_take_over_doubles_and_loses_nothing() {
    let (dead, _) = dead_node().await;
    let mut cut = 1;
    loop {
        let world = World::new().await;
        let first = dead.disk.after_kill().with_fault(cut, DiskFault::PowerCut);
        let queue = world.open();
        // The other disk goes away in the middle, and this node dies with it.
        let interrupted = adopt(&queue, &first).await.is_err() || first.has_failed();
        queue.core.segments.flush().await.unwrap();
        queue.stop().await;
        let world = world.after_kill();
        let queue = world.open();
        let rest = first.survivor(Unsynced::Some(cut as u64));
        let adopted = adopt(&queue, &rest).await.unwrap();
        assert_eq!(adopted.unreadable, 0, "cut {cut}");
        for row in queue.list(None, 9, &QueueFilter::default()) {
            queue.hold(row.trace, false);
        }
        world.later(&queue, Duration::from_secs(300));
        until(|| is_empty(&queue)).await;
        let mut taken: Vec<Vec<u8>> = world.hop.taken().into_iter().map(|mail| mail.data).collect();
        taken.sort();
        assert_eq!(taken, [body("fresh"), body("half"), body("held")], "cut {cut}: {adopted:?}");
        queue.stop().await;
        if !interrupted {
            break;
        }
        cut += 1;
    }
    assert!(cut > 4, "only {cut} acts were cut");
}

#[tokio::test]
async fn m_t7_another_site_s_queue_is_not_adopted() {
    let (dead, _) = dead_node().await;
    let world = World::new().await;
    let queue = world.open();
    let refused = queue.adopt(Arc::new(dead.disk.clone()), Arc::new(XorVault(8))).await.unwrap_err();
    assert!(refused.cause.contains("another vault"), "{}", refused.cause);
    assert!(is_empty(&queue));
    queue.stop().await;
}
