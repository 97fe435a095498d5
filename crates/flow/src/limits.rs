//! How many sessions at once, in all and from one address (mail-gateway.md M-T6).
//!
//! Relay networks are exempt from the limit per peer. A session over a limit is turned away with 421 before
//! it costs anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Fault, Guilty};
use parking_lot::Mutex;

/// Counts the open sessions of one node.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<State>);

#[derive(Debug)]
struct State {
    all: usize,
    per_peer: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// One open session; it is counted until this is dropped.
#[derive(Debug)]
pub struct Seat {
    sessions: Sessions,
    peer: IpAddr,
}

impl Sessions {
    /// At most `all` sessions, and `per_peer` from one address.
    #[must_use]
    pub fn new(all: usize, per_peer: usize) -> Self {
        Self(Arc::new(State { all, per_peer, open: Mutex::default() }))
    }

    /// Takes a seat for `peer`; `exempt` skips the limit per peer.
    ///
    /// # Errors
    /// `too-many-sessions` or `too-many-sessions-of-peer`, both temporary.
    pub fn enter(&self, peer: IpAddr, exempt: bool) -> Result<Seat, Fault> {
        let mut open = self.0.open.lock();
        if open.total >= self.0.all {
            return Err(Fault::temporary(Guilty::Ourselves, "too-many-sessions", format!("{} sessions are open", open.total)));
        }
        let mine = open.by_peer.entry(peer).or_default();
        if *mine >= self.0.per_peer && !exempt {
            return Err(Fault::temporary(Guilty::Sender, "too-many-sessions-of-peer", format!("{mine} sessions from {peer}")));
        }
        *mine += 1;
        open.total += 1;
        Ok(Seat { sessions: self.clone(), peer })
    }

    /// Sessions open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.lock().total
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.sessions.0.open.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(mine) = open.by_peer.get_mut(&self.peer) {
            *mine -= 1;
            if *mine == 0 {
                open.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t6_sessions_are_bounded_in_all_and_per_peer() {
        let sessions = Sessions::new(3, 1);
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = sessions.enter(a, false).unwrap();
        assert_eq!(sessions.enter(a, false).unwrap_err().code, "too-many-sessions-of-peer");
        let _exempt = sessions.enter(a, true).unwrap();
        let _other = sessions.enter(b, false).unwrap();
        assert_eq!(sessions.enter(b, true).unwrap_err().code, "too-many-sessions");
        drop(first);
        assert_eq!(sessions.open(), 2);
    }
}
