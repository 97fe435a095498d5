//! What makes keys for users whom rules give some (mail-gateway.md M-R7b).
//!
//! Before: `createaccount` and `createkeys` ([`crate::commands`]) ask for them. After: a job of the store, done by `admin` on whichever node
//! comes first; the keys reach every node by the feed. An order is the one thing that a mail leaves behind which was not accepted.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Fault, KeyOrder, Site};

/// Makes keys, each once. The program fills it.
#[async_trait]
pub trait KeyMaker: Send + Sync {
    /// Takes an order: it is durable when this returns, and one for each user and kind, however often it is given.
    ///
    /// # Errors
    /// Temporary, when the store is away.
    async fn order(&self, order: KeyOrder) -> Result<(), Fault>;

    /// The site, as soon as it is as wished. The caller bounds the wait.
    async fn until(&self, wished: &(dyn for<'s> Fn(&'s Site) -> bool + Send + Sync)) -> Arc<Site>;
}
