//! What one peer or one receiver may have: sessions at once (mail-gateway.md M-T6), notices an hour (security.md X-12).
//!
//! A peer is an IPv4 address or an IPv6 /64, because whoever has one address of a /64 has them all. Relay networks are exempt
//! from the limit per peer, and a tenth of all seats is theirs alone: strangers can't keep the company's own server out. A
//! session over a limit is turned away with 421 before it costs anything.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use model::{AddressKey, Fault, Guilty, Timestamp};
use parking_lot::Mutex;

/// Counts the open sessions of one node.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<State>);

#[derive(Debug)]
struct State {
    all: usize,
    per_peer: usize,
    /// Connections a minute from one peer; `None`: as many as come.
    rate: Option<Buckets<IpAddr>>,
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
    /// At most `all` sessions, and `per_peer` from one peer.
    #[must_use]
    pub fn new(all: usize, per_peer: usize) -> Self {
        Self(Arc::new(State { all, per_peer, rate: None, open: Mutex::default() }))
    }

    /// The same, nobody seated, with at most so many connections a minute from one peer; 0: as many as come.
    #[must_use]
    pub fn with_rate(self, most: u32) -> Self {
        let settings = NoticeSettings { most, per: Duration::from_secs(60), receivers: 10_000 };
        let rate = (most > 0).then(|| Buckets::new(settings));
        Self(Arc::new(State { all: self.0.all, per_peer: self.0.per_peer, rate, open: Mutex::default() }))
    }

    /// Takes a seat for `peer`; `exempt` skips the limit per peer and may have the last tenth of the seats.
    ///
    /// # Errors
    /// `too-many-sessions`, `too-many-sessions-of-peer` or `too-many-connections-of-peer`, all temporary.
    pub fn enter(&self, peer: IpAddr, exempt: bool, now: Timestamp) -> Result<Seat, Fault> {
        let peer = network(peer);
        if !exempt && self.0.rate.as_ref().is_some_and(|rate| !rate.take(&peer, now)) {
            return Err(Fault::temporary(Guilty::Sender, "too-many-connections-of-peer", format!("{peer} connects too often")));
        }
        let mut open = self.0.open.lock();
        let kept = if exempt { 0 } else { self.0.all / 10 };
        if open.total >= self.0.all - kept {
            return Err(Fault::temporary(Guilty::Ourselves, "too-many-sessions", format!("{} sessions are open", open.total)));
        }
        let mine = open.by_peer.get(&peer).copied().unwrap_or_default();
        if mine >= self.0.per_peer && !exempt {
            return Err(Fault::temporary(Guilty::Sender, "too-many-sessions-of-peer", format!("{mine} sessions from {peer}")));
        }
        open.by_peer.insert(peer, mine + 1);
        open.total += 1;
        Ok(Seat { sessions: self.clone(), peer })
    }

    /// Sessions open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.lock().total
    }
}

/// The address that stands for the peer: an IPv4 address (also in its IPv6 form), or the /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
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

/// How many notices and bounces of rules one receiver gets.
#[derive(Debug, Clone, Copy)]
pub struct NoticeSettings {
    /// So many at once, and so many in each [`Self::per`]. 0: none at all.
    pub most: u32,
    /// In which time.
    pub per: Duration,
    /// Receivers that are remembered; beyond, those who waited longest are forgotten.
    pub receivers: usize,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self { most: 10, per: Duration::from_secs(3_600), receivers: 10_000 }
    }
}

/// A bucket of notices for each receiver.
pub type Notices = Buckets<AddressKey>;

/// A bucket for each of those that are counted: receivers of notices, peers that connect. Bounded; time is a parameter.
#[derive(Debug)]
pub struct Buckets<K> {
    settings: NoticeSettings,
    /// When each bucket will be full again.
    full_again: Mutex<HashMap<K, Timestamp>>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self { settings: NoticeSettings::default(), full_again: Mutex::new(HashMap::new()) }
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Nobody has got anything yet.
    #[must_use]
    pub fn new(settings: NoticeSettings) -> Self {
        Self { settings, full_again: Mutex::new(HashMap::new()) }
    }

    /// Takes one from a bucket. False: it is empty, and the notice must not be sent, the peer not let in.
    #[must_use]
    pub fn take(&self, receiver: &K, now: Timestamp) -> bool {
        if self.settings.most == 0 {
            return false;
        }
        let each = self.settings.per / self.settings.most;
        let mut buckets = self.full_again.lock();
        // What is further ahead was counted before the clock was set back.
        let known = buckets.get(receiver).copied().filter(|full| full.since(now) <= self.settings.per);
        let full = known.unwrap_or(now).max(now).after(each);
        if full.since(now) > self.settings.per {
            return false;
        }
        if buckets.len() >= self.settings.receivers.max(1) && !buckets.contains_key(receiver) {
            buckets.retain(|_, full| *full > now);
            if buckets.len() >= self.settings.receivers.max(1) {
                // A tenth at once, so that a crowd of new ones does not pay for this each time.
                let mut times: Vec<Timestamp> = buckets.values().copied().collect();
                let place = (times.len() / 10).min(times.len().saturating_sub(1));
                let limit = *times.select_nth_unstable(place).1;
                buckets.retain(|_, full| *full > limit);
            }
        }
        buckets.insert(receiver.clone(), full);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Address;

    #[test]
    fn m_t6_sessions_are_bounded_in_all_and_per_peer() {
        let now = Timestamp(1_000_000_000);
        let sessions = Sessions::new(3, 1);
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = sessions.enter(a, false, now).unwrap();
        assert_eq!(sessions.enter(a, false, now).unwrap_err().code, "too-many-sessions-of-peer");
        let _exempt = sessions.enter(a, true, now).unwrap();
        let _other = sessions.enter(b, false, now).unwrap();
        assert_eq!(sessions.enter(b, true, now).unwrap_err().code, "too-many-sessions");
        drop(first);
        assert_eq!(sessions.open(), 2);
    }

    #[test]
    fn m_t6_a_64_is_one_peer_and_the_last_tenth_is_for_relays() {
        let now = Timestamp(1_000_000_000);
        let sessions = Sessions::new(20, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let _two =
            [sessions.enter(address("2001:db8::1"), false, now).unwrap(), sessions.enter(address("2001:db8::2:3"), false, now).unwrap()];
        assert_eq!(sessions.enter(address("2001:db8::ffff:1:2:3"), false, now).unwrap_err().code, "too-many-sessions-of-peer");
        let _mapped =
            [sessions.enter(address("::ffff:192.0.2.1"), false, now).unwrap(), sessions.enter(address("192.0.2.1"), false, now).unwrap()];
        assert!(sessions.enter(address("192.0.2.1"), false, now).is_err());
        let _others: Vec<Seat> = (0..14).map(|n| sessions.enter(address(&format!("198.51.100.{n}")), false, now).unwrap()).collect();
        assert_eq!(sessions.enter(address("203.0.113.1"), false, now).unwrap_err().code, "too-many-sessions");
        let _relays = [sessions.enter(address("10.0.0.1"), true, now).unwrap(), sessions.enter(address("10.0.0.1"), true, now).unwrap()];
        assert!(sessions.enter(address("10.0.0.1"), true, now).is_err(), "all seats are taken");
    }

    #[test]
    fn m_t6_the_rate_of_a_peer_is_bounded_if_set() {
        let sessions = Sessions::new(100, 100).with_rate(2);
        let peer = |n: u8| IpAddr::from([192, 0, 2, n]);
        let start = Timestamp(1_000_000_000);
        let enter = |n, exempt, seconds| sessions.enter(peer(n), exempt, start.after(Duration::from_secs(seconds))).map(drop);
        assert!(enter(1, false, 0).is_ok() && enter(1, false, 0).is_ok());
        assert_eq!(enter(1, false, 0).unwrap_err().code, "too-many-connections-of-peer");
        assert!(enter(1, true, 0).is_ok() && enter(2, false, 0).is_ok(), "relay networks are exempt, others have their own");
        assert!(enter(1, false, 29).is_err() && enter(1, false, 30).is_ok(), "one each 30 s");
    }

    #[test]
    fn x_12_notices_are_limited_per_receiver() {
        let notices = Notices::new(NoticeSettings { most: 2, per: Duration::from_secs(60), receivers: 2 });
        let key = |text: &str| Address::parse(text).unwrap().key();
        let (ann, bob, cid, start) = (key("ann@a.example"), key("bob@a.example"), key("cid@a.example"), Timestamp(1_000_000_000));
        let at = |seconds| start.after(Duration::from_secs(seconds));
        assert!(notices.take(&ann, start) && notices.take(&ann, start) && !notices.take(&ann, start));
        assert!(notices.take(&bob, start), "each receiver by itself");
        assert!(!notices.take(&ann, at(29)) && notices.take(&ann, at(30)) && !notices.take(&ann, at(31)), "one each 30 s");
        assert!(notices.take(&cid, at(31)));
        assert_eq!(notices.full_again.lock().len(), 2, "bounded");
        let before = Timestamp(start.0 - 86_400_000_000);
        assert!(notices.take(&cid, before), "a clock that was set back keeps nobody waiting for a day");
        assert!(!Notices::new(NoticeSettings { most: 0, ..NoticeSettings::default() }).take(&ann, start));
    }
}
