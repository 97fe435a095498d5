//! Kept connections to one mail server. Newest first out, so that the others may grow old and go.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::noop_waker_ref;
use parking_lot::Mutex;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::dial::Stream;

/// Connections of one scheme, host and port.
#[derive(Debug)]
pub(crate) struct Pool {
    kept: Mutex<VecDeque<(Instant, Stream)>>,
    idle: Duration,
    size: usize,
}

impl Pool {
    /// Keeps at most `size` connections, each for `idle`.
    pub(crate) fn new(idle: Duration, size: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), idle, size })
    }

    /// A connection that the server has not ended.
    pub(crate) fn take(&self) -> Option<Stream> {
        loop {
            let (_, mut stream) = self.kept.lock().pop_back()?;
            if is_quiet(&mut stream) {
                return Some(stream);
            }
        }
    }

    /// Keeps a connection on which an answer has ended.
    pub(crate) fn put(self: &Arc<Self>, stream: Stream) {
        let mut kept = self.kept.lock();
        let was_empty = kept.is_empty();
        kept.push_back((Instant::now(), stream));
        if kept.len() > self.size {
            kept.pop_front();
        }
        drop(kept);
        if was_empty {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle));
        }
    }

    fn forget_old(&self) -> bool {
        let mut kept = self.kept.lock();
        while kept.front().is_some_and(|(since, _)| since.elapsed() >= self.idle) {
            kept.pop_front();
        }
        kept.is_empty()
    }
}

/// Closes what has grown old, until nothing is kept.
async fn sweep(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if pool.upgrade().is_none_or(|pool| pool.forget_old()) {
            return;
        }
    }
}

/// True if there is nothing to read: neither an end nor octets that nobody asked for.
fn is_quiet(stream: &mut Stream) -> bool {
    let mut space = [MaybeUninit::uninit(); 16];
    let mut buf = ReadBuf::uninit(&mut space);
    matches!(Pin::new(stream).poll_read(&mut Context::from_waker(noop_waker_ref()), &mut buf), Poll::Pending)
}
