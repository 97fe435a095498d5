//! Hints that the feed has grown, from PostgreSQL's NOTIFY.
//!
//! They only shorten the wait for the next poll: the server keeps none for a listener that was away, so after every
//! connection, the first and each later one, the feed is looked at once.

use std::future::Future;
use std::sync::Arc;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::State;
use crate::dialect::HINT_CHANNEL;
use crate::engine::Engine;

/// Listens for PostgreSQL's hints on a connection of its own; SQLite has none.
pub(crate) fn listener(state: Arc<State>) -> Option<impl Future<Output = ()> + Send> {
    let Engine::Postgres { options, .. } = &state.store.inner().engine else { return None };
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.acquire_timeout(state.store.inner().settings.connect_timeout).connect_lazy_with((**options).clone());
    Some(async move {
        let listen = async {
            loop {
                if let Err(cause) = listen(&pool, &state).await {
                    tracing::debug!(%cause, "no hints from the store; the feed is polled");
                }
                tokio::time::sleep(state.store.inner().settings.reconnect_wait).await;
            }
        };
        tokio::select! { () = listen => {} () = state.stop.cancelled() => {} }
        pool.close().await;
    })
}

async fn listen(pool: &sqlx::PgPool, state: &State) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(HINT_CHANNEL).await?;
    // What was committed before we listened: look once. The same after a lost connection (`None`).
    state.hint.notify_one();
    loop {
        listener.try_recv().await?;
        state.hint.notify_one();
    }
}
