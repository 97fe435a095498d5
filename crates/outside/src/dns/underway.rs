//! Questions that are being asked. Whoever asks the same meanwhile waits with the first; and when nobody waits any more, because the
//! mail's time was up, the question goes on and its answer comes into the cache, so that the mail's retry is quick (design decision 2).
//!
//! How long one lasts is bounded by the waits for servers, so their number is by the rate of mail. Must never: keep an answer.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use super::DnsError;
use super::cache::Key;
use super::reading::Found;

type Question = Shared<BoxFuture<'static, Result<Found, DnsError>>>;

/// See the file.
#[derive(Clone, Default)]
pub(super) struct Underway(Arc<Mutex<HashMap<Key, Question>>>);

/// Takes a question out when it is answered, or broke off.
struct Place {
    all: Underway,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.key);
    }
}

impl Underway {
    /// The answer to `key`; `ask` begins only if nobody is asking, and ends by itself.
    pub(super) async fn get<F>(&self, key: &Key, ask: impl FnOnce() -> F) -> Result<Found, DnsError>
    where
        F: Future<Output = Result<Found, DnsError>> + Send + 'static,
    {
        let question = {
            let mut all = self.0.lock();
            match all.get(key) {
                Some(question) => question.clone(),
                None => {
                    let (asked, place) = (ask(), Place { all: self.clone(), key: key.clone() });
                    let task = tokio::spawn(async move {
                        let answer = asked.await;
                        drop(place);
                        answer
                    });
                    let broken = |error: tokio::task::JoinError| DnsError::Temporary(error.to_string());
                    let question = task.map(move |done| done.unwrap_or_else(|error| Err(broken(error)))).boxed().shared();
                    all.insert(key.clone(), question.clone());
                    question
                }
            }
        };
        question.await
    }
}
