//! Asks the server of a recipient's domain whether it would take mail for this recipient (mail-gateway.md M-T9).
//!
//! By the way and the TLS that a delivery would take (`route`, `deliver`); nothing is queued, and no mail is sent. A hop that is left alone because it
//! could not be reached is not tried.

use std::sync::Arc;

use model::{Address, Outcome, Route};

use super::core::Core;
use super::deliver::Link;
use super::route;

impl Core {
    pub(crate) async fn would_take(self: &Arc<Self>, recipient: &Address) -> Outcome {
        match self.ask_server(recipient).await {
            Ok((outcome, link)) => {
                self.spawn(link.quit());
                outcome
            }
            // That the way is closed, even for good, is no word of the server about this recipient.
            Err(Outcome::NotDone { status, reply, by, .. }) => Outcome::NotDone { temporary: true, status, reply, by },
            Err(outcome) => outcome,
        }
    }

    async fn ask_server(&self, recipient: &Address) -> Result<(Outcome, Link), Outcome> {
        let key = route::lane(&self.facts.site(), &Route::Usual, recipient)?;
        let lane = self.lanes.lock().get(&key).cloned();
        if let Some(down) = lane.and_then(|lane| lane.is_down(self.now())) {
            return Err(down);
        }
        let mut way = self.way(&key).await?;
        let mut link = self.connect(&mut way).await?;
        Ok((link.would_take(recipient).await, link))
    }
}
