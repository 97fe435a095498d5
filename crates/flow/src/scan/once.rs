//! One answer for one content: whoever asks for the same while it is being found waits with the first; whoever asks later gets
//! the answer that is kept. Failures are not kept. Time is the process's own (a duration, no date).

use std::collections::HashMap;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use model::{Fault, Guilty};
use parking_lot::Mutex;

use super::Settings;

/// What a scan is known by: digest of content and of all else that the answer depends on.
pub(super) type Key = [u8; 32];

type Answer<T> = Shared<BoxFuture<'static, Result<T, Fault>>>;

#[derive(Debug)]
pub(super) struct Once<T: Clone> {
    settings: Settings,
    known: Mutex<HashMap<Key, (Instant, Answer<T>)>>,
}

impl<T: Clone> Default for Once<T> {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl<T: Clone> Once<T> {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, known: Mutex::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Once<T> {
    /// The answer for `key`; `find` begins only if nobody has begun, and goes on when nobody waits any more.
    pub(super) async fn get<F>(&self, key: Key, find: impl FnOnce() -> F + Send) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let answer = {
            let mut known = self.known.lock();
            match known.get(&key) {
                Some((since, answer)) if since.elapsed() < self.settings.keep => answer.clone(),
                _ => {
                    self.make_room(&mut known);
                    let task = tokio::spawn(find());
                    let answer = task.map(|done| done.unwrap_or_else(|broken| Err(broken_off(&broken.to_string())))).boxed().shared();
                    known.insert(key, (Instant::now(), answer.clone()));
                    answer
                }
            }
        };
        let found = answer.clone().await;
        if found.is_err() {
            self.known.lock().retain(|other, (_, kept)| *other != key || !kept.ptr_eq(&answer));
        }
        found
    }

    /// What is old goes; then, if there are still too many, the oldest tenth.
    fn make_room(&self, known: &mut HashMap<Key, (Instant, Answer<T>)>) {
        if known.len() < self.settings.most {
            // Looking at all of them each time would cost more than it saves.
            if known.len().is_multiple_of(64) {
                known.retain(|_, (since, _)| since.elapsed() < self.settings.keep);
            }
            return;
        }
        known.retain(|_, (since, _)| since.elapsed() < self.settings.keep);
        if known.len() >= self.settings.most {
            let mut ages: Vec<Instant> = known.values().map(|(since, _)| *since).collect();
            let place = (self.settings.most / 10).min(ages.len().saturating_sub(1));
            let (_, limit, _) = ages.select_nth_unstable(place);
            let limit = *limit;
            known.retain(|_, (since, _)| *since > limit);
        }
    }
}

fn broken_off(cause: &str) -> Fault {
    Fault::temporary(Guilty::Ourselves, "scanner-down", format!("the scan broke off: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn once(most: usize) -> Arc<Once<usize>> {
        Arc::new(Once::new(Settings { keep: Duration::from_secs(600), most, ..Settings::default() }))
    }

    #[tokio::test]
    async fn m_p9_each_content_is_scanned_once() {
        let (once, began) = (once(10), Arc::new(AtomicUsize::new(0)));
        let ask = |key: u8| {
            let (once, began) = (once.clone(), began.clone());
            async move { once.get([key; 32], move || async move { Ok(began.fetch_add(1, Ordering::SeqCst)) }).await.unwrap() }
        };
        let (a, b, c) = tokio::join!(ask(1), ask(1), ask(2));
        assert_eq!((a, b, c), (0, 0, 1));
        assert_eq!(ask(1).await, 0, "kept");
        for key in 3..40 {
            ask(key).await;
            assert!(once.known.lock().len() <= 10);
        }
    }

    #[tokio::test]
    async fn m_p7_an_answer_that_comes_late_serves_the_retry_and_a_failure_nobody() {
        let once = once(10);
        let (late, wait) = tokio::sync::oneshot::channel::<usize>();
        let slow = once.get([1; 32], || async move { Ok(wait.await.unwrap_or_default()) });
        assert!(tokio::time::timeout(Duration::from_millis(10), slow).await.is_err(), "the mail's time is over");
        late.send(7).unwrap();
        assert_eq!(once.get([1; 32], || async { Ok(0) }).await.unwrap(), 7);
        let fails = once.get([2; 32], || async { Err(broken_off("test")) }).await;
        assert_eq!(fails.unwrap_err().code, "scanner-down");
        assert_eq!(once.get([2; 32], || async { Ok(5) }).await.unwrap(), 5);
    }
}
