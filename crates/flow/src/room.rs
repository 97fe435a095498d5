//! Memory for mail that comes in: who may hold how much of the node's, and how a mail's share grows.
//!
//! Before: `gate` at DATA and whenever the content has outgrown its room. A mail's room doubles as it comes, up to the size that
//! was declared, else up to the limit: a declaration reserves nothing, and who wants to hold much has to send much. Nobody waits
//! for room while holding some; who gets none gives back what he has and is told to come later, so of many large mails that grow
//! side by side there is always one that comes to its end.
//!
//! Of the memory a quarter is kept from mail over [`LARGE`], so that small mail goes on, and a quarter from strangers, so that
//! relay networks and people who signed in are served while strangers crowd. One stranger (an address or a /64) holds at most
//! `per_peer` for several mails together; a single mail may be as large as any. Must never: wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Fault, Guilty, MemoryLease, MemoryPool};
use parking_lot::Mutex;

use crate::limits;

/// Memory that a mail in work needs, in multiples of its size: its bytes, an edited copy, a signed and an encrypted form,
/// and what opening needs at its peak (3–7 measured; docs/benchmarks.md).
const FACTOR: usize = 6;
/// What a mail is first taken to need, octets.
const FIRST: usize = 64 << 10;
/// Mail over this size leaves a quarter of the memory to smaller mail.
const LARGE: usize = 1 << 20;

/// Who brings a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A relay network's, or somebody's who signed in.
    Ours,
    /// Anybody else's.
    Strangers(IpAddr),
}

/// The memory for mail in work of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<State>);

#[derive(Debug)]
struct State {
    pool: MemoryPool,
    per_peer: usize,
    held: Mutex<HashMap<IpAddr, Held>>,
}

/// What one stranger holds.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    mails: usize,
    octets: usize,
}

/// One mail's share; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    rooms: Rooms,
    lease: MemoryLease,
    stranger: Option<IpAddr>,
}

impl Rooms {
    /// All of `pool`, of which one stranger's mails hold at most `per_peer` octets together.
    #[must_use]
    pub fn new(pool: MemoryPool, per_peer: usize) -> Self {
        Self(Arc::new(State { pool, per_peer, held: Mutex::default() }))
    }

    /// The memory itself, for copies beyond those that a mail's room was reckoned with.
    #[must_use]
    pub fn pool(&self) -> &MemoryPool {
        &self.0.pool
    }

    /// Room for the beginning of a mail, and how many octets that is.
    ///
    /// # Errors
    /// `memory`, temporary.
    pub fn enter(&self, whose: Whose) -> Result<(Room, usize), Fault> {
        let stranger = match whose {
            Whose::Ours => None,
            Whose::Strangers(address) => Some(limits::network(address)),
        };
        let lease = self.0.pool.lease(0).map_err(|error| full(error.to_string()))?;
        if let Some(peer) = stranger {
            self.0.held.lock().entry(peer).or_default().mails += 1;
        }
        let mut room = Room { rooms: self.clone(), lease, stranger };
        room.resize(FIRST)?;
        Ok((room, FIRST))
    }

    /// A declared size reserves nothing, but one that this node's memory could never hold is refused before it comes.
    #[must_use]
    pub fn could_never_fit(&self, size: usize, whose: Whose) -> Option<Fault> {
        let total = self.0.pool.total();
        let strange = whose != Whose::Ours;
        if need(size).saturating_add(self.spare(size, strange)) <= total {
            return None;
        }
        let most = total.saturating_sub(self.spare(usize::MAX, strange)) / FACTOR;
        let cause = format!("{size} octets declared; with {total} octets of memory at most {most} fit");
        Some(Fault::permanent(Guilty::Configuration, "mail-too-large", cause).with("limit", model::settings::Size(most as u64)))
    }

    /// What must stay free beside a mail of this size.
    fn spare(&self, size: usize, strange: bool) -> usize {
        let part = self.0.pool.total() / 8;
        match (size > LARGE, strange) {
            (false, false) => 0,
            (true, false) | (false, true) => 2 * part,
            (true, true) => 3 * part,
        }
    }
}

impl Room {
    /// Makes room for more, `so_far` octets being held: twice as much, but no more than the `declared` size as long as that may
    /// be true, and no more than `limit`. How many octets may be held now.
    ///
    /// # Errors
    /// `memory`, temporary: the room is to be given back, for others to grow.
    pub fn grow(&mut self, so_far: usize, declared: Option<usize>, limit: usize) -> Result<usize, Fault> {
        let most = declared.filter(|declared| *declared > so_far).unwrap_or(usize::MAX).min(limit);
        let size = so_far.saturating_mul(2).min(most).max(so_far.saturating_add(1)).max(FIRST);
        self.resize(size)?;
        Ok(size)
    }

    /// The whole mail has come: what it does not need is given back.
    pub fn settle(&mut self, size: usize) {
        let fits = need(size).min(self.lease.bytes());
        // Less is always given.
        let _ = self.hold(fits, 0);
    }

    fn resize(&mut self, size: usize) -> Result<(), Fault> {
        let spare = self.rooms.spare(size, self.stranger.is_some());
        self.hold(need(size), spare)
    }

    /// Holds so many octets of memory, `spare` being left to others.
    fn hold(&mut self, octets: usize, spare: usize) -> Result<(), Fault> {
        let Some(peer) = self.stranger else {
            return self.lease.resize(octets, spare).map_err(|error| full(error.to_string()));
        };
        let mut held = self.rooms.0.held.lock();
        let mine = held.entry(peer).or_default();
        let after = mine.octets.saturating_sub(self.lease.bytes()).saturating_add(octets);
        if mine.mails > 1 && octets > self.lease.bytes() && after > self.rooms.0.per_peer {
            return Err(full(format!("{} mails of {peer} hold {} octets of memory", mine.mails, mine.octets)));
        }
        self.lease.resize(octets, spare).map_err(|error| full(error.to_string()))?;
        mine.octets = after;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Some(peer) = self.stranger else { return };
        let mut held = self.rooms.0.held.lock();
        if let Some(mine) = held.get_mut(&peer) {
            mine.mails = mine.mails.saturating_sub(1);
            mine.octets = mine.octets.saturating_sub(self.lease.bytes());
            if mine.mails == 0 {
                held.remove(&peer);
            }
        }
    }
}

fn need(size: usize) -> usize {
    size.max(FIRST).saturating_mul(FACTOR)
}

fn full(cause: String) -> Fault {
    Fault::temporary(Guilty::Ourselves, "memory", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1_000_000;

    fn stranger(n: u8) -> Whose {
        Whose::Strangers(IpAddr::from([192, 0, 2, n]))
    }

    /// Sends `size` octets; what it holds afterwards.
    fn send(rooms: &Rooms, whose: Whose, size: usize, declared: Option<usize>) -> Result<Room, Fault> {
        let (mut room, mut most) = rooms.enter(whose)?;
        while most < size {
            most = room.grow(most + 1, declared, 50 * MB)?;
        }
        Ok(room)
    }

    #[test]
    fn m_t6_who_sends_little_holds_little_whatever_was_declared() {
        let rooms = Rooms::new(MemoryPool::new(1_000 * MB), 250 * MB);
        let _drips: Vec<Room> = (0..46).map(|n| send(&rooms, stranger(1), 65 << 10, [None, Some(24 * MB)][n % 2]).unwrap()).collect();
        assert!(rooms.pool().free() > 950 * MB, "{} octets are free", rooms.pool().free());
        assert!(send(&rooms, stranger(2), 40 * MB, None).is_ok());
    }

    #[test]
    fn m_t6_one_stranger_holds_a_share_and_never_less_than_one_mail() {
        let rooms = Rooms::new(MemoryPool::new(1_000 * MB), 100 * MB);
        let large = send(&rooms, stranger(1), 40 * MB, Some(40 * MB)).unwrap();
        assert!(rooms.enter(stranger(1)).is_err(), "its share is used up by one mail");
        let _other = send(&rooms, stranger(2), 10 * MB, Some(10 * MB)).unwrap();
        drop(large);
        let _first = send(&rooms, stranger(1), 10 * MB, Some(10 * MB)).unwrap();
        assert_eq!(send(&rooms, stranger(1), 10 * MB, Some(10 * MB)).unwrap_err().code, "memory");
        let _small = send(&rooms, stranger(1), MB, Some(MB)).unwrap();
        let mapped = Whose::Strangers("::ffff:192.0.2.1".parse().unwrap());
        assert!(send(&rooms, mapped, 10 * MB, Some(10 * MB)).is_err(), "an address has one share");
        let _ours: Vec<Room> = (0..4).map(|_| send(&rooms, Whose::Ours, 20 * MB, Some(20 * MB)).unwrap()).collect();
    }

    #[test]
    fn m_t6_strangers_leave_a_quarter_to_those_who_are_known() {
        let rooms = Rooms::new(MemoryPool::new(256 * MB), 64 * MB);
        let crowd: Vec<Room> = (0..250).map_while(|n| send(&rooms, stranger(n), 500_000, None).ok()).collect();
        assert!(crowd.len() > 20 && rooms.pool().free() >= 64 * MB, "{} mails, {} octets free", crowd.len(), rooms.pool().free());
        assert!(send(&rooms, stranger(251), 500_000, None).is_err());
        let _small: Vec<Room> = (0..100).map(|_| rooms.enter(Whose::Ours).unwrap().0).collect();
    }

    #[test]
    fn m_t6_of_many_that_grow_side_by_side_some_come_to_their_end() {
        let rooms = Rooms::new(MemoryPool::new(1_000 * MB), 250 * MB);
        let mut growing: Vec<(Room, usize)> = (0..100).map(|_| rooms.enter(Whose::Ours).unwrap()).collect();
        while growing.iter().any(|(_, most)| *most < 40 * MB) {
            let grown = |(mut room, most): (Room, usize)| match most >= 40 * MB {
                true => Some((room, most)),
                false => room.grow(most, Some(40 * MB), 50 * MB).ok().map(|most| (room, most)),
            };
            growing = growing.into_iter().filter_map(grown).collect();
        }
        assert!(growing.len() >= 2, "{} came to their end", growing.len());
        drop(growing);
        assert_eq!(rooms.pool().free(), 1_000 * MB);
        assert!(rooms.0.held.lock().is_empty());
    }

    #[test]
    fn x_11_a_declared_size_that_never_fits_is_refused_at_once() {
        let rooms = Rooms::new(MemoryPool::new(100 << 20), 1);
        let most = (75 << 20) / FACTOR;
        assert!(rooms.could_never_fit(most, Whose::Ours).is_none());
        let fault = rooms.could_never_fit(most + 1, Whose::Ours).unwrap();
        assert_eq!((fault.code, fault.temporary), ("mail-too-large", false));
        assert!(rooms.could_never_fit(most, stranger(1)).is_some(), "strangers have less");
        assert!(rooms.could_never_fit(usize::MAX, Whose::Ours).is_some(), "no overflow");
        let taken = rooms.pool().lease(100 << 20).unwrap();
        assert!(rooms.could_never_fit(most, Whose::Ours).is_none(), "what others hold now does not count");
        drop(taken);
    }

    #[test]
    fn what_a_mail_does_not_need_is_given_back() {
        let rooms = Rooms::new(MemoryPool::new(1_000 * MB), 250 * MB);
        let mut room = send(&rooms, stranger(1), 5 * MB, None).unwrap();
        room.settle(5 * MB);
        assert_eq!((rooms.pool().free(), rooms.0.held.lock().len()), (970 * MB, 1));
    }
}
