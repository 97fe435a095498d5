//! The bounded pool of threads for processor work (design decision 10).
//!
//! Cryptography, parsing of big things and password hashing run here, never on a runtime's thread. Two
//! priorities: what a person or phone waits for goes before mail, but one job in eight is mail's whenever mail
//! waits, so that neither starves. Queues are bounded: who would overfill one waits without holding a thread.
//! A job whose asker has gone away is skipped. A job that panics panics its asker, never the pool.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

/// Jobs that may wait in each queue.
const QUEUE: usize = 512;
/// One job in so many is mail's, whatever else waits.
const MAIL_SHARE: u32 = 8;

/// Who waits for the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// A mail: seconds are fine.
    Mail,
    /// A person or phone: milliseconds matter.
    Interactive,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queues {
    mail: VecDeque<Job>,
    interactive: VecDeque<Job>,
    turn: u32,
    closed: bool,
}

struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
    mail_room: Semaphore,
    interactive_room: Semaphore,
    ran: AtomicU64,
}

/// A fixed number of threads with two bounded queues. Cheap to clone; the threads end with the last clone,
/// after the jobs that wait.
#[derive(Clone)]
pub struct CpuPool {
    shared: Arc<Shared>,
    _closer: Arc<Closer>,
}

struct Closer(Arc<Shared>);

impl CpuPool {
    /// Starts `threads` (at least one).
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queues: Mutex::default(),
            work: Condvar::new(),
            mail_room: Semaphore::new(QUEUE),
            interactive_room: Semaphore::new(QUEUE),
            ran: AtomicU64::new(0),
        });
        let closer = Arc::new(Closer(shared.clone()));
        for number in 0..threads.max(1) {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("cpu-{number}")).spawn(move || shared.serve())?;
        }
        Ok(Self { shared, _closer: closer })
    }

    /// Runs `work` on the pool and gives its result. Waits while the queue is full.
    ///
    /// Dropping the future takes a waiting job back; a running one runs to its end.
    pub async fn run<T, F>(&self, priority: Priority, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let room = match priority {
            Priority::Mail => &self.shared.mail_room,
            Priority::Interactive => &self.shared.interactive_room,
        };
        // The semaphore is never closed, so the error does not happen; the job then runs without a place.
        let place = room.acquire().await.ok();
        let (answer, result) = oneshot::channel::<Result<T, Box<dyn Any + Send>>>();
        let shared = Arc::clone(&self.shared);
        let job: Job = Box::new(move || {
            if !answer.is_closed() {
                shared.ran.fetch_add(1, Ordering::Relaxed);
                // A closed receiver means that nobody waits any more.
                let _ = answer.send(catch_unwind(AssertUnwindSafe(work)));
            }
        });
        self.shared.push(priority, job);
        let outcome = result.await;
        drop(place);
        match outcome {
            Ok(Ok(value)) => value,
            Ok(Err(panicked)) => resume_unwind(panicked),
            // The threads answer every job whose asker waits, and we hold the pool: not reached.
            Err(gone) => resume_unwind(Box::new(gone.to_string())),
        }
    }

    /// Jobs that were run since the start, or run now.
    #[must_use]
    pub fn ran(&self) -> u64 {
        self.shared.ran.load(Ordering::Relaxed)
    }

    /// Jobs that wait now: mail, interactive. For metrics and load shedding.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let queues = self.shared.lock();
        (queues.mail.len(), queues.interactive.len())
    }
}

impl std::fmt::Debug for CpuPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuPool").field("waiting", &self.waiting()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        // No job runs under the lock, so a poisoned one still guards whole queues.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, priority: Priority, job: Job) {
        let mut queues = self.lock();
        match priority {
            Priority::Mail => queues.mail.push_back(job),
            Priority::Interactive => queues.interactive.push_back(job),
        }
        drop(queues);
        self.work.notify_one();
    }

    fn serve(&self) {
        let mut queues = self.lock();
        loop {
            if let Some(job) = queues.take() {
                drop(queues);
                job();
                queues = self.lock();
            } else if queues.closed {
                return;
            } else {
                queues = self.work.wait(queues).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Queues {
    fn take(&mut self) -> Option<Job> {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(MAIL_SHARE) {
            self.mail.pop_front().or_else(|| self.interactive.pop_front())
        } else {
            self.interactive.pop_front().or_else(|| self.mail.pop_front())
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.work.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn interactive_work_overtakes_mail_and_mail_is_not_starved() {
        let pool = CpuPool::new(1).unwrap();
        let (gate, wait) = mpsc::channel::<()>();
        let (order, seen) = mpsc::channel();
        let (start, started) = oneshot::channel();
        let blocker = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(Priority::Mail, move || {
                    start.send(()).unwrap();
                    wait.recv().unwrap();
                })
                .await;
            }
        });
        started.await.unwrap();
        let mut tasks = Vec::new();
        for (priority, count) in [(Priority::Mail, 2usize), (Priority::Interactive, 12)] {
            for _ in 0..count {
                let (pool, order) = (pool.clone(), order.clone());
                tasks.push(tokio::spawn(async move { pool.run(priority, move || order.send(priority).unwrap()).await }));
            }
        }
        while pool.waiting() != (2, 12) {
            tokio::task::yield_now().await;
        }
        gate.send(()).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        drop(order);
        let order: Vec<_> = seen.iter().collect();
        assert_eq!(order[0], Priority::Interactive);
        let first_mail = order.iter().position(|p| *p == Priority::Mail).unwrap();
        assert!((1..12).contains(&first_mail), "mail waited for {first_mail} others");
        blocker.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_the_askers_and_the_pool_lives() {
        let pool = CpuPool::new(1).unwrap();
        let asker = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(Priority::Mail, || panic!("on purpose")).await }
        });
        assert!(asker.await.unwrap_err().is_panic());
        assert_eq!(pool.run(Priority::Mail, || 7).await, 7);
    }
}
