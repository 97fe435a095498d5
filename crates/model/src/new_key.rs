//! Keys that rules give to users (mail-gateway.md M-R7b): what is ordered, and for whom.
//!
//! A rule names kinds by bits (`createaccount`, `createkeys`); an order becomes a job in the store, one for each user and kind.

use serde::{Deserialize, Serialize};

use crate::Address;

/// A kind of key that the gateway makes for users by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewKey {
    /// An OpenPGP key.
    Pgp,
    /// An S/MIME key with a certificate of our own CA. Not built yet.
    OwnCa,
    /// An S/MIME key with a certificate of an external CA. Not built yet.
    ExternalCa,
}

impl NewKey {
    /// All kinds, by rising bit.
    pub const ALL: [Self; 3] = [Self::Pgp, Self::OwnCa, Self::ExternalCa];

    /// Its bit in the rules.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::Pgp => 1,
            Self::OwnCa => 2,
            Self::ExternalCa => 4,
        }
    }

    /// Kind of the job that makes it; the job's key is the user's address.
    #[must_use]
    pub const fn job(self) -> &'static str {
        match self {
            Self::Pgp => "new_pgp_key",
            Self::OwnCa => "new_own_ca_key",
            Self::ExternalCa => "new_external_ca_key",
        }
    }

    /// How messages to administrators call it.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Pgp => "OpenPGP keys",
            Self::OwnCa => "S/MIME keys by the own CA",
            Self::ExternalCa => "S/MIME keys by an external CA",
        }
    }

    /// True if this version makes it.
    #[must_use]
    pub const fn built(self) -> bool {
        matches!(self, Self::Pgp)
    }
}

/// The order of one kind of key for one user, who gets an account too if there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOrder {
    /// Whose.
    pub address: Address,
    /// Name of an account that is made with the key; may be empty.
    #[serde(default)]
    pub name: String,
    /// User id of an account that is made with the key; empty: the address.
    #[serde(default)]
    pub user_id: String,
    /// Which kind.
    pub kind: NewKey,
}
