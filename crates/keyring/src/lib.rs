//! The keyring: which key, which certificate, whom to trust, and the vault in which private keys lie sealed.
//!
//! It joins `crypto` (what can be done) with the site's data (what belongs to whom):
//! 1. [`MasterKey`] comes from outside the data directory; [`Vault`] keeps the data keys that it wraps, by
//!    epoch, and seals fields under logical names.
//! 2. [`Keys`] is this process's [`model::KeyUse`]: it opens a sealed private key for one operation, logs the
//!    use, and hands out no key (design decision 5).
//! 3. [`choose`] picks certificates and signing keys by address; [`trust`] makes the trust store of the roots.
//! 4. [`import`] turns files into rows of the site for `admin` to write.
//! 5. [`domain_keys`] makes the keys that sign for domains (DKIM, ARC) and says which sign.
//! 6. [`harvest`] says what a signed mail teaches.
//! 7. [`pgp`] is all of OpenPGP: whose keys, which key, what is made of a message.
//! 8. [`judge`] says everything about one message's protection: the answer of `sealgate message verify`.
//!
//! No SQL here, no network. A mail is opened only with keys that its recipients own: the callers of
//! [`choose::own`] say whose (security.md X-4).

pub mod choose;
pub mod domain_keys;
pub mod error;
pub mod harvest;
pub mod import;
mod import_pgp;
pub mod judge;
mod keys;
mod lru;
mod master;
pub mod pgp;
pub mod reseal;
#[cfg(test)]
mod testing;
pub mod trust;
mod vault;

pub use error::{KeyringError, Unfit};
pub use import_pgp::{made_row, revoked_row};
pub use keys::Keys;
pub use master::MasterKey;
pub use store::WrappedKey;
pub use vault::{OtherMasters, Vault};
