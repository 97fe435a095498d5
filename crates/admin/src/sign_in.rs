//! Sign-in with lock-out (security.md X-16): per account and per network, exact on all nodes.
//!
//! A wrong name, a wrong password and a lock have the same words and take the same time. While the store is away nobody
//! signs in: whether an account is locked can't be guessed.

use std::net::IpAddr;

use crypto::pool::Priority;
use model::{Fault, Guilty, Rights, SecretText};
use store::people;

use crate::Admin;
use crate::administrators::rights_of;

/// Scope of locks of accounts.
pub(crate) const ACCOUNT: &str = "administrator";
/// Scope of locks of networks.
const NETWORK: &str = "administrator-network";

/// Somebody who has proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The account.
    pub name: String,
    /// Its rights now.
    pub rights: Rights,
    /// It must choose a password before anything else.
    pub must_change_password: bool,
}

impl Admin {
    /// Checks name and password of somebody at `client`.
    ///
    /// # Errors
    /// `sign-in-failed`, always in the same words; temporary when the store is away.
    pub async fn sign_in(&self, name: &str, password: SecretText, client: IpAddr) -> Result<SignedIn, Fault> {
        let name = name.trim().to_lowercase().chars().take(254).collect::<String>();
        let network = network(client);
        let locked = self.locked(ACCOUNT, &name).await? || self.locked(NETWORK, &network).await?;
        let known = people::administrator(self.store(), &name).await?;
        let hash = known.as_ref().map(|who| who.password_hash.clone());
        // The password is looked at even when the answer is no already: the time says nothing.
        let fits = self.0.pool.run(Priority::Interactive, move || web::password::verify(&password, hash.as_deref())).await;
        if locked {
            tracing::warn!(event = "sign_in.refused", account = name, %client, reason = "locked");
            return Err(failed("locked"));
        }
        match known.filter(|_| fits) {
            Some(who) => {
                self.store().succeeded(ACCOUNT, &name).await?;
                tracing::info!(event = "sign_in.done", account = name, %client);
                Ok(SignedIn { rights: rights_of(&who), must_change_password: who.must_change, name: who.name })
            }
            None => {
                self.count_failure(ACCOUNT, &name).await?;
                self.count_failure(NETWORK, &network).await?;
                tracing::warn!(event = "sign_in.refused", account = name, %client, reason = "wrong");
                Err(failed("wrong name or password"))
            }
        }
    }

    pub(crate) async fn locked(&self, scope: &'static str, key: &str) -> Result<bool, Fault> {
        Ok(self.store().locked(scope, key).await?.is_some())
    }

    pub(crate) async fn count_failure(&self, scope: &'static str, key: &str) -> Result<(), Fault> {
        let settings = &self.0.settings;
        let limit = if scope == NETWORK { settings.network_limit } else { settings.account_limit };
        self.store().failed(scope, key, limit, settings.lock_for).await.map(drop)
    }
}

fn failed(cause: &'static str) -> Fault {
    Fault::permanent(Guilty::Sender, "sign-in-failed", cause)
}

/// An IPv4 address, or the /64 of an IPv6 address: what one guesser can have cheaply.
fn network(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn x_16_a_guesser_is_a_64() {
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), network("2001:db8:1:2:ffff::1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
