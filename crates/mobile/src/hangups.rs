//! Hears that phones went, without reading from their connections (mobile-gateway.md G-3).
//!
//! While an answer is awaited, HTTP's parser would keep 8 KiB of each connection only to read the phone's end of it: a third of
//! what a parked poll costs. The kernel tells it without a buffer: connections are registered with an epoll of their own, for
//! `EPOLLRDHUP` alone (epoll_ctl(2)), and one thread ends the request that runs on a connection whose phone went. A connection that is closed
//! leaves the epoll by itself.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::parked::{Entry, gone};

/// Ends that are taken from the kernel at once.
const AT_ONCE: usize = 64;
/// The number under which the thread hears that it is to end.
const ENOUGH: u64 = u64::MAX;

/// A phone's stream that may tell its socket.
pub trait Socket {
    /// The TCP connection below; none where there is none to hear from.
    fn socket(&self) -> Option<BorrowedFd<'_>>;
}

impl Socket for tokio::net::TcpStream {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        Some(std::os::fd::AsFd::as_fd(self))
    }
}

impl Socket for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.get_ref().0.socket()
    }
}

type All = Mutex<HashMap<u64, Weak<Line>>>;

/// The phone went while its request ran.
#[derive(Debug, thiserror::Error)]
#[error("the phone went")]
pub(crate) struct Gone;

/// All connections of phones.
#[derive(Debug, Default)]
pub(crate) struct Hangups {
    ear: OnceLock<Option<Ear>>,
    next: AtomicU64,
    all: Arc<All>,
}

/// The epoll of a running thread; the thread ends when this is dropped.
#[derive(Debug)]
struct Ear {
    epoll: Arc<OwnedFd>,
    enough: OwnedFd,
}

/// One connection; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Line {
    number: u64,
    all: Arc<All>,
    gone: AtomicBool,
    running: Mutex<Weak<Entry>>,
}

impl Hangups {
    /// Hears about this connection from now on; `None` where the machine can't, then whoever reads from it must.
    pub(crate) fn hear(&self, socket: Option<BorrowedFd<'_>>) -> Option<Arc<Line>> {
        let (socket, ear) = (socket?, self.ear.get_or_init(|| Ear::open(&self.all).ok()).as_ref()?);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line { number, all: self.all.clone(), gone: AtomicBool::new(false), running: Mutex::default() });
        self.all.lock().insert(number, Arc::downgrade(&line));
        let wanted = epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&ear.epoll, socket, epoll::EventData::new_u64(number), wanted).ok().map(|()| line)
    }
}

impl Ear {
    fn open(all: &Arc<All>) -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let enough = eventfd(0, EventfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &enough, epoll::EventData::new_u64(ENOUGH), epoll::EventFlags::IN)?;
        let (epoll_of_thread, all) = (epoll.clone(), all.clone());
        std::thread::Builder::new().name("hangups".to_owned()).spawn(move || listen(&epoll_of_thread, &all))?;
        Ok(Self { epoll, enough })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        // It fails only when the counter is full, and then it was told already.
        let _ = rustix::io::write(&self.enough, &1_u64.to_ne_bytes());
    }
}

/// Ends what runs on connections whose phones go.
fn listen(epoll: &OwnedFd, all: &All) {
    loop {
        for number in ended(epoll) {
            if number == ENOUGH {
                return;
            }
            let line = all.lock().get(&number).and_then(Weak::upgrade);
            if let Some(line) = line {
                line.went();
            }
        }
    }
}

/// Waits for connections to end; at most [`AT_ONCE`]. None when a signal came between.
fn ended(epoll: &OwnedFd) -> Vec<u64> {
    let nothing = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
    let mut events = [nothing; AT_ONCE];
    let count = epoll::wait(epoll, &mut events[..], None).unwrap_or(0);
    events.iter().take(count).map(|event| event.data.u64()).collect()
}

impl Line {
    /// This request runs on it now; it ends at once if the phone went already.
    pub(crate) fn carries(&self, entry: &Arc<Entry>) {
        *self.running.lock() = Arc::downgrade(entry);
        if self.is_gone() {
            gone(entry);
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    fn went(&self) {
        self.gone.store(true, Ordering::SeqCst);
        if let Some(entry) = self.running.lock().upgrade() {
            gone(&entry);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.all.lock().remove(&self.number);
    }
}
