//! One value that bounds what a piece of work may cost (security.md X-11).
//!
//! Every parser and every step of a gate takes a [`Budget`]. It counts bytes, nesting, parts and the ratio
//! of output to input, knows the deadline, and may hold a lease on memory from the node's one pool. Clones
//! share the counters, so work that fans out still has one bound.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetKind {
    /// Bytes read or produced.
    Bytes,
    /// Nesting of parts, layers, elements.
    Depth,
    /// Count of parts, members, elements.
    Parts,
    /// Output divided by input of a decompression or decryption.
    Ratio,
    /// Wall time until the answer is due.
    Time,
    /// Memory of the node's pool.
    Memory,
}

/// A bound was met: which, and what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} limit of {limit} reached")]
pub struct Exhausted {
    /// Which bound.
    pub kind: BudgetKind,
    /// Its value: bytes, levels, parts, ratio, milliseconds.
    pub limit: u64,
}

/// The bounds that a [`Budget`] starts with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that may be read or produced in all.
    pub bytes: u64,
    /// Levels of nesting.
    pub depth: usize,
    /// Parts in all.
    pub parts: usize,
    /// Octets of a mail's header, line ends included.
    pub header: usize,
    /// Lines of a mail's header, continuation lines included.
    pub header_lines: usize,
    /// Output ÷ input; checked once output passes 1 MiB, below that it harms nobody.
    pub ratio: u64,
    /// From now until the work must have ended.
    pub time: Duration,
}

impl Limits {
    /// What one mail may cost (mail-gateway.md M-T6): 50 levels, 1,000 parts, a header of 256 KiB in 1,000 lines, 15 s.
    pub const MAIL: Self = Self {
        bytes: 1_000_000_000,
        depth: 50,
        parts: 1_000,
        header: 256 << 10,
        header_lines: 1_000,
        ratio: 200,
        time: Duration::from_secs(15),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::MAIL
    }
}

#[derive(Debug)]
struct Counters {
    limits: Limits,
    deadline: Instant,
    bytes: AtomicU64,
    parts: AtomicUsize,
    depth: AtomicUsize,
    lease: Option<MemoryLease>,
    /// What the work holds beyond its own share, as it grows.
    grown: Option<Mutex<MemoryLease>>,
}

/// The bound on one piece of work. Cheap to clone; clones share the counters.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Counters>);

impl Budget {
    /// Starts counting now.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_lease(limits, None)
    }

    /// Starts counting now, holding `lease` until the last clone is gone.
    #[must_use]
    pub fn with_lease(limits: Limits, lease: Option<MemoryLease>) -> Self {
        Self::start(limits, lease, None)
    }

    /// Starts counting now; what the work comes to hold beyond its own share is taken from `pool` ([`Self::hold`]).
    #[must_use]
    pub fn growing(limits: Limits, pool: &MemoryPool) -> Self {
        Self::start(limits, None, Some(Mutex::new(MemoryLease { pool: pool.clone(), bytes: 0 })))
    }

    fn start(limits: Limits, lease: Option<MemoryLease>, grown: Option<Mutex<MemoryLease>>) -> Self {
        let deadline = Instant::now().checked_add(limits.time).unwrap_or_else(Instant::now);
        Self(Arc::new(Counters {
            limits,
            deadline,
            bytes: AtomicU64::new(0),
            parts: AtomicUsize::new(0),
            depth: AtomicUsize::new(0),
            lease,
            grown,
        }))
    }

    /// Counts `n` bytes.
    ///
    /// # Errors
    /// When the total passes the limit.
    pub fn bytes(&self, n: usize) -> Result<(), Exhausted> {
        let total = self.0.bytes.fetch_add(n as u64, Ordering::Relaxed).saturating_add(n as u64);
        Self::bound(BudgetKind::Bytes, total, self.0.limits.bytes)
    }

    /// Counts one more part.
    ///
    /// # Errors
    /// When the count passes the limit.
    pub fn part(&self) -> Result<(), Exhausted> {
        let total = self.0.parts.fetch_add(1, Ordering::Relaxed) + 1;
        Self::bound(BudgetKind::Parts, total as u64, self.0.limits.parts as u64)
    }

    /// Goes one level down; the level ends when the guard is dropped.
    ///
    /// # Errors
    /// When the level would be deeper than the limit.
    pub fn enter(&self) -> Result<Level, Exhausted> {
        let depth = self.0.depth.fetch_add(1, Ordering::Relaxed) + 1;
        let level = Level(self.clone());
        Self::bound(BudgetKind::Depth, depth as u64, self.0.limits.depth as u64).map(|()| level)
    }

    /// Checks that `output` bytes made from `input` bytes are no bomb.
    ///
    /// # Errors
    /// When over 1 MiB came out and the ratio passes the limit.
    pub fn ratio(&self, input: usize, output: usize) -> Result<(), Exhausted> {
        if output <= 1 << 20 {
            return Ok(());
        }
        Self::bound(BudgetKind::Ratio, (output / input.max(1)) as u64, self.0.limits.ratio)
    }

    /// Takes memory for `bytes` more, held until the last clone is gone: for what comes out of compression, of which the size of what came in
    /// says nothing. A quarter of the node's memory stays free for others. Without a pool nothing is taken.
    ///
    /// # Errors
    /// When so much is not free now.
    pub fn hold(&self, bytes: usize) -> Result<(), Exhausted> {
        let Some(grown) = &self.0.grown else { return Ok(()) };
        // Nothing panics under the lock.
        let mut grown = grown.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, spare) = (grown.bytes().saturating_add(bytes), grown.pool.total() / 4);
        grown.resize(wanted, spare)
    }

    /// Checks the deadline.
    ///
    /// # Errors
    /// When it has passed.
    pub fn time(&self) -> Result<(), Exhausted> {
        if Instant::now() <= self.0.deadline {
            return Ok(());
        }
        Err(Exhausted { kind: BudgetKind::Time, limit: u64::try_from(self.0.limits.time.as_millis()).unwrap_or(u64::MAX) })
    }

    /// The bounds that it began with, for what is bounded per message and not per work.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// When the work must have ended, for time-outs of what it waits for.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// Bytes of the node's memory that this work has leased; 0 without a lease.
    #[must_use]
    pub fn leased(&self) -> usize {
        self.0.lease.as_ref().map_or(0, |lease| lease.bytes)
    }

    fn bound(kind: BudgetKind, value: u64, limit: u64) -> Result<(), Exhausted> {
        if value > limit { Err(Exhausted { kind, limit }) } else { Ok(()) }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// One level of nesting; dropping it goes back up.
#[derive(Debug)]
pub struct Level(Budget);

impl Drop for Level {
    fn drop(&mut self) {
        self.0.0.depth.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The node's memory for mail in work. What is asked for is taken whole or not at all, and nobody waits for it while holding
/// some: so of several that grow side by side there is always one that comes to its end.
#[derive(Debug, Clone)]
pub struct MemoryPool(Arc<PoolState>);

#[derive(Debug)]
struct PoolState {
    total: usize,
    free: AtomicUsize,
}

/// Memory taken from a [`MemoryPool`]; given back when dropped.
#[derive(Debug)]
pub struct MemoryLease {
    pool: MemoryPool,
    bytes: usize,
}

impl MemoryPool {
    /// A pool of `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self(Arc::new(PoolState { total, free: AtomicUsize::new(total) }))
    }

    /// Takes `bytes` at once.
    ///
    /// # Errors
    /// When so much is not free now; the caller answers 452 or waits.
    pub fn lease(&self, bytes: usize) -> Result<MemoryLease, Exhausted> {
        self.take(bytes, 0).map(|()| MemoryLease { pool: self.clone(), bytes })
    }

    /// Takes `bytes` if `spare` bytes are still free afterwards.
    fn take(&self, bytes: usize, spare: usize) -> Result<(), Exhausted> {
        let left = |free: usize| free.checked_sub(bytes).filter(|left| *left >= spare);
        let taken = self.0.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        taken.map(drop).map_err(|_| Exhausted { kind: BudgetKind::Memory, limit: self.0.total as u64 })
    }

    /// Bytes that nobody holds.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free.load(Ordering::Acquire)
    }

    /// Bytes in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.total
    }
}

impl MemoryLease {
    /// Makes it `bytes` in all. More is taken only if `spare` bytes are still free afterwards; less is given back at once.
    ///
    /// # Errors
    /// When so much is not free now; the lease stays as it was.
    pub fn resize(&mut self, bytes: usize, spare: usize) -> Result<(), Exhausted> {
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => self.pool.take(more, spare)?,
            None => drop(self.pool.0.free.fetch_add(self.bytes - bytes, Ordering::AcqRel)),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Bytes that it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        self.pool.0.free.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_11_each_bound_stops_the_work_and_names_itself() {
        let budget = Budget::new(Limits { bytes: 10, depth: 2, parts: 1, ratio: 10, time: Duration::ZERO, ..Limits::default() });
        assert_eq!(budget.bytes(11).unwrap_err().kind, BudgetKind::Bytes);
        assert!(budget.part().is_ok());
        assert_eq!(budget.clone().part().unwrap_err().kind, BudgetKind::Parts, "clones share the counters");
        let first = budget.enter().unwrap();
        let second = budget.enter().unwrap();
        assert_eq!(budget.enter().unwrap_err().kind, BudgetKind::Depth);
        drop((first, second));
        assert!(budget.enter().is_ok());
        assert_eq!(budget.ratio(1, 2 << 20).unwrap_err().kind, BudgetKind::Ratio);
        assert!(budget.ratio(1, 1 << 20).is_ok());
    }

    #[test]
    fn memory_is_taken_whole_and_given_back() {
        let pool = MemoryPool::new(100);
        let lease = pool.lease(60).unwrap();
        assert_eq!(pool.lease(41).unwrap_err().kind, BudgetKind::Memory);
        let budget = Budget::with_lease(Limits::default(), Some(lease));
        assert_eq!((budget.leased(), pool.free()), (60, 40));
        drop(budget);
        assert_eq!(pool.free(), 100);
    }

    #[test]
    fn x_11_what_grows_takes_memory_and_leaves_a_quarter() {
        let pool = MemoryPool::new(100);
        let budget = Budget::growing(Limits::default(), &pool);
        assert!(budget.hold(30).is_ok() && budget.clone().hold(40).is_ok());
        assert_eq!((budget.hold(6).unwrap_err().kind, pool.free()), (BudgetKind::Memory, 30));
        drop(budget);
        assert_eq!(pool.free(), 100);
        assert!(Budget::default().hold(usize::MAX).is_ok(), "without a pool nothing is counted");
    }

    #[test]
    fn a_lease_grows_while_enough_is_left_to_others() {
        let pool = MemoryPool::new(100);
        let mut lease = pool.lease(0).unwrap();
        assert!(lease.resize(60, 40).is_ok() && lease.resize(61, 40).is_err());
        assert_eq!((lease.bytes(), pool.free()), (60, 40), "what can't be had changes nothing");
        assert!(lease.resize(10, 100).is_ok(), "less is always given back");
        assert_eq!(pool.free(), 90);
        drop(lease);
        assert_eq!(pool.free(), 100);
    }
}
