//! Floods of bad passwords: who was refused too often by the mail server is not passed on for a while.
//!
//! Comes before a request is sent; the mail server's 401 is what counts, because it knows the passwords. Counted by network
//! and by account, so that neither one machine may try many accounts nor many machines one. An account that has signed in from
//! a network lately is bound by neither count there, only by its own at this network: a stranger can't shut it out, nor can a
//! neighbour's phone. The answer is the same in each case, and says nothing about the account. Bounded like `pace`.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::identify::Asked;
use crate::pace::network;

/// How many bad passwords are too many.
#[derive(Debug, Clone, Copy)]
pub struct GuessSettings {
    /// Refused sign-ins of one network before it must wait; 0: they are not counted.
    pub network: u32,
    /// Refused sign-ins of one account before strangers must wait.
    pub account: u32,
    /// They are forgotten after this time, counted from the last.
    pub window: Duration,
    /// Networks and accounts that are remembered.
    pub most: u64,
}

impl Default for GuessSettings {
    fn default() -> Self {
        Self { network: 50, account: 100, window: Duration::from_secs(900), most: 200_000 }
    }
}

/// What is remembered of refusals.
#[derive(Debug)]
pub(crate) struct Guesses {
    settings: GuessSettings,
    refused: Cache<u64, u32>,
    at_home: Cache<u64, ()>,
    hasher: RandomState,
}

impl Guesses {
    pub(crate) fn new(settings: GuessSettings) -> Self {
        let refused =
            Cache::builder().max_capacity(settings.most).eviction_policy(EvictionPolicy::lru()).time_to_live(settings.window).build();
        let day = Duration::from_secs(86_400);
        let at_home = Cache::builder().max_capacity(settings.most).eviction_policy(EvictionPolicy::lru()).time_to_idle(day).build();
        Self { settings, refused, at_home, hasher: RandomState::new() }
    }

    /// True if this request must wait.
    pub(crate) fn must_wait(&self, asked: &Asked) -> bool {
        if self.settings.network == 0 || asked.from_proxy {
            return false;
        }
        let count = |key| self.refused.get(&key).unwrap_or_default();
        let home = self.home(asked);
        if self.at_home.contains_key(&home) {
            return count(home) >= self.settings.network;
        }
        count(self.network(asked.client)) >= self.settings.network || count(self.account(&asked.user)) >= self.settings.account
    }

    /// Takes note of what the mail server said to a request with credentials.
    pub(crate) fn answered(&self, asked: &Asked, status: StatusCode) {
        if self.settings.network == 0 || asked.user.is_empty() || asked.from_proxy {
            return;
        }
        if status == StatusCode::UNAUTHORIZED {
            for key in [self.network(asked.client), self.account(&asked.user), self.home(asked)] {
                let count = self.refused.get(&key).unwrap_or_default();
                self.refused.insert(key, count.saturating_add(1));
            }
        } else if status.is_success() && !self.at_home.contains_key(&self.home(asked)) {
            self.at_home.insert(self.home(asked), ());
        }
    }

    fn network(&self, client: IpAddr) -> u64 {
        self.hasher.hash_one(("network", network(client)))
    }

    fn account(&self, user: &str) -> u64 {
        self.hasher.hash_one(("account", user))
    }

    fn home(&self, asked: &Asked) -> u64 {
        self.hasher.hash_one(("home", &asked.user, network(asked.client)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::TraceId;
    use model::site::MobileGateway;

    use super::*;

    fn asked(user: &str, client: &str) -> Asked {
        Asked {
            trace: TraceId::new(),
            client: client.parse().unwrap(),
            user: user.into(),
            device: None,
            device_type: "".into(),
            agent: "".into(),
            command: None,
            version: None,
            harmless: true,
            head_only: false,
            gateway: Arc::new(MobileGateway::default()),
            door: crate::identify::Door::ActiveSync,
            path: None,
            from_proxy: false,
        }
    }

    #[test]
    fn x_16_networks_and_accounts_wait_and_the_owner_at_home_does_not() {
        let guesses = Guesses::new(GuessSettings { network: 3, account: 5, ..GuessSettings::default() });
        let owner = asked("carol", "192.0.2.1");
        guesses.answered(&owner, StatusCode::OK);
        for n in 0..3 {
            assert!(!guesses.must_wait(&asked("bob", "198.51.100.1")));
            guesses.answered(&asked(["bob", "carol", "dora"][n], "198.51.100.1"), StatusCode::UNAUTHORIZED);
        }
        assert!(guesses.must_wait(&asked("bob", "198.51.100.1")), "one network, three accounts");
        assert!(!guesses.must_wait(&asked("bob", "198.51.100.2")));
        for n in 2..6 {
            guesses.answered(&asked("carol", &format!("2001:db8:0:{n}::1")), StatusCode::UNAUTHORIZED);
        }
        assert!(guesses.must_wait(&asked("carol", "203.0.113.9")), "five networks, one account");
        assert!(!guesses.must_wait(&owner), "who is at home there");
        guesses.answered(&asked("carol", "2001:db8:0:7::1"), StatusCode::UNAUTHORIZED);
        guesses.answered(&asked("bob", "2001:db8:0:7::2"), StatusCode::UNAUTHORIZED);
        guesses.answered(&asked("dora", "2001:db8:0:7::3"), StatusCode::UNAUTHORIZED);
        assert!(guesses.must_wait(&asked("emil", "2001:db8:0:7:ffff::")), "a /64 is one network");
        for _ in 0..3 {
            assert!(!guesses.must_wait(&owner));
            guesses.answered(&owner, StatusCode::UNAUTHORIZED);
        }
        assert!(guesses.must_wait(&owner), "and not for ever there");
    }
}
