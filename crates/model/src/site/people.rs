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

/// `[[root]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The certificate, PEM.
    pub certificate: String,
    /// The decision.
    #[serde(default)]
    pub trust: Trust,
}

/// A key pair of ours: certificate in clear, private key sealed by the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Identity of the key.
    pub id: KeyId,
    /// Who owns it.
    pub owner: AddressKey,
    /// The certificate, PEM, and its intermediates after it.
    pub certificate: String,
    /// The private key (PKCS#8, DER), sealed under the logical name `key/ID`; base64.
    pub sealed: String,
    /// When it came here; the newest valid one signs.
    pub created: Timestamp,
}
