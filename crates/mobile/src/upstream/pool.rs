//! Kept connections to one mail server. Newest first out, so that the others may grow old and go.
//!
//! Some servers end a connection right after an answer without having said so; a request sent into that moment is lost,
//! and most can't be sent again. So a server must prove first that it keeps connections: until one has lived through a
//! rest, none is used sooner; after one died under a request, the proof is asked for again.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::noop_waker_ref;
use parking_lot::Mutex;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::dial::Stream;
use crate::settings::Settings;

/// Connections of one scheme, host and port.
#[derive(Debug)]
pub(crate) struct Pool {
    kept: Mutex<VecDeque<(Instant, Stream)>>,
    idle: Duration,
    rest: Duration,
    size: usize,
    proven: AtomicBool,
}

impl Pool {
    /// Keeps connections as the settings say.
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let (idle, rest, size) = (settings.pool_idle, settings.pool_rest, settings.pool_size);
        Arc::new(Self { kept: Mutex::default(), idle, rest, size, proven: AtomicBool::new(false) })
    }

    /// A connection that the server has not ended, and will not end because an answer is over.
    pub(crate) fn take(&self) -> Option<Stream> {
        loop {
            let mut stream = self.next()?;
            if is_quiet(&mut stream) {
                self.proven.store(true, Ordering::Relaxed);
                return Some(stream);
            }
        }
    }

    fn next(&self) -> Option<Stream> {
        let mut kept = self.kept.lock();
        if self.proven.load(Ordering::Relaxed) {
            return kept.pop_back().map(|(_, stream)| stream);
        }
        let rested = kept.front().is_some_and(|(since, _)| since.elapsed() >= self.rest);
        if rested { kept.pop_front().map(|(_, stream)| stream) } else { None }
    }

    /// A kept connection died under a request.
    pub(crate) fn doubt(&self) {
        self.proven.store(false, Ordering::Relaxed);
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
