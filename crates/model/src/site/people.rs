//! Who has keys: `[[user]]`, `[[partner]]`, the trust store `[[root]]`, and our own key pairs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Address, AddressKey, KeyId, Timestamp};

/// `[[user]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub address: Address,
    /// Default: the address.
    #[serde(default)]
    pub user_id: String,
    /// Full name.
    #[serde(default)]
    pub name: String,
    /// No outgoing encryption (M-C15).
    #[serde(default)]
    pub may_not_encrypt: bool,
    /// No outgoing signature (M-C15).
    #[serde(default)]
    pub may_not_sign: bool,
    /// Addresses that it may send as, beside its own (M-T5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub send_as: Vec<Address>,
    /// Groups that it is in, besides those that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Attributes by name (RFC 2798), entered or set by `setuserattr`; rules read them as variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl User {
    /// An account that may do all that accounts may.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            user_id: address.to_string(),
            address,
            name: String::new(),
            may_not_encrypt: false,
            may_not_sign: false,
            send_as: Vec::new(),
            groups: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }
}

/// A secret of the site; its row's key is its name, as in `mail/auth_ldap` or `user/ADDRESS/password`. One of the two is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Secret {
    /// Sealed by the vault under [`secret_label`]; base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sealed: String,
    /// Argon2id, as a PHC string.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password_hash: String,
}

/// Name of the secret in `[mail] auth_ldap`.
pub const AUTH_LDAP: &str = "mail/auth_ldap";
/// Name of the secret in `[mail] smart_host_password`.
pub const SMART_HOST_PASSWORD: &str = "mail/smart_host_password";

/// The logical name under which a secret is sealed.
#[must_use]
pub fn secret_label(name: &str) -> String {
    format!("secret/{name}")
}

/// `[[partner]]`: somebody outside with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Whose.
    pub address: Address,
    /// Certificates, PEM, newest first.
    pub certificates: Vec<String>,
    /// Where they came from: `imported` or `harvested`.
    #[serde(default)]
    pub origin: String,
    /// Where one of them came from, by its SHA-256 in hex, if not from [`Self::origin`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, String>,
    /// OpenPGP keys, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pgp_keys: Vec<PgpCertificate>,
}

impl Partner {
    /// Nobody's certificates yet.
    #[must_use]
    pub fn new(address: Address, origin: &str) -> Self {
        Self { address, certificates: Vec::new(), origin: origin.to_owned(), origins: BTreeMap::new(), pgp_keys: Vec::new() }
    }

    /// Where the certificate of this SHA-256 (hex) came from.
    #[must_use]
    pub fn origin_of(&self, sha256: &str) -> &str {
        self.origins.get(sha256).unwrap_or(&self.origin)
    }
}

/// An OpenPGP key of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PgpCertificate {
    /// The certificate in armour.
    pub armour: String,
    /// Fingerprints of its primary key and of its subkeys, lower-case hex: found without reading the armour.
    pub fingerprints: Vec<String>,
}

/// What an administrator says of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Chains that end here are trusted.
    Trusted,
    /// Chains that end here are not.
    Untrusted,
    /// Nobody has decided; not trusted.
    #[default]
    Undefined,
}

impl Trust {
    /// The word in files, API and pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::Undefined => "undefined",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Trusted, Self::Untrusted, Self::Undefined].into_iter().find(|trust| trust.word() == word)
    }
}

/// `[[root]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The certificate, PEM.
    pub certificate: String,
    /// The decision.
    #[serde(default)]
    pub trust: Trust,
    /// Where it came from: `imported`, `harvested` (from a mail that it could not be trusted for) or `public` (the list that a site
    /// starts with). Empty: imported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
}

/// A key pair of ours: certificate in clear, private key sealed by the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Identity of the key.
    pub id: KeyId,
    /// Who owns it.
    pub owner: AddressKey,
    /// The certificate, PEM, and its intermediates after it; or an OpenPGP certificate in armour.
    pub certificate: String,
    /// The private key (PKCS#8, DER; or OpenPGP packets), sealed under the logical name `key/ID`; base64.
    pub sealed: String,
    /// When it came here; the newest valid one signs.
    pub created: Timestamp,
    /// `imported` or `generated`. Empty: imported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Certificates that this key had before, PEM: mail encrypted to them still names them, and is opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
    /// Set when an administrator took it out of use: it still opens mail, and does nothing else (M-C5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
    /// Of an OpenPGP key: fingerprints of the keys in it whose private part is here, lower-case hex. Empty for S/MIME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pgp: Vec<String>,
}

impl KeyRecord {
    /// True for an OpenPGP key.
    #[must_use]
    pub fn is_pgp(&self) -> bool {
        !self.pgp.is_empty()
    }
}

/// Why a key is not used any more, before its certificate's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The reason.
    pub why: Retirement,
    /// When that was said.
    pub at: Timestamp,
}

/// The reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retirement {
    /// Another one takes its place.
    Expired,
    /// Somebody else may have it, or its owner is gone.
    Revoked,
}

impl Retirement {
    /// The word in API and pages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Expired, Self::Revoked].into_iter().find(|why| why.word() == word)
    }
}
