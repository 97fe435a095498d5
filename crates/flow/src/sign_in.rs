//! SMTP AUTH: whose account it is, and what an account may send as (mail-gateway.md M-T5, security.md X-16).
//!
//! Before: `smtp::inbound`'s AUTH, under TLS. After: `peer.account` is set and [`crate::accept`] and [`crate::authenticate`] go by it.
//! Attempts are counted per account and per /64 before they are looked at; of names that are no account only the /64 counts. A wrong name, a wrong password and a lock have the same
//! words and take the same time: each no is held until a fixed time after its attempt. No SQL here: hashes are in the site's memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::guess::{GuessSettings, Guesses};
use model::site::{AUTH_LDAP, MailSettings, User};
use model::{Address, Fault, Guilty, Peer, SecretText, Site, Timestamp};
use outside::ldap::{Directory, LdapError};
use tokio::time::{Instant, sleep_until};

/// What signing in needs of rooms that the program joins.
#[async_trait]
pub trait SignInPort: Send + Sync {
    /// Does the password fit the hash? Without a hash it takes the same time and is false. Runs on the CPU pool.
    async fn fits(&self, password: SecretText, hash: Option<String>) -> bool;

    /// Opens a sealed secret of the site by its name; `None` if it can't be opened.
    fn open(&self, name: &str, sealed: &str) -> Option<SecretText>;
}

/// Times and limits.
#[derive(Debug, Clone, Copy)]
pub struct SignInSettings {
    /// When a no is said, counted from the attempt.
    pub answer: Duration,
    /// Longest wait for one directory server.
    pub directory: Duration,
    /// How many may be tried.
    pub guesses: GuessSettings,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self { answer: Duration::from_secs(1), directory: Duration::from_secs(5), guesses: GuessSettings::default() }
    }
}

/// Signs clients in. One for all sessions of a node.
pub struct SignIn {
    port: Arc<dyn SignInPort>,
    settings: SignInSettings,
    guesses: Guesses,
}

impl SignIn {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(port: Arc<dyn SignInPort>, settings: SignInSettings) -> Self {
        Self { port, settings, guesses: Guesses::new(settings.guesses) }
    }

    /// The account whose name and password these are.
    ///
    /// # Errors
    /// `sign-in-failed`, always in the same words and after the same time; `directory-away`, temporary.
    pub async fn check(&self, site: &Site, peer: &Peer, name: &str, password: SecretText, now: Timestamp) -> Result<Address, Fault> {
        let answer = Instant::now() + self.settings.answer;
        // An account is one, by whichever of its names it is tried.
        let known = user(site, name).map(|user| user.address.key().as_str().to_owned());
        // Whom a directory knows is not known here.
        let whose = known.or_else(|| site.mail.by_directory().then(|| name.to_owned()));
        let counted = self.guesses.attempt(whose.as_deref(), peer.address, now);
        let found = match (counted, site.mail.by_directory()) {
            (true, true) => self.by_directory(site, name, &password).await,
            (true, false) => Ok(self.by_users(site, name, password).await),
            (false, false) => {
                // Looked at all the same, so that a lock does not show in the load of the machine.
                let _ = self.port.fits(password, None).await;
                Ok(None)
            }
            (false, true) => Ok(None),
        };
        match found {
            Ok(Some(account)) => {
                self.guesses.succeeded(whose.as_deref().unwrap_or(name), peer.address, now);
                tracing::info!(event = "smtp.signed_in", peer = %peer.address, account = %account);
                Ok(account)
            }
            Ok(None) => {
                let reason = if counted { "wrong" } else { "locked" };
                tracing::warn!(event = "smtp.sign_in_refused", peer = %peer.address, account = shown(name), reason);
                sleep_until(answer).await;
                Err(Fault::permanent(Guilty::Sender, "sign-in-failed", reason))
            }
            Err(fault) => {
                // Nobody's guess: the directory said nothing about it.
                self.guesses.take_back(whose.as_deref(), peer.address);
                tracing::error!(event = "smtp.sign_in_unknown", peer = %peer.address, code = fault.code, cause = %fault.cause);
                sleep_until(answer).await;
                Err(fault)
            }
        }
    }

    async fn by_users(&self, site: &Site, name: &str, password: SecretText) -> Option<Address> {
        let user = user(site, name);
        let hash = user.and_then(|user| site.password_of(&user.address)).map(str::to_owned);
        let fits = self.port.fits(password, hash).await;
        user.filter(|user| fits && may_sign_in(user)).map(|user| user.address.clone())
    }

    async fn by_directory(&self, site: &Site, name: &str, password: &SecretText) -> Result<Option<Address>, Fault> {
        let directory = self.directory(site)?;
        let found = directory.sign_in(name, password, self.settings.directory).await.map_err(|error| match error {
            LdapError::Away(cause) => Fault::temporary(Guilty::NextHop, "directory-away", cause),
            LdapError::Configuration(cause) => Fault::temporary(Guilty::Configuration, "directory-away", cause),
        })?;
        let Some(entry) = found else { return Ok(None) };
        let mail: Vec<Address> = entry.mail.iter().filter_map(|text| Address::parse(text).ok()).collect();
        let asked = Address::parse(name).ok();
        // The address that was typed if it is the entry's; else the entry's first. An entry without any has none to send as.
        let own = asked.as_ref().and_then(|asked| mail.iter().find(|address| address.key() == asked.key())).or(mail.first());
        Ok(own.filter(|address| site.users.get(&address.key()).is_none_or(|user| may_sign_in(user))).cloned())
    }

    fn directory(&self, site: &Site) -> Result<Directory, Fault> {
        let broken = |cause: String| Fault::temporary(Guilty::Configuration, "directory-away", cause);
        let secret = site.secrets.get(AUTH_LDAP).and_then(|secret| self.port.open(AUTH_LDAP, &secret.sealed));
        let secret = secret.ok_or_else(|| broken("the directory's password can't be opened".to_owned()))?;
        Directory::parse(&site.mail.auth_ldap).map(|directory| directory.with_password(secret)).map_err(broken)
    }
}

/// May this account send as this address? Its own, and those that `send_as` of the user names.
#[must_use]
pub fn may_send_as(site: &Site, account: &Address, address: &Address) -> bool {
    let (account, address) = (account.key(), address.key());
    account == address || site.users.get(&account).is_some_and(|user| user.send_as.iter().any(|other| other.key() == address))
}

/// An account that was signed in and is gone meanwhile, or is a leaver's (M-C15), is no account any more.
#[must_use]
pub fn still_there(site: &Site, account: &Address) -> bool {
    match site.users.get(&account.key()) {
        Some(user) => may_sign_in(user),
        None => site.mail.by_directory(),
    }
}

/// A user by address, else the only one with this user id.
fn user<'s>(site: &'s Site, name: &str) -> Option<&'s User> {
    if let Ok(address) = Address::parse(name) {
        return site.users.get(&address.key()).map(AsRef::as_ref);
    }
    let mut named = site.users.values().filter(|user| !user.user_id.is_empty() && user.user_id.eq_ignore_ascii_case(name));
    named.next().filter(|_| named.next().is_none()).map(AsRef::as_ref)
}

/// M-C15: who may neither sign nor encrypt has left.
const fn may_sign_in(user: &User) -> bool {
    !(user.may_not_encrypt && user.may_not_sign)
}

/// A name that a stranger typed, for the log.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(254).collect()
}

/// Whether anybody can sign in at all: AUTH is offered then.
#[must_use]
pub fn offered(site: &Site) -> bool {
    let MailSettings { auth_ldap, .. } = &*site.mail;
    if site.mail.by_directory() { !auth_ldap.is_empty() } else { site.has_passwords() }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
