//! One at a time for each domain: who comes second waits and finds what the first one has found.
//!
//! A domain is remembered only while somebody has its turn or waits for it, also where one of them is cut off.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// The turns of all domains.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Gate<()>>>>);

/// A turn; it ends when this is dropped.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    domain: String,
    gate: Arc<Gate<()>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the domain's turn.
    pub(super) async fn take(&self, domain: &str) -> Turn<'_> {
        let gate = Arc::clone(self.0.lock().entry(domain.to_owned()).or_default());
        // Made before the wait: it tidies up also when the wait is cut off.
        let mut turn = Turn { turns: self, domain: domain.to_owned(), gate: Arc::clone(&gate), guard: None };
        turn.guard = Some(gate.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut gates = self.turns.0.lock();
        // The table's and ours: nobody else has it, and nobody can get it while the table is held.
        if Arc::strong_count(&self.gate) <= 2 {
            gates.remove(&self.domain);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_turn_that_is_cut_off_leaves_nothing() {
        let turns = Turns::default();
        let first = turns.take("a.example").await;
        {
            let mut second = Box::pin(turns.take("a.example"));
            assert!((&mut second).now_or_never().is_none(), "one at a time");
        }
        assert!(turns.take("b.example").now_or_never().is_some(), "others have their own");
        assert_eq!(turns.0.lock().len(), 1, "what was cut off while it waited is forgotten, the holder is not");
        let waits = turns.take("a.example");
        tokio::pin!(waits);
        assert!((&mut waits).now_or_never().is_none());
        drop(first);
        drop(waits.await);
        assert!(turns.0.lock().is_empty());
    }
}
